/* A SQLite connection: settings, statements, transactions, and the messages of each failure. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "sink/sqlite_internal.h"
#include "tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static char directory[] = "/tmp/windrow-sqlite-XXXXXX";

static const char *target(const char *name)
{
    static char text[120];

    snprintf(text, sizeof text, "sqlite:%s/%s", directory, name);
    return text;
}

static struct db *must_open(const char *name, const struct db_options *options)
{
    CLEANUP(err_release) struct err err = {0};
    struct db *db = db_open(target(name), options, &err);

    ok(db != NULL, "open %s (%s)", name, err.message);
    if (!db)
        exit(1);
    return db;
}

static const char *value_of(struct db *db, const char *sql)
{
    static char text[400];
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(err_release) struct err err = {0};

    if (db_query(db, sql, NULL, 0, &r, &err) < 0)
        snprintf(text, sizeof text, "failed: %s", err.message);
    else
        snprintf(text, sizeof text, "%.*s", r.n_rows ? (int)db_cell(&r, 0, 0).len : 0, r.n_rows ? db_cell(&r, 0, 0).at : "");
    return text;
}

static void check_settings(void)
{
    static const struct { const char *pragma, *value; } settings[] = {
        {"PRAGMA journal_mode", "wal"}, {"PRAGMA synchronous", "2"}, {"PRAGMA foreign_keys", "1"},
        {"PRAGMA trusted_schema", "0"}, {"PRAGMA cell_size_check", "1"},
    };
    struct db *db = must_open("settings.db", NULL);

    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        is_str(value_of(db, settings[i].pragma), settings[i].value, "%s", settings[i].pragma);
    ok(strncmp(value_of(db, "SELECT \"misspelt\""), "failed: ", 8) == 0, "a misspelt name is no text");
    ok(strncmp(value_of(db, "SELECT load_extension('x')"), "failed: ", 8) == 0, "no extensions");
    is_int(db_engine(db), DB_SQLITE, "engine");
    is_str(db_name(db), target("settings.db"), "name");
    ok(db_alive(db), "alive");
    db_close(db);
}

static void check_values(void)
{
    struct db *db = must_open("values.db", NULL);
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(err_release) struct err err = {0};
    struct db_value params[] = {
        db_int(INT64_MIN), db_text(str_of("t\xc3\xa9xt")), db_bytes(str_make("a\0b", 3)), db_null(),
        db_text(str_make("n\0l", 3)), db_bytes(str_make("", 0)), db_text(str_of("")),
    };

    ok(db_query(db, "SELECT $1, $2, $3, $4, $5, $6, $7, 0.1 + 0.2, 5.0, 1e300", params, 7, &r, &err) == 0, "query");
    is_int((long long)r.n_rows, 1, "one row");
    is_int((long long)r.n_columns, 10, "ten columns");
    ok(str_is(db_cell(&r, 0, 0), "-9223372036854775808"), "integer as text");
    is_int(db_cell_int(&r, 0, 0), INT64_MIN, "and as integer");
    ok(str_is(db_cell(&r, 0, 1), "t\xc3\xa9xt") && r.values[1].type == DB_TEXT, "text");
    ok(str_eq(db_cell(&r, 0, 2), str_make("a\0b", 3)) && r.values[2].type == DB_BYTES, "bytes");
    ok(r.values[3].type == DB_NULL, "null");
    ok(str_eq(db_cell(&r, 0, 4), str_make("n\0l", 3)), "text with NUL");
    ok(r.values[5].type == DB_BYTES && r.values[5].text.len == 0, "empty bytes are not null");
    ok(r.values[6].type == DB_TEXT && r.values[6].text.len == 0, "empty text is not null");
    ok(str_is(db_cell(&r, 0, 7), "0.30000000000000004"), "a double keeps its digits");
    ok(str_is(db_cell(&r, 0, 8), "5") && str_is(db_cell(&r, 0, 9), "1e+300"), "doubles as PostgreSQL prints them");
    db_result_release(&r);
    ok(db_query(db, "SELECT $1, $2, $1", params, 2, &r, &err) == 0 && str_is(db_cell(&r, 0, 2), "-9223372036854775808"),
       "a parameter may appear again");
    db_result_release(&r);
    ok(db_query(db, "SELECT $1", params, 2, &r, &err) < 0 && err.code == W0502, "a parameter too many");
    err_release(&err);
    ok(db_query(db, "SELECT $1, $2", params, 1, &r, &err) < 0 && err.code == W0502, "a parameter too few");
    err_release(&err);
    ok(db_query(db, "SELECT 1; SELECT 2", NULL, 0, &r, &err) < 0, "several statements are refused");
    err_release(&err);
    ok(db_query(db, "SELECT nothing_here", NULL, 0, &r, &err) < 0 && err.has_byte, "an error names the byte");
    is_int((long long)err.byte, 7, "which is that of the name");
    is_str(err.sqlstate, "1", "and has a state");
    db_close(db);
}

static void check_exec(void)
{
    struct db *db = must_open("exec.db", NULL);
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(db_result_release) struct db_result r = {0};

    ok(db_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE); -- c\n INSERT INTO t VALUES(1,1),(2,2);  ", &err) == 0,
       "several statements");
    ok(db_exec(db, " ; \n", &err) == 0, "none");
    ok(db_exec(db, "SELECT 1;\n SELEC 2", &err) < 0 && err.has_byte && err.byte == 11, "place of a fault in a script");
    err_release(&err);
    ok(db_exec(db, "SELECT 1; INSERT INTO t VALUES(3,1)", &err) < 0 && err.code == W0512, "a constraint");
    is_int((long long)err.byte, 10, "names the statement");
    is_str(err.message, "another row has the same t.b", "and the column");
    ok(db_query(db, "UPDATE t SET b = b + 10", NULL, 0, &r, &err) == 0 && r.affected == 2, "rows affected");
    db_result_release(&r);
    ok(db_query(db, "CREATE TABLE u(a)", NULL, 0, &r, &err) == 0 && r.affected == 0, "none by CREATE TABLE");
    db_close(db);
}

struct seen {
    struct db *db;
    int rows, stop_at;
};

static int see(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct seen *s = context;
    CLEANUP(db_result_release) struct db_result r = {0};
    const struct db_value max = db_int(3);

    s->rows++;
    if (n != 1 || values[0].type != DB_TEXT)
        return err_set(err, ERR_RUN, W0502, "wrong row");
    if (db_query(s->db, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1) SELECT n FROM c",
                 &max, 1, &r, err) < 0 || r.n_rows != 3)
        return -1;
    return s->rows == s->stop_at ? err_set(err, ERR_RUN, W0560, "enough") : 0;
}

struct scanned {
    int rows;
    bool good;
};

static int see_scanned(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct scanned *s = context;
    struct str bytes = str_make("a\0b", 3);

    (void)err;
    s->rows++;
    s->good &= n == 4 && values[0].type == DB_INT && values[0].n == INT64_MIN && values[1].type == DB_BYTES &&
               str_eq(values[1].text, bytes) && values[2].type == DB_BYTES && str_is(values[2].text, "12") &&
               values[3].type == (s->rows == 1 ? DB_NULL : DB_BYTES) && values[3].text.len == 0;
    return 0;
}

static void check_scan(void)
{
    struct db *db = must_open("scan.db", NULL);
    CLEANUP(err_release) struct err err = {0};
    const struct db_value least = db_int(INT64_MIN);
    struct scanned seen = {.good = true};

    ok(db_scan(db, "SELECT $1, x'610062', '12', NULL UNION ALL SELECT $1, x'610062', '12', x''", &least, 1, see_scanned, &seen, &err) == 0 &&
       seen.rows == 2 && seen.good, "scanned as they are: numbers, bytes, texts, null, nothing");
    ok(db_scan(db, "SELECT nowhere", NULL, 0, see_scanned, &seen, &err) < 0 && err.code == W0502, "a wrong statement is refused");
    db_close(db);
}

static void check_stream(void)
{
    static const char sql[] = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1) SELECT n FROM c";
    struct db *db = must_open("stream.db", NULL);
    CLEANUP(err_release) struct err err = {0};
    const struct db_value max = db_int(100);
    struct seen seen = {.db = db};

    ok(db_stream(db, sql, &max, 1, see, &seen, &err) == 0 && seen.rows == 100, "rows, with the same text asked inside");
    seen = (struct seen){.db = db, .stop_at = 7};
    ok(db_stream(db, sql, &max, 1, see, &seen, &err) < 0 && seen.rows == 7, "stops when the callback says so");
    is_str(err.message, "enough", "with its reason");
    err_release(&err);
    for (int i = 0; i < 200; i++) {
        char text[40];

        snprintf(text, sizeof text, "SELECT %d + $1", i);
        if (db_query(db, text, &max, 1, NULL, &err) < 0)
            break;
    }
    ok(!err.scope, "more texts than are kept");
    db_close(db);
}

static void check_transactions(void)
{
    struct db *db = must_open("transactions.db", NULL), *other = must_open("transactions.db", &(struct db_options){.wait_ms = 30});
    CLEANUP(err_release) struct err err = {0};

    ok(db_exec(db, "CREATE TABLE p(a PRIMARY KEY); CREATE TABLE t(a REFERENCES p DEFERRABLE INITIALLY DEFERRED)", &err) == 0,
       "tables");
    ok(db_begin(db, &err) == 0 && db_exec(db, "INSERT INTO p VALUES(1)", &err) == 0, "begin and insert");
    is_str(value_of(other, "SELECT count(*) FROM p"), "0", "not seen by another connection");
    ok(db_begin(other, &err) < 0 && err.code == W0550, "which cannot write meanwhile");
    ok(db_transient(&err), "a passing failure");
    ok(strstr(err.message, "is locked by") && strstr(err.help, "up to 0.03 s"), "says what it waited for");
    err_release(&err);
    is_int(db_commit(db, &err), DB_COMMITTED, "commit");
    is_str(value_of(other, "SELECT count(*) FROM p"), "1", "seen now");
    ok(db_begin(db, &err) == 0 && db_exec(db, "INSERT INTO p VALUES(2)", &err) == 0 && db_rollback(db) == 0, "roll back");
    is_str(value_of(db, "SELECT count(*) FROM p"), "1", "nothing stays");
    is_int(db_rollback(db), 0, "rolling back nothing is no failure");
    ok(db_begin(db, &err) == 0 && db_exec(db, "INSERT INTO t VALUES(99)", &err) == 0, "a deferred key that leads nowhere");
    is_int(db_commit(db, &err), DB_NOT_COMMITTED, "is refused at the commit");
    is_int(err.code, W0513, "as such");
    ok(db_alive(db) && strcmp(value_of(db, "SELECT count(*) FROM t"), "0") == 0, "and rolled back");
    err_release(&err);
    is_int(db_commit(db, &err), DB_NOT_COMMITTED, "a commit without a transaction is none");
    err_release(&err);
    ok(db_begin(db, &err) == 0 && db_exec(db, "INSERT INTO p VALUES(5)", &err) == 0, "begin");
    db_close(db);
    is_str(value_of(other, "SELECT count(*) FROM p"), "1", "closing rolls back");
    db_close(other);
}

/* A second process holds the lock: the message names it. */
static void check_holder(void)
{
    struct db *db = must_open("holder.db", &(struct db_options){.wait_ms = 30});
    CLEANUP(err_release) struct err err = {0};
    int ready[2], done[2];
    char byte, expected[40];
    pid_t child;

    if (pipe(ready) < 0 || pipe(done) < 0 || (child = fork()) < 0)
        exit(1);
    if (child == 0) {
        sqlite3 *handle;

        sqlite3_open(target("holder.db") + 7, &handle);
        sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        _exit(write(ready[1], "r", 1) != 1 || read(done[0], &byte, 1) != 1);
    }
    ok(read(ready[0], &byte, 1) == 1, "another process writes");
    ok(db_begin(db, &err) < 0 && err.code == W0550, "begin is refused");
    snprintf(expected, sizeof expected, "(pid %d)", (int)child);
    if (access("/proc/locks", R_OK) == 0)
        ok(strstr(err.message, expected) != NULL, "and names the process: %s", err.message);
    ok(write(done[1], "d", 1) == 1 && waitpid(child, NULL, 0) == child, "it ends");
    err_release(&err);
    ok(db_begin(db, &err) == 0, "and the lock is free");
    db_close(db);
}

