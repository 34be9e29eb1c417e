/* Up, down, what is in the way, what is taken up again; the same cases on both engines. */
#include "fixture.h"

#include "base/stop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void two_versions(struct fixture *f)
{
    fixture_write(f, "001_t.up.sql", "CREATE TABLE t (a integer NOT NULL);\nINSERT INTO t VALUES (1);");
    fixture_write(f, "001_t.down.sql", "DROP TABLE t;");
    fixture_write(f, "003_b.up.sql", "ALTER TABLE t ADD COLUMN b text DEFAULT 'x';\nCREATE INDEX t_b ON t (b);");
    fixture_write(f, "003_b.down.sql", "DROP INDEX t_b;\nALTER TABLE t DROP COLUMN b;");
}

static int64_t applied(struct fixture *f)
{
    return fixture_number(f, f->engine == DB_SQLITE
                                 ? "SELECT count(*) FROM windrow_schema_versions WHERE state = 'applied'"
                                 : "SELECT count(*) FROM windrow.schema_versions WHERE state = 'applied'");
}

static void test_up_down(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};
    struct migrate_status s = {0};
    struct migrate_result plan = {0};
    struct migrate *m;

    two_versions(f);
    is_int(fixture_go(f, MIGRATE_UP, (struct migrate_range){.count = 1}, &err), 1, "%s: up 1", f->name);
    is_int(fixture_up(f, &err), 1, "%s: up does the rest", f->name);
    is_int(fixture_up(f, &err), 0, "%s: and then nothing", f->name);
    is_int(fixture_number(f, "SELECT count(b) FROM t"), 1, "%s: the versions have run", f->name);
    is_int(fixture_verify(f, true), 0, "%s: no drift", f->name);
    m = migrate_open(&f->o, &err);
    ok(migrate_status(m, &s, &err) == 0 && s.n == 2 && s.n_applied == 2 && s.n_pending == 0 && s.n_odd == 0 &&
           s.current == 3 && s.rows[1].who && s.rows[1].at,
       "%s: status", f->name);
    migrate_status_release(&s);
    ok(migrate_plan(m, MIGRATE_DOWN, &(struct migrate_range){.all = true}, &plan, &err) == 0 && plan.n == 2 &&
           plan.steps[0].number == 3 && plan.steps[1].number == 1,
       "%s: the way down, the newest first", f->name);
    {
        CLEANUP(migrate_losses_release) struct migrate_losses losses = {0};

        ok(migrate_losses(m, &plan, &losses, &err) == 0 && losses.n == 1 && strcmp(losses.items[0].table, "t") == 0 &&
               losses.items[0].rows == 1,
           "%s: what it would cost", f->name);
    }
    migrate_result_release(&plan);
    migrate_close(m);
    is_int(fixture_down(f, &err), 1, "%s: down takes one back", f->name);
    is_int(fixture_go(f, MIGRATE_DOWN, (struct migrate_range){.all = true}, &err), 1, "%s: down all", f->name);
    is_int(fixture_down(f, &err), 0, "%s: and then nothing", f->name);
    is_int(fixture_number(f, "SELECT count(*) FROM t"), -1, "%s: the table is gone", f->name);
    is_int(fixture_up(f, &err), 2, "%s: up again", f->name);
    is_int(fixture_verify(f, true), 0, "%s: up, down, up ends in the same schema", f->name);
    is_int(fixture_go(f, MIGRATE_DOWN, (struct migrate_range){.until = 1}, &err), 1, "%s: down to a version", f->name);
    is_int(applied(f), 1, "%s: which stays", f->name);
    ok(!err.scope, "%s: nothing failed on the way (%s)", f->name, err.message);
}

