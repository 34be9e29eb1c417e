/* tests/unit/sink/postgres_db.c: connections to PostgreSQL: no secret in a message, no setting of others, no wait
 * without an end, no guess about a commit. */
#include "postgres_helper.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SECRET "hunter2secret"

static const char *const malformed[] = {
    "postgresql://user:" SECRET "%zz@host/db", "postgresql://user:" SECRET "/x@host/db",
    "postgresql://user:pass@" SECRET "@host/db", "host=h password='" SECRET, "password " SECRET,
    "postgresql://user:" SECRET "@host:port" SECRET "/db", "host=localhost sslmode=" SECRET,
    "postgresql://u:" SECRET "@h/db?" SECRET "=1", SECRET, "host=h password=" SECRET " connect_timeout=" SECRET "x",
    "postgresql://user:a " SECRET "@127.0.0.1:1/db", "host=/nonexistent user=u password=" SECRET,
    "postgresql://u:" SECRET "@127.0.0.1:1/db",
};

static void secrets(void)
{
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        CLEANUP(err_release) struct err err = {0};
        struct db *db = db_open(malformed[i], NULL, &err);

        ok(!db && err.scope == ERR_RUN && (err.code == W0501 || err.code == W0503), "connection string %zu is refused",
           i);
        ok(!strstr(err.message, SECRET) && !strstr(err.help, SECRET), "and not repeated: %s", err.message);
        db_close(db);
    }
}

static struct db *open_with(const char *target, const char *more, const struct db_options *options, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    buf_printf(&text, "%s %s", target, more);
    return db_open(buf_text(&text), options, err);
}

static char *answer(struct db *db, const char *sql)
{
    static char text[4000];
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, sql, NULL, 0, &r, &err) < 0)
        snprintf(text, sizeof text, "%s", err.message);
    else
        snprintf(text, sizeof text, "%.*s", STR_ARG(db_cell(&r, 0, 0)));
    return text;
}

static void must(struct db *db, const char *sql)
{
    CLEANUP(err_release) struct err err = {0};

    if (db_exec(db, sql, &err) < 0) {
        printf("Bail out! %s: %s\n", sql, err.message);
        exit(1);
    }
}

static void session(const char *target)
{
    static const struct {
        const char *setting, *hostile, *expected;
    } settings[] = {
        {"DateStyle", "German", "ISO, YMD"}, {"TimeZone", "Asia/Kolkata", "UTC"}, {"bytea_output", "escape", "hex"},
        {"standard_conforming_strings", "off", "on"}, {"synchronous_commit", "off", "on"},
        {"statement_timeout", "50", "0"}, {"lock_timeout", "1", "1min"}, {"row_security", "on", "off"},
        {"extra_float_digits", "-5", "1"}, {"default_transaction_isolation", "serializable", "read committed"},
        {"idle_in_transaction_session_timeout", "5", "0"}, {"search_path", "public,pg_catalog", "public"},
        {"session_replication_role", "replica", "origin"}, {"client_encoding", "LATIN1", "UTF8"},
    };

    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        CLEANUP(err_release) struct err err = {0};
        char more[200], sql[100];
        struct db *db;

        snprintf(more, sizeof more, "options='-c %s=%s'", settings[i].setting, settings[i].hostile);
        snprintf(sql, sizeof sql, "SELECT current_setting('%s')", settings[i].setting);
        db = open_with(target, more, NULL, &err);
        if (ok(db != NULL, "%s = %s: connected %s", settings[i].setting, settings[i].hostile, err.message))
            is_str(answer(db, sql), settings[i].expected, "%s is pinned", settings[i].setting);
        db_close(db);
    }
}

