/* Statements and transactions over libpq. libpq alone waits for ever on a server that accepts and never answers; here
 * every wait ends. */
#include "sink/postgres_internal.h"

#include "base/fault.h"
#include "base/stop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

enum { OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, STATEMENT_NAME = 24, LOOK_MS = 100 };

struct postgres *postgres_of(struct db *db)
{
    if (db->ops != &db_ops_postgres)
        BUG("not a connection to PostgreSQL");
    return (struct postgres *)db;
}

struct db *postgres_db(struct postgres *p)
{
    return &p->db;
}

/* ---- failures ---- */

bool postgres_blames_row(const char *sqlstate)
{
    /* Classes of the connection, the session, the statement, resources and the server itself. Everything else (22
     * values, 23 constraints, 44, 54 limits, P0 and users' own classes raised by triggers) can be a row's fault. */
    static const char *const others[] = {"",   "00", "01", "02", "03", "08", "0A", "0B", "0L", "0P", "25", "26",
                                         "28", "2B", "2D", "34", "3B", "3D", "3F", "40", "42", "53", "55", "57",
                                         "58", "72", "F0", "XX"};
    char class[3] = {0};

    strncpy(class, sqlstate, 2);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (strcmp(class, others[i]) == 0)
            return false;
    }
    return true;
}

static enum code row_code(const char *sqlstate)
{
    static const struct {
        const char *state;
        enum code code;
    } codes[] = {
        {"23502", W0511}, {"23505", W0512}, {"23503", W0513}, {"23001", W0513}, {"23514", W0514}, {"23P01", W0514},
        {"44000", W0514}, {"54000", W0516},
    };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (strcmp(sqlstate, codes[i].state) == 0)
            return codes[i].code;
    }
    return strncmp(sqlstate, "22", 2) == 0 ? W0521 : W0515;
}

void postgres_blame_row(struct err *err)
{
    err->scope = ERR_RECORD;
    err->code = row_code(err->sqlstate);
    err->has_byte = false;      /* it was an offset in our own statement */
}

static enum code statement_code(const char *sqlstate, const char *message)
{
    if (strcmp(sqlstate, "57014") == 0 && stop_now())
        return W0612;
    if (strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57P", 3) == 0 || strcmp(sqlstate, "25P03") == 0)
        return W0501;
    if (strcmp(sqlstate, "25006") == 0)
        return W0504;
    if (strstr(message, "row-level security"))
        return W0518;
    return strcmp(sqlstate, "42501") == 0 ? W0517 : W0502;
}

/* One line, without what would move a terminal's cursor. */
void postgres_add_line(struct buf *out, const char *text)
{
    size_t len = strcspn(text, "\n");

    for (; *text; text += len + (text[len] == '\n'), len = strcspn(text, "\n")) {
        struct str line = str_trim(str_make(text, len));

        if (line.len && out->len && buf_add_text(out, "; ") < 0)
            return;
        if (buf_add_str(out, line) < 0)
            return;
    }
}

static size_t byte_of_character(const char *text, long n)
{
    size_t i = 0;

    while (text[i] && n > 1) {
        i++;
        while ((text[i] & 0xc0) == 0x80)
            i++;
        n--;
    }
    return i;
}

/* "COPY t, line 3, column a: ..." in the language of the server; triggers put lines of their own before it. */
static uint64_t copy_line_of(const char *context)
{
    while (context) {
        if (strncmp(context, "COPY ", 5) == 0) {
            const char *comma = strchr(context, ',');
            const char *digit = comma ? comma + strcspn(comma, "0123456789\n") : NULL;

            return digit && *digit != '\n' ? strtoull(digit, NULL, 10) : 0;
        }
        context = strchr(context, '\n');
        context = context ? context + 1 : NULL;
    }
    return 0;
}

int postgres_lost(struct postgres *p, enum code code, const char *why, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (!p->lost && err && err->scope)
        err_release(err);       /* a refusal before it matters no more: what was refused is gone with all the rest */
    p->lost = true;
    if (code == W0612)
        return stop_fail(err);
    postgres_add_line(&text, why && *why ? why : "connection lost");
    err_set(err, ERR_RUN, code, "%s: %s", p->name, buf_text(&text));
    /* What a server says against the protocol it will say again. */
    return db_set_state(err, code == W0502 ? "08P01" : "08006");
}

int postgres_lost_now(struct postgres *p, struct err *err)
{
    return postgres_lost(p, W0501, PQerrorMessage(p->conn), err);
}

void postgres_quote(struct err *err, const char *sqlstate, const char *message, const char *detail, const char *hint,
                    const char *constraint)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(buf_release) struct buf help = BUF_INIT;