static void test_failure(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    two_versions(f);
    fixture_write(f, "003_b.up.sql", "CREATE TABLE u (a int);\n\n  INSERT INTO t\n  VALUES (nothing);");
    ok(fixture_up(f, &err) < 0 && err.code == W0705, "%s: a statement fails", f->name);
    ok(err.file && strstr(err.file, "003_b.up.sql") && (err.line == 4 || err.line == 3), "%s: at %s:%d:%d", f->name,
       err.file ? err.file : "", (int)err.line, (int)err.column);
    ok(err.value && strstr(err.value, "INSERT INTO t") && strstr(err.label, "statement 2 of 2"),
       "%s: the statement is named", f->name);
    if (f->engine == DB_POSTGRESQL)
        ok(err.line == 4 && err.column == 11 && strcmp(err.sqlstate, "42703") == 0, "%s: the server's own position",
           f->name);
    is_int(applied(f), 1, "%s: the version before it stays", f->name);
    is_int(fixture_number(f, "SELECT count(*) FROM u"), -1, "%s: nothing of it is left", f->name);
    err_release(&err);
    fixture_write(f, "003_b.up.sql", "CREATE TABLE u (a int);");
    is_int(fixture_up(f, &err), 1, "%s: mended, it runs", f->name);
}

static void test_in_the_way(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};
    struct migrate *m;
    struct migrate_status s = {0};

    two_versions(f);
    fixture_up(f, &err);
    fixture_write(f, "002_late.up.sql", "CREATE TABLE late (a int);");
    fixture_write(f, "002_late.down.sql", "DROP TABLE late;");
    ok(fixture_up(f, &err) < 0 && err.code == W0709, "%s: a version before an applied one", f->name);
    err_release(&err);
    f->o.out_of_order = true;
    is_int(fixture_up(f, &err), 1, "%s: runs when allowed", f->name);
    f->o.out_of_order = false;

    fixture_write(f, "001_t.up.sql", "CREATE TABLE t (a bigint NOT NULL);");
    fixture_write(f, "004_more.up.sql", "CREATE TABLE more (a int);");
    fixture_write(f, "004_more.down.sql", "DROP TABLE more;");
    ok(fixture_up(f, &err) < 0 && err.code == W0707 && strstr(err.file, "001_t.up.sql"), "%s: a changed file", f->name);
    err_release(&err);
    m = migrate_open(&f->o, &err);
    ok(migrate_status(m, &s, &err) == 0 && s.rows[0].state == MIGRATE_CHANGED && s.rows[3].state == MIGRATE_PENDING,
       "%s: status knows it", f->name);
    migrate_status_release(&s);
    migrate_close(m);
    f->o.accept_changed = true;
    is_int(fixture_up(f, &err), 1, "%s: goes on when accepted", f->name);
    f->o.accept_changed = false;
    is_int(fixture_up(f, &err), 0, "%s: and is in order afterwards", f->name);

    fixture_remove(f, "002_late.up.sql");
    fixture_remove(f, "002_late.down.sql");
    fixture_write(f, "005_five.up.sql", "-- windrow: irreversible\nCREATE TABLE five (a int);");
    ok(fixture_up(f, &err) < 0 && err.code == W0710, "%s: an applied version without files", f->name);
    err_release(&err);
    fixture_write(f, "002_late.up.sql", "CREATE TABLE late (a int);");
    fixture_write(f, "002_late.down.sql", "DROP TABLE late;");
    is_int(fixture_up(f, &err), 1, "%s: goes on when they are back", f->name);
    ok(fixture_down(f, &err) < 0 && err.code == W0711, "%s: no way back from an irreversible version", f->name);
}

static void test_verify(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    two_versions(f);
    fixture_up(f, &err);
    fixture_exec(f, "DROP INDEX t_b");
    is_int(fixture_verify(f, false), 1, "%s: a dropped index is drift", f->name);
    fixture_exec(f, "CREATE INDEX t_b ON t (a)");
    is_int(fixture_verify(f, false), 1, "%s: so is another index under its name", f->name);
    fixture_exec(f, "DROP INDEX t_b");
    fixture_exec(f, "create  index t_b on t(b)");
    is_int(fixture_verify(f, true), 0, "%s: the same index, made by hand, is none", f->name);
    fixture_exec(f, "ALTER TABLE t ADD COLUMN c int");
    fixture_exec(f, "CREATE TABLE stranger (a int)");
    is_int(fixture_verify(f, false), 2, "%s: an extra column, an extra table", f->name);
}

