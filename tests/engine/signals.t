#!/bin/bash
# Signals: the first ends after the chunk, the second rolls it back; stopped in any place, the same command goes on.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql

# interrupted SIGNALS STEP: at call 1, 1 + STEP ... of the load
interrupted() {
    local n=1 bad=0 status
    while :; do
        target_reset
        status=0
        timeout 20 "$tools/strike" signal "$n" "$(echo "$1" | sed "s/NEXT/$((n + 3))/")" -m m.yaml -- "$windrow" load m.yaml tree --to "$db" --jobs "$3" \
            >cut.out 2>&1 </dev/null || status=$?
        [ "$status" != 124 ] || break
        case $status in
        3) same_as_golden >why.out 2>&1 ;;  # the last chunk was being done
        7) grep -q 'run the same command again' cut.out && finish_and_compare >why.out 2>&1 ;;
        5) grep -q 'another windrow' cut.out && finish_and_compare >why.out 2>&1 ;;
        *) echo "status $status" >why.out; false ;;
        esac || { echo "$1 at call $n (status $status):"; tail -n 3 cut.out; cat why.out; bad=$((bad + 1)); }
        [ "$bad" -lt 4 ] || return 1
        stops=$((stops + 1)); [ "$status" = 7 ] && sevens=$((sevens + 1))
        n=$((n + $2))
    done
    [ "$bad" = 0 ]
}
stops=0 sevens=0
for engine in sqlite ${engines:-}; do
    expect_success "$engine: an undisturbed load" 'scene && target_new $engine && golden'
    expect_success "$engine: SIGINT once, SIGTERM once" 'interrupted INT ${WINDROW_SIGNAL_STEP:-29} 1 && interrupted TERM 97 1'
    expect_success "$engine: SIGINT twice" 'interrupted INT,NEXT,INT ${WINDROW_SIGNAL_STEP:-41} 1'
    expect_success "$engine: SIGINT with two workers" 'interrupted INT 61 2'
done
expect_success "most were interrupted" '[ $sevens -gt $((stops / 2)) ] || { echo "$sevens of $stops"; false; }'
echo "# $stops signals, $sevens ended in 7"
done_testing