    postgres_add_line(&text, message);
    if (detail)
        postgres_add_line(&text, detail);
    err_set(err, ERR_RUN, statement_code(sqlstate, message), "%s", buf_text(&text));
    db_set_state(err, sqlstate);
    if (constraint)
        err_label(err, "constraint %s", constraint);
    if (hint && buf_add_text(&help, hint) == 0) {
        for (size_t i = 0; i < help.len; i++)
            help.at[i] = help.at[i] == '\n' ? ' ' : help.at[i];
        err_help(err, "%s", buf_text(&help));
    }
}

static void note_name(const char *name, char *ret, size_t size)
{
    size_t len = name ? strlen(name) : 0;

    if (len >= size)
        len = 0;
    if (len)
        memcpy(ret, name, len);
    ret[len] = '\0';
}

void postgres_name_refusal(const char *sqlstate, const char *constraint, const char *column, struct postgres_refusal *ret)
{
    note_name(sqlstate, ret->sqlstate, sizeof ret->sqlstate);
    note_name(constraint, ret->constraint, sizeof ret->constraint);
    note_name(column, ret->column, sizeof ret->column);
}

/* Fill err from a refusal of the server: 1, or -1 when the session ended with it. */
int postgres_refused(struct postgres *p, const PGresult *res, const char *sql, struct err *err)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *position = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (!state || !message)
        return postgres_lost_now(p, err);
    p->copy_line = copy_line_of(PQresultErrorField(res, PG_DIAG_CONTEXT));
    postgres_name_refusal(state, PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME),
                          PQresultErrorField(res, PG_DIAG_COLUMN_NAME), &p->refusal);
    if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        p->lost = true;
    if (!err || err->scope)
        return p->lost ? -1 : 1;
    postgres_quote(err, state, message, PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL),
                   PQresultErrorField(res, PG_DIAG_MESSAGE_HINT), PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME));
    if (position && sql)
        err_at_byte(err, byte_of_character(sql, strtol(position, NULL, 10)));
    return p->lost ? -1 : 1;
}

/* ---- waiting ---- */

uint64_t postgres_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int postgres_look(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd one = {.fd = fd, .events = events};
    uint64_t now = postgres_now_ms(), left = now < deadline_ms ? deadline_ms - now : 0;

    return poll(&one, 1, (int)(left < LOOK_MS ? left : LOOK_MS)) > 0 ? one.revents : 0;
}

static void *send_cancel(void *cancel)
{
    char ignored[256];

    PQcancel(cancel, ignored, sizeof ignored);
    PQfreeCancel(cancel);
    return NULL;
}

/* libpq sends it over a connection of its own and waits for that to be closed, without a deadline: a silent server would
 * hold whoever asks. */
static void cancel_aside(struct postgres *p)
{
    PGcancel *cancel = PQgetCancel(p->conn);
    pthread_t thread;

    if (!cancel)
        return;
    if (pthread_create(&thread, NULL, send_cancel, cancel) == 0)
        pthread_detach(thread);
    else
        PQfreeCancel(cancel);
}

/* With the second signal the server is asked to stop, and has a short time to say that it did. The deadline moves on while
 * the server is seen to be at work: a statement of after: may take hours. */
