/* A connection to a SQLite file: opened so that a commit survives a power cut, see sink/db.h.
 *
 * WAL with synchronous=FULL is the cheapest setting that loses no acknowledged commit; both are read back, since
 * SQLite answers a pragma it cannot obey with the old value instead of an error. Each BEGIN is IMMEDIATE: a deferred
 * one would find out at its first write that another process got there before. */
#include "sink/sqlite_internal.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "base/stop.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

enum { BUSY_STEP_MS = 50, STEPS_BETWEEN_LOOKS = 20000 };

static struct sqlite_db *of(struct db *db) { return (struct sqlite_db *)db; }

static void finalize(sqlite3_stmt **statement) { sqlite3_finalize(*statement); }

/* Opening */

static int refuse_network(const char *path, struct err *err)
{
    struct statfs system;
    const char *name;

    if (statfs(path, &system) < 0)
        return err_set(err, ERR_RUN, W0501, "cannot use '%s': %s", path, strerror(errno));
    name = sqlite_network((unsigned long)system.f_type);
    if (name)
        return err_set(err, ERR_RUN, W0555, "'%s' is on a network file system (%s)", path, name);
    return 0;
}

/* The absolute path of a file that may not be there yet; its directory must be. An absolute path is also no URI. */
static char *absolute_path(const char *path, struct err *err)
{
    CLEANUP(free_ptr) char *for_dir = strdup(path), *for_base = strdup(path), *dir = NULL;
    char *whole = realpath(path, NULL);

    if (whole || !for_dir || !for_base) {
        if (!whole)
            err_oom(err);
        return whole;
    }
    dir = realpath(dirname(for_dir), NULL);
    if (!dir)
        err_set(err, ERR_RUN, W0501, "cannot use '%s': its directory: %s", path, strerror(errno));
    else if (asprintf(&whole, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, basename(for_base)) < 0)
        whole = (err_oom(err), NULL);
    else if (refuse_network(dir, err) < 0)
        free_ptr(&whole), whole = NULL;
    return whole;
}

static int check_path(const char *path, bool read_only, struct err *err)
{
    struct stat file;

    if (stat(path, &file) < 0)
        return read_only ? err_set(err, ERR_RUN, W0501, "cannot open database '%s': %s", path, strerror(errno)) : 0;
    if (!S_ISREG(file.st_mode))
        return err_set(err, ERR_RUN, W0501, "cannot open database '%s': not a regular file", path);
    return refuse_network(path, err);
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* SQLite's own waiting knows no signals. */
static int wait_for_lock(void *context, int tries)
{
    struct sqlite_db *d = context;

    if (tries == 0)
        d->busy_since_ms = now_ms();
    FAULT("sqlite_locked");
    if (stop_now() || now_ms() - d->busy_since_ms >= d->wait_ms)
        return 0;
    sqlite3_sleep(tries < 5 ? 1 << tries : BUSY_STEP_MS);
    return 1;
}

static int unwanted(void *context)
{
    (void)context;
    return stop_now();
}

/* After some failures (memory, space, an interrupt) SQLite rolls the whole transaction back by itself, and each statement
 * that follows would be a transaction of its own: rows without their ledger, or the reverse. Asked before every commit. */
static int refuse_commit(void *context)
{
    const struct sqlite_db *d = context;

    return d->open && !d->committing;
}

static int configure(struct sqlite_db *d, struct err *err)
{
    static const struct { int option, value; } options[] = {
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_DQS_DML, 0},   /* "misspelt" is an error, not the text 'misspelt' */
    };

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        int got = -1, rc = sqlite3_db_config(d->handle, options[i].option, options[i].value, &got);

        if (rc != SQLITE_OK || got != options[i].value)
            return err_set(err, ERR_RUN, W0558, "SQLite does not take the setting number %d", options[i].option);
    }
    sqlite3_extended_result_codes(d->handle, 1);
    sqlite3_busy_handler(d->handle, wait_for_lock, d);
    sqlite3_commit_hook(d->handle, refuse_commit, d);
    sqlite3_progress_handler(d->handle, STEPS_BETWEEN_LOOKS, unwanted, NULL);
    return 0;
}