static void refusals(const char *target)
{
    static const struct {
        const char *name, *more, *sqlstate;
        enum code code;
    } cases[] = {
        {"a database that is not there", "dbname=nowhere", "3D000", W0501},
        {"a role that is not there", "user=nobody_at_all", "28000", W0501},
        {"a read-only session", "options='-c default_transaction_read_only=on'", "25006", W0504},
        {"a database without encoding", "dbname=windrow_ascii", "", W0505},
    };
    CLEANUP(err_release) struct err err = {0};
    struct db *db = db_open(target, NULL, &err);

    must(db, "DROP DATABASE IF EXISTS windrow_ascii");
    must(db, "CREATE DATABASE windrow_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(err_release) struct err why = {0};
        struct db *other = open_with(target, cases[i].more, NULL, &why);

        ok(!other && why.code == cases[i].code && strcmp(why.sqlstate, cases[i].sqlstate) == 0 && !db_transient(&why),
           "%s: %s %s", cases[i].name, why.sqlstate, why.message);
        db_close(other);
    }
    must(db, "DROP DATABASE windrow_ascii");
    db_close(db);
    db = open_with(target, "options='-c default_transaction_read_only=on'", &(struct db_options){.read_only = true},
                   &err);
    ok(db != NULL, "a reader may use a read-only server");
    ok(db_exec(db, "CREATE TABLE x ()", &err) < 0 && err.code == W0504, "and cannot write");
    db_close(db);
    err_release(&err);
    db = db_open("host=/nonexistent dbname=x user=y", NULL, &err);
    ok(!db && err.code == W0501 && db_transient(&err), "no server: %s", err.message);
}

static void queries(const char *target)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(buf_release) struct buf one = BUF_INIT;
    CLEANUP(buf_release) struct buf two = BUF_INIT;
    struct db *db = open_with(target, "password=" SECRET, NULL, &err);
    const struct db_value params[] = {db_text(str_of("h\303\251'")), db_bytes(str_make("\0\xff\\", 3)), db_int(-7),
                                      db_null(), db_text(str_make("a\0b", 3))};
    bool good = true;

    ok(!strstr(db_name(db), SECRET) && strstr(db_name(db), "postgresql://postgres@"), "name: %s", db_name(db));
    ok(db_engine(db) == DB_POSTGRESQL && db_alive(db), "engine");
    ok(db_identity(db, &one, &err) == 0 && db_identity(db, &two, &err) == 0 && str_eq(buf_str(&one), buf_str(&two)) &&
       one.len > 20, "identity: %s", buf_text(&one));
    good = db_query(db, "SELECT $1::text, $2::bytea, $3::int, $4::text, ''::bytea", params, 4, &r, &err) == 0;
    ok(good && r.n_rows == 1 && r.n_columns == 5 && str_is(db_cell(&r, 0, 0), "h\303\251'") &&
       r.values[1].type == DB_BYTES && str_eq(db_cell(&r, 0, 1), params[1].text) && db_cell_int(&r, 0, 2) == -7 &&
       r.values[3].type == DB_NULL && r.values[4].type == DB_BYTES && r.values[4].text.len == 0,
       "values there and back");
    ok(db_query(db, "SELECT $1::text", params + 4, 1, NULL, &err) < 0, "a NUL in a text is refused");
    err_release(&err);
    db_result_release(&r);
    ok(db_query(db, "SELECT 1 WHERE false", NULL, 0, &r, &err) == 0 && r.n_rows == 0 && r.n_columns == 1, "no rows");
    must(db, "CREATE TEMP TABLE c (n int); INSERT INTO c SELECT generate_series(1, 5)");
    db_result_release(&r);
    ok(db_query(db, "UPDATE c SET n = n + 1 WHERE n > $1", params + 2, 1, &r, &err) == 0 && r.affected == 5,
       "affected");
    ok(db_exec(db, "SELECT 1; SELECT '\303\251', nothing FROM c", &err) < 0 && strcmp(err.sqlstate, "42703") == 0 &&
       err.has_byte && err.byte == 23, "the place of an error in bytes: %d", (int)err.byte);
    err_release(&err);
    ok(db_exec(db, "COPY c FROM STDIN", &err) < 0 && db_alive(db), "COPY in a statement ends (%s)", err.message);
    err_release(&err);
    ok(db_exec(db, "COPY c TO STDOUT", &err) < 0 && !db_transient(&err), "COPY out of one too (%s)", err.message);
    db_close(db);

    err_release(&err);
    db = db_open(target, NULL, &err);
    for (int i = 0; i < 600; i++) {
        char sql[40];

        snprintf(sql, sizeof sql, "SELECT %d", i % 300);
        good = good && atoi(answer(db, sql)) == i % 300;
    }
    ok(good, "300 statements, each twice");
    db_close(db);
}

