#!/bin/bash
# Builds that are wrong on purpose have to make these tests fail. A canary that lives is a failure.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
for canary in ledger-outside no-cas sync-off; do
    [ -x "$faults/canary-$canary" ] || skip_all "no $faults/canary-$canary"
done
dies() { # CANARY TEST NUMBER: this test of that file fails, and it is not the first
    WINDROW=$faults/canary-$1 bash "$root/tests/engine/$2" >canary.out 2>&1
    [ $? != 0 ] && grep -q '^ok 1 ' canary.out && grep -q "^not ok $3 " canary.out || { cat canary.out; return 1; }
}
expect_success 'the ledger outside of the transaction is noticed by the kills' 'WINDROW_KILL_STEP=3 WINDROW_RANDOM_KILLS=1 dies ledger-outside kill-sqlite.t 2'
expect_success 'a missing compare-and-swap is noticed: the rows of the overtaken stand twice' '
    WINDROW_TEST_PG= dies no-cas share.t 5 && grep "^#.*events has 7[0-9] rows, not 59" canary.out || { cat canary.out; false; }'
if [ "$(id -u)" = 0 ] && truncate -s 16M x.img && mkfs.ext4 -q -F x.img && mkdir x && mount -o loop x.img x 2>/dev/null; then
    umount x
    expect_success 'synchronous=OFF is noticed by the power cuts' 'WINDROW_POWER_STEP=2 dies sync-off power.t 2'
else
    skip 'synchronous=OFF is noticed by the power cuts' 'no loop mounts here'
fi
done_testing