/* Run `sql` and copy the text of its first cell into `ret`. */
static int first_cell(struct sqlite_db *d, const char *sql, char *ret, size_t size)
{
    CLEANUP(finalize) sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(d->handle, sql, -1, &statement, NULL);

    ret[0] = '\0';
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        snprintf(ret, size, "%s", (const char *)sqlite3_column_text(statement, 0));
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Changing to WAL needs the file for a moment alone; SQLite does not wait for that in every case. */
static int set_wal(struct sqlite_db *d, struct err *err)
{
    uint64_t deadline = now_ms() + d->wait_ms;
    char mode[16];
    int rc;

    while ((rc = first_cell(d, "PRAGMA journal_mode=WAL", mode, sizeof mode)) == SQLITE_BUSY && now_ms() < deadline && !stop_now())
        sqlite3_sleep(20);
    if (rc != SQLITE_OK)
        return sqlite_fail(d, rc, err);
    if (strcmp(mode, d->in_memory ? "memory" : "wal") != 0)
        return err_set(err, ERR_RUN, W0558, "'%s': journal_mode is '%s' instead of 'wal'", d->path, mode);
    return 0;
}

static int set_pragma(struct sqlite_db *d, const char *name, const char *value, const char *expected, struct err *err)
{
    char sql[80], got[32];
    int rc;

    snprintf(sql, sizeof sql, "PRAGMA %s=%s", name, value);
    rc = first_cell(d, sql, got, sizeof got);
    snprintf(sql, sizeof sql, "PRAGMA %s", name);
    if (rc == SQLITE_OK)
        rc = first_cell(d, sql, got, sizeof got);
    if (rc != SQLITE_OK)
        return sqlite_fail(d, rc, err);
    if (strcmp(got, expected) != 0)
        return err_set(err, ERR_RUN, W0558, "'%s': %s is '%s' instead of '%s'", d->path, name, got, expected);
    return 0;
}

#ifdef WINDROW_CANARY_SYNC_OFF      /* a build that tests have to tell from a good one */
#define SYNCHRONOUS "OFF", "0"
#else
#define SYNCHRONOUS "FULL", "2"
#endif

/* A cache of 64 MB keeps the inner pages of indexes with random keys: a fifth less processor time for 600,000 rows with
 * a unique text. Larger pages, rarer checkpoints and secure_delete=OFF were measured too and make no difference. */
static int set_pragmas(struct sqlite_db *d, struct err *err)
{
    static const struct { const char *name, *value, *expected; } pragmas[] = {
        {"foreign_keys", "ON", "1"},        {"synchronous", SYNCHRONOUS},      {"cache_size", "-65536", "-65536"},
        {"cell_size_check", "ON", "1"},     {"journal_size_limit", "67108864", "67108864"},
    };
    char version[32];
    int rc;

    if (d->read_only ? set_pragma(d, "query_only", "ON", "1", err) < 0 : set_wal(d, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(pragmas); i++) {
        if (set_pragma(d, pragmas[i].name, pragmas[i].value, pragmas[i].expected, err) < 0)
            return -1;
    }
    rc = first_cell(d, "SELECT count(*) FROM sqlite_schema", version, sizeof version);
    return rc == SQLITE_OK ? 0 : sqlite_fail(d, rc, err);
}

static bool has_wal(const struct sqlite_db *d)
{
    CLEANUP(buf_release) struct buf wal = BUF_INIT;
    struct stat file;

    return buf_printf(&wal, "%s-wal", d->path) == 0 && stat(wal.at, &file) == 0 && file.st_size > 0;
}

static int open_handle(struct sqlite_db *d, const char *file, int flags, struct err *err)
{
    int rc = sqlite3_open_v2(file, &d->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

    if (!d->handle)
        return err_oom(err);
    if (rc != SQLITE_OK)
        return sqlite_fail(d, rc, err);
    return configure(d, err) < 0 || set_pragmas(d, err) < 0 ? -1 : 0;
}

/* The file as it is, without locks: for a directory where SQLite cannot put its -shm file. */
static int open_immutable(struct sqlite_db *d, struct err *err)
{
    CLEANUP(buf_release) struct buf uri = BUF_INIT;
    int failed = buf_add_text(&uri, "file:");

    for (const char *at = d->path; *at; at++)
        failed |= strchr("%?#", *at) ? buf_printf(&uri, "%%%02X", (unsigned char)*at) : buf_add_char(&uri, *at);
    if (failed | buf_add_text(&uri, "?immutable=1"))
        return err_oom(err);
    sqlite3_close_v2(d->handle);
    d->dead = false;
    return open_handle(d, uri.at, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
}

/* A reader that SQLite knows as such leaves an empty -wal and a -shm file behind; one that could write but may not
 * (query_only) tidies up. It must not move into the file what somebody else has left in the WAL. */
static int open_to_read(struct sqlite_db *d, struct err *err)
{
    struct err why = {0};
    bool wal = has_wal(d);

    if (open_handle(d, d->path, SQLITE_OPEN_READWRITE, &why) == 0) {
        sqlite3_db_config(d->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)wal, NULL);
        return 0;
    }
    if (d->handle && !wal && (why.code == W0554 || why.code == W0501)) {
        err_release(&why);
        return open_immutable(d, err);
    }
    if (err && !err->scope)
        err_move(err, &why);
    err_release(&why);
    return -1;
}

static void sqlite_close(struct db *db)
{
    struct sqlite_db *d = of(db);

    for (size_t i = 0; i < SQLITE_KEPT_STATEMENTS; i++) {
        sqlite3_finalize(d->kept[i].statement);
        free(d->kept[i].sql);
    }
    sqlite3_close_v2(d->handle);    /* rolls back; the last one out moves the WAL into the file */
    free(d->name);
    free(d->path);
    free(d);
}

static struct db *sqlite_open(const char *target, const struct db_options *options, struct err *err)
{
    const char *path = target + strlen("sqlite:");
    struct sqlite_db *d = calloc(1, sizeof *d);

    if (!d)
        return err_oom(err), NULL;
    d->db.ops = &db_ops_sqlite;
    d->wait_ms = options->wait_ms ? options->wait_ms : SQLITE_WAIT_MS;
    d->read_only = options->read_only;
    d->in_memory = strcmp(path, ":memory:") == 0;
    if (!*path) {
        err_set(err, ERR_RUN, W0102, "the target 'sqlite:' names no file");
        goto fail;
    }
    d->name = strdup(target);
    d->path = d->in_memory ? strdup(path) : absolute_path(path, err);
    if (!d->name || !d->path) {
        err_oom(err);   /* unless the path has said why */
        goto fail;
    }
    if (!d->in_memory && check_path(d->path, d->read_only, err) < 0)
        goto fail;
    if (d->read_only ? open_to_read(d, err) < 0
                     : open_handle(d, d->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err) < 0)
        goto fail;
    return &d->db;
fail:
    sqlite_close(&d->db);
    return NULL;
}

static const char *sqlite_name(const struct db *db)
{
    return ((const struct sqlite_db *)db)->name;
}

static int sqlite_identity(struct db *db, struct buf *ret, struct err *err)
{
    struct sqlite_db *d = of(db);
    struct stat file = {0};

    if (!d->in_memory && stat(d->path, &file) < 0)
        return err_set(err, ERR_RUN, W0556, "'%s': %s", d->path, strerror(errno));
    if (buf_printf(ret, "sqlite:%llx:%llu:%s", (unsigned long long)file.st_dev, (unsigned long long)file.st_ino,
                   d->path) < 0)
        return err_oom(err);
    return 0;
}

/* Statements */

int sqlite_prepare(struct sqlite_db *d, const char *sql, sqlite3_stmt **ret, struct err *err)
{
    const char *tail = NULL;
    int rc = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, &tail);
    int offset = rc == SQLITE_OK ? -1 : sqlite3_error_offset(d->handle);

    if (rc != SQLITE_OK) {
        sqlite_fail(d, rc, err);
        return offset >= 0 ? err_at_byte(err, (uint64_t)offset) : -1;
    }
    tail += strspn(tail, " \t\r\n;");
    if (*ret && !*tail)
        return 0;
    sqlite3_finalize(*ret);
    *ret = NULL;
    return err_set(err, ERR_RUN, W0502, "one statement expected, not %s", *tail ? "several" : "an empty text");
}

static struct sqlite_kept *find_kept(struct sqlite_db *d, uint64_t hash, const char *sql)
{
    for (size_t i = 0; i < SQLITE_KEPT_STATEMENTS; i++) {
        if (d->kept[i].sql && d->kept[i].hash == hash && strcmp(d->kept[i].sql, sql) == 0)
            return &d->kept[i];
    }
    return NULL;
}

/* A free place, or that of the statement that was kept longest and does not run; NULL when all run. */
static struct sqlite_kept *make_place(struct sqlite_db *d)
{
    for (size_t tries = 0; tries < SQLITE_KEPT_STATEMENTS; tries++) {
        struct sqlite_kept *k = &d->kept[d->next_kept++ % SQLITE_KEPT_STATEMENTS];

        if (k->statement && sqlite3_stmt_busy(k->statement))
            continue;
        sqlite3_finalize(k->statement);
        free(k->sql);
        *k = (struct sqlite_kept){0};
        return k;
    }
    return NULL;
}

sqlite3_stmt *sqlite_statement(struct sqlite_db *d, const char *sql, bool *ret_own, struct err *err)
{
    uint64_t hash = str_hash(str_of(sql));
    struct sqlite_kept *k = find_kept(d, hash, sql);
    sqlite3_stmt *statement;
    char *copy;

    *ret_own = false;
    if (k && !sqlite3_stmt_busy(k->statement)) {
        sqlite3_clear_bindings(k->statement);
        return k->statement;
    }
    if (sqlite_prepare(d, sql, &statement, err) < 0)
        return NULL;
    copy = k ? NULL : strdup(sql);
    k = copy ? make_place(d) : NULL;
    if (k)
        *k = (struct sqlite_kept){hash, copy, statement};
    else
        free(copy);
    *ret_own = !k;
    return statement;
}

static int bind_value(sqlite3_stmt *statement, int at, const struct db_value *v)
{
    switch (v->type) {
    case DB_NULL:
        return sqlite3_bind_null(statement, at);
    case DB_INT:
        return sqlite3_bind_int64(statement, at, v->n);
    case DB_TEXT:
        return sqlite3_bind_text64(statement, at, v->text.at, v->text.len, SQLITE_STATIC, SQLITE_UTF8);
    case DB_BYTES:
        return sqlite3_bind_blob64(statement, at, v->text.at ? v->text.at : "", v->text.len, SQLITE_STATIC);
    }
    BUG("a parameter of type %d", (int)v->type);
}

/* $1 is a name to SQLite; its place is that of its first appearance. */
static int bind_all(struct sqlite_db *d, sqlite3_stmt *statement, const struct db_value *params, size_t n,
                    struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        char name[24];
        int at, rc;

        snprintf(name, sizeof name, "$%zu", i + 1);
        at = sqlite3_bind_parameter_index(statement, name);
        if (at == 0)
            return err_set(err, ERR_RUN, W0502, "the statement has no parameter %s", name);
        rc = bind_value(statement, at, &params[i]);
        if (rc != SQLITE_OK)
            return sqlite_fail(d, rc, err);
    }
    if ((size_t)sqlite3_bind_parameter_count(statement) != n)
        return err_set(err, ERR_RUN, W0502, "the statement has %d parameters, %zu were given",
                       sqlite3_bind_parameter_count(statement), n);
    return 0;
}

/* A cell of the current row, lent until the next step. Doubles keep their digits, which SQLite's own text does not. */
static struct db_value column_value(sqlite3_stmt *statement, int column, char number[SQLITE_DOUBLE_MAX])
{
    struct db_value ret;
    const char *at;
    int type = sqlite3_column_type(statement, column);

    switch (type) {
    case SQLITE_NULL:
        return db_null();
    case SQLITE_FLOAT:
        ret = db_text(str_make(number, sqlite_row_double(sqlite3_column_double(statement, column), number)));
        ret.number = true;
        return ret;
    case SQLITE_BLOB:
        at = sqlite3_column_blob(statement, column);
        return db_bytes(str_make(at ? at : "", (size_t)sqlite3_column_bytes(statement, column)));
    default:
        at = (const char *)sqlite3_column_text(statement, column);
        ret = db_text(str_make(at, (size_t)sqlite3_column_bytes(statement, column)));
        ret.number = type == SQLITE_INTEGER;
        return ret;
    }
}

/* The same as it is stored. */
static struct db_value column_as_it_is(sqlite3_stmt *statement, int column, char number[SQLITE_DOUBLE_MAX])
{
    const char *at;

    (void)number;
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
        return db_null();
    case SQLITE_INTEGER:
        return db_int(sqlite3_column_int64(statement, column));
    default:
        at = sqlite3_column_blob(statement, column);
        return db_bytes(str_make(at ? at : "", (size_t)sqlite3_column_bytes(statement, column)));
    }
}

