#!/bin/bash
# With several sources every place says which one it is in: text, JSON, reports, rejects. With one it does not.
. "${0%/*}/../lib/tap.sh"
need jq sqlite3

mkdir -p north south
cat >m.yaml <<'YAML'
windrow: 1
name: sources
tables:
  users:
    from: "users.jsonl"
    key: [id]
    columns: {id: .id, email: .email}
YAML
printf '{"id":1,"email":"a@x"}\n{"id":"x"}\n' >north/users.jsonl
printf '{"id":1,"email":"b@x"}\n{"id":2,"email":"c@x","age":3}\n' >south/users.jsonl
echo hello >south/notes.txt
sqlite3 t.db "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)"

expect_success "text: paths that can be opened, of both rows" '
    expect_status 3 windrow check m.yaml north south/ --to sqlite:t.db --jobs 1 --progress none >out.txt &&
    contains out.txt " --> north/users.jsonl:2:7" " --> south/users.jsonl:1:1" " ::: north/users.jsonl:1:1  first seen here" "first: south/notes.txt"'
expect_success "JSON: the path in its source, and the source" '
    expect_status 3 windrow check m.yaml north south/ --to sqlite:t.db --jobs 1 --json --progress none >out.json &&
    jq -e "[.findings.groups[].examples[] | [.place.source, .place.file, .other.source]] | sort ==
        [[\"north\", \"users.jsonl\", null], [\"south/\", \"users.jsonl\", \"north\"]]" out.json'
expect_success "a source that is the file itself" '
    expect_status 3 windrow check m.yaml north/users.jsonl south --to sqlite:t.db --jobs 1 --progress none >out.txt &&
    contains out.txt " --> north/users.jsonl:2:7"'
expect_success "reports say it too" '
    expect_status 3 windrow check m.yaml north south --to sqlite:t.db --jobs 1 --quiet --progress none --summary r.html --summary r.xml --summary r.txt >out.txt &&
    contains r.html "south/users.jsonl:1:1" && contains r.xml "south/users.jsonl:1:1" && contains r.txt "south/users.jsonl:1:1"'
expect_success "one source is not named" '
    expect_status 3 windrow check m.yaml north --to sqlite:t.db --jobs 1 --json --progress none >out.json && ! grep "\"source\":" out.json'
expect_success "rejects: list, show and export name it" '
    expect_status 3 windrow load m.yaml north south --to sqlite:t.db --jobs 1 --quiet --progress none >/dev/null 2>&1
    windrow rejects list last --to sqlite:t.db >list && contains list "source" "$PWD/south" &&
    windrow rejects list last --to sqlite:t.db --json | jq -e "map(.source) | sort == [\"$PWD/north\", \"$PWD/south\"]" &&
    windrow rejects show last 2 --to sqlite:t.db >show && contains show "$PWD/south/users.jsonl:1:1" &&
    windrow rejects export last - --to sqlite:t.db | jq -s -e "map(.source) | sort == [\"$PWD/north\", \"$PWD/south\"]"'
expect_success "a mended reject goes back to its own source" '
    windrow rejects export last open.jsonl --to sqlite:t.db --quiet && sed -i "s/\\\\\"id\\\\\":1/\\\\\"id\\\\\":7/; s/\\\\\"id\\\\\":\\\\\"x\\\\\"/\\\\\"id\\\\\":8/" open.jsonl &&
    expect_status 0 windrow rejects replay last open.jsonl --to sqlite:t.db --quiet --progress none &&
    [ "$(sqlite3 t.db "SELECT group_concat(id) FROM (SELECT id FROM users ORDER BY id)")" = 1,2,7,8 ]'

printf 'windrow: 1\nname: x\ntables:\n  t:\n    from: "a"\n    colums: {a: .a}\n' >bad.yaml
expect_success "lint --json: faults are findings" '
    expect_status 2 windrow lint bad.yaml --json >out.json &&
    jq -e ".command == \"lint\" and .status == 2 and .findings.groups[0].code == \"W0206\" and .findings.groups[0].mapping.line == 6" out.json'
expect_success "lint --json: and when there are none" '
    expect_status 0 windrow lint m.yaml --json >out.json && jq -e ".status == 0 and (.findings.groups | length) == 0" out.json'
done_testing
