#!/bin/bash
# The reports of the bot against numbers computed by hand; both engines give the same text.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/twitter-bot/lib.sh"
export PGTZ=UTC

# report NAME SECTION [NAME=VALUE...]: its rows without titles, at noon of 2025-08-19
report() {
	local name=$1 section=$2 value options=
	shift 2
	for value; do
		options="$options --set $value"
	done
	"$windrow" report twitter-bot "$name" ${section:+--section "$section"} --set now=2025-08-19T12:00:00Z $options --csv \
		--schema-dir "$root/schema" --to "$db" >rows.csv || return
	tr -d '\r' <rows.csv | tail -n +2
}

# gives EXPECTED-LINES NAME SECTION [NAME=VALUE...]
gives() {
	local expected=$1
	shift
	report "$@" >actual && printf '%s' "${expected:+$expected
}" | compare - actual
}

data() {
	sql "INSERT INTO api_usage (service, endpoint, timestamp, response_time, status_code, success, error_info, request_metadata, date, month) VALUES
		('twitter', 'get_tweets', '2025-08-19 00:00:00.000000', 0.5, 200, true, '{}', '{}', '2025-08-19', '2025-08'),
		('twitter', 'get_tweets', '2025-08-19 10:00:00.000000', 1.5, 200, true, 'null', 'null', '2025-08-19', '2025-08'),
		('twitter', 'post_tweet', '2025-08-19 10:30:00.000000', NULL, 403, false, '{\"message\": \"Forbidden\"}', NULL, '2025-08-19', '2025-08'),
		('twitter', 'get_tweets', '2025-08-18 23:59:59.999999', 1.0, NULL, false, '{\"message\": \"Timeout\"}', '{}', '2025-08-18', '2025-08'),
		('twitter', 'post_tweet', '2025-08-01 00:30:00.000000', 2.0, 200, true, NULL, '{}', '2025-08-01', '2025-08'),
		('twitter', 'get_tweets', '2025-07-31 23:00:00.000000', 9.0, 500, false, '{\"message\": \"Timeout\"}', '{}', '2025-07-31', '2025-07'),
		('twitter', 'get_tweets', '2025-08-13 08:00:00.000000', NULL, 400, false, '{\"message\": \"Forbidden\"}', '{}', '2025-08-13', '2025-08'),
		('gemini', 'translate', '2025-08-19 11:00:00.000000', 2.25, NULL, true, NULL, '{}', '2025-08-19', '2025-08'),
		('twitter', 'daily_requests', '2025-08-19 09:30:00.000000', NULL, NULL, true, NULL, '{\"aggregate\": true, \"count\": 21}', '2025-08-19', '2025-08'),
		('twitter', 'get_tweets', '2025-08-19 09:00:00.000000', 0.25, NULL, true, NULL, '{\"import\": {\"source\": \"x\"}}', '2025-08-19', '2025-08');
	INSERT INTO tweets (id, text, author_username, author_id, created_at, character_count) VALUES
		('1', 'Alpha 100% and_so on', 'acme', '9', '2025-08-19 11:00:00.000000', 10), ('2', 'Beta', 'acme', '9', '2025-08-18 12:00:00.000000', 5),
		('3', 'alpha', 'other', '8', '2025-08-01 00:00:00.000000', 7);
	INSERT INTO translations (original_tweet_id, target_language, translated_text, status, created_at, updated_at, post_id, posted_at, error_info, retry_count, character_count) VALUES
		('1', 'de', 'a', 'posted', '2025-08-19 11:10:00.000000', '2025-08-19 11:30:00.000000', '71', '2025-08-19 11:30:00.000000', NULL, 0, 1),
		('1', 'es', 'b', 'failed', '2025-08-01 00:00:00.000000', '2025-08-10 00:00:00.000000', NULL, NULL, '{\"message\": \"boom\"}', 1, 1),
		('1', 'fr', 'c', 'failed', '2025-08-01 00:00:00.000000', '2025-08-02 00:00:00.000000', NULL, NULL, NULL, 3, 1),
		('2', 'de', 'd', 'draft', '2025-08-18 13:00:00.000000', '2025-08-18 13:00:00.000000', NULL, NULL, NULL, 0, 1),
		('2', 'es', 'e', 'pending', '2025-08-01 00:00:00.000000', '2025-08-01 00:00:00.000000', NULL, NULL, NULL, 0, 1),
		('3', 'de', 'f', 'posted', '2025-08-01 00:00:00.000000', '2025-08-12 11:59:00.000000', '72', '2025-08-12 11:59:00.000000', NULL, 0, 1),
		('2', 'ja', 'g', 'failed', '2025-08-01 00:00:00.000000', '2025-08-05 00:00:00.000000', NULL, NULL, NULL, 0, 1);
	INSERT INTO translation_cache (cache_key, original_text, translated_text, target_language, expires_at, access_count, confidence_score, last_accessed) VALUES
		('k1', 'äö', 'xyz', 'de', NULL, 3, 0.9, '2025-08-19 01:00:00.000000'), ('k2', 'a', 'b', 'de', '2025-08-19 12:00:00.000000', 1, NULL, '2025-08-19 02:00:00.000000'),
		('k3', 'c', 'd', 'es', '2025-08-19 12:00:00.000001', 0, 0.6999, '2025-08-19 03:00:00.000000');
	INSERT INTO system_state (key, value, state_type) VALUES ('daily_requests_twitter_2025-08-19', '5', 'api_limits'),
		('monthly_posts_twitter_2025-08', '203', 'api_limits'), ('database_initialized', 'true', 'system');
	INSERT INTO users (account_name, account_type, is_active) VALUES ('acme', 'primary', true), ('acme_de', 'translation', true),
		('acme_es', 'translation', false)"
}

