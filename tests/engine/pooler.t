#!/bin/bash
# PgBouncer between windrow and the server: in session mode a load is exact, also when it is started anew in mid-load; where it
# shares sessions between clients, windrow says so before anything is touched.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
. "$root/tests/lib/holder.sh"
engine_need postgresql
PATH=$PATH:/usr/sbin
command -v pgbouncer >/dev/null || skip_all "no pgbouncer here; scripts/setup test installs it"

pooler_stop() {
    [ ! -s "$pooler/pid" ] || kill -TERM "$(cat "$pooler/pid")"
    while [ -e "$pooler/pid" ]; do sleep 0.02; done
}
trap 'pooler_stop; rm -rf -- "$pooler"; cd / && rm -rf -- "$scratch"' EXIT
pooler=$(mktemp -d "${TMPDIR:-/tmp}/windrow-pooler.XXXXXX")

pooler_start() {    # MODE: sets $through, the target by way of the pooler
    pooler_stop
    printf '[databases]\n* = host=%s user=postgres\n[pgbouncer]\nunix_socket_dir = %s\nlisten_addr =\nlisten_port = 6432\npidfile = %s/pid\nauth_type = any\npool_mode = %s\n' \
        "$WINDROW_PG_DIR" "$pooler" "$pooler" "$1" >"$pooler/ini"
    [ "$(id -u)" != 0 ] || chown -R postgres: "$pooler"
    pg_as_owner pgbouncer -q -d "$pooler/ini" >"$scratch/pooler.log" 2>&1 || { cat "$scratch/pooler.log"; return 1; }
    through="host=$pooler port=6432 ${direct#host=* }"
    until psql -X -q -d "$through" -c 'SELECT 1' >/dev/null 2>&1; do
        [ -e "$pooler/pid" ] || { cat "$scratch/pooler.log"; return 1; }
        sleep 0.02
    done
}
by_way() { db=$through; "$@"; local status=$?; db=$direct; return $status; }
sessions_idle() {   # N sessions that the pooler has at hand
    local pids='' i
    for i in $(seq "$1"); do psql -X -q -d "$through" -c 'SELECT pg_sleep(0.3)' >/dev/null & pids="$pids $!"; done
    for i in $pids; do wait "$i"; done
}
refused() {
    by_way expect_status 5 load --jobs "$1" && contains last.out W0506 "session mode" &&
        [ "$(sql "SELECT to_regnamespace('windrow') IS NULL")" = t ] && expect_counts users 0 events 0
}

expect_success 'an undisturbed load' 'scene && target_new postgresql && direct=$db && golden'
expect_success 'session mode: one worker, and four' '
    pooler_start session && target_reset && { by_way load --jobs 1; [ $? = 3 ]; } && same_as_golden && target_reset && { by_way load --jobs 4; [ $? = 3 ]; } && same_as_golden'
expect_success 'session mode: the pooler is started anew in mid-load: the load recovers by itself' '
    target_reset && by_way paused chunk_after_commit:2 && pooler_start session && go_on && { [ $paused_status = 3 ] || { cat paused.out; false; }; } && same_as_golden'
shared_from_now() {     # the pooler shares sessions from the end of the next transaction on
    sed -i 's/^pool_mode = .*/pool_mode = transaction/' "$pooler/ini" && kill -HUP "$(cat "$pooler/pid")" && kill -CONT $pid && until_stopped "the third chunk"
}
first_goes_on() { local pid=$first; go_on; }     # locked() has a pid of its own
expect_success 'the pooler begins to share sessions in mid-load, and another client gets that of the worker: nothing is written in a strange one' '
    target_reset && by_way paused chunk_after_commit:2:stop,chunk_after_commit:3 && shared_from_now && first=$pid && by_way locked "SELECT 1" first_goes_on && [ $paused_status = 5 ] &&
    contains paused.out W0506 && finish_and_compare'
expect_success 'transaction mode: refused before anything is touched' 'pooler_start transaction && target_reset && refused 1 && refused 4'
expect_success 'transaction mode: the same where the pooler has other sessions at hand' 'sessions_idle 4 && refused 1'
expect_success 'statement mode: refused' 'pooler_start statement && refused 1'
expect_success 'transaction mode: status and schema are refused in the same words' '
    pooler_start transaction && expect_status 5 "$windrow" status --to "$through" 2>said && contains said W0506 "session mode"'
done_testing
