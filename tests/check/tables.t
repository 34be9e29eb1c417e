#!/bin/bash
# Tables of every kind: check refuses the rows that load refuses, whatever it is that the database has to say about them.
. "${0%/*}/../lib/tap.sh"
need jq sqlite3

letters=('{"a":1,"b":"x"}' '{"a":2,"b":"X"}' '{"a":3,"b":"y"}' '{"a":3,"b":"z"}' '{"a":30,"b":"w"}' '{"a":4}' '{"a":5}')
digits=('{"a":1,"b":"007"}' '{"a":2,"b":"1e400"}' '{"a":3,"b":"abc"}')
accents=('{"a":1,"b":"é"}' '{"a":2,"b":"É"}' '{"a":3,"b":"č"}')

begin() {
    rm -rf tree && mkdir tree
    printf 'windrow: 1\nname: tables\ntables:\n' >m.yaml
    : >tables.sql
    names=() sentences=() lines=()
}

# table NAME ROWS LINES SENTENCE SQL: these of the rows are refused in this table
table() {
    local -n rows=$2
    names+=("$1") lines+=("$3") sentences+=("$4")
    printf '%s\n' "${rows[@]}" >"tree/$1.jsonl"
    printf '  %s:\n    from: %s.jsonl\n    columns: {a: .a, b: .b}\n' "$1" "$1" >>m.yaml
    printf '%s;\n' "$5" >>tables.sql
}

# The lines that a result refuses in a table.
refused() {
    jq -r --arg file "$2.jsonl" '[.findings.groups[] | select(.severity == "error") | .examples[].place | select(.file == $file) | .line] |
        sort | unique | map(tostring) | join(" ")' "$1"
}

as_expected() {
    local way
    for way in check load; do
        [ "$(refused $way.json "$1")" = "$2" ] && continue
        echo "$way refuses lines: $(refused $way.json "$1")"
        jq -c --arg file "$1.jsonl" '.findings.groups[].examples[] | select(.place.file == $file)' $way.json
        return 1
    done
}

# Check and load all tables at once, then a test for each.
verdicts() {
    local engine=$1 i
    expect_success "$engine: tables are made, checked and loaded" '
        fresh_target "$engine" && sql "$(cat tables.sql)" &&
        expect_status 3 windrow check m.yaml tree --to "$db" --jobs 2 --json --progress none >check.json &&
        expect_status 3 windrow load m.yaml tree --to "$db" --jobs 2 --json --progress none >load.json &&
        ! jq -e ".findings.groups[] | select(.code == \"W0616\")" check.json'
    for i in "${!names[@]}"; do
        expect_success "$engine: ${sentences[i]}" 'as_expected "${names[i]}" "${lines[i]}"'
    done
}

begin
table bare letters "4" "WITHOUT ROWID" 'CREATE TABLE bare (a INTEGER PRIMARY KEY, b TEXT) WITHOUT ROWID'
table strict letters "4" "STRICT" 'CREATE TABLE strict (a INTEGER UNIQUE, b TEXT) STRICT'
table folded letters "2" "a collation" 'CREATE TABLE folded (a INTEGER, b TEXT COLLATE NOCASE UNIQUE)'
table computed letters "2" "a unique index on an expression" \
    'CREATE TABLE computed (a INTEGER, b TEXT); CREATE UNIQUE INDEX computed_i ON computed (lower(b))'
table partial letters "4" "a unique index with a condition" \
    "CREATE TABLE partial (a INTEGER, b TEXT); CREATE UNIQUE INDEX partial_i ON partial (a) WHERE b >= 'y'"
table unconcerned letters "" "a unique index whose condition the rows do not meet" \
    "CREATE TABLE unconcerned (a INTEGER, b TEXT); CREATE UNIQUE INDEX unconcerned_i ON unconcerned (a) WHERE b = 'z'"
