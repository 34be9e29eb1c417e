#!/bin/bash
# What surrounds a load is not as one would wish: settings of the database, rights, triggers, the clock, the locale, the
# tables themselves. It ends with the right rows, or says what is in the way and has touched nothing.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need

untouched() { expect_counts users 0 events 0 notes 0; }
in_peace() { target_reset && load --jobs 1; [ $? = 3 ] && same_as_golden; }

# --- both engines
clocks() {
    command -v faketime >/dev/null || { echo "# no faketime here"; return 1; }
    local engine_now=$engine
    target_reset && (WINDROW_CRASH=chunk_after_commit:2:kill NO_FAKE_STAT=1 faketime '2038-02-01 00:00:00' "$windrow" load m.yaml tree --to "$db" --jobs 1 >half.out 2>&1)
    [ "$engine" = "$engine_now" ] && [ "$(sql "SELECT count(*) FROM events")" -gt 0 ] || { cat half.out; return 1; }
    NO_FAKE_STAT=1 faketime '1999-12-31 23:59:59' "$windrow" load m.yaml tree --to "$db" --jobs 1 >last.out 2>&1
    [ $? = 3 ] && same_as_golden
}
locales() {
    local name
    for name in de_DE tr_TR; do
        [ -d "$scratch/locale/$name.UTF-8" ] || { mkdir -p "$scratch/locale" && localedef -i $name -f UTF-8 "$scratch/locale/$name.UTF-8" >/dev/null 2>&1; } || return 1
        target_reset && env LOCPATH="$scratch/locale" LC_ALL=$name.UTF-8 "$windrow" load m.yaml tree --to "$db" --jobs 1 >last.out 2>&1
        [ $? = 3 ] && same_as_golden || return 1
    done
    target_reset && env LC_ALL=C "$windrow" load m.yaml tree --to "$db" --jobs 1 >last.out 2>&1
    [ $? = 3 ] && same_as_golden
}
for engine in sqlite ${WINDROW_TEST_PG:+postgresql}; do
    expect_success "$engine: an undisturbed load" "rm -rf tree template.db && scene && target_new $engine && golden"
    expect_success "$engine: begun in 2038, ended in 1999: no decision depends on the clock" clocks
    expect_success "$engine: a locale with decimal commas, one with other letters for I, none at all" locales
    expect_success "$engine: in a directory of its own, with nothing of the first run but the target" '
        target_reset && (WINDROW_CRASH=chunk_after_commit:3:kill load --jobs 1); mkdir -p away && cp m.yaml away && cd away &&
        ln -sfn ../tree tree && ln -sfn ../target target && timeout 60 "$windrow" load m.yaml ../tree --to "$db" --jobs 1 >../last.out 2>&1; [ $? = 3 ] && cd .. && same_as_golden'
    expect_success "$engine: a ledger of an older format, of a newer one: refused, and nothing is touched" '
        target_reset && (WINDROW_CRASH=chunk_after_commit:3:kill load --jobs 1); meta=windrow_meta; [ $engine = sqlite ] || meta=windrow.meta
        now=$(sql "SELECT value FROM $meta WHERE key = '"'format'"'") && rows=$(sql "SELECT count(*) FROM events") && for format in $((now - 1)) $((now + 1)); do
            sql "UPDATE $meta SET value = '"'\$format'"' WHERE key = '"'format'"'" && expect_status 5 load && contains last.out W0602 "has format $format" && expect_counts events "$rows" users 0 || exit 1
        done; sql "UPDATE $meta SET value = '"'\$now'"' WHERE key = '"'format'"'" && finish_and_compare'
    expect_success "$engine: twelve descriptors are enough" '
        target_reset && { (ulimit -n 12; load --jobs 1); [ $? = 3 ]; } && same_as_golden'
    expect_success "$engine: nobody reads what it prints: the load goes on to its end, status 1" '
        target_reset && { { timeout 60 "$windrow" load m.yaml tree --to "$db" --jobs 1 --json 2>/dev/null; echo $? >status; } | true; } && contains status 1 && same_as_golden'
    expect_success "$engine: a table, a column that is missing, one that nothing fills" '
        target_reset && sql "ALTER TABLE notes RENAME TO note" && expect_status 2 load && contains last.out W0263 "did you mean note?" &&
        sql "ALTER TABLE note RENAME TO notes" && sql "ALTER TABLE notes RENAME COLUMN note TO remark" && expect_status 2 load && contains last.out W0264 &&
        sql "ALTER TABLE notes RENAME COLUMN remark TO note" && untouched && in_peace'
done
expect_success 'sqlite: a column goes away in mid-load: what is loaded stays, the rest waits for it' '
    engine=sqlite; rm -rf tree template.db; scene && target_new sqlite && golden && target_reset && (WINDROW_CRASH=chunk_after_commit:3:kill load --jobs 1)
    sql "ALTER TABLE notes RENAME COLUMN note TO remark" && expect_status 2 load && sql "ALTER TABLE notes RENAME COLUMN remark TO note" && finish_and_compare'
