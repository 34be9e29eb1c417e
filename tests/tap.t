#!/bin/bash
# The shell library of the tests tells good from bad itself.
. "${0%/*}/lib/tap.sh"

# Run a test file of this text; its output goes to `inner`, its status to $status.
inner_test() {
    printf '%s\n' ". '$root/tests/lib/tap.sh'" "$1" done_testing >inner.t
    status=0
    bash inner.t >inner 2>&1 || status=$?
}

expect_success 'a script that succeeds is ok' '
	inner_test "expect_success good true" && test "$status" = 0 && contains inner "ok 1 - good" "1..1"
'
expect_success 'one that fails is not, and what it printed is shown' '
	inner_test "expect_success bad \"echo reason; false\"" &&
	test "$status" = 1 && contains inner "not ok 1 - bad" "#   reason" "#   status 1" "1..1"
'
expect_success 'a refusal is expected' '
	inner_test "expect_failure refused \"(exit 5)\"" && test "$status" = 0 && contains inner "ok 1 - refused"
'
expect_success 'a crash is no refusal' '
	inner_test "expect_failure crash \"(exit 139)\"" && test "$status" = 1 && contains inner "not ok 1 - crash" "status 139"
'
expect_success 'success is no refusal either' '
	inner_test "expect_failure fine true" && test "$status" = 1
'
expect_success 'a test that stops half-way has no plan' '
	inner_test "exit 0" && ! grep -q "^1\.\." inner
'
expect_success 'skipping says why' '
	inner_test "skip one because
skip_all later" &&
	test "$status" = 0 && contains inner "ok 1 - one # SKIP because" "1..0 # SKIP later"
'
expect_success 'statuses and signals' '
	expect_status 3 sh -c "exit 3" && ! expect_status 3 true && expect_signal TERM sh -c "kill -TERM \$\$" &&
	! expect_signal KILL sh -c "kill -TERM \$\$" && ! expect_signal KILL true
'
expect_success 'files are compared' '
	echo a >one && echo b >two && cp one three && compare one three && ! compare one two
'
expect_success 'rows of SQLite' '
	fresh_target sqlite && sql "CREATE TABLE t(a, b); INSERT INTO t VALUES(2, NULL), (1, 0.5)" && rows_of t >rows &&
	printf "a\tb\n1\t0.5\n2\t\\\\N\n" >expected && compare expected rows
'
if [ -n "${WINDROW_TEST_PG:-}" ]; then
    expect_success 'rows of PostgreSQL' '
	fresh_target postgresql && sql "CREATE TABLE t(a int, b float8); INSERT INTO t VALUES(2, NULL), (1, 0.5)" &&
	rows_of t >rows && printf "a\tb\n1\t0.5\n2\t\\\\N\n" >expected && compare expected rows
    '
else
    skip 'rows of PostgreSQL' 'no WINDROW_TEST_PG'
fi
first=$scratch
expect_success 'the scratch directory goes with the test' '
	inner_test "echo \"\$scratch\" >\"$first/where\"" && test -s where && ! test -e "$(cat where)"
'
done_testing
