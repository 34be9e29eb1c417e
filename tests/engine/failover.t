#!/bin/bash
# The target goes back behind what it has acknowledged: a standby that lags takes over, a backup is restored; or another server
# answers. Nothing stands twice, nothing is counted twice, and the loss is told.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need postgresql

trap 'pg_forget_standby; pg_stop; cd / && rm -rf -- "$scratch"' EXIT
# A copy of the server as it is now, that will follow it no further: stopped until it is needed.
standby_taken() {
    standby=$WINDROW_PG_DIR.standby
    pg_forget_standby
    install -d -m 700 -o "$(stat -c %U "$WINDROW_PG_DIR")" "$standby" &&
        pg_as_owner "$(pg_bindir)/pg_basebackup" -h "$WINDROW_PG_DIR" -U postgres -D "$standby/data" -R -X stream -c fast --no-sync
}
standby_ctl() {
    pg_as_owner "$(pg_bindir)/pg_ctl" -D "$standby/data" -w -s "$@" </dev/null >>"$standby/log" 2>&1
}
standby_started() {
    standby_ctl -l "$standby/server.log" -o "-c unix_socket_directories=$standby -c primary_conninfo=" start || { cat "$standby"/*log; return 1; }
}
pg_forget_standby() {
    [ -n "${standby:-}" ] && [ -d "$standby" ] || return 0
    [ ! -f "$standby/data/postmaster.pid" ] || standby_ctl -m immediate stop
    rm -rf -- "$standby"
}
counted_once() { contains "$1" '72 read = 70 loaded + 2 rejected + 0 skipped: holds'; }

expect_success 'an undisturbed load, on a server of its own' '
    pg_start && scene && target_new postgresql && golden && other=${db/_1 /_2 } && pg_fresh "windrow_test_$$_2" >/dev/null && psql -X -q -d "$other" -f schema.sql'
both="host=$WINDROW_PG_DIR,$WINDROW_PG_DIR.standby ${db#host=* } target_session_attrs=read-write"

expect_success 'a standby takes over that lacks three chunks: they are loaded again, counted once, and told' '
    primary=$db && db=$other && { (WINDROW_CRASH=chunk_after_commit:2:kill load --jobs 1); db=$primary; } && target_reset && db=$both &&
    paused chunk_after_commit:2:stop,chunk_after_commit:5 && standby_taken && kill -CONT $pid && until_stopped "the fifth chunk" &&
    pg_ctl_quietly -m immediate stop && standby_started && db="host=$standby ${primary#host=* }" &&
    { expect_status 5 load && contains last.out "accepts no writes" W0504; } && standby_ctl promote && go_on &&
    { [ $paused_status = 3 ] || { cat paused.out; false; }; } && same_as_golden && counted_once paused.out &&
    contains paused.out W0620 "lost 3 chunks that it had acknowledged; they were loaded again"'
expect_success 'a load that was killed before: the next one says that another server has taken over since' '
    db="host=$standby ${other#host=* }" && finish_and_compare --jobs 1 && contains last.out W0620 "timeline 2, was 1"'
expect_success 'the server that was left behind comes back in the place of the other: it gets nothing' '
    db="host=$scratch/place ${primary#host=* }" && ln -sfn "$standby" place && target_reset &&
    paused chunk_after_commit:3 && standby_ctl -m immediate stop && pg_begin && ln -sfn "$WINDROW_PG_DIR" place && go_on && [ $paused_status = 5 ] &&
    contains paused.out W0523 "left behind" && ln -sfn "$standby" place && standby_started && finish_and_compare'
expect_success 'another database answers in mid-load: it is not taken for the first' '
    target_reset && paused chunk_after_commit:3 && psql -X -q -d "${db/dbname=*_1/dbname=postgres}" -c "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '"'windrow'"'" \
        -c "ALTER DATABASE windrow_test_$$_1 RENAME TO away" -c "ALTER DATABASE windrow_test_$$_2 RENAME TO windrow_test_$$_1" >/dev/null && go_on && [ $paused_status = 5 ] &&
    contains paused.out W0523 "another server or database"'
expect_success 'a backup of the time before the load is restored in mid-load: no success is claimed, the same command loads all' '
    target_reset && paused chunk_after_commit:3 && sql "TRUNCATE users, events, notes, windrow.jobs CASCADE" && go_on &&
    { [ $paused_status = 5 ] || { cat paused.out; false; }; } && contains paused.out W0620 "does not remember run 1" && finish_and_compare'
done_testing
