#!/bin/bash
# Several processes at once: on PostgreSQL they share the work, on SQLite the second says who holds the file.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql

expect_success 'sqlite: an undisturbed load' 'scene && target_new sqlite && golden'
expect_success 'sqlite: the second process says who holds the file, and the first goes on' '
    target_reset && paused after_copy:2 && WINDROW_WAIT_MS=100 expect_status 5 load && contains last.out "process $pid" "t.db"; got=$?
    go_on; [ $got = 0 ] && [ $paused_status = 3 ] && same_as_golden'
expect_success 'sqlite: the second process waits, and finds nothing to do' '
    target_reset && paused after_copy:2 && first=$pid && paused lock_held:2 && second=$pid && pid=$first && go_on && [ $paused_status = 3 ] &&
    pid=$second && go_on && [ $paused_status = 0 ] && same_as_golden'
# Where the lock does not hold, the compare-and-swap does.
expect_success 'sqlite: paused after a claim and overtaken: nothing is written twice' '
    target_reset && paused after_claim:2 && { WINDROW_CRASH=lock:1:error load --jobs 1; [ $? = 3 ]; }; got=$?
    go_on; [ $got = 0 ] && { [ $paused_status = 0 ] || [ $paused_status = 3 ] || { cat paused.out; false; }; } && same_as_golden'

# Two that are past their plans, on the same unit, in a table without a key: nothing but the compare-and-swap can tell the
# second that it is late. The second one stands after its claim, with the unit's rows still to be written.
without_key() {
    scene keyless && rm -rf tree/u* && mkdir target
    printf 'windrow: 1\nname: keyless\ntables:\n  events:\n    from: "log/{day}.jsonl"\n    columns: {id: .id, text: .text}\n' >m.yaml
    db=sqlite:$PWD/target/t.db
    sql 'CREATE TABLE events (id integer, text text)'
}
kept=$db
expect_success 'sqlite: two on one unit, the late one writes nothing: by the compare-and-swap alone' '
    without_key && paused before_claim:1 && first=$pid && paused lock:1:error,after_claim:2 && second=$pid && pid=$first && go_on &&
    { [ $paused_status = 3 ] || { cat paused.out; false; }; } && expect_counts events 59 && pid=$second && go_on && expect_counts events 59 &&
    { [ $paused_status -le 3 ] || { cat paused.out; false; }; } && [ "$(sql "SELECT count(*) - count(DISTINCT unit_id) + max(gen) FROM windrow_chunks")" = 1 ]'
db=$kept

together() {    # PROCESSES ROUNDS
    local round i pids status
    for round in $(seq "$2"); do
        target_reset
        pids=
        for i in $(seq "$1"); do
            timeout 100 "$windrow" load m.yaml tree --to "$db" --jobs $((i % 2 + 1)) >together.$i 2>&1 </dev/null &
            pids="$pids $!"
        done
        for i in $pids; do
            status=0
            wait "$i" || status=$?
            case $status in 0 | 3) ;; *) echo "round $round: status $status"; tail -n 3 together.*; return 1 ;; esac
        done
        dump >actual.out
        # which of two processes is first with a row that stands twice is a matter of chance
        [ "$(grep -E "^(ledger|open|units|parts|left|run|lines)" golden.out)" = "$(grep -E "^(ledger|open|units|parts|left|run|lines)" actual.out)" ] ||
            { echo "round $round"; diff golden.out actual.out; return 1; }
    done
}
workers() {     # ROUNDS: with four workers the same rows as with one; the first of two rows of a key wins
    local round
    for round in $(seq "$1"); do
        target_reset && { timeout 30 "$windrow" load m.yaml tree --to "$db" --jobs 4 >last.out 2>&1 </dev/null; [ $? = 3 ] || { tail -n 2 last.out; return 1; }; }
        same_as_golden || { echo "round $round"; return 1; }
    done
}
expect_success 'sqlite: four workers give the rows of one' 'target_reset && workers 5'
if [ "${engines:-}" ]; then
    expect_success 'postgresql: an undisturbed load' 'target_new postgresql && golden'
    expect_success 'postgresql: four workers give the rows of one' 'workers ${WINDROW_ROUNDS:-12}'
    expect_success 'postgresql: five processes at once' 'together 5 ${WINDROW_ROUNDS:-4}'
    expect_success 'postgresql: one is paused in a chunk; another does the rest and waits for it' '
        target_reset && paused after_copy:2 && { timeout 100 "$windrow" load m.yaml tree --to "$db" --jobs 1 >second.out 2>&1 & second=$!; } &&
        until [ "$(sql "SELECT count(*) FROM windrow.units WHERE state = 0")" = 1 ]; do sleep 0.02; done && go_on && { wait $second; [ $? -le 3 ]; } &&
        [ "$(sql "SELECT state FROM windrow.runs")" = done ] && expect_counts users 6 events 58 notes 6'
    expect_success 'postgresql: one dies in a chunk; another, at work on the same load, takes it over' '
        target_reset && paused after_copy:3 && first=$pid && { timeout 100 "$windrow" load m.yaml tree --to "$db" --jobs 1 >second.out 2>&1 & second=$!; } &&
        until [ "$(sql "SELECT count(*) FROM windrow.units WHERE state = 0")" = 1 ]; do sleep 0.02; done && kill -KILL $first && { wait $first; wait $second; [ $? -le 3 ]; } &&
        [ "$(sql "SELECT state FROM windrow.runs")" = done ] && expect_counts users 6 events 58 notes 6 && [ "$(sql "SELECT count(*) FROM windrow.units WHERE gen <> 1 OR state <> 1")" = 0 ]'
fi
done_testing