static int take_names(sqlite3_stmt *statement, struct db_result *ret, struct err *err)
{
    ret->n_columns = (size_t)sqlite3_column_count(statement);
    ret->names = arena_calloc(ret->arena, ret->n_columns + 1, sizeof *ret->names);
    for (size_t i = 0; ret->names && i < ret->n_columns; i++) {
        const char *name = sqlite3_column_name(statement, (int)i);

        ret->names[i] = name ? arena_dup(ret->arena, str_of(name)) : NULL;
        if (!ret->names[i])
            return err_oom(err);
    }
    return ret->names ? 0 : err_oom(err);
}

typedef int row_function(void *context, const struct db_value *values, size_t n, struct err *err);
typedef struct db_value column_function(sqlite3_stmt *statement, int column, char number[SQLITE_DOUBLE_MAX]);

static int step_rows(struct sqlite_db *d, sqlite3_stmt *statement, column_function *column, row_function *row, void *context,
                     struct err *err)
{
    size_t n = (size_t)sqlite3_column_count(statement);
    CLEANUP(free_ptr) struct db_value *values = calloc(n + 1, sizeof *values);
    CLEANUP(free_ptr) char (*numbers)[SQLITE_DOUBLE_MAX] = calloc(n + 1, sizeof *numbers);
    int rc;