table generated letters "2" "a unique generated column" 'CREATE TABLE generated (a INTEGER, b TEXT, d TEXT AS (upper(b)) UNIQUE)'
table triggered letters "3" "a trigger" "CREATE TABLE triggered (a INTEGER, b TEXT); CREATE TRIGGER triggered_g BEFORE INSERT
    ON triggered WHEN new.b = 'y' BEGIN SELECT RAISE(ABORT, 'no'); END"
table viewed letters "4 6 7" "a trigger that looks at a view" "CREATE TABLE viewed (a INTEGER, b TEXT); CREATE VIEW viewed_v AS
    SELECT max(a) AS m FROM viewed; CREATE TRIGGER viewed_g BEFORE INSERT ON viewed WHEN new.a <= (SELECT m FROM viewed_v)
    BEGIN SELECT RAISE(ABORT, 'order'); END"
table condition letters "2" "a condition on what is stored" \
    "CREATE TABLE condition (a INTEGER CHECK (typeof(a) = 'integer' AND a <> 2), b TEXT)"
table affine digits "1 2" "affinity" 'CREATE TABLE affine (a INTEGER, b STRING)'
verdicts sqlite

[ -n "${WINDROW_TEST_PG:-}" ] || { skip "PostgreSQL" "no WINDROW_TEST_PG; run it by scripts/test"; done_testing; }

begin
table parted letters "3 5" "partitions: a row that none takes, a key over all of them, a condition of one" "
    CREATE TABLE parted (a int PRIMARY KEY, b text) PARTITION BY RANGE (a);
    CREATE TABLE parted1 PARTITION OF parted FOR VALUES FROM (0) TO (3);
    CREATE TABLE parted2 (c text, b text CHECK (b <> 'y'), a int NOT NULL); ALTER TABLE parted2 DROP COLUMN c;
    ALTER TABLE parted ATTACH PARTITION parted2 FOR VALUES FROM (3) TO (10)"
table nested letters "3 4" "partitions of partitions, with an index of their own and a default" "
    CREATE TABLE nested (a int, b text) PARTITION BY LIST (a); CREATE UNIQUE INDEX ON nested (a);
    CREATE TABLE nested1 PARTITION OF nested FOR VALUES IN (1, 2, 3) PARTITION BY RANGE (a);
    CREATE TABLE nested1a PARTITION OF nested1 FOR VALUES FROM (1) TO (3); CREATE TABLE nestedx PARTITION OF nested DEFAULT"
table inherited letters "5" "inherited conditions" "
    CREATE TABLE heir_of (a int CHECK (a < 10)); CREATE TABLE inherited (b text) INHERITS (heir_of)"
table triggered letters "2 5" "a trigger that refuses, and changes what a key sees" "
    CREATE TABLE triggered (a int, b text UNIQUE); CREATE FUNCTION triggered_f() RETURNS trigger LANGUAGE plpgsql AS
    \$\$BEGIN IF NEW.a = 30 THEN RAISE EXCEPTION 'no'; END IF; NEW.b := lower(NEW.b); RETURN NEW; END\$\$;
    CREATE TRIGGER g BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION triggered_f()"
table quiet letters "" "a trigger that is switched off" "
    CREATE TABLE quiet (a int, b text); CREATE TRIGGER g BEFORE INSERT ON quiet FOR EACH ROW EXECUTE FUNCTION triggered_f();
    ALTER TABLE quiet DISABLE TRIGGER g"
table late letters "2" "a trigger at the commit" "
    CREATE TABLE late (a int, b text); CREATE FUNCTION late_f() RETURNS trigger LANGUAGE plpgsql AS
    \$\$BEGIN IF NEW.a = 2 THEN RAISE EXCEPTION 'late' USING ERRCODE = '23514'; END IF; RETURN NULL; END\$\$;
    CREATE CONSTRAINT TRIGGER g AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late_f()"
table deferred letters "4" "a key that is deferred" 'CREATE TABLE deferred (a int UNIQUE DEFERRABLE INITIALLY DEFERRED, b text)'
table generated letters "2" "a unique generated column" "
    CREATE TABLE generated (a int, b text, d text GENERATED ALWAYS AS (lower(b)) STORED UNIQUE)"
