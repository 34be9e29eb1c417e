/* Statements and their results: without parameters parsed anew each time, with parameters prepared once. */
#include "sink/postgres_internal.h"

enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };

/* ---- results ---- */

static int decode_bytea(const char *text, struct arena *a, struct str *ret)
{
    size_t len = strlen(text);
    char *bytes = arena_alloc(a, len / 2 + 1);

    if (!bytes)
        return -1;
    len = len < 2 ? 0 : (len - 2) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned hi = (unsigned char)text[2 + 2 * i], lo = (unsigned char)text[3 + 2 * i];

        hi = hi <= '9' ? hi - '0' : hi - 'a' + 10;
        lo = lo <= '9' ? lo - '0' : lo - 'a' + 10;
        bytes[i] = (char)(hi << 4 | lo);
    }
    *ret = str_make(bytes, len);
    return 0;
}

static bool is_number(Oid type)
{
    static const Oid numbers[] = {20, 21, 23, 700, 701, 1700};     /* the integers, float4, float8, numeric */

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (type == numbers[i])
            return true;
    }
    return false;
}

static int take_value(const PGresult *res, int row, int column, struct arena *a, struct db_value *ret)
{
    *ret = db_null();
    if (PQgetisnull(res, row, column))
        return 0;
    if (PQftype(res, column) == OID_BYTEA) {
        ret->type = DB_BYTES;
        return decode_bytea(PQgetvalue(res, row, column), a, &ret->text);
    }
    ret->type = DB_TEXT;
    ret->number = is_number(PQftype(res, column));
    ret->text = arena_str(a, str_make(PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column)));
    return ret->text.at ? 0 : -1;
}

static int take_result(const PGresult *res, struct db_result *ret, struct err *err)
{
    int rows = PQntuples(res), columns = PQnfields(res);

    if (db_result_init(ret, (size_t)rows, (size_t)columns, err) < 0)
        return -1;
    ret->affected = strtoull(PQcmdTuples((PGresult *)res), NULL, 10);
    for (int k = 0; k < columns; k++) {
        ret->names[k] = arena_dup(ret->arena, str_of(PQfname(res, k)));
        if (!ret->names[k]) {
            db_result_release(ret);
            return err_oom(err);
        }
    }
    for (int i = 0; i < rows; i++) {
        for (int k = 0; k < columns; k++) {
            if (take_value(res, i, k, ret->arena, &ret->values[(size_t)i * (size_t)columns + (size_t)k]) < 0) {
                db_result_release(ret);
                return err_oom(err);
            }
        }
    }
    return 0;
}

int postgres_run(struct postgres *p, const char *sql, struct db_result *ret, struct err *err)
{
    CLEANUP(postgres_clear) PGresult *res = NULL;
    int outcome = postgres_settle(p, NULL, err);

    if (outcome != 0)
        return outcome;
    if (!PQsendQuery(p->conn, sql))
        return postgres_lost_now(p, err);
    outcome = postgres_all(p, sql, &res, err);
    if (outcome == 0 && ret)
        return res ? take_result(res, ret, err) : db_result_init(ret, 0, 0, err);
    return outcome;
}

int postgres_exec(struct db *db, const char *sql, struct err *err)
{
    return postgres_run(postgres_of(db), sql, NULL, err) == 0 ? 0 : -1;
}

/* ---- prepared statements ---- */

int postgres_query(struct db *db, const char *sql, const struct db_value *params, size_t n, struct db_result *ret,
                   struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(postgres_clear) PGresult *res = NULL;

    if (p->n_posted) {
        if (postgres_post(db, sql, params, n, NULL, err) < 0 || postgres_settle(p, &res, err) != 0)
            return -1;
    } else if (postgres_send_prepared(p, sql, params, n, false, err) != 0 || postgres_all(p, sql, &res, err) != 0) {
        return -1;
    }
    if (!ret)
        return 0;
    return res ? take_result(res, ret, err) : db_result_init(ret, 0, 0, err);
}

