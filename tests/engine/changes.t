#!/bin/bash
# A source that changes between loads: only what changed is read, its rows are brought to the new state, nothing else is touched.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ -z "${WINDROW_TEST_PG:-}" ] || engines=postgresql
w=windrow_

row() { sql "SELECT $1" | tr '\t\n' '| '; }
is() { [ "$(row "$1")" = "$2 " ] || { echo "$1: '$(row "$1")', not '$2'"; return 1; }; }
opened() { strace -f -qq -e trace=openat,open -o opens "$windrow" load m.yaml tree --to "$db" "$@" >last.out 2>&1; }
quiet() { load "$@" || { [ $? = 3 ] || { cat last.out; return 1; }; }; }
unchanged() { load "$@" && grep -q 'nothing changed' last.out || { cat last.out; return 1; }; }
xids() { [ "$engine" = sqlite ] || row "string_agg(xmin::text, ',' ORDER BY id) FROM events"; }

crash() { WINDROW_CRASH=chunk_after_commit:2 expect_signal KILL "$windrow" load m.yaml tree --to "$db" --jobs 1 >last.out 2>&1; }

for engine in sqlite ${engines:-}; do
    [ $engine = sqlite ] || w=windrow.
    rm -rf tree target
    expect_success "$engine: first load" 'scene && target_new $engine && golden'
    if command -v strace >/dev/null; then
        expect_success "$engine: unchanged: no file of the source is opened, no row is written" '
            before=$(dump | md5sum; xids); opened && ! grep -E "profile.json|note.txt|d1.jsonl" opens && [ "$before" = "$(dump | md5sum; xids)" ] &&
            is "count(*) FROM ${w}runs" 1'
    else
        skip "$engine: unchanged: nothing is opened" "no strace here"
    fi
    expect_success "$engine: one file of a group changed: its row, and no other" '
        echo "{\"name\": \"Another\"}" >tree/u2/profile.json; quiet &&
        is "name FROM users WHERE id = '"'u2'"'" Another && is "count(*) FROM users" 6 && grep -q "users *1 *1 *0" last.out && is "count(*) FROM ${w}before" 1'
    expect_success "$engine: the file is back as it was" 'echo "{\"name\": \"Name 2\"}" >tree/u2/profile.json; quiet && unchanged'
    expect_success "$engine: same size and time, other content: seen with --rehash only" '
        touch -r tree/u3/note.txt stamp; echo "A NOTE OF 3" >tree/u3/note.txt; touch -r stamp tree/u3/note.txt; unchanged &&
        quiet --rehash && is "note FROM notes WHERE who = '"'u3'"'" "A NOTE OF 3 " && unchanged --rehash'
    expect_success "$engine: lines appended to the large file: only the tail is loaded" '
        before=$(row "max(id) FROM ${w}units"); echo "{\"id\":100,\"text\":\"grown\"}" >>tree/log/d1.jsonl; quiet &&
        is "count(*) FROM events" 59 && is "count(*), min(part) FROM ${w}units WHERE id > $before" "1|1" &&
        is "lines FROM ${w}chunks ORDER BY id DESC LIMIT 1" 1 && is "count(*) FROM ${w}rejects WHERE state = '"'open'"'" 2 && unchanged && unchanged --rehash'
    expect_success "$engine: appended again, more than one part" '
        for i in $(seq 200 230); do echo "{\"id\":$i,\"text\":\"and again\"}"; done >>tree/log/d1.jsonl; quiet && is "count(*) FROM events" 90 && unchanged'
    expect_success "$engine: a record deleted and one changed in the large file: loaded again by key" '
        sed -i -e "/\"id\":7,/d" -e "s/\"id\":8,\"text\":\"00\"/\"id\":8,\"text\":\"new\"/" tree/log/d1.jsonl; quiet &&
        is "count(*) FROM events WHERE id = 7" 0 && is "text FROM events WHERE id = 8" new && is "count(*) FROM events" 89 && unchanged'
    expect_success "$engine: a file that shrank to nothing" ': >tree/log/d1.jsonl; quiet && is "count(*) FROM events" 0 && unchanged'
    expect_success "$engine: a vanished file is reported, its row stays; --prune deletes it" '
        rm tree/u5/profile.json; load; contains last.out "files that an earlier run loaded and that are gone" && is "count(*) FROM users" 6 && quiet --prune && is "count(*) FROM users" 5 &&
        is "count(*) FROM ${w}files WHERE size = 0" 1 && unchanged --prune'
    expect_success "$engine: the mapping changed under an unfinished run: refused, --fresh goes on" '
        rm -rf tree; scene; target_reset; crash && is "count(*) FROM ${w}units WHERE state = 1" 2 &&
        sed -i "s/name: .name}/name: {path: .name, trim: true}}/" m.yaml && expect_status 2 load && contains last.out "W0606" "--fresh" && quiet --fresh &&
        is "count(*) FROM users" 6 && is "count(*) FROM events" 58'
    expect_success "$engine: the mapping changed after a finished run: every row is brought to it, once" '
        scene; before=$(row "max(id) FROM ${w}units"); quiet && is "name FROM users WHERE id = '"'u1'"'" "Name 1" && is "count(*) FROM events" 58 &&
        is "count(*), sum(n_files) FROM ${w}units WHERE id > $before AND mode = 1" "2|13" && unchanged'
    expect_success "$engine: an interrupted large file goes on where it stopped, unless the bytes changed" '
        rm -rf tree; scene; target_reset; crash && is "count(*) FROM ${w}chunks" 2 && quiet --jobs 1 && is "sum(lines) FROM ${w}chunks" 72 &&
        target_reset; crash && sed -i "1s/\"0\"/\"9\"/" tree/log/d1.jsonl; quiet --jobs 1 && is "text FROM events WHERE id = 0" 9 && is "count(*) FROM events" 58'
    expect_success "$engine: two files with a row of one key: deleted in the second, the first keeps it" '
        rm -rf tree; scene; target_reset; echo "{\"id\":3,\"text\":\"other\"}" >tree/log/d2.jsonl; echo "{\"id\":500,\"text\":\"own\"}" >>tree/log/d2.jsonl; quiet &&
        is "text FROM events WHERE id = 3" 0000 && echo "{\"id\":500,\"text\":\"changed\"}" >tree/log/d2.jsonl && quiet &&
        is "text FROM events WHERE id = 3" 0000 && is "text FROM events WHERE id = 500" changed'
    # images NEW: the rows of "events" as the images of the last chunk say they were, put in their places
    if [ $engine = sqlite ]; then
        put_back="DELETE FROM events WHERE id IN (SELECT json_extract(old, '\$.id') FROM windrow_before WHERE table_name = 'events');
            INSERT INTO events SELECT json_extract(old, '\$.id'), json_extract(old, '\$.text') FROM windrow_before WHERE table_name = 'events'"
    else
        put_back="DELETE FROM events WHERE id IN (SELECT (old::json->>'id')::int FROM windrow.before WHERE table_name = 'events');
            INSERT INTO events SELECT r.* FROM windrow.before, json_populate_record(NULL::events, old::json) r WHERE table_name = 'events'"
    fi
    rows_of() { sql "SELECT id, text FROM events ORDER BY id"; }
    expect_success "$engine: the images of what a changed file updated and deleted restore the old rows" '
        rm -rf tree; scene; target_reset; load; rows_of >old.rows; sed -i -e "/\"id\":1[0-5],/d" -e "s/\"id\":8,\"text\":\"00\"/\"id\":8,\"text\":\"new \\\\\"quoted\\\\\"\"/" tree/log/d1.jsonl
        quiet --summary s.json && contains last.out "deleted from events: 6 rows" && tr -d " \n" <s.json >s.flat && contains s.flat "\"deleted\":6" "\"path\":\"log/d1.jsonl\",\"state\":\"loaded\"" "\"records\":54,\"rejected\":2" &&
        rows_of >new.rows && ! cmp -s old.rows new.rows && is "count(*), sum(deleted) FROM ${w}before" "7|6" && sql "$put_back" && rows_of >back.rows && compare old.rows back.rows &&
        is "count(*) FROM ${w}chunks WHERE rows_json LIKE '"'%deleted_:6%'"'" 1'
    expect_success "$engine: a record that is refused now takes its old row away, and gives it again when it is mended" '
        rm -rf tree; scene; target_reset; load; cp tree/u2/profile.json good; echo "{}" >tree/u2/profile.json; quiet
        is "count(*) FROM users WHERE id = '"'u2'"'" 0 && cp good tree/u2/profile.json && quiet && is "name FROM users WHERE id = '"'u2'"'" "Name 2"'
    expect_success "$engine: two directories with a row of one key, on_conflict skip: the row is of the first, whatever changes in the second" '
        rm -rf r1 r2; mkdir r1 r2; echo "{\"id\":1,\"text\":\"first\"}" >r1/a.jsonl; echo "{\"id\":1,\"text\":\"second\"}" >r2/a.jsonl
        printf "windrow: 1\nname: two\ntables:\n  events:\n    from: \"{f}.jsonl\"\n    key: id\n    on_conflict: skip\n    columns: {id: .id, text: .text}\n" >two.yaml
        both() { "$windrow" load two.yaml r1 r2 --to "$db" "$@" >last.out 2>&1; }
        target_reset; both && is "text FROM events" first && echo "{\"id\":1,\"text\":\"other\"}" >r2/a.jsonl && both && is "text FROM events" first &&
        : >r2/a.jsonl && both && is "text FROM events" first && echo "{\"id\":1,\"text\":\"newer\"}" >r1/a.jsonl && both && is "text FROM events" newer'
    expect_success "$engine: a rule that updates one column keeps its hands off the others, in a row that another file made" '
        printf "windrow: 1\nname: parts\ntables:\n" >parts.yaml
        printf "  base:\n    table: parts\n    from: \"{f}.base.jsonl\"\n    key: id\n    columns: {id: .id, name: .name}\n" >>parts.yaml
        printf "  more:\n    table: parts\n    from: \"{f}.more.jsonl\"\n    key: id\n    on_conflict: {update: [n]}\n    columns: {id: .id, name: .name, n: .n}\n" >>parts.yaml
        rm -rf p; mkdir p; echo "{\"id\":1,\"name\":\"right\"}" >p/a.base.jsonl; echo "{\"id\":1,\"name\":\"?\",\"n\":1}{\"id\":2,\"name\":\"two\",\"n\":1}" | sed "s/}{/}\n{/" >p/a.more.jsonl
        parts() { "$windrow" load parts.yaml p --to "$db" >last.out 2>&1 && [ "$(sql "SELECT id, name, n FROM parts ORDER BY id" | tr "\t\n" "| ")" = "$1" ] || { sql "SELECT * FROM parts"; cat last.out; return 1; }; }
        target_reset; sql "DROP TABLE IF EXISTS parts" 2>&1; sql "CREATE TABLE parts (id integer PRIMARY KEY, name text, n integer)"
        parts "1|right|1 2|two|1 " && sed -i "s/\"n\":1/\"n\":5/; s/two/zwei/" p/a.more.jsonl && parts "1|right|5 2|zwei|5 " &&
        echo "{\"id\":1,\"name\":\"better\"}" >p/a.base.jsonl && parts "1|better|5 2|zwei|5 "; status=$?; sql "DROP TABLE parts"; return $status'
    expect_success "$engine: the row of two jobs stays when one of them gives it no more" '
        sed "s/on_conflict: skip/on_conflict: update/" two.yaml >up.yaml; one() { "$windrow" load up.yaml "$1" --to "$db" >last.out 2>&1; }
        echo "{\"id\":1,\"text\":\"first\"}" >r1/a.jsonl; echo "{\"id\":1,\"text\":\"second\"}" >r2/a.jsonl
        target_reset; one r1 && one r2 && is "text FROM events" second && echo "{\"id\":9,\"text\":\"nine\"}" >r1/a.jsonl && one r1 &&
        is "count(*) FROM events WHERE id = 1" 1 && : >r2/a.jsonl && one r2 && is "count(*) FROM events WHERE id = 1" 0'
    expect_success "$engine: a changed file that is too large for memory: keys in a file, its chunk in pieces" '
        rm -rf tree; scene; target_reset; big() { seq "$1" "$2" | sed "s/.*/{\"id\":&,\"text\":\"$3\"}/" >tree/log/d1.jsonl; }
        big 1 40000 x; WINDROW_UNIT_BYTES=1000000 load --memory 16M && rows_of | md5sum >all && big 20001 60000 y && WINDROW_UNIT_BYTES=1000000 load --memory 16M || { cat last.out; false; }
        is "count(*), min(id), max(id), min(text) FROM events" "40000|20001|60000|y" && is "count(*), sum(deleted) FROM ${w}before WHERE table_name = '"'events'"'" "40000|20000" &&
        is "count(*) > 0 FROM ${w}keys" "$([ $engine = sqlite ] && echo 1 || echo t)" && unchanged && big 1 40000 x && quiet --memory 16M && rows_of | md5sum | compare - all'
    expect_success "$engine: a changed file of a rule without a key: nothing is touched, the exit status says usage" '
        rm -rf tree; scene; target_reset; grep -v "key: id" m.yaml >n.yaml; nokey() { "$windrow" load n.yaml tree --to "$db" "$@" >last.out 2>&1; }
        expect_status 3 nokey && before=$(dump | md5sum) && echo "{\"name\": \"Another\"}" >tree/u2/profile.json && expect_status 2 nokey &&
        contains last.out "W0609" "key:" && [ "$before" = "$(dump | md5sum)" ]'
done
done_testing
