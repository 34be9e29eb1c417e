# tests/lib/postgres.sh: a private PostgreSQL server for tests. Source it; needs bash.
#
#   pg_start [SETTING=VALUE...]   start it: Unix socket only, in a directory of its own, without fsync. Exports PGHOST,
#                                 PGPORT, PGUSER, PGDATABASE, WINDROW_PG_DIR and
#                                 WINDROW_TEST_PG="host=DIR dbname=windrow_test user=postgres"
#   pg_stop [MODE]                stop it (fast, smart or immediate; default immediate) and remove the directory. Safe to
#                                 call twice, and from a trap
#   pg_restart [MODE]             stop it in this mode (default immediate) and start it again on the same data
#   pg_crash                      kill the postmaster's whole session; pg_restart brings it back
#   pg_psql ARGS...               psql without a startup file; stops at the first error, unaligned, tuples only
#   pg_fresh NAME                 an empty database of this name; prints its connection string
#
# Only processes named by the server's own pid file are ever signalled.

pg_bindir() {
    local dir
    if [ -n "${WINDROW_PG_BINDIR:-}" ]; then
        printf '%s\n' "$WINDROW_PG_BINDIR"
        return
    fi
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr); do
        if [ -x "$dir/initdb" ]; then
            printf '%s\n' "$dir"
            return
        fi
    done
    dir=$(command -v initdb) && dirname "$dir"
}

# The server refuses to run as root.
pg_as_owner() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups env HOME="$WINDROW_PG_DIR" "$@"
    else
        "$@"
    fi
}

pg_ctl_quietly() {
    pg_as_owner "$(pg_bindir)/pg_ctl" -D "$WINDROW_PG_DIR/data" -w -s "$@" </dev/null >>"$WINDROW_PG_DIR/pg_ctl.log" 2>&1
}

pg_begin() {
    pg_ctl_quietly -l "$WINDROW_PG_DIR/server.log" -t 60 start && return
    echo "# the test server did not start:" >&2
    sed 's/^/# /' "$WINDROW_PG_DIR/pg_ctl.log" "$WINDROW_PG_DIR/server.log" >&2
    return 1
}

pg_start() {
    local setting
    if [ -z "$(pg_bindir)" ]; then
        echo "# no PostgreSQL server programs found" >&2
        return 1
    fi
    if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then
        useradd --system --no-create-home --shell /usr/sbin/nologin postgres || return 1
    fi
    WINDROW_PG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/windrow-pg.XXXXXX") || return 1
    export WINDROW_PG_DIR
    if [ "$(id -u)" = 0 ]; then
        chown postgres: "$WINDROW_PG_DIR"
    fi
    if ! pg_as_owner "$(pg_bindir)/initdb" -D "$WINDROW_PG_DIR/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
        </dev/null >"$WINDROW_PG_DIR/initdb.log" 2>&1; then
        sed 's/^/# /' "$WINDROW_PG_DIR/initdb.log" >&2
        pg_stop
        return 1
    fi
    {
        printf "listen_addresses = ''\nunix_socket_directories = '%s'\n" "$WINDROW_PG_DIR"
        printf 'fsync = off\nfull_page_writes = off\nmax_connections = 60\nmax_prepared_transactions = 5\n'
        for setting in "$@"; do
            printf "%s = '%s'\n" "${setting%%=*}" "${setting#*=}"
        done
    } | pg_as_owner tee -a "$WINDROW_PG_DIR/data/postgresql.conf" >/dev/null
    pg_begin || { pg_stop; return 1; }
    export PGHOST="$WINDROW_PG_DIR" PGPORT=5432 PGUSER=postgres PGDATABASE=windrow_test
    PGDATABASE=postgres pg_psql -c 'CREATE DATABASE windrow_test' >/dev/null || { pg_stop; return 1; }
    export WINDROW_TEST_PG="host=$WINDROW_PG_DIR dbname=windrow_test user=postgres"
}

pg_stop() {
    local dir="${WINDROW_PG_DIR:-}"
    [ -n "$dir" ] && [ -d "$dir" ] || return 0
    if [ -f "$dir/data/postmaster.pid" ]; then
        pg_ctl_quietly -m "${1:-immediate}" stop || true
    fi
    rm -rf -- "$dir"
    unset WINDROW_PG_DIR WINDROW_TEST_PG
}

pg_restart() {
    if [ -f "$WINDROW_PG_DIR/data/postmaster.pid" ]; then
        pg_ctl_quietly -m "${1:-immediate}" stop || true
    fi
    pg_begin
}

pg_crash() {
    local pid
    pid=$(head -n 1 "$WINDROW_PG_DIR/data/postmaster.pid") || return 1
    kill -KILL "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    # Backends notice that the postmaster is gone; a new one waits until the last has let go of shared memory.
}

pg_psql() {
    psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"
}

pg_fresh() {
    PGDATABASE=postgres pg_psql -c "DROP DATABASE IF EXISTS \"$1\" WITH (FORCE)" -c "CREATE DATABASE \"$1\"" \
        >/dev/null 2>&1 || return 1
    printf 'host=%s dbname=%s user=postgres\n' "$WINDROW_PG_DIR" "$1"
}
