#!/bin/bash
# Upkeep of the bot's tables: what its clean-up was to do, with true counts; a backup while somebody writes.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/twitter-bot/lib.sh"
. "$root/tests/lib/holder.sh"
need sqlite3

m() {
	local verb=$1
	shift
	"$windrow" maintain "$verb" twitter-bot --schema-dir "$root/schema" --to "$db" "$@" >out 2>"$said"
}
clean() { m cleanup --set now=2025-08-19T12:00:00Z "$@"; }
counts() { sed -n '3,$p' out | awk '/^[a-z_]+ +[a-z_]+ +[0-9]/ { print $1, $2, $3 } /^ / { print $1, $2 }'; }
tables() {
	local table
	for table in tweets translations api_usage users translation_cache system_state; do
		echo "$table $(sql "SELECT count(*) FROM $table")"
	done
}

# Old is before 2025-05-21 12:00 for tweets and calls, before 2025-07-20 12:00 for the rest.
data="INSERT INTO tweets (id, text, author_username, author_id, created_at, character_count) VALUES
	('1', 'old, done with', 'acme', '7', '2025-01-01 00:00:00.000000', 3), ('2', 'old, a draft waits', 'acme', '7', '2025-01-01 00:00:00.000000', 3),
	('3', 'old, alone', 'acme', '7', '2025-01-01 00:00:00.000000', 3), ('4', 'of the very moment', 'acme', '7', '2025-05-21 12:00:00.000000', 3),
	('5', 'a microsecond older', 'acme', '7', '2025-05-21 11:59:59.999999', 3), ('6', 'new', 'acme', '7', '2025-08-19 00:00:00.000000', 3);
INSERT INTO translations (original_tweet_id, target_language, translated_text, status, retry_count, created_at, updated_at, character_count) VALUES
	('1', 'de', 'a', 'posted', 0, '2025-01-01 00:00:00.000000', '2025-01-01 00:00:00.000000', 1), ('1', 'fr', 'a', 'failed', 1, '2025-01-01 00:00:00.000000', '2025-08-01 00:00:00.000000', 1),
	('2', 'de', 'a', 'posted', 0, '2025-01-01 00:00:00.000000', '2025-01-01 00:00:00.000000', 1), ('2', 'fr', 'a', 'draft', 0, '2025-01-01 00:00:00.000000', '2025-01-01 00:00:00.000000', 1),
	('5', 'de', 'a', 'posted', 0, '2025-01-01 00:00:00.000000', '2025-01-01 00:00:00.000000', 1),
	('6', 'a', 'a', 'failed', 3, '2025-07-01 00:00:00.000000', '2025-07-19 00:00:00.000000', 1), ('6', 'b', 'a', 'failed', 3, '2025-07-01 00:00:00.000000', '2025-07-21 00:00:00.000000', 1),
	('6', 'c', 'a', 'failed', 2, '2025-07-01 00:00:00.000000', '2025-07-01 00:00:00.000000', 1), ('6', 'd', 'a', 'posted', 5, '2025-07-01 00:00:00.000000', '2025-07-01 00:00:00.000000', 1),
	('6', 'e', 'a', 'draft', 0, '2025-07-01 00:00:00.000000', '2025-07-01 00:00:00.000000', 1);
INSERT INTO api_usage (service, endpoint, timestamp, date, month) VALUES
	('twitter', 'x', '2025-05-20 00:00:00.000000', '2025-05-20', '2025-05'), ('twitter', 'x', '2025-05-22 00:00:00.000000', '2025-05-22', '2025-05');
INSERT INTO translation_cache (cache_key, original_text, translated_text, target_language, expires_at) VALUES
	('over', 'a', 'b', 'de', '2025-08-19 12:00:00.000000'), ('never', 'a', 'b', 'de', NULL), ('later', 'a', 'b', 'de', '2025-08-19 12:00:00.000001');
