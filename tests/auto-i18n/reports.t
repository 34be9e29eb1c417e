#!/bin/bash
# The named reports of schema/auto-i18n/queries, the same on both engines.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/auto-i18n/lib.sh"
need jq sqlite3
set -o pipefail

copy_tree tree
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
report() { "$windrow" report auto-i18n "$@" --to "$db"; }

for engine in $engines; do
    expect_success "$engine: every report answers" '
        fresh_target $engine && expect_status 3 import tree && for name in $(cd "$root/schema/auto-i18n/queries" && ls); do
            name=${name%.sql}
            [ "$name" = matrix ] || report "$name" | tr -s " " >"$name.$engine" || break
        done && [ "$name" = unresolved ] && report matrix --set sender=acme-site-1a2b3c4 --csv >"matrix.$engine"'
    expect_success "$engine: with the numbers of the tree" '
        contains overview.$engine "translation global 5 3 187" "completed 5 17 13 3" && contains failures.$engine "Bad parameter (bad_value)" &&
        [ "$(wc -l <matrix.$engine)" = 10 ] && contains matrix.$engine "de,content,2,62" &&
        contains progress.$engine "acme-blog-0b1c2d3 batch_en_1760428800000_5a5a5a01 completed completed 3 2 6 50" &&
        contains unresolved.$engine "acme__wiki-4e5f6a7__fr__en_delta_json__aaaa0003"'
done

done_testing
