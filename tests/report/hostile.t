#!/bin/bash
# Names and values that try to speak to terminals, browsers, XML readers and spreadsheets: no report lets them.
. "${0%/*}/../lib/tap.sh"
need jq xmllint sqlite3

engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines="sqlite postgresql"
esc=$(printf '\033')
mkdir -p tree
cat >mapping.yaml <<'END'
windrow: 1
name: hostile
tables:
  t:
    from: "{d}/{f}.jsonl"
    columns:
      id: .id
      n: .n
END
sqlite3 t.db "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)"

# Directories and files with names that a shell would rather not see; and values likewise.
names=("${esc}]0;owned\007" "<script>alert(1)<\\script>" "&amp;]]>" "=cmd|' \\C calc'!A0" $'line\nbreak' $'\xff\xfe bytes' \
    $'\u202egnp.exe' $'tab\there' '"quoted" '"'single'" '${HOME}$(id)' '%n%s%x' $'\x01\x02\x7f' $'\u009b31m')
i=0
for name in "${names[@]}"; do
    i=$((i + 1))
    mkdir -p "tree/$name"
    value=$(printf '%s' "$name" | LC_ALL=C sed 's/\\/\\\\/g; s/"/\\"/g' | LC_ALL=C tr '\n\t\033\001\002\177\007' '      ?')
    {
        printf '{"id":%d,"n":"%s"}\n' "$i" "$value"                                 # no integer
        printf '{"id":%d,"n":1,"\\u001b[31m<b>%s":2}\n' "$((i + 100))" "$i"         # a key nobody reads
        printf '{"id":%d,"n":1} \033[2J\033[H<img src=x onerror=alert(1)>\n' "$i"   # text after the value
        printf '{"id":\033\n'
    } >"tree/$name/$name.jsonl"
    : >"tree/$name/unmatched$name"
done
head -c 3000000 /dev/zero | tr '\0' 'x' | sed 's/^/{"id":5,"n":"/; s/$/"}\n/' >tree/long.jsonl.d
mkdir tree/long && mv tree/long.jsonl.d tree/long/long.jsonl

# Nothing but printable text, tabs and line ends.
is_plain() {
    if LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae\xa8\xa9]|\xe2\x81[\xa6-\xa9]' "$1" >bad; then
        echo "control characters in $1:"
        head -c 600 bad | od -c | head -20
        return 1
    fi
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || { echo "$1 is no UTF-8"; return 1; }
}

