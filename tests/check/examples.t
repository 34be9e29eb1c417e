#!/bin/bash
# lint runs the examples of a mapping and tells what differs.
. "${0%/*}/../lib/tap.sh"
need sqlite3

mkdir tmp
export TMPDIR=$scratch/tmp
cat >good.yaml <<'END'
windrow: 1
name: examples
params:
  zone: {default: UTC}
tables:
  users:
    from: "{u}/users.jsonl"
    key: [id]
    columns:
      id: {path: .id, type: integer}
      name: {path: .name, type: text}
      joined: {path: .joined, type: timestamptz, timezone: $param.zone}
      paid: {path: .paid, type: "numeric(6,2)"}
      active: {path: .active, type: boolean}
      more: .more
      folder: {path: $path.u, type: text}
examples:
  - name: values of all kinds
    params: {zone: Europe/Berlin}
    files:
      "a/users.jsonl":
        - {id: 1, name: Ann, joined: "2025-01-31T10:00:00", paid: 1.50, active: true, more: {a: [1, 2.50]}}
        - {id: 2}
        - {id: x}
    rows:
      users:
        - {id: 2, name: ~, active: ~}
        - {id: 1, joined: "2025-01-31T09:00:00Z", paid: 1.5, active: true, more: {a: [1, 2.5]}, folder: a}
    rejects: [W0412]
  - name: only the number of rejects
    files: {"a/users.jsonl": [{id: 1}, {id: 1}]}
    rejects: 1
  - name: rows that agree with several
    files: {"a/users.jsonl": [{id: 1, name: x}, {id: 2, name: x}]}
    rows: {users: [{name: x}, {id: 1}]}
END

wrong() {   # wrong SED-SCRIPT TEXT...
    local script=$1
    shift
    sed "$script" good.yaml >wrong.yaml
    expect_status 6 windrow lint wrong.yaml >out 2>&1 || { cat out; return 1; }
    contains out "1 wrong" "$@"
}

expect_success "examples that hold" 'expect_status 0 windrow lint good.yaml >out 2>&1 && contains out "3 examples, 0 wrong"'
expect_success "a value that differs: both rows are shown" \
    'wrong "s/paid: 1.5,/paid: 1.6,/" "table users: 1 of 2 rows expected (-) did not come" "  - {" "  + {" "1.6"'
expect_success "a row that is missing" 'wrong "s/{name: x}, {id: 1}\]/{name: x}, {id: 1}, {id: 3}]/" "1 of 3 rows expected"'
expect_success "a row too many" 'wrong "s/{name: x}, {id: 1}\]/{id: 1}]/" "0 of 1 rows expected (-) did not come, 1 others (+)"'
expect_success "another number of rejects: the finding is shown" 'wrong "s/rejects: 1/rejects: 0/" "0 rejects expected, 1 found" "error[W0512]"'
expect_success "another code" 'wrong "s/\[W0412\]/[W0401]/" "1 rejects with W0401 expected, 0 found" "0 rejects with W0412 expected, 1 found"'
expect_success "rows without rejects: means no rejects" 'wrong "/rejects: .W0412/d" "0 rejects expected, 1 found"'
expect_success "with a target its tables count, its rows do not" '
    sqlite3 t.db "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, joined TIMESTAMPTZ, paid NUMERIC(6,2), active BOOLEAN,
        more JSON, folder TEXT); INSERT INTO users (id) VALUES (1)"
    expect_status 0 windrow lint good.yaml --to sqlite:t.db && [ "$(sqlite3 t.db "SELECT count(*) FROM users")" = 1 ]'
expect_success "a mapping without examples says nothing of them" '
    sed "/^examples/,\$d" good.yaml >none.yaml && windrow lint none.yaml >out && contains out "no fault" && ! grep -q example.*wrong out'
expect_success "nothing is left behind" '[ -z "$(ls -A "$TMPDIR")" ] || { ls -A "$TMPDIR"; false; }'
done_testing
