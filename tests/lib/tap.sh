# tests/lib/tap.sh: the Test Anything Protocol for shell tests. Source it first: . "${0%/*}/lib/tap.sh"; needs bash.
#
# A test file is a program; prove runs it. It starts in a scratch directory of its own ($scratch), removed at the end,
# with build-dev's windrow in PATH. It ends with done_testing.
#
#   expect_success SENTENCE SCRIPT     the script's status is 0
#   expect_failure SENTENCE SCRIPT     it is refused: any status of a program that ended by itself, not a crash
#   skip SENTENCE REASON               one test that cannot run here
#   skip_all REASON                    none can
#   need PROGRAM...                    skip_all when one is missing
#   need_postgres                      skip_all without WINDROW_TEST_PG
#
# A script is evaluated in this shell, so variables stay; what it prints is shown when it fails. In scripts:
#
#   expect_status N COMMAND...         the command's exit status is N (and no sanitizer spoke)
#   expect_signal NAME COMMAND...      it dies by this signal
#   compare EXPECTED ACTUAL            two files, or - for stdin, are equal; the difference is shown
#   contains FILE TEXT...              each text stands in the file
#   fresh_target ENGINE                sets $db to an empty sqlite or postgresql target
#   sql STATEMENTS                     runs them on $db: tab-separated, \N for null
#   rows_of TABLE [ORDER [COLUMNS]]    the table with a line of names; booleans and times as the engine shows them
set -u

tap_count=0
tap_failed=0
tap_targets=0
tap_root=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
root=$tap_root
case :$PATH: in
*:"$tap_root/build-dev":*) ;;
*) PATH=$tap_root/build-dev:$PATH ;;
esac
export PATH
export LC_ALL=C.UTF-8 TZ=UTC
unset WINDROW_TARGET WINDROW_CRASH WINDROW_FAULT_LOG
tap_sanitizer=86    # the exit status of a program that a sanitizer stopped; none of ours
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}exitcode=$tap_sanitizer"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/windrow-test.XXXXXX") || exit 1
tap_output=$scratch/.tap-output
trap 'cd / && rm -rf -- "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$scratch" || exit 1

tap_comment() {
    sed 's/^/#   /'
}

tap_result() {
    local good=$1 sentence=$2
    tap_count=$((tap_count + 1))
    if [ "$good" = 0 ]; then
        echo "ok $tap_count - $sentence"
        return
    fi
    echo "not ok $tap_count - $sentence"
    tap_failed=$((tap_failed + 1))
    tap_comment <"$tap_output"
}

# Names of ours are spelt tap_*: the script sees them, and may use any other.
tap_run() {
    tap_status=0
    eval "$1" >"$tap_output" 2>&1 </dev/null || tap_status=$?
    cd "$scratch" || exit 1
}

expect_success() {
    tap_run "$2"
    [ "$tap_status" = 0 ] || echo "status $tap_status" >>"$tap_output"
    tap_result "$tap_status" "$1"
}

expect_failure() {
    tap_run "$2"
    if [ "$tap_status" = 0 ] || [ "$tap_status" -ge 126 ] || [ "$tap_status" = "$tap_sanitizer" ]; then
        echo "status $tap_status, expected a refusal" >>"$tap_output"
        tap_result 1 "$1"
    else
        tap_result 0 "$1"
    fi
}

skip() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1 # SKIP $2"
}

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip_all "no $program here"
    done
}

need_postgres() {
    [ -n "${WINDROW_TEST_PG:-}" ] || skip_all "no WINDROW_TEST_PG; run it by scripts/test"
}

done_testing() {
    echo "1..$tap_count"
    [ "$tap_failed" = 0 ]
    exit
}

expect_status() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" = "$expected" ] && return 0
    echo "status $status instead of $expected: $*"
    return 1
}

# In a shell of its own, so that ours need not tell of the death.
expect_signal() {
    local name=$1 number status=0
    shift
    number=$(kill -l "$name") || return 1
    (exec "$@") || status=$?
    [ "$status" = $((128 + number)) ] && return 0
    echo "status $status instead of signal $name: $*"
    return 1
}

compare() {
    diff -u -- "$1" "$2"
}

contains() {
    local file=$1 text
    shift
    for text in "$@"; do
        grep -qF -e "$text" -- "$file" && continue
        echo "'$text' is not in $file:"
        cat -- "$file"
        return 1
    done
}

fresh_target() {
    tap_targets=$((tap_targets + 1))
    case $1 in
    sqlite)
        db=sqlite:$scratch/target$tap_targets.db
        ;;
    postgresql)
        # shellcheck source=tests/lib/postgres.sh
        . "$tap_root/tests/lib/postgres.sh"
        db=$(pg_fresh "windrow_test_$$_$tap_targets")
        ;;
    *)
        echo "no engine '$1'"
        return 1
        ;;
    esac
}

sql() {
    case $db in
    sqlite:*) sqlite3 -bail -batch -init /dev/null -separator "$(printf '\t')" -nullvalue '\N' "${db#sqlite:}" "$1" ;;
    *) psql -X -q -A -t -v ON_ERROR_STOP=1 -F "$(printf '\t')" -P null='\N' -d "$db" -c "$1" ;;
    esac
}

rows_of() {
    local query="SELECT ${3:-*} FROM $1 ORDER BY ${2:-1}"
    case $db in
    sqlite:*) sqlite3 -bail -batch -init /dev/null -header -separator "$(printf '\t')" -nullvalue '\N' "${db#sqlite:}" "$query" ;;
    *) psql -X -q -A -v ON_ERROR_STOP=1 -F "$(printf '\t')" -P null='\N' -P footer=off -d "$db" -c "$query" ;;
    esac
}
