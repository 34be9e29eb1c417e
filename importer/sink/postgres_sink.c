/* Rows into PostgreSQL: encoded without the connection, copied straight into the table where nothing has to be looked
 * up, see sink/sink.h. */
#include "sink/postgres_sink.h"

#include "base/cleanup.h"
#include "sink/copytext.h"
#include "sink/narrow.h"
#include "sink/postgres_order.h"
#include "sink/postgres_sieve.h"

#include <stdlib.h>

/* ---- the connection ---- */

static struct sink *sink_open(const char *target, const struct db_options *options, struct err *err)
{
    struct sink *s = calloc(1, sizeof *s);

    if (!s) {
        err_oom(err);
        return NULL;
    }
    s->db = db_open(target, options, err);
    if (!s->db) {
        free(s);
        return NULL;
    }
    s->p = postgres_of(s->db);
    return s;
}

static void sink_close(struct sink *s)
{
    if (!s)
        return;
    db_close(s->db);
    buf_release(&s->columns_sql);
    free(s);
}

static struct db *sink_db(struct sink *s)
{
    return s->db;
}

static int sink_catalog(struct sink *s, struct catalog *ret, struct err *err)
{
    return postgres_catalog(s->db, ret, err);
}

/* ---- encoding ---- */

static int check_time(const struct cell *cell, const struct type *column, struct err *err)
{
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10};

    if (cell->kind != CELL_TIME && cell->kind != CELL_TIMESTAMP)
        return 0;
    if (!column->precision || column->scale < 0 || column->scale > 5 || cell->n % units[column->scale] == 0)
        return 0;
    return err_set(err, ERR_RECORD, W0521, "time has more than %d digits of a second, which %s would round away",
                   (int)column->scale, column->name ? column->name : "the column");
}

static int check_times(const struct row_form *form, const struct cell *cells, struct err *err)
{
    for (size_t i = 0; i < form->n; i++) {
        const struct type *column = form->columns[i];

        if (cells[i].kind != CELL_ARRAY) {
            if (check_time(&cells[i], column, err) < 0)
                return -1;
            continue;
        }
        for (size_t k = 0; k < cells[i].items.n && column->element; k++) {
            if (check_time(&cells[i].items.at[k], column->element, err) < 0)
                return -1;
        }
    }
    return 0;
}

static int encode_form(const struct row_form *form, const struct cell *cells, struct sink_rows *rows, struct err *err)
{
    size_t start = rows->bytes.len;

    if (form->limited && check_times(form, cells, err) < 0)
        return -1;
    if ((form->binary ? copybinary_row(form->fields, form->n, cells, &rows->bytes, err)
                      : copytext_row(form->cells, form->n, cells, &rows->bytes, err)) < 0)
        return -1;
    return sink_rows_end(rows, start, err);
}

static int sink_encode(const struct sink_table *t, const struct cell *cells, struct sink_rows *rows, struct err *err)
{
    return encode_form(&t->row, cells, rows, err);
}

static int sink_encode_key(const struct sink_table *t, const struct cell *cells, struct sink_rows *rows,
                           struct err *err)
{
    return encode_form(&t->key, cells, rows, err);
}

/* ---- one attempt ---- */

int postgres_keep(struct sink_table *t, struct err *err)
{
    return postgres_run(t->sink->p, "RELEASE SAVEPOINT windrow", NULL, err) == 0 ? 0 : -1;
}

int postgres_take_back(struct sink_table *t, struct err *err)
{
    return postgres_run(t->sink->p, "ROLLBACK TO SAVEPOINT windrow; RELEASE SAVEPOINT windrow", NULL, err) == 0 ? 0
                                                                                                              : -1;
}

int postgres_after_refusal(struct sink_table *t, struct err *err)
{
    CLEANUP(err_release) struct err second = {0};

    if (!postgres_blames_row(err->sqlstate))
        return -1;
    if (postgres_take_back(t, &second) == 0 && postgres_doubt_columns(t->sink, &second) == 0)
        return 1;
    err_release(err);
    err_move(err, &second);
    return -1;
}

int postgres_send_head(struct sink_table *t, const struct row_form *form, struct err *err)
{
    if (!form->binary)
        return 0;
    return postgres_copy_send(t->sink->p, copybinary_header, sizeof copybinary_header, err);
}

int postgres_send_tail(struct sink_table *t, const struct row_form *form, struct err *err)
{
    if (!form->binary)
        return 0;
    return postgres_copy_send(t->sink->p, copybinary_trailer, sizeof copybinary_trailer, err);
}

static int count_must_be(const struct sink_table *t, uint64_t counted, size_t sent, struct err *err)
{
    if (counted == sent)
        return 0;
    return err_set(err, ERR_RUN, W0508, "%s: %zu rows were sent, the database took %llu", t->label, sent,
                   (unsigned long long)counted);
}

int postgres_finish_copy(struct sink_table *t, size_t sent, struct err *err)
{
    uint64_t counted = 0;
    int outcome;

    if (postgres_send_tail(t, &t->row, err) < 0)
        return -1;
    outcome = postgres_copy_end(t->sink->p, &counted, err);
    if (outcome != 0)
        return outcome < 0 ? -1 : postgres_after_refusal(t, err);
    return count_must_be(t, counted, sent, err);
}

struct direct {
    struct sink_table *t;
    const struct sink_rows *rows;
    const struct sink_write *how;
    struct sink_counts *counts;
};