static void test_pieces(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    fixture_write(f, "001_t.up.sql",
                  "-- windrow: no-transaction\nCREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n"
                  "VACUUM;\nINSERT INTO t VALUES (nothing);\nINSERT INTO t VALUES (3);");
    fixture_write(f, "001_t.down.sql", "DROP TABLE t;");
    ok(fixture_up(f, &err) < 0 && err.code == W0705 && err.line == 5, "%s: the fourth statement fails (%s)", f->name,
       err.message);
    err_release(&err);
    is_int(fixture_number(f, "SELECT count(*) FROM t"), 1, "%s: what is before it is done", f->name);
    ok(fixture_down(f, &err) < 0 && err.code == W0708, "%s: half-way up there is no down", f->name);
    err_release(&err);
    fixture_write(f, "001_t.up.sql",
                  "-- windrow: no-transaction\nCREATE TABLE t (a bigint);\nINSERT INTO t VALUES (1);\n"
                  "VACUUM;\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES (3);");
    ok(fixture_up(f, &err) < 0 && err.code == W0707, "%s: what is done must not change", f->name);
    err_release(&err);
    fixture_write(f, "001_t.up.sql", "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);");
    ok(fixture_up(f, &err) < 0 && err.code == W0707, "%s: nor the declaration", f->name);
    err_release(&err);
    fixture_write(f, "001_t.up.sql",
                  "-- windrow: no-transaction\nCREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n"
                  "VACUUM;\nINSERT INTO t VALUES (2);\nINSERT INTO t VALUES (3);");
    is_int(fixture_up(f, &err), 1, "%s: what is to come may be mended (%s)", f->name, err.message);
    is_int(fixture_number(f, "SELECT sum(a) FROM t"), 6, "%s: each statement ran once", f->name);
    is_int(fixture_down(f, &err), 1, "%s: and there is a way back", f->name);
}

static void test_baseline(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};
    struct migrate *m;
    int64_t current = 0;

    two_versions(f);
    fixture_exec(f, "CREATE TABLE t (a integer NOT NULL)");
    m = migrate_open(&f->o, &err);
    ok(migrate_baseline(m, 3, &err) < 0 && err.code == W0715, "%s: no baseline over another schema", f->name);
    err_release(&err);
    ok(migrate_baseline(m, 1, &err) == 0, "%s: a baseline (%s)", f->name, err.message);
    ok(migrate_baseline(m, 1, &err) < 0 && err.code == W0720, "%s: only once", f->name);
    err_release(&err);
    ok(migrate_current(m->db, "test", &current, &err) == 0 && current == 1, "%s: the version is known", f->name);
    ok(migrate_require(m->db, "test", 1, &err) == 0, "%s: and enough for who needs it", f->name);
    ok(migrate_require(m->db, "test", 3, &err) < 0 && err.code == W0717 && strstr(err.help, "schema up test"),
       "%s: but not for who needs more", f->name);
    err_release(&err);
    migrate_close(m);
    is_int(fixture_up(f, &err), 1, "%s: up goes on from there", f->name);
}

static void test_references(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    fixture_write(f, "001_t.up.sql",
                  "CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT);"
                  "CREATE TABLE c (p_id INTEGER REFERENCES p (id) ON DELETE CASCADE);"
                  "INSERT INTO p VALUES (1, 'x'); INSERT INTO c VALUES (1);");
    fixture_write(f, "001_t.down.sql", "DROP TABLE c; DROP TABLE p;");
    fixture_write(f, "002_rebuild.up.sql",
                  "CREATE TABLE p_new (id INTEGER PRIMARY KEY, a TEXT NOT NULL);"
                  "INSERT INTO p_new SELECT id, a FROM p; DROP TABLE p; ALTER TABLE p_new RENAME TO p;");
    fixture_write(f, "002_rebuild.down.sql", "DELETE FROM p;");
    is_int(fixture_up(f, &err), 2, "a table is built anew under its references");
    is_int(fixture_number(f, "SELECT count(*) FROM c JOIN p ON p.id = c.p_id"), 1, "and no row is lost");
    is_int(fixture_verify(f, true), 0, "a rebuilt table is what it should be");
    ok(fixture_down(f, &err) < 0 && err.code == W0712, "a version that leaves broken references is refused");
    is_int(fixture_number(f, "SELECT count(*) FROM p"), 1, "and rolled back");
}