for engine in $engines; do
	fresh_bot "$engine"
	expect_success "$engine: all reports run on empty tables" '
		for file in "$root"/schema/twitter-bot/queries/*.sql; do
			name=${file##*/}; name=${name%.sql}
			"$windrow" report twitter-bot "$name" --json --schema-dir "$root/schema" --to "$db" --set now=2025-08-19T12:00:00Z \
				$(case $name in audit) echo --set tweet=1 ;; untranslated) echo --set language=de ;; tweet-search) echo --set text=x ;;
				tweet-range) echo --set from_time=2025-01-01 --set to_time=2025-12-31 ;; esac) >out.json &&
			jq -e ".format == \"windrow.report\" and .report == \"$name\" and (.sections | length > 0)" out.json >/dev/null ||
				{ echo "$name"; return 1; }
		done
	'
	expect_success "$engine: empty tables have rate 0 and no top author" '
		gives "0,0,,," maintenance "Tweet Statistics" && gives "0,0,0" maintenance "Translation Statistics" &&
		gives "0,0,0,0,0,poor" cache-statistics total && gives "0,0,0,0," daily-usage total && gives "0,,,,,," performance "response times"
	'
	data
	expect_success "$engine: daily usage" '
		gives "4,3,1,75,0.75" daily-usage total && gives "get_tweets,3
post_tweet,1" daily-usage endpoints && gives "1,0,1,0,1" daily-usage total day=2025-08-18 && gives "1,1,0,100,2.25" daily-usage total service=gemini
	'
	expect_success "$engine: monthly usage" '
		gives 7 monthly-usage total && gives "2025-08-01,1,1,100,2
2025-08-13,1,0,0,
2025-08-18,1,0,0,1
2025-08-19,4,3,75,0.75" monthly-usage days && gives 1 monthly-usage total month=2025-07
	'
	expect_success "$engine: current limits" 'gives "4,7" current-limits "" && gives "1,1" current-limits "" service=gemini'
	expect_success "$engine: error analysis" '
		gives 3 error-analysis total && gives "get_tweets,2
post_tweet,1" error-analysis endpoints && gives "400,1
403,1
unknown,1" error-analysis "status codes" && gives "Forbidden,2
Timeout,1" error-analysis messages && gives 4 error-analysis total since=2025-07-01
	'
	expect_success "$engine: performance" '
		gives "6,0.25,9,2.375,1.5,9,9" performance "response times" && report performance hours >hours &&
		[ "$(wc -l <hours)" = 24 ] && grep -v ",0$" hours | compare - <(printf "0,2\n8,1\n9,1\n10,2\n23,2\n")
	'
	expect_success "$engine: service overview" 'gives "gemini,1,1,0,100,2.25,1
twitter,4,3,1,75,0.75,7" service-overview ""'
	expect_success "$engine: translation statistics" '
		gives "7,2,33.33" translation-statistics total && gives "draft,1
failed,3
pending,1
posted,2" translation-statistics status && gives "de,3
es,2
fr,1
ja,1" translation-statistics languages
	'
	expect_success "$engine: retryable, posted recently, audit" '
		report retryable "" | cut -d, -f2,3,4,6 | compare - <(printf "2,ja,0,\n1,es,1,boom\n") &&
		report posted-recently "" | cut -d, -f2,3,4,6 | compare - <(echo 1,de,71,a) &&
		report audit "" tweet=1 | cut -d, -f2,3,7,8 | compare - <(printf "de,posted,71,0\nes,failed,,1\nfr,failed,,3\n")
	'
	expect_success "$engine: untranslated, search, range, recent" '
		report untranslated "" language=fr | cut -d, -f1 | compare - <(printf "3\n2\n") &&
		report untranslated "" language=es limit=1 | cut -d, -f1 | compare - <(echo 3) &&
		report tweet-search "" text=alpha | cut -d, -f1 | compare - <(echo 3) &&
		report tweet-search "" text=% | cut -d, -f1 | compare - <(echo 1) && report tweet-search "" text=_s | cut -d, -f1 | compare - <(echo 1) &&
		report tweet-range "" from_time=2025-08-01 to_time=2025-08-18T12:00:00Z | cut -d, -f1 | compare - <(printf "3\n2\n") &&
		report tweet-range "" from_time=2025-08-01T02:00:00.000001+02:00 to_time=2025-08-18T11:59:59.999999Z | compare - /dev/null &&
		report recent-tweets "" | cut -d, -f1 | compare - <(printf "1\n2\n")
	'
	expect_success "$engine: the cache" '
		gives "3,2,1,4,57.14,good" cache-statistics total && gives "de,2,2