    if (!values || !numbers)
        return err_oom(err);
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        for (size_t i = 0; i < n; i++)
            values[i] = column(statement, (int)i, numbers[i]);
        if (sqlite3_errcode(d->handle) == SQLITE_NOMEM)
            return err_oom(err);
        if (row && row(context, values, n, err) < 0)
            return -1;
    }
    return rc == SQLITE_DONE ? 0 : sqlite_fail(d, rc, err);
}

static int run(struct sqlite_db *d, const char *sql, const struct db_value *params, size_t n, column_function *column,
               row_function *row, void *context, struct db_result *result, struct err *err)
{
    sqlite3_int64 before = sqlite3_total_changes64(d->handle);
    bool own;
    sqlite3_stmt *statement = sqlite_statement(d, sql, &own, err);
    int failed;

    if (!statement)
        return -1;
    failed = (result && take_names(statement, result, err) < 0) || bind_all(d, statement, params, n, err) < 0 ||
             step_rows(d, statement, column, row, context, err) < 0;
    if (!failed && result && sqlite3_total_changes64(d->handle) != before)
        result->affected = (uint64_t)sqlite3_changes64(d->handle);
    if (own)
        sqlite3_finalize(statement);
    else
        sqlite3_reset(statement);
    return failed ? -1 : 0;
}