struct counting {
    size_t n, stop_at;
};

static int count_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct counting *c = context;
    int64_t value = 0;

    str_parse_int64(values[0].text, &value);
    if (n != 2 || (size_t)value != ++c->n)
        return err_set(err, ERR_RUN, W0502, "row %zu is %lld", c->n, (long long)value);
    return c->n == c->stop_at ? err_set(err, ERR_RUN, W0502, "stop") : 0;
}

static void streams(struct db *db)
{
    CLEANUP(err_release) struct err err = {0};
    struct counting all = {0}, some = {.stop_at = 10};
    const struct db_value n[] = {db_int(20000)};

    ok(db_stream(db, "SELECT i, repeat('x', 50) FROM generate_series(1, $1::int) i", n, 1, count_row, &all,
                 &err) == 0 && all.n == 20000, "rows one by one");
    ok(db_stream(db, "SELECT generate_series(1, 100000000), ''", NULL, 0, count_row, &some, &err) < 0 &&
       some.n == 10 && strcmp(err.message, "stop") == 0, "stopped by the receiver");
    is_str(answer(db, "SELECT 7"), "7", "the connection is usable afterwards");
    err_release(&err);
    ok(db_stream(db, "SELECT 1 / (3 - i), '' FROM generate_series(1, 9) i", NULL, 0, count_row, &some, &err) < 0 &&
       db_alive(db), "a failure in the middle");
}

static int see_scanned(void *context, const struct db_value *values, size_t n, struct err *err)
{
    size_t *good = context;

    (void)err;
    *good += n == 6 && values[0].type == DB_INT && values[0].n == INT64_MIN && values[1].type == DB_INT && values[1].n == -7 &&
             values[2].type == DB_INT && values[2].n == -1 && values[3].type == DB_BYTES &&
             str_eq(values[3].text, str_make("a\0b", 3)) && values[4].type == DB_BYTES && str_is(values[4].text, "12") &&
             values[5].type == DB_NULL;
    return 0;
}

static void scans(struct db *db)
{
    CLEANUP(err_release) struct err err = {0};
    const struct db_value least[] = {db_int(INT64_MIN)};
    size_t good = 0;

    ok(db_scan(db, "SELECT $1::bigint, -7::integer, -1::smallint, '\\x610062'::bytea, '12'::text, NULL::bytea"
                   " FROM generate_series(1, 3)", least, 1, see_scanned, &good, &err) == 0 && good == 3,
       "scanned as they are: numbers, bytes, texts, null");
    ok(db_scan(db, "SELECT now()", NULL, 0, see_scanned, &good, &err) < 0 && err.code == W0502, "a time cannot be scanned");
    err_release(&err);
    ok(db_scan(db, "SELECT 1 / 0", NULL, 0, see_scanned, &good, &err) < 0 && db_alive(db), "a failure leaves the connection usable");
    is_str(answer(db, "SELECT 7"), "7", "it is");
}

