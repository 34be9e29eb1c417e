#!/bin/bash
# System calls and allocations that fail: a clean refusal or no trace of it, never a crash, a hang or an end in 0; and the
# same command ends in the same rows.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need

limit() { timeout -k 1 20 "$@" >fault.out 2>&1 </dev/null; }
windrow_load() { echo "$windrow" load m.yaml tree --to "$db" --jobs 1; }

# sweep ERRNO CALLS STEP [on]: call 1, 1 + STEP, ... of these fails, until there are no more.
sweep() {
    local n=1 bad=0 status
    while :; do
        target_reset
        status=0
        # shellcheck disable=SC2046
        limit "$tools/strike" fail "$n" "$1" "$2" ${4:-} -m m.yaml -- $(windrow_load) || status=$?
        [ "$status" != 124 ] || break
        case $status in
        1 | 2 | 3 | 5 | 7) ;;
        *) echo "$1 at $2 $n: status $status"; tail -n 3 fault.out; bad=$((bad + 1)) ;;
        esac
        after_fault "$status" || { echo "$1 at $2 $n (status $status):"; tail -n 2 fault.out; cat why.out; bad=$((bad + 1)); }
        points=$((points + 1))
        [ "$bad" -lt 4 ] || return 1
        n=$((n + $3))
    done
    [ "$bad" = 0 ] && [ "$n" -gt 1 ]
}

# Rows, files, and that nothing is open: without rejects and sums, since a file that could not be read was refused first.
core_of() { grep -E '^(users|events|notes|file|open|units)' "$1"; }

after_fault() {
    if [ "$1" = 3 ] && ! same_as_golden >why.out 2>&1; then
        load --jobs 1   # what could not be read is read now
        dump >actual.out 2>&1
        [ "$(core_of golden.out)" = "$(core_of actual.out)" ] || { diff golden.out actual.out >why.out; return 1; }
        return 0
    fi
    [ "$1" = 3 ] || finish_and_compare --jobs 1 >why.out 2>&1
}

points=0
s=${WINDROW_FAULT_STEP:-1}
expect_success 'an undisturbed load: ledger and data agree' 'scene && target_new sqlite && golden'
expect_success 'ENOSPC, once' 'sweep ENOSPC pwrite64,ftruncate,fallocate $s'
expect_success 'ENOSPC, from there on' 'sweep ENOSPC pwrite64,ftruncate,fallocate $((2 * s)) on'
expect_success 'EIO in writing and syncing' 'sweep EIO pwrite64,fsync,fdatasync $((2 * s)) && sweep EIO fsync,fdatasync $s on'
expect_success 'EIO in reading' 'sweep EIO read,pread64 $s'
expect_success 'EINTR' 'sweep EINTR read,pread64,pwrite64 $((2 * s))'
expect_success 'EMFILE' 'sweep EMFILE openat $s && sweep EMFILE openat $((4 * s)) on'
# Not brk: the kernel answers a brk that it refuses with the old end, an error number there is no fault that can occur.
expect_success 'EACCES and ENOMEM' 'sweep EACCES openat $((2 * s)) && sweep ENOMEM mmap 1'
echo "# $points system calls failed"

allocations() { # STEP [on [FIRST LAST]]: counted from the first open of $mark
    local n bad=0 status all
    target_reset
    MALLOC_MARK=$mark MALLOC_COUNT=$PWD/count limit env LD_PRELOAD=$tools/malloc.so $(windrow_load)
    all=$(cat count)
    [ "$all" -gt 100 ] || { echo "only $all"; return 1; }
    for n in $(seq "${3:-1}" "$1" "${4:-$all}"); do
        target_reset
        status=0
        MALLOC_FAIL_ON=${2:+1} MALLOC_FAIL_AT=$n MALLOC_MARK=$mark
        export MALLOC_FAIL_AT MALLOC_MARK
        [ -z "${2:-}" ] && unset MALLOC_FAIL_ON || export MALLOC_FAIL_ON
        limit env LD_PRELOAD=$tools/malloc.so $(windrow_load) || status=$?
        unset MALLOC_FAIL_ON MALLOC_FAIL_AT MALLOC_MARK
        case $status in 1 | 2 | 3 | 5 | 7) ;; *) echo "allocation $n: status $status"; tail -n 3 fault.out; bad=$((bad + 1)) ;; esac
        allocated=$((allocated + 1))
        if [ "$status" = 3 ]; then same_as_golden >why.out 2>&1; else finish_and_compare --jobs 1 >why.out 2>&1; fi ||
            { echo "allocation $n (status $status):"; tail -n 2 fault.out; cat why.out; bad=$((bad + 1)); }
        [ "$bad" -lt 4 ] || return 1
    done
    [ "$bad" = 0 ]
}
allocated=0 mark=m.yaml
expect_success 'an allocation fails, once' 'allocations ${WINDROW_MALLOC_STEP:-41}'

expect_success 'all allocations fail from one on' 'allocations ${WINDROW_MALLOC_STEP_ON:-151} on'
# What is left of an address when memory ends would pass for the whole of it.
one_refused() {
    rm -rf tree/u* && echo '{"id":"x","text":"no number"}' >tree/log/d1.jsonl && target_reset && { load --jobs 1; [ $? = 3 ]; } &&
        dump >golden.out && contains golden.out 'd1.jsonl|1|7|6|/id|events|W0412'
}
expect_success 'an allocation fails while a record is refused' '
    one_refused && mark=d1.jsonl && allocations 1 "" 1 50'
echo "# $allocated allocations failed"
done_testing
