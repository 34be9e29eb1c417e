#!/bin/bash
# Findings in which other rows have a part: the row that came first of two with one key, the parent that was refused itself.
# In a check and in a load, on both engines.
. "${0%/*}/../lib/tap.sh"
need jq sqlite3

mkdir -p tree/{a,b}
cat >m.yaml <<'YAML'
windrow: 1
name: others
source: {group: "{g}/"}
tables:
  users:
    from: "{g}/users.jsonl"
    key: [id]
    columns: {age: .age, id: .id, email: .email, score: .score}
  nodes:
    from: "{g}/nodes.jsonl"
    key: [name]
    columns:
      name: .name
      parent: .parent
  notes:
    from: "{g}/notes.jsonl"
    columns:
      user_id: .user
      at: .at
      user2: {ref: users, by: {email: .email}}
YAML
cat >tree/a/users.jsonl <<'J'
{"id":1,"email":"a@x","age":3,"score":1.5}
{"id":2,"email":"b@x","age":"old","score":2}
{"id":3,"email":"A@x","age":4,"score":3}
{"id":4,"email":"d@x","age":-4,"score":4}
{"id":5,"email":"e@x","age":5,"score":5}
J
cat >tree/b/users.jsonl <<'J'
{"id":7,"email":"g@x","age":3,"score":7}
{"id":1,"email":"z@x","age":3,"score":8}
{"id":8,"email":"e@x","age":3,"score":9}
{"id":9,"email":"i@x","age":3,"score":1.50}
J
cat >tree/a/nodes.jsonl <<'J'
{"name":"leaf","parent":"root"}
{"name":"root"}
{"name":"leaf"}
{"name":"lost","parent":"nowhere"}
J
cat >tree/a/notes.jsonl <<'J'
{"user":1,"email":"a@x","at":"2025-01-01T00:00:00Z"}
{"user":2,"email":"a@x","at":"2025-01-01T00:00:00Z"}
{"user":4,"email":"d@x","at":"2025-01-01T00:00:00Z"}
{"user":1,"email":"e@x","at":"2025-01-01T00:00:00Z"}
J
tables_sqlite='CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, age INTEGER CHECK (age >= 0), score NUMERIC UNIQUE);
    CREATE UNIQUE INDEX users_i ON users (lower(email)) WHERE age < 100;
    CREATE TABLE nodes (name TEXT PRIMARY KEY, parent TEXT REFERENCES nodes) WITHOUT ROWID;
    CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), at TIMESTAMPTZ, user2 INTEGER REFERENCES users (id),
        UNIQUE (user_id, at))'
tables_postgresql='CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, age int CHECK (age >= 0), score numeric(6, 2) UNIQUE);
    CREATE UNIQUE INDEX users_i ON users (lower(email)) WHERE age < 100;
    CREATE TABLE nodes (name varchar(20) PRIMARY KEY, parent varchar(20) REFERENCES nodes);
    CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint REFERENCES users (id), at timestamptz,
        user2 int REFERENCES users (id), UNIQUE (user_id, at))'

# "W0512 b/users.jsonl:2 a/users.jsonl:1 first seen here", a line each
others() {
    jq -r '.findings.groups[] | .code as $code | .examples[] | select($code | test("W051[023]")) |
        "\($code) \(.place.file):\(.place.line) \(if .other then "\(.other.file):\(.other.line) \(.other_label)" else "-" end)"' | LC_ALL=C sort
}

cat >known <<'T'
W0510 a/notes.jsonl:3 a/users.jsonl:4 the parent users(d@x) was itself refused
W0512 a/nodes.jsonl:3 a/nodes.jsonl:1 first seen here
W0512 a/notes.jsonl:4 a/notes.jsonl:1 first seen here
W0512 a/users.jsonl:3 a/users.jsonl:1 first seen here
W0512 b/users.jsonl:2 a/users.jsonl:1 first seen here
W0512 b/users.jsonl:3 a/users.jsonl:5 first seen here
W0512 b/users.jsonl:4 a/users.jsonl:1 first seen here
W0513 a/nodes.jsonl:4 -
W0513 a/notes.jsonl:2 a/users.jsonl:2 the parent users(2) was itself refused
T
# The ledger keeps no keys of a rule that has none.
sed 's/^\(W0512 a.notes.*:4\) .*/\1 -/' known >known-by-load

