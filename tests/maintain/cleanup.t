#!/bin/bash
# `windrow maintain cleanup`: what the rules say goes, counted; a step that fails takes nothing else with it.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/maintain/lib.sh"

now='--set now=2025-06-01T12:00:00Z'
clean() { m cleanup $now "$@"; }
counts() { sed -n '3,$p' out | sed 's/  \+/|/g' | cut -d'|' -f1-3; }

for engine in $engines; do
	shop $engine
	expect_success "$engine: a dry run counts and changes nothing" '
		all >before && clean --dry-run && all | compare before - && counts >dry && compare - dry <<-"END"
			orders|closed orders|2
			|orders|1
			customers|customers|not asked for: --set customers_days=...
			log|log|2
			5 rows would be removed; nothing was changed
		END
	'
	expect_success "$engine: the real one does what the dry run said" '
		clean && counts | compare <(sed "s/ would be.*/ removed/" dry) - && sql "SELECT id FROM orders ORDER BY id" | compare - <(printf "2\n3\n") &&
		sql "SELECT id FROM log" | compare - <(echo 2) && expect_status 0 clean && contains out "0 rows removed"
	'
	expect_success "$engine: ages are settable, a rule without a default waits to be asked" '
		shop $engine && clean --set log_days=31 --set keep=2 --dry-run && contains out "not asked for: --set customers_days=..." &&
		counts | grep -x "log|log|0" && clean --set log_days=30 --set keep=2 --dry-run && counts | grep -x "log|log|1"
	'
	expect_success "$engine: a step that fails is taken back, the others are not" '
		shop $engine && expect_status 3 clean --set customers_days=30 && contains out "failed, taken back" "5 rows removed" &&
		contains said "error[W0909]" "20_customers.sql:3" && sql "SELECT count(*) FROM customers" | compare - <(echo 3) &&
		sql "SELECT count(*) FROM log" | compare - <(echo 1)
	'
	expect_success "$engine: the same in a dry run, which changes nothing" '
		shop $engine && all >before && expect_status 3 clean --set customers_days=30 --dry-run && all | compare before -
	'
	expect_success "$engine: as JSON" '
		expect_status 3 clean --set customers_days=30 --dry-run --json && jq -e ".format == \"windrow.maintain\" and .version == 1 and .dry_run and
			.now[0:19] == \"2025-06-01 12:00:00\" and .rows == 5 and .failed == 1 and ([.steps[] | .state] == [\"done\", \"failed\", \"done\"]) and
			.steps[0].removed == [{table: \"closed orders\", rows: 2}, {table: \"orders\", rows: 1}] and .steps[1].removed[0].rows == 0 and
			.steps[1].error.code == \"W0909\" and .steps[1].error.line == 3" out
	'
	expect_success "$engine: the clock counts when no time is given" 'shop $engine && m cleanup --dry-run && contains out "7 rows would"'
	expect_success "$engine: wrong settings touch nothing" '
		all >before && expect_status 2 clean --set log_dys=3 && contains said "W0101" "did you mean '\''log_days'\''" &&
		expect_status 2 clean --set log_days=-1 && contains said "number of days" && expect_status 2 clean --set log_days &&
		expect_status 2 m cleanup --set now=noon && all | compare before -
	'
	expect_success "$engine: a system without rules, without tables, that is not known" '
		expect_status 2 "$windrow" maintain cleanup bare --schema-dir mine --to "$db" 2>said && contains said W0907 "schema up bare" &&
		mv mine/shop/maintain mine/shop/rules && { expect_status 2 clean; mv mine/shop/rules mine/shop/maintain; } && contains said W0901 &&
		expect_status 2 "$windrow" maintain cleanup nobody --schema-dir mine --to "$db" 2>said && contains said W0704
	'
	expect_success "$engine: a rule that only reads is refused before anything runs" '
		echo "SELECT 1" >mine/shop/maintain/40_read.sql && all >before && { expect_status 2 clean; rm mine/shop/maintain/40_read.sql; } &&
		contains said W0104 "40_read.sql:1" && all | compare before -
	'
done

expect_success 'a target that is not there is not made' '
	db=sqlite:$scratch/none.db && expect_status 5 m cleanup && contains said "no database" && ! [ -e none.db ] &&
	expect_status 2 env -u WINDROW_TARGET "$windrow" maintain cleanup shop --schema-dir mine
'
shop sqlite
expect_success 'sqlite: who holds the file is named' '
	expect_status 5 locked "INSERT INTO log VALUES (9, '\''x'\'')" clean --wait 1 && contains said W0550 "sqlite3 (pid" "waited 1 s" && all | grep -c log | compare - <(echo 3)
'
stop_it() {
	"$windrow" maintain cleanup shop --schema-dir mine --to "$db" $now --wait 60 >out 2>said &
	local pid=$! status=0 i
	for ((i = 0; i < 600; i++)); do
		waits $pid && break
		sleep 0.05
	done
	kill -INT $pid
	wait $pid || status=$?
	return $status
}
# It has the file open, and may wait for its lock.
waits() { [ -n "$(readlink /proc/$1/fd/* 2>/dev/null | grep -F "${db#sqlite:}-shm")" ]; }
expect_success 'sqlite: Ctrl-C while it waits: status 7, nothing removed' '
	all >before && expect_status 7 locked "INSERT INTO log VALUES (9, '\''x'\'')" stop_it && contains said "nothing was removed" && all | compare before -
'
if [[ $engines = *postgresql* ]]; then
	shop postgresql
	expect_success 'postgresql: a table that another session holds fails its step alone' '
		expect_status 3 locked "UPDATE orders SET state = state" clean --wait 1 && contains said W0908 "holder, idle in transaction" "10_orders.sql" &&
		sql "SELECT count(*) FROM orders" | compare - <(echo 5) && sql "SELECT count(*) FROM log" | compare - <(echo 1)
	'
	waits() { [ "$(psql -XAtq -d "$db" -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'windrow maintain' AND wait_event_type = 'Lock'")" = 1 ]; }
	expect_success 'postgresql: Ctrl-C while it waits: status 7, nothing removed' '
		shop postgresql && all >before && expect_status 7 locked "UPDATE orders SET state = state" stop_it && contains said "nothing was removed" && all | compare before -
	'
	expect_success 'postgresql: a row that changes meanwhile is looked at again' '
		shop postgresql && touch_order() {
			"$windrow" maintain cleanup shop --schema-dir mine --to "$db" $now --wait 60 >out 2>said &
			cleaning=$!
			until waits; do sleep 0.05; done
			echo "COMMIT;" >&"$to"
			wait $cleaning
		} && locked "UPDATE orders SET state = '\''open'\'' WHERE id = 1" touch_order && counts | grep -x "orders|closed orders|1" &&
		sql "SELECT id FROM orders ORDER BY id" | compare - <(printf "1\n2\n3\n")
	'
fi
done_testing
