#!/bin/bash
# Every named place of the engine is reached, a process that dies there loses nothing, and release builds have none of them.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql

# places DIRECTORY...: the names, but for those of schema versions, which tests/schema/kill.t visits
places() { grep -rhoE 'FAULT(_FAILS)?\("[a-z_]+"\)' "$@" --include='*.c' | sed 's/.*("//; s/").*//' | grep -v '^schema_' | sort -u; }
errors='lock answer_lost sqlite_commit_lost sqlite_answer_lost'     # these make a call fail
waits='lock_held sqlite_locked'                                     # these lie where somebody else is waited for
# Can a load into this engine come by?
visited() {
    case " $errors $waits " in *" $1 "*) return 1 ;; esac
    case $engine.$1 in
    sqlite.before_commit | sqlite.after_commit | sqlite.after_commit_sent | postgresql.sqlite_* | postgresql.after_claim) return 1 ;;
    esac
}
died_everywhere() {
    local place ordinal status
    for place in $(places "$root/importer"); do
        visited "$place" || continue
        for ordinal in 1 3; do
            target_reset
            status=0
            WINDROW_CRASH=$place:$ordinal "$windrow" load m.yaml tree --to "$db" --jobs 1 >killed.out 2>&1 </dev/null || status=$?
            [ $status = 137 ] || { [ $ordinal = 3 ] && [ $status = 3 ]; } || { echo "$place:$ordinal: status $status"; return 1; }
            finish_and_compare --jobs 1 || { echo "after $place:$ordinal"; return 1; }
        done
    done 2>/dev/null
}
# The call fails at its N-th pass: the load ends with one of STATUSES (3: it has recovered).
failed_at() {   # PLACE STATUSES
    local ordinal status
    for ordinal in 1 2 3 5; do
        target_reset
        status=0
        WINDROW_FAULT_LOG=$PWD/reached WINDROW_CRASH=$1:$ordinal:error "$windrow" load m.yaml tree --to "$db" --jobs 1 >failed.out 2>&1 </dev/null || status=$?
        case " $2 " in *" $status "*) ;; *) echo "$1:$ordinal: status $status"; tail -n 3 failed.out; return 1 ;; esac
        if [ $status = 3 ]; then same_as_golden; else finish_and_compare --jobs 1; fi || { echo "after $1:$ordinal (status $status)"; return 1; }
    done
}
# Killed while it waits for another load, which does not notice.
died_waiting() {    # SPECS
    local pid status=0 first=0
    target_reset
    WINDROW_CRASH=after_copy:2:stop "$windrow" load m.yaml tree --to "$db" --jobs 1 >first.out 2>&1 </dev/null &
    pid=$!
    until [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)" = T ]; do kill -0 $pid || return 1; sleep 0.01; done
    WINDROW_FAULT_LOG=$PWD/reached WINDROW_CRASH=$1 "$windrow" load m.yaml tree --to "$db" --jobs 1 >killed.out 2>&1 </dev/null || status=$?
    kill -CONT $pid
    wait $pid || first=$?
    [ $status = 137 ] && [ $first = 3 ] || { echo "$1: status $status, the other $first"; return 1; }
    same_as_golden
}

rm -f reached
for engine in sqlite ${engines:-}; do
    expect_success "$engine: an undisturbed load" 'scene && target_new $engine && golden'
    expect_success "$engine: killed at each place" 'died_everywhere'
    target_reset
    WINDROW_FAULT_LOG=$PWD/reached load --jobs 1
    if [ $engine = sqlite ]; then
        expect_success 'sqlite: killed while another load has the file' 'died_waiting lock_held:2 2>/dev/null'
        expect_success 'sqlite: killed while another load has the lock' 'died_waiting lock:1:error,sqlite_locked:2 2>/dev/null'
        expect_success 'sqlite: a commit fails, or its answer is lost' 'failed_at sqlite_commit_lost "3 5 7" && failed_at sqlite_answer_lost "3 5 7"'
    else
        expect_success 'postgresql: the answer to a commit is lost: the ledger is asked' 'failed_at answer_lost "3 5"'
    fi
done
if [ "${engines:-}" ]; then
    expect_success 'each place is reached' 'places "$root/importer" >all && [ "$(wc -l <all)" -ge 20 ] && sort -u reached >seen && [ -z "$(comm -23 all seen)" ] || { comm -23 all seen; false; }'
else
    skip 'each place is reached' 'no WINDROW_TEST_PG'
    places "$root/importer" >all
fi
expect_success 'each place of schema versions is named in their tests' '
    for place in $(grep -rhoE "FAULT\(\"schema_[a-z_]+\"" "$root/importer/migrate" | sed "s/.*\"\(.*\)\"/\1/"); do grep -qw "$place" "$root"/tests/schema/*.t || { echo "$place"; exit 1; }; done'
if [ -x "$root/build/windrow" ]; then
    expect_success 'a release build has none' '! strings -a "$root/build/windrow" | grep -xF -f all; ! strings -a "$root/build/windrow" | grep -E "WINDROW_(CRASH|FAULT_LOG|UNIT_BYTES|WAIT_MS|PATIENCE_MS|PENDING_BYTES)"'
else
    skip 'a release build has none' 'no build/windrow'
fi
done_testing
