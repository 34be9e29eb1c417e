#!/bin/bash
# The JSON summary has the members that docs/summary.schema.json describes, all of them appear, and docs/summary.md names
# each one.
. "${0%/*}/../lib/tap.sh"
need jq sqlite3
windrow=${WINDROW:-windrow}
schema=$root/docs/summary.schema.json

valid() {
    jq -r --slurpfile schema "$schema" --arg list 0 -f "$root/tests/report/schema.jq" "$1" >wrong || return 1
    [ -s "$1" ] && [ ! -s wrong ] || { head -20 wrong; return 1; }
}

cat >m.yaml <<'END'
windrow: 1
name: shape
params:
  zone: {type: timezone, default: Europe/Berlin}
indexes:
  reply: {files: "replies.json", each: '.[]', by: '.id | tostring'}
tables:
  t:
    from: "{f}.jsonl"
    where: '.skip | not'
    key: id
    columns:
      id: .id
      v: {path: .s, nul: strip}
      n: {path: .n, on_error: null}
      at: {path: .at, timezone: $param.zone}
      who: .who
      reply: {expr: '$reply[.id | tostring].text'}
  idle:
    into: t
    from: "none/{f}.jsonl"
    key: id
    columns: {id: .id}
END
mkdir -p one two empty
cat >one/a.jsonl <<'END'
{"id": 1, "s": "a\u0000b", "n": "x", "extra": 1, "at": "2025-01-01T10:00:00"}
{"id": 2, "s": {"a": 1}}
{"id": 3, "who": 7}
{"id": 4, "skip": true}
{"id": 1}
{"id": 5
END
printf '[{"id":7}]' >one/replies.json
echo '{"id": 20}' >two/b.jsonl
echo '{"id": 30}' >two/c.jsonl
head -c 400 /dev/zero | tr '\0' '\377' >two/other.bin
ln -s a.jsonl one/link.jsonl
sqlite3 t.db 'CREATE TABLE users (id integer PRIMARY KEY); CREATE TABLE t (id integer PRIMARY KEY, v text, n integer,
    at timestamptz, who integer REFERENCES users, reply text CHECK (id <> 30), never text)'
summary() {
    local expected=$1 name=$2
    shift 2
    expect_status "$expected" "$windrow" "$@" --to sqlite:t.db --progress none --json >"$name.json" 2>err || { cat err; return 1; }
    valid "$name.json"
}

expect_success 'a check with findings of many kinds' 'summary 3 check check m.yaml one two --max-rejects 100'
expect_success 'a load with rejects, from two sources' 'summary 3 load load m.yaml one two'
expect_success 'a replay that settles nothing' 'summary 3 replay rejects replay last && jq -e ".open_rejects > 0" replay.json >/dev/null'
expect_success 'a load that changes and misses files' '
    echo "{\"id\": 21}" >two/b.jsonl && rm two/c.jsonl && summary 3 again load m.yaml one two --prune'
expect_success 'a load of nothing new' 'summary 0 same load m.yaml one two'
expect_success 'a stopped load' 'echo "{\"id\": 40, \"s\": []}" >two/d.jsonl && summary 4 stopped load m.yaml two --max-rejects 0'
expect_success 'nothing matched' 'summary 8 nothing load m.yaml empty'
expect_success 'a mapping with faults' 'sed "s/nul: strip/nil: strip/" m.yaml >bad.yaml && summary 2 faults check bad.yaml one'
expect_success 'a file that cannot be used as a database' '
    echo "no database, but long enough to be looked at: $(seq 400)" >x.db && cp t.db keep.db && cp x.db t.db &&
    summary 5 database load m.yaml two; status=$?; cp keep.db t.db; return $status'
expect_success 'the file of --summary has the same shape' '
    "$windrow" check m.yaml one --to sqlite:t.db --progress none --quiet --summary s.json >/dev/null 2>&1; valid s.json'
expect_success 'a document of another shape is noticed' '
    jq ".totals.read = \"1\" | .totals.more = 1 | del(.jobs) | .status = 9" check.json >other.json && ! valid other.json >said &&
    contains wrong ".totals.read: no integer" ".totals.more: not described" ".jobs: missing" ".status: 9 is none of"'

jq -r --slurpfile schema "$schema" --arg list 1 -f "$root/tests/report/schema.jq" ./*.json | sort -u >appear
jq -r 'def members: to_entries[] | .key, (.value | (.properties // .items.properties // {}) | members);
    (.properties | members), (.["$defs"] | to_entries[].value.properties | members)' "$schema" | sort -u >members
expect_success 'every member that is described appears' '
    # tests/unit/report/summary.c has these: no load on SQLite gives them.
    sed "s/\[\]//g; s/.*\.//" appear | sort -u >names && compare - <(comm -23 members names | grep -vx "row\|note\|skip_reasons\|sqlstate") </dev/null'
expect_success 'docs/summary.md names every member' '
    while read -r name; do grep -q "\`$name\`" "$root/docs/summary.md" || { echo "$name"; return 1; }; done <members'
done_testing
