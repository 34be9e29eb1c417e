#!/bin/bash
# The invariants of the system over every tree, a second load, one changed file, and 1 and 4 workers.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/auto-i18n/lib.sh"
need jq sqlite3 perl

copy_tree tree
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
hold() { everything >all && "$root/tests/auto-i18n/invariants" "$@" <all; }

for engine in $engines; do
    expect_success "$engine: V1 to V8 and V11 hold" '
        fresh_target $engine && expect_status 3 import tree --jobs 1 && hold tree owner uploads'
    expect_failure "$engine: and are able to fail" '
        sed -E "s/(\"total\" ?: ?)6/\17/" all | "$root/tests/auto-i18n/invariants" tree owner uploads'
    expect_success "$engine: four workers give the same rows" '
        rows >first && fresh_target $engine && expect_status 3 import tree --jobs 4 && rows >second && compare first second'
    expect_success "$engine: a second load writes nothing (V9)" '
        everything >before && expect_status 0 import tree && contains out "done: nothing changed" && rows >second &&
        compare first second && everything | compare before -'
    expect_success "$engine: one file changed changes its row (T16)" '
        echo "Neuer Text." >tree/acme-blog-0b1c2d3/translations/de/content/one.md && expect_status 0 import tree &&
        rows >third && { diff first third | grep -c "^>" >changed; [ "$(cat changed)" = 2 ] || { diff first third; false; }; } &&
        diff first third | grep -q "^> .*\"path\":\"one.md\"" && diff first third | grep -q "^> .*translation_stats" &&
        hold tree owner uploads'
    expect_success "$engine: a file more is a row more, a job less takes its job away" '
        printf "Un.\n" >tree/acme-late-7c8d9e0/uploads/en/content/more.md &&
        jq "del(.jobs[1])" tree/acme-blog-0b1c2d3/metadata.json >m && cat m >tree/acme-blog-0b1c2d3/metadata.json &&
        expect_status 0 import tree && [ "$(value "SELECT count(*) FROM files WHERE relative_path = '\''more.md'\''")" = 1 ] &&
        [ "$(value "SELECT count(*) FROM translation_jobs WHERE job_id = '\''global-batch'\''")" = 1 ] && hold tree owner uploads'
    rm -rf tree && copy_tree tree
done

done_testing
