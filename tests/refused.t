#!/bin/bash
# Mappings that do not fit their target: tests/mappings/refused/CASE/ has a mapping and the faults that `lint --to`
# finds in it, all of them, one a line: line:column, code, message; help behind a bar. schema.sql makes the tables.
. "${0%/*}/lib/tap.sh"
windrow=${WINDROW:-windrow}
cases=$root/tests/mappings/refused

faults() {
    awk '/^error\[/ { code = substr($1, 7, 5); $1 = ""; message = $0 }
         /^ *--> / { n = split($2, at, ":"); line = at[n - 1] ":" at[n] " " code message }
         /^ *--> / || /= help: / { if (/= help: /) { sub(/^ *= help: /, ""); line = line " | " $0 } }
         /^$/ { if (line != "") print line; line = "" }'
}

lint() {
    expect_status 2 "$windrow" lint "$cases/$1/mapping.yaml" --to "$db" 2>said && faults <said >actual &&
    contains said " $(wc -l <actual) fault" "nothing was touched" && compare "$cases/$1/expected" actual
}

fresh_target sqlite
sqlite3 -bail "${db#sqlite:}" <"$cases/schema.sql" || exit 1
for dir in "$cases"/*/; do
    name=$(basename "$dir")
    expect_success "$name" 'lint "$name"'
done
number=$(find "$cases" "$root/tests/mappings/wrong" -mindepth 1 -maxdepth 1 -type d | wc -l)
expect_success "$number wrong mappings" '[ "$number" -ge 160 ]'
done_testing
