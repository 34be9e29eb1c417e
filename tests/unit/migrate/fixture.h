/* tests/unit/migrate/fixture.h: a folder of version files and a database to run them on, for one engine. */
#ifndef WINDROW_TESTS_MIGRATE_FIXTURE_H
#define WINDROW_TESTS_MIGRATE_FIXTURE_H

#include "base/cleanup.h"
#include "migrate/migrate_internal.h"
#include "tap.h"

#include <ftw.h>
#include <sys/stat.h>

struct fixture {
    char dir[64]; /* holds postgresql/, sqlite/ and t.db */
    char target[600], server[512];
    char database[40];          /* of this process alone: other tests run at the same time */
    char scratch[600];          /* an empty one for verify; making one each time takes long */
    enum db_engine engine;
    const char *name; /* for test names */
    struct migrate_options o;
    unsigned events[MIGRATE_RECONNECT + 1];
    const char *on_event[MIGRATE_RECONNECT + 1];    /* SQL to run on `other` when it happens for the first time */
    struct db *other;
    unsigned stop_after;                            /* steps or waits until the user wants an end; 0: never */
    unsigned asked;
    bool now;                                       /* ... at once */
};

static inline void fixture_write(struct fixture *f, const char *file, const char *text)
{
    char path[256];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s/%s", f->dir, plan_folder(f->engine), file);
    out = fopen(path, "w");
    if (!out || fputs(text, out) < 0 || fclose(out) != 0)
        abort();
}

static inline void fixture_remove(struct fixture *f, const char *file)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s/%s", f->dir, plan_folder(f->engine), file);
    unlink(path);
}

static inline void fixture_event(void *context, const struct migrate_event *e)
{
    struct fixture *f = context;

    if (f->events[e->kind]++ == 0 && f->on_event[e->kind])
        db_exec(f->other, f->on_event[e->kind], NULL);
}

static inline bool fixture_stop(void *context)
{
    struct fixture *f = context;

    return f->stop_after && ++f->asked > f->stop_after;
}

static inline bool fixture_stop_now(void *context)
{
    return ((struct fixture *)context)->now;
}

static inline void fixture_server_exec(const struct fixture *f, const char *verb, const char *database, const char *how)
{
    CLEANUP(err_release) struct err err = {0};
    struct db *db = db_open(f->server, &(struct db_options){0}, &err);
    char sql[200];

    snprintf(sql, sizeof sql, "%s %s %s", verb, database, how);
    if (!db || db_exec(db, sql, &err) < 0) {
        printf("Bail out! %s: %s\n", sql, err.message);
        fflush(stdout);
        _exit(1); /* it may be called at exit */
    }
    db_close(db);
}

static char fixture_made[512], fixture_database[40];

static inline void fixture_drop_databases(void)
{
    struct fixture f;
    char scratch[60];

    snprintf(f.server, sizeof f.server, "%s", fixture_made);
    snprintf(scratch, sizeof scratch, "%s_verify", fixture_database);
    fixture_server_exec(&f, "DROP DATABASE IF EXISTS", fixture_database, "WITH (FORCE)");
    fixture_server_exec(&f, "DROP DATABASE IF EXISTS", scratch, "WITH (FORCE)");
}

/* Two databases for the whole program, made at first use. */
static inline void fixture_make_databases(struct fixture *f)
{
    char scratch[60];

    snprintf(f->database, sizeof f->database, "windrow_test_migrate_%d", (int)getpid());
    snprintf(scratch, sizeof scratch, "%s_verify", f->database);
    if (!fixture_made[0]) {
        snprintf(fixture_made, sizeof fixture_made, "%s", f->server);
        snprintf(fixture_database, sizeof fixture_database, "%s", f->database);
        fixture_drop_databases();
        fixture_server_exec(f, "CREATE DATABASE", f->database, "TEMPLATE template0");
        fixture_server_exec(f, "CREATE DATABASE", scratch, "TEMPLATE template0");
        atexit(fixture_drop_databases);
    }
}

static inline void fixture_target(const struct fixture *f, const char *suffix, char *ret, size_t size)
{
    struct buf target = BUF_INIT;
    char name[60];

    snprintf(name, sizeof name, "%s%s", f->database, suffix);
    if (scratch_target(f->server, name, &target, NULL) < 0)
        abort();
    snprintf(ret, size, "%s", buf_text(&target));
    buf_release(&target);
}

