#!/bin/bash
# What check refuses is what load rejects: random trees and mappings, on both engines.
. "${0%/*}/../lib/tap.sh"
need jq awk

seeds_sqlite=${WINDROW_TEST_SEEDS:-16}
seeds_postgresql=$((seeds_sqlite / 4))

# A tree of small files: parents with children inside, and notes that refer to parents by code. Few of each fault, so that
# a report shows every one of them.
make_tree() {
    awk -v seed="$1" -v dir="$2" '
    function pick(n) { return int(rand() * n) }
    function age(   r) {
        r = pick(24)
        return r == 0 ? "\"x\"" : r == 1 ? "-1" : r == 2 ? "1.5" : r == 3 ? "null" : r == 4 ? "1e2" : r == 5 ? "99999999999" : pick(120)
    }
    function name(   r) {
        r = pick(30)
        return r == 0 ? "null" : r == 1 ? "\"a\\u0000b\"" : r == 2 ? "\"\\ud800\"" : r == 3 ? "7" : r == 4 ? "\"\"" : "\"n" pick(9) "\""
    }
    function amount(   r) {
        r = pick(20)
        return r == 0 ? "12345.6" : r == 1 ? "0.123" : r == 2 ? "\"1.5\"" : r == 3 ? "null" : pick(1000) / 100
    }
    function label(   r) { r = pick(25); return r == 0 ? "\"toolonglabel\"" : r == 1 ? "[1]" : "\"l" pick(99) "\"" }
    BEGIN {
        srand(seed)
        system("mkdir -p " dir)
        files = 2 + pick(3)
        for (f = 0; f < files; f++) {
            out = dir "/p" f ".jsonl"
            for (i = 0; i < 6 + pick(8); i++) {
                if (pick(40) == 0) { print "{\"id\":" pick(9) "," > out; continue }
                if (pick(30) == 0) { print "" > out; continue }
                printf "{\"id\":%d,\"code\":\"%s%d\",\"name\":%s,\"age\":%s,\"kind\":\"%s\",\"children\":", \
                    f * 100 + pick(25) + i * 3, pick(6) ? "c" : "C", pick(60), name(), age(), pick(15) ? (pick(2) ? "new" : "old") : "odd" > out
                if (pick(20) == 0) { print "3}" > out; continue }
                printf "[" > out
                n = pick(4)
                for (k = 0; k < n; k++)
                    printf "%s{\"label\":%s,\"amount\":%s}", k ? "," : "", label(), amount() > out
                print "]}" > out
            }
            close(out)
        }
        out = dir "/notes.json"
        printf "[" > out
        for (i = 0; i < 12; i++)
            printf "%s{\"code\":\"c%d\",\"at\":\"%s\",\"text\":%s}", i ? ",\n" : "", pick(60), \
                pick(12) ? "2025-01-" (10 + pick(20)) "T10:00:00Z" : (pick(2) ? "2025-02-30T00:00:00Z" : "yesterday"), name() > out
        print "]" > out
    }'
}

# One of several mappings over the same tables, by the seed.
make_mapping() {
    local conflict=error coerce=false extra=
    [ $(($1 % 3)) = 1 ] && conflict=skip
    [ $(($1 % 4)) = 2 ] && coerce=true
    [ $(($1 % 5)) = 3 ] && extra="
      age: {path: .age, check: '. < 90', on_error: null}"
    [ -n "$extra" ] || extra="
      age: {path: .age, coerce: $coerce}"
    cat <<END
windrow: 1
name: verdict
tables:
  parents:
    from: "p{n:int}.jsonl"
    key: [id]
    on_conflict: $conflict
    columns:
      id: .id
      code: .code
      name: {path: .name, coerce: $coerce}
      kind: .kind$extra
  children:
    from: "p{n:int}.jsonl"
    each: .children[]
    columns:
      parent_id: ^.id
      position: \$index
      label: .label
      amount: {path: .amount, coerce: $coerce}
  notes:
    from: notes.json
    each: '.[]'
    columns:
      parent_id: {ref: parents, by: {code: .code}}
      at: .at
      text: .text
END
}

# The same columns in tables of several kinds, by the seed.
tables_sqlite() {
    local rest='' code='TEXT NOT NULL UNIQUE' bare='' more='' deferred=''
    case $(($1 % 4)) in
    1) rest=STRICT bare='WITHOUT ROWID' ;;
    2) code='TEXT COLLATE NOCASE NOT NULL UNIQUE' more="CREATE UNIQUE INDEX parents_i ON parents (kind, age % 50) WHERE age > 60;" ;;
    3) deferred='DEFERRABLE INITIALLY DEFERRED' more="CREATE TRIGGER parents_g BEFORE INSERT ON parents WHEN new.age > 110 BEGIN
        SELECT RAISE(ABORT, 'too old'); END;" ;;
    esac
    cat <<END
CREATE TABLE parents (id INTEGER PRIMARY KEY, code $code, name TEXT NOT NULL CHECK (name <> ''),
    age INTEGER CHECK (age BETWEEN 0 AND 120), kind TEXT NOT NULL CHECK (kind IN ('new', 'old'))) $rest;
