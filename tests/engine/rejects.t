#!/bin/bash
# What the database refuses is lost alone; limits end the run cleanly and say what is committed.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql

cat >m.yaml <<'YAML'
windrow: 1
name: guilty
tables:
  parents: {from: "p.jsonl", key: id, columns: {id: .id}}
  items:
    from: "items.jsonl"
    key: id
    columns: {id: .id, parent: .parent, n: .n, name: .name}
YAML
schema_sqlite='CREATE TABLE parents (id integer PRIMARY KEY);
CREATE TABLE items (id integer PRIMARY KEY, parent integer REFERENCES parents, n integer CHECK (n < 1000), name text UNIQUE);
CREATE TRIGGER t BEFORE INSERT ON items WHEN new.name = '"'cursed'"' BEGIN SELECT RAISE(ABORT, '"'not this one'"'); END;'
schema_postgresql='CREATE TABLE parents (id integer PRIMARY KEY);
CREATE TABLE items (id integer PRIMARY KEY, parent integer REFERENCES parents, n integer CHECK (n < 1000), name text UNIQUE);
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN IF new.name = '"'cursed'"' THEN RAISE EXCEPTION '"'not this one'"'; END IF; RETURN new; END $f$;
CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION f();'

fresh_tables() {
    if [ "$engine" = sqlite ]; then
        rm -rf target && mkdir target && db=sqlite:$PWD/target/t.db && sqlite3 target/t.db "$schema_sqlite"
    else
        psql -X -q -d "$db" -c 'SET client_min_messages = error; DROP SCHEMA IF EXISTS windrow CASCADE; DROP TABLE IF EXISTS items, parents; DROP FUNCTION IF EXISTS f()' -c "$schema_postgresql"
    fi
}

# guilty POSITION KIND: 64 rows, the one at POSITION is refused for KIND
guilty() {
    local i extra
    rm -rf tree && mkdir tree && echo '{"id":1}' >tree/p.jsonl
    for i in $(seq 64); do
        extra='"parent":1,"n":1,"name":"n'$i'"'
        if [ "$i" = "$1" ]; then
            case $2 in
            unique) extra='"parent":1,"n":1,"name":"there"' ;;
            reference) extra='"parent":99,"n":1,"name":"x"' ;;
            check) extra='"parent":1,"n":1000,"name":"x"' ;;
            trigger) extra='"parent":1,"n":1,"name":"cursed"' ;;
            key) extra='"parent":1,"n":1,"name":"x"'; i=1000 ;;
            esac
        fi
        echo "{\"id\":$i,$extra}"
    done >tree/items.jsonl
    fresh_tables && sql "INSERT INTO parents VALUES (2); INSERT INTO items VALUES (1000, 2, 1, 'there')" || return 1
}

lost_alone() {
    local position kind
    for kind in unique reference check trigger key; do
        for position in $(seq "$1" "$2" 64); do
            guilty "$position" $kind || return 1
            expect_status 3 load --jobs 1 || { cat last.out; return 1; }
            [ "$(sql "SELECT count(*) FROM items")" = 64 ] && [ "$(sql "SELECT line FROM ${w}rejects")" = "$position" ] ||
                { echo "$kind at $position"; cat last.out; return 1; }
        done
    done
}

for engine in sqlite ${engines:-}; do
    w=windrow_; step=${WINDROW_GUILTY_STEP:-9}
    [ $engine = sqlite ] || { w=windrow.; fresh_target postgresql; }
    expect_success "$engine: a refused row is lost alone, whatever its place and the reason" 'lost_alone 1 "$step" && lost_alone 64 1'
    many() { guilty 1 none; for i in $(seq 70 90); do echo "{\"id\":$i,\"parent\":1,\"n\":5000,\"name\":\"m$i\"}"; done >>tree/items.jsonl; }
    expect_success "$engine: --max-rejects 20 stops with 4 and says what stays; 21 does not" '
        many && expect_status 4 load --jobs 1 --max-rejects 20 && tail -n 1 last.out | grep -q "stopped: .*the limit is 20.* stays\? loaded" &&
        [ "$(sql "SELECT count(*) FROM ${w}units WHERE state = 0")" -ge 1 ] && many && expect_status 3 load --jobs 1 --max-rejects 21 && [ "$(sql "SELECT count(*) FROM items")" = 65 ]'
    expect_success "$engine: a stopped load goes on when the limit is higher" '
        many && expect_status 4 load --jobs 1 --max-rejects 3 && expect_status 3 load --jobs 1 --max-rejects 100 && [ "$(sql "SELECT count(*) FROM items")" = 65 ] &&
        [ "$(sql "SELECT count(*) FROM ${w}rejects")" = 21 ]'
    expect_success "$engine: --max-rejects 10% and 50%, also of few rows" '
        many && expect_status 4 load --jobs 1 --max-rejects 10% && many && expect_status 3 load --jobs 1 --max-rejects 50%'
    expect_success "$engine: --on-error stop" 'many && expect_status 4 load --jobs 1 --on-error stop && contains last.out "on-error" && [ "$(sql "SELECT count(*) FROM items WHERE id > 64 AND id < 1000")" = 0 ]'
done
if [ "${engines:-}" ]; then
    transient() {
        guilty 1 none && sql "CREATE SEQUENCE IF NOT EXISTS tries; SELECT setval('tries', 1, false); CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \$f\$
            BEGIN IF new.id = 5 AND nextval('tries') <= 2 THEN RAISE EXCEPTION 'again' USING ERRCODE = '$1'; END IF; RETURN new; END \$f\$"
    }
    for state in 40001 40P01; do
        expect_success "postgresql: $state is tried again" "transient $state >/dev/null && expect_status 0 load --jobs 1 && [ \"\$(sql 'SELECT count(*) FROM items')\" = 65 ]"
    done
    expect_success "postgresql: statement_timeout of the database does not bite: windrow sets its own" '
        transient 00000 >/dev/null; sql "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \$f\$
            BEGIN IF new.id = 5 THEN PERFORM pg_sleep(1); END IF; RETURN new; END \$f\$" && sql "ALTER DATABASE $(sql "SELECT current_database()") SET statement_timeout = 500" &&
        expect_status 0 load --jobs 1'
fi
done_testing
