/* The ledger's tables and its SQL dialects. In every statement {w} stands for the prefix of the tables. */
#include "ledger/ledger_internal.h"

#include "base/cleanup.h"

/* A second guard besides the compare-and-swap. */
#ifndef WINDROW_CANARY_NO_CAS
#define ONE_CHUNK ", UNIQUE (unit_id, gen)"
#else
#define ONE_CHUNK ""
#endif

static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS {w}meta (key text PRIMARY KEY, value text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {w}jobs (id {serial}, mapping text NOT NULL, source text NOT NULL,"
    " seal bigint NOT NULL, UNIQUE (mapping, source))",
    "CREATE TABLE IF NOT EXISTS {w}runs (id {serial}, job_id bigint NOT NULL REFERENCES {w}jobs (id),"
    " digest text NOT NULL, parameters text NOT NULL, target text NOT NULL, windrow text NOT NULL, state text NOT NULL,"
    " keys text NOT NULL, mapping_path text,"
    " started_at {time} NOT NULL DEFAULT {now}, ended_at {time}, summary text, files text, seal bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {w}units (id {serial}, job_id bigint NOT NULL REFERENCES {w}jobs (id),"
    " run_id bigint NOT NULL REFERENCES {w}runs (id), state smallint NOT NULL DEFAULT 0, gen bigint NOT NULL DEFAULT 0,"
    " mode smallint NOT NULL, part smallint NOT NULL, from_byte bigint NOT NULL, to_byte bigint NOT NULL,"
    " load_id bigint, n_files bigint NOT NULL, bytes bigint NOT NULL, files {bytes} NOT NULL,"
    " seal bigint NOT NULL)",
    "CREATE INDEX IF NOT EXISTS {i}units_open ON {w}units (job_id, id) WHERE state = 0",
    "CREATE INDEX IF NOT EXISTS {i}units_load ON {w}units (load_id) WHERE load_id IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS {w}files (job_id bigint NOT NULL REFERENCES {w}jobs (id), root integer NOT NULL,"
    " path {bytes} NOT NULL, member {bytes}, size bigint NOT NULL, mtime_ns bigint NOT NULL, hash {bytes},"
    " unit_id bigint NOT NULL, run_id bigint NOT NULL, PRIMARY KEY (job_id, root, path)){clustered}",
    "CREATE TABLE IF NOT EXISTS {w}chunks (id {serial}, run_id bigint NOT NULL REFERENCES {w}runs (id),"
    " unit_id bigint NOT NULL REFERENCES {w}units (id), gen bigint NOT NULL, rows_json text NOT NULL, lines bigint NOT NULL,"
    " hash {bytes}, keys {bytes}, keys_seal bigint NOT NULL, pieces bigint NOT NULL DEFAULT 0, seal bigint NOT NULL, transaction_id text,"
    " committed_at {time} NOT NULL DEFAULT {now}" ONE_CHUNK ")",
    "CREATE TABLE IF NOT EXISTS {w}keys (id {serial}, chunk_id bigint NOT NULL REFERENCES {w}chunks (id), keys {bytes} NOT NULL,"
    " seal bigint NOT NULL)",
    "CREATE INDEX IF NOT EXISTS {i}keys_chunk ON {w}keys (chunk_id)",
    "CREATE TABLE IF NOT EXISTS {w}before (id {serial}, chunk_id bigint NOT NULL REFERENCES {w}chunks (id),"
    " table_name text NOT NULL, row_key {bytes} NOT NULL, deleted smallint NOT NULL, old text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {w}rejects (id {serial}, run_id bigint NOT NULL REFERENCES {w}runs (id),"
    " chunk_id bigint REFERENCES {w}chunks (id), root integer NOT NULL, path {bytes} NOT NULL, line bigint, col bigint,"
    " byte bigint, pointer text, table_name text, code text NOT NULL, sqlstate text, message text NOT NULL, map_line integer,"
    " record {bytes}, rule text, record_line bigint, record_byte bigint, record_index bigint, row_path text,"
    " state text NOT NULL DEFAULT 'open')",
    "CREATE INDEX IF NOT EXISTS {i}rejects_run ON {w}rejects (run_id, chunk_id, record_byte)",
    "CREATE INDEX IF NOT EXISTS {i}rejects_open ON {w}rejects (root, path) WHERE state = 'open'",
};

static const struct {
    const char *name, *postgresql, *sqlite;
} words[] = {
    {"{w}", "windrow.", "windrow_"},
    {"{i}", "", "windrow_"},
    {"{serial}", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"},
    {"{bytes}", "bytea", "BLOB"},
    {"{time}", "timestamptz", "TEXT"},
    {"{now}", "now()", "(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"},
    {"{clustered}", "", " WITHOUT ROWID"},     /* a file is one entry of one tree, not of two */
    {"{lock}", " FOR UPDATE", ""},
    {"{skip}", " FOR UPDATE SKIP LOCKED", ""},
    {"{xid}", "pg_current_xact_id()::text", "NULL"},
};

int ledger_sql(const struct db *db, const char *text, struct buf *out)
{
    bool sqlite = db_engine(db) == DB_SQLITE;

    buf_clear(out);
    while (*text) {
        const char *next = strchr(text, '{');
        size_t i = 0;

        if (!next)
            return buf_add_text(out, text);
        if (buf_add(out, text, (size_t)(next - text)) < 0)
            return -1;
        while (i < ARRAY_LEN(words) && strncmp(next, words[i].name, strlen(words[i].name)) != 0)
            i++;
        if (i == ARRAY_LEN(words))
            BUG("no word for '%.12s' in the ledger's SQL", next);
        if (buf_add_text(out, sqlite ? words[i].sqlite : words[i].postgresql) < 0)
            return -1;
        text = next + strlen(words[i].name);
    }
    return 0;
}

int ledger_query(struct db *db, const char *text, const struct db_value *params, size_t n, struct db_result *ret,
                 struct err *err)
{
    struct buf sql = BUF_INIT;
    int result;

    if (ledger_sql(db, text, &sql) < 0) {
        buf_release(&sql);
        return err_oom(err);
    }
    result = db_query(db, buf_text(&sql), params, n, ret, err);
    buf_release(&sql);
    return result;
}

int ledger_scan(struct db *db, const char *text, const struct db_value *params, size_t n,
                int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                struct err *err)
{
    struct buf sql = BUF_INIT;
    int result = ledger_sql(db, text, &sql) < 0 ? err_oom(err) : db_scan(db, buf_text(&sql), params, n, row, context, err);

    buf_release(&sql);
    return result;
}

int ledger_post(struct db *db, const char *text, const struct db_value *params, size_t n, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    return ledger_sql(db, text, &sql) < 0 ? err_oom(err) : db_post(db, buf_text(&sql), params, n, err);
}

int ledger_post_one(struct db *db, const char *text, const struct db_value *params, size_t n, enum code code, const char *message,
                    struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    return ledger_sql(db, text, &sql) < 0 ? err_oom(err) : db_post_one(db, buf_text(&sql), params, n, code, message, err);
}

int ledger_query_int(struct db *db, const char *text, const struct db_value *params, size_t n, int64_t *ret,
                     struct err *err)
{
    struct db_result r = {0};
    int got = ledger_query(db, text, params, n, &r, err);

    if (got == 0 && r.n_rows) {
        *ret = db_cell_int(&r, 0, 0);
        got = 1;
    }
    db_result_release(&r);
    return got;
}

/* 1, 0 when none is noted, -1 when it is another one. */
static int check_format(struct db *db, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (ledger_query(db, "SELECT value FROM {w}meta WHERE key = 'format'", NULL, 0, &r, err) < 0)
        return -1;
    if (r.n_rows == 0 || str_is(db_cell(&r, 0, 0), LEDGER_FORMAT))
        return r.n_rows > 0;
    return err_set(err, ERR_RUN, W0602, "the ledger has format %.*s, this windrow reads format " LEDGER_FORMAT,
                   STR_ARG(db_cell(&r, 0, 0)));
}

static int note_format(struct db *db, struct err *err)
{
    int noted = check_format(db, err);

    return noted ? (noted < 0 ? -1 : 0)
                 : ledger_query(db, "INSERT INTO {w}meta (key, value) VALUES ('format', '" LEDGER_FORMAT "')", NULL, 0, NULL, err);
}

int ledger_exists(struct db *db, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    const char *sql = db_engine(db) == DB_SQLITE ? "SELECT 1 FROM sqlite_schema WHERE name = 'windrow_meta'"
                                                 : "SELECT 1 WHERE to_regclass('windrow.meta') IS NOT NULL";

    if (db_query(db, sql, NULL, 0, &r, err) < 0)
        return -1;
    return r.n_rows && check_format(db, err) < 0 ? -1 : r.n_rows > 0;
}

/* Compressing keys costs the server more than anything else in the ledger, and hardly makes them smaller. The table may have been
 * made by another process in between, which is using it. */
static const char store_keys[] =
    "DO 'BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = ''windrow.chunks''::pg_catalog.regclass AND"
    " attname = ''keys'' AND attstorage <> ''e'') THEN ALTER TABLE windrow.chunks ALTER keys SET STORAGE EXTERNAL; ALTER TABLE"
    " windrow.keys ALTER keys SET STORAGE EXTERNAL; END IF; END'";

static int create_all(struct db *db, struct buf *sql, struct err *err)
{
    if (db_engine(db) == DB_POSTGRESQL &&
        db_exec(db, "SELECT pg_advisory_xact_lock(1466527332, 1); "
                    /* not IF NOT EXISTS: that asks for the right to create one even where it is there */
                    "DO 'BEGIN IF to_regnamespace(''windrow'') IS NULL THEN CREATE SCHEMA windrow; END IF; END'", err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (ledger_sql(db, tables[i], sql) < 0)
            return err_oom(err);
        if (db_exec(db, buf_text(sql), err) < 0)
            return -1;
    }
    if (db_engine(db) == DB_POSTGRESQL && db_exec(db, store_keys, err) < 0)
        return -1;
    return note_format(db, err);
}

int ledger_create(struct db *db, struct err *err)
{
    struct buf sql = BUF_INIT;
    int there = ledger_exists(db, err), ret = -1;

    if (there == 1) {
        ret = note_format(db, err);
    } else if (there == 0 && db_begin(db, err) == 0) {
        ret = create_all(db, &sql, err);
        if (ret == 0)
            ret = db_commit(db, err) == DB_COMMITTED ? 0 : err_set(err, ERR_RUN, W0601, "the ledger could not be made");
        else
            db_rollback(db);
    }
    buf_release(&sql);
    return ret;
}
