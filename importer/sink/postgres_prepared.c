/* Prepared statements: sent alone, or several together in libpq's pipeline mode, so that they take one trip to the
 * server. */
#include "sink/postgres_internal.h"

enum { STATEMENT_NAME = 24 };

/* ---- parameters ---- */

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

/* ---- texts and names ---- */

static size_t find_statement(const struct postgres *p, const char *sql)
{
    size_t i = 0;

    while (i < p->n_statements && !str_eq(buf_str(&p->statements[i].text), str_of(sql)))
        i++;
    return i;
}

/* All start over: nobody uses so many, and the names can be taken again. */
static int forget_statements(struct postgres *p, struct err *err)
{
    int outcome = postgres_run(p, "DEALLOCATE ALL", NULL, err);

    if (outcome != 0)
        return outcome;
    while (p->n_statements)
        buf_release(&p->statements[--p->n_statements].text);
    return 0;
}

/* Its number in *ret; it may have to be prepared yet. */
static int number_statement(struct postgres *p, const char *sql, size_t *ret, struct err *err)
{
    size_t i = find_statement(p, sql);
    int outcome = 0;

    if (i == POSTGRES_STATEMENTS_MAX) {
        outcome = forget_statements(p, err);
        i = 0;
    }
    if (outcome != 0)
        return outcome;
    *ret = i;
    if (i < p->n_statements)
        return 0;
    p->statements[i] = (struct postgres_statement){0};
    if (buf_add_text(&p->statements[i].text, sql) < 0)
        return err_oom(err);
    p->n_statements++;
    return 0;
}

static int send_prepare(struct postgres *p, size_t i, struct err *err)
{
    char name[STATEMENT_NAME];

    snprintf(name, sizeof name, "w%zu", i);
    return PQsendPrepare(p->conn, name, buf_text(&p->statements[i].text), 0, NULL) ? 0 : postgres_lost_now(p, err);
}

static int send_execute(struct postgres *p, size_t i, const struct params *s, size_t n, bool binary, struct err *err)
{
    char name[STATEMENT_NAME];

    snprintf(name, sizeof name, "w%zu", i);
    if (!PQsendQueryPrepared(p->conn, name, (int)n, s->values, s->lengths, s->formats, binary))
        return postgres_lost_now(p, err);
    return 0;
}

/* ---- alone ---- */

static int prepare_now(struct postgres *p, size_t i, struct err *err)
{
    int outcome;

    if (p->statements[i].state == STATEMENT_PREPARED)
        return 0;
    outcome = send_prepare(p, i, err) < 0 ? -1 : postgres_all(p, buf_text(&p->statements[i].text), NULL, err);
    if (outcome == 0)
        p->statements[i].state = STATEMENT_PREPARED;
    return outcome;
}

int postgres_send_prepared(struct postgres *p, const char *sql, const struct db_value *params, size_t n, bool binary,
                           struct err *err)
{
    CLEANUP(params_release) struct params s = {0};
    size_t i;
    int outcome = postgres_settle(p, NULL, err);

    if (outcome == 0)
        outcome = params_make(params, n, &s, err);
    if (outcome == 0)
        outcome = number_statement(p, sql, &i, err);
    if (outcome == 0)
        outcome = prepare_now(p, i, err);
    return outcome == 0 ? send_execute(p, i, &s, n, binary, err) : outcome;
}

/* ---- together ---- */

static void note_posted(struct postgres *p, struct postgres_posted posted)
{
    p->posted[p->n_posted++] = posted;
}

int postgres_post(struct db *db, const char *sql, const struct db_value *params, size_t n, const struct db_one *one,
                  struct err *err)
{
    struct postgres *p = postgres_of(db);
    CLEANUP(params_release) struct params s = {0};
    size_t i;

    if (postgres_usable(p, err) < 0 || params_make(params, n, &s, err) < 0)
        return -1;
    if (p->n_posted + 2 > POSTGRES_POSTED_MAX && postgres_settle(p, NULL, err) != 0)
        return -1;
    if (number_statement(p, sql, &i, err) != 0)
        return -1;
    if (p->n_posted == 0 && !PQenterPipelineMode(p->conn))
        return postgres_lost_now(p, err);
    if (p->statements[i].state == STATEMENT_UNKNOWN) {
        if (send_prepare(p, i, err) < 0)
            return -1;
        p->statements[i].state = STATEMENT_ASKED;
        note_posted(p, (struct postgres_posted){.statement = (uint16_t)i, .prepares = true});
    }
    if (send_execute(p, i, &s, n, false, err) < 0)
        return -1;
    note_posted(p, (struct postgres_posted){.statement = (uint16_t)i, .one = one ? *one : (struct db_one){0}});
    return 0;
}

static int count_rows(const struct postgres_posted *posted, PGresult *res, struct err *err)
{
    if (!posted->one.code)
        return 0;
    return db_must_be_one(&posted->one, strtoull(PQcmdTuples(res), NULL, 10), err) < 0 ? 1 : 0;
}

/* The answer to one of them; those behind a refused one are not looked at by the server. */
static int settle_one(struct postgres *p, const struct postgres_posted *posted, PGresult **ret, struct err *err)
{
    struct postgres_statement *statement = &p->statements[posted->statement];
    int outcome = 0;

    for (;;) {
        CLEANUP(postgres_clear) PGresult *res = NULL;

        if (postgres_next(p, &res, err) < 0)
            return -1;
        if (!res)
            break;
        if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED) {
            outcome = 1;
        } else if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
            outcome = postgres_refused(p, res, buf_text(&statement->text), err);
        } else {
            outcome = count_rows(posted, res, err);
        }
        if (outcome < 0)
            return -1;
        if (ret) {
            PQclear(*ret);
            *ret = res;
            res = NULL;
        }
    }
    if (posted->prepares)
        statement->state = outcome ? STATEMENT_UNKNOWN : STATEMENT_PREPARED;
    return outcome;
}

static int end_pipeline(struct postgres *p, struct err *err)
{
    CLEANUP(postgres_clear) PGresult *res = NULL;

    if (postgres_next(p, &res, err) < 0)
        return -1;
    if (PQresultStatus(res) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode(p->conn))
        return postgres_lost_now(p, err);
    return 0;
}

int postgres_settle(struct postgres *p, PGresult **ret, struct err *err)
{
    size_t n = p->n_posted;
    int outcome = 0;

    if (postgres_usable(p, err) < 0)
        return -1;
    if (n == 0)
        return 0;
    p->n_posted = 0;
    if (!PQpipelineSync(p->conn))
        return postgres_lost_now(p, err);
    if (postgres_flush(p, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int one = settle_one(p, &p->posted[i], i + 1 == n ? ret : NULL, err);

        if (one < 0)
            return -1;
        outcome = outcome ? outcome : one;
    }
    return end_pipeline(p, err) < 0 ? -1 : outcome;
}
