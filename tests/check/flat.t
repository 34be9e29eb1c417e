#!/bin/bash
# Records like the one before take a short way: their rows and their faults are those that they have among records of other
# shapes, which take the long one.
. "${0%/*}/../lib/tap.sh"
need jq awk

# Records of two shapes, 300 lines of the one and then of the other. Values at the edges of what the columns take.
records() {
    awk 'function pick(n) { return int(rand() * n) }
    function of(list,   n, at) { n = split(list, at, " "); return at[1 + pick(n)] }
    function rarely(value, other) { return pick(25) ? value : other }
    BEGIN {
        srand(4)
        for (i = 0; i < 600; i++) {
            number = of("0 7 12345678 123456789 9223372036854775807 -3 -9223372036854775808 1234567890123456789")
            price = of("0 1.5 12.25 9999.99 0.01 100000 -12.5")
            at = sprintf("\"20%02d-%02d-%02dT%02d:%02d:%02dZ\"", pick(100), 1 + pick(12), 1 + pick(28), pick(24), pick(60), pick(60))
            word = of("\"\" \"x\" \"straw\" \"Grünland\" \"干草\" null \"a\\u00e9b\" \"tab\\tand\"")
            record = sprintf("{\"n\":%s,\"price\":%s,\"at\":%s,\"word\":%s,\"yes\":%s", rarely(number, of("1e3 1.5 \"7\" 9223372036854775808 null [1]")),
                rarely(price, of("1e2 0.001 123456.5 \"1.5\" null {}")), rarely(at, of("\"2025-02-30T00:00:00Z\" \"2025-01-31T10:00:00.5Z\" \"2025-01-31T24:00:00Z\" \"now\" null 7")),
                rarely(word, of("\"more_than_nine\" 12 true []")), of("true false null"))
            if (i >= 300)
                record = record sprintf(",\"unread\":%d,\"more\":\"%s\"", pick(9), of("a b"))
            if (pick(60) == 0) sub(/"at"/, "\"ta\"", record)
            if (pick(60) == 0) record = record ","
            print record "}"
        }
    }'
}

cat >flat.yaml <<'YAML'
windrow: 1
name: flat
tables:
  rows:
    from: "rows.jsonl"
    where: ".apart == null"
    columns:
      whole: .
      n: .n
      price: .price
      at: .at
      word: .word
      yes: .yes
      more: {path: .more, default: "none"}
      missing: .missing
      twice: {expr: "$row.n"}
      loud: {expr: ".word | if . == null then null else length end"}
YAML
columns='n INTEGER NOT NULL, price NUMERIC(6, 2) NOT NULL, at TIMESTAMPTZ NOT NULL, word VARCHAR(9), yes BOOLEAN, more TEXT, missing INTEGER,
    twice INTEGER, loud INTEGER, whole JSON'

mkdir alike apart
records >alike/rows.jsonl
awk '{ print; print "{\"apart\":true}" }' alike/rows.jsonl >apart/rows.jsonl

# Lines of the records themselves; of a group of faults the first ones stand there.
verdict() {
    jq -S --argjson lines "$2" '{tables: [.tables[] | {name, read: (.read - .skipped), inserted, rejected}],
        findings: [.findings.groups[] | {code, table, count, examples: [.examples[] | {message, value, help, "label": .label,
            place: (.place | {line: ((.line + $lines - 1) / $lines), column, pointer})}]}]}' "$1"
}

load_of() { # DIRECTORY LINES-A-RECORD
    fresh_target sqlite && sql "CREATE TABLE rows (id INTEGER PRIMARY KEY, $columns)" || return 1
    expect_status 3 windrow check flat.yaml "$1" --to "$db" --level types --jobs 1 --json --progress none >check.json 2>check.err || { cat check.err; return 1; }
    expect_status 3 windrow load flat.yaml "$1" --to "$db" --jobs 1 --json --progress none >load.json 2>load.err || { cat load.err; return 1; }
    verdict check.json "$2" >"$1.check" && verdict load.json "$2" >"$1.load" && rows_of rows id >"$1.rows" || return 1
    windrow rejects list last --to "$db" --json | jq -S --argjson lines "$2" 'map(del(.id) | .line = (.line + $lines - 1) / $lines)' >"$1.rejects"
}

expect_success 'records that are alike' 'load_of alike 1'
expect_success 'the same, none like the one before' 'load_of apart 2'
expect_success 'give the same rows' 'compare apart.rows alike.rows'
expect_success 'the same rejects' 'compare apart.rejects alike.rejects'
expect_success 'and the same findings, of check and of load' 'compare apart.check alike.check && compare apart.load alike.load'
expect_success 'there were rows and faults of several kinds' '
    [ "$(wc -l <alike.rows)" -gt 300 ] && [ "$(jq length alike.rejects)" -gt 60 ] && [ "$(jq "map(.code) | unique | length" alike.rejects)" -ge 3 ]'
done_testing
