#!/bin/bash
# `windrow schema` among others: a second runner, a user who wants it to end, one who is asked, one who listens.
. "${0%/*}/../lib/tap.sh"

mkdir -p mine/shop/sqlite mine/shop/postgresql
for engine in sqlite postgresql; do
	echo 'CREATE TABLE orders (id integer PRIMARY KEY);' >mine/shop/$engine/001_orders.up.sql
	echo 'DROP TABLE orders;' >mine/shop/$engine/001_orders.down.sql
	echo 'CREATE TABLE items (id integer PRIMARY KEY);' >mine/shop/$engine/002_items.up.sql
	echo 'DROP TABLE items;' >mine/shop/$engine/002_items.down.sql
done

schema() {
	windrow schema "$@" --schema-dir mine --to "$db"
}

# Wait until a condition holds, for half a minute at most.
until_true() {
	local n=0
	until eval "$1"; do
		[ $((n += 1)) -lt 600 ] || { echo "never: $1"; return 1; }
		sleep 0.05
	done
}

stopped() {
	[ "$(ps -o stat= -p "$1" | cut -c1)" = T ]
}

# No signal is on its way to it.
heard() {
	grep -q '^ShdPnd:[[:space:]]*0*$' "/proc/$1/status"
}

ended_with() {
	local status=0
	wait "$2" || status=$?
	[ "$status" = "$1" ] || { echo "status $status instead of $1"; return 1; }
}

# A runner in the background, as $runner; one that stands still at a place.
start() {
	(exec windrow schema up shop --schema-dir mine --to "$db" --progress plain) >"$1.out" 2>"$1.err" &
	runner=$!
}
start_stopping() {
	WINDROW_CRASH=$1:stop start first && until_true "stopped $runner"
}

fresh_target sqlite
status=0
(WINDROW_CRASH=schema_before_commit:1 schema up shop) >/dev/null 2>&1 || status=$?
[ $status = 137 ] || skip_all 'this build has no failpoints'

engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
for engine in $engines; do
	fresh_target $engine
	[ $engine = sqlite ] && holder='another process writes' || holder='windrow schema'
	expect_success "$engine: while one works, another waits and says for whom, then gives up" '
		start_stopping schema_before_record:2 && expect_status 5 schema up shop --wait 1 2>err &&
		contains err W0706 "waiting for another runner" "$holder"
	'
	expect_success "$engine: who waits can be sent away" '
		first=$runner && start second && until_true "grep -q waiting second.err" && kill -INT $runner &&
		ended_with 7 $runner && contains second.err interrupted
	'
	expect_success "$engine: the first arrives all the same, and the other has nothing to do" '
		start second && kill -CONT $first && ended_with 0 $first && ended_with 0 $runner && contains first.out 002_items &&
		schema status shop >out && contains out "2 applied, 0 pending"
	'

	fresh_target $engine
	expect_success "$engine: interrupted, it ends after the version" '
		start_stopping schema_before_record:1 && kill -INT $runner && kill -CONT $runner && ended_with 7 $runner &&
		contains first.err "interrupted; run the same command again" && contains first.out 001_orders &&
		schema status shop >out && contains out "1 applied, 1 pending" && schema up shop >out && contains out 002_items
	'
	endless='WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i FROM n) INSERT INTO items SELECT count(*) FROM n;'
	expect_success "$engine: interrupted twice, it breaks a statement off and rolls its version back" '
		echo "$endless" >mine/shop/$engine/003_endless.up.sql && : >mine/shop/$engine/003_endless.down.sql &&
		start first && until_true "grep -q 003_endless first.err" &&
		kill -INT $runner && until_true "heard $runner" && kill -INT $runner &&
		ended_with 7 $runner && contains first.err "interrupted; run the same command again" &&
		schema status shop >out && contains out "2 applied, 1 pending" && [ "$(sql "SELECT count(*) FROM items")" = 0 ]
	'
	rm -f mine/shop/$engine/003_endless.*

	expect_success "$engine: at a terminal, another answer than the name of the system keeps the rows" '
		sql "INSERT INTO items VALUES (1)" && echo yes >answer &&
		expect_status 2 script -qec "windrow schema down shop --schema-dir mine --to '\''$db'\''" /dev/null <answer >out &&
		contains out "items: 1 row" "type the name of the system (shop)" "that is not '\''shop'\''; nothing was done" &&
		[ "$(sql "SELECT count(*) FROM items")" = 1 ]
	'
	expect_success "$engine: nor does no answer" '
		expect_status 2 script -qec "windrow schema down shop --schema-dir mine --to '\''$db'\''" /dev/null </dev/null >out &&
		contains out "no answer; nothing was done" && [ "$(sql "SELECT count(*) FROM items")" = 1 ]
	'
	expect_success "$engine: without a terminal it refuses" '
		echo shop >answer && expect_status 2 schema down shop <answer 2>err && contains err W0714 "items: 1 row" &&
		[ "$(sql "SELECT count(*) FROM items")" = 1 ]
	'
	expect_success "$engine: the name takes the rows away" '
		echo shop >answer &&
		expect_status 0 script -qec "windrow schema down shop --schema-dir mine --to '\''$db'\''" /dev/null <answer >out &&
		! sql "SELECT * FROM items"
	'
	expect_success "$engine: nobody is asked when no row is lost" 'schema down shop && ! sql "SELECT * FROM orders"'

	expect_success "$engine: events as JSON, one a line" '
		schema up shop --progress json --quiet >out 2>err && : >empty && compare empty err &&
		schema down shop --all --progress json --json >out 2>err &&
		sed -i "s/\"ms\": [0-9]*/\"ms\": N/" err && compare - err <<-JSON
			{"event": "started", "version": "002_items", "direction": "down", "done": 0, "total": 1}
			{"event": "finished", "version": "002_items", "direction": "down", "ms": N}
			{"event": "started", "version": "001_orders", "direction": "down", "done": 0, "total": 1}
			{"event": "finished", "version": "001_orders", "direction": "down", "ms": N}
		JSON
	'
done
done_testing
