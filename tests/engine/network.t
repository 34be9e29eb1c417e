#!/bin/bash
# The connection to PostgreSQL is cut at every message, its answers are lost, the server goes away: the rows come once.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need postgresql

proxy_pid=
proxy_stop() {
    [ -z "$proxy_pid" ] || { kill -TERM "$proxy_pid" 2>/dev/null; wait "$proxy_pid" 2>/dev/null; }
    proxy_pid=
}

# proxy_start ACTION DIRECTION N [TEXT]; sets $through, the target by way of the proxy.
proxy_start() {
    rm -f proxy.report
    case $1 in
    silent | mute) "$tools/proxy" proxy.report "$1" & ;;
    *) "$tools/proxy" proxy.report "$WINDROW_PG_DIR/.s.PGSQL.5432" "$@" & ;;
    esac
    proxy_pid=$!
    until [ -s proxy.report ]; do sleep 0.01; done
    through="host=127.0.0.1 port=$(head -n 1 proxy.report) dbname=${db#*dbname=} sslmode=disable gssencmode=disable"
}

load_through() {
    local status=0
    timeout 45 "$windrow" load m.yaml tree --to "$through" --jobs 1 "$@" >cut.out 2>&1 </dev/null || status=$?
    return $status
}

# one_cut OUTCOME ACTION DIRECTION N [TEXT]. The load recovers by itself (3). Where OUTCOME is "ends" it may also give up with
# 5, since it may be the first connection of all; then the same command, in peace, ends it. A wait beyond the deadline is 124.
one_cut() {
    local status=0 outcome=$1
    shift
    target_reset
    proxy_start "$@"
    load_through || status=$?
    proxy_stop
    case $outcome.$status in
    *.3) same_as_golden ;;
    ends.5) finish_and_compare --jobs 1 ;;
    *) echo "status $status"; tail -n 5 cut.out; return 1 ;;
    esac
}

# cuts OUTCOME ACTION DIRECTION FIRST LAST STEP [TEXT]
cuts() {
    local n bad=0
    for n in $(seq "$4" "$6" "$5"); do
        one_cut "$1" "$2" "$3" "$n" "${7:-}" >why.out 2>&1 || { echo "$2 at $3 message $n ${7:-}:"; cat why.out; bad=$((bad + 1)); }
        cut=$((cut + 1))
        [ "$bad" -lt 3 ] || return 1
    done
    [ "$bad" = 0 ]
}

# A load through the proxy that lists where COMMIT is sent, as "messages of the client, of the server".
commits_listed() {
    target_reset
    proxy_start list client 0 COMMIT
    load_through
    [ $? = 3 ] || { cat cut.out; return 1; }
    proxy_stop
    sed 1d proxy.report >listed
    commits=$(($(wc -l <listed) - 1))
    read -r from_client from_server _ < <(tail -n 1 listed)
    [ "$commits" -ge 6 ] && [ "$from_client" -gt 100 ] && [ "$from_server" -gt 100 ] || { cat listed; return 1; }
    # The list of work: from the message behind the COMMIT of the ledger's tables to its own.
    read -r plan_client plan_server _ < <(sed -n 1p listed)
    read -r plan_client_end plan_server_end _ < <(sed -n "${planning}p" listed)
    # The third chunk: from the message behind the COMMIT of the second to its own.
    read -r chunk_client chunk_server _ < <(sed -n "$((planning + 2))p" listed)
    read -r chunk_client_end chunk_server_end _ < <(sed -n "$((planning + 3))p" listed)
}

cut=0
planning=2      # COMMITs before that of the first chunk: the ledger's tables, the list of work
export WINDROW_WAIT_MS=400 PGCONNECT_TIMEOUT=2
expect_success 'an undisturbed load: ledger and data agree' 'scene && target_new postgresql && golden && commits_listed'
expect_success 'the commits of the plan: reset, unanswered, half-closed' '
    for action in rst answer after half; do cuts recovers $action client 1 $planning 1 COMMIT || exit 1; done'
p=${WINDROW_CUT_STEP:-5}
expect_success 'reset while the list of work is made: it is made once more' '
    cuts recovers rst client $((plan_client + 1)) "$plan_client_end" $p && cuts recovers rst server $((plan_server + 1)) "$plan_server_end" $p'
