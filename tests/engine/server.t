#!/bin/bash
# A server of its own that has no room, is not up yet, gets settings of others, or goes on with what a dead client asked.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need postgresql

room=
end() {
    pg_ctl_quietly -m immediate stop
    [ -z "$room" ] || umount "$room"
    pg_stop
    cd / && rm -rf -- "$scratch"
}
trap end EXIT
admin() { psql -X -q -v ON_ERROR_STOP=1 -d "$db" "$@"; }
expect_success 'an undisturbed load, on a server of its own' 'scene && pg_start && target_new postgresql && golden'

not_up() {      # as in recovery, until it is told to take over
    local data=$WINDROW_PG_DIR/data
    pg_ctl_quietly -m immediate stop && pg_as_owner touch "$data/standby.signal" &&
        pg_as_owner "$(pg_bindir)/pg_ctl" -D "$data" -W -s -l "$WINDROW_PG_DIR/server.log" -o '-c hot_standby=off' start </dev/null >/dev/null 2>&1
}
was_refused() { until grep -q 'FATAL:  the database system is' "$WINDROW_PG_DIR/server.log"; do sleep 0.05; done; }
taken_over() {
    local tries
    for tries in $(seq 100); do pg_ctl_quietly promote && return; sleep 0.1; done
    cat "$WINDROW_PG_DIR"/*.log
    return 1
}
expect_success 'a server that is starting up (57P03) is waited for' '
    target_reset && paused chunk_after_commit:2 && not_up && kill -CONT $pid && was_refused && taken_over && go_on &&
    { [ $paused_status = 3 ] || { cat paused.out; false; }; } && same_as_golden && contains paused.out "1 chunk written again"'
expect_success 'one that does not come up in time: status 5, and the same command goes on later' '
    target_reset && WINDROW_PATIENCE_MS=1500 paused chunk_after_commit:2 && pg_ctl_quietly -m immediate stop && go_on && [ $paused_status = 5 ] &&
    contains paused.out W0501 && pg_begin && finish_and_compare'
slow_end() { cp m.yaml plain.yaml && printf 'after:\n  - sql: SELECT pg_sleep(300) FROM slow\n' >>m.yaml && sql 'CREATE TABLE slow AS SELECT 1'; }
expect_success 'a client that was killed in a long statement: the next one is at work within 20 seconds, nothing is unlocked by hand' '
    target_reset && slow_end && { "$windrow" load m.yaml tree --to "$db" --jobs 1 >dead.out 2>&1 & pid=$!; } &&
    until [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = '"'PgSleep'"'")" = 1 ]; do kill -0 $pid || { cat dead.out; exit 1; }; sleep 0.05; done &&
    kill -KILL $pid && { wait $pid 2>/dev/null; sql "DELETE FROM slow"; start=$SECONDS; finish_and_compare --jobs 1; } && [ $((SECONDS - start)) -le 20 ]; got=$?
    mv plain.yaml m.yaml; sql "DROP TABLE slow"; [ $got = 0 ]'

roomy() {       # SIZE DIRECTORY: a file system of this size there
    mkdir -p "$2" && mount -t tmpfs -o "size=$1" tmpfs "$2" && room=$2 && chown postgres: "$2" && chmod 700 "$2"
}
give_room() { umount "$room" && room=; }
if ! [ "$(id -u)" = 0 ] || ! { mkdir probe && mount -t tmpfs -o size=1m tmpfs probe && umount probe; } 2>/dev/null; then
    skip 'a server whose disk is full' 'file systems cannot be mounted here'
    done_testing
fi
in_no_time() { local start=$SECONDS; "$@" || return; [ $((SECONDS - start)) -le 5 ] || { echo "took $((SECONDS - start)) seconds"; return 1; }; }
expect_success 'no room for a table (53100): status 5 at once, nothing of the chunk is kept; with room the same command goes on' '
    target_reset && roomy 8m "$WINDROW_PG_DIR/room" && admin -c "CREATE TABLESPACE room LOCATION '"'$WINDROW_PG_DIR/room'"'" -c "ALTER TABLE events SET TABLESPACE room" &&
    { cat /dev/zero >"$room/filler" 2>/dev/null || true; } && in_no_time expect_status 5 load --jobs 1 && contains last.out W0524 53100 && expect_counts events 0 &&
    rm "$room/filler" && finish_and_compare; got=$?
    admin -c "ALTER TABLE events SET TABLESPACE pg_default" -c "DROP TABLESPACE room" && give_room && [ $got = 0 ]'
expect_success 'no room for the log: the server goes down; with room, and when it is up again, the same command goes on' '
    target_reset && pg_ctl_quietly stop && roomy 100m "$WINDROW_PG_DIR/wal" && cp -a "$WINDROW_PG_DIR/data/pg_wal/." "$room" && mv "$WINDROW_PG_DIR/data/pg_wal" "$WINDROW_PG_DIR/kept" &&
    ln -s "$room" "$WINDROW_PG_DIR/data/pg_wal" && pg_begin && WINDROW_PATIENCE_MS=1500 paused chunk_after_commit:3 &&
    { cat /dev/zero >"$room/filler" 2>/dev/null; sql "SELECT pg_switch_wal(); CREATE TABLE more AS SELECT 1; SELECT pg_switch_wal(); DROP TABLE more; SELECT pg_switch_wal(); CREATE TABLE more AS SELECT 1"; true; } &&
    go_on && [ $paused_status = 5 ] && rm "$room/filler" && { pg_ctl_quietly -m immediate stop; pg_begin; } && sql "DROP TABLE IF EXISTS more" && finish_and_compare'
done_testing
