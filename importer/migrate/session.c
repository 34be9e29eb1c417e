/* The runner's own connection: its lock, its settings, what to do when it is lost.
 *
 * The lock is asked for again and again (pg_try_advisory_lock), never waited for inside the server: a session that
 * waits there holds a snapshot, and CREATE INDEX CONCURRENTLY of the runner that works would wait for it in turn. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <time.h>

enum { ANSWER_WAIT_MS = 7 * 24 * 3600 * 1000, RETRY_MS = 200, RETRY_MS_MAX = 3000, TELL_MS = 5000, SLICE_MS = 100 };

/* "windrow!" read as a number. */
static const int64_t lock_key = 0x77696E64726F7721;

uint64_t session_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void session_pause(uint32_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

void session_event(const struct migrate *m, enum migrate_event_kind kind, const struct migrate_step *step,
                   const char *detail, uint64_t done, uint64_t total)
{
    struct migrate_event e = {.kind = kind, .detail = detail, .done = done, .total = total};

    if (!m->o.event)
        return;
    if (step) {
        e.direction = step->direction;
        e.label = step->label;
    }
    m->o.event(m->o.context, &e);
}

bool session_busy(const struct migrate *m, const struct err *err)
{
    if (db_engine(m->db) == DB_SQLITE)
        return db_transient(err);
    return strcmp(err->sqlstate, "55P03") == 0 || strcmp(err->sqlstate, "40P01") == 0 ||
           strcmp(err->sqlstate, "40001") == 0;
}

bool session_stop_now(const struct migrate *m)
{
    return m->o.stop_now && m->o.stop_now(m->o.context);
}

bool session_stop(const struct migrate *m)
{
    return (m->o.stop && m->o.stop(m->o.context)) || session_stop_now(m);
}

bool session_cancelled(const struct migrate *m, const struct err *err)
{
    return db_interrupted(err) && session_stop_now(m);
}

/* user@host, as the operating system calls them. */
static void name_ourselves(struct migrate *m)
{
    char host[80] = "", space[2048];
    struct passwd entry, *found = NULL;

    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    if (getpwuid_r(geteuid(), &entry, space, sizeof space, &found) != 0 || !found)
        snprintf(m->who, sizeof m->who, "uid %u@%s", (unsigned)geteuid(), host);
    else
        snprintf(m->who, sizeof m->who, "%.60s@%s", found->pw_name, host);
}

static int meet_server(struct migrate *m, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    size_t len = strlen(m->who);

    if (db_query(m->db, "SELECT pg_backend_pid(), session_user", NULL, 0, &r, err) < 0)
        return -1;
    m->backend = db_cell_int(&r, 0, 0);
    snprintf(m->who + len, sizeof m->who - len, " as %.*s", STR_ARG(db_cell(&r, 0, 1)));
    return 0;
}

int session_open(struct migrate *m, struct err *err)
{
    bool sqlite = str_starts(str_of(m->o.target), str_of("sqlite:"));
    struct db_options o = {.wait_ms = sqlite ? m->o.wait_ms : ANSWER_WAIT_MS,
                           .read_only = m->o.read_only,
                           .application = "windrow schema"};

    if (sqlite && m->o.read_only && m->o.may_be_new && access(m->o.target + strlen("sqlite:"), F_OK) < 0 &&
        errno == ENOENT)
        m->db = db_open("sqlite::memory:", &(struct db_options){0}, err);
    else
        m->db = db_open(m->o.target, &o, err);
    if (!m->db)
        return -1;
    if (!m->o.read_only)    /* who only looks is not written down */
        name_ourselves(m);
    return db_engine(m->db) == DB_SQLITE ? 0 : meet_server(m, err);
}

int session_reopen(struct migrate *m, struct err *err)
{
    uint64_t deadline = session_now_ms() + m->o.wait_ms;
    bool locked = m->locked;
    uint32_t pause_ms = RETRY_MS;

    m->locked = false;
    session_event(m, MIGRATE_RECONNECT, NULL, NULL, 0, 0);
    for (;;) {
        CLEANUP(err_release) struct err failure = {0};

        db_close(m->db);
        m->db = NULL;
        if (session_open(m, &failure) == 0)
            break;
        if (!db_transient(&failure) || session_now_ms() >= deadline) {
            err_move(err, &failure);
            return -1;
        }
        if (session_stop(m))
            return 1;
        session_pause(pause_ms);
        pause_ms = pause_ms * 2 > RETRY_MS_MAX ? RETRY_MS_MAX : pause_ms * 2;
    }
    return locked ? session_lock(m, err) : 0;
}

/* Who holds the lock, for people: process, role, host, since when. */
static void lock_holder(struct migrate *m, char *out, size_t size)
{
    static const char sql[] =
        "SELECT a.pid::text || ' (' || coalesce(a.usename, '?') || ' from '"
        " || coalesce(host(a.client_addr), 'this host') || ', ' || coalesce(a.application_name, '')"
        " || ', connected ' || to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC)'"
        " FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
        " AND (l.classid::bigint << 32) + l.objid::bigint = $1"
        " AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())";
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value key = db_int(lock_key);

    snprintf(out, size, "another session");
    if (db_query(m->db, sql, &key, 1, &r, NULL) == 0 && r.n_rows > 0)
        snprintf(out, size, "process %.*s", STR_ARG(db_cell(&r, 0, 0)));
}

static int try_lock(struct migrate *m, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value key = db_int(lock_key);

    if (db_query(m->db, "SELECT CASE WHEN pg_try_advisory_lock($1) THEN 1 ELSE 0 END", &key, 1, &r, err) < 0)
        return -1;
    m->locked = db_cell_int(&r, 0, 0) == 1;
    return m->locked;
}

int session_lock(struct migrate *m, struct err *err)
{
    uint64_t start = session_now_ms(), told = 0;
    char holder[256] = "";
    int rc;

    if (m->locked || db_engine(m->db) == DB_SQLITE)
        return 0;
    while ((rc = try_lock(m, err)) == 0) {
        uint64_t now = session_now_ms();

        if (!told || now - told >= TELL_MS) {
            told = now;
            lock_holder(m, holder, sizeof holder);
            session_event(m, MIGRATE_WAITING, NULL, holder, now - start, m->o.wait_ms);
        }
        if (now - start >= m->o.wait_ms) {
            err_set(err, ERR_RUN, W0706, "another runner is at work: %s", holder);
            return err_help(err, "the lock ends with that session; wait for it, or raise the time to wait");
        }
        if (session_stop(m))
            return 1;
        session_pause(RETRY_MS);
    }
    return rc < 0 ? -1 : 0;
}

static int set_busy_timeout(struct migrate *m, uint32_t ms, struct err *err)
{
    char sql[64];

    snprintf(sql, sizeof sql, "PRAGMA busy_timeout = %u", (unsigned)ms);
    return db_exec(m->db, sql, err);
}

/* SQLite would wait in silence, deaf to the user; so it waits in slices. */
static int begin_patiently(struct migrate *m, struct err *err)
{
    static const char holder[] = "another process writes to the database";
    uint64_t start = session_now_ms(), told = 0;

    for (;;) {
        CLEANUP(err_release) struct err failure = {0};
        uint64_t now;

        if (db_begin(m->db, &failure) == 0)
            return 0;
        now = session_now_ms();
        if (!session_busy(m, &failure) || !db_alive(m->db) || session_stop(m)) {
            err_move(err, &failure);
            return -1;
        }
        if (now - start >= m->o.wait_ms) {
            err_set(err, ERR_RUN, W0706, "%s: %s", holder, failure.message);
            return err_help(err, "its lock ends with its transaction; wait for it, or raise the time to wait");
        }
        if (!told || now - told >= TELL_MS) {
            told = now;
            session_event(m, MIGRATE_WAITING, NULL, holder, now - start, m->o.wait_ms);
        }
    }
}

int session_begin(struct migrate *m, struct err *err)
{
    int rc;

    if (db_engine(m->db) != DB_SQLITE)
        return db_begin(m->db, err);
    if (set_busy_timeout(m, SLICE_MS, err) < 0)
        return -1;
    rc = begin_patiently(m, err);
    if (set_busy_timeout(m, m->o.wait_ms, rc < 0 ? NULL : err) < 0 && rc == 0) {
        db_rollback(m->db);
        return -1;
    }
    return rc;
}

void session_unlock(struct migrate *m)
{
    struct db_value key = db_int(lock_key);

    if (m->locked && db_alive(m->db))
        db_query(m->db, "SELECT pg_advisory_unlock($1)", &key, 1, NULL, NULL);
    m->locked = false;
}

static const char settings_sql[] =
    "SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session' ORDER BY name";

int session_note_settings(struct migrate *m, struct db_result *ret, struct err *err)
{
    if (db_engine(m->db) == DB_SQLITE)
        return 0;
    return db_query(m->db, settings_sql, NULL, 0, ret, err);
}

static const struct str *setting_in(const struct db_result *r, struct str name)
{
    for (size_t i = 0; i < r->n_rows; i++) {
        if (str_eq(db_cell(r, i, 0), name))
            return &r->values[i * r->n_columns + 1].text;
    }
    return NULL;
}

static int restore_setting(struct migrate *m, const struct db_result *before, struct str name, struct str now,
                           struct err *err)
{
    const struct str *old = setting_in(before, name);
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (old && str_eq(*old, now))
        return 0;
    if (old) {
        struct db_value values[] = {db_text(name), db_text(*old)};

        return db_query(m->db, "SELECT set_config($1, $2, false)", values, 2, NULL, err);
    }
    if (buf_add_str(&text, name) < 0 || buf_add_text(&sql, "RESET ") < 0 ||
        db_quote_name(m->db, buf_text(&text), &sql) < 0)
        return err_oom(err);
    return db_exec(m->db, buf_text(&sql), err);
}

int session_restore_settings(struct migrate *m, const struct db_result *before, struct err *err)
{
    CLEANUP(db_result_release) struct db_result after = {0};

    if (db_engine(m->db) == DB_SQLITE)
        return 0;
    if (db_exec(m->db, "RESET SESSION AUTHORIZATION", err) < 0 || db_exec(m->db, "RESET ROLE", err) < 0 ||
        db_exec(m->db, "DISCARD TEMP", err) < 0 || db_query(m->db, settings_sql, NULL, 0, &after, err) < 0)
        return -1;
    for (size_t i = 0; i < after.n_rows; i++) {
        if (restore_setting(m, before, db_cell(&after, i, 0), db_cell(&after, i, 1), err) < 0)
            return -1;
    }
    return 0;
}