forms="--summary r.txt --summary r.json --summary r.html --summary r.xml"
reports_are_sound() {
    is_plain r.txt && is_plain r.html && is_plain r.xml && is_plain r.json &&
    xmllint --noout --nonet r.xml && jq -e .format r.json >/dev/null || return 1
    xmllint --noout --nonet --html r.html 2>html.err
    if grep -v -e 'Tag \(svg\|title\|rect\|path\|g\|text\|line\|main\|section\|header\|footer\|details\|summary\|figure\|figcaption\|nav\|time\|polyline\|circle\) invalid' html.err | grep -q 'error'; then
        cat html.err
        return 1
    fi
    [ "$(xmllint --nonet --html --xpath "count(//script | //img | //iframe | //object | //link | //base | //@src |
        //@*[starts-with(name(), 'on')] | //@href[not(starts-with(., '#'))])" r.html 2>/dev/null)" = 0 ] &&
    ! grep -qE '@import|url\(' r.html || { echo "the page runs or loads something"; return 1; }
}

expect_success "check: the terminal sees no escape of theirs" '
    expect_status 3 windrow check mapping.yaml tree --to sqlite:t.db --progress none '"$forms"' >out 2>err || { head -50 err; return 1; }
    is_plain out && is_plain err'
expect_success "check: all four reports are sound" reports_are_sound
expect_success "check: lists of what nobody read are plain" '
    for what in unread unmatched orphans; do
        windrow check mapping.yaml tree --to sqlite:t.db --progress none --show $what >out 2>&1
        is_plain out || return 1
    done; contains out "hostile" || windrow check mapping.yaml tree --to sqlite:t.db --show unmatched --progress none | grep -c "unmatched:" | grep -qx "[1-9][0-9]*"'
expect_success "check: with colours only our own escapes" '
    windrow check mapping.yaml tree --to sqlite:t.db --color always --progress none >out 2>&1
    LC_ALL=C sed "s/$esc\[[0-9;]*m//g" out >stripped && is_plain stripped'
expect_success "a line of three megabytes is cut to what a person can read" '
    windrow check mapping.yaml tree --to sqlite:t.db --progress none >out 2>&1
    [ "$(wc -c <out)" -lt 60000 ] && [ "$(wc -L <out)" -lt 400 ] || { wc out; wc -L out; false; }'
expect_success "load: the same, and progress as JSON lines" '
    expect_status 3 windrow load mapping.yaml tree --to sqlite:t.db --progress json '"$forms"' >out 2>err || { head -c 2000 err; return 1; }
    is_plain out && is_plain err && reports_are_sound &&
    grep "^{" err | jq -es "length > 0" >/dev/null'
expect_success "rejects: list, show and export are plain" '
    windrow rejects list last --to sqlite:t.db >out 2>&1 && is_plain out &&
    windrow rejects show last --all --to sqlite:t.db >out 2>&1 && is_plain out &&
    windrow rejects list last --json --to sqlite:t.db >out 2>&1 && is_plain out && jq -e . out >/dev/null &&
    windrow rejects export last --to sqlite:t.db >out 2>&1 && is_plain out && jq -es . out >/dev/null'
expect_success "status is plain" 'windrow status --to sqlite:t.db >out 2>&1 && is_plain out'
expect_success "the exit status, the last line and every report say the same" '
    tail -n 1 r.txt >last && contains last "rejected" && [ "$(jq -r .status r.json)" = 3 ] &&
    [ "$(jq -r .verdict r.json)" = "$(cat last)" ] && grep -qF "$(jq -r .verdict r.json)" r.html &&
    xmllint --xpath "string(/testsuites/@failures)" r.xml | grep -qx "[1-9][0-9]*"'
expect_success "the page shows every name, as text" '
    xmllint --html --nonet --xpath "string(//body)" r.html 2>/dev/null >text &&
    contains text "<script>alert(1)<\\script>" "&amp;]]>" "\\x1B]0;owned" "%n%s%x" "single" "\${HOME}\$(id)" &&
    [ "$(xmllint --html --nonet --xpath "count(//meta[@http-equiv=\"Content-Security-Policy\"][contains(@content, \"default-src '\''none'\''\")])" r.html 2>/dev/null)" = 1 ]'

# Values in the database, in the forms of `report`: a terminal, JSON, and CSV as a spreadsheet and as a reader of CSV take it.
mkdir -p schema/shop/queries
printf -- "-- Hostile.\nSELECT id, v FROM v ORDER BY id;\n" >schema/shop/queries/values.sql
printf "%s\n" "=cmd|' /C calc'!A0" "+1+1" "-2+3" "@SUM(A1)" "${esc}[31mred" "<b>&amp;" "a,\"b\"" "plain" "-5" "1e5" >values
{
    echo "CREATE TABLE v (id integer PRIMARY KEY, v text);"
    i=0
    while IFS= read -r value; do i=$((i + 1)); printf "INSERT INTO v VALUES (%d, '%s');\n" $i "${value//\'/\'\'}"; done <values
    printf "INSERT INTO v VALUES (90, char(9) || '=1'), (91, char(13) || '=1'), (92, 'two' || char(10) || 'lines'), (93, char(8238) || 'gnp');\n"
} | sqlite3 v.db
expect_success "report: text and JSON are plain, and JSON has the values" '
    windrow report shop values --to sqlite:v.db >out && is_plain out && ! grep -q "$esc" out &&
    windrow report shop values --to sqlite:v.db --json >out && is_plain out &&
    jq -r ".sections[0].rows[] | select(.id < 90) | .v" out | compare values -'
expect_success "report: no cell of the CSV is a formula, and a reader gets the values back" '
    windrow report shop values --to sqlite:v.db --csv >out.csv &&
    printf ".import --csv out.csv read\n" | sqlite3 r.db &&
    [ "$(sqlite3 r.db "SELECT count(*) FROM read WHERE substr(v, 1, 1) IN ('\''='\'', '\''+'\'', '\''@'\'', char(9), char(13))
        OR (substr(v, 1, 1) = '\''-'\'' AND CAST(v AS real) || '\'''\'' <> v AND CAST(v AS integer) || '\'''\'' <> v)")" = 0 ] &&
    sqlite3 r.db "SELECT CASE WHEN substr(v, 1, 1) = '\'''\'''\'''\'' THEN substr(v, 2) ELSE v END FROM read WHERE CAST(id AS integer) < 90
        ORDER BY CAST(id AS integer)" | compare <(sed "s/$esc/\\\\x1B/" values) -'

# Personal data stay out when that is asked for: values, messages of the database that quote them, keys of an index.
cat >secret.yaml <<'END'
windrow: 1
name: secret
indexes:
  reply: {files: "{d}/r.json", each: '.[]', by: .k}
tables:
  t:
    from: "{d}/s.jsonl"
    columns: {id: .id, n: {expr: '.n + 0'}}
  p:
    from: "{d}/s.jsonl"
    columns: {id: .id, mail: .mail, u: {expr: '$reply[.id | tostring].x'}}
END
mkdir -p private/d
printf '{"id":1,"n":"secret-of-ann","mail":"secret-a"}\n{"id":2,"n":1,"mail":"secret-b"}\n{"id":3,"mail":"secret-b"}\n{"id":{"secret":1}}\n{"id":4 "secret-c"}\n' >private/d/s.jsonl
printf '[{"k":"secret-key"}]' >private/d/r.json
schema="CREATE TABLE t (id integer PRIMARY KEY, n integer); CREATE TABLE p (id integer, mail text UNIQUE, u text)"
for engine in $engines; do
    fresh_target $engine && sql "$schema"
    expect_success "values can be kept out of reports ($engine)" '
        for command in check load; do
            expect_status 3 windrow $command secret.yaml private --to "$db" --hide-values --progress none '"$forms"' --show orphans >out 2>&1 &&
            contains out W0431 W0512 W0320 && ! grep -n "secret[-\"]" out r.txt r.json r.html r.xml || { cat out; return 1; }
            expect_status 3 windrow $command secret.yaml private --to "$db" --fresh --progress none >shown 2>&1 || [ $command = check ] || return 1
        done
        windrow check secret.yaml private --to "$db" --progress none >shown 2>&1; contains shown secret-of-ann secret-b secret-c'
done
done_testing
