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
        scene; quiet && is "name FROM users WHERE id = '"'u1'"'" "Name 1" && is "count(*) FROM events" 58 && unchanged'
    expect_success "$engine: an interrupted large file goes on where it stopped, unless the bytes changed" '
        rm -rf tree; scene; target_reset; crash && is "count(*) FROM ${w}chunks" 2 && quiet --jobs 1 && is "sum(lines) FROM ${w}chunks" 72 &&
        target_reset; crash && sed -i "1s/\"0\"/\"9\"/" tree/log/d1.jsonl; quiet --jobs 1 && is "text FROM events WHERE id = 0" 9 && is "count(*) FROM events" 58'
    expect_success "$engine: two files with a row of one key: deleted in the second, the first keeps it" '
        rm -rf tree; scene; target_reset; echo "{\"id\":3,\"text\":\"other\"}" >tree/log/d2.jsonl; echo "{\"id\":500,\"text\":\"own\"}" >>tree/log/d2.jsonl; quiet &&
        is "text FROM events WHERE id = 3" 0000 && echo "{\"id\":500,\"text\":\"changed\"}" >tree/log/d2.jsonl && quiet &&
        is "text FROM events WHERE id = 3" 0000 && is "text FROM events WHERE id = 500" changed'
    expect_success "$engine: a changed file of a rule without a key: nothing is touched, the exit status says usage" '
        rm -rf tree; scene; target_reset; grep -v "key: id" m.yaml >n.yaml; nokey() { "$windrow" load n.yaml tree --to "$db" "$@" >last.out 2>&1; }
        expect_status 3 nokey && before=$(dump | md5sum) && echo "{\"name\": \"Another\"}" >tree/u2/profile.json && expect_status 2 nokey &&
        contains last.out "W0609" "key:" && [ "$before" = "$(dump | md5sum)" ]'
done
done_testing
