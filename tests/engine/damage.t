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
# The same with keys in pieces; a file has changed, so that those of its rows are read, the first ones.
in_pieces() {
    rm -rf tree && scene && target_reset; WINDROW_PENDING_BYTES=1 load --jobs 1
    sed -i 's/"id":8,"text":"00"/"id":8,"text":"new"/' tree/log/d1.jsonl
    keep
}
ledger="meta jobs runs units files chunks keys before rejects"
keep() {
    local table
    if [ "$engine" = sqlite ]; then
        sqlite3 target/t.db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null && cp target/t.db kept.db
    else
        {
            echo 'SET client_min_messages = error; DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept;'
            for table in $ledger; do echo "CREATE TABLE kept.$table AS TABLE windrow.$table;"; done
            for table in users events notes; do echo "CREATE TABLE kept.$table AS TABLE $table;"; done
        } | psql -X -q -v ON_ERROR_STOP=1 -d "$db"
    fi
    rows_and_rejects >kept.out
}
# What was kept again, but for one statement. 1: the database itself refuses that.
restore_and() {
    if [ "$engine" = sqlite ]; then
        rm -f target/* && cp kept.db target/t.db && sql "$1" >sql.out 2>&1
    else
        {
            echo "BEGIN; TRUNCATE users, events, notes, windrow.meta, windrow.jobs CASCADE;"
            for table in $ledger; do echo "INSERT INTO windrow.$table OVERRIDING SYSTEM VALUE TABLE kept.$table;"; done
            for table in users events notes; do echo "INSERT INTO $table TABLE kept.$table;"; done
            echo "$1; COMMIT;"
        } | psql -X -q -v ON_ERROR_STOP=1 -d "$db" >sql.out 2>&1
    fi
}

# What there is: "table column type".
columns() {
    local table
    for table in "$@"; do
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

refused=0 harmless=0
# after STATEMENT: in a ledger with that damage a load is refused and has touched nothing, or all is well.
after() {
    local status=0
    restore_and "$1" || return 0
    load --jobs 1 || status=$?
    rows_and_rejects >after.out
    case $status in
    0 | 3) cmp -s whole.out after.out && { harmless=$((harmless + 1)); return 0; } ;;
    2 | 5) cmp -s kept.out after.out && grep -qi ledger last.out && { refused=$((refused + 1)); return 0; } ;;
    esac
    echo "$1: status $status, $(tail -n 1 last.out)"
    diff whole.out after.out | head -n 4
    return 1
}
# What tells the rows of a table apart.
row_id() {
    case $engine,$1 in
    sqlite,files) echo path ;;
    sqlite,*) echo rowid ;;
    *) echo ctid ;;
    esac
}
# every_column ROWS COLUMNS TABLE...: there are more than so many columns
every_column() {
    local table column type row bad=0 name key rows=$1 least=$2
    shift 2
    columns "$@" >columns.out && [ "$(wc -l <columns.out)" -gt "$least" ] || return 1
    while IFS=$'\t' read -r table column type; do
        name=$(ledger_table "$table") key=$(row_id "$table")
        for row in $rows; do
            after "UPDATE $name SET $column = $(other_value "$column" "$type") WHERE $key = (SELECT $row($key) FROM $name)" || bad=$((bad + 1))
        done
    done <columns.out
    [ $bad = 0 ]
}
every_row_gone() {
    local table row bad=0 name key
    for table in "$@"; do
        name=$(ledger_table "$table") key=$(row_id "$table")
        for row in min max; do
            after "DELETE FROM $name WHERE $key = (SELECT $row($key) FROM $name)" || bad=$((bad + 1))
        done
    done
    [ $bad = 0 ]
}

relied_on="meta jobs runs units files chunks"   # by each load
for engine in sqlite ${WINDROW_TEST_PG:+postgresql}; do
    expect_success "$engine: an undisturbed load" "rm -rf tree && scene && target_new $engine && golden"
    expect_success "$engine: a load that was interrupted, and each column of its ledger" '
        unfinished && load --jobs 1; rows_and_rejects >whole.out; every_column "${WINDROW_ROUNDS:+min }max" 40 $relied_on'
    expect_success "$engine: rows taken from its ledger" 'every_row_gone jobs runs units chunks'
    expect_success "$engine: a load that is done, and each column of its ledger" '
        done_once && load --jobs 1; rows_and_rejects >whole.out; every_column "${WINDROW_ROUNDS:+min }max" 40 $relied_on'
    expect_success "$engine: rows taken from its ledger then" 'every_row_gone jobs units files chunks'
    echo "# $engine: $refused refused, $harmless harmless"
    expect_success "$engine: most damage matters, and is seen" '[ $refused -gt 40 ] && [ $harmless -gt 10 ]'
    refused=0 harmless=0
    expect_success "$engine: keys in pieces, each column of them" '
        in_pieces && load --jobs 1; rows_and_rejects >whole.out; ! cmp -s kept.out whole.out && every_column "min${WINDROW_ROUNDS:+ max}" 3 keys'
    expect_success "$engine: pieces taken from its ledger" 'every_row_gone keys'
    echo "# $engine: $refused refused, $harmless harmless"
    expect_success "$engine: each piece that matters is seen" '[ $refused -ge 5 ]'
    refused=0 harmless=0
done
done_testing
