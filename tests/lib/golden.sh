# tests/lib/golden.sh: what windrow prints, compared with what a person has read and found good. Source tap.sh first.
#
# tests/golden/CASE/run is a shell script in a scratch directory of its own. It says what happens by these:
#
#   tables [SQL]       a target with these tables, named by WINDROW_TARGET
#   one TYPE COLUMN RECORD...   a table t (id, v TYPE), a mapping m.yaml that fills v by COLUMN, tree/a.jsonl with the records
#   sql STATEMENTS     more of them, on the target
#   w ARGS...          windrow; its command line, what it prints and its status are compared
#   quiet ARGS...      windrow, for what has to be done before
#   pause PLACE ARGS...   windrow, in the background, stopped at a failpoint; its process is $paused
#   resume ARGS...     let it go on; what it prints is compared as that of `windrow ARGS`
#   under COMMAND...   (before w) the next w runs under this command, such as strace; it is not shown
#
# CASE begins with the code that the output must show. The comment at the head of `run` says what is wrong in it; a line
# "# engines: sqlite postgresql" the targets it is run with (sqlite). `expected` is the text, standard error first as a
# terminal has findings first; `expected.json` the same commands with --json; `expected.postgresql` and
# `expected.postgresql.json` those of the other engine. WINDROW_GOLDEN=write makes them anew, to be read before they are
# committed. Times, process numbers, directories and versions are not compared.
golden=$root/tests/golden
golden_json='check|load|rejects|schema|status|report|lint|maintain|undo|trace|verify'

tables() {
    if [ "$engine" = sqlite ]; then
        export WINDROW_TARGET=sqlite:t.db
        sqlite3 -bail -batch -init /dev/null t.db "${1:-}"
    else
        export WINDROW_TARGET="$db options='-c search_path=$schema'"
        pg_psql -d "$db" -c "DROP SCHEMA IF EXISTS $schema CASCADE" -c "DROP SCHEMA IF EXISTS windrow CASCADE" \
            -c "CREATE SCHEMA $schema" -c "SET search_path = $schema" ${1:+-c "$1"} 2>/dev/null
    fi
}

one() {
    tables "CREATE TABLE t (id integer PRIMARY KEY, v $1)"
    printf 'windrow: 1\nname: one\ntables:\n  t:\n    from: "{f}.jsonl"\n    columns:\n      id: .id\n      v: %s\n' "$2" >m.yaml
    shift 2
    mkdir tree && printf '%s\n' "$@" >tree/a.jsonl
}

sql() {
    if [ "$engine" = sqlite ]; then
        sqlite3 -bail -batch -init /dev/null t.db "$1"
    else
        pg_psql -d "$db" -c "SET search_path = $schema" -c "$1"
    fi
}

under() {
    golden_under=("$@")
}

quiet() {
    "$windrow" "$@" >/dev/null 2>&1
}

pause() {
    local place=$1 i
    shift
    (WINDROW_CRASH=$place:1:stop exec "$windrow" "$@" --progress none >.out 2>.err </dev/null) &
    paused=$!
    for ((i = 0; i < 1000; i++)); do
        ! grep -q '^State:.T' /proc/$paused/status || return 0
        sleep 0.02
    done
    echo "it never came to $place"
    return 1
}

resume() {
    local status=0
    kill -CONT "$paused"
    wait "$paused" || status=$?
    golden_say "$status" "$@"
}

golden_say() {
    local status=$1
    shift
    printf '$ windrow %s\n' "$*"
    cat .err
    if [ "$form" = json ]; then golden_brief; else cat .out; fi
    echo "[status $status]"
}

