#!/bin/bash
# The levels of check: what each finds, that none of them writes to the target or leaves anything behind, and that what
# was not checked is named.
. "${0%/*}/../lib/tap.sh"
need jq sqlite3

mkdir tmp tree
export TMPDIR=$scratch/tmp

cat >mapping.yaml <<'END'
windrow: 1
name: levels
tables:
  people:
    from: "{file}.jsonl"
    columns:
      id: .id
      email: .email
      age: {path: .age}
      bio: .bio
END
cat >tree/a.jsonl <<'END'
{"id":1,"email":"a@x","age":3}
{"id":2,"email":"b@x","age":"three"}
{"id":1,"email":"c@x","age":4}
{"id":3,"email":"a@x","age":5,"color":"red"}
{"id":4,"email":"d@x","age":300}
{"id":5,
END
cat >tree/b.jsonl <<'END'

{"id":6,"email":"f@x","age":1,"color":"blue"}
{"id":6,"email":"g@x","age":1}
END
echo hello >tree/notes.txt
sqlite3 plain.db "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, age INTEGER CHECK (age < 150),
    bio TEXT);"

codes() {
    jq -r '[.findings.groups[] | select(.severity == "error")] | group_by(.code) |
        map("\(.[0].code)x\(map(.count) | add)") | join(" ")' "$1"
}

# check_codes STATUS CODES ARGS...
check_codes() {
    local status=$1 codes=$2
    shift 2
    expect_status "$status" windrow check mapping.yaml tree --json --progress none --jobs 1 "$@" >out.json || return 1
    [ "$(codes out.json)" = "$codes" ] || { echo "found: $(codes out.json)"; return 1; }
}

nothing_left() {
    [ -z "$(ls -A "$TMPDIR")" ] || { echo "left behind:"; ls -A "$TMPDIR"; return 1; }
}

expect_success "parse reads records and nothing else" 'check_codes 3 "W0320x1" --level parse'
expect_success "types needs tables for types; without any the mapping's own are used" 'check_codes 3 "W0320x1" --level types'
expect_success "types takes them from the target" 'check_codes 3 "W0320x1 W0412x1" --level types --to sqlite:plain.db'
expect_success "constraints is the default" \
    'check_codes 3 "W0320x1 W0412x1 W0512x3 W0514x1" --to sqlite:plain.db && [ "$(jq -r .level out.json)" = constraints ]'
expect_success "without tables the level that was reached is named" '
    check_codes 3 "W0320x1" && [ "$(jq -r .level out.json)" = types ] &&
    jq -e ".findings.groups[] | select(.code == \"W0616\")" out.json'
expect_success "rehearse finds the same" 'check_codes 3 "W0320x1 W0412x1 W0512x3 W0514x1" --to sqlite:plain.db --level rehearse'
expect_success "rehearse needs a target" 'expect_status 2 windrow check mapping.yaml tree --level rehearse'
expect_success "an unknown level is refused" 'expect_status 2 windrow check mapping.yaml tree --level deep'
expect_success "no throw-away database is left" nothing_left

state_of() {
    sha256sum "$1" && stat -c "%Y %y %s %i" "$1" && ls "$1"*
}

expect_success "no level changes the file of a SQLite target" '
    state_of plain.db >before
    for level in parse types constraints rehearse; do
        windrow check mapping.yaml tree --to sqlite:plain.db --level $level --progress none --quiet >/dev/null 2>&1
        state_of plain.db | compare before - || { echo "by $level"; return 1; }
    done'
expect_success "a target that is not there is not made" '
    expect_status 5 windrow check mapping.yaml tree --to sqlite:absent.db && [ ! -e absent.db ]'

