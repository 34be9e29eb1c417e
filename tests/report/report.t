#!/bin/bash
# windrow report: files, parameters, forms of output, faults; that nothing can be written.
. "${0%/*}/../lib/tap.sh"
windrow=${WINDROW:-windrow}
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'

# query NAME: the file from stdin
query() {
	mkdir -p schema/shop/queries && cat >"schema/shop/queries/$1"
}

report() {
	"$windrow" report shop --to "$db" "$@" 2>err.out
}

# faulty STATUS TEXT ARGUMENT...: refused with this text
faulty() {
	local status=$1 text=$2
	shift 2
	expect_status "$status" report "$@" >out && contains err.out "$text"
}

query people.sql <<'E2'
-- Who is there.
-- Second line of the same sentence.
--
-- Not part of it.
-- windrow: param least integer = 0 -- at least so old
-- windrow: param name -- part of the name

-- windrow: section all of them
SELECT name, age, 'a :name in quotes' AS "q" -- :nothing in a comment
FROM people WHERE age >= CAST(:least AS integer) AND name <> :name ORDER BY name;
/* :nothing */
-- windrow: section how many
SELECT count(*) AS n, :name AS name FROM people WHERE name <> :name AND age >= CAST(:least AS integer);
E2
query when.sql <<'E2'
-- windrow: param since time = now - 24 hours
-- windrow: param day day = today
-- windrow: param before day = today - 30 days
-- windrow: param month month = today
-- windrow: param limit number = 1.5
SELECT :since AS since, :day AS day, :before AS before, :month AS month, :limit AS l, :now AS now, :engine AS engine;
E2
query write.sql <<'E2'
-- Tries to.
DELETE FROM people;
E2
query only.sqlite.sql <<<'SELECT 1 AS one'
query both.sqlite.sql <<<"SELECT 'lite' AS e"
query both.postgresql.sql <<<"SELECT 'big'::text AS e, '{1,2}'::int[] AS a, (ARRAY[1,2])[1:2] AS b"
echo junk >schema/shop/queries/README
echo junk >'schema/shop/queries/odd name.sql'

expect_success 'the list needs no database' '
	"$windrow" report shop >list && contains list "people  Who is there. Second line of the same sentence.  least = 0, name" "only" "write" &&
	! grep -e README -e "odd name" -e "Not part" list && "$windrow" report shop --json | jq -r ".[].report" | compare - <(printf "both\nonly\npeople\nwhen\nwrite\n")
'
expect_success 'no such system' 'expect_status 2 "$windrow" report bakery 2>err.out && contains err.out "there is no system '"'"'bakery'"'"' in schema" "there are shop"'
expect_success 'a path is a system too' '"$windrow" report ./schema/shop >list && contains list people'