w() {
    local said=("$@") status=0
    if [ "$form" = json ] && [[ $1 =~ ^($golden_json)$ ]]; then said+=(--json); fi
    if [ "$1" = load ] || [ "$1" = check ]; then set -- "$@" --progress none --jobs 1; fi
    if [ "$form" = json ] && [[ $1 =~ ^($golden_json)$ ]]; then set -- "$@" --json; fi
    "${golden_under[@]}" "$windrow" "$@" >.out 2>.err </dev/null || status=$?
    golden_under=()
    golden_say "$status" "${said[@]}"
}

# Of a summary only what a fault changes; its other members are compared by tests/report/json.t.
golden_brief() {
    jq 'if .format? == "windrow.summary" then
        with_entries(select(.key | IN("status", "verdict", "reason", "failure", "next", "findings"))) else . end' .out 2>/dev/null || cat .out
}

# What differs from one run or machine to the next.
golden_same() {
    sed -E '
        s/^(  (started|took) +).*/\1.../
        s/[0-9]+(\.[0-9]+)? (ms|s|min)$/... s/
        s/("(started|wall_seconds|cpu_seconds|peak_bytes|worker_seconds|seconds|windrow|mapping_digest|pid)": ).*[^,](,?)$/\1...\3/
        /"samples": \[$/,/^ *\]/{/"samples"/!d;s/\[/.../}
        s#windrow-(pg|test|check|pg-check)[.-][A-Za-z0-9]{6}#windrow-\1...#g
        s#nor in [^ ]*/mappings#nor in .../mappings#
        s/windrow_test_[0-9]+_[0-9]+/windrow_test/g
        s/[0-9]+ bytes are free/... bytes are free/
        s/(process|pid) [0-9]+/\1 .../g
        s#'"$golden_dir"'#DIR#g'
}

golden_run() {
    local engine=$1 name=$2 form=$3 schema golden_under=() golden_dir
    schema=$(echo "${name//-/_}" | tr A-Z a-z)
    golden_dir=$PWD/$engine.$name.$form
    rm -rf "$golden_dir"
    mkdir "$golden_dir" && cd "$golden_dir" || return 1
    unset WINDROW_TARGET
    # shellcheck source=/dev/null
    (. "$golden/$name/run") 2>&1 | golden_same
}

# golden_compare ENGINE NAME FORM
golden_compare() {
    local file=$golden/$2/expected
    [ "$1" = sqlite ] || file=$file.$1
    [ "$3" = text ] || file=$file.$3
    (golden_run "$@") >"$1.$2.$3.got" 2>&1
    rm -rf "$1.$2.$3"
    [ "${WINDROW_GOLDEN:-}" != write ] || cp "$1.$2.$3.got" "$file"
    compare "$file" "$1.$2.$3.got" || return 1
    [ "$3" = json ] || grep -q "${2%%-*}" "$1.$2.$3.got" || { echo "${2%%-*} is not in the output"; return 1; }
}

# Commands that answer in JSON are compared in that form too.
golden_forms() {
    echo text
    grep -Eq '^w (check|load|rejects|status|verify|undo|trace)' "$golden/$1/run" && ! grep -q '^# forms: text$' "$golden/$1/run" &&
        echo json
}

# A mapping of tests/mappings and all that lint says of it, in `printed` beside it; the same faults go to golden.json as check
# --json tells them, and their text to golden.txt.
golden_mapping() {
    local case=$root/tests/mappings/$1 status=0
    shift
    (cd "$case" && "$windrow" lint mapping.yaml "$@") >printed.got 2>&1 </dev/null || status=$?
    [ $status = 2 ] || { echo "status $status"; return 1; }
    [ "${WINDROW_GOLDEN:-}" != write ] || cp printed.got "$case/printed"
    compare "$case/printed" printed.got || return 1
    grep -v 'nothing was touched$' printed.got >>golden.txt
    (cd "$case" && "$windrow" check mapping.yaml . "$@" --json) 2>/dev/null </dev/null >>golden.json
    return 0
}

golden_engines() {
    sed -n 's/^# engines: //p' "$golden/$1/run" | grep . || echo sqlite
}
