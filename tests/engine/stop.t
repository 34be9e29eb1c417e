#!/bin/bash
# Whoever asks to stop is heard wherever the load waits: the first signal finishes the chunk, the second ends all waiting.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql

pid=
started() { "$windrow" load m.yaml tree --to "${through:-$db}" "$@" >stopped.out 2>&1 </dev/null & pid=$!; }
# until_true COMMAND...: looks again and again, for as long as the load lives
until_true() {
    until "$@" >/dev/null 2>&1; do
        kill -0 $pid 2>/dev/null || { echo "ended before: $*"; cat stopped.out; return 1; }
        sleep 0.02
    done
}
is_stopped() { [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)" = T ]; }
has_burnt() { [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f12)" -ge 30 ]; }    # 0.3 s of processor time
is_waiting() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")" -ge "${1:-1}" ]; }
is_sleeping() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")" = 1 ]; }
no_backend() { [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'windrow'")" = 0 ]; }

# ends_in SECONDS: with 7 and the line that says how to go on
ends_in() {
    local status=0 start=$SECONDS
    wait $pid || status=$?
    [ $status = 7 ] && [ $((SECONDS - start)) -le "$1" ] && contains stopped.out 'run the same command again' ||
        { echo "status $status after $((SECONDS - start)) seconds"; cat stopped.out; return 1; }
}
twice() { kill -INT $pid; kill -TERM $pid 2>/dev/null || :; }    # the first may have been enough
# The server has heard of it too: it does not go on until it finds out by itself (ten seconds).
server_is_free() {
    local start=$SECONDS
    until no_backend; do [ $((SECONDS - start)) -lt 6 ] || { sql 'TABLE pg_stat_activity'; return 1; }; sleep 0.05; done
}

# A session of somebody else that has done STATEMENTS and keeps its transaction: hold STATEMENTS; release
hold() {
    rm -f other; mkfifo other
    if [ "$engine" = sqlite ]; then sqlite3 -bail "${db#sqlite:}" <other >held.out & else psql -X -q -A -t -d "$db" <other >held.out & fi
    other=$!
    exec 9>other
    echo "BEGIN${2:-}; $1; SELECT 'held';" >&9
    until grep -q held held.out; do kill -0 $other || return 1; sleep 0.02; done
}
release() { exec 9>&-; wait $other; }

with_after() { scene; printf 'after:\n  - sql: %s\n' "$1" >>m.yaml; }

one_huge_record() {
    cat >m.yaml <<'YAML'
windrow: 1
name: huge
tables:
  events:
    from: "huge.json"
    each: .items[]
    columns: {id: .n, text: .text}
YAML
    rm -rf tree && mkdir tree
    perl -e 'print "{\"items\":["; print join ",", map { "{\"n\":$_,\"text\":\"" . "x" x 90 . "\"}" } 1 .. 120000; print "]}\n"' >tree/huge.json
}

# A load whose second chunk waits for a lock, stopped while it does.
locked_out() {
    rm -f passed
    target_reset && WINDROW_FAULT_LOG=$PWD/passed WINDROW_CRASH=after_claim:2:stop,sqlite_locked:2:stop started --jobs 1 && until_true is_stopped && hold "SELECT 1" " IMMEDIATE" &&
        kill -CONT $pid && until_true grep -q "^sqlite_locked" passed && until_true is_stopped
}

engine=sqlite
expect_success 'sqlite: an undisturbed load' 'scene && target_new sqlite && golden'
expect_success 'sqlite: waiting for a lock, one signal: the chunk is finished when the lock is free' '
    locked_out && kill -INT $pid && kill -CONT $pid && until_true grep -q "finishing" stopped.out && kill -0 $pid; got=$?; release; [ $got = 0 ] && ends_in 10 && finish_and_compare'
expect_success 'sqlite: waiting for a lock, two signals: at once' '
    locked_out && twice && kill -CONT $pid && ends_in 3; got=$?; release; [ $got = 0 ] && finish_and_compare'
