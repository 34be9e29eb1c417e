#!/bin/bash
# What a check leaves behind when it is killed, and who takes it away: throw-away files and servers.
. "${0%/*}/../lib/tap.sh"
. "$root/tests/lib/engine.sh"
engine_need

scene
mkdir tmp
chmod 1777 tmp && chmod 755 "$scratch"     # the user of the server has to walk in
export TMPDIR=$PWD/tmp
sqlite3 tables.db <schema.sql

cat >check <<END
#!/bin/sh
exec "$windrow" check m.yaml tree --progress none --quiet "\$@" >out.txt 2>&1
END
chmod 755 check

expect_success "a check that is killed leaves its directory" '
    WINDROW_CRASH=after_copy:1 expect_signal KILL ./check --to sqlite:tables.db && [ "$(ls tmp | wc -l)" = 1 ]'
expect_success "the next one takes it away, and its own" '
    expect_status 3 ./check --to sqlite:tables.db && [ -z "$(ls -A tmp)" ]'
expect_success "what somebody else called alike stays: no lock, a locked lock, a file" '
    mkdir tmp/windrow-backup tmp/windrow-living && echo mine >tmp/windrow-backup/data && echo mine >tmp/windrow-file &&
    : >tmp/windrow-living/.windrow-throw-away &&
    flock tmp/windrow-living/.windrow-throw-away "$windrow" check m.yaml tree --to sqlite:tables.db --quiet >out.txt 2>&1
    [ "$(ls tmp)" = "$(printf "%s\n" windrow-backup windrow-file windrow-living)" ] && [ "$(cat tmp/windrow-backup/data)" = mine ] &&
    rm -r tmp/windrow-*'
expect_success "a link that is called alike is not followed" '
    mkdir elsewhere && : >elsewhere/.windrow-throw-away && echo kept >elsewhere/data && ln -s "$PWD/elsewhere" tmp/windrow-abcdef
    expect_status 3 ./check --to sqlite:tables.db
    [ "$(cat elsewhere/data)" = kept ] && rm tmp/windrow-abcdef'

if [ -z "$(pg_bindir)" ]; then
    skip "private servers" "no programs of a server here"
    done_testing
fi
mkdir -p schema/smoke/postgresql
cp schema.sql schema/smoke/postgresql/001_tables.up.sql
echo "DROP TABLE notes, events, users;" >schema/smoke/postgresql/001_tables.down.sql
sed -i 's/^name: smoke/&\nschema: smoke/' m.yaml

# The postmasters that live below the directory.
servers() {
    local pid
    for pid in /proc/[0-9]*; do
        if [ "$(tr '\0' ' ' 2>/dev/null <"$pid/cmdline" | grep -c "postgres -D $TMPDIR/")" = 1 ]; then
            echo "${pid#/proc/}"
        fi
    done
}

# until_there COMMAND: at most 20 seconds
until_there() {
    local i
    for i in $(seq 400); do
        "$@" && return
        kill -0 "$running" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

none_left() {
    [ -z "$(ls -A tmp)" ] || { ls -lA tmp; return 1; }
}

expect_success "killed with a server of its own: the server ends by itself, the next check takes the rest away" '
    WINDROW_CRASH=after_copy:1 expect_signal KILL ./check && [ "$(ls tmp | wc -l)" = 1 ] || return 1
    for i in $(seq 200); do [ -z "$(servers)" ] && break; sleep 0.05; done
    [ -z "$(servers)" ] && expect_status 3 ./check && none_left'

for place in base postmaster.pid; do
    expect_success "a signal while its server starts ($place is there): at once, status 7, nothing left" '
        ./check & running=$!
        there() { compgen -G "tmp/windrow-*/data/$place" >/dev/null; }
        until_there there; kill -TERM "$running"; status=0; wait "$running" || status=$?
        [ "$status" = 7 ] && none_left && [ -z "$(servers)" ] || { cat out.txt; echo "status $status"; false; }'
done
done_testing