static void test_references_in_pieces(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};
    static const char rebuild[] = "-- windrow: no-transaction\nCREATE TABLE p_new (id INTEGER PRIMARY KEY);\n"
                                  "INSERT INTO p_new SELECT id FROM p;\nDROP TABLE p;\n"
                                  "ALTER TABLE p_new RENAME TO p;\n";
    char text[400];

    fixture_write(f, "001_t.up.sql",
                  "CREATE TABLE p (id INTEGER PRIMARY KEY, a TEXT);"
                  "CREATE TABLE c (p_id INTEGER REFERENCES p (id) ON DELETE CASCADE);"
                  "INSERT INTO p VALUES (1, 'x'); INSERT INTO c VALUES (1);");
    fixture_write(f, "001_t.down.sql", "DROP TABLE c; DROP TABLE p;");
    snprintf(text, sizeof text, "%sDELETE FROM p;", rebuild);
    fixture_write(f, "002_rebuild.up.sql", text);
    fixture_write(f, "002_rebuild.down.sql", "ALTER TABLE p ADD COLUMN a TEXT;");
    ok(fixture_up(f, &err) < 0 && err.code == W0712, "broken references are found without a transaction too (%s)",
       err.message);
    is_int(fixture_number(f, "SELECT count(*) FROM c"), 1, "and a rebuild takes no rows from other tables");
    err_release(&err);
    snprintf(text, sizeof text, "%sDELETE FROM p;\nDELETE FROM c;", rebuild);
    fixture_write(f, "002_rebuild.up.sql", text);
    is_int(fixture_up(f, &err), 1, "a statement added at the end mends them (%s)", err.message);
}

/* On SQLite any writer is in the way, and is waited for. */
static void test_writer(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    two_versions(f);
    fixture_go(f, MIGRATE_UP, (struct migrate_range){.count = 1}, &err);
    f->other = db_open(f->target, &(struct db_options){0}, NULL);
    db_begin(f->other, &err);
    ok(fixture_up(f, &err) < 0 && err.code == W0706, "a writer that does not end is told of (%s)", err.message);
    ok(f->events[MIGRATE_WAITING] > 0, "after it was waited for");
    err_release(&err);
    f->events[MIGRATE_WAITING] = 0;
    f->on_event[MIGRATE_WAITING] = "ROLLBACK";
    f->o.wait_ms = 60000;
    is_int(fixture_up(f, &err), 1, "and when it ends, things go on (%s)", err.message);
    db_begin(f->other, &err);
    f->on_event[MIGRATE_WAITING] = NULL;
    f->o.stop = fixture_stop;
    f->stop_after = 1;
    fixture_write(f, "004_d.up.sql", "CREATE TABLE d (a integer);");
    fixture_write(f, "004_d.down.sql", "DROP TABLE d;");
    is_int(fixture_up(f, &err), FIXTURE_STOPPED, "who waits can be stopped (%s)", err.message);
    db_close(f->other);
}

/* ---- PostgreSQL alone ---- */

