#!/bin/bash
# fixtures/tmp, sender by sender: the rows that each tree gives, the same on both engines.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/auto-i18n/lib.sh"
need jq sqlite3

copy_tree tree
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'

says() {
    case $1 in
    a_b_c) echo 'two raw ids in one directory (T4)' ;;
    acme-blog-0b1c2d3) echo 'a batch with every kind of reply, and its retry (T5, T7)' ;;
    acme-broken-6f7a8b9) echo 'a translation that is no JSON, a truncated metadata.json (T13)' ;;
    acme-crash-2b3c4d5) echo 'input without manifest, manifest without input, draft that was submitted (T10)' ;;
    acme-docs-5d6e7f8) echo 'a change session with its pull request (T2)' ;;
    acme-early-2d3e4f5) echo 'the first batch code, no metadata.json' ;;
    acme-late-7c8d9e0) echo 'an expired batch (T8)' ;;
    acme-later-8d9e0f1) echo 'the second provider' ;;
    acme-merge-1f2e3d4) echo 'several outputs, duplicates, a stray reply, cut lines (T9)' ;;
    acme-older-4a5b6c7) echo 'old archives, files of others, another source locale (T14)' ;;
    acme-pages-3c4d5e6) echo 'global/en.json and page/en.json (T11)' ;;
    acme-shop-9a8b7c6) echo 'both workflows in one directory (T3)' ;;
    acme-site-1a2b3c4) echo 'a plain upload (T1)' ;;
    acme__wiki-4e5f6a7) echo 'double underscores in session and file (T6)' ;;
    esac
}

for engine in $engines; do
    expect_success "$engine: loaded, with what is refused" '
        fresh_target $engine && expect_status 3 import tree && rows >all && contains out "109 rows loaded, 3 rejected"'
    for file in "$root"/tests/auto-i18n/expected/*.jsonl; do
        name=$(basename "$file" .jsonl)
        expect_success "$engine: $(says "$name")" '
            grep -F "\"sender\":\"${name/a_b_c/a/b c}\"" all >rows && compare "$file" rows'
    done
    expect_success "$engine: and no other rows" '
        cat "$root"/tests/auto-i18n/expected/*.jsonl | sort | compare - all'
done

expect_success 'each refusal has its line' '
    contains said "acme-merge-1f2e3d4/batches/batch_en_1760600000000_0f0f0f01/input.jsonl:8:58" \
        "acme-merge-1f2e3d4/batches/batch_en_1760600000000_0f0f0f01/input.jsonl:7:1" "acme-broken-6f7a8b9/metadata.json:8:7" \
        "batch_mrg00002_output.jsonl:7:80"'
expect_success 'what is left out is named' '
    contains out "owner/repo-8e9f0a1/translations/fr/global/fr.json" "uploads/someone/en/content/first.md" &&
    contains said "nothing of a sender in this directory" "this looks like the layout of September 2025" \
        "no readable manifest: the batch and its 1 requests are left out" "neither .md, .mdx nor .json"'
expect_success 'replies and records that meet no request are listed (V10)' '
    contains out "reply markdown_content_xx_1111111111111111_stray.md" "record markdown_content_ja_0000000000000000_gone.md"'

done_testing