for engine in $engines; do
	fresh_target "$engine"
	sql "CREATE TABLE people (name text, age integer); INSERT INTO people VALUES ('Ann', 41), ('Bob', NULL), ('Ce, \"l\"', 7), ('=1+1', 30)"
	expect_success "$engine: text" '
		report people --set name=Bob >out && compare - out <<-END
			all of them
			name     age  q
			-------  ---  -----------------
			=1+1      30  a :name in quotes
			Ann       41  a :name in quotes
			Ce, "l"    7  a :name in quotes

			how many
			n  name
			-  ----
			3  Bob
		END
	'
	expect_success "$engine: CSV of one section" '
		report people --set name=Bob --csv --section "all of them" | tr -d "\r" >out && compare - out <<-END
			name,age,q
			"'\''=1+1",30,a :name in quotes
			Ann,41,a :name in quotes
			"Ce, ""l""",7,a :name in quotes
		END
	'
	expect_success "$engine: JSON has numbers where the database has" '
		report people --set name=Bob --set least=30 --json >out.json && jq -c "[.version, .system, .report, .parameters.name, .parameters.least], .sections[]" out.json >out &&
		compare - out <<-END
			[1,"shop","people","Bob","30"]
			{"title":"all of them","rows":[{"name":"=1+1","age":30,"q":"a :name in quotes"},{"name":"Ann","age":41,"q":"a :name in quotes"}]}
			{"title":"how many","rows":[{"n":2,"name":"Bob"}]}
		END
	'
	expect_success "$engine: values are bound, not put into the text" '
		report people --set "name='\''; DROP TABLE people; --" --set least=7 --csv --section "how many" | tr -d "\r" | tail -n 1 >out &&
		contains out "3," && [ "$(sql "SELECT count(*) FROM people")" = 4 ]
	'
	[ "$engine" = sqlite ] && zone= || zone=+00
	expect_success "$engine: times from the moment that is given" '
		report when --set now=2025-03-01T01:00:00+02:00 --csv | tr -d "\r" | tail -n 1 |
		compare - <(echo "2025-02-27 23:00:00.000000$zone,2025-02-28,2025-01-29,2025-02,1.5,2025-02-28 23:00:00.000000$zone,$([ "$engine" = sqlite ] && echo SQLite || echo PostgreSQL)") &&
		report when --set now=2025-03-01 --set since=2024-02-29T12:00:00.25 --set day=2024-02-29 --csv | contains /dev/stdin "2024-02-29 12:00:00.250000$zone,2024-02-29,2025-01-30,2025-03"
	'
	expect_success "$engine: wrong values" '
		faulty 2 "parameter name must be given: --set name=..." people && faulty 2 "is no whole number" people --set name=x --set least=1.5 &&
		faulty 2 "is no time such as" when --set since=yesterday && faulty 2 "is no day such as" when --set day=2025-02-30 &&
		faulty 2 "is no day such as" when --set day=today && faulty 2 "is no month such as" when --set month=2025-13 && faulty 2 "is no number" when --set limit=1e &&
		faulty 2 "did you mean '\''least'\''?" people --set name=x --set lest=1 && faulty 2 "expected NAME=VALUE" people --set name
	'
	expect_success "$engine: wrong names" '
		faulty 2 "did you mean '\''people'\''?" peple && faulty 2 "has no report '\''../people'\''" ../people && faulty 2 "has no section '\''x'\''" people --set name=x --section x &&
		faulty 2 "has 2 sections: choose one" people --set name=x --csv && faulty 2 "not both" when --csv --json
	'
	if [ "$engine" = sqlite ]; then
		expect_success "$engine: a file of its own" 'report both --csv | contains /dev/stdin lite && report only --csv | contains /dev/stdin one'
	else
		expect_success "$engine: a file of its own, casts and slices in it" '
			report both --csv | tr -d "\r" | tail -n 1 | compare - <(echo "big,\"{1,2}\",\"{1,2}\"") && faulty 2 "not for this database engine" only
		'
	fi
	expect_success "$engine: nothing is written" 'faulty 5 "schema/shop/queries/write.sql:2:1" write && [ "$(sql "SELECT count(*) FROM people")" = 4 ]'
	expect_success "$engine: no such table" '
		sql "DROP TABLE people" && faulty 5 "schema/shop/queries/people.sql:9:1" people --set name=x
	'
done

fault() {
	query bad.sql && expect_status 2 "$windrow" report shop bad --to sqlite:none.db 2>err.out && contains err.out "$@" && [ ! -e none.db ]
}
expect_success 'faults of files have a line' '
	fault "schema/shop/queries/bad.sql:2:1" "no parameter of this file is called '\''who'\''" <<<"
SELECT :who" && fault "bad.sql:1:1" "a parameter is text, integer, number, day, month, time or days, not '\''date'\''" <<<"-- windrow: param a date
SELECT 1" && fault "bad.sql:2:1" "declared already: '\''a'\''" <<<"-- windrow: param a
-- windrow: param a
SELECT 1" && fault "this is param or section, not '\''parm'\''" <<<"-- windrow: parm a
SELECT 1" && fault "declared already: '\''now'\''" <<<"-- windrow: param now
SELECT 1" && fault "no name of a parameter: '\''a-b'\''" <<<"-- windrow: param a-b
SELECT 1" && fault "expected = and a default, found '\''5'\''" <<<"-- windrow: param a integer 5
SELECT 1" && fault "there is no statement in it" <<<"-- nothing" && fault "bad.sql:1:8" <<<"SELECT '\''x"
'
expect_success 'no target, no database' '
	expect_status 2 "$windrow" report shop when 2>err.out && contains err.out "no target" &&
	expect_status 5 "$windrow" report shop when --to sqlite:none.db 2>err.out && [ ! -e none.db ]
'
done_testing
