#!/bin/bash
# A server that speaks nonsense, threatens with size or paints the terminal: status 5 in bounded time and memory, and what it said
# is shown as text. WINDROW_MUTATIONS answers with a byte changed (8), from WINDROW_SEED on.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
need perl

babel=
trap '[ -z "$babel" ] || kill "$babel" 2>/dev/null; cd / && rm -rf -- "$scratch"' EXIT
spoken_to() {   # WHAT [SEED]: what windrow makes of it is in last.out, its status in $status; it has 400 MB of address space
    rm -f .s.PGSQL.5432
    "$root/tests/tools/babel" "$PWD/.s.PGSQL.5432" "$@" &
    babel=$!
    until [ -S .s.PGSQL.5432 ]; do sleep 0.01; done
    status=0
    (ulimit -v 400000; WINDROW_WAIT_MS=300 WINDROW_PATIENCE_MS=100 exec timeout 20 "$windrow" load m.yaml tree --jobs 1 \
        --to "host=$PWD dbname=x user=x connect_timeout=2" >last.out 2>&1 </dev/null) || status=$?
    kill "$babel"; wait "$babel" 2>/dev/null
    babel=
}
endured() {
    spoken_to "$@"
    [ "$status" = 5 ] || { echo "$*: status $status"; head -c 2000 last.out; return 1; }
    [ "$(stat -c %s last.out)" -lt 8000 ] || { echo "$*: $(stat -c %s last.out) bytes of output"; return 1; }
    ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' last.out || { echo "$*:"; cat -v last.out; return 1; }
}
scene
for what in garbage length count mute-end; do expect_success "$what: status 5, nothing else" "endured $what"; done
expect_success 'an error of 64 MB: a short message' 'endured huge'
expect_success 'notices without an end: given up within the deadline' 'endured flood'
expect_success 'escape sequences and forged lines: shown as text' 'endured escapes && ! grep -q "^error: forged" last.out'
mutation() { mkdir "seed$1" && cd "seed$1" && ln -s ../tree ../m.yaml . && endured mutate "$1" || { echo "seed $1"; return 1; }; }
mutations() {   # eight at a time: most of it is waiting
    local first seed pids bad=0
    for first in $(seq "${WINDROW_SEED:-1}" 8 $((${WINDROW_SEED:-1} + ${WINDROW_MUTATIONS:-8} - 1))); do
        pids=
        for seed in $(seq "$first" $((first + 7))); do (mutation "$seed") & pids="$pids $!"; done
        for seed in $pids; do wait "$seed" || bad=1; done
        [ $bad = 0 ] || return 1
    done
}
expect_success 'answers with a byte changed' mutations
done_testing