alter_meanwhile() {     # STATEMENTS TEXT...: the load that was at work ends with status 5 and says this; the next one does the rest
    local statements=$1
    shift
    target_reset && paused chunk_after_commit:3 && sql "$statements" && go_on && [ "$paused_status" = 5 ] || { cat paused.out; return 1; }
    contains paused.out W0522 "$@" && load --jobs 1
    [ $? = 3 ] && expect_counts users 6 events 58 notes 6
}
rebuilt() { echo "ALTER TABLE events RENAME TO old; CREATE TABLE events (id $1 PRIMARY KEY, text text); INSERT INTO events SELECT * FROM old; DROP TABLE old"; }
expect_success 'sqlite: a column gets another type, or is new, while a load is at work: nothing more is written, the next load goes on' '
    alter_meanwhile "$(rebuilt bigint)" "is now id bigint" && sql "$(rebuilt integer)" && alter_meanwhile "ALTER TABLE events ADD x uuid" "has got x uuid"'
expect_success 'sqlite: other tables may come and go' 'target_reset && paused chunk_after_commit:3 && sql "CREATE TABLE other (x)" && go_on && [ $paused_status = 3 ] && same_as_golden'
expect_success 'sqlite: a file that is no database, one of no rights, a directory: status 5, and it is named' '
    echo "this is no database, but a text that is long enough to look at" >text.db; db=sqlite:text.db; expect_status 5 load && contains last.out text.db &&
    mkdir -p folder && db=sqlite:folder expect_status 5 load && contains last.out folder && db=sqlite:missing/x.db expect_status 5 load && contains last.out missing/x.db'
[ -n "${WINDROW_TEST_PG:-}" ] || done_testing

