#!/bin/bash
# windrow status from another terminal: while a load is at work, in a chunk, and after one that died.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
need jq
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql

# A load that stands in its third chunk, its rows written and not committed.
standing() {
    WINDROW_CRASH=after_copy:3:stop "$windrow" load m.yaml tree --to "$db" --jobs 1 >standing.out 2>&1 </dev/null &
    pid=$!
    until [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)" = T ]; do kill -0 $pid || { cat standing.out; return 1; }; sleep 0.01; done
}
status() { timeout 10 "$windrow" status --to "$db" "$@" >status.out 2>&1 </dev/null; }
# shows STATE DONE: of this run, as text and as JSON
shows() {
    status || { echo "status $?"; cat status.out; return 1; }
    grep -q "smoke .* $1 " status.out || { cat status.out; return 1; }
    status --json && jq -e --arg state "$1" --argjson done "$2" '.. | objects | select(.mapping? == "smoke") | .state == $state and (.done | tonumber) == $done' status.out >/dev/null ||
        { cat status.out; return 1; }
}

for engine in sqlite ${engines:-}; do
    expect_success "$engine: before any load" 'scene && target_new $engine && status && contains status.out "no runs"'
    expect_success "$engine: in the middle of a chunk: what is committed, without waiting, and the load goes on" '
        target_reset && standing && shows running 2; got=$?; kill -CONT $pid; wait $pid; [ $? = 3 ] && [ $got = 0 ] && shows done "$(sql "SELECT count(*) FROM $([ $engine = sqlite ] && echo windrow_units || echo windrow.units)")"'
    expect_success "$engine: after a load that was interrupted, and after one that was killed: what is done stays done" '
        target_reset && standing && kill -INT $pid && kill -CONT $pid && { wait $pid; [ $? = 7 ]; } && shows interrupted 3 && { load --jobs 1; [ $? = 3 ]; } &&
        target_reset && standing && kill -KILL $pid && { wait $pid; status; } && status 1 && { load --jobs 1; [ $? = 3 ]; } && status && grep -q " done " status.out'
    expect_success "$engine: a run that there is not: 2" 'expect_status 2 status 99'
    expect_success "$engine: a ledger of another format is refused by whoever reads it, by name, and stays as it is" '
        before=$(dump) && sql "UPDATE $([ $engine = sqlite ] && echo windrow_meta || echo windrow.meta) SET value = 2" && rm tree/u2/profile.json &&
        expect_status 5 load && grep -q W0602 last.out && expect_status 5 status && grep -q W0602 status.out &&
        expect_status 5 "$windrow" rejects list 1 --to "$db" >list.out 2>&1 && grep -q W0602 list.out &&
        expect_status 5 "$windrow" check m.yaml tree --to "$db" --level rehearse >check.out 2>&1 && grep -q W0602 check.out && [ "$before" = "$(dump)" ]'
done
done_testing
