#!/bin/bash
# Rows that refer to each other at random, some of them guilty: what is loaded is the most that can be there together.
#
# The answer to compare with comes from tables without any constraint: guilty rows are taken out, then, as long as there are
# any, rows that refer to one that is not there.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql
export WINDROW_UNIT_BYTES=16000000

# graph SEED TABLES LATER: rows "table id to value" of both or one of a and b, 24 ids each; some are guilty, some lead nowhere,
# some have no reference, and of the others many are in rings. Ids 1 to 3 are in the tables before.
graph() {
    awk -v seed="$1" -v tables="$2" 'BEGIN {
        srand(seed)
        for (t = 0; t < tables; t++)
            for (i = 1; i <= 24; i++) {
                to = int(rand() * 30) + 1
                if (rand() < 0.25) to = "null"
                else if (rand() < 0.3) to = i % 24 + 1
                print (t ? "b" : "a"), i, to, (rand() < 0.12 ? "guilty" : "v" i)
            }
    }' >rows
    rm -rf tree && mkdir tree
    while read -r table id to value; do echo "{\"id\":$id,\"to\":$to,\"v\":\"$value\",\"place\":\"here\"}" >>"tree/$table.jsonl"; done <rows
}

# mapping TABLES CONFLICT [REF]
mapping() {
    local table
    printf 'windrow: 1\nname: graph\ntables:\n' >m.yaml
    for table in a b; do
        [ "$table" = a ] || [ "$1" = 2 ] || continue
        printf '  %s:\n    from: "%s.jsonl"\n    key: id\n' "$table" "$table" >>m.yaml
        [ "$2" = error ] || printf '    on_conflict: %s\n' "$2" >>m.yaml
        printf '    columns: {id: .id, "to": .to, v: .v%s}\n' "${3:-}" >>m.yaml
    done
}

# target TABLES WORDS: the tables, with the rows that were there before
target() {
    local to_a=a
    [ "$1" = 1 ] || to_a=b
    if [ "$engine" = sqlite ]; then
        rm -f target.db* && db=sqlite:$PWD/target.db
    else
        sql "SET client_min_messages = error; DROP SCHEMA IF EXISTS windrow CASCADE; DROP TABLE IF EXISTS a, b, places CASCADE"
    fi
    sql "CREATE TABLE places (id integer PRIMARY KEY, name text UNIQUE)" && sql "INSERT INTO places VALUES (1, 'here')" || return 1
    if [ "$engine" = sqlite ] || [ "$1" = 1 ]; then
        sql "CREATE TABLE a (id integer PRIMARY KEY, \"to\" integer REFERENCES $to_a (id) $2, v text CHECK (v <> 'guilty'), place integer REFERENCES places (id))" &&
            sql "CREATE TABLE b (id integer PRIMARY KEY, \"to\" integer REFERENCES a (id) $2, v text CHECK (v <> 'guilty'), place integer)"
    else
        sql "CREATE TABLE a (id integer PRIMARY KEY, \"to\" integer, v text CHECK (v <> 'guilty'))" &&
            sql "CREATE TABLE b (id integer PRIMARY KEY, \"to\" integer REFERENCES a (id) $2, v text CHECK (v <> 'guilty'))" &&
            sql "ALTER TABLE a ADD FOREIGN KEY (\"to\") REFERENCES b (id) $2"
    fi || return 1
    sql "INSERT INTO a (id, v) VALUES (1, 'old'), (2, 'old'), (3, 'old')" && sql "INSERT INTO b (id, v) VALUES (1, 'old'), (2, 'old'), (3, 'old')"
}

# answer TABLES CONFLICT: what has to be there, and how many rows are refused
answer() {
    local other="'a'" n
    [ "$1" = 1 ] || other="CASE r.t WHEN 'a' THEN 'b' ELSE 'a' END"
    {
        echo "CREATE TABLE r (t, id, o, v); CREATE TABLE old (t, id, v);
            INSERT INTO old SELECT t.value, i.value, 'old' FROM json_each('[\"a\",\"b\"]') t, json_each('[1,2,3]') i; BEGIN;"
        while read -r table id to value; do echo "INSERT INTO r VALUES ('$table', $id, $to, '$value');"; done <rows
        [ "$2" = update ] || echo "DELETE FROM r WHERE v <> 'guilty' AND (t, id) IN (SELECT t, id FROM old);"
        [ "$2" = skip ] || [ "$2" = update ] || echo "INSERT INTO r SELECT t, id, 99, 'guilty' FROM old WHERE t IN (SELECT t FROM r) AND (t, id) NOT IN (SELECT t, id FROM r);"
        echo "CREATE TABLE given AS SELECT count(*) AS n FROM r; DELETE FROM r WHERE v = 'guilty';"
        for n in $(seq 50); do
            echo "DELETE FROM r WHERE o IS NOT NULL AND NOT EXISTS (SELECT 1 FROM r p WHERE p.t = $other AND p.id = r.o)
                AND NOT EXISTS (SELECT 1 FROM old p WHERE p.t = $other AND p.id = r.o);"
        done
        echo "COMMIT; SELECT 'refused', n - (SELECT count(*) FROM r) FROM given; INSERT INTO r SELECT t, id, NULL, v FROM old
            WHERE (t, id) NOT IN (SELECT t, id FROM r); SELECT * FROM r ORDER BY t, id;"
    } | sqlite3 -batch -init /dev/null -separator '|' >expected.out
}

found() {
    echo "refused|$(sql "SELECT count(*) FROM ${w}rejects")"
    for table in a b; do sql "SELECT '$table', id, \"to\", v FROM $table ORDER BY id" | tr '\t' '|' | sed 's/\\N//g'; done
}

# load_of SEED TABLES WORDS CONFLICT [REF]
load_of() {
    graph "$1" "$2" && mapping "$2" "$4" "${5:-}" && target "$2" "$3" && answer "$2" "$4" || return 1
    timeout 60 "$windrow" load m.yaml tree --to "$db" --jobs 1 >last.out 2>&1
    case $? in 0 | 3) ;; *) tail -n 5 last.out; return 1 ;; esac
    found >actual.out
    cmp -s expected.out actual.out || { echo "seed $1"; diff expected.out actual.out; return 1; }
}

seeds() {   # TABLES WORDS CONFLICT [REF]
    local seed
    for seed in ${WINDROW_TANGLE_SEEDS:-1 2 3}; do load_of "$seed" "$@" || return 1; done
}

deferred="DEFERRABLE INITIALLY DEFERRED"
place=', place: {ref: places, by: {name: .place}}'
for engine in sqlite ${engines:-}; do
    w=windrow_
    [ $engine = sqlite ] || { w=windrow.; fresh_target $engine; }
    for words in "" "$deferred"; do
        for conflict in error skip update; do
            expect_success "$engine: one table, ${words:-checked at once}, on_conflict: $conflict" 'seeds 1 "$words" $conflict'
        done
    done
    expect_success "$engine: one table, with a column that is looked up" 'seeds 1 "" error "$place"'
    for conflict in error skip update; do
        expect_success "$engine: two tables, deferred, on_conflict: $conflict" 'seeds 2 "$deferred" $conflict'
    done
done
done_testing