CREATE TABLE children (parent_id INTEGER NOT NULL REFERENCES parents (id) $deferred, position INTEGER NOT NULL,
    label VARCHAR(5) NOT NULL, amount NUMERIC(6, 2), PRIMARY KEY (parent_id, position)) $bare;
CREATE UNIQUE INDEX children_label ON children (label) WHERE amount > 5;
CREATE TABLE notes (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parents (id), at TIMESTAMPTZ NOT NULL,
    text TEXT, UNIQUE (parent_id, at));
$more
END
}

tables_postgresql() {
    local parted='' more='' deferred='' unique='UNIQUE'
    case $(($1 % 4)) in
    1) parted='PARTITION BY RANGE (parent_id)' more='CREATE TABLE children1 PARTITION OF children FOR VALUES FROM (0) TO (100);
        CREATE TABLE children2 PARTITION OF children FOR VALUES FROM (105) TO (300);' ;;
    2) deferred='DEFERRABLE INITIALLY DEFERRED' more='CREATE UNIQUE INDEX ON parents (kind, (age % 50)) WHERE age > 60;' ;;
    3) unique='UNIQUE NULLS NOT DISTINCT' more="CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.age > 110 THEN RAISE EXCEPTION USING ERRCODE = ''23514'', MESSAGE = ''too old''; END IF; NEW.name := lower(NEW.name); RETURN NEW; END';
        CREATE TRIGGER g BEFORE INSERT ON parents FOR EACH ROW EXECUTE FUNCTION grow();
        ALTER TABLE parents ADD shout text GENERATED ALWAYS AS (upper(code)) STORED UNIQUE;" ;;
    esac
    cat <<END
CREATE TYPE kind AS ENUM ('new', 'old');
CREATE DOMAIN years AS integer CHECK (VALUE BETWEEN 0 AND 120);
CREATE FUNCTION is_name(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT \$1 <> ''''';
CREATE TABLE parents (id integer PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL CHECK (is_name(name)),
    age years, kind kind NOT NULL);
CREATE TABLE children (parent_id integer NOT NULL REFERENCES parents (id) $deferred, position integer NOT NULL,
    label varchar(5) NOT NULL, amount numeric(6, 2), PRIMARY KEY (parent_id, position)) $parted;
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id integer NOT NULL REFERENCES parents (id),
    at timestamptz NOT NULL, text text, $unique (parent_id, at));
$more
END
    [ -n "$parted" ] || echo 'CREATE UNIQUE INDEX children_label ON children (label) WHERE amount > 5;'
}

# Each refusal with its code, table and place; and what becomes of each table.
verdict() {
    jq -S '{tables: [.tables[] | {name, read, loaded: (.inserted + .updated + .same), rejected, skipped}] | sort_by(.name),
        findings: [.findings.groups[] | select(.severity == "error") | {code, table, count,
            examples: [.examples[] | {place: (.place | {file, line, column, pointer}), message}]}]
            | sort_by(.code, .table, .examples[0].message, .examples[0].place.file, .examples[0].place.line)}' "$1"
}

same_verdict() {
    local engine=$1 seed=$2 status loaded
    fresh_target "$engine" && sql "$(tables_"$engine" "$seed")" && make_tree "$seed" "tree$seed" || return 1
    make_mapping "$seed" >mapping.yaml
    windrow check mapping.yaml "tree$seed" --to "$db" --jobs 1 --json --progress none >check.json 2>check.err
    status=$?
    loaded=0
    windrow load mapping.yaml "tree$seed" --to "$db" --jobs 1 --json --progress none >load.json 2>load.err || loaded=$?
    [ "$loaded" = "$status" ] || { echo "check $status, load $loaded"; cat check.err load.err; return 1; }
    [ "$status" = 0 ] || [ "$status" = 3 ] || { cat check.err; return 1; }
    verdict check.json >check.verdict && verdict load.json >load.verdict && compare check.verdict load.verdict || return 1
    ! grep -q W0616 check.json || { echo "something was not checked"; return 1; }
    windrow rejects list last --to "$db" --json | jq -S 'map({code, table, path, line}) | sort_by(.table, .path, .line, .code)' >listed
    [ "$(jq length listed)" = "$(jq '[.tables[].rejected] | add' check.verdict)" ] || { echo "other rejects:"; cat listed; return 1; }
    refused=$((refused + $(jq length listed)))
}

refused=0
for seed in $(seq "$seeds_sqlite"); do
    expect_success "SQLite: tree $seed" 'same_verdict sqlite "$seed"'
done
expect_success "the trees had faults to find" '[ "$refused" -gt "$seeds_sqlite" ] || { echo "$refused"; false; }'
if [ -n "${WINDROW_TEST_PG:-}" ]; then
    for seed in $(seq "$seeds_postgresql"); do
        expect_success "PostgreSQL: tree $seed" 'same_verdict postgresql "$seed"'
    done
else
    skip "PostgreSQL" "no WINDROW_TEST_PG; run it by scripts/test"
fi
done_testing