static int wait_for(struct postgres *p, short events, uint64_t *deadline_ms, struct err *err)
{
    bool works, idle = false;

    for (;;) {
        uint64_t stop_ms = stop_deadline_ms(), now = postgres_now_ms();
        int got;

        if (stop_now() && !p->asked_late) {
            p->asked_late = true;
            cancel_aside(p);
        }
        got = postgres_look(PQsocket(p->conn), events, *deadline_ms < stop_ms ? *deadline_ms : stop_ms);
        if ((got & ~POLLOUT) && !PQconsumeInput(p->conn))
            return postgres_lost_now(p, err);
        if (got)
            return 0;
        if (now >= stop_ms)
            return postgres_lost(p, W0612, "interrupted", err);
        if (now < *deadline_ms)
            continue;
        works = postgres_works(p);
        if (!works && (idle || !p->target))
            return postgres_lost(p, W0507, "no answer in time", err);
        idle = !works;      /* on a busy machine it may not have begun: only who is idle twice is */
        *deadline_ms = postgres_now_ms() + (idle ? p->wait_ms / 2 : p->wait_ms);
    }
}

/* Send all that libpq holds; each step forward starts the deadline anew. */
int postgres_flush(struct postgres *p, struct err *err)
{
    for (;;) {
        uint64_t deadline_ms = postgres_now_ms() + p->wait_ms;
        int left = PQflush(p->conn);

        if (left < 0)
            return postgres_lost_now(p, err);
        if (left == 0)
            break;
        if (wait_for(p, POLLIN | POLLOUT, &deadline_ms, err) < 0)
            return -1;
    }
    p->unsent = 0;
    return 0;
}

/* The next result of what was sent; *ret NULL after the last. */
int postgres_next(struct postgres *p, PGresult **ret, struct err *err)
{
    uint64_t deadline_ms = postgres_now_ms() + p->wait_ms;

    while (PQisBusy(p->conn)) {
        if (wait_for(p, POLLIN, &deadline_ms, err) < 0)
            return -1;
    }
    *ret = PQgetResult(p->conn);
    return 0;
}

static bool ends_copy(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);

    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* All results: 0 and the last in *ret (NULL allowed), 1 when one was a refusal, -1. */
int postgres_all(struct postgres *p, const char *sql, PGresult **ret, struct err *err)
{
    int outcome = 0;

    if (postgres_flush(p, err) < 0)
        return -1;
    for (;;) {
        CLEANUP(postgres_clear) PGresult *res = NULL;

        if (postgres_next(p, &res, err) < 0)
            return -1;
        if (!res)
            return p->lost ? -1 : outcome;
        if (ends_copy(res)) {
            if (PQresultStatus(res) != PGRES_COPY_IN)
                return postgres_lost(p, W0502, "COPY to the client is not for a statement", err);
            if (PQputCopyEnd(p->conn, "COPY from the client is not for a statement") < 0 || postgres_flush(p, err) < 0)
                return postgres_lost_now(p, err);
        } else if (PQresultStatus(res) == PGRES_FATAL_ERROR || PQresultStatus(res) == PGRES_BAD_RESPONSE) {
            outcome = outcome ? outcome : postgres_refused(p, res, sql, err);
        } else if (ret) {
            PQclear(*ret);
            *ret = res;
            res = NULL;
        }
    }
}

int postgres_usable(struct postgres *p, struct err *err)
{
    p->asked_late = stop_now();
    return p->lost ? postgres_lost(p, W0501, "connection lost", err) : 0;
}

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
    int outcome;

    if (postgres_usable(p, err) < 0)
        return -1;
    if (!PQsendQuery(p->conn, sql))
        return postgres_lost_now(p, err);
    outcome = postgres_all(p, sql, &res, err);
    if (outcome == 0 && ret)
        return res ? take_result(res, ret, err) : db_result_init(ret, 0, 0, err);
    return outcome;
}

static int postgres_exec(struct db *db, const char *sql, struct err *err)
{
    return postgres_run(postgres_of(db), sql, NULL, err) == 0 ? 0 : -1;
}

/* ---- statements with parameters ---- */

struct params {
    struct arena arena;
    const char **values;
    int *lengths, *formats;
};

static void params_release(struct params *s) { arena_release(&s->arena); }

