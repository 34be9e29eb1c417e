#!/bin/bash
# A mapping says which version of which schema it writes to: load and check refuse a target without it and say what to
# run; load --schema runs it first.
. "${0%/*}/../lib/tap.sh"

mkdir -p mine/shop/sqlite mine/shop/postgresql tree
for engine in sqlite postgresql; do
	echo 'CREATE TABLE orders (id integer PRIMARY KEY);' >mine/shop/$engine/001_orders.up.sql
	echo 'DROP TABLE orders;' >mine/shop/$engine/001_orders.down.sql
	echo 'ALTER TABLE orders ADD COLUMN note text;' >mine/shop/$engine/002_note.up.sql
	echo 'ALTER TABLE orders DROP COLUMN note;' >mine/shop/$engine/002_note.down.sql
done
echo '{"id": 1, "note": "x"}' >tree/a.json

mapping() {
	printf 'windrow: 1\nname: shop\n%s\ntables:\n  orders:\n    from: "{name}.json"\n    key: id\n' "$1"
	printf '    columns: {id: .id, note: .note}\n'
}
mapping 'schema: {system: shop, version: 2}' >m.yaml
mapping '' >none.yaml
mapping 'schema: absent' >absent.yaml

schema() {
	windrow schema "$@" --schema-dir mine --to "$db" --progress none
}
import() {
	windrow "$@" --schema-dir mine --to "$db" --progress none
}

engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
for engine in $engines; do
	fresh_target $engine
	expect_success "$engine: load refuses a target without the schema, and says what to run" '
		sql "CREATE TABLE other (a integer)" &&
		expect_status 2 import load m.yaml tree 2>err && contains err W0717 "version 2 is needed" "windrow schema up shop --to" &&
		! sql "SELECT * FROM orders"
	'
	schema up shop 1 >out 2>&1
	expect_success "$engine: load refuses an older version" '
		expect_status 2 import load m.yaml tree 2>err &&
		contains err W0717 "up to version 1; version 2 is needed" "windrow schema up shop --to" "load with --schema"
	'
	expect_success "$engine: so does check" '
		expect_status 2 import check m.yaml tree 2>err && contains err W0717 "up to version 1; version 2 is needed"
	'
	expect_success "$engine: with --schema the load brings it up and loads" '
		import load m.yaml tree --schema >out 2>err && [ "$(sql "SELECT * FROM orders")" = "1	x" ] &&
		schema status shop >out && contains out "2 applied, 0 pending"
	'
	expect_success "$engine: and once more, when nothing is to do" 'import load m.yaml tree --schema'
	expect_success "$engine: a newer version is no hindrance" '
		echo "CREATE TABLE more (a integer);" >mine/shop/$engine/003_more.up.sql &&
		echo "DROP TABLE more;" >mine/shop/$engine/003_more.down.sql && schema up shop && import load m.yaml tree
	'
	rm -f mine/shop/$engine/003_more.*

	fresh_target $engine
	expect_success "$engine: a version that fails ends the load before it begins" '
		echo "ALTER TABLE nothing ADD a integer;" >mine/shop/$engine/003_bad.up.sql && : >mine/shop/$engine/003_bad.down.sql &&
		expect_status 5 import load m.yaml tree --schema 2>err && contains err W0705 003_bad.up.sql &&
		[ "$(sql "SELECT count(*) FROM orders")" = 0 ]
	'
	rm -f mine/shop/$engine/003_bad.*
	expect_success "$engine: a half-done version is not enough" '
		printf "%s\n" "-- windrow: no-transaction" "CREATE TABLE more (a integer);" "SELECT nothing;" \
			>mine/shop/$engine/003_half.up.sql && : >mine/shop/$engine/003_half.down.sql && ! schema up shop 2>err &&
		sed "s/version: 2/version: 3/" m.yaml >m3.yaml && expect_status 2 import load m3.yaml tree 2>err &&
		contains err W0717 "version 3 of schema '\''shop'\'' is half done"
	'
	rm -f mine/shop/$engine/003_half.*
done

fresh_target sqlite
expect_success '--schema needs a mapping that names a system' '
	expect_status 2 import load none.yaml tree --schema 2>err && contains err "names no system"
'
expect_success 'whose versions are there' '
	expect_status 2 import load absent.yaml tree --schema 2>err && contains err W0704 absent
'
expect_success 'a mapping that cannot be read is told of once' '
	echo "windrow: 2" >bad.yaml && expect_status 2 import load bad.yaml tree --schema 2>err && contains err "error["
'
done_testing