static void check_read_only(void)
{
    struct db *db = must_open("readonly.db", NULL);
    CLEANUP(err_release) struct err err = {0};
    struct stat before, after;

    ok(db_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", &err) == 0, "a table");
    db_close(db);
    stat(target("readonly.db") + 7, &before);
    db = must_open("readonly.db", &(struct db_options){.read_only = true});
    is_str(value_of(db, "SELECT a FROM t"), "1", "can be read");
    ok(db_exec(db, "INSERT INTO t VALUES(2)", &err) < 0 && err.code == W0554, "not written");
    err_release(&err);
    db_close(db);
    stat(target("readonly.db") + 7, &after);
    ok(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_size == after.st_size, "the file is untouched");
    ok(access(target("readonly.db-wal") + 7, F_OK) < 0 && access(target("readonly.db-shm") + 7, F_OK) < 0,
       "and nothing is left beside it");
    ok(!db_open(target("absent.db"), &(struct db_options){.read_only = true}, &err) && err.code == W0501, "absent file");
    ok(access(target("absent.db") + 7, F_OK) < 0, "is not created");
}

/* As another user, where the directory cannot be written; and with the WAL of a process that died. */
static void check_read_only_places(void)
{
    struct db *db = must_open("other#%.db", NULL);
    CLEANUP(err_release) struct err err = {0};
    struct stat before = {0}, after = {0};
    pid_t child;
    int status = -1;

    ok(db_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", &err) == 0, "a table");
    db_close(db);
    if ((child = fork()) == 0) {
        if (chmod(directory, 0555) < 0 || (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)))
            _exit(2);
        db = db_open(target("other#%.db"), &(struct db_options){.read_only = true}, &err);
        _exit(!db || strcmp(value_of(db, "SELECT a FROM t"), "1") != 0);
    }
    ok(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a directory that cannot be written: %d", status);
    chmod(directory, 0700);
    if ((child = fork()) == 0) {
        db = db_open(target("dead.db"), NULL, &err);
        _exit(!db || db_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(1)", &err) < 0);
    }
    ok(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a process dies with its work in the WAL");
    stat(target("dead.db-wal") + 7, &before);
    db = must_open("dead.db", &(struct db_options){.read_only = true});
    is_str(value_of(db, "SELECT a FROM t"), "1", "it can be read");
    db_close(db);
    stat(target("dead.db-wal") + 7, &after);
    ok(before.st_size > 0 && before.st_size == after.st_size, "and stays where it is");
}

static void write_file(const char *name, const char *text)
{
    CLEANUP(close_file) FILE *f = fopen(target(name) + 7, "w");

    if (f)
        fputs(text, f);
}

static void check_refusals(void)
{
    static const struct { const char *name; enum code code; } cases[] = {
        {"", W0501}, {"no/such/directory.db", W0501}, {"garbage.db", W0553},
    };
    CLEANUP(err_release) struct err err = {0};

    write_file("garbage.db", "this is not a database, although it is longer than the header of one would have to be, "
                             "which is a hundred bytes");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ok(!db_open(target(cases[i].name), NULL, &err), "'%s' is refused", cases[i].name);
        is_int(err.code, cases[i].code, "'%s': code (%s)", cases[i].name, err.message);
        err_release(&err);
    }
    ok(!db_open("sqlite:", NULL, &err) && err.code == W0102, "no path");
    ok(sqlite_network(0x6969) && sqlite_network(0xff534d42) && sqlite_network(0x01021997), "NFS, CIFS, 9p are refused");
    ok(!sqlite_network(0xef53) && !sqlite_network(0x58465342) && !sqlite_network(0x01021994), "ext4, XFS, tmpfs are not");
}

static void check_names(void)
{
    struct db *db;
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(buf_release) struct buf a = BUF_INIT, b = BUF_INIT;

    if (chdir(directory) < 0)
        exit(1);
    db = db_open("sqlite:file:odd?mode=memory", NULL, &err);
    ok(db && access("file:odd?mode=memory", F_OK) == 0, "a path is a path, never a URI");
    ok(db && db_identity(db, &a, &err) == 0 && db_identity(db, &b, &err) == 0, "identity");
    is_str(buf_text(&a), buf_text(&b), "stays the same");
    db_close(db);
    buf_clear(&b);
    db = must_open("file:odd?mode=memory", NULL);
    ok(db_identity(db, &b, &err) == 0, "identity by another path");
    is_str(buf_text(&a), buf_text(&b), "is the same");
    db_close(db);
    db = db_open("sqlite::memory:", NULL, &err);
    ok(db && db_exec(db, "CREATE TABLE t(a)", &err) == 0 && access(":memory:", F_OK) < 0, "a database in memory");
    db_close(db);
}

static void check_moved(void)
{
    struct db *db = must_open("moved.db", NULL);
    CLEANUP(err_release) struct err err = {0};

    ok(db_exec(db, "CREATE TABLE t(a)", &err) == 0 && db_begin(db, &err) == 0, "begin");
    ok(db_exec(db, "INSERT INTO t VALUES(1)", &err) == 0 && unlink(target("moved.db") + 7) == 0, "the file is deleted");
    is_int(db_commit(db, &err), DB_NOT_COMMITTED, "a commit into nowhere is refused");
    is_int(err.code, W0556, "as such");
    ok(!db_alive(db), "the connection is over");
    db_close(db);
}

static void check_lost_commit(const char *point, const char *rows)
{
    struct db *db = must_open("lost.db", NULL);
    CLEANUP(err_release) struct err err = {0};

#ifdef WINDROW_FAILPOINTS
    setenv("WINDROW_CRASH", point, 1);
    ok(db_exec(db, "CREATE TABLE IF NOT EXISTS t(a); DELETE FROM t", &err) == 0 && db_begin(db, &err) == 0, "begin");
    ok(db_exec(db, "INSERT INTO t VALUES(1)", &err) == 0, "insert");
    is_int(db_commit(db, &err), DB_UNKNOWN, "%s: outcome unknown", point);
    ok(!db_alive(db), "the connection is over");
    unsetenv("WINDROW_CRASH");
    db_close(db);
    db = must_open("lost.db", NULL);
    is_str(value_of(db, "SELECT count(*) FROM t"), rows, "%s: what the file says", point);
#endif
    (void)point, (void)rows;
    db_close(db);
}

struct cancelled {
    struct db *db;
    atomic_bool done;
};

static void *cancel_soon(void *context)
{
    struct cancelled *c = context;
    struct timespec pause = {.tv_nsec = 2000000};

    while (!c->done) {
        db_cancel(c->db);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void check_cancel(void)
{
    struct cancelled c = {.db = must_open("cancel.db", NULL)};
    CLEANUP(err_release) struct err err = {0};
    pthread_t thread;

    if (pthread_create(&thread, NULL, cancel_soon, &c) != 0)
        exit(1);
    ok(db_query(c.db, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c", NULL, 0,
                NULL, &err) < 0, "an endless statement ends");
    is_int(err.code, W0560, "as interrupted");
    c.done = true;
    pthread_join(thread, NULL);
    db_close(c.db);
}

static void check_full(void)
{
    struct db *db = must_open("full.db", NULL);
    CLEANUP(err_release) struct err err = {0};

    ok(db_exec(db, "CREATE TABLE t(a); PRAGMA max_page_count=10", &err) == 0 && db_begin(db, &err) == 0, "small file");
    ok(db_exec(db, "INSERT INTO t VALUES(zeroblob(1000000))", &err) < 0 && err.code == W0551, "no space left");
    ok(strstr(err.message, "full.db") && strstr(err.message, "bytes are free"), "says where and how much: %s", err.message);
    db_rollback(db);
    ok(db_alive(db), "the connection goes on");
    db_close(db);
}

int main(void)
{
    char command[80];

    if (!mkdtemp(directory))
        return 1;
    check_settings();
    check_values();
    check_exec();
    check_stream();
    check_scan();
    check_transactions();
    check_holder();
    check_read_only();
    check_read_only_places();
    check_refusals();
    check_names();
    check_moved();
    check_lost_commit("sqlite_commit_lost:1:error", "0");
    check_lost_commit("sqlite_answer_lost:2:error", "1");
    check_cancel();
    check_full();
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command) != 0 || done_testing();
}