/* A concurrent build waits for whoever wrote before it: so the build is as long as we like. */
static void test_watch(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    fixture_write(f, "001_t.up.sql", "CREATE TABLE t (a int);");
    fixture_write(f, "001_t.down.sql", "DROP TABLE t;");
    fixture_up(f, &err);
    fixture_write(f, "002_i.up.sql", "-- windrow: no-transaction\nCREATE INDEX CONCURRENTLY t_a ON t (a);");
    fixture_write(f, "002_i.down.sql", "-- windrow: no-transaction\nDROP INDEX CONCURRENTLY t_a;");
    f->other = db_open(f->target, &(struct db_options){0}, NULL);
    db_begin(f->other, &err);
    db_exec(f->other, "INSERT INTO t VALUES (1)", &err);
    f->on_event[MIGRATE_INDEX] = "COMMIT";
    is_int(fixture_up(f, &err), 1, "a long index build (%s)", err.message);
    ok(f->events[MIGRATE_INDEX] > 0, "is told of while it lasts");

    fixture_down(f, &err);
    db_begin(f->other, &err);
    db_exec(f->other, "INSERT INTO t VALUES (1)", &err);
    f->on_event[MIGRATE_INDEX] = "COMMIT; SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                 " WHERE application_name = 'windrow schema' AND datname = current_database()";
    f->events[MIGRATE_INDEX] = 0;
    is_int(fixture_up(f, &err), 1, "a connection that is lost in a build (%s)", err.message);
    ok(f->events[MIGRATE_RECONNECT] == 1, "is made again");
    is_int(fixture_number(f, "SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"), 1, "there is one index");
    is_int(fixture_number(f, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0, "and no invalid one");
    db_close(f->other);
}

/* The tables go where the connection's search path says, and verify follows. */
static void test_search_path(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};
    char target[700];

    two_versions(f);
    fixture_exec(f, "CREATE SCHEMA \"My app\"");
    snprintf(target, sizeof target, "%s options='-csearch_path=\"My\\\\ app\"'", f->target);
    f->o.target = target;
    is_int(fixture_up(f, &err), 2, "up into another schema (%s)", err.message);
    is_int(fixture_number(f, "SELECT count(*) FROM \"My app\".t"), 1, "by the search path");
    is_int(fixture_verify(f, true), 0, "where verify finds it");
}

static void test_losses(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(migrate_losses_release) struct migrate_losses losses = {0};
    struct migrate_result plan = {0};
    struct migrate *m;

    fixture_write(f, "001_s.up.sql", "CREATE SCHEMA s; CREATE TABLE s.a (x int); CREATE TABLE s.b (x int);"
                                     "INSERT INTO s.b VALUES (1), (2);");
    fixture_write(f, "001_s.down.sql", "DROP SCHEMA s CASCADE;");
    fixture_up(f, &err);
    m = migrate_open(&f->o, &err);
    ok(migrate_plan(m, MIGRATE_DOWN, &(struct migrate_range){0}, &plan, &err) == 0 &&
           migrate_losses(m, &plan, &losses, &err) == 0 && losses.n == 1 &&
           strcmp(losses.items[0].table, "s.b") == 0 && losses.items[0].rows == 2,
       "the rows of a schema that is dropped (%s)", err.message);
    migrate_result_release(&plan);
    migrate_close(m);
}