static int params_make(const struct db_value *params, size_t n, struct params *ret, struct err *err)
{
    ret->values = arena_calloc(&ret->arena, n + 1, sizeof *ret->values);
    ret->lengths = arena_calloc(&ret->arena, n + 1, sizeof *ret->lengths);
    ret->formats = arena_calloc(&ret->arena, n + 1, sizeof *ret->formats);
    if (!ret->values || !ret->lengths || !ret->formats)
        return err_oom(err);
    for (size_t i = 0; i < n; i++) {
        if (params[i].type == DB_NULL)
            continue;
        if (params[i].type == DB_TEXT && params[i].text.len && memchr(params[i].text.at, '\0', params[i].text.len))
            return err_set(err, ERR_RUN, W0502, "parameter %zu holds a NUL character", i + 1);
        if (params[i].text.len > INT32_MAX / 2)
            return err_set(err, ERR_RUN, W0516, "parameter %zu is too large", i + 1);
        ret->values[i] = params[i].type == DB_INT ? arena_printf(&ret->arena, "%lld", (long long)params[i].n)
                                                  : arena_dup(&ret->arena, params[i].text);
        ret->lengths[i] = (int)params[i].text.len;
        ret->formats[i] = params[i].type == DB_BYTES;
        if (!ret->values[i])
            return err_oom(err);
    }
    return 0;
}

static long find_statement(const struct postgres *p, struct str sql)
{
    for (size_t i = 0; i < p->n_statements; i++) {
        if (str_eq(buf_str(&p->statements[i]), sql))
            return (long)i;
    }
    return -1;
}

/* The name of the prepared statement; prepared now unless it is known. */
static int prepare_statement(struct postgres *p, const char *sql, char name[STATEMENT_NAME], struct err *err)
{
    long known = find_statement(p, str_of(sql));
    int outcome;

    name[0] = '\0';
    snprintf(name, STATEMENT_NAME, "w%ld", known >= 0 ? known : (long)p->n_statements);
    if (known >= 0)
        return 0;
    if (p->n_statements == POSTGRES_STATEMENTS_MAX) {
        /* All start over: nobody uses so many, and the names can be taken again. */
        outcome = postgres_run(p, "DEALLOCATE ALL", NULL, err);
        if (outcome != 0)
            return outcome;
        while (p->n_statements)
            buf_release(&p->statements[--p->n_statements]);
        memcpy(name, "w0", sizeof "w0");
    }
    if (!PQsendPrepare(p->conn, name, sql, 0, NULL))
        return postgres_lost_now(p, err);
    outcome = postgres_all(p, sql, NULL, err);
    if (outcome != 0)
        return outcome;
    if (buf_add_text(&p->statements[p->n_statements], sql) < 0)
        return err_oom(err);
    p->n_statements++;
    return 0;
}

static int send_prepared(struct postgres *p, const char *sql, const struct db_value *params, size_t n, bool binary,
                         struct err *err)
{
    CLEANUP(params_release) struct params s = {0};
    char name[STATEMENT_NAME];
    int outcome;

    if (postgres_usable(p, err) < 0 || params_make(params, n, &s, err) < 0)
        return -1;
    outcome = prepare_statement(p, sql, name, err);
    if (outcome != 0)
        return outcome;
    if (!PQsendQueryPrepared(p->conn, name, (int)n, s.values, s.lengths, s.formats, binary))
        return postgres_lost_now(p, err);
    return 0;
}

