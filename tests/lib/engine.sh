# tests/lib/engine.sh: a small load, targets for it, and the oracle: what the target must hold in the end. Source tap.sh first.
#
#   engine_need [ENGINE]       skip_all without the build with failpoints (scripts/build faults) or without the server
#   scene [DIR]                m.yaml, tree/ and schema.sql: 3 tables, 6 small groups, one file of 60 lines in 4 parts, 2 rejects
#   target_new ENGINE          $db: an empty target with the scene's tables; kept for target_reset
#   target_reset               the same again, as if never used
#   load ARGS...               windrow load m.yaml tree --to $db ARGS; all output in last.out; the status is windrow's
#   dump >FILE                 rows in order, and what the ledger says of them; times, ids and the cut into chunks left out
#   golden                     golden.out: the dump after an undisturbed load. Fails when ledger and data disagree in it
#   same_as_golden             the dump is golden.out, nothing is left open or lying about
#   finish_and_compare         load again, in peace; then same_as_golden
#   paused PLACE               $pid is a load that has stopped itself at this failpoint; what it prints is in paused.out
#   go_on                      it goes on to its end, or to the next place that is meant to stop it; $paused_status is its status
#
# $windrow is the program, $tools where the programs and shims of tests/tools are.
faults=${WINDROW_FAULTS:-$root/build-faults}
windrow=${WINDROW:-$faults/windrow}
tools=${WINDROW_TOOLS:-$faults/tools}
# shellcheck source=tests/lib/postgres.sh
. "$root/tests/lib/postgres.sh"
export WINDROW_UNIT_BYTES=400

engine_need() {
    [ -x "$windrow" ] && [ -x "$tools/strike" ] || skip_all "no build with failpoints; run it by scripts/test"
    need sqlite3
    [ "${1:-sqlite}" = sqlite ] || need_postgres
}

scene() {
    local i who
    mkdir -p "${1:-.}" && cd "${1:-.}" || return 1
    cat >m.yaml <<'YAML'
windrow: 1
name: smoke
tables:
  users:
    from: "{who}/profile.json"
    key: id
    columns: {id: $path.who, name: .name}
  events:
    from: "log/{day}.jsonl"
    key: id
    columns: {id: .id, text: .text}
  notes:
    from: "{who}/note.txt"
    key: who
    columns: {who: $path.who, note: $file.text}
YAML
    cat >schema.sql <<'SQL'
CREATE TABLE users (id text PRIMARY KEY, name text NOT NULL);
CREATE TABLE events (id integer PRIMARY KEY, text text);
CREATE TABLE notes (who text PRIMARY KEY, note text);
SQL
    for i in 1 2 3 4 5 6; do
        who=tree/u$i
        mkdir -p "$who"
        echo "{\"name\": \"Name $i\"}" >"$who/profile.json"
        echo "a note of $i" >"$who/note.txt"
    done
    mkdir -p tree/log
    for i in $(seq 0 59); do
        case $i in
        20) echo '{"id":"x","text":"no number"}' ;;
        40) echo '{"id":3,"text":"there already"}' ;;
        *) printf '{"id":%d,"text":"%0*d"}\n' "$i" $((i % 7 + 1)) 0 ;;
        esac
    done >tree/log/d1.jsonl
}

target_new() {
    engine=$1
    fresh_target "$engine" || return 1
    if [ "$engine" = sqlite ]; then
        mkdir -p target && sqlite3 template.db <schema.sql && db=sqlite:$PWD/target/t.db && target_reset
    else
        psql -X -q -v ON_ERROR_STOP=1 -d "$db" -f schema.sql
    fi
}

