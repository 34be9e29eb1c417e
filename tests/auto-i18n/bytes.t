#!/bin/bash
# Bytes that break importers, and entries that are no senders (T12, T14): what is stored, what is refused, where.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/auto-i18n/lib.sh"
need jq sqlite3 perl

engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
"$root/tests/auto-i18n/make-bytes" tree && find tree -exec touch -h -d "$stamp" {} +
file() { value "SELECT count(*) FROM files WHERE relative_path = '$1' $2"; }

for engine in $engines; do
    expect_success "$engine: damaged values cost their rows alone, each with its address" '
        fresh_target $engine && expect_status 3 import tree && contains out "16 rows loaded, 10 rejected" &&
        contains said "bytes-0000001/uploads/en/content/nul.md:1:1" "bytes-0000001/uploads/en/content/latin.md:1:1" \
            "bytes-0000001/uploads/en/page/large/en.json:1:1" "input.jsonl:2:27" "/response/body" \
            "bytes-0000003/translations/fragment__x/global/y.json:1:1" "bytes-0000004/metadata.json:2:9" \
            "expected text of at most 255 characters, this has 300" && rows >plain'
    expect_success "$engine: CRLF, byte order mark, no last newline, no bytes at all: as they are" '
        everything >all && [ "$(file bom.md "AND file_size = 35")" = 1 ] && [ "$(file empty.md "AND content = '\'\''")" = 1 ] &&
        "$root/tests/auto-i18n/invariants" tree empty-sender <all >found || ! grep -v "^V[24]: \(no row for\|batch_en\)\|^V5: batch_en" found'
    expect_success "$engine: a million words of text are stored" '[ "$(file words.md "AND file_size = 1360000")" = 1 ]'
    expect_success "$engine: a custom id longer than 255 and a number beyond 2^53 stay as they are" '
        [ "$(value "SELECT max(length(custom_id)) FROM batch_requests")" = 425 ] &&
        grep -q "12345678901234567890.10" all'
    expect_success "$engine: locales with commas, quotes and braces, one called NULL, an empty one" '
        grep -F "\"sender\":\"bytes-0000004\"" plain | grep -F "\"table\":\"sessions\"" |
            grep -qF "\"to\":[\"NULL\",\"a,b\",\"{}\",\"q\\\"x\",\"\"]"'
    expect_success "$engine: a path longer than an index takes is refused, not cut" '
        contains said "/far.md:1:1" && [ "$(value "SELECT count(*) FROM files WHERE file_name = '\''far.md'\''")" = 0 ]'
    expect_success "$engine: a job whose id does not fit leaves its file without a job" '
        [ "$(file a.md "AND job_id IS NULL")" = 1 ] && [ "$(file sub_dir/b___1_.md "AND job_id IS NOT NULL")" = 1 ]'
    expect_success "$engine: links are not followed, an empty directory is no session" '
        contains out "symbolic link, W0306  2 entries" && contains said "nothing of a sender in this directory" &&
        [ "$(value "SELECT count(*) FROM sessions")" = 4 ] && ! grep -q secret all'
    expect_success "$engine: mended on request, and counted" '
        fresh_target $engine && expect_status 3 import tree --set nul=replace --set utf8=replace --set large=reference &&
        contains out "22 rows loaded, 4 rejected" && everything >all &&
        jq -e -s "[.[] | select(.metadata.repaired)] | length == 3" <all && contains said "value mended" &&
        [ "$(file large/en.json "AND content = '\'\'' AND file_size > 11000000")" = 1 ]'
    expect_success "$engine: a larger limit takes the large file" '
        fresh_target $engine && expect_status 3 import tree --set max_content=20000000 &&
        [ "$(file large/en.json "AND length(content) = file_size")" = 1 ]'
    expect_success "$engine: a file larger than memory should hold is referenced, with its digest" '
        mkdir -p huge/acme-huge/uploads/en/content && truncate -s 100M huge/acme-huge/uploads/en/content/huge.md &&
        touch -d "$stamp" huge/acme-huge/uploads/en/content/huge.md && fresh_target $engine &&
        expect_status 0 import huge --set large=reference &&
        [ "$(value "SELECT content_hash FROM files WHERE file_size = 104857600 AND content = '\'\''")" = \
            "$(sha256sum huge/acme-huge/uploads/en/content/huge.md | cut -d " " -f 1)" ]'
    expect_success "$engine: four workers refuse the same" '
        fresh_target $engine && expect_status 3 import tree --jobs 4 && rows | compare plain -'
done

done_testing
