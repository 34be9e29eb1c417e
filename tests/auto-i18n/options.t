#!/bin/bash
# The parameters of the mapping; retention, in numbers; a copied sender.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/auto-i18n/lib.sh"
need jq sqlite3

copy_tree tree
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
count() { value "SELECT count(*) FROM $1"; }
is() { [ "$1" = "$2" ] || { echo "got $1, expected $2"; false; }; }
# What PostgreSQL has functions for.
clean_up() {
    case $db in
    sqlite:*) sql 'PRAGMA foreign_keys = on; DELETE FROM sessions WHERE id IN (SELECT id FROM v_expired_sessions); SELECT changes();' ;;
    *) sql 'SELECT cleanup_expired_sessions()' ;;
    esac
}
archive() {
    case $db in
    sqlite:*) sql 'BEGIN; INSERT INTO batch_requests_archive (id, batch_id, custom_id, request_index, file_id, relative_path,
            target_locale, request_body, response_body, response_status, status, error_message, created_at, updated_at)
        SELECT id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body,
            response_body, response_status, status, error_message, created_at, updated_at
        FROM batch_requests WHERE id IN (SELECT id FROM v_archivable_requests);
        DELETE FROM batch_requests WHERE id IN (SELECT id FROM batch_requests_archive); SELECT changes(); COMMIT;' ;;
    *) sql 'SELECT archive_completed_batches()' ;;
    esac
}

for engine in $engines; do
    expect_success "$engine: salvage makes a batch of an input without manifest" '
        fresh_target $engine && expect_status 3 import tree --set salvage=true && rows >all &&
        is "$(count "batches WHERE batch_id = '\''batch_en_1760700000000_00000001'\''")" 1 &&
        grep "batch_en_1760700000000_00000001" all | grep -q "\"model\":\"gpt-5-mini\"" &&
        is "$(count "batch_requests r JOIN batches b ON b.id = r.batch_id WHERE b.batch_id = '\''batch_en_1760700000000_00000001'\''")" 1'
    expect_success "$engine: directories without a sender in them, and files of other kinds, on request" '
        fresh_target $engine && expect_status 3 import tree --set empty_senders=import --set unknown_files=json &&
        is "$(count "sessions WHERE sender_id IN ('\''owner'\'', '\''uploads'\'')")" 2 &&
        is "$(count "files WHERE relative_path = '\''notes.txt'\'' AND format = '\''json'\''")" 1'
    expect_success "$engine: unanswered requests of an expired batch fail on request" '
        fresh_target $engine && expect_status 3 import tree --set fail_unanswered=true && rows >all &&
        grep batch_en_1760500000000_0e0e0e01 all | grep -q "\"status\":\"failed\",\"table\":\"batch_requests\"" &&
        grep batch_en_1760500000000_0e0e0e01 all | grep "\"table\":\"batches\"" | grep -q "\"failed\":1"'
    expect_success "$engine: without the synthetic job" '
        fresh_target $engine && expect_status 3 import tree --set change_jobs=false &&
        is "$(count "translation_jobs WHERE job_type IS NULL")" 0 && is "$(count "files WHERE file_type = '\''delta'\'' AND job_id IS NOT NULL")" 0'
    expect_success "$engine: logs give issues, pull requests, times and retries (T15)" '
        fresh_target $engine && expect_status 3 import tree --set logs=true --set log_zone=Europe/Berlin --jobs 2 &&
        is "$(value "SELECT count(*) FROM translation_jobs
            WHERE github_issue_number = 11 AND github_pr_number = 12")" 3 &&
        is "$(count "translation_jobs WHERE github_issue_number = 41 AND github_pr_number = 42")" 1 &&
        is "$(value "SELECT manifest -> '\''_import'\'' ->> '\''retry_of'\'' FROM batches WHERE batch_id = '\''batch_en_1760432400000_5a5a5a02'\''")" batch_en_1760428800000_5a5a5a01 &&
        rows | grep -q "\"done\":\"2025-10-14T09:25:00.000000Z\""'
    expect_success "$engine: a log that grew brings the senders again, and nothing else changes" '
        rows >before && printf "{\"message\":\"nothing of interest\"}\n" >>tree/logs/latest.log &&
        expect_status 3 import tree --set logs=true --set log_zone=Europe/Berlin && rows | compare before - &&
        expect_status 0 import tree --set logs=true --set log_zone=Europe/Berlin && contains out "done: nothing changed"'
    expect_success "$engine: logs without their zone are refused" '
        fresh_target $engine && expect_status 4 import tree --set logs=true && contains said "logs=true needs log_zone" &&
        is "$(count batches)" 0'
    expect_success "$engine: sessions expire by the day of the import, not by their own" '
        fresh_target $engine && expect_status 3 import tree --set expire_after_days=30 && is "$(clean_up | tail -n 1)" 0 &&
        is "$(count sessions)" 14 &&
        sql "UPDATE sessions SET expires_at = created_at WHERE sender_id IN ('\''acme-blog-0b1c2d3'\'', '\''acme-site-1a2b3c4'\'')" &&
        is "$(clean_up | tail -n 1)" 2 && is "$(count sessions)" 12 && is "$(count translation_jobs)" 9 && is "$(count files)" 25 &&
        is "$(count batches)" 9 && is "$(count batch_requests)" 18 && is "$(count translation_stats)" 12'
    expect_success "$engine: requests of completed batches move to the archive, once" '
        fresh_target $engine && expect_status 3 import tree &&
        is "$(archive | tail -n 1)" 17 && is "$(archive | tail -n 1)" 0 && is "$(count batch_requests)" 10 &&
        is "$(count batch_requests_archive)" 17 && is "$(count v_all_batch_requests)" 27 && is "$(count batches)" 11'
    expect_success "$engine: a copy of a sender is refused where its batches would be the same" '
        cp -a tree copied && cp -a copied/acme-late-7c8d9e0 copied/zcopy && fresh_target $engine &&
        expect_status 3 import copied --jobs 1 && contains said "zcopy/batches/batch_en_1760500000000_0e0e0e01/manifest.json" &&
        is "$(count "sessions WHERE sender_id = '\''zcopy'\''")" 1 && is "$(count batches)" 11 && is "$(count batch_requests)" 27'
    rm -rf copied tree && copy_tree tree
done

done_testing