/* Rows of a result while they arrive; the arena of the result keeps the texts. */
struct collected {
    struct arena *arena;
    struct db_value *values;
    size_t n, capacity, rows;
};

static int collect_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct collected *c = context;

    if (c->n + n > c->capacity) {
        size_t capacity = (c->n + n) * 2;
        struct db_value *grown = realloc(c->values, capacity * sizeof *grown);

        if (!grown)
            return err_oom(err);
        c->values = grown;
        c->capacity = capacity;
    }
    for (size_t i = 0; i < n; i++) {
        c->values[c->n] = values[i];
        if (values[i].type != DB_NULL && !(c->values[c->n].text = arena_str(c->arena, values[i].text)).at)
            return err_oom(err);
        c->n++;
    }
    c->rows++;
    return 0;
}

static int sqlite_query(struct db *db, const char *sql, const struct db_value *params, size_t n,
                        struct db_result *ret, struct err *err)
{
    struct collected c = {0};
    struct db_result result;
    int failed;

    if (!ret)
        return run(of(db), sql, params, n, column_value, NULL, NULL, NULL, err);
    if (db_result_init(&result, 0, 0, err) < 0)
        return -1;
    c.arena = result.arena;
    failed = run(of(db), sql, params, n, column_value, collect_row, &c, &result, err);
    if (!failed && !(result.values = arena_calloc(result.arena, c.n + 1, sizeof *result.values)))
        failed = err_oom(err);
    if (!failed && c.n)
        memcpy(result.values, c.values, c.n * sizeof *c.values);
    free(c.values);
    if (failed) {
        db_result_release(&result);
        return -1;
    }
    result.n_rows = c.rows;
    *ret = result;
    return 0;
}

static int sqlite_stream(struct db *db, const char *sql, const struct db_value *params, size_t n,
                         int (*row)(void *context, const struct db_value *values, size_t n, struct err *err),
                         void *context, struct err *err)
{
    return run(of(db), sql, params, n, column_value, row, context, NULL, err);
}

static int sqlite_scan(struct db *db, const char *sql, const struct db_value *params, size_t n, row_function *row, void *context,
                       struct err *err)
{
    return run(of(db), sql, params, n, column_as_it_is, row, context, NULL, err);
}