/* As new: nothing but an empty schema public, nobody connected. */
static inline void fixture_empty(const struct fixture *f)
{
    static const char sql[] =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid();"
        "DO $$ DECLARE s name; BEGIN FOR s IN SELECT nspname FROM pg_namespace"
        " WHERE nspname !~ '^pg_|^information_schema$'"
        " LOOP EXECUTE format('DROP SCHEMA %I CASCADE', s); END LOOP; END $$;"
        "CREATE SCHEMA public";
    CLEANUP(err_release) struct err err = {0};
    struct db *db = db_open(f->target, &(struct db_options){0}, &err);

    if (!db || db_exec(db, sql, &err) < 0) {
        printf("Bail out! cannot empty the test database: %s\n", err.message);
        exit(1);
    }
    db_close(db);
}

/* False when the engine cannot be tested here. */
static inline bool fixture_open(struct fixture *f, enum db_engine engine)
{
    const char *server = getenv("WINDROW_TEST_PG");
    char path[128];

    *f = (struct fixture){.engine = engine, .name = plan_folder(engine), .dir = "/tmp/windrow-migrate-XXXXXX"};
    if (engine == DB_POSTGRESQL && (!server || strlen(server) >= sizeof f->server))
        return false;
    if (!mkdtemp(f->dir))
        abort();
    snprintf(path, sizeof path, "%s/%s", f->dir, plan_folder(engine));
    mkdir(path, 0700);
    if (engine == DB_SQLITE) {
        snprintf(f->target, sizeof f->target, "sqlite:%s/t.db", f->dir);
    } else {
        snprintf(f->server, sizeof f->server, "%s", server);
        fixture_make_databases(f);
        fixture_target(f, "", f->target, sizeof f->target);
        fixture_target(f, "_verify", f->scratch, sizeof f->scratch);
        fixture_empty(f);
    }
    f->o = (struct migrate_options){.target = f->target,
                                    .system = "test",
                                    .dir = f->dir,
                                    .scratch = engine == DB_POSTGRESQL ? f->scratch : NULL,
                                    .event = fixture_event,
                                    .context = f,
                                    .wait_ms = 300,
                                    .lock_ms = 100,
                                    .lock_tries = 3};
    return true;
}

static inline int fixture_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline void fixture_close(struct fixture *f)
{
    nftw(f->dir, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

enum { FIXTURE_STOPPED = 1000 };

/* Run on a fresh connection; the number of steps done, more by FIXTURE_STOPPED when stopped, -1 with *err. */
static inline int fixture_go(struct fixture *f, enum migrate_direction d, struct migrate_range range, struct err *err)
{
    struct migrate *m = migrate_open(&f->o, err);
    struct migrate_result r = {0};
    int rc;

    if (!m)
        return -1;
    rc = d == MIGRATE_UP ? migrate_up(m, &range, &r, err) : migrate_down(m, &range, &r, err);
    rc = rc < 0 ? -1 : (int)r.n + (r.stopped ? FIXTURE_STOPPED : 0);
    migrate_result_release(&r);
    migrate_close(m);
    return rc;
}

static inline int fixture_up(struct fixture *f, struct err *err)
{
    return fixture_go(f, MIGRATE_UP, (struct migrate_range){0}, err);
}

static inline int fixture_down(struct fixture *f, struct err *err)
{
    return fixture_go(f, MIGRATE_DOWN, (struct migrate_range){0}, err);
}

static inline int fixture_exec(struct fixture *f, const char *sql)
{
    struct db *db = db_open(f->target, &(struct db_options){0}, NULL);
    CLEANUP(err_release) struct err err = {0};
    int rc = db ? db_exec(db, sql, &err) : -1;

    if (rc < 0)
        printf("# %s\n", err.message);
    db_close(db);
    return rc;
}

/* The first cell as a number; -1 when the statement fails. */
static inline int64_t fixture_number(struct fixture *f, const char *sql)
{
    struct db *db = db_open(f->target, &(struct db_options){0}, NULL);
    CLEANUP(db_result_release) struct db_result r = {0};
    int64_t n = db && db_query(db, sql, NULL, 0, &r, NULL) == 0 && r.n_rows ? db_cell_int(&r, 0, 0) : -1;

    db_close(db);
    return n;
}

/* Number of drifts, -1 on failure. */
static inline int fixture_verify(struct fixture *f, bool tell)
{
    CLEANUP(err_release) struct err err = {0};
    struct migrate *m = migrate_open(&f->o, &err);
    CLEANUP(migrate_drifts_release) struct migrate_drifts d = {0};
    int rc = m ? migrate_verify(m, &d, &err) : -1;

    for (size_t i = 0; tell && i < d.n; i++)
        printf("# drift %d: %s %s\n#   expected %s\n#   found %s\n", (int)d.items[i].kind, d.items[i].object,
               d.items[i].name, d.items[i].expected ? d.items[i].expected : "-",
               d.items[i].found ? d.items[i].found : "-");
    if (rc < 0)
        printf("# verify: %s\n", err.message);
    migrate_close(m);
    return rc < 0 ? -1 : (int)d.n;
}

#endif