first=$((planning + 1))
expect_success 'COMMIT does not reach the server: each of them' 'cuts recovers rst client $first $commits 1 COMMIT'
expect_success 'COMMIT reaches it, the answer is lost: each of them' 'cuts recovers answer client $first $commits 1 COMMIT'
expect_success 'COMMIT reaches it, and the connection is reset at once: each of them' 'cuts recovers after client $first $commits 1 COMMIT'
expect_success 'COMMIT is on its way when the side of the server is closed: each of them' 'cuts recovers half client $first $commits 1 COMMIT'
expect_success 'no answer to COMMIT ever' 'cuts recovers swallow client $first $commits 2 COMMIT'
s=${WINDROW_CUT_STEP:-40}
expect_success 'reset at every message of the client in one chunk' 'cuts recovers rst client $((chunk_client + 1)) $chunk_client_end 1'
expect_success 'reset at every message of the server in one chunk' 'cuts recovers rst server $((chunk_server + 1)) $chunk_server_end 1'
expect_success 'reset somewhere' '
    cuts ends rst client 1 "$from_client" $s && cuts ends after client 2 "$from_client" $s &&
    cuts ends rst server 3 "$from_server" $s && cuts ends after server 4 "$from_server" $s'
expect_success 'half-closed somewhere' 'cuts ends half client 3 "$from_client" $((s * 3))'
expect_success 'swallowed for ever, both ways' 'cuts ends swallow client 5 "$from_client" $((s * 4)) && cuts ends swallow server 6 "$from_server" $((s * 4))'
echo "# $cut cuts"

at_most() {     # SECONDS COMMAND...
    local start=$SECONDS limit=$1
    shift
    "$@"
    [ $((SECONDS - start)) -le "$limit" ] || { echo "took $((SECONDS - start)) seconds: $*"; return 1; }
}
expect_success 'a server that accepts and never answers: status 5 within the deadline' '
    proxy_start silent; at_most 8 expect_status 5 load_through; got=$?; proxy_stop
    proxy_start mute; at_most 8 expect_status 5 load_through || got=1; proxy_stop
    [ $got = 0 ]'

expect_success 'a statement that takes longer than any answer may: waited for while the server is at work' '
    target_reset && cp m.yaml plain.yaml && printf "after:\n  - sql: SELECT pg_sleep(3)\n" >>m.yaml && { load --jobs 1; [ $? = 3 ]; }; got=$?
    mv plain.yaml m.yaml; [ $got = 0 ] || { cat last.out; false; }'

# The load stops itself at a place; something happens to the server; the load goes on.
meanwhile() {   # FAULT COMMAND... (sees $pid)
    local status=0 fault=$1 pid
    shift
    target_reset || return 1
    WINDROW_CRASH=$fault:stop timeout 60 "$windrow" load m.yaml tree --to "$db" --jobs 1 >cut.out 2>&1 </dev/null &
    pid=$!
    until child=$(pgrep -P "$pid") && [ "$(sed "s/.*) //" "/proc/$child/stat" 2>/dev/null | cut -c1)" = T ]; do
        kill -0 "$pid" 2>/dev/null || { echo "ended before $fault"; cat cut.out; return 1; }
        sleep 0.01
    done
    "$@" || { kill -KILL "$child"; return 1; }
    kill -CONT "$child"
    wait "$pid" || status=$?
    meanwhile_status=$status
}
terminate_all() {
    local name=${db#*dbname=} ended
    ended=$(PGDATABASE=postgres pg_psql -c "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
        WHERE application_name = 'windrow' AND datname = '${name%% *}'")
    [ "$ended" -gt 0 ] || { echo "no backend of ${name%% *} to terminate"; return 1; }
}
unset WINDROW_WAIT_MS PGCONNECT_TIMEOUT
for place in chunk_before_commit:2 after_copy:2 after_cas:3 chunk_after_commit:2 after_merge:1 before_end:1; do
    expect_success "backends terminated at $place: the load recovers by itself" '
        meanwhile "$place" terminate_all && { [ "$meanwhile_status" = 3 ] || { cat cut.out; false; }; } && same_as_golden'
done
expect_success "paused between COPY and the compare-and-swap, cut off and overtaken: it writes nothing" '
    overtake() { terminate_all; load --jobs 1; echo "second: $?"; same_as_golden; }
    meanwhile after_copy:3 overtake && { [ "$meanwhile_status" = 0 ] || [ "$meanwhile_status" = 3 ] || { cat cut.out; false; }; } && same_as_golden'

if [ -n "${WINDROW_PG_DIR:-}" ] && [ -z "${WINDROW_TEST_SHARED:-}" ]; then
    # A server of its own: the others of the suite go on.
    expect_success 'a server that stops at once in mid-load, and is started again' '
        saved=$(declare -p WINDROW_PG_DIR WINDROW_TEST_PG PGHOST PGPORT PGUSER PGDATABASE 2>/dev/null)
        pg_start && db="host=$WINDROW_PG_DIR dbname=windrow_test user=postgres" && psql -X -q -d "$db" -f schema.sql || exit 1
        good=0
        for place in chunk_before_commit:3 after_copy:1 chunk_after_commit:1; do
            meanwhile "$place" pg_restart immediate
            case $meanwhile_status in 3) same_as_golden ;; 5) finish_and_compare ;; *) cat cut.out; false ;; esac || good=1
        done
        pg_stop
        eval "${saved//declare -x/export}"
        [ $good = 0 ]'
fi
done_testing