struct streamed {
    int (*row)(void *context, const struct db_value *values, size_t n, struct err *err);
    void *context;
    struct arena arena;
};

static void streamed_release(struct streamed *s) { arena_release(&s->arena); }

static int stream_rows(const PGresult *res, struct streamed *s, struct err *err)
{
    int columns = PQnfields(res);

    for (int i = 0; i < PQntuples(res); i++) {
        struct db_value *values;

        arena_reset(&s->arena);
        values = arena_calloc(&s->arena, (size_t)columns, sizeof *values);
        if (!values)
            return err_oom(err);
        for (int k = 0; k < columns; k++) {
            if (take_value(res, i, k, &s->arena, &values[k]) < 0)
                return err_oom(err);
        }
        if (s->row(s->context, values, (size_t)columns, err) < 0)
            return -1;
    }
    return 0;
}

void postgres_cancel(struct db *db)
{
    char ignored[256];

    PQcancel(postgres_of(db)->cancel, ignored, sizeof ignored);
}

int postgres_stream(struct db *db, const char *sql, const struct db_value *params, size_t n,
                    int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                    struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(streamed_release) struct streamed s = {.row = row, .context = context};

    if (postgres_send_prepared(p, sql, params, n, false, err) != 0)
        return -1;
    PQsetSingleRowMode(p->conn);
    if (postgres_flush(p, err) < 0)
        return -1;
    for (;;) {
        CLEANUP(postgres_clear) PGresult *res = NULL;
        int outcome = 0;

        if (postgres_next(p, &res, err) < 0)
            return -1;
        if (!res)
            return 0;
        if (PQresultStatus(res) == PGRES_SINGLE_TUPLE || PQresultStatus(res) == PGRES_TUPLES_OK)
            outcome = stream_rows(res, &s, err);
        else if (PQresultStatus(res) == PGRES_FATAL_ERROR)
            outcome = postgres_refused(p, res, sql, err);
        if (outcome != 0) {
            if (!p->lost && outcome < 0)
                postgres_cancel(db);
            postgres_all(p, sql, NULL, NULL);
            return -1;
        }
    }
}

/* A value in the server's binary form. */
static int take_binary(const PGresult *res, int row, int column, struct db_value *ret, struct err *err)
{
    struct str bytes = str_make(PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column));
    uint64_t n = 0;

    if (PQgetisnull(res, row, column)) {
        *ret = db_null();
        return 0;
    }
    switch (PQftype(res, column)) {
    case OID_BYTEA:
    case OID_TEXT:
        *ret = db_bytes(bytes);
        return 0;
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
        for (size_t i = 0; i < bytes.len; i++)
            n = n << 8 | (unsigned char)bytes.at[i];
        *ret = db_int(bytes.len == 8 ? (int64_t)n : bytes.len == 4 ? (int32_t)n : (int16_t)n);
        return 0;
    }
    return err_set(err, ERR_RUN, W0502, "column %d is of a type that cannot be scanned", column + 1);
}

static int scan_rows(const PGresult *res, struct streamed *s, struct err *err)
{
    int columns = PQnfields(res);
    struct db_value *values = arena_calloc(&s->arena, (size_t)columns, sizeof *values);

    if (!values)
        return err_oom(err);
    for (int i = 0; i < PQntuples(res); i++) {
        for (int k = 0; k < columns; k++) {
            if (take_binary(res, i, k, &values[k], err) < 0)
                return -1;
        }
        if (s->row(s->context, values, (size_t)columns, err) < 0)
            return -1;
    }
    return 0;
}

int postgres_scan(struct db *db, const char *sql, const struct db_value *params, size_t n,
                  int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                  struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(streamed_release) struct streamed s = {.row = row, .context = context};
    CLEANUP(postgres_clear) PGresult *res = NULL;

    if (postgres_send_prepared(p, sql, params, n, true, err) != 0 || postgres_all(p, sql, &res, err) != 0)
        return -1;
    return res ? scan_rows(res, &s, err) : 0;
}
