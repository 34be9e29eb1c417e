#!/bin/bash
# The ledger is changed by other hands, one column of one row at a time: the next load refuses it and touches nothing, or
# what was changed does not matter and the load ends with the right rows. Never anything in between.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need

rows_and_rejects() {
    sql "SELECT * FROM users ORDER BY id; SELECT * FROM events ORDER BY id; SELECT * FROM notes ORDER BY who" && sql "SELECT 'open rejects', count(*) FROM $(ledger_table rejects) WHERE state = 'open'"
}
ledger_table() { [ "$engine" = sqlite ] && echo "windrow_$1" || echo "windrow.$1"; }

# A load that was killed in the middle, or one that is done and has new files to load; then saved.
unfinished() { target_reset; (WINDROW_CRASH=chunk_after_commit:3:kill load --jobs 1); rm -rf tree/late; keep; }
done_once() {
    rm -rf tree/late; target_reset; load --jobs 1
    mkdir tree/late && echo '{"name": "Late"}' >tree/late/profile.json && echo new >tree/late/note.txt
    keep
}
keep() {
    if [ "$engine" = sqlite ]; then
        sqlite3 target/t.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null && cp target/t.db kept.db
    else
        pg_dump -d "$db" --clean --if-exists -f kept.sql
    fi
}
restore() {
    if [ "$engine" = sqlite ]; then
        rm -f target/* && cp kept.db target/t.db
    else
        psql -X -q -d "$db" -f kept.sql >/dev/null 2>&1
    fi
}

# What there is: "table column type", for the tables whose rows a load relies on.
columns() {
    local table
    for table in meta jobs runs units files chunks; do
        if [ "$engine" = sqlite ]; then
            sql "SELECT '$table', name, lower(type) FROM pragma_table_info('windrow_$table')"
        else
            sql "SELECT '$table', column_name, data_type FROM information_schema.columns WHERE table_schema = 'windrow' AND table_name = '$table'"
        fi
    done
}
other_value() {     # COLUMN TYPE: an expression that differs from the value, and has its type
    case $2 in
    *int*) echo "coalesce($1, 0) + 1" ;;
    bytea) echo "coalesce($1, '') || '\\x00'::bytea" ;;
    blob) echo "CAST(coalesce($1, '') || 'x' AS BLOB)" ;;
    timestamp*) echo "$1 + interval '1 day'" ;;
    *) echo "coalesce($1, '') || 'x'" ;;
    esac
}
ends() { [ "$engine" = sqlite ] && echo "SELECT min(rowid) FROM $1 UNION SELECT max(rowid) FROM $1" || echo "SELECT min(ctid) FROM $1 UNION SELECT max(ctid) FROM $1"; }

refused=0 harmless=0
# after STATEMENT...: in a ledger with that damage a load is refused and has touched nothing, or all is well.
after() {
    local status=0
    restore || return 1
    sql "$1" >sql.out 2>&1 || return 0     # the database itself keeps this from happening
    rows_and_rejects >before.out
    load --jobs 1 || status=$?
    rows_and_rejects >after.out
    case $status in
    0 | 3) cmp -s whole.out after.out && { harmless=$((harmless + 1)); return 0; } ;;
    2 | 5) cmp -s before.out after.out && grep -qi ledger last.out && { refused=$((refused + 1)); return 0; } ;;
    esac
    echo "$1: status $status, $(tail -n 1 last.out)"
    diff whole.out after.out | head -n 4
    return 1
}
every_column() {
    local table column type row bad=0 name key
    key=$([ "$engine" = sqlite ] && echo rowid || echo ctid)
    columns >columns.out && [ "$(wc -l <columns.out)" -gt 40 ] || return 1
    while IFS=$'\t' read -r table column type; do
        name=$(ledger_table "$table")
        for row in 1 2; do
            after "UPDATE $name SET $column = $(other_value "$column" "$type") WHERE $key = (SELECT $([ $row = 1 ] && echo min || echo max)($key) FROM $name)" || bad=$((bad + 1))
        done
    done <columns.out
    [ $bad = 0 ]
}
every_row_gone() {
    local table row bad=0 name key
    key=$([ "$engine" = sqlite ] && echo rowid || echo ctid)
    for table in "$@"; do
        name=$(ledger_table "$table")
        for row in min max; do
            after "DELETE FROM $name WHERE $key = (SELECT $row($key) FROM $name)" || bad=$((bad + 1))
        done
    done
    [ $bad = 0 ]
}

for engine in sqlite ${WINDROW_TEST_PG:+postgresql}; do
    expect_success "$engine: an undisturbed load" "rm -rf tree && scene && target_new $engine && golden"
    expect_success "$engine: a load that was interrupted, and each column of its ledger" '
        unfinished && load --jobs 1; rows_and_rejects >whole.out; every_column'
    expect_success "$engine: rows taken from its ledger" 'every_row_gone jobs runs units chunks'
    expect_success "$engine: a load that is done, and each column of its ledger" '
        done_once && load --jobs 1; rows_and_rejects >whole.out; every_column'
    expect_success "$engine: rows taken from its ledger then" 'every_row_gone jobs units files chunks'
    echo "# $engine: $refused refused, $harmless harmless"
    expect_success "$engine: most damage matters, and is seen" '[ $refused -gt 50 ] && [ $harmless -gt 10 ]'
    refused=0 harmless=0
done
done_testing
