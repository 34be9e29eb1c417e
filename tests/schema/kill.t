#!/bin/bash
# A runner that is killed anywhere leaves a database from which the next one arrives, at the same schema, with each
# statement run once: at places inside windrow, before its system calls (every WINDROW_KILL_STEP-th, 1 takes all), and
# when the answer to a commit never comes.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need

mkdir -p mine/shop/sqlite mine/shop/postgresql
for engine in sqlite postgresql; do
	cd mine/shop/$engine || exit 1
	echo 'CREATE TABLE t (a integer); INSERT INTO t VALUES (1);' >001_t.up.sql
	echo 'DROP TABLE t;' >001_t.down.sql
	printf '%s\n' '-- windrow: no-transaction' 'INSERT INTO t VALUES (2);' 'CREATE INDEX i ON t (a);' 'VACUUM;' \
		'INSERT INTO t VALUES (3);' >002_pieces.up.sql
	printf '%s\n' '-- windrow: no-transaction' 'DROP INDEX i;' 'DELETE FROM t WHERE a > 1;' >002_pieces.down.sql
	echo 'ALTER TABLE t ADD COLUMN b text;' >003_b.up.sql
	echo 'ALTER TABLE t DROP COLUMN b;' >003_b.down.sql
	cd "$scratch" || exit 1
done
sed -i 's/CREATE INDEX/CREATE INDEX CONCURRENTLY/' mine/shop/postgresql/002_pieces.up.sql
sed -i 's/DROP INDEX/DROP INDEX CONCURRENTLY/' mine/shop/postgresql/002_pieces.down.sql

schema() {
	"$windrow" schema "$@" --yes --schema-dir "$scratch/mine" --to "$db" --progress plain
}

# Empty, without a history.
reset() {
	case $db in
	sqlite:*) rm -f "${db#sqlite:}"* ;;
	*) sql 'SET client_min_messages = error; DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS windrow CASCADE' ;;
	esac
}

# What the database holds and what the history tells, in a few words.
state() {
	case $db in
	sqlite:*) sql "SELECT group_concat(name || ' ' || sql, ';') FROM (SELECT * FROM sqlite_schema WHERE tbl_name = 't' ORDER BY name);
		SELECT version, state, step, doing FROM windrow_schema_versions ORDER BY version;
		SELECT direction, version FROM windrow_schema_log ORDER BY id"
		sql 'SELECT * FROM t ORDER BY a' 2>/dev/null || echo 'no table' ;;
	*) sql "SELECT (SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = to_regclass('t')
			AND attnum > 0 AND NOT attisdropped),
		(SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ' ') FROM pg_index WHERE indrelid = to_regclass('t'));
		SELECT version, state, step, doing FROM windrow.schema_versions ORDER BY version;
		SELECT direction, version FROM windrow.schema_log ORDER BY id;
		SELECT CASE WHEN to_regclass('t') IS NULL THEN 'no table'
			ELSE query_to_xml('SELECT * FROM t ORDER BY a', true, true, '')::text END" ;;
	esac
}

# Up and down have left what an undisturbed run leaves.
golden() {
	fresh_target "$engine" && schema up shop >up.out 2>&1 && state >up.golden && schema verify shop &&
		schema down shop --all >down.out 2>&1 && state >down.golden &&
		grep -q 'up	3' up.golden && grep -q 'down	1' down.golden && grep -q 'no table' down.golden
}
arrives() {
	local way=$1
	schema "$way" shop $([ "$way" = up ] || echo --all) >after.out 2>&1 && state >actual && compare "$way.golden" actual &&
		return
	echo "after a second $way:" && cat after.out && return 1
}

# Die at the n-th pass of a place for n = 1, 2 ... until a run passes it less often; go on after each death.
sweep() {
	local place=$1 n=1 up down deaths=0
	while [ $n -lt 100 ]; do
		reset
		up=0 down=0
		(WINDROW_CRASH=$place:$n schema up shop) >/dev/null 2>&1 || up=$?
		arrives up || { echo "$place:$n up"; return 1; }
		(WINDROW_CRASH=$place:$n schema down shop --all) >/dev/null 2>&1 || down=$?
		arrives down || { echo "$place:$n down"; return 1; }
		deaths=$((deaths + (up == 137) + (down == 137)))
		[ $up = 137 ] || [ $down = 137 ] || break
		n=$((n + pace))
	done
	echo "$deaths deaths"
	[ $deaths -gt 0 ]
}

# The answer to the n-th commit is lost: the same run finds out and goes on, over a new connection.
lost() {
	local place=$1 n=1
	while [ $n -lt 100 ]; do
		reset
		WINDROW_CRASH=$place:$n:error schema up shop >lost.out 2>&1 || { cat lost.out; echo "$place:$n"; return 1; }
		state >actual && compare up.golden actual || { echo "$place:$n"; return 1; }
		grep -q 'connection lost' lost.out || break
		n=$((n + pace))
	done
	echo "$n commits"
	[ $n -gt 5 ]
}

step=${WINDROW_KILL_STEP:-17}
strike() {
	"$tools/strike" "$1" "$2" -m 001_t.up.sql -- "$windrow" schema "$3" shop $([ "$3" = up ] || echo --all) --yes \
		--schema-dir mine --to "$db" --progress none
}
killed_anywhere() {
	local way n calls up down deaths=0
	reset
	calls=$(strike count all up 3>&1 >/dev/null 2>&1)
	n=$(strike count all down 3>&1 >/dev/null 2>&1)
	[ "$calls" -gt "$n" ] || calls=$n
	[ "$calls" -gt 300 ] || { echo "only $calls calls"; return 1; }
	for n in $(seq 1 "$step" "$calls"); do
		reset
		up=0 down=0
		strike kill "$n" up >/dev/null 2>&1 || up=$?
		arrives up || { echo "killed before call $n of up"; return 1; }
		strike kill "$n" down >/dev/null 2>&1 || down=$?
		arrives down || { echo "killed before call $n of down"; return 1; }
		deaths=$((deaths + (up == 137) + (down == 137)))
	done
	echo "$deaths deaths, $calls calls"
	echo "# $engine: killed before $deaths system calls" >&3
	[ $deaths -gt $((calls / step)) ]
}

exec 3>&1
engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
for engine in $engines; do
	[ $engine = postgresql ] && [ "$step" != 1 ] && pace=2 || pace=1
	expect_success "$engine: undisturbed" golden
	for place in schema_before_statement schema_before_record schema_before_commit schema_after_commit \
		schema_doing_noted schema_alone_done; do
		expect_success "$engine: killed at $place, up and down arrive" "sweep $place"
	done
	expect_success "$engine: killed before any system call" killed_anywhere
done
expect_success 'sqlite: the answer to a commit is lost' 'engine=sqlite && pace=1 && golden && lost sqlite_answer_lost'
expect_success 'sqlite: a commit is lost' 'lost sqlite_commit_lost'
if [ "$engines" != sqlite ]; then
	expect_success 'postgresql: the answer to a commit is lost' 'engine=postgresql && golden && lost answer_lost'
fi
done_testing