expect_success "duplicates name the row that was first seen, in the same file and in another" '
    printf "{\"id\":1,\"email\":\"z@x\",\"age\":1}\n" >tree/z.jsonl
    check_codes 3 "W0320x1 W0412x1 W0512x4 W0514x1" --to sqlite:plain.db
    jq -r "[.findings.groups[] | select(.code == \"W0512\") | .examples[] |
        \"\(.place.file):\(.place.line) \(.other.file):\(.other.line)\"] | sort[]" out.json | compare - <(
        printf "%s\n" "a.jsonl:3 a.jsonl:1" "a.jsonl:4 a.jsonl:1" "b.jsonl:3 b.jsonl:2" "z.jsonl:1 a.jsonl:1")
    rm tree/z.jsonl'

expect_success "coverage: keys nobody reads, files nobody reads, columns nobody fills" '
    windrow check mapping.yaml tree --to sqlite:plain.db --json --progress none >out.json
    jq -e "[.unread.entries[0].name, .unread.total, .unmatched.entries[0].name, .unfilled.entries[0].name] ==
        [\"{file}.jsonl .color\", 2, \"notes.txt\", \"people.bio\"]" out.json'

expect_success "the list of each can be shown" '
    windrow check mapping.yaml tree --to sqlite:plain.db --show unread --progress none | grep -F "unread: {file}.jsonl .color (2)" &&
    windrow check mapping.yaml tree --to sqlite:plain.db --show unmatched --progress none | grep -F "unmatched: notes.txt (1)" &&
    windrow check mapping.yaml tree --to sqlite:plain.db --show unfilled --progress none | grep -F "unfilled: people.bio (1)" &&
    expect_status 2 windrow check mapping.yaml tree --to sqlite:plain.db --show un'

expect_success "a clean tree is status 0, and so is its load" '
    mkdir clean && printf "{\"id\":1,\"email\":\"a\",\"age\":1}\n" >clean/a.jsonl
    expect_status 0 windrow check mapping.yaml clean --to sqlite:plain.db --progress none &&
    expect_status 0 windrow load mapping.yaml clean --to sqlite:plain.db --progress none'

expect_success "constraints asks whether an empty database of that schema would take it" '
    expect_status 0 windrow check mapping.yaml clean --to sqlite:plain.db --progress none'
expect_success "rehearse knows what is loaded already" '
    windrow check mapping.yaml clean --to sqlite:plain.db --level rehearse --json --progress none >out.json &&
    [ "$(jq .totals.read out.json)" = 0 ]'
expect_success "rehearse meets rows that are there" '
    mkdir other && printf "{\"id\":1,\"email\":\"new\",\"age\":1}\n" >other/a.jsonl
    expect_status 3 windrow check mapping.yaml other --to sqlite:plain.db --level rehearse --progress none'

if [ -z "${WINDROW_TEST_PG:-}" ]; then
    skip "PostgreSQL" "no WINDROW_TEST_PG; run it by scripts/test"
    done_testing
fi

fresh_target postgresql
sql "CREATE DOMAIN age AS integer CHECK (VALUE < 150);
    CREATE TABLE people (id integer PRIMARY KEY, email text NOT NULL, age age, bio text);
    CREATE UNIQUE INDEX people_email ON people (lower(email)) WHERE id < 100;
    CREATE ROLE reader_$$ LOGIN; GRANT SELECT ON people TO reader_$$;"
reader="${db/user=postgres/user=reader_$$}"

expect_success "PostgreSQL: constraints of all kinds are tried as a role that may only read" '
    check_codes 3 "W0320x1 W0412x1 W0512x3 W0514x1" --to "$reader" &&
    ! jq -e ".findings.groups[] | select(.code == \"W0616\")" out.json'
expect_success "PostgreSQL: rehearse finds the same and leaves no row, no schema and no sequence behind" '
    check_codes 3 "W0320x1 W0412x1 W0512x3 W0514x1" --to "$db" --level rehearse &&
    jq -e ".findings.groups[] | select(.code == \"W0618\" and .severity == \"note\")" out.json &&
    [ "$(sql "SELECT count(*) FROM people")" = 0 ] &&
    [ "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = '"'windrow'"'")" = 0 ]'
expect_success "PostgreSQL: a rehearsal names locks, triggers and the sequences that do not go back, and leaves nothing else" '
    sql "CREATE TABLE counted (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, no serial, t text);
        CREATE SEQUENCE free; ALTER TABLE counted ALTER t SET DEFAULT '"'x' || nextval('free')"'; INSERT INTO counted (t) VALUES ('"'old'"');
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS '"'BEGIN RETURN NEW; END'"'; CREATE TRIGGER g BEFORE INSERT ON counted FOR EACH ROW EXECUTE FUNCTION f()"
    mkdir counted && printf "{\"a\":1}\n{\"a\":2}\n" >counted/a.jsonl
    printf "windrow: 1\nname: counted\ntables:\n  counted:\n    from: \"{f}.jsonl\"\n    columns: {t: {expr: \".a | tostring\"}}\n" >counted.yaml
    dumped() { "$(pg_bindir)/pg_dump" -d "$db" | grep -v "pg_catalog.setval\|^.restrict\|^.unrestrict"; }
    dumped >before && expect_status 0 windrow check counted.yaml counted --to "$db" --level rehearse --progress none >out.txt && dumped | compare before - &&
    contains out.txt "locks of a load are held until the end, on counted" "triggers of counted fire: g" \
        "the sequence public.counted_id_seq went from 1 to 3, and stays there" "the sequence public.counted_no_seq went from 1 to 3" &&
    ! grep "public.free went" out.txt'
expect_success "PostgreSQL: rehearse asks deferred constraints too" '
    sql "CREATE TABLE pairs (id integer PRIMARY KEY, other integer REFERENCES pairs DEFERRABLE INITIALLY DEFERRED)"
    mkdir pairs && printf "{\"id\":1,\"other\":2}\n{\"id\":2,\"other\":1}\n" >pairs/a.jsonl
    cat >pairs.yaml <<END
windrow: 1
name: pairs
tables:
  pairs:
    from: "{f}.jsonl"
    columns: {id: .id, other: .other}
END
    expect_status 0 windrow check pairs.yaml pairs --to "$db" --level rehearse --progress none &&
    printf "{\"id\":3,\"other\":9}\n" >>pairs/a.jsonl &&
    expect_status 3 windrow check pairs.yaml pairs --to "$db" --level rehearse --progress none'
expect_success "PostgreSQL: without a server of our own what was not checked is named" '
    WINDROW_PG_BINDIR=/nowhere check_codes 3 "W0320x1 W0412x1 W0512x2 W0616x2" --to "$reader" &&
    jq -r ".findings.groups[] | select(.code == \"W0616\") | .examples[].message" out.json >named &&
    contains named "CHECK constraints" "people_email"'
expect_success "PostgreSQL: a system that has no other tables is checked in a private server" '
    mkdir -p schema/levels/postgresql && printf "CREATE TABLE people (id integer PRIMARY KEY, email text NOT NULL UNIQUE, age integer CHECK (age < 150), bio text);\n" \
        >schema/levels/postgresql/001_people.up.sql && echo "DROP TABLE people;" >schema/levels/postgresql/001_people.down.sql
    sed -i "s/^name: levels/&\nschema: levels/" mapping.yaml
    check_codes 3 "W0320x1 W0412x1 W0512x3 W0514x1" && [ "$(jq -r .level out.json)" = constraints ]'
expect_success "PostgreSQL: and without its programs the level that was reached is named" '
    WINDROW_PG_BINDIR=/nowhere check_codes 3 "W0320x1 W0616x1" && [ "$(jq -r .level out.json)" = types ] &&
    jq -e ".findings.groups[] | select(.code == \"W0616\")" out.json'
expect_success "no server and no file is left" '
    nothing_left && ! pgrep -P "$$" postgres'
done_testing
