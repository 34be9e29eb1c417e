#!/bin/bash
# `windrow maintain indexes`: missing, different, invalid and extra ones are told apart, and --fix mends what is nobody's decision.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/maintain/lib.sh"
need jq
look() { m indexes "$@"; }

for engine in $engines; do
	shop $engine
	expect_success "$engine: as the versions made them" 'look && contains out "all indexes are what"'
	sql 'DROP INDEX orders_at; DROP INDEX log_at; CREATE INDEX log_at ON log (id); CREATE INDEX more ON customers (seen)'
	expect_success "$engine: missing, different and extra ones are listed; nothing is changed" '
		expect_status 6 look && contains out "missing: orders_at" "different: log_at" "extra: more" "expected" "found" "2 indexes are not" &&
		expect_status 6 look --json && jq -e "[.indexes[] | [.index, .state, .fixed]] | sort == [[\"log_at\", \"different\", false], [\"more\", \"extra\", false], [\"orders_at\", \"missing\", false]] and true" out
	'
	expect_success "$engine: --fix builds what is missing, and leaves what somebody made" '
		expect_status 6 look --fix && contains out "missing: orders_at; built" "different: log_at" "1 index is not" && sql "DROP INDEX log_at" && look --fix && look && contains out "extra: more" "no index is missing" &&
		sql "DROP INDEX more" && look && contains out "all indexes are what"
	'
done
shop sqlite
expect_success 'sqlite: an index whose entries do not fit its table is found and rebuilt' '
	sqlite3 "${db#sqlite:}" "PRAGMA writable_schema = ON; CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = '\''orders_at'\''; DELETE FROM sqlite_schema WHERE name = '\''orders_at'\''" &&
	sqlite3 "${db#sqlite:}" "INSERT INTO orders VALUES (7, 1, '\''2025-03-03'\'', '\''open'\'')" &&
	sqlite3 "${db#sqlite:}" "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM kept; DROP TABLE kept" &&
	expect_status 6 look && contains out "invalid: orders_at" && look --fix && contains out "invalid: orders_at; rebuilt" && look &&
	sqlite3 "${db#sqlite:}" "PRAGMA integrity_check" | compare - <(echo ok)
'
if [[ $engines = *postgresql* ]]; then
	shop postgresql
	expect_success 'postgresql: one that a failed build left is found and rebuilt' '
		sql "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\''orders_at'\''::regclass" && expect_status 6 look && contains out "invalid: orders_at" &&
		look --fix && contains out "rebuilt" && sql "SELECT indisvalid FROM pg_index WHERE indexrelid = '\''orders_at'\''::regclass" | compare - <(echo t)
	'
	expect_success 'postgresql: that of a constraint too' '
		sql "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '\''customers_pkey'\''::regclass" && expect_status 6 look && contains out "invalid: customers_pkey" && look --fix && look
	'
	expect_success 'postgresql: a unique index that the rows do not allow is refused, and no half of it stays' '
		sql "DROP INDEX log_at; INSERT INTO log (id, at) VALUES (5, '\''z'\''); ALTER TABLE log DROP CONSTRAINT log_pkey; INSERT INTO log (id, at) VALUES (5, '\''z'\'')" &&
		expect_status 5 look --fix && contains said "log_at" && sql "SELECT count(*) FROM pg_class WHERE relname = '\''log_at'\''" | compare - <(echo 0)
	'
fi
expect_success 'options of other verbs are refused' '
	shop sqlite && expect_status 2 look --dry-run && contains said "maintain cleanup" && expect_status 2 m vacuum extra && expect_status 2 m cleanup --fix &&
	expect_status 2 m backup file.db && contains said "--out" && expect_status 2 m polish && contains said "backup, restore" && expect_status 2 m vacuum --wait 0
'
done_testing
