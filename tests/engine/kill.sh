# tests/engine/kill.sh ENGINE: kill a load before each of its system calls, and let the same command finish it.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need "$1"

# Every STEP-th call; 1 in scripts/torture. In the gate all calls on SQLite and every third on PostgreSQL, where each
# takes three times as long: more than 1,000 together.
case $1 in postgresql) step=${WINDROW_KILL_STEP:-3} ;; *) step=${WINDROW_KILL_STEP:-1} ;; esac

killed_anywhere() {
    local n calls points=0 bad=0 status
    calls=$("$tools/strike" count all -m m.yaml -- "$windrow" load m.yaml tree --to "$db" --jobs 1 3>&1 >/dev/null 2>&1 </dev/null)
    [ "$calls" -gt 400 ] || { echo "only $calls calls"; return 1; }
    for n in $(seq 1 "$step" "$calls"); do
        target_reset
        status=0
        "$tools/strike" kill "$n" -m m.yaml -- "$windrow" load m.yaml tree --to "$db" --jobs 1 >killed.out 2>&1 </dev/null || status=$?
        case $status in 137) ;; 124) [ "$n" -gt $((calls - 20)) ] || { echo "call $n never came"; bad=$((bad + 1)); } ;; *)
            echo "call $n: status $status"; bad=$((bad + 1)) ;; esac
        points=$((points + 1))
        finish_and_compare --jobs 1 >why.out 2>&1 || { echo "killed before call $n:"; cat why.out; bad=$((bad + 1)); }
        [ "$bad" -lt 5 ] || break
    done
    echo "$points points, $bad bad"
    echo "# $1: killed before $points of $calls system calls, $bad wrong" >&3
    [ "$bad" = 0 ]
}

# Where threads are at work, places are chosen by chance.
killed_at_random() {
    local i calls n bad=0 rounds=${WINDROW_RANDOM_KILLS:-40}
    calls=$("$tools/strike" count all -m m.yaml -- "$windrow" load m.yaml tree --to "$db" --jobs 2 3>&1 >/dev/null 2>&1 </dev/null)
    RANDOM=${WINDROW_SEED:-7}
    for i in $(seq "$rounds"); do
        n=$((RANDOM % calls + 1))
        target_reset
        "$tools/strike" kill "$n" -m m.yaml -- "$windrow" load m.yaml tree --to "$db" --jobs 2 >killed.out 2>&1 </dev/null
        # and once more while it is being finished
        n=$((RANDOM % calls + 1))
        "$tools/strike" kill "$n" -m m.yaml -- "$windrow" load m.yaml tree --to "$db" --jobs 2 >killed.out 2>&1 </dev/null
        finish_and_compare --jobs 2 >why.out 2>&1 || { echo "round $i, second kill before call $n:"; cat why.out; bad=$((bad + 1)); }
    done
    echo "# $1: $rounds times killed twice at random, $bad wrong" >&3
    [ "$bad" = 0 ]
}

exec 3>&1
expect_success 'an undisturbed load: ledger and data agree' 'scene && target_new '"$1"' && golden'
expect_success 'killed before any system call, the same command ends in the same rows' 'target_reset && killed_anywhere '"$1"
expect_success 'with two workers, killed twice at random' 'target_reset && killed_at_random '"$1"
done_testing