table excluding letters "2 4 6" "an exclusion constraint" "
    CREATE TABLE excluding (a int, b text, EXCLUDE USING gist (int4range(a, a + 2) WITH &&))"
table nulls letters "7" "nulls that are not distinct, in a constraint" 'CREATE TABLE nulls (a int, b text, UNIQUE NULLS NOT DISTINCT (b))'
table nulls_index letters "7" "nulls that are not distinct, in an index" "
    CREATE TABLE nulls_index (a int, b text); CREATE UNIQUE INDEX ON nulls_index (b) NULLS NOT DISTINCT"
table folded letters "2" "a collation that does not tell cases apart" "
    CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE folded (a int, b text COLLATE ci UNIQUE)"
table domains letters "3 4 5" "a domain of a domain that asks a function about an enum, a type of several fields beside it" "
    CREATE TYPE e AS ENUM ('x', 'X', 'w'); CREATE TYPE pair AS (x int, y e); CREATE TYPE span AS RANGE (SUBTYPE = int);
    CREATE FUNCTION known(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS \$\$SELECT \$1 = ANY (enum_range(NULL::e)::text[])\$\$;
    CREATE DOMAIN d1 AS text CHECK (known(VALUE)); CREATE DOMAIN d2 AS d1 CHECK (VALUE <> 'w');
    CREATE TABLE domains (a int, b d2, c pair, d span)"
table sequences letters "5" "a default with a sequence in it, a condition that reads a view" "
    CREATE SEQUENCE s; CREATE TABLE limits (most int); CREATE VIEW most AS SELECT coalesce(max(most), 29) AS n FROM limits;
    CREATE FUNCTION fits(int) RETURNS boolean LANGUAGE sql AS \$\$SELECT \$1 <= n FROM public.most\$\$;
    CREATE TABLE sequences (a int CHECK (fits(a)), b text, d text DEFAULT 'no. ' || nextval('s'))"
table accented accents "" "in the locale C the case of letters outside of ASCII is not folded" "
    CREATE TABLE accented (a int, b text); CREATE UNIQUE INDEX ON accented (upper(b))"
if [ "$(db=$WINDROW_TEST_PG sql "SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'")" = 1 ]; then
    table unfolded letters "2" "citext" 'CREATE EXTENSION citext; CREATE TABLE unfolded (a int, b citext UNIQUE)'
fi
verdicts postgresql

begin
table t letters "1 2" "another schema in the path, and a search path with \$user" "
    CREATE SCHEMA postgres; CREATE TABLE postgres.t (a int CHECK (a > 2), b text); CREATE TABLE public.t (a int, b text)"
verdicts postgresql
sql "DROP SCHEMA postgres CASCADE; DROP TABLE t; CREATE TABLE t (a int, b text); CREATE FUNCTION f() RETURNS trigger LANGUAGE internal
    AS 'suppress_redundant_updates_trigger'; CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"
expect_success "PostgreSQL: what cannot be copied is named, and the status says that not everything was checked" '
    expect_status 3 windrow check m.yaml tree --to "$db" --progress none >out.txt && contains out.txt "W0616" "trigger g of public.t"'

begin
table t accents "3" "an encoding that lacks a character" 'CREATE TABLE t (a int, b text)'
expect_success "PostgreSQL: an encoding that lacks a character" '
    fresh_target postgresql && name=latin_$$ && sql "CREATE DATABASE $name ENCODING LATIN1 LC_COLLATE \"C\" LC_CTYPE \"C\" TEMPLATE template0" &&
    db=$(sed "s/dbname=[^ ]*/dbname=$name/" <<<"$db") && sql "$(cat tables.sql)" &&
    expect_status 3 windrow check m.yaml tree --to "$db" --json --progress none >check.json &&
    expect_status 3 windrow load m.yaml tree --to "$db" --json --progress none >load.json && as_expected t 3'
done_testing
