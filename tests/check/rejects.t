#!/bin/bash
# Rejects: kept with their bytes, listed, shown, exported, mended and replayed, on both engines; the account is settled once.
. "${0%/*}/../lib/tap.sh"
need jq awk

mkdir -p tree/a
cat >mapping.yaml <<'END'
windrow: 1
name: rejects
params:
  unit: {default: "kg"}
tables:
  users:
    from: "{u}/users.jsonl"
    key: [id]
    columns:
      id: .id
      name: .name
      place: $line
      number: $index
      unit: $param.unit
      folder: $path.u
  items:
    from: "{u}/orders.json"
    each: .orders[].items[]
    columns:
      user_id: ^.user
      sku: .sku
      qty: .qty
after:
  - sql: DELETE FROM totals; INSERT INTO totals SELECT count(*) FROM users;
END
cat >tree/a/users.jsonl <<'END'
{"id":1,"name":"Ann"}
{"id":2,"name":null}

{"id":3,"name":"Cid"
{"id":1,"name":"again"}
{"id":9,"name":"Zoe"}
END
printf '{"id":4,"name":"\xff"}\n' >>tree/a/users.jsonl
cat >tree/a/orders.json <<'END'
{"orders": [
  {"user": 1, "items": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": "two"}, {"sku": "c", "qty": 3}]},
  {"user": 2, "items": [{"sku": "d", "qty": 4}]},
  {"user": 9, "items": 7}]}
END
tables="CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, place integer, number integer, unit text, folder text);
    CREATE TABLE items (user_id integer REFERENCES users (id), sku text NOT NULL, qty integer NOT NULL);
    CREATE TABLE totals (n integer);"

# What a person would mend; reject N of the list is left out.
mend() {
    jq -c 'if .record == null then . elif .line == 2 and .table == "users" then .record |= sub("null"; "\"Bob\"")
        elif .line == 4 and .table == "users" then .record += "}"
        elif .table == "items" then .record |= (sub("\"two\""; "2") | sub("\"items\": 7"; "\"items\": [{\"sku\":\"x\",\"qty\":1},{\"sku\":\"y\",\"qty\":2}]"))
        else . end | if .line == 7 then del(.record_base64) | .record = "{\"id\":4,\"name\":\"Dan\"}" else . end |
        select(.code != "W0512")'
}

# Root reads everything, unless it gives that up: by itself, or as the user whom the server's directory belongs to.
obeying() {
    if [ "$(id -u)" = 0 ] && [[ $db = sqlite:* ]]; then
        set -- setpriv --bounding-set=-dac_override,-dac_read_search -- "$@"
    elif [ "$(id -u)" = 0 ]; then
        chmod 755 "$scratch"
        set -- setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups -- "$@"
    fi
    "$@"
}

for engine in sqlite postgresql; do
    if [ $engine = postgresql ] && [ -z "${WINDROW_TEST_PG:-}" ]; then
        skip "PostgreSQL" "no WINDROW_TEST_PG; run it by scripts/test"
        continue
    fi
    fresh_target $engine
    sql "$tables" >/dev/null
    rm -f out.jsonl

    expect_success "$engine: a load keeps what it refuses" '
        expect_status 3 windrow load mapping.yaml tree --to "$db" --set unit=lb --progress none >load.txt 2>&1
        contains load.txt "windrow rejects show"
        windrow rejects list last --to "$db" --json >list.json && [ "$(jq length list.json)" = 7 ]'
    expect_success "$engine: the list has code, table and place of each" '
        jq -r "map(\"\(.code) \(.table) \(.path) \(.line)\") | sort[]" list.json | compare - <(printf "%s\n" \
            "W0320 users a/users.jsonl 4" "W0321 users a/users.jsonl 7" "W0401 users a/users.jsonl 2" \
            "W0406 items a/orders.json 4" "W0412 items a/orders.json 2" "W0512 users a/users.jsonl 5" \
            "W0513 items a/orders.json 1")'
    expect_success "$engine: one is shown with its line and all of its bytes, escaped" '
        id=$(jq ".[] | select(.code == \"W0321\").id" list.json)
        windrow rejects show last "$id" --to "$db" >shown && contains shown "error[W0321]" "a/users.jsonl:7" "\\xFF" &&
        ! LC_ALL=C grep -q "$(printf "\377")" shown'
    expect_success "$engine: a reject that is not there, a run that is not there" '
        expect_status 2 windrow rejects show last 999 --to "$db" && expect_status 2 windrow rejects list 99 --to "$db" &&
        expect_status 2 windrow rejects lst --to "$db" && expect_status 2 windrow rejects list x --to "$db"'
    expect_success "$engine: the export is one object a line, and no file is written over" '
        windrow rejects export last out.jsonl --to "$db" && [ "$(jq -s length out.jsonl)" = 7 ] &&
        expect_status 2 windrow rejects export last out.jsonl --to "$db"'
    expect_success "$engine: bytes that are no text come as base64" '
        [ "$(jq -r "select(.code == \"W0321\").record_base64" out.jsonl | base64 -d | tail -c 3 | od -An -tx1)" = " ff 22 7d" ]'

    expect_success "$engine: without mending nothing passes, and nothing changes" '
        rows_of users >before; rows_of items >>before
        expect_status 3 windrow rejects replay last --to "$db" --progress none >/dev/null 2>&1 || return 1
        rows_of users >now; rows_of items >>now; compare before now &&
        [ "$(windrow rejects list last --to "$db" --json | jq length)" = 7 ]'
    expect_success "$engine: what a parent still lacks keeps its child waiting; mended rows load with their own line, index and parameters" '
        mend <out.jsonl >mended.jsonl
        expect_status 0 windrow rejects replay last mended.jsonl --to "$db" --progress none >replay.txt 2>&1 || { cat replay.txt; return 1; }
        contains replay.txt "7 rows loaded, nothing refused; 1 reject of run 1 stays open, 1 has no line in the file" || return 1
        rows_of users id | compare - <(printf "%s\n" "id	name	place	number	unit	folder" "1	Ann	1	0	lb	a" "2	Bob	2	1	lb	a" \
            "3	Cid	4	2	lb	a" "4	Dan	7	5	lb	a" "9	Zoe	6	4	lb	a")'
    expect_success "$engine: of a record with several rows only those that were refused are made again" '
        rows_of items sku | compare - <(printf "%s\n" "user_id	sku	qty" "1	a	1" "1	b	2" "1	c	3" "2	d	4" "9	x	1" "9	y	2")'
    expect_success "$engine: after: ran again" '[ "$(sql "SELECT n FROM totals")" = 5 ]'
    expect_success "$engine: what was left out stays open, the rest is settled" '
        windrow rejects list last --to "$db" --json | jq -r "map(.code) | join(\" \")" | compare - <(echo W0512) &&
        [ "$(windrow rejects list last --all --to "$db" --json | jq "map(select(.state == \"replayed\")) | length")" = 6 ]'
    expect_success "$engine: a second replay loads nothing twice" '
        expect_status 0 windrow rejects replay last mended.jsonl --to "$db" --progress none --json >replay.json 2>&1 &&
        [ "$(sql "SELECT count(*) FROM items")" = 6 ] && [ "$(jq .open_rejects replay.json)" = 1 ]'
    expect_success "$engine: what cannot be tried is an error, and stays open" '
        sed "s/^  users:/  folk:\n    into: users/" mapping.yaml >other.yaml
        expect_status 3 windrow rejects replay last --mapping other.yaml --to "$db" --progress none >replay.txt 2>&1 || return 1
        contains replay.txt "error[W0615]" "0 rows loaded, 0 rejected, 1 error; 1 reject of run 1 stays open"'
    expect_success "$engine: and so does the same load" '
        windrow load mapping.yaml tree --to "$db" --set unit=lb --progress none >/dev/null 2>&1
        [ "$(sql "SELECT count(*) FROM users")" = 5 ] && [ "$(sql "SELECT count(*) FROM items")" = 6 ]'
    expect_success "$engine: a file that is no export is refused with its line" '
        printf "{\"record\":\"x\"}\n" >bad.jsonl
        expect_status 2 windrow rejects replay last bad.jsonl --to "$db" 2>err || return 1
        contains err "W0614" "bad.jsonl:1"'

    expect_success "$engine: a replay that is killed before, in or after its commit is finished by the same command, once" '
        printf "windrow: 1\nname: k\ntables:\n  p:\n    from: \"{f}.jsonl\"\n    columns: {id: .id, n: .n}\n" >kill.yaml
        rm -rf kill && mkdir kill && printf "{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":\"x\"}\n{\"id\":3,\"n\":\"x\"}\n" >kill/a.jsonl
        for place in after_copy before_cas after_cas before_commit after_commit; do
            fresh_target '$engine' && sql "CREATE TABLE p (id integer, n integer)" >/dev/null || return 1
            expect_status 3 windrow load kill.yaml kill --to "$db" --progress none >/dev/null 2>&1 || return 1
            windrow rejects export 1 --to "$db" | sed "s/\\\\\"x\\\\\"/5/" >kill.jsonl
            (WINDROW_CRASH=$place:1 expect_signal KILL windrow rejects replay 1 kill.jsonl --to "$db" --progress none) >/dev/null 2>&1 ||
                { echo "no failpoint $place"; return 1; }
            expect_status 0 windrow rejects replay 1 kill.jsonl --to "$db" --progress none >/dev/null 2>&1 || { echo "after $place"; return 1; }
            [ "$(sql "SELECT id FROM p ORDER BY id" | tr "\n" " ")" = "1 2 3 " ] || { echo "after $place:"; sql "SELECT * FROM p"; return 1; }
        done'
    expect_success "$engine: a file that is loaded again makes its old rejects history" '
        fresh_target '$engine' && sql "CREATE TABLE p (id integer PRIMARY KEY, n integer)" >/dev/null && rm -rf one && mkdir one
        printf "windrow: 1\nname: one\ntables:\n  p:\n    from: \"{f}.jsonl\"\n    key: [id]\n    columns: {id: .id, n: .n}\n" >one.yaml
        printf "{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":\"x\"}\n" >one/a.jsonl
        expect_status 3 windrow load one.yaml one --to "$db" --progress none >/dev/null 2>&1 || return 1
        printf "{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":22}\n" >one/a.jsonl
        expect_status 0 windrow load one.yaml one --to "$db" --progress none >/dev/null 2>&1 || return 1
        [ "$(windrow rejects list 1 --all --to "$db" --json | jq -r ".[].state")" = superseded ] &&
        expect_status 0 windrow rejects replay 1 --to "$db" --progress none >/dev/null 2>&1 &&
        [ "$(sql "SELECT n FROM p WHERE id = 2")" = 22 ]'
    expect_success "$engine: a mended mapping is a second try too" '
        fresh_target '$engine' && sql "CREATE TABLE p (id integer PRIMARY KEY, n integer)" >/dev/null
        printf "{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":\"7\"}\n" >one/a.jsonl
        expect_status 3 windrow load one.yaml one --to "$db" --progress none >/dev/null 2>&1 || return 1
        sed "s/n: .n/n: {path: .n, coerce: true}/" one.yaml >two.yaml
        expect_status 0 windrow rejects replay 1 --mapping two.yaml --to "$db" --progress none >/dev/null 2>&1 &&
        [ "$(sql "SELECT n FROM p WHERE id = 2")" = 7 ]'
    expect_success "$engine: a file that could not be opened is read when it can be" '
        fresh_target '$engine' && sql "CREATE TABLE p (id integer PRIMARY KEY, n integer)" >/dev/null
        chmod 0 one/a.jsonl; expect_status 3 obeying windrow load one.yaml one --to "$db" --progress none >refused.txt 2>&1; chmod 600 one/a.jsonl
        contains refused.txt "Permission denied" && [ "$(sql "SELECT count(*) FROM p")" = 0 ] || return 1
        windrow rejects replay 1 --mapping two.yaml --to "$db" --progress none >/dev/null 2>&1
        [ "$(sql "SELECT count(*) FROM p")" = 2 ]'
    expect_success "$engine: bad lines of a file that is loaded in parts keep their true lines; what a replay loads is undisturbed by the next load" '
        fresh_target '$engine' && sql "CREATE TABLE p (id integer PRIMARY KEY, n integer, l integer)" >/dev/null
        [ -e big/a.jsonl ] || { mkdir big && awk "BEGIN { for (i = 1; i <= 600000; i++)
            printf \"{\\\"id\\\":%d,\\\"n\\\":%s,\\\"pad\\\":\\\"0123456789\\\"}\n\", i, i % 50000 == 7 ? \"\\\"x\\\"\" : i }" >big/a.jsonl; }
        sed "s/n: .n/n: .n, l: \$line/" one.yaml >parts.yaml
        expect_status 3 windrow load parts.yaml big --to "$db" --progress none >/dev/null 2>&1 || return 1
        windrow rejects export 1 --to "$db" | sed "s/\\\\\"x\\\\\"/5/" >parts.jsonl
        jq -r .line parts.jsonl | sort -n | compare - <(seq 7 50000 600000) || return 1
        expect_status 0 windrow rejects replay 1 parts.jsonl --to "$db" --progress none >/dev/null 2>&1 || return 1
        sql "SELECT id, n, l FROM p WHERE n = 5 ORDER BY id" | awk "{ print \$1, \$3 }" | compare - <({ echo 5 5; seq 7 50000 600000 | sed "s/.*/& &/"; } | sort -n)
        windrow load parts.yaml big --to "$db" --progress none 2>/dev/null | grep -q "nothing changed"'
done
done_testing
