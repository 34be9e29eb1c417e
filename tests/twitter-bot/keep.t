#!/bin/bash
# What is in the database already: posted stays posted, real tweets stay real, older content replaces nothing.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/twitter-bot/lib.sh"

t=1234567890123456789

# A draft or a posted one: draft STAMP LANGUAGE TEXT [POSTED_AT POST_ID]
draft() {
	local box=pending status=draft posted=
	[ $# -le 3 ] || box=posted status=posted posted=",\"posted_at\":\"$4\",\"post_id\":\"$5\""
	mkdir -p "$tree/drafts/$box"
	printf '{"original_tweet_id":"%s","original_text":"hello","translated_text":"%s","target_language":"%s","language_config":{},"character_count":%d,"created_at":"%s","status":"%s"%s}' \
		"$t" "$3" "$2" "${#3}" "${1:0:4}-${1:4:2}-${1:6:2}T${1:9:2}:${1:11:2}:${1:13:2}" "$status" "$posted" \
		>"$tree/drafts/$box/${1}_${2}_$t.json"
}

# The one row of a language is: STATUS TEXT
row_is() {
	local got
	got=$(sql "SELECT status || ' ' || translated_text FROM translations WHERE target_language = '$1'")
	[ "$got" = "$2" ] && return
	echo "'$got' instead of '$2'"
	return 1
}

state_is() {
	local got
	got=$(sql "SELECT value FROM system_state WHERE key = '$1'")
	[ "$got" = "$2" ] && return
	echo "$1 is '$got' instead of '$2'"
	return 1
}

put() {
	mkdir -p "$(dirname "$tree/$1")" && printf '%s' "$2" >"$tree/$1"
}

usage() {
	put logs/api_usage.json "{\"date\":\"2025-08-19\",\"month\":\"2025-08\",\"daily_requests\":$1,\"monthly_posts\":$1,\"last_updated\":\"2025-08-19T$2\"}"
}

for engine in $engines; do
	fresh_bot "$engine"
	tree=$scratch/one
	mkdir -p "$tree"
	draft 20250101_120000 Spanish uno
	draft 20250101_120001 German eins
	draft 20250101_120002 French un
	draft 20250101_120003 Arabic wahid
	expect_success "$engine: drafts" 'load "$tree" && row_is Spanish "draft uno" && row_is German "draft eins"'
	expect_success "$engine: the database form posts one, fails one and edits one" '
		sql "UPDATE translations SET status = '\''posted'\'', post_id = '\''77'\'', posted_at = '\''2025-01-05 00:00:00.000000'\''
				WHERE target_language = '\''Spanish'\'';
			UPDATE translations SET status = '\''failed'\'', retry_count = 2, updated_at = '\''2025-01-05 00:00:00.000000'\''
				WHERE target_language = '\''German'\''" &&
		draft 20250102_120000 Spanish dos && draft 20250102_120000 German zwei && draft 20250102_120000 French deux &&
		load "$tree" && row_is Spanish "posted uno" && row_is German "failed eins" && row_is French "draft deux" &&
		row_is Arabic "draft wahid"
	'
	expect_success "$engine: content newer than the failure replaces it; nothing but a later post replaces a post" '
		draft 20250106_120000 German drei && draft 20250107_120000 Spanish tres &&
		draft 20250103_120000 Spanish cuatro 2025-01-04T00:00:00 66 && load "$tree" &&
		row_is German "draft drei" && row_is Spanish "posted uno" &&
		draft 20250108_120000 Spanish cinco 2025-01-09T00:00:00 88 && load "$tree" && row_is Spanish "posted cinco"
	'
	expect_success "$engine: the bot moves a draft to posted/" '
		rm "$tree/drafts/pending/20250102_120000_French_$t.json" &&
		draft 20250102_120000 French deux 2025-01-10T00:00:00 99 && load "$tree" && row_is French "posted deux"
	'
	expect_success "$engine: a draft edited in place is followed while it is a draft" '
		draft 20250101_120003 Arabic ithnan && load "$tree" && row_is Arabic "draft ithnan" &&
		draft 20250101_120003 Arabic thalatha && load "$tree" && row_is Arabic "draft thalatha" &&
		sql "UPDATE translations SET status = '\''pending'\'' WHERE target_language = '\''Arabic'\''" &&
		draft 20250101_120003 Arabic arbaa && load "$tree" && row_is Arabic "pending thalatha"
	'
	expect_success "$engine: a deleted draft leaves its row" '
		rm "$tree/drafts/pending/20250101_120003_Arabic_$t.json" && draft 20250111_120000 Japanese ichi && load "$tree" &&
		row_is Arabic "pending thalatha" && row_is Japanese "draft ichi"
	'
	expect_success "$engine: another source with older drafts changes nothing" '
		dump >before && tree=$scratch/old && draft 20240101_120000 Japanese zero && draft 20240101_120001 German null &&
		load "$tree" && dump >after && compare before after
	'
	expect_success "$engine: another source with newer ones does" '
		draft 20260101_120000 Japanese ni && load "$tree" && row_is Japanese "draft ni" && row_is German "draft drei"
	'

	fresh_bot "$engine"
	rm -rf "$scratch/one" "$scratch/old"
	tree=$scratch/one
	draft 20250101_120000 Spanish uno
	expect_success "$engine: a real tweet is never overwritten" '
		sql "INSERT INTO tweets (id, text, author_username, author_id, created_at, character_count, tweet_metadata) VALUES
			('\''$t'\'', '\''the real text'\'', '\''acme'\'', '\''42'\'', '\''2020-03-02 19:54:56.000000'\'', 13, '\''{\"synthesised\": false}'\'')" &&
		rows_of tweets >before && load "$tree" && row_is Spanish "draft uno" && rows_of tweets >after && compare before after &&
		draft 20250102_120000 German eins && load "$tree" && load "$tree" --fresh && rows_of tweets >after && compare before after
	'
	expect_success "$engine: nor one whose metadata is missing or null" '
		for metadata in "NULL" "'\''null'\''" "'\''[]'\''"; do
			sql "UPDATE tweets SET tweet_metadata = $metadata" && rows_of tweets >before && load "$tree" --fresh &&
			rows_of tweets >after && compare before after || return 1
		done
	'
	expect_success "$engine: nor deleted when its drafts go, or get another id" '
		sql "DELETE FROM translations; DELETE FROM tweets; INSERT INTO tweets (id, text, author_username, author_id, created_at, character_count)
			VALUES ('\''1'\'', '\''real 1'\'', '\''acme'\'', '\''42'\'', '\''2020-03-02 19:54:56.000000'\'', 6),
			('\''2'\'', '\''real 2'\'', '\''acme'\'', '\''42'\'', '\''2020-03-02 19:54:56.000000'\'', 6)" &&
		real=$scratch/real && (tree=$real t=1; draft 20250101_120000 Spanish uno; t=2; draft 20250101_120001 Spanish dos; t=3; draft 20250101_120002 Spanish tres) &&
		load "$real" && [ "$(sql "SELECT count(*) FROM translations")" = 3 ] &&
		sed -i "s/\"2\"/\"4\"/" "$real"/drafts/pending/*_2.json && load "$real" &&
		sql "SELECT id, text FROM tweets ORDER BY id" | compare - <(printf "1\treal 1\n2\treal 2\n3\thello\n4\thello\n") &&
		rm "$real"/drafts/pending/*_1.json "$real"/drafts/pending/*_3.json && load "$real" --prune &&
		sql "SELECT id, text FROM tweets ORDER BY id" | compare - <(printf "1\treal 1\n2\treal 2\n4\thello\n") &&
		[ "$(sql "SELECT original_tweet_id FROM translations")" = 4 ] && sql "DELETE FROM translations; DELETE FROM tweets"
	'
	expect_success "$engine: the author comes when the settings come" '
		sql "DELETE FROM translations; DELETE FROM tweets" && load "$tree" --fresh && put .env "PRIMARY_TWITTER_USERNAME=acme" &&
		load "$tree" && [ "$(sql "SELECT DISTINCT author_username FROM tweets")" = acme ]
	'

	fresh_bot "$engine"
	rm -rf "$scratch/one"
	expect_success "$engine: the state has a larger id" '
		sql "INSERT INTO system_state (key, value) VALUES ('\''last_tweet_id'\'', '\''1000000000000000000'\'')" &&
		put logs/last_tweet_id.txt 998765432109876543 && load "$tree" && state_is last_tweet_id 1000000000000000000
	'
	expect_success "$engine: a smaller one" '
		put logs/last_tweet_id.txt 1000000000000000001 && load "$tree" && state_is last_tweet_id 1000000000000000001
	'
	expect_success "$engine: counters newer than the database, then older" '
		usage 17 12:00:00 && load "$tree" && state_is daily_requests_twitter_2025-08-19 17 &&
		usage 18 13:00:00.5 && load "$tree" && state_is daily_requests_twitter_2025-08-19 18 &&
		state_is monthly_posts_twitter_2025-08 18 && usage 3 11:00:00 && load "$tree" &&
		state_is daily_requests_twitter_2025-08-19 18 && state_is monthly_posts_twitter_2025-08 18
	'
	expect_success "$engine: the set-up: a primary user and two keys, once" '
		"$windrow" load "$mapping" "$tree" --to "$db" --fresh --progress none >"$said" 2>&1 &&
		sql "SELECT key, value FROM system_state WHERE state_type = '\''system'\'' ORDER BY key" >first &&
		contains first "database_initialized	true" "initialization_date	20" &&
		[ "$(sql "SELECT account_name, account_type FROM users")" = "primary_account	primary" ] &&
		"$windrow" load "$mapping" "$tree" --to "$db" --fresh --progress none >"$said" 2>&1 &&
		sql "SELECT key, value FROM system_state WHERE state_type = '\''system'\'' ORDER BY key" | compare first - &&
		[ "$(sql "SELECT count(*) FROM users")" = 1 ]
	'
	expect_success "$engine: no primary_account where the settings name one" '
		sql "DELETE FROM users" && put .env "PRIMARY_TWITTER_USERNAME='\''acme'\''" &&
		"$windrow" load "$mapping" "$tree" --to "$db" --progress none >"$said" 2>&1 &&
		[ "$(sql "SELECT account_name FROM users")" = acme ]
	'
done
done_testing