static void test_settings(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    fixture_write(f, "001_a.up.sql",
                  "CREATE SCHEMA other;\nSET search_path = other;\nCREATE TABLE a (x int);\nSET work_mem = '1MB';");
    fixture_write(f, "001_a.down.sql", "DROP SCHEMA other CASCADE;");
    fixture_write(f, "002_b.up.sql", "CREATE TABLE b (x int);");
    fixture_write(f, "002_b.down.sql", "DROP TABLE b;");
    is_int(fixture_up(f, &err), 2, "a version that sets a search path (%s)", err.message);
    is_int(fixture_number(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'b'"), 1,
           "does not set it for the next");
    is_int(fixture_verify(f, true), 0, "nor for verify");
}

static void test_index(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    fixture_write(f, "001_t.up.sql", "CREATE TABLE t (a int);");
    fixture_write(f, "001_t.down.sql", "DROP TABLE t;");
    fixture_up(f, &err);
    fixture_exec(f, "INSERT INTO t VALUES (1), (1)");
    fixture_write(f, "002_i.up.sql", "-- windrow: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a);");
    fixture_write(f, "002_i.down.sql", "-- windrow: no-transaction\nDROP INDEX CONCURRENTLY t_a;");
    ok(fixture_up(f, &err) < 0 && strcmp(err.sqlstate, "23505") == 0, "a unique index over equal rows fails");
    err_release(&err);
    is_int(fixture_number(f, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0, "and leaves no invalid index");
    printf("# the next failure is meant\n");
    fixture_exec(f, "CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)");
    is_int(fixture_number(f, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 1, "a crash would leave one");
    fixture_exec(f, "DELETE FROM t WHERE ctid = '(0,1)'");
    is_int(fixture_up(f, &err), 1, "which is found (%s)", err.message);
    is_int(f->events[MIGRATE_REBUILD], 1, "and built again");
    is_int(fixture_number(f, "SELECT count(*) FROM pg_index WHERE indexrelid = 't_a'::regclass AND indisvalid"), 1,
           "valid");
    /* The answer of the build never came: the note says `doing`, the index is there. */
    fixture_exec(f, "UPDATE windrow.schema_versions SET state = 'going up', step = 0 WHERE version = 2");
    {
        char sql[256], digest[PLAN_DIGEST], none[PLAN_DIGEST];
        struct script empty = {0};

        plan_digest(str_of("CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)"), DB_POSTGRESQL, digest, NULL);
        plan_prefix(&empty, 0, DB_POSTGRESQL, none, NULL);
        snprintf(sql, sizeof sql, "UPDATE windrow.schema_versions SET doing = '%s', done = '%s' WHERE version = 2",
                 digest, none);
        fixture_exec(f, sql);
    }
    is_int(fixture_up(f, &err), 1, "a build that ended unheard is done (%s)", err.message);
    is_int(fixture_verify(f, true), 0, "and what it should be");
    is_int(fixture_down(f, &err), 1, "down drops it concurrently (%s)", err.message);
}

static void test_busy(struct fixture *f)
{
    struct db *other = db_open(f->target, &(struct db_options){0}, NULL);
    CLEANUP(err_release) struct err err = {0};

    two_versions(f);
    fixture_go(f, MIGRATE_UP, (struct migrate_range){.count = 1}, &err);
    db_begin(other, &err);
    db_exec(other, "SELECT * FROM t", &err);
    ok(fixture_up(f, &err) < 0 && err.code == W0713, "a busy table is given up after some tries (%s)", err.message);
    is_int(f->events[MIGRATE_BUSY], 2, "each of which is told");
    db_rollback(other);
    err_release(&err);
    is_int(fixture_up(f, &err), 1, "and had when it is free");
    db_exec(other, "SELECT pg_advisory_lock(8604522019797423905)", &err);
    db_close(other);
}

static void test_lock(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};
    struct migrate *m;

    two_versions(f);
    m = migrate_open(&f->o, &err);
    ok(session_lock(m, &err) == 0, "a runner holds the lock");
    ok(fixture_up(f, &err) < 0 && err.code == W0706 && strstr(err.message, "windrow schema"), "another one says so: %s",
       err.message);
    ok(f->events[MIGRATE_WAITING] > 0, "after it has said that it waits");
    migrate_close(m);
    err_release(&err);
    is_int(fixture_up(f, &err), 2, "the lock dies with its session");
}

static void test_scratch(struct fixture *f)
{
    static const struct {
        const char *target, *expected;
    } targets[] = {
        {"host=/x user=u", "host=/x user=u dbname='d'"},
        {"postgresql://u@h:1/db", "postgresql://u@h:1/db?dbname=d"},
        {"postgres://h/db?sslmode=require", "postgres://h/db?sslmode=require&dbname=d"},
    };
    char left[60], empty[60], sql[120];

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        CLEANUP(buf_release) struct buf target = BUF_INIT;

        scratch_target(targets[i].target, "d", &target, NULL);
        is_str(buf_text(&target), targets[i].expected, "another database of %s", targets[i].target);
    }
    two_versions(f);
    fixture_up(f, NULL);
    f->o.scratch = NULL;
    snprintf(left, sizeof left, "windrow_scratch_999999_%d", (int)getpid());
    fixture_server_exec(f, "CREATE DATABASE", left, "TEMPLATE template0");
    is_int(fixture_verify(f, true), 0, "verify, after one that was killed");
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_database WHERE datname = '%s'", left);
    is_int(fixture_number(f, sql), 0, "drops the throw-away database of the other");
    /* One whose session is there is at work elsewhere; ours are gone. */
    is_int(fixture_number(f, "SELECT count(*) FROM pg_database d WHERE datname LIKE 'windrow_scratch_%' AND NOT EXISTS"
                             " (SELECT 1 FROM pg_stat_activity a WHERE d.datname LIKE 'windrow_scratch_' || a.pid ||"
                             " '_%')"),
           0, "and its own");
    f->o.scratch = f->target;
    is_int(fixture_verify(f, false), -1, "a scratch database that has tables is refused");
    snprintf(empty, sizeof empty, "%s_scratch", f->database);
    fixture_server_exec(f, "CREATE DATABASE", empty, "TEMPLATE template0");
    {
        CLEANUP(buf_release) struct buf target = BUF_INIT;

        scratch_target(f->server, empty, &target, NULL);
        f->o.scratch = buf_text(&target);
        is_int(fixture_verify(f, true), 0, "an empty one is used");
        is_int(fixture_verify(f, true), 0, "and is as empty afterwards");
    }
    fixture_server_exec(f, "DROP DATABASE", empty, "WITH (FORCE)");
}

/* ---- being stopped, being lost ---- */

static void test_stop(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    two_versions(f);
    f->o.stop = fixture_stop;
    f->stop_after = 1;
    is_int(fixture_up(f, &err), FIXTURE_STOPPED + 1, "%s: a wish for the end is heard after a version (%s)", f->name,
           err.message);
    is_int(applied(f), 1, "%s: which is done", f->name);
    f->stop_after = 0;
    is_int(fixture_up(f, &err), 1, "%s: the next run does the rest", f->name);

    fixture_write(f, "004_pieces.up.sql",
                  "-- windrow: no-transaction\nINSERT INTO t (a) VALUES (4);\nINSERT INTO t (a) VALUES (5);");
    fixture_write(f, "004_pieces.down.sql", "DELETE FROM t WHERE a > 3;");
    f->asked = 0;
    f->stop_after = 2;
    is_int(fixture_up(f, &err), FIXTURE_STOPPED, "%s: in a file without a transaction it is heard earlier (%s)",
           f->name, err.message);
    is_int(fixture_number(f, "SELECT count(*) FROM t"), 2, "%s: after a statement", f->name);
    f->stop_after = 0;
    is_int(fixture_up(f, &err), 1, "%s: from which the next run goes on", f->name);
    is_int(fixture_number(f, "SELECT count(*) FROM t"), 3, "%s: each statement ran once", f->name);
    f->o.stop = NULL;
}

/* A statement that would take for ever, on both engines. */
static void *stop_it(void *context)
{
    struct fixture *f = context;

    while (!f->events[MIGRATE_STARTED])
        session_pause(5);
    f->now = true;
    kill(getpid(), SIGINT);
    kill(getpid(), SIGTERM);     /* a second SIGINT might become one with the first */
    return NULL;
}

/* In a process of its own, which the signals concern. */
static int up_until_signalled(struct fixture *f)
{
    struct err err = {0};
    pthread_t thread;
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        stop_install();
        pthread_create(&thread, NULL, stop_it, f);
        _exit(fixture_up(f, &err) == FIXTURE_STOPPED && !err.scope ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    return status;
}

static void test_cancel(struct fixture *f)
{
    CLEANUP(err_release) struct err err = {0};

    fixture_write(f, "001_long.up.sql",
                  "CREATE TABLE t (a integer);\n"
                  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i FROM n) INSERT INTO t SELECT count(*) FROM n;");
    fixture_write(f, "001_long.down.sql", "DROP TABLE t;");
    f->o.stop_now = fixture_stop_now;
    is_int(up_until_signalled(f), 0, "%s: a statement without end is cancelled, which is no failure", f->name);
    is_int(fixture_number(f, "SELECT count(*) FROM t"), -1, "%s: and its version rolled back", f->name);
    fixture_write(f, "001_long.up.sql", "CREATE TABLE t (a integer);");
    is_int(fixture_up(f, &err), 1, "%s: and nothing is in the way afterwards (%s)", f->name, err.message);
}

static void *run_up(void *context)
{
    struct fixture *f = context;
    static _Thread_local struct err err;
    int rc = fixture_up(f, &err);

    if (rc < 0)
        printf("# %s\n", err.message);
    err_release(&err);
    return (void *)(intptr_t)rc;
}

/* Four runners at once: together they do each version once. */
static void test_race(struct fixture *f)
{
    pthread_t threads[4];
    intptr_t sum = 0, failed = 0;

    two_versions(f);
    f->o.wait_ms = 30000;
    f->o.lock_tries = 50;
    f->o.event = NULL;
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run_up, f);
    for (size_t i = 0; i < 4; i++) {
        void *rc;

        pthread_join(threads[i], &rc);
        failed += (intptr_t)rc < 0;
        sum += (intptr_t)rc < 0 ? 0 : (intptr_t)rc;
    }
    ok(failed == 0, "%s: no runner fails", f->name);
    is_int(fixture_number(f, "SELECT count(*) FROM t"), 1, "%s: four runners at once do each version once", f->name);
    is_int(applied(f), 2, "%s: and record it once", f->name);
    ok(sum >= 2, "%s: %d steps were seen done", f->name, (int)sum);
}

/* The same for a file without a transaction, whose place in the history is all that says what is done. */
static void test_race_pieces(struct fixture *f)
{
    const bool sqlite = f->engine == DB_SQLITE;
    pthread_t threads[4];

    fixture_write(f, "001_t.up.sql", "CREATE TABLE t (a integer);");
    fixture_write(f, "001_t.down.sql", "DROP TABLE t;");
    fixture_write(f, "002_p.up.sql",
                  sqlite ? "-- windrow: no-transaction\nINSERT INTO t VALUES (1);\nVACUUM;\nINSERT INTO t VALUES (2);\n"
                           "CREATE INDEX i ON t (a);\nINSERT INTO t VALUES (3);"
                         : "-- windrow: no-transaction\nINSERT INTO t VALUES (1);\nVACUUM;\nINSERT INTO t VALUES (2);\n"
                           "CREATE INDEX CONCURRENTLY i ON t (a);\nINSERT INTO t VALUES (3);");
    fixture_write(f, "002_p.down.sql", "DROP INDEX i; DELETE FROM t;");
    f->o.wait_ms = 30000;
    f->o.lock_tries = 50;
    f->o.event = NULL;
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run_up, f);
    for (size_t i = 0; i < 4; i++) {
        void *rc;

        pthread_join(threads[i], &rc);
        ok((intptr_t)rc >= 0, "%s: runner %zu of four does not fail", f->name, i + 1);
    }
    is_int(fixture_number(f, "SELECT count(*) FROM t"), 3, "%s: each statement runs once", f->name);
    is_int(fixture_number(f, sqlite ? "SELECT count(*) FROM windrow_schema_log"
                                    : "SELECT count(*) FROM windrow.schema_log"),
           2, "%s: each version is recorded once", f->name);
}

