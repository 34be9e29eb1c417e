#!/bin/bash
# The power goes at calls that write to a SQLite file: whatever was not on the disk is lost. Needs root, loop devices and ext4.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need
[ "$(id -u)" = 0 ] || skip_all "mounting needs root"
need mkfs.ext4
truncate -s 16M base.img && mkfs.ext4 -q -F base.img && mkdir -p disk && mount -o loop base.img disk 2>/dev/null || skip_all "no loop mounts here"
trap 'cd /; umount "$scratch/disk" 2>/dev/null; rm -rf -- "$scratch"' EXIT

on_disk() {     # PREFIX... : a load, its acknowledged chunks in acknowledged
    rm -f acknowledged
    timeout 20 env "$@" LD_PRELOAD="$tools/powercut.so" WINDROW_FAULT_LOG="$PWD/acknowledged" "$windrow" load m.yaml tree --to "$db" --jobs 1 >cut.out 2>&1 </dev/null
}

cut_everywhere() {
    local n all lost points=0
    db=sqlite:$PWD/disk/t.db
    umount disk; cp --sparse=always base.img now.img && mount -o loop now.img disk && cp template.db disk/t.db || return 1
    on_disk POWERCUT_COUNT="$PWD/count" || [ $? = 3 ] || { cat cut.out; return 1; }
    all=$(cat count)
    [ "$all" -gt 50 ] || { echo "only $all calls"; return 1; }
    for n in $(seq 1 "$1" "$all"); do
        umount disk; cp --sparse=always base.img now.img && mount -o loop now.img disk && cp template.db disk/t.db && sync -f disk || return 1
        on_disk POWERCUT_AT="$n" POWERCUT_MOUNT="$PWD/disk"
        [ $? = 137 ] || { echo "cut $n: no cut"; cat cut.out; return 1; }
        umount disk && mount -o loop now.img disk || { echo "cut $n: cannot mount again"; return 1; }
        lost=$(( $(grep -c '^after_merge$' acknowledged 2>/dev/null) - $(sqlite3 disk/t.db 'SELECT count(*) FROM windrow_chunks' 2>/dev/null || echo 0) ))
        [ "$lost" -le 0 ] || { echo "cut $n: $lost acknowledged chunks lost"; return 1; }
        [ "$(sqlite3 disk/t.db 'PRAGMA integrity_check')" = ok ] || { echo "cut $n: damaged"; return 1; }
        rm -rf target && ln -s disk target
        finish_and_compare --jobs 1 || { echo "after cut $n"; return 1; }
        points=$((points + 1))
    done
    echo "# $points cuts of $all" >&3
}
expect_success 'an undisturbed load' 'scene && target_new sqlite && golden'
exec 3>&1
expect_success 'the power goes: nothing acknowledged is lost, the same command ends in the same rows' 'cut_everywhere ${WINDROW_POWER_STEP:-7}'
done_testing