target_reset() {
    if [ "$engine" = sqlite ]; then
        rm -f target/* && cp template.db target/t.db
    else
        psql -X -q -d "$db" -c 'SET client_min_messages = error' -c 'DROP SCHEMA IF EXISTS windrow CASCADE' \
            -c 'TRUNCATE users, events, notes'
    fi
}

load() {
    timeout 60 "$windrow" load m.yaml tree --to "$db" "$@" >last.out 2>&1 </dev/null
}

dump_sqlite="
SELECT 'users', * FROM users ORDER BY id; SELECT 'events', * FROM events ORDER BY id; SELECT 'notes', * FROM notes ORDER BY who;
SELECT 'file', CAST(path AS text), size, unit_id > 0, hex(hash) FROM windrow_files ORDER BY path;
SELECT 'reject', CAST(path AS text), line, col, byte, pointer, table_name, code, sqlstate, message, CAST(record AS text), state
  FROM windrow_rejects ORDER BY path, line;
SELECT 'ledger', j.key, sum(json_extract(j.value, '\$.inserted')), sum(json_extract(j.value, '\$.rejected'))
  FROM windrow_chunks c, json_each(c.rows_json) j GROUP BY 2 ORDER BY 2;
SELECT 'parts', count(*), sum(to_byte - from_byte), min(from_byte), max(to_byte) FROM windrow_units WHERE part = 1;
SELECT 'open', count(*) FROM windrow_units WHERE state = 0 OR gen <> 1;
SELECT 'units without one chunk', count(*) FROM windrow_units u WHERE 1 <> (SELECT count(*) FROM windrow_chunks c WHERE c.unit_id = u.id);
SELECT 'lines', sum(lines) FROM windrow_chunks; SELECT 'run', state FROM windrow_runs;
PRAGMA integrity_check; PRAGMA foreign_key_check;"

dump_postgresql="
SELECT 'users', * FROM users ORDER BY id; SELECT 'events', * FROM events ORDER BY id; SELECT 'notes', * FROM notes ORDER BY who;
SELECT 'file', convert_from(path, 'UTF8'), size, unit_id > 0, encode(hash, 'hex') FROM windrow.files ORDER BY path;
SELECT 'reject', convert_from(path, 'UTF8'), line, col, byte, pointer, table_name, code, sqlstate, message,
  convert_from(record, 'UTF8'), state FROM windrow.rejects ORDER BY path, line;
SELECT 'ledger', j.key, sum((j.value->>'inserted')::bigint), sum((j.value->>'rejected')::bigint)
  FROM windrow.chunks c, json_each(c.rows_json::json) j GROUP BY 2 ORDER BY 2;
SELECT 'parts', count(*), sum(to_byte - from_byte), min(from_byte), max(to_byte) FROM windrow.units WHERE part = 1;
SELECT 'open', count(*) FROM windrow.units WHERE state = 0 OR gen <> 1;
SELECT 'units without one chunk', count(*) FROM windrow.units u WHERE 1 <> (SELECT count(*) FROM windrow.chunks c WHERE c.unit_id = u.id);
SELECT 'lines', sum(lines) FROM windrow.chunks; SELECT 'run', state FROM windrow.runs;
SELECT 'left behind', (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()),
  (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
  (SELECT count(*) FROM pg_class WHERE relpersistence = 't'), (SELECT count(*) FROM pg_index WHERE NOT indisvalid);"

dump() {
    if [ "$engine" = sqlite ]; then
        sqlite3 -bail -batch -init /dev/null "${db#sqlite:}" "$dump_sqlite"
        ls target/ | grep -v lost+found
    else
        psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$db" -c "$dump_postgresql"
    fi
}

golden() {
    expect_status 3 load --jobs 1 || { cat last.out; return 1; }
    dump >golden.out || return 1
    contains golden.out 'ledger|events|58|2' 'ledger|notes|6|0' 'ledger|users|6|0' 'open|0' 'chunk|0' 'run|done' &&
        expect_counts events 58 users 6 notes 6
}

expect_counts() {
    while [ $# -gt 1 ]; do
        [ "$(sql "SELECT count(*) FROM $1")" = "$2" ] || { echo "$1 has $(sql "SELECT count(*) FROM $1") rows, not $2"; return 1; }
        shift 2
    done
}

same_as_golden() {
    dump >actual.out 2>&1
    cmp -s golden.out actual.out || { diff golden.out actual.out; return 1; }
}

# 3: with the rejects of the scene. 0 only when there was nothing left to do.
finish_and_compare() {
    local status=0
    load "$@" || status=$?
    case $status in
    3) ;;
    0) grep -q 'nothing changed' last.out || { echo "status 0"; tail -n 3 last.out; return 1; } ;;
    *) echo "status $status"; tail -n 5 last.out; return 1 ;;
    esac
    same_as_golden
}

is_stopped() {
    [ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1)" = T ]
}

until_stopped() {
    until is_stopped "$pid"; do
        kill -0 "$pid" 2>/dev/null || { echo "ended before $1"; cat paused.out; return 1; }
        sleep 0.01
    done
}

paused() {
    rm -f paused.out
    WINDROW_CRASH=$1:stop "$windrow" load m.yaml tree --to "$db" --jobs 1 >paused.out 2>&1 </dev/null &
    pid=$!
    until_stopped "$1"
}

go_on() {
    kill -CONT "$pid"
    paused_status=0
    wait "$pid" || paused_status=$?
}