INSERT INTO system_state (key, value, updated_at) VALUES
	('daily_requests_twitter_2025-07-01', '1', '2025-07-01 00:00:00.000000'), ('daily_requests_twitter_2025-08-18', '1', '2025-08-18 00:00:00.000000'),
	('dailyXrequestsXtwitter', '1', '2025-07-01 00:00:00.000000'), ('health_check_gemini', '1', '2025-07-01 00:00:00.000000'), ('healthXcheckX', '1', '2025-07-01 00:00:00.000000'),
	('monthly_posts_twitter_2025-06', '1', '2025-07-01 00:00:00.000000'), ('monthly_posts_twitter_2025-08', '1', '2025-07-01 00:00:00.000000'), ('last_tweet_id', '1', '2025-01-01 00:00:00.000000');"

for engine in $engines; do
	fresh_bot "$engine"
	sql "$data" >/dev/null
	tables >before
	expect_success "$engine: clean-up, dry: old tweets with their translations, and what else is over" '
		clean --dry-run && tables | compare before - && counts >dry && compare - dry <<-"END"
			tweets translations 3
			tweets 3
			failed translations 1
			api_usage api_usage 1
			cache translation_cache 1
			state system_state 3
		END
		contains out "12 rows would be removed" "not asked for: --set drafts_days=..."
	'
	expect_success "$engine: clean-up: the same rows, and no others" '
		clean && counts | compare dry - && tables | compare - <(printf "%s\n" "tweets 3" "translations 6" "api_usage 1" "users 0" "translation_cache 2" "system_state 5") &&
		sql "SELECT id FROM tweets ORDER BY id" | compare - <(printf "2\n4\n6\n") && sql "SELECT target_language FROM translations ORDER BY id" | xargs | compare - <(echo de fr b c d e) &&
		sql "SELECT key FROM system_state ORDER BY id" | compare - <(printf "%s\n" daily_requests_twitter_2025-08-18 dailyXrequestsXtwitter healthXcheckX monthly_posts_twitter_2025-08 last_tweet_id) &&
		clean && contains out "0 rows removed"
	'
	expect_success "$engine: drafts go when their age is given, and then their tweet" '
		clean --set drafts_days=30 && contains out "4 rows removed" && sql "SELECT id FROM tweets ORDER BY id" | compare - <(printf "4\n6\n")
	'
	fresh_bot "$engine"
	sql "$data CREATE TABLE notes (tweet_id varchar(50) REFERENCES tweets (id)); INSERT INTO notes VALUES ('3')" >/dev/null
	expect_success "$engine: a step that fails is taken back as a whole, the others stand, the counts are true" '
		expect_status 3 clean && contains "$said" "W0909" "02_tweets.sql" && contains out "failed, taken back" "6 rows removed" &&
		tables | compare - <(printf "%s\n" "tweets 6" "translations 9" "api_usage 1" "users 0" "translation_cache 2" "system_state 5")
	'
	sql "DROP TABLE notes"

	fresh_bot "$engine"
	tree 11-roots
	load "$tree/a"
	dump >before
	insert="INSERT INTO system_state (key, value) VALUES"
	[ "$engine" = postgresql ] || insert="PRAGMA wal_autocheckpoint = 0; $insert"
	expect_success "$engine: a backup while somebody writes has what was committed" '
		rm -f live.*
		sneak() { m backup --out "live.$engine" --quiet && echo "COMMIT;" >&"$to"; }
		locked "$insert ('\''seen'\'', '\''1'\''); COMMIT; BEGIN; $insert ('\''open'\'', '\''1'\'')" sneak && sql "SELECT key FROM system_state WHERE key IN ('\''seen'\'', '\''open'\'') ORDER BY key" | compare - <(printf "open\nseen\n")
	'
	live=$db
	fresh_target "$engine"
	expect_success "$engine: restored it is that state, and loads go on from there" '
		m restore "live.$engine" && sql "SELECT key FROM system_state WHERE key IN ('\''seen'\'', '\''open'\'')" | compare - <(echo seen) &&
		sql "DELETE FROM system_state WHERE key = '\''seen'\''" && dump | compare before - && load "$tree/a" && contains "$said" "nothing changed" &&
		"$windrow" schema verify twitter-bot --schema-dir "$root/schema" --to "$db" && load "$tree/a" "$tree/b"
	'
done
done_testing
