#!/bin/bash
# A runner that is killed anywhere leaves a database from which the next one arrives, at the same schema, with each
# version run once. Places inside windrow on both engines; on SQLite every system call that writes as well.
. "${0%/*}/../lib/tap.sh"

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
	windrow schema "$@" --schema-dir "$scratch/mine" --to "$db" --progress none
}

log_table() {
	case $db in sqlite:*) echo windrow_schema_log ;; *) echo windrow.schema_log ;; esac
}

# Up and down have left what an undisturbed run leaves.
arrived_up() {
	[ "$(sql 'SELECT count(*), sum(a), count(b) FROM t')" = "3	6	0" ] && schema verify shop >verified &&
		[ "$(sql "SELECT count(*) FROM $(log_table) WHERE direction = 'up'")" = 3 ]
}
arrived_down() {
	! sql 'SELECT * FROM t' 2>/dev/null &&
		[ "$(sql "SELECT count(*) FROM $(log_table) WHERE direction = 'down'")" = 3 ]
}

# Die at the n-th pass of a place for n = 1, 2 ... until a run passes it less often; go on after each death.
sweep() {
	local place=$1 n=1 status deaths=0
	while [ $n -lt 40 ]; do
		fresh_target "$engine"
		status=0
		(WINDROW_CRASH=$place:$n schema up shop) >/dev/null 2>&1 || status=$?
		schema up shop >after 2>&1 && arrived_up || { echo "$place:$n up"; cat after; return 1; }
		deaths=$((deaths + (status == 137)))
		[ $status = 137 ] || break
		n=$((n + 1))
	done
	n=1
	while [ $n -lt 40 ]; do
		fresh_target "$engine"
		schema up shop >/dev/null 2>&1
		status=0
		(WINDROW_CRASH=$place:$n schema down shop --all --yes) >/dev/null 2>&1 || status=$?
		schema down shop --all --yes >after 2>&1 && arrived_down || { echo "$place:$n down"; cat after; return 1; }
		deaths=$((deaths + (status == 137)))
		[ $status = 137 ] || break
		n=$((n + 1))
	done
	[ $deaths -gt 0 ] || { echo "nobody died at $place"; return 1; }
}

fresh_target sqlite
status=0
(WINDROW_CRASH=schema_before_commit:1 schema up shop) >/dev/null 2>&1 || status=$?
[ $status = 137 ] || skip_all 'this build has no failpoints'

engines=sqlite
[ -z "${WINDROW_TEST_PG:-}" ] || engines='sqlite postgresql'
for engine in $engines; do
	for place in schema_before_statement schema_before_record schema_before_commit schema_after_commit \
		schema_doing_noted schema_alone_done; do
		expect_success "$engine: killed at $place, up and down arrive" "sweep $place"
	done
done

# Every n-th write or sync of the SQLite file, as strace counts them; WINDROW_SWEEP_STEP=1 takes all.
killed_at_calls() {
	local direction=$1 calls=$2 n=1 status deaths=0
	while [ $n -lt 400 ]; do
		fresh_target sqlite
		[ "$direction" = up ] || schema up shop >/dev/null 2>&1
		status=0
		(ASAN_OPTIONS=detect_leaks=0 strace -qq -f -o /dev/null -e trace="$calls" \
			-e inject="$calls":signal=KILL:when=$n windrow schema "$direction" shop --all --yes --schema-dir mine --to "$db" \
			--progress none) >/dev/null 2>&1 || status=$?
		schema "$direction" shop --all --yes >after 2>&1 && "arrived_$direction" || { echo "$calls $n"; cat after; return 1; }
		[ $status -ge 128 ] || break
		deaths=$((deaths + 1))
		n=$((n + step))
	done
	echo "$deaths deaths"
	[ $deaths -gt 0 ]
}

if command -v strace >/dev/null && strace -qq -o /dev/null true 2>/dev/null; then
	step=${WINDROW_SWEEP_STEP:-13}
	expect_success 'killed at writes during up' 'killed_at_calls up pwrite64'
	expect_success 'killed at syncs during up' 'killed_at_calls up fdatasync,fsync'
	expect_success 'killed at writes during down' 'killed_at_calls down pwrite64'
else
	skip 'killed at system calls' 'no strace here'
fi
done_testing
