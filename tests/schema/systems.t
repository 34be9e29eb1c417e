#!/bin/bash
# What the schemas of the shipped systems do with rows: triggers, views, functions, references, forms.
. "${0%/*}/../lib/tap.sh"

schema() {
	windrow schema "$@" --schema-dir "$root/schema" --to "$db" --progress none --quiet
}

engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'

# One value of one row is what it should be.
is() {
	local got
	got=$(sql "$2") && [ "$got" = "$1" ] && return
	echo "'$got' instead of '$1': $2"
	return 1
}

s=00000000-0000-4000-8000-000000000001
j=00000000-0000-4000-8000-000000000002
b=00000000-0000-4000-8000-000000000003
old=2020-01-01T00:00:00.000000Z
for engine in $engines; do
	fresh_target $engine
	expect_success "$engine: auto-i18n" 'schema up auto-i18n'
	[ $engine = sqlite ] && keys='PRAGMA foreign_keys = ON;' || keys=
	expect_success "$engine: global/en.json and page/en.json are two files" '
		sql "INSERT INTO sessions (id, sender_id, session_type, source_locale, created_at, updated_at)
			VALUES ('\''$s'\'', '\''a'\'', '\''upload'\'', '\''en'\'', '\''$old'\'', '\''$old'\'');
			INSERT INTO translation_jobs (id, session_id, job_id, source_locale) VALUES ('\''$j'\'', '\''$s'\'', '\''j'\'', '\''en'\'');
			INSERT INTO files (session_id, job_id, file_type, content_type, format, locale, relative_path, file_name, content) VALUES
			('\''$s'\'', '\''$j'\'', '\''upload'\'', '\''global'\'', '\''json'\'', '\''en'\'', '\''en.json'\'', '\''en.json'\'', '\''{}'\''),
			('\''$s'\'', '\''$j'\'', '\''upload'\'', '\''page'\'', '\''json'\'', '\''en'\'', '\''en.json'\'', '\''en.json'\'', '\''{}'\'')" &&
		! sql "INSERT INTO files (session_id, file_type, content_type, format, locale, relative_path, file_name, content) VALUES
			('\''$s'\'', '\''upload'\'', '\''page'\'', '\''json'\'', '\''en'\'', '\''en.json'\'', '\''en.json'\'', '\''x'\'')" 2>/dev/null
	'
	year="substr(CAST(updated_at AS text), 1, 4)"
	expect_success "$engine: an update that changes nothing leaves updated_at" '
		sql "UPDATE sessions SET status = status" && is 2020 "SELECT $year FROM sessions"
	'
	expect_success "$engine: one that says when is believed" '
		sql "UPDATE sessions SET status = '\''completed'\'', updated_at = '\''2021-01-01T00:00:00.000000Z'\''" &&
		is 2021 "SELECT $year FROM sessions"
	'
	expect_success "$engine: any other change is now" '
		sql "UPDATE sessions SET status = '\''active'\''" && is "$(date +%Y)" "SELECT $year FROM sessions"
	'
	expect_success "$engine: a job that goes leaves its files" '
		sql "$keys DELETE FROM translation_jobs" && is 2 "SELECT count(*) FROM files WHERE job_id IS NULL"
	'
	expect_success "$engine: views count each kind by itself, progress is never null" '
		sql "INSERT INTO batches (id, batch_id, session_id, source_locale, model, manifest, total_requests, completed_requests, status, completed_at)
			VALUES ('\''$b'\'', '\''b'\'', '\''$s'\'', '\''en'\'', '\''m'\'', '\''{}'\'', 3, 1, '\''completed'\'', '\''$old'\'');
			INSERT INTO batches (batch_id, session_id, source_locale, model, manifest)
			VALUES ('\''c'\'', '\''$s'\'', '\''en'\'', '\''m'\'', '\''{}'\'')" &&
		is "2	0	2	0" "SELECT upload_count, translation_count, batch_count, job_count FROM v_session_overview" &&
		is 33.33 "SELECT progress_percentage FROM v_batch_progress WHERE batch_id = '\''b'\''" &&
		is 0 "SELECT progress_percentage FROM v_batch_progress WHERE batch_id = '\''c'\''" &&
		is 2 "SELECT count(*) FROM v_translation_matrix"
	'
	sql "INSERT INTO batch_requests (batch_id, custom_id, request_index, relative_path, target_locale, request_body)
		VALUES ('$b', 'x', 0, 'en.json', 'fr', '{}')"
	if [ $engine = postgresql ]; then
		expect_success 'postgresql: requests of old batches move to the archive, once' '
			is 1 "SELECT archive_completed_batches()" && is 0 "SELECT archive_completed_batches()" &&
			is "x	t" "SELECT custom_id, archived FROM v_all_batch_requests"
		'
		expect_success 'postgresql: a text that search cannot hold is stored all the same' '
			sql "INSERT INTO files (session_id, file_type, content_type, format, locale, relative_path, file_name, content)
				SELECT '\''$s'\'', '\''upload'\'', '\''content'\'', '\''markdown'\'', '\''en'\'', '\''big.md'\'', '\''big.md'\'',
				string_agg(md5(n::text), '\'' '\'') FROM generate_series(1, 60000) n" &&
			is 1 "SELECT count(*) FROM files WHERE length(content) > 1900000"
		'
		expect_success 'postgresql: and search finds the others by the index' '
			sql "UPDATE files SET content = '\''the quick foxes'\'' WHERE content_type = '\''page'\''" &&
			is 1 "SELECT count(*) FROM files WHERE content_search_vector(content) @@ websearch_to_tsquery('\''english'\'', '\''fox'\'')" &&
			sql "SET enable_seqscan = off; EXPLAIN SELECT id FROM files
				WHERE content_search_vector(content) @@ websearch_to_tsquery('\''english'\'', '\''fox'\'')" >plan &&
			contains plan idx_files_content_search
		'
		expect_success 'postgresql: expired sessions go with everything' '
			sql "UPDATE sessions SET expires_at = now() - interval '\''1 day'\''" && is 1 "SELECT cleanup_expired_sessions()" &&
			is 0 "SELECT (SELECT count(*) FROM files) + (SELECT count(*) FROM v_all_batch_requests)"
		'
	else
		expect_success 'sqlite: requests of old batches are named, and the archive takes them' '
			is x "SELECT custom_id FROM v_archivable_requests" &&
			sql "INSERT INTO batch_requests_archive (id, batch_id, custom_id, request_index, relative_path, target_locale, request_body)
				SELECT id, batch_id, custom_id, request_index, relative_path, target_locale, request_body FROM batch_requests;
				DELETE FROM batch_requests" &&
			is "x	1" "SELECT custom_id, archived FROM v_all_batch_requests"
		'
		expect_success 'sqlite: expired sessions go with everything' '
			sql "UPDATE sessions SET expires_at = '\''$old'\''; $keys
				DELETE FROM sessions WHERE id IN (SELECT id FROM v_expired_sessions)" && is 0 "SELECT count(*) FROM files"
		'
		expect_failure 'sqlite: a text longer than its column is refused' '
			sql "INSERT INTO sessions (sender_id, session_type, source_locale) VALUES ('\''l'\'', '\''upload'\'', '\''much-too-long'\'')"
		'
		expect_success 'sqlite: ids are random UUIDs, version 4' '
			sql "INSERT INTO sessions (sender_id, session_type, source_locale) VALUES ('\''u'\'', '\''upload'\'', '\''en'\'')" &&
			is 1 "SELECT id GLOB '\''????????-????-4???-[89ab]???-????????????'\'' FROM sessions WHERE sender_id = '\''u'\''"
		'
	fi

	fresh_target $engine
	expect_success "$engine: twitter-bot" 'schema up twitter-bot'
	tweet="INSERT INTO tweets (id, text, author_username, author_id, created_at, character_count)
		VALUES ('1', 'x', 'a', 'unknown', '2025-01-01 00:00:00.000000', 1)"
	expect_success "$engine: language names fit, status has a default" '
		sql "$tweet; INSERT INTO translations (original_tweet_id, translated_text, target_language, character_count)
			VALUES ('\''1'\'', '\''y'\'', '\''Chinese (Simplified)'\'', 1)" && is pending "SELECT status FROM translations"
	'
	expect_failure "$engine: status is never null" 'sql "UPDATE translations SET status = NULL"'
	expect_failure "$engine: and one of four" 'sql "UPDATE translations SET status = '\''done'\''"'
	expect_failure "$engine: one translation of a tweet in a language" '
		sql "INSERT INTO translations (original_tweet_id, translated_text, target_language, character_count)
			VALUES ('\''1'\'', '\''z'\'', '\''Chinese (Simplified)'\'', 1)"
	'
	expect_success "$engine: an old tweet goes with its translations" '
		sql "$keys DELETE FROM tweets" && is 0 "SELECT count(*) FROM translations"
	'
	if [ $engine = sqlite ]; then
		expect_failure 'sqlite: a time in another form than the running bot reads is refused' '
			sql "INSERT INTO tweets (id, text, author_username, author_id, created_at, character_count)
				VALUES ('\''2'\'', '\''x'\'', '\''a'\'', '\''b'\'', '\''2025-01-01T00:00:00Z'\'', 1)"
		'
	fi
done
done_testing
