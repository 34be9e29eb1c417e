# tests/bench/measure.sh: running sides in turns and keeping what each run took. Sourced by scripts/bench.
#
# A side is a function called with a phase: `name` prints what it is, `prepare` makes things ready, `run` is what is timed,
# `check` looks whether everything is there. What it took is one line in $results/CASE/SIDE:
#
#     wall seconds, CPU seconds of the client, peak MiB of its largest process, exit status, CPU seconds of the server
#
# A side that fails has a file SIDE.failed with the reason instead, and the others go on. Runs that have a line already, from
# a run that was interrupted, are not repeated.

timed() {
    local before after
    before=$(server_cpu)
    "$bench_run" "$work/result" "$@" >"$work/stdout" 2>"$work/stderr" </dev/null
    after=$(server_cpu)
    awk -v a="$before" -v b="$after" '{ print $0, b - a }' "$work/result" >"$work/result.more"
    mv "$work/result.more" "$work/result"
}

# CPU seconds of the server: the postmaster, its children that have ended, and those that live.
server_cpu() {
    local postmaster
    [ -n "${WINDROW_PG_DIR:-}" ] || { echo 0; return; }
    sleep 0.05  # a backend that has just lost its client is still about to end
    postmaster=$(head -n 1 "$WINDROW_PG_DIR/data/postmaster.pid")
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v p="$postmaster" -v hz="$(getconf CLK_TCK)" '
        { sub(/^.*\) /, "") }
        $2 == p { t += $12 + $13 }
        END { print t / hz }' >"$work/children"
    awk -v more="$(cat "$work/children")" -v hz="$(getconf CLK_TCK)" \
        '{ sub(/^.*\) /, ""); print ($12 + $13 + $14 + $15) / hz + more }' "/proc/$postmaster/stat"
}

# Why a side failed, in one line: the last thing that it said, or what was found.
note_failure() { # CASE SIDE REASON
    printf '%s\n' "$3" >"$results/$1/$2.failed"
    echo "scripts/bench: $1: $("$2" name): $3" >&2
}

last_words() {
    { grep -v '^[[:space:]]*$' "$work/stderr" || true; } | tail -n 1 | cut -c1-120
}

one_run() { # CASE SIDE
    local case=$1 side=$2 status expected=0 found
    case $side in dirty_*) expected=3 ;; esac   # done, with rejects
    if ! "$side" prepare >"$work/stdout" 2>"$work/stderr"; then
        note_failure "$case" "$side" "could not be prepared: $(last_words)"
        return
    fi
    rm -f "$work/result"
    "$side" run || true
    if ! [ -s "$work/result" ]; then
        note_failure "$case" "$side" "did not run: $(last_words)"
        return
    fi
    read -r _ _ _ status _ <"$work/result"
    if [ "$status" != "$expected" ]; then
        note_failure "$case" "$side" "ended with $status: $(last_words)"
    elif ! found=$("$side" check 2>&1); then
        note_failure "$case" "$side" "${found:-what it wrote is not all of it}"
    else
        cat "$work/result" >>"$results/$case/$side"
    fi
}

# compare CASE TITLE REFERENCE SIDE...: all in turns. The first of them is what ratios are taken to.
compare() {
    local case=$1 title=$2 side round done
    shift 2
    mkdir -p "$results/$case"
    printf '%s\n' "$title" >"$results/$case/title"
    printf '%s\n' "$@" >"$results/$case/sides"
    for side in "$@"; do
        "$side" name >"$results/$case/$side.name"
    done
    for ((round = 1; round <= rounds; round++)); do
        for side in "$@"; do
            done=0
            [ ! -e "$results/$case/$side" ] || done=$(wc -l <"$results/$case/$side")
            [ ! -e "$results/$case/$side.failed" ] && [ "$done" -lt "$round" ] || continue
            echo "$(date +%T) $case, round $round: $("$side" name)" >&2
            one_run "$case" "$side"
        done
    done
}

# peak NAME EXPECTED_STATUS COMMAND...: one run for its memory.
peak() {
    local name=$1 expected=$2 wall mib status file
    shift 2
    file=$results/memory/$(printf '%s' "$name" | tr -c 'a-zA-Z0-9' _)
    [ ! -e "$file" ] || return 0
    mkdir -p "$results/memory"
    echo "$(date +%T) memory: $name" >&2
    timed "$@"
    read -r wall _ mib status _ <"$work/result"
    if [ "$status" != "$expected" ]; then
        note_failure memory memory_failure "$name ended with $status instead of $expected: $(last_words)"
        status="$status, expected $expected"
    fi
    printf '%s|%s|%s|%s|%s\n' "$name" "$mib" "$wall" "$status" "$(claimed_peak)" >"$file"
    printf '%s\n' "$file" >>"$results/memory/order"
}
memory_failure() { echo 'peak memory'; }

# The peak that the summary of the run before tells, in MiB.
claimed_peak() {
    sed -n 's/^.*peak memory \([0-9.]*\) \([MG]\)iB.*$/\1 \2/p' "$work/stdout" "$work/stderr" |
        awk '{ print $2 == "G" ? $1 * 1024 : $1; exit }'
}