expect_success 'sqlite: a statement of after: that has no end, two signals' '
    target_reset && with_after "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c" && started --jobs 1 &&
    until_true has_burnt && twice && ends_in 3 && [ "$(sql "SELECT state FROM windrow_runs")" = interrupted ]'
expect_success 'sqlite: in the middle of one huge record, two signals: its rest is not mapped, none of it is there' '
    target_reset && one_huge_record && rm -f passed && WINDROW_FAULT_LOG=$PWD/passed WINDROW_CRASH=after_copy:1:stop started --jobs 1 && until_true is_stopped && twice &&
    kill -CONT $pid && ends_in 5 && [ "$(grep -c "^after_copy$" passed)" = 1 ] && expect_counts events 0 && load --jobs 1 && expect_counts events 120000'
expect_success 'sqlite: waiting for another windrow, one signal is enough' '
    scene && target_reset && WINDROW_CRASH=after_copy:1:stop started && until_true is_stopped && first=$pid &&
    WINDROW_CRASH=lock_held:2:stop started && until_true is_stopped && kill -INT $pid && kill -CONT $pid && ends_in 3; got=$?
    kill -CONT $first; wait $first; [ $got = 0 ] && same_as_golden'

if [ "${engines:-}" ]; then
    expect_success 'postgresql: an undisturbed load' 'scene && target_new postgresql && golden'
    expect_success 'postgresql: waiting for a lock, one signal: the chunk is finished when the lock is free' '
        target_reset && hold "LOCK TABLE notes" && started --jobs 1 && until_true is_waiting && kill -INT $pid && until_true grep -q "finishing" stopped.out &&
        is_waiting; got=$?; release; [ $got = 0 ] && ends_in 10 && finish_and_compare'
    expect_success 'postgresql: two workers wait for a lock, two signals: at once, and the server knows' '
        target_reset && hold "LOCK TABLE notes, users, events" && started --jobs 2 && until_true is_waiting 2 && twice && ends_in 5 && server_is_free; got=$?
        release; [ $got = 0 ] && finish_and_compare'
    expect_success 'postgresql: a statement of after: that takes an hour, two signals' '
        target_reset && with_after "SELECT pg_sleep(3600)" && started --jobs 1 && until_true is_sleeping && twice && ends_in 5 && server_is_free &&
        [ "$(sql "SELECT state FROM windrow.runs")" = interrupted ] && scene'
    expect_success 'postgresql: in the middle of one huge record, two signals: its rest is not mapped, none of it is there' '
        target_reset && one_huge_record && rm -f passed && WINDROW_FAULT_LOG=$PWD/passed WINDROW_CRASH=after_copy:1:stop started --jobs 1 && until_true is_stopped && twice &&
        kill -CONT $pid && ends_in 5 && [ "$(grep -c "^after_copy$" passed)" = 1 ] && expect_counts events 0 && server_is_free && scene'
    proxied() {
        rm -f proxy.report
        "$tools/proxy" proxy.report "$@" & proxy=$!
        until [ -s proxy.report ]; do sleep 0.01; done
        through="host=127.0.0.1 port=$(head -n 1 proxy.report) dbname=${db#*dbname=} sslmode=disable gssencmode=disable"
    }
    unproxied() { kill -TERM $proxy; wait $proxy; through=; }
    expect_success 'postgresql: a server that falls silent in a chunk, two signals' '
        target_reset && proxied "$WINDROW_PG_DIR/.s.PGSQL.5432" swallow client 240 && started --jobs 1 && until_true grep -q struck proxy.report && twice && ends_in 5; got=$?
        unproxied; [ $got = 0 ] && finish_and_compare'
    for kind in silent mute; do
        expect_success "postgresql: a server that is $kind from the start" '
            proxied $kind && started --jobs 1 && until_true grep -q taken proxy.report && { if [ $kind = mute ]; then twice; else kill -INT $pid; fi; } && ends_in 5; got=$?
            unproxied; [ $got = 0 ]'
    done
fi
done_testing
