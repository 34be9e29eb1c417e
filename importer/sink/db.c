/* Choice of the engine by the target's text, and what is the same on both, see sink/db.h. */
#include "sink/db_internal.h"

#include <stdlib.h>

bool db_target_is_sqlite(const char *target)
{
    return strncmp(target, "sqlite:", 7) == 0;
}

struct db *db_open(const char *target, const struct db_options *options, struct err *err)
{
    static const struct db_options defaults = {0};
    const struct db_ops *ops = db_target_is_sqlite(target) ? &db_ops_sqlite : &db_ops_postgres;

    return ops->open(target, options ? options : &defaults, err);
}

void db_close(struct db *db)
{
    if (db)
        db->ops->close(db);
}

enum db_engine db_engine(const struct db *db)
{
    return db->ops->engine;
}

const char *db_name(const struct db *db)
{
    return db->ops->name(db);
}

int db_identity(struct db *db, struct buf *ret, struct err *err)
{
    return db->ops->identity(db, ret, err);
}

unsigned db_timeline(struct db *db)
{
    return db->ops->timeline ? db->ops->timeline(db) : 0;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
    return db->ops->exec(db, sql, err);
}

int db_query(struct db *db, const char *sql, const struct db_value *params, size_t n, struct db_result *ret,
             struct err *err)
{
    return db->ops->query(db, sql, params, n, ret, err);
}

int db_stream(struct db *db, const char *sql, const struct db_value *params, size_t n,
              int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
              struct err *err)
{
    return db->ops->stream(db, sql, params, n, row, context, err);
}

int db_scan(struct db *db, const char *sql, const struct db_value *params, size_t n,
            int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
            struct err *err)
{
    return db->ops->scan(db, sql, params, n, row, context, err);
}

int db_must_be_one(const struct db_one *one, uint64_t affected, struct err *err)
{
    return !one || affected == 1 ? 0 : err_set(err, ERR_RUN, one->code, "%s", one->message);
}

static int post(struct db *db, const char *sql, const struct db_value *params, size_t n, const struct db_one *one, struct err *err)
{
    struct db_result r = {0};
    int ret;

    if (db->ops->post)
        return db->ops->post(db, sql, params, n, one, err);
    ret = db_query(db, sql, params, n, &r, err);
    if (ret == 0)
        ret = db_must_be_one(one, r.affected, err);
    db_result_release(&r);
    return ret;
}

int db_post(struct db *db, const char *sql, const struct db_value *params, size_t n, struct err *err)
{
    return post(db, sql, params, n, NULL, err);
}

int db_post_one(struct db *db, const char *sql, const struct db_value *params, size_t n, enum code code, const char *message,
                struct err *err)
{
    return post(db, sql, params, n, &(struct db_one){code, message}, err);
}

int db_begin(struct db *db, struct err *err)
{
    return db->ops->begin(db, err);
}

int db_rollback(struct db *db)
{
    return db->ops->rollback(db);
}

enum db_outcome db_commit(struct db *db, struct err *err)
{
    return db->ops->commit(db, err);
}

bool db_alive(const struct db *db)
{
    return db->ops->alive(db);
}

void db_cancel(struct db *db)
{
    db->ops->cancel(db);
}

int db_set_state(struct err *err, const char *sqlstate)
{
    if (err && sqlstate && !err->sqlstate[0]) {
        strncpy(err->sqlstate, sqlstate, sizeof err->sqlstate - 1);
        err->sqlstate[sizeof err->sqlstate - 1] = '\0';
    }
    return -1;
}

static bool listed(const char *state, const char *const *states)
{
    while (*states && strcmp(*states, state) != 0)
        states++;
    return *states != NULL;
}

bool db_absent(const struct err *err)
{
    static const char *const states[] = {"08001", "53300", "57P03", NULL};

    return listed(err->sqlstate, states);
}

bool db_lost(const struct err *err)
{
    static const char *const states[] = {"57P01", "57P02", "57P05", NULL};

    if (db_absent(err))
        return false;
    return (strncmp(err->sqlstate, "08", 2) == 0 && strcmp(err->sqlstate, "08P01") != 0) || listed(err->sqlstate, states);
}

bool db_transient(const struct err *err)
{
    static const char *const states[] = {"40001", "40P01", "55P03", NULL};
    int64_t code;

    if (db_absent(err) || db_lost(err) || listed(err->sqlstate, states))
        return true;
    return strlen(err->sqlstate) < 5 && str_parse_int64(str_of(err->sqlstate), &code) && ((code & 0xff) == 5 || (code & 0xff) == 6);
}

bool db_interrupted(const struct err *err)
{
    return strcmp(err->sqlstate, "57014") == 0 || strcmp(err->sqlstate, "9") == 0;
}

int db_result_init(struct db_result *ret, size_t rows, size_t columns, struct err *err)
{
    size_t cells;

    *ret = (struct db_result){.n_rows = rows, .n_columns = columns, .arena = calloc(1, sizeof *ret->arena)};
    if (!ret->arena || __builtin_mul_overflow(rows, columns, &cells))
        goto fail;
    ret->values = arena_calloc(ret->arena, cells + 1, sizeof *ret->values);
    ret->names = arena_calloc(ret->arena, columns + 1, sizeof *ret->names);
    if (!ret->values || !ret->names)
        goto fail;
    return 0;
fail:
    db_result_release(ret);
    return err_oom(err);
}

void db_result_release(struct db_result *r)
{
    if (r->arena)
        arena_release(r->arena);
    free(r->arena);
    *r = (struct db_result){0};
}

int64_t db_cell_int(const struct db_result *r, size_t row, size_t column)
{
    int64_t n = 0;

    str_parse_int64(db_cell(r, row, column), &n);
    return n;
}

static int quote(struct str s, char mark, struct buf *out)
{
    size_t start = out->len;

    if (memchr(s.at, '\0', s.len) || buf_add_char(out, mark) < 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        if ((s.at[i] == mark && buf_add_char(out, mark) < 0) || buf_add_char(out, s.at[i]) < 0)
            goto undo;
    }
    if (buf_add_char(out, mark) == 0)
        return 0;
undo:
    out->len = start;
    out->at[start] = '\0';
    return -1;
}

/* Both engines follow the standard here: PostgreSQL's sessions are pinned to standard_conforming_strings. */
int db_quote_name(const struct db *db, const char *name, struct buf *out)
{
    (void)db;
    return quote(str_of(name), '"', out);
}

int db_quote_text(const struct db *db, struct str text, struct buf *out)
{
    (void)db;
    return quote(text, '\'', out);
}