es,1,0" cache-statistics languages && report cache-statistics "most used" | cut -d, -f1-3 | compare - <(printf "k1,de,3\nk2,de,1\nk3,es,0\n") &&
		gives "de,2,7,2
es,1,2,0" cache-size "" && report cache-expired "" | cut -d, -f1 | compare - <(echo k2) &&
		gives "k3,es,0.6999,c,d" low-quality "" && gives "k3,es,0.6999,c,d
k1,de,0.9,äö,xyz" low-quality "" below=0.95
	'
	expect_success "$engine: state and users" '
		gives 3 state-statistics total && gives "api_limits,2
system,1" state-statistics types && gives "3,2,1,1" user-statistics ""
	'
	[ "$engine" = sqlite ] && named=SQLite || named=PostgreSQL
	expect_success "$engine: status adds the calls that came with the import" '
		gives "$named,8,50,7,1500,203" status requests &&
		sql "INSERT INTO system_state (key, value) VALUES ('\''bot_config_twitter_free_daily_limit'\'', '\''40'\''); DELETE FROM system_state WHERE key LIKE '\''daily%'\''" &&
		gives "$named,4,40,7,1500,203" status requests && report status drafts | cut -d, -f1,2,5 | compare - <(echo 1,ok,1)
	'
	expect_success "$engine: drafts by age and language" 'gives "1,ok,23,23" draft-health drafts && gives "de,1" draft-health languages'
	expect_success "$engine: drafts" '
		gives "1,DE,2025-08-18 13:00,Beta...,d,1,$(sql "SELECT id FROM translations WHERE status = '\''draft'\''")" drafts ""
	'
	expect_success "$engine: maintenance" '
		gives "3,2,7.33,acme,2" maintenance "Tweet Statistics" && gives "7,2,33.33" maintenance "Translation Statistics" &&
		gives "gemini,1,100,1
twitter,4,75,7" maintenance "API Usage Overview" && gives "3,2,1,57.14,4" maintenance "Cache Performance" &&
		gives "total,3
api_limits,1
general,1
system,1" maintenance "System State" && gives "de,3
es,2
fr,1
ja,1" maintenance "Language Breakdown"
	'
	expect_success "$engine: percentiles of 1, 2, 20 and 100 values" '
		for n in 1 2 20 100; do
			sql "INSERT INTO api_usage (service, endpoint, timestamp, response_time, date, month)
				WITH RECURSIVE v(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM v WHERE i < $n)
				SELECT '\''p$n'\'', '\''x'\'', '\''2025-08-19 00:00:00.000000'\'', (i * 37) % 101, '\''2025-08-19'\'', '\''2025-08'\'' FROM v" || return
		done
		sql "UPDATE api_usage SET response_time = 1 WHERE service = '\''p1'\''; UPDATE api_usage SET response_time = response_time / 37 WHERE service = '\''p2'\'';
			UPDATE api_usage SET response_time = (SELECT count(*) FROM api_usage b WHERE b.service = api_usage.service AND b.id <= api_usage.id) WHERE service = '\''p20'\''" &&
		gives "1,1,1,1,1,1,1" performance "response times" service=p1 &&
		gives "2,1,2,1.5,2,2,2" performance "response times" service=p2 &&
		gives "20,1,20,10.5,11,20,20" performance "response times" service=p20 &&
		gives "100,1,100,50.5,51,96,100" performance "response times" service=p100
	'
	expect_success "$engine: a hundred drafts are a warning, five hundred critical" '
		many() { sql "INSERT INTO translations (original_tweet_id, target_language, translated_text, status, character_count)
			WITH RECURSIVE v(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM v WHERE i < $2)
			SELECT '\''3'\'', '\''l'\'' || i, '\''x'\'', '\''draft'\'', 1 FROM v"; } &&
		many 1 98 && report status drafts | cut -d, -f1,2 | compare - <(echo 99,ok) && many 99 99 &&
		report status drafts | cut -d, -f1,2 | compare - <(echo 100,warning) && many 100 499 &&
		report status drafts | cut -d, -f1,2 | compare - <(echo 500,critical)
	'
done
done_testing
