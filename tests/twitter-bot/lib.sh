# tests/twitter-bot/lib.sh: loading a fixture tree of the bot and writing down what came of it. Source it after tap.sh.
#
#   engines                 the engines there are to test
#   fresh_bot ENGINE        $db with the bot's tables
#   tree CASE               a copy of fixtures/twitter-bot/CASE in $tree whose files are all of 2025-06-01T00:00:00Z
#   load SOURCE... [OPT...] loads without the set-up's rows; keeps what was said in $said
#   dump                    all rows of the bot's tables and all rejects, the same text on both engines

engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
windrow=${WINDROW:-windrow}
mapping=$root/mappings/twitter-bot.yaml
said=$scratch/said

fresh_bot() {
	local up="schema up twitter-bot --schema-dir $root/schema --progress none --quiet"
	if [ "$1" = sqlite ]; then
		[ -f empty.db ] || "$windrow" $up --to "sqlite:$scratch/empty.db" >/dev/null || return
		fresh_target sqlite && cp empty.db "${db#sqlite:}"
	elif [ -z "${tap_bot:-}" ]; then
		fresh_target postgresql && "$windrow" $up --to "$db" >/dev/null && tap_bot=$db
	else
		db=$tap_bot
		sql "DO \$\$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(format('%I.%I', schemaname, tablename), ', ') || ' RESTART IDENTITY CASCADE'
			FROM pg_tables WHERE schemaname IN ('public', 'windrow') AND tablename NOT LIKE 'schema%' AND tablename <> 'meta'); END \$\$"
	fi
}

tree() {
	tree=$scratch/tree
	rm -rf "$tree" && cp -R "$root/fixtures/twitter-bot/$1" "$tree" && find "$tree" -exec touch -d 2025-06-01T00:00:00Z {} +
}

load() {
	"$windrow" load "$mapping" "$@" --to "$db" --set initial_data=false --progress none --color never >"$said" 2>&1
}

# SQL for a time, a fraction and a truth value as SQLite shows them.
tap_time() {
	case $db in
	sqlite:*) echo "$1" ;;
	*) echo "to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')" ;;
	esac
}

tap_real() {
	case $db in
	sqlite:*) echo "$1" ;;
	*) echo "CASE WHEN $1 = floor($1) THEN $1::text || '.0' ELSE $1::text END" ;;
	esac
}

tap_truth() {
	case $db in
	sqlite:*) echo "$1" ;;
	*) echo "$1::int" ;;
	esac
}

tap_rejects() {
	case $db in
	sqlite:*) echo windrow_rejects ;;
	*) echo windrow.rejects ;;
	esac
}

tap_path() {
	case $db in
	sqlite:*) echo "CAST(path AS text)" ;;
	*) echo "convert_from(path, 'UTF8')" ;;
	esac
}

tap_short() {
	echo "CASE WHEN length($1) > 100 THEN substr($1, 1, 20) || '... ' || length($1) ELSE replace($1, '
', '<newline>') END"
}

tap_part() {
	local rows
	rows=$(sql "$2") || return 1
	[ -z "$rows" ] || printf '%s\n%s\n' "[$1]" "$rows"
}

dump() {
	tap_part tweets "SELECT id, $(tap_short text), author_username, author_id, $(tap_time created_at), $(tap_time processed_at),
		CAST(public_metrics AS text), in_reply_to_user_id, CAST(referenced_tweets AS text), CAST(entities AS text), language,
		character_count, CAST(tweet_metadata AS text) FROM tweets ORDER BY length(id), id" &&
	tap_part translations "SELECT original_tweet_id, target_language, $(tap_short translated_text), status, $(tap_time created_at),
		$(tap_time updated_at), post_id, $(tap_time posted_at), error_info, retry_count, character_count,
		translation_metadata -> 'language_config' ->> 'code', $(tap_short "translation_metadata ->> 'original_text'"),
		translation_metadata ->> 'translation_timestamp', translation_metadata ->> 'draft_saved_at',
		translation_metadata -> 'import' FROM translations ORDER BY length(original_tweet_id), original_tweet_id, target_language" &&
	tap_part api_usage "SELECT service, endpoint, method, $(tap_time timestamp), $(tap_real response_time), status_code,
		$(tap_truth success), CAST(error_info AS text), CAST(request_metadata AS text), date, month, import_key
		FROM api_usage ORDER BY import_key" &&
	tap_part users "SELECT account_name, account_type, CAST(api_credentials AS text), CAST(settings AS text), $(tap_time created_at),
		$(tap_time updated_at), last_active, $(tap_truth is_active) FROM users ORDER BY account_name" &&
	tap_part translation_cache "SELECT cache_key, original_text, translated_text, source_language, target_language,
		$(tap_time created_at), $(tap_time last_accessed), $(tap_time expires_at), access_count, confidence_score,
		CAST(quality_metrics AS text), translator_service, cache_metadata ->> 'file_key', cache_metadata -> 'language_config' ->> 'name',
		cache_metadata ->> 'status' FROM translation_cache ORDER BY cache_key" &&
	tap_part system_state "SELECT key, value, description, state_type, $(tap_time created_at), $(tap_time updated_at)
		FROM system_state ORDER BY key" &&
	tap_part rejects "SELECT root, $(tap_path) AS path, line, code, table_name FROM $(tap_rejects) ORDER BY path, line, table_name"
}