static void commits(struct db *db, const char *target)
{
    CLEANUP(err_release) struct err err = {0};
    struct db *victim;
    char sql[100];

    must(db, "DROP TABLE IF EXISTS c;"
         "CREATE TABLE c (n int PRIMARY KEY, up int REFERENCES c DEFERRABLE INITIALLY DEFERRED)");
    ok(db_begin(db, &err) == 0 && db_exec(db, "INSERT INTO c VALUES (1)", &err) == 0 &&
       db_commit(db, &err) == DB_COMMITTED, "a commit");
    db_begin(db, &err);
    db_exec(db, "SELECT 1 / 0", NULL);
    ok(db_commit(db, &err) == DB_NOT_COMMITTED && err.code == W0509 && db_alive(db), "of a failed transaction");
    err_release(&err);
    db_begin(db, &err);
    must(db, "INSERT INTO c VALUES (2, 99)");
    ok(db_commit(db, &err) == DB_NOT_COMMITTED && strcmp(err.sqlstate, "23503") == 0, "refused by a constraint");
    err_release(&err);
    db_begin(db, &err);
    must(db, "INSERT INTO c VALUES (3)");
    ok(db_rollback(db) == 0 && db_rollback(db) == 0, "rolled back, and once more");
    is_str(answer(db, "SELECT string_agg(n::text, ',') FROM c"), "1", "what was committed is there");

    victim = db_open(target, NULL, &err);
    db_begin(victim, &err);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%s, 5000)", answer(victim, "SELECT pg_backend_pid()"));
    must(db, sql);
    ok(db_commit(victim, &err) == DB_UNKNOWN && !db_alive(victim) && db_transient(&err),
       "of a lost session: unknown (%s %s)", err.sqlstate, err.message);
    err_release(&err);
    ok(db_exec(victim, "SELECT 1", &err) < 0 && db_transient(&err) && db_rollback(victim) < 0, "which stays lost");
    db_close(victim);
    must(db, "DROP TABLE c");
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void *cancel_soon(void *db)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    db_cancel(db);
    return NULL;
}

static void waits(struct db *db, const char *target)
{
    CLEANUP(err_release) struct err err = {0};
    struct timespec start;
    struct db *hasty = db_open(target, &(struct db_options){.wait_ms = 600}, &err);
    pthread_t thread;

    must(db, "CREATE TABLE IF NOT EXISTS held (n int)");
    must(db, "BEGIN; LOCK held");
    ok(db_exec(hasty, "SELECT * FROM held", &err) < 0 && strcmp(err.sqlstate, "55P03") == 0 && db_transient(&err) &&
       db_alive(hasty), "a lock that another holds: %s", err.message);
    must(db, "ROLLBACK");
    must(db, "DROP TABLE held");
    err_release(&err);
    clock_gettime(CLOCK_MONOTONIC, &start);
    ok(db_exec(hasty, "SELECT pg_sleep(2)", &err) == 0 && db_alive(hasty) && seconds_since(&start) >= 2,
       "a long statement is waited for while the server is at work: %s", err.message);
    db_close(hasty);
    err_release(&err);
    clock_gettime(CLOCK_MONOTONIC, &start);
    pthread_create(&thread, NULL, cancel_soon, db);
    ok(db_exec(db, "SELECT pg_sleep(30)", &err) < 0 && strcmp(err.sqlstate, "57014") == 0 && db_alive(db) &&
       seconds_since(&start) < 10, "cancelled from another thread");
    pthread_join(thread, NULL);
}

struct silent {
    int listener, connection;
    bool greets;
};

/* A server that lets clients in and then says nothing. */
static void *be_silent(void *context)
{
    static const char greeting[] = "R\0\0\0\x08\0\0\0\0" "S\0\0\0\x19" "client_encoding\0" "UTF8\0" "Z\0\0\0\x05I";
    struct silent *s = context;
    char startup[2000];

    s->connection = accept(s->listener, NULL, NULL);
    if (s->greets && read(s->connection, startup, sizeof startup) > 0 &&
        write(s->connection, greeting, sizeof greeting - 1) < 0)
        perror("write");
    return NULL;
}

