#!/bin/bash
# Rows of a table that refers to itself: in any order, and of those that are refused only the guilty ones.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql
export WINDROW_UNIT_BYTES=16000000

scene_of_nodes() {
    printf 'windrow: 1\nname: nodes\ntables:\n  nodes:\n    from: "{f}.jsonl"\n    key: id\n    columns: {id: .id, parent: .parent, v: .v}\n' >nodes.yaml
    rm -rf nodes && mkdir nodes
    # 1 -> 3 and 5 -> 20 point forward, 10 and 11 at each other, 6 at itself; 2 at nothing, 4 at 2
    for i in $(seq 20); do
        case $i in 1) p=3 ;; 2) p=99 ;; 4) p=2 ;; 5) p=20 ;; 6) p=6 ;; 10) p=11 ;; 11) p=10 ;; *) p=null ;; esac
        echo "{\"id\":$i,\"parent\":$p,\"v\":\"$i\"}"
    done >nodes/a.jsonl
}

# table WORDS CHECK: made anew, without a ledger
table() {
    sql "DROP TABLE IF EXISTS nodes" >out 2>&1
    [ "$engine" = sqlite ] || sql "SET client_min_messages = error; DROP SCHEMA IF EXISTS windrow CASCADE"
    sql "CREATE TABLE nodes (id integer PRIMARY KEY, parent integer REFERENCES nodes (id) $1, v text $2)"
    [ "$engine" = sqlite ] && target_reset && sql "CREATE TABLE nodes (id integer PRIMARY KEY, parent integer REFERENCES nodes (id) $1, v text $2)"
    true
}
refused() { [ "$(sql "SELECT record_index + 1 FROM ${w}rejects ORDER BY record_index" | tr '\n' ' ')" = "$1 " ] || { sql "SELECT record_index + 1, code, message FROM ${w}rejects"; cat last.out; return 1; }; }
nodes() { "$windrow" load nodes.yaml nodes --to "$db" "$@" >last.out 2>&1; }

for engine in sqlite ${engines:-}; do
    w=windrow_
    [ $engine = sqlite ] || w=windrow.
    rm -rf tree target
    expect_success "$engine: a target" 'scene && target_new $engine && scene_of_nodes'
    for words in "" "DEFERRABLE INITIALLY DEFERRED"; do
        expect_success "$engine: ${words:-checked at once}: what points nowhere, and what hangs on it" '
            table "$words" "" && expect_status 3 nodes && refused "2 4" && expect_counts nodes 18'
        expect_success "$engine: ${words:-checked at once}: a row refused for another reason takes none along but its children" '
            table "$words" "CHECK (v NOT IN ('"'7', '3'"'))" && expect_status 3 nodes && refused "1 2 3 4 7" && expect_counts nodes 15'
        expect_success "$engine: ${words:-checked at once}: nothing is refused where all come together" '
            table "$words" "" && cp nodes/a.jsonl kept && sed -i "s/99/9/" nodes/a.jsonl && nodes && expect_counts nodes 20; status=$?; mv kept nodes/a.jsonl; return $status'
    done
    expect_success "$engine: deferred: a row may point far ahead in its chunk although another is refused" '
        rm nodes/*; awk '"'BEGIN { for (i = 1; i <= 3000; i++) printf \"{\\\"id\\\":%d,\\\"parent\\\":%s,\\\"v\\\":\\\"%01600d\\\"}\\n\", i, i == 1 ? 3000 : i == 500 ? 99999 : \"null\", i }'"' >nodes/a.jsonl
        table "DEFERRABLE INITIALLY DEFERRED" "" && expect_status 3 nodes && refused "500" && expect_counts nodes 2999'
done
done_testing
