#!/bin/bash
# Upkeep while allocations and system calls fail: a clean refusal, all or nothing done, no file left over; then it works.
# A sample; WINDROW_MALLOC_STEP=1 and WINDROW_FAULT_STEP=1 try them all.
. "${0%/*}/../lib/tap.sh"
faults=${WINDROW_FAULTS:-$root/build-faults}
WINDROW=${WINDROW:-$faults/windrow}
tools=${WINDROW_TOOLS:-$faults/tools}
[ -x "$tools/strike" ] && [ -x "$WINDROW" ] || skip_all "no build with failpoints; run it by scripts/test"
. "$root/tests/maintain/lib.sh"
engines=sqlite
sum() { sqlite3 -batch -init /dev/null "${db#sqlite:}" "SELECT * FROM customers; SELECT * FROM orders; SELECT * FROM log; SELECT name FROM sqlite_schema ORDER BY name; PRAGMA integrity_check" 2>&1; }

shop sqlite
m backup --out whole.backup
declare -A verbs=([cleanup]="--set now=2025-06-01" [backup]="--out made/b" [restore]="whole.backup --yes-really shop.db" [indexes]="--fix" [vacuum]="")
again() {
	mkdir -p made live && rm -f live/* made/* && cp template.db live/shop.db && db=sqlite:$scratch/live/shop.db
	[ "$1" != indexes ] || sqlite3 live/shop.db "DROP INDEX orders_at"
	[ "$1" != restore ] || sqlite3 live/shop.db "DELETE FROM orders"
	command=("$WINDROW" maintain "$1" shop --schema-dir mine --to "$db")
	read -ra more <<<"${verbs[$1]}"
	command+=("${more[@]}")
}
# The state before and the state after the verb, in before.sum and after.sum.
states() {
	again "$1" && sum >before.sum && "${command[@]}" >/dev/null && sum >after.sum
}
# What is there is one of the two; nothing hidden lies about; undisturbed, the verb works.
whole() {
	sum >now.sum
	cmp -s now.sum before.sum || cmp -s now.sum after.sum || { echo "$1: neither before nor after"; diff before.sum now.sum; return 1; }
	! ls -A made live | grep '^\.[a-z]' || { echo "$1: left over"; return 1; }
	rm -f made/* && "${command[@]}" >/dev/null 2>said || { cat said; return 1; }
	sum | cmp -s - after.sum || { echo "$1: not done afterwards"; return 1; }
}
allocations() {
	local n all status
	states "$1" && again "$1" && MALLOC_COUNT=$PWD/count MALLOC_MARK=shop/sqlite LD_PRELOAD=$tools/malloc.so "${command[@]}" >/dev/null
	all=$(cat count) && [ "$all" -gt 100 ] || return
	for n in $(seq 1 "${WINDROW_MALLOC_STEP:-97}" "$all"); do
		status=0
		again "$1" && MALLOC_FAIL_AT=$n MALLOC_MARK=shop/sqlite LD_PRELOAD=$tools/malloc.so "${command[@]}" >out 2>said || status=$?
		case $status in 0 | 1 | 2 | 3 | 5 | 7) ;; *) echo "allocation $n of $all: status $status"; cat said; return 1 ;; esac
		whole "allocation $n of $all, status $status" || { cat said; return 1; }
		tried=$((tried + 1))
	done
}
calls() {
	local n all status
	states "$1" && again "$1" && "$tools/strike" count "$3" -m shop/sqlite -- "${command[@]}" 3>count >/dev/null
	all=$(cat count) && [ "$all" -gt 0 ] || return
	for n in $(seq 1 "${WINDROW_FAULT_STEP:-23}" "$all"); do
		status=0
		again "$1" && "$tools/strike" fail "$n" "$2" "$3" -m shop/sqlite -- "${command[@]}" >out 2>said || status=$?
		case $status in 0 | 1 | 2 | 3 | 5 | 6 | 7) ;; *) echo "$2 at $n of $all: status $status"; cat said; return 1 ;; esac
		whole "$2 at $n of $all, status $status" || { cat said; return 1; }
		tried=$((tried + 1))
	done
}
tried=0
for verb in cleanup backup restore indexes vacuum; do
	expect_success "$verb: an allocation fails" 'allocations $verb'
	expect_success "$verb: no space" 'calls $verb ENOSPC pwrite64'
	expect_success "$verb: errors of the disk" 'calls $verb EIO pwrite64,fsync,fdatasync,pread64'
done
echo "# $tried failures"
done_testing
