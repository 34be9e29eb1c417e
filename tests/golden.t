#!/bin/bash
# What windrow prints for each of its codes: see tests/lib/golden.sh, and tests/golden/elsewhere for codes that no input
# can provoke. WINDROW_GOLDEN=write makes the expected files anew; WINDROW_GOLDEN_ONLY=W0412 runs these cases alone.
. "${0%/*}/lib/tap.sh"
. "$root/tests/lib/golden.sh"
need sqlite3
windrow=${WINDROW:-${WINDROW_FAULTS:-$root/build-faults}/windrow}
[ -x "$windrow" ] || skip_all "no $windrow; run it by scripts/test"
tools=${WINDROW_TOOLS:-$(dirname "$windrow")/tools}
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || { engines='sqlite postgresql'; fresh_target postgresql; }

engine_of_case() {
    [[ " $engines " = *" $1 "* ]]
}

for case in "$golden"/${WINDROW_GOLDEN_ONLY:-}*/; do
    name=$(basename "$case")
    for engine in $(golden_engines "$name"); do
        engine_of_case "$engine" || { skip "$name on $engine" "no WINDROW_TEST_PG"; continue; }
        for form in $(golden_forms "$name"); do
            expect_success "$name on $engine, $form" 'golden_compare $engine $name $form'
        done
    done
done
[ -z "${WINDROW_GOLDEN_ONLY:-}" ] || done_testing

fresh_target sqlite
sqlite3 -bail "${db#sqlite:}" <"$root/tests/mappings/refused/schema.sql" || exit 1
for case in "$root"/tests/mappings/wrong/*/; do
    expect_success "wrong mapping $(basename "$case")" 'golden_mapping wrong/$(basename "$case")'
done
for case in "$root"/tests/mappings/refused/*/; do
    expect_success "refused mapping $(basename "$case")" 'golden_mapping refused/$(basename "$case") --to "$db"'
done
expect_success 'check --json tells the same faults of these mappings' '
    jq -r ".findings.groups[].rendered" golden.json >rendered && compare <(grep "^error" golden.txt | sort -u) <(grep "^error" rendered | sort -u)'

# Every code has such an output, or a test that provokes it in another way.
shown() {
    cat "$golden"/*/expected* "$root"/tests/mappings/*/*/printed "$root"/tests/check/golden/*/expected | grep -o '\[W[0-9]*\]\|(W[0-9]*)\|, W[0-9]*' | grep -o 'W[0-9]*' | sort -u
}
defined=$("$windrow" explain | grep -o '^W[0-9]*')
elsewhere=$(sed -n 's/^\(W[0-9]*\)  .*/\1/p' "$golden/elsewhere")
expect_success 'every code is shown by a compared output, or provoked by a test that tests/golden/elsewhere names' '
    compare - <(comm -13 <(printf "%s\n" $(shown) $elsewhere | sort -u) <(printf "%s\n" $defined | sort)) </dev/null'
expect_success 'tests/golden/elsewhere names defined codes that no output shows, and tests that are there' '
    compare - <(comm -12 <(shown) <(printf "%s\n" $elsewhere | sort)) </dev/null &&
    compare - <(comm -13 <(printf "%s\n" $defined | sort) <(printf "%s\n" $elsewhere | sort)) </dev/null &&
    while read -r code file text; do
        case $code in W*) grep -qF -- "$text" "$root/$file" || { echo "$code: $file has no \"$text\""; return 1; } ;; esac
    done <"$golden/elsewhere"'
done_testing
