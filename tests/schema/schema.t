#!/bin/bash
# `windrow schema` as its user meets it: what it prints, how it ends, what it asks.
. "${0%/*}/../lib/tap.sh"

mkdir -p mine/shop/sqlite mine/shop/postgresql
for engine in sqlite postgresql; do
	cat >mine/shop/$engine/001_orders.up.sql <<-'SQL'
		-- What is ordered; and a semicolon.
		CREATE TABLE orders (id integer PRIMARY KEY, note text DEFAULT ';');
	SQL
	echo 'DROP TABLE orders;' >mine/shop/$engine/001_orders.down.sql
	echo 'CREATE INDEX orders_note ON orders (note);' >mine/shop/$engine/002_index.up.sql
	echo 'DROP INDEX orders_note;' >mine/shop/$engine/002_index.down.sql
done

schema() {
	windrow schema "$@" --schema-dir mine --to "$db" --progress none
}

engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
for engine in $engines; do
	fresh_target $engine
	expect_success "$engine: a dry run prints the statements and changes nothing" '
		schema up shop --dry-run >out && contains out "CREATE TABLE orders" "002_index.up.sql" &&
		schema up shop --dry-run >again && compare out again
	'
	expect_success "$engine: up 1 runs one version" '
		schema up shop 1 >out && contains out 001_orders && ! grep -q 002_index out
	'
	expect_success "$engine: status tells what is applied and what is pending" '
		schema status shop >out && contains out "applied" "pending" "1 applied, 1 pending" &&
		schema status shop --json >out && contains out "\"state\": \"pending\""
	'
	expect_success "$engine: up runs the rest, and then nothing" '
		schema up shop >out && contains out 002_index && schema up shop >out && contains out "all versions are applied"
	'
	expect_success "$engine: verify finds no drift" 'schema verify shop'
	expect_success "$engine: drift is listed and the status is 6" '
		sql "DROP INDEX orders_note" && expect_status 6 schema verify shop >out &&
		contains out "missing: index orders_note" && sql "CREATE INDEX orders_note ON orders (note)" && schema verify shop
	'
	expect_success "$engine: down does not drop rows unasked" '
		sql "INSERT INTO orders VALUES (1, NULL)" && schema down shop && expect_status 2 schema down shop 2>err &&
		contains err "W0714" "orders: 1 row" && sql "SELECT * FROM orders"
	'
	expect_success "$engine: with --yes it does" 'schema down shop --all --yes && ! sql "SELECT * FROM orders"'
	expect_success "$engine: a failed statement is shown in its file, with a caret" '
		printf "SELECT 1;\nINSERT INTO orders\nVALUES (nothing);\n" >mine/shop/$engine/003_bad.up.sql &&
		: >mine/shop/$engine/003_bad.down.sql &&
		expect_status 5 schema up shop 2>err && contains err "error[W0705]" "003_bad.up.sql:" "^^^" &&
		schema status shop >out && contains out "2 applied, 1 pending" && rm mine/shop/$engine/003_bad.*
	'
done

expect_success 'two versions of one number are named, both' '
	fresh_target sqlite && : >mine/shop/sqlite/002_other.up.sql &&
	expect_status 2 schema up shop 2>err && contains err W0702 002_index 002_other && rm mine/shop/sqlite/002_other.up.sql
'
expect_success 'a new version has the next number on both engines' '
	windrow schema new shop add_price --schema-dir mine >out &&
	contains out sqlite/003_add_price.up.sql postgresql/003_add_price.down.sql && test -f mine/shop/sqlite/003_add_price.up.sql
'
expect_success 'a system that is not there' '
	fresh_target sqlite && expect_status 2 schema up nothing 2>err && contains err W0704
'
expect_success 'a verb that is none' 'expect_status 2 windrow schema sideways shop --to "$db"'
done_testing