static int postgres_query(struct db *db, const char *sql, const struct db_value *params, size_t n,
                          struct db_result *ret, struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(postgres_clear) PGresult *res = NULL;

    if (send_prepared(p, sql, params, n, false, err) != 0 || postgres_all(p, sql, &res, err) != 0)
        return -1;
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

static void postgres_cancel(struct db *db)
{
    char ignored[256];

    PQcancel(postgres_of(db)->cancel, ignored, sizeof ignored);
}

static int postgres_stream(struct db *db, const char *sql, const struct db_value *params, size_t n,
                           int (*row)(void *context, const struct db_value *values, size_t n, struct err *err),
                           void *context, struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(streamed_release) struct streamed s = {.row = row, .context = context};

    if (send_prepared(p, sql, params, n, false, err) != 0)
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

static int postgres_scan(struct db *db, const char *sql, const struct db_value *params, size_t n,
                         int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                         struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(streamed_release) struct streamed s = {.row = row, .context = context};
    CLEANUP(postgres_clear) PGresult *res = NULL;

    if (send_prepared(p, sql, params, n, true, err) != 0 || postgres_all(p, sql, &res, err) != 0)
        return -1;
    return res ? scan_rows(res, &s, err) : 0;
}

/* ---- transactions ---- */

bool postgres_in_transaction(const struct postgres *p)
{
    return !p->lost && PQtransactionStatus(p->conn) != PQTRANS_IDLE;
}

static int postgres_begin(struct db *db, struct err *err)
{
    return postgres_exec(db, "BEGIN", err);
}

static int postgres_rollback(struct db *db)
{
    struct postgres *p = postgres_of(db);

    if (p->lost)
        return -1;
    if (PQtransactionStatus(p->conn) == PQTRANS_IDLE)
        return 0;
    if (PQtransactionStatus(p->conn) == PQTRANS_ACTIVE && postgres_copy_cancel(p, "rolled back", NULL) < 0)
        return -1;
    return postgres_exec(db, "ROLLBACK", NULL);
}

/* A lost connection is unknown only once COMMIT may have left; what follows the tag cannot change it. */
static enum db_outcome postgres_commit(struct db *db, struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(postgres_clear) PGresult *res = NULL;
    enum db_outcome outcome = DB_UNKNOWN;

    if (postgres_usable(p, err) < 0)
        return DB_NOT_COMMITTED;
    FAULT("before_commit");
    if (!PQsendQuery(p->conn, "COMMIT")) {
        postgres_lost_now(p, err);
        return DB_UNKNOWN;
    }
    if (postgres_flush(p, err) < 0)
        return DB_UNKNOWN;
    FAULT("after_commit_sent");
    if (postgres_next(p, &res, err) < 0)
        return DB_UNKNOWN;
    if (FAULT_FAILS("answer_lost")) {
        postgres_lost_now(p, err);
        return DB_UNKNOWN;
    }
    if (PQresultStatus(res) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(res), "COMMIT") == 0) {
        outcome = DB_COMMITTED;
    } else if (PQresultStatus(res) == PGRES_COMMAND_OK) {
        err_set(err, ERR_RUN, W0509, "the server rolled the transaction back, for a statement in it had failed");
        outcome = DB_NOT_COMMITTED;
    } else {
        outcome = res && postgres_refused(p, res, NULL, err) == 1 ? DB_NOT_COMMITTED : DB_UNKNOWN;
        if (!res)
            postgres_lost_now(p, err);
    }
    if (!p->lost && postgres_all(p, NULL, NULL, NULL) < 0)
        p->lost = true;
    FAULT("after_commit");
    return outcome;
}

static const char *postgres_name(const struct db *db)
{
    return ((const struct postgres *)db)->name;
}

static bool postgres_alive(const struct db *db)
{
    const struct postgres *p = (const struct postgres *)db;

    return !p->lost && PQstatus(p->conn) == CONNECTION_OK;
}

static int postgres_identity(struct db *db, struct buf *ret, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (db_query(db, "SELECT s.system_identifier, d.oid FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d"
                 " WHERE d.datname = pg_catalog.current_database()", NULL, 0, &r, err) < 0)
        return -1;
    if (buf_printf(ret, "postgresql:%.*s:%.*s", STR_ARG(db_cell(&r, 0, 0)), STR_ARG(db_cell(&r, 0, 1))) < 0)
        return err_oom(err);
    return 0;
}

const struct db_ops db_ops_postgres = {
    .engine = DB_POSTGRESQL,
    .open = postgres_open,
    .close = postgres_close,
    .name = postgres_name,
    .identity = postgres_identity,
    .exec = postgres_exec,
    .query = postgres_query,
    .stream = postgres_stream,
    .scan = postgres_scan,
    .begin = postgres_begin,
    .rollback = postgres_rollback,
    .commit = postgres_commit,
    .alive = postgres_alive,
    .cancel = postgres_cancel,
};