int main(void)
{
    static void (*const both[])(struct fixture *) = {test_up_down, test_failure,  test_in_the_way, test_verify,
                                                     test_pieces,  test_baseline, test_race,
                                                     test_stop,    test_cancel,   test_race_pieces};
    static void (*const postgresql[])(struct fixture *) = {test_settings, test_index, test_busy, test_lock,
                                                           test_scratch,  test_watch, test_search_path,
                                                           test_losses};
    struct fixture f;

    for (size_t i = 0; i < 2 * ARRAY_LEN(both); i++) {
        if (fixture_open(&f, i % 2 ? DB_POSTGRESQL : DB_SQLITE)) {
            both[i / 2](&f);
            fixture_close(&f);
        }
    }
    fixture_open(&f, DB_SQLITE);
    test_references(&f);
    fixture_close(&f);
    fixture_open(&f, DB_SQLITE);
    test_references_in_pieces(&f);
    fixture_close(&f);
    fixture_open(&f, DB_SQLITE);
    test_writer(&f);
    fixture_close(&f);
    for (size_t i = 0; i < ARRAY_LEN(postgresql); i++) {
        if (fixture_open(&f, DB_POSTGRESQL)) {
            postgresql[i](&f);
            fixture_close(&f);
        }
    }
    return done_testing();
}