# --- PostgreSQL
engine=postgresql
rm -rf tree
scene && target_new postgresql && golden >/dev/null 2>&1
name=${db#*dbname=} name=${name%% *}
admin() { psql -X -q -v ON_ERROR_STOP=1 -d "$db" -c "SET client_min_messages = error" "$@"; }
setting() {     # the load under settings of the database that would change what statements mean
    local bad=0 each
    for each in "$@"; do
        target_reset && admin -c "ALTER DATABASE $name SET $each" || return 1
        load --jobs 1
        { [ $? = 3 ] && PGOPTIONS='-c array_nulls=on -c quote_all_identifiers=off' same_as_golden; } || { echo "$each: $(tail -n 2 last.out)"; bad=1; }
        admin -c "ALTER DATABASE $name RESET ALL"
    done
    return $bad
}
expect_success 'settings of the database that change the meaning of values' "
    setting 'array_nulls = off' 'bytea_output = escape' \"DateStyle = 'SQL, DMY'\" 'IntervalStyle = iso_8601' 'standard_conforming_strings = off' \
        \"client_encoding = 'LATIN1'\" \"timezone = 'Asia/Kolkata'\" 'extra_float_digits = -10'"
expect_success 'settings that change names, checks and durability' "
    setting \"search_path = 'pg_catalog', 'public'\" 'quote_all_identifiers = on' 'session_replication_role = replica' 'synchronous_commit = off' \
        'default_transaction_isolation = serializable' 'default_transaction_deferrable = on' 'row_security = off'"
expect_success 'time limits of the role or the database are not for us' "
    setting 'lock_timeout = 1' 'idle_in_transaction_session_timeout = 1' \"statement_timeout = '300ms'\" 'client_connection_check_interval = 1'"
expect_success 'a database that accepts no writes: status 5 before the source is read' '
    target_reset && admin -c "ALTER DATABASE $name SET default_transaction_read_only = on" && expect_status 5 load && contains last.out "accepts no writes"; got=$?
    PGOPTIONS="-c default_transaction_read_only=off" admin -c "ALTER DATABASE $name RESET ALL" && [ $got = 0 ] && untouched && in_peace'

trigger() { admin -c "CREATE OR REPLACE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $1; END \$\$" -c "CREATE TRIGGER meddle BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION meddle()"; }
expect_success 'a serialization failure and a deadlock pass, and are tried again' '
    target_reset && admin -c "CREATE SEQUENCE tries" && trigger "CASE nextval('"'tries'"') WHEN 1 THEN RAISE EXCEPTION USING ERRCODE = '"'40001'"'; WHEN 2 THEN RAISE EXCEPTION USING ERRCODE = '"'40P01'"'; ELSE RETURN NEW; END CASE" &&
    expect_status 3 load --jobs 1 && contains last.out "2 chunks written again" && [ "$(sql "SELECT last_value > 7 FROM tries")" = t ]; got=$?; admin -c "DROP TRIGGER meddle ON users" -c "DROP SEQUENCE tries"; [ $got = 0 ] && same_as_golden'
expect_success 'one that never passes ends the load with status 5; the same command goes on later' '
    target_reset && trigger "RAISE EXCEPTION USING ERRCODE = '"'40001'"'" && WINDROW_RETRY_MS=50 expect_status 5 load --jobs 1; got=$?; admin -c "DROP TRIGGER meddle ON users"; [ $got = 0 ] && finish_and_compare'
expect_success 'a trigger that makes rows vanish: nothing of the chunk is kept, status 5' '
    target_reset && trigger "RETURN NULL" && expect_status 5 load --jobs 1 && contains last.out "the database took 0"; got=$?; admin -c "DROP TRIGGER meddle ON users"; [ $got = 0 ] && finish_and_compare'

as_plain() {    # GRANTS...: the load as a role that has these rights alone
    target_reset && admin -c "DROP ROLE IF EXISTS windrow_plain; CREATE ROLE windrow_plain LOGIN" -c "$1" || return 1
    local status=0
    (db=${db/user=postgres/user=windrow_plain}; load --jobs 1) || status=$?
    admin -c "ALTER TABLE users DISABLE ROW LEVEL SECURITY" -c "REASSIGN OWNED BY windrow_plain TO postgres" -c "DROP OWNED BY windrow_plain; DROP ROLE windrow_plain"
    return $status
}
own="GRANT CREATE, TEMPORARY ON DATABASE $name TO windrow_plain"
expect_success 'a role without rights on the database, on the tables: named before anything is read' '
    as_plain "SELECT 1"; [ $? = 5 ] && contains last.out "permission denied" && untouched &&
    { as_plain "$own"; [ $? = 5 ]; } && contains last.out "lacks INSERT" && untouched'
expect_success 'INSERT and SELECT are enough' 'as_plain "$own; GRANT INSERT, SELECT ON users, events, notes TO windrow_plain"; [ $? = 3 ] && same_as_golden'
expect_success 'row-level security is refused, not stumbled over' '
    as_plain "$own; GRANT ALL ON users, events, notes TO windrow_plain; ALTER TABLE users ENABLE ROW LEVEL SECURITY"; [ $? = 5 ] && contains last.out "row-level security" && untouched'
expect_success 'a column goes away in mid-load: what is loaded stays, the rest waits for it' '
    target_reset && (WINDROW_CRASH=chunk_after_commit:3:kill load --jobs 1); admin -c "ALTER TABLE notes RENAME note TO remark" && expect_status 2 load &&
    admin -c "ALTER TABLE notes RENAME remark TO note" && finish_and_compare'
expect_success 'a column gets another type of the same size while a load is at work: its bytes are not taken for another value' '
    alter_meanwhile "ALTER TABLE events ALTER id TYPE real" "column id integer is now id real" && same_as_golden; got=$?
    admin -c "ALTER TABLE events ALTER id TYPE integer"; [ $got = 0 ]'
expect_success 'one is new, dropped, renamed: status 5, the next load says what does not fit any more' '
    alter_meanwhile "ALTER TABLE notes ADD x uuid" "it has got x uuid"; got=$?; admin -c "ALTER TABLE notes DROP IF EXISTS x"; [ $got = 0 ] &&
    target_reset && paused chunk_after_commit:3 && admin -c "ALTER TABLE notes RENAME note TO remark" && go_on && [ $paused_status = 5 ] && expect_status 2 load &&
    contains last.out W0264; got=$?; admin -c "ALTER TABLE notes RENAME remark TO note"; [ $got = 0 ] && finish_and_compare'
expect_success 'a constraint is new while a load is at work: it holds from then on, and rows are refused by their address' '
    target_reset && paused chunk_after_commit:3 && admin -c "ALTER TABLE notes ADD CONSTRAINT short CHECK (length(note) < 3) NOT VALID" && go_on
    admin -c "ALTER TABLE notes DROP CONSTRAINT short"; [ $paused_status = 3 ] && contains paused.out W0514 note.txt'
expect_success 'the target restored on another server: the ledger goes with the rows, and the load goes on' '
    target_reset && (WINDROW_CRASH=chunk_after_commit:3:kill load --jobs 1); pg_dump -Fc -d "$db" -f half.dump && old=$db && fresh_target postgresql && pg_restore -d "$db" half.dump &&
    finish_and_compare; got=$?; db=$old; [ $got = 0 ]'
expect_success 'an encoding that is not UTF-8: texts are converted, what it has no letters for is refused' '
    PGDATABASE=postgres pg_psql -c "CREATE DATABASE windrow_latin ENCODING '"'LATIN1'"' LOCALE '"'C'"' TEMPLATE template0" && old=$db &&
    db="host=$WINDROW_PG_DIR dbname=windrow_latin user=postgres" && psql -X -q -d "$db" -f schema.sql && mkdir -p latin/a latin/b && echo "{\"name\": \"Jürgen\"}" >latin/a/profile.json &&
    echo "{\"name\": \"日本\"}" >latin/b/profile.json && { timeout 60 "$windrow" load m.yaml latin --to "$db" >last.out 2>&1; [ $? = 3 ]; } && contains last.out 22P05 "b/profile.json" &&
    [ "$(PGCLIENTENCODING=UTF8 sql "SELECT name FROM users")" = Jürgen ]; got=$?; db=$old; PGDATABASE=postgres pg_psql -c "DROP DATABASE windrow_latin"; [ $got = 0 ]'
done_testing