somebody="INSERT INTO users (id, email, score) VALUES (50, 'somebody', 50)"
both() {
    local tables=tables_$1
    fresh_target "$1" && sql "${!tables}"
    expect_success "$1: a check names both rows" '
        expect_status 3 windrow check m.yaml tree --to "$db" --jobs 1 --json --progress none >check.json && others <check.json | compare known -'
    expect_success "$1: a load as far as its ledger knows" '
        expect_status 3 windrow load m.yaml tree --to "$db" --jobs 1 --json --progress none >load.json && others <load.json | compare known-by-load -'
    expect_success "$1: a row that an earlier run loaded, and one that nobody knows of" '
        sql "$somebody" && mkdir -p tree/c && printf "{\"id\":7,\"email\":\"y@x\",\"score\":70}\n{\"id\":50,\"email\":\"w@x\",\"score\":71}\n" >tree/c/users.jsonl &&
        expect_status 3 windrow load m.yaml tree --to "$db" --jobs 1 --json --progress none >load.json &&
        others <load.json | compare - <(printf "%s\n" "W0512 c/users.jsonl:1 b/users.jsonl:1 first seen here" "W0512 c/users.jsonl:2 -") '
    rm -rf tree/c
}

both sqlite
expect_success "a reference of which nothing is known says so" '
    mkdir -p alone/a && printf "{\"user\":1,\"email\":\"nobody@x\"}\n" >alone/a/notes.jsonl && fresh_target sqlite && sql "$tables_sqlite" &&
    expect_status 3 windrow check m.yaml alone --to "$db" --progress none >out.txt &&
    contains out.txt "no such row came from the source before this one, neither loaded nor refused"'
expect_success "not when some refused rows are not known by their key" '
    printf "{\"id\":\"x\",\"email\":7}\n" >alone/a/users.jsonl &&
    expect_status 3 windrow check m.yaml alone --to "$db" --progress none >out.txt && ! grep "no such row" out.txt'
expect_success "the lines of a file that is cut into parts are true ones" '
    mkdir -p large/a && { seq 200 | sed "s/.*/{\"id\":&,\"email\":\"m&@x\",\"age\":1}/"; for i in 3 150; do echo "{\"id\":$i,\"email\":\"x$i@x\",\"age\":1}"; done; } >large/a/users.jsonl &&
    WINDROW_UNIT_BYTES=500 expect_status 3 windrow check m.yaml large --to "$db" --jobs 2 --json --progress none >check.json &&
    others <check.json | compare - <(printf "%s\n" "W0512 a/users.jsonl:201 a/users.jsonl:3 first seen here" "W0512 a/users.jsonl:202 a/users.jsonl:150 first seen here") &&
    WINDROW_UNIT_BYTES=500 expect_status 3 windrow load m.yaml large --to "$db" --jobs 2 --json --progress none >load.json &&
    others <load.json | compare - <(others <check.json)'
expect_success "in a chunk that is rolled back at the limit" '
    fresh_target sqlite && sql "$tables_sqlite" &&
    expect_status 4 windrow load m.yaml large --to "$db" --jobs 1 --max-rejects 0 --json --progress none >load.json &&
    others <load.json | compare - <(printf "%s\n" "W0512 a/users.jsonl:201 a/users.jsonl:3 first seen here" "W0512 a/users.jsonl:202 a/users.jsonl:150 first seen here")'

if [ -z "${WINDROW_TEST_PG:-}" ]; then
    skip "PostgreSQL" "no WINDROW_TEST_PG; run it by scripts/test"
    done_testing
fi
both postgresql
expect_success "PostgreSQL: a rehearsal too" '
    fresh_target postgresql && sql "$tables_postgresql" &&
    expect_status 3 windrow check m.yaml tree --to "$db" --level rehearse --json --progress none >check.json && others <check.json | compare known -'
expect_success "PostgreSQL: a table with a type that has no binary form here" '
    fresh_target postgresql && sql "CREATE TABLE users (id inet PRIMARY KEY, email text UNIQUE, age int, score text)" &&
    mkdir -p net/a && printf "%s\n" "{\"id\":\"10.0.0.1\",\"email\":\"tab\\\\there\"}" "{\"id\":\"10.0.0.2\"}" "{\"id\":\"10.0.0.1\"}" "{\"id\":\"10.0.0.9\",\"email\":\"tab\\\\there\"}" >net/a/users.jsonl &&
    sed "/nodes:/,\$d" m.yaml >net.yaml && expect_status 3 windrow check net.yaml net --to "$db" --json --progress none >check.json &&
    others <check.json | compare - <(printf "%s\n" "W0512 a/users.jsonl:3 a/users.jsonl:1 first seen here" "W0512 a/users.jsonl:4 a/users.jsonl:1 first seen here")'
done_testing
