#!/bin/bash
# Many senders with batches (WINDROW_TEST_SENDERS=2000 for more): loaded by 1 and by 4 workers, again, and after one change.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/auto-i18n/lib.sh"
need jq sqlite3 perl

# The build without sanitizers, when there is one: this is about many files, not about memory.
[ -n "${WINDROW:-}" ] || [ ! -x "$root/build/windrow" ] || windrow=$root/build/windrow
n=${WINDROW_TEST_SENDERS:-400}
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
"$root/tests/auto-i18n/make-senders" tree "$n" && find tree -exec touch -h -d "$stamp" {} +

for engine in $engines; do
    expect_success "$engine: $n senders, four workers" '
        fresh_target $engine && expect_status 0 import tree --jobs 4 && rows >four &&
        [ "$(wc -l <four)" = $((17 * n)) ]'
    expect_success "$engine: a second load writes nothing" '
        expect_status 0 import tree --jobs 4 && contains out "done: nothing changed" && rows | cmp four -'
    expect_success "$engine: one file changed changes its row, and the count of its session" '
        file=$(find tree -path "*translations/fr/content/post-7.md") && mv "$file" kept && echo "Anders." >"$file" &&
        expect_status 0 import tree --jobs 4 && rows >after && diff four after | grep "^>" >changed;
        rm "$file"; mv kept "$file"; [ "$(wc -l <changed)" = 2 ] && grep -q "\"path\":\"post-7.md\"" changed &&
        grep -q translation_stats changed'
    expect_success "$engine: one worker gives the same rows" '
        fresh_target $engine && expect_status 0 import tree --jobs 1 && rows | cmp four -'
done

done_testing
