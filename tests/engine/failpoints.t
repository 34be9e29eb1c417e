#!/bin/bash
# Every named place of the engine is reached, a process that dies there loses nothing, and release builds have none of them.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql

places() { sed -n 's/.*FAULT(_FAILS)\?("\([a-z_]*\)").*/\1/p; s/.*FAULT_FAILS("\([a-z_]*\)").*/\1/p; s/.*FAULT("\([a-z_]*\)").*/\1/p' "$root"/importer/run/*.c | sort -u; }
died_everywhere() {
    local place ordinal status
    for place in $(places | grep -v '^lock$'); do
        [ "$place" != after_claim ] || [ "$engine" = sqlite ] || continue
        for ordinal in 1 3; do
            target_reset
            status=0
            WINDROW_CRASH=$place:$ordinal "$windrow" load m.yaml tree --to "$db" --jobs 1 >killed.out 2>&1 </dev/null || status=$?
            [ $status = 137 ] || { [ $ordinal = 3 ] && [ $status = 3 ]; } || { echo "$place:$ordinal: status $status"; return 1; }
            finish_and_compare --jobs 1 || { echo "after $place:$ordinal"; return 1; }
        done
    done 2>/dev/null
}

rm -f reached
for engine in sqlite ${engines:-}; do
    expect_success "$engine: an undisturbed load" 'scene && target_new $engine && golden'
    expect_success "$engine: killed at each place" 'died_everywhere'
    target_reset
    WINDROW_FAULT_LOG=$PWD/reached load --jobs 1
done
expect_success 'each place is reached' 'places >all && [ "$(wc -l <all)" -ge 10 ] && sort -u reached >seen && [ -z "$(comm -23 all seen)" ] || { comm -23 all seen; false; }'
if [ -x "$root/build/windrow" ]; then
    expect_success 'a release build has none' '! strings -a "$root/build/windrow" | grep -xF -f all; ! strings -a "$root/build/windrow" | grep -E "WINDROW_(CRASH|FAULT_LOG|UNIT_BYTES|WAIT_MS)"'
else
    skip 'a release build has none' 'no build/windrow'
fi
done_testing