static int fail_in_text(struct sqlite_db *d, int rc, size_t start, int offset, struct err *err)
{
    sqlite_fail(d, rc, err);
    return err_at_byte(err, start + (offset > 0 ? (size_t)offset : 0));
}

static int sqlite_exec(struct db *db, const char *sql, struct err *err)
{
    struct sqlite_db *d = of(db);
    const char *at = sql;

    while (*(at += strspn(at, " \t\r\n;"))) {
        CLEANUP(finalize) sqlite3_stmt *statement = NULL;
        size_t start = (size_t)(at - sql);
        int rc = sqlite3_prepare_v2(d->handle, at, -1, &statement, &at);

        if (rc != SQLITE_OK)
            return fail_in_text(d, rc, start, sqlite3_error_offset(d->handle), err);
        while (statement && (rc = sqlite3_step(statement)) == SQLITE_ROW)
            continue;
        if (statement && rc != SQLITE_DONE)
            return fail_in_text(d, rc, start, -1, err);
    }
    return 0;
}

/* Transactions */

static int refuse_moved(struct sqlite_db *d, struct err *err)
{
    int moved = 0;

    if (d->in_memory || sqlite3_file_control(d->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || !moved)
        return 0;
    d->dead = true;
    return err_set(err, ERR_RUN, W0556, "'%s' was moved or deleted while it was open", d->path);
}

static int step_once(struct sqlite_db *d, const char *sql, struct err *err)
{
    bool own;
    sqlite3_stmt *statement = sqlite_statement(d, sql, &own, err);
    int rc;

    if (!statement)
        return -1;
    rc = sqlite3_step(statement);
    if (rc != SQLITE_DONE)
        sqlite_fail(d, rc, err);
    if (own)
        sqlite3_finalize(statement);
    else
        sqlite3_reset(statement);
    return rc == SQLITE_DONE ? 0 : rc;
}

static int sqlite_begin(struct db *db, struct err *err)
{
    if (refuse_moved(of(db), err) < 0)
        return -1;
    if (step_once(of(db), "BEGIN IMMEDIATE", err) != 0)
        return -1;
    of(db)->open = true;
    return 0;
}

static int sqlite_rollback(struct db *db)
{
    struct sqlite_db *d = of(db);

    if (!sqlite3_get_autocommit(d->handle) && step_once(d, "ROLLBACK", NULL) != 0)
        d->dead = true;
    d->open = false;
    return d->dead ? -1 : 0;
}

/* Busy and a violated constraint leave the transaction open, so it certainly did not commit. After any other failure
 * only the file, opened again, knows. */
static enum db_outcome sqlite_commit(struct db *db, struct err *err)
{
    struct sqlite_db *d = of(db);
    int rc;

    if (sqlite3_get_autocommit(d->handle)) {
        err_set(err, ERR_RUN, W0509, "the database had rolled the transaction back before its commit");
        return DB_NOT_COMMITTED;
    }
    if (refuse_moved(d, err) < 0) {
        sqlite_rollback(db);
        return DB_NOT_COMMITTED;
    }
    FAULT("sqlite_before_commit");
    d->committing = true;
    rc = FAULT_FAILS("sqlite_commit_lost") ? SQLITE_IOERR : step_once(d, "COMMIT", err);
    d->committing = false;
    if (FAULT_FAILS("sqlite_answer_lost"))
        rc = SQLITE_IOERR;
    if (rc == 0) {
        d->open = false;
        return DB_COMMITTED;
    }
    if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_CONSTRAINT) {
        sqlite_rollback(db);
        return DB_NOT_COMMITTED;
    }
    err_set(err, ERR_RUN, W0552, "the outcome of a commit to '%s' is unknown", d->path);
    d->dead = true;
    return DB_UNKNOWN;
}

static bool sqlite_alive(const struct db *db)
{
    return !((const struct sqlite_db *)db)->dead;
}

static void sqlite_cancel(struct db *db)
{
    sqlite3_interrupt(of(db)->handle);
}

const struct db_ops db_ops_sqlite = {
    .engine = DB_SQLITE,
    .open = sqlite_open,
    .close = sqlite_close,
    .name = sqlite_name,
    .identity = sqlite_identity,
    .exec = sqlite_exec,
    .query = sqlite_query,
    .stream = sqlite_stream,
    .scan = sqlite_scan,
    .begin = sqlite_begin,
    .rollback = sqlite_rollback,
    .commit = sqlite_commit,
    .alive = sqlite_alive,
    .cancel = sqlite_cancel,
};
