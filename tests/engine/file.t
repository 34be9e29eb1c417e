#!/bin/bash
# A SQLite file in other hands: locked in each state, with the journal of a writer that died, without its -wal, with that of
# another file, with a ledger of another format.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
. "$root/tests/lib/holder.sh"
engine_need

export WINDROW_WAIT_MS=300
busy() { expect_status 5 load --jobs 1 && contains last.out W0550; }
exact() { target_reset && "$@" && finish_and_compare --jobs 1; }
expect_success 'an undisturbed load' 'scene && target_new sqlite && golden'
expect_success 'another process reads: in WAL mode nobody is in the way' '
    target_reset && sql "PRAGMA journal_mode = wal" >/dev/null && locked "SELECT count(*) FROM users" load --jobs 1; [ $? = 3 ] && same_as_golden'
expect_success 'another process reads a file that is not in WAL mode yet: status 5 after the wait, and later the load' 'exact locked "SELECT count(*) FROM users" busy'
for state in RESERVED EXCLUSIVE; do
    statements="CREATE TABLE held (x); DROP TABLE held"
    [ $state = RESERVED ] || statements="COMMIT; BEGIN EXCLUSIVE"
    expect_success "another process holds the $state lock: status 5 after the wait, and later the load" 'exact locked "$statements" busy'
done
lets_go() {
    "$windrow" load m.yaml tree --to "$db" --jobs 1 >last.out 2>&1 &
    local loading=$!
    until find "/proc/$loading/fd" -lname '*/t.db' | grep -q .; do kill -0 $loading || return 1; sleep 0.01; done
    printf 'ROLLBACK;\n' >&"$to"
    wait $loading
}
expect_success 'a lock that is let go in time is waited for' '
    target_reset && WINDROW_WAIT_MS=20000 locked "CREATE TABLE held (x)" lets_go; [ $? = 3 ] && same_as_golden'

dead_writer() {     # in the middle of a transaction that has reached the file
    sql "PRAGMA journal_mode = delete" >/dev/null
    { printf 'PRAGMA cache_size = 2;\nBEGIN;\nWITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO notes SELECT i, hex(zeroblob(200)) FROM n;\n.shell kill -KILL $PPID\n'; } |
        sqlite3 -batch -init /dev/null "${db#sqlite:}" >/dev/null 2>&1
    [ -s target/t.db-journal ] || { echo "no hot journal"; ls -l target; return 1; }
}
expect_success 'the hot journal of a writer that was killed: its rows are rolled back, then the load' 'exact dead_writer'
killed() { (WINDROW_CRASH=chunk_after_commit:3:kill load --jobs 1); [ -s target/t.db-wal ] || { ls -l target; return 1; }; }
expect_success 'the -wal of a load that was killed is thrown away: what went with it is loaded again' 'target_reset && killed && rm target/t.db-wal && finish_and_compare --jobs 1'
expect_success 'the file is copied without its -wal: the copy holds less, and is loaded' '
    target_reset && killed && cp target/t.db copy.db && rm target/* && mv copy.db target/t.db && finish_and_compare --jobs 1'
expect_success 'the -wal of another file: a refusal, or the right rows' '
    target_reset && killed && cp target/t.db-wal other-wal && target_reset && sql "CREATE TABLE more (x); INSERT INTO more SELECT hex(randomblob(9000)); DROP TABLE more" && cp other-wal target/t.db-wal &&
    { load --jobs 1; case $? in 3) expect_counts users 6 events 58 notes 6 ;; 5) contains last.out error ;; *) cat last.out; false ;; esac; }'
done_testing