static void silence(bool greets)
{
    char dir[] = "/tmp/windrow-silent.XXXXXX", target[200];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct silent s = {.connection = -1, .greets = greets, .listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CLEANUP(err_release) struct err err = {0};
    struct timespec start;
    pthread_t thread;
    struct db *db;

    if (!mkdtemp(dir) || snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", dir) < 0 ||
        bind(s.listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(s.listener, 1) < 0) {
        printf("Bail out! no socket\n");
        exit(1);
    }
    pthread_create(&thread, NULL, be_silent, &s);
    snprintf(target, sizeof target, "host=%s dbname=x user=y connect_timeout=2", dir);
    clock_gettime(CLOCK_MONOTONIC, &start);
    db = db_open(target, &(struct db_options){.wait_ms = 500}, &err);
    ok(!db && err.code == W0507 && db_transient(&err) && seconds_since(&start) < 10, "a server that %s: %s",
       greets ? "greets and falls silent" : "never speaks", err.message);
    pthread_join(thread, NULL);
    close(s.connection);
    close(s.listener);
    unlink(address.sun_path);
    rmdir(dir);
}

static int put(struct db *db, const char *table, int64_t n, struct err *err)
{
    char sql[80];

    snprintf(sql, sizeof sql, "INSERT INTO pg_temp.%s VALUES ($1)", table);
    return db_post(db, sql, (struct db_value[]){db_int(n)}, 1, err);
}

/* The statement that was posted is refused, or touches no row: the next one says so. */
static void posted_in_vain(struct db *db, const char *sql, bool one, enum code code, const char *message)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(err_release) struct err why = {0};

    ok(db_begin(db, &err) == 0 && put(db, "posts", 7, &err) == 0, "posted: %s", sql);
    ok((one ? db_post_one(db, sql, NULL, 0, W0603, "overtaken", &err) : db_post(db, sql, NULL, 0, &err)) == 0,
       "nothing is said at once: %s", err.message);
    ok(db_query(db, "SELECT 1", NULL, 0, NULL, &why) < 0 && why.code == code && strstr(why.message, message),
       "but with the next statement: %s", why.message);
    ok(db_rollback(db) == 0 && db_alive(db), "the connection goes on");
    is_str(answer(db, "SELECT count(*) FROM pg_temp.posts"), "0", "and nothing was written");
}

static void posts(struct db *db)
{
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(err_release) struct err why = {0};
    int sent = 0;

    must(db, "CREATE TEMPORARY TABLE posts (n int8 PRIMARY KEY)");
    posted_in_vain(db, "INSERT INTO pg_temp.posts VALUES (7)", false, W0502, "duplicate key");
    posted_in_vain(db, "INSERT INTO pg_temp.nowhere VALUES (7)", false, W0502, "nowhere");
    posted_in_vain(db, "UPDATE pg_temp.posts SET n = 8 WHERE n = 9", true, W0603, "overtaken");

    ok(db_begin(db, &err) == 0, "begun");
    for (int i = 0; i < 200; i++)
        sent += put(db, "posts", i, &err) == 0;
    ok(sent == 200, "more than go together are posted: %s", err.message);
    is_str(answer(db, "SELECT count(*) FROM pg_temp.posts"), "200", "all of them stand before what is asked next");
    ok(put(db, "posts", 200, &err) == 0 &&
       db_post_one(db, "UPDATE pg_temp.posts SET n = 300 WHERE n = 200", NULL, 0, W0603, "overtaken", &err) == 0 &&
       db_commit(db, &err) == DB_COMMITTED, "what is posted last is in the commit: %s", err.message);
    is_str(answer(db, "SELECT max(n) FROM pg_temp.posts"), "300", "it is");

    ok(db_begin(db, &err) == 0 && put(db, "posts", 300, &err) == 0 && db_commit(db, &why) == DB_NOT_COMMITTED &&
       strcmp(why.sqlstate, "23505") == 0, "refused before COMMIT was sent: %s", why.message);
    ok(db_rollback(db) == 0 && db_begin(db, &err) == 0 && put(db, "posts", 400, &err) == 0 && db_rollback(db) == 0,
       "posted and rolled back");
    is_str(answer(db, "SELECT max(n) FROM pg_temp.posts"), "300", "it is gone");
}

int main(void)
{
    const char *target;
    CLEANUP(err_release) struct err err = {0};
    struct db *db;

    unsetenv("PGHOST");
    target = test_target();
    if (!target)
        return 0;
    secrets();
    silence(false);
    silence(true);
    session(target);
    refusals(target);
    queries(target);
    db = db_open(target, NULL, &err);
    streams(db);
    scans(db);
    posts(db);
    commits(db, target);
    waits(db, target);
    db_close(db);
    return done_testing();
}