int postgres_copy_rows(struct sink_table *t, const struct sink_rows *rows, size_t first, size_t n, size_t *hint, struct err *err)
{
    size_t start = sink_rows_start_of(rows, first);
    int outcome;

    if (postgres_copy_start(t->sink->p, t->copy, err) != 0 || postgres_send_head(t, &t->row, err) < 0 ||
        postgres_copy_send(t->sink->p, rows->bytes.at + start, rows->ends[first + n - 1] - start, err) < 0)
        return -1;
    outcome = postgres_finish_copy(t, n, err);
    if (outcome == 1 && postgres_copy_line(t->sink->p) >= 1 && postgres_copy_line(t->sink->p) <= n)
        *hint = first + postgres_copy_line(t->sink->p) - 1;
    return outcome;
}

static int attempt_copy(void *context, size_t first, size_t n, size_t *hint, struct err *err)
{
    struct direct *d = context;
    int outcome = postgres_copy_rows(d->t, d->rows, first, n, hint, err);

    d->counts->inserted += outcome == 0 ? n : 0;
    return outcome;
}

static void refuse_copy(void *context, size_t row, struct err *err)
{
    struct direct *d = context;

    postgres_blame_row(err);
    d->counts->refused++;
    if (d->how->refused)
        d->how->refused(d->how->context, row, err);
}

/* At once; then, when some are refused, parents first. */
static int write_own(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how, struct sink_counts *ret,
                     struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    size_t hint = 0;
    int outcome = t->sieve.refused ? 1 : postgres_copy_rows(t, rows, 0, rows->n, &hint, &why);

    t->sieve.refused = false;
    if (outcome == 1)
        return postgres_order_write(t, rows, how, ret, err);
    if (outcome < 0 && err && !err->scope)
        err_move(err, &why);
    ret->inserted += outcome == 0 ? rows->n : 0;
    return outcome;
}

static int write_direct(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                        struct sink_counts *ret, struct err *err)
{
    static const struct narrow_ops ops = {attempt_copy, refuse_copy};
    struct direct d = {t, rows, how, ret};
    int outcome;

    if (t->own)
        return write_own(t, rows, how, ret, err);
    outcome = postgres_sieve_write(t, rows, how, ret, err);

    return outcome == 1 ? narrow_run(rows->n, &ops, &d, err) : outcome;
}

static int sink_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                      struct sink_counts *ret, struct err *err)
{
    struct sink_counts counts = {0};
    int failed;

    if (how->mode == SINK_RECONCILE && !t->key_is_unique)
        return err_set(err, ERR_RUN, W0519, "%s has no unique key over the columns of key:, so changed rows cannot be "
                       "found", t->label);
    if (rows->n == 0)
        failed = 0;
    else if (t->direct && how->mode == SINK_FRESH)
        failed = write_direct(t, rows, how, &counts, err);
    else
        failed = postgres_stage_write(t, rows, how, &counts, err);
    if (failed)
        return -1;
    *ret = counts;
    return 0;
}

/* ---- streaming ---- */

static int stream_start(struct sink_table *t, struct err *err)
{
    if (!t->direct)
        return err_set(err, ERR_RUN, W0502, "%s cannot be written in pieces", t->label);
    t->streamed_bytes = t->streamed_rows = 0;
    t->sieve.streaming = false;
    if (postgres_sieve_is_on(t)) {
        int outcome = postgres_sieve_start(t, err);

        if (outcome != 1)
            return outcome;
    }
    if (postgres_copy_start(t->sink->p, t->copy, err) != 0)
        return -1;
    return postgres_send_head(t, &t->row, err);
}

static int stream_more(struct sink_table *t, const struct sink_rows *rows, struct err *err)
{
    size_t from = t->streamed_bytes;

    if (t->sieve.streaming)
        return postgres_sieve_more(t, rows, err);
    t->streamed_bytes = rows->bytes.len;
    t->streamed_rows = rows->n;
    return postgres_copy_send(t->sink->p, rows->bytes.at + from, rows->bytes.len - from, err);
}

static int stream_end(struct sink_table *t, const struct sink_rows *rows, struct sink_counts *ret, struct err *err)
{
    CLEANUP(err_release) struct err reason = {0};
    int outcome;

    if (stream_more(t, rows, err) < 0)
        return -1;
    if (t->sieve.streaming)
        return postgres_sieve_end(t, rows, err);
    outcome = postgres_finish_copy(t, rows->n, &reason);
    if (outcome == 0)
        *ret = (struct sink_counts){.inserted = rows->n};
    else if (outcome < 0 && err && !err->scope)
        err_move(err, &reason);
    t->sieve.refused = outcome == 1;
    return outcome;
}

static bool sink_whole(const struct sink_table *t)
{
    return t->own;
}

const struct sink_ops sink_postgres = {
    .name = "postgresql",
    .streams = true,
    .open = sink_open,
    .close = sink_close,
    .db = sink_db,
    .catalog = sink_catalog,
    .prepare = postgres_prepare,
    .release = postgres_release,
    .encode = sink_encode,
    .begin = postgres_tangle_begin,
    .write = sink_write,
    .whole = sink_whole,
    .stream_start = stream_start,
    .stream_more = stream_more,
    .stream_end = stream_end,
    .encode_key = sink_encode_key,
    .delete_keys = postgres_stage_delete,
    .commit = postgres_tangle_commit,
    .rollback = postgres_tangle_rollback,
    .mark = postgres_tangle_mark,
    .back = postgres_tangle_back,
    .dangling = postgres_tangle_dangling,
    .identity = postgres_identity,
    .key_identity = postgres_key_identity,
    .rival = postgres_rival,
    .cell = postgres_cell,
};
