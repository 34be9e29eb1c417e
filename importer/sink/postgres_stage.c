/* Rows that the database must look at before they are written: references, conflicts, changed files. They are copied
 * into a temporary table and go on by INSERT ... SELECT. */
#include "sink/postgres_stage.h"

#include "base/cleanup.h"
#include "sink/db_internal.h"
#include "sink/narrow.h"

#include <endian.h>
#include <stdlib.h>

enum {
    SCRATCH_BYTES = 256 << 10,
    INDEX_ROWS_MIN = 256,       /* below that narrowing scans the stage */
    TURNS_MAX = 1 << 20
};

/* ---- filling the stage ---- */

int postgres_stage_ready(struct sink_table *t, struct stage *stage, struct err *err)
{
    struct sink *s = t->sink;
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    bool used = stage->used_in == s->transaction;
    int outcome;

    if (!stage->made) {
        outcome = postgres_run(s->p, stage->create, NULL, err);
        if (outcome != 0)
            return outcome;
        stage->made = true;
        stage->made_in = s->in_transaction ? s->transaction : 0;
    } else if (used) {
        if (buf_printf(&sql, "TRUNCATE %s", stage->name) < 0)
            return err_oom(err);
        outcome = postgres_run(s->p, buf_text(&sql), NULL, err);
        if (outcome != 0)
            return outcome;
    }
    stage->used_in = s->transaction;
    return 0;
}

static int add_numbered_row(struct buf *out, const struct row_form *form, size_t seq, struct str row)
{
    uint16_t columns = htobe16((uint16_t)(form->n + 1));
    uint32_t head[2] = {htobe32(4), htobe32((uint32_t)seq)};

    if (!form->binary)
        return buf_printf(out, "%zu\t", seq) < 0 || buf_add_str(out, row) < 0 ? -1 : 0;
    if (buf_reserve(out, row.len + 10) < 0)
        return -1;
    buf_add(out, &columns, sizeof columns);
    buf_add(out, head, sizeof head);
    return buf_add(out, row.at + 2, row.len - 2);
}

static int send_numbered(struct sink_table *t, const struct row_form *form, const struct sink_rows *rows,
                         size_t first, size_t n, struct err *err)
{
    for (size_t i = first; i < first + n;) {
        buf_clear(&t->scratch);
        for (; i < first + n && t->scratch.len < SCRATCH_BYTES; i++) {
            if (add_numbered_row(&t->scratch, form, i, sink_rows_row(rows, i)) < 0)
                return err_oom(err);
        }
        if (postgres_copy_send(t->sink->p, t->scratch.at, t->scratch.len, err) < 0)
            return -1;
    }
    return 0;
}

static int copy_numbered(struct staged *w, size_t first, size_t n, struct err *err)
{
    struct sink_table *t = w->t;
    uint64_t counted = 0;
    int outcome;

    if (postgres_copy_start(t->sink->p, w->stage->copy, err) != 0 || postgres_send_head(t, w->form, err) < 0 ||
        send_numbered(t, w->form, w->rows, first, n, err) < 0 || postgres_send_tail(t, w->form, err) < 0)
        return -1;
    outcome = postgres_copy_end(t->sink->p, &counted, err);
    if (outcome != 0)
        return outcome < 0 ? -1 : postgres_after_refusal(t, err);
    if (counted != n)
        return err_set(err, ERR_RUN, W0508, "%s: %zu rows were staged, the database took %llu", t->label, n,
                       (unsigned long long)counted);
    return 0;
}

static int attempt_stage(void *context, size_t first, size_t n, size_t *hint, struct err *err)
{
    struct staged *w = context;
    struct postgres *p = w->t->sink->p;
    int outcome = copy_numbered(w, first, n, err);

    if (outcome == 1 && postgres_copy_line(p) >= 1 && postgres_copy_line(p) <= n)
        *hint = first + postgres_copy_line(p) - 1;
    return outcome;
}

static size_t as_given(const struct staged *w, size_t row)
{
    return w->rings ? w->rings->order[row] : row;
}

/* Kept until the end, for refusals of all phases are told in order of rows. A reason that finds no memory ends the
 * write, see write_staged(). */
static void refuse(void *context, size_t row, struct err *err)
{
    struct staged *w = context;
    struct err *reason = calloc(1, sizeof *reason);

    if (err->scope != ERR_RECORD)
        postgres_blame_row(err);
    w->counts->refused++;
    if (!reason) {
        w->forgetful = true;
        return;
    }
    err_move(reason, err);
    w->reasons[as_given(w, row)] = reason;
}

/* ---- one attempt to insert ---- */

/* Old contents, locked, of the rows that the new ones differ from. */
static int read_old(struct staged *w, size_t first, size_t n, struct db_result *ret, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_add_text(&sql, "SELECT w_new.w_seq, pg_catalog.row_to_json(w_old) FROM ") < 0 ||
        postgres_stage_source(w, first, n, &sql) < 0 || buf_printf(&sql, " JOIN %s AS w_old ON (", w->t->name) < 0 ||
        postgres_stage_match(w->t, "w_old", "w_new", &sql) < 0 || buf_add_text(&sql, ") WHERE ") < 0 ||
        postgres_stage_differs(w, "w_new", &sql) < 0 ||
        buf_add_text(&sql, " ORDER BY w_new.w_seq FOR UPDATE OF w_old") < 0)
        return err_oom(err);
    return postgres_run(w->t->sink->p, buf_text(&sql), ret, err);
}

/* Was the row of w_done inserted, not updated? xmax tells, but not through a partitioned table; there the statement's
 * own snapshot does, in which rows that it inserts are not seen. */
static int add_fresh(const struct staged *w, struct buf *sql)
{
    if (!w->t->partitioned)
        return buf_add_text(sql, "w_done.w_xmax = 0");
    if (buf_printf(sql, "NOT EXISTS (SELECT FROM %s AS w_was WHERE ", w->t->name) < 0 ||
        postgres_stage_match(w->t, "w_was", "w_done", sql) < 0)
        return -1;
    return buf_add_char(sql, ')');
}

/* One row in the answer: inserted, updated, and the numbers of the updated rows when `before` wants them. */
static int add_counted(const struct staged *w, size_t first, size_t n, struct buf *sql)
{
    if (buf_add_text(sql, "WITH w_done AS (") < 0 || postgres_stage_insert(w, first, n, sql) < 0 ||
        buf_printf(sql, " RETURNING %s AS w_xmax, ", w->t->partitioned ? "NULL" : "xmax") < 0 ||
        postgres_stage_key(w->t, "w_old", sql) < 0 ||
        buf_add_text(sql, "), w_told AS (SELECT *, ") < 0 || add_fresh(w, sql) < 0 ||
        buf_add_text(sql, " AS w_fresh FROM w_done) SELECT count(*) FILTER (WHERE w_fresh),"
                     " count(*) FILTER (WHERE NOT w_fresh), ") < 0)
        return -1;
    if (!w->how->before)
        return buf_add_text(sql, "NULL FROM w_told");
    if (buf_add_text(sql, "(SELECT string_agg(w_new.w_seq::text, ' ' ORDER BY w_new.w_seq) FROM w_told JOIN ") < 0 ||
        postgres_stage_source(w, first, n, sql) < 0 || buf_add_text(sql, " ON (") < 0 ||
        postgres_stage_match(w->t, "w_told", "w_new", sql) < 0)
        return -1;
    return buf_add_text(sql, ") WHERE NOT w_told.w_fresh) FROM w_told");
}

static int tell_old(struct staged *w, const struct db_result *old, struct str updated, struct err *err)
{
    size_t i = 0;

    while (updated.len) {
        const char *space = memchr(updated.at, ' ', updated.len);
        struct str number = str_make(updated.at, space ? (size_t)(space - updated.at) : updated.len);
        int64_t row = -1;

        str_parse_int64(number, &row);
        while (i < old->n_rows && db_cell_int(old, i, 0) < row)
            i++;
        if (i == old->n_rows || db_cell_int(old, i, 0) != row) {
            err_set(err, ERR_RUN, W0502, "%s: a row changed while it was being updated", w->t->label);
            return db_set_state(err, "40001");
        }
        if (w->how->before(w->how->context, as_given(w, (size_t)row), db_cell(old, i, 1), err) < 0)
            return -1;
        updated = space ? str_make(space + 1, updated.len - number.len - 1) : str_make(NULL, 0);
    }
    return 0;
}

/* Rows that were neither inserted nor updated must be there all the same. */
static int look_at_untouched(struct staged *w, size_t first, size_t n, uint64_t untouched, uint64_t *differ,
                             struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    const char *key = postgres_column(w->t, w->t->spec->key[0])->name;

    if (buf_add_text(&sql, "SELECT count(*) FILTER (WHERE ") < 0 || postgres_add_name(&sql, "w_old", key) < 0 ||
        buf_add_text(&sql, " IS NULL AND (") < 0 || postgres_stage_match(w->t, "w_new", "w_new", &sql) < 0 ||
        buf_add_text(&sql, ")), ") < 0)
        return err_oom(err);
    if (postgres_stage_count_updated(w) && postgres_stage_has_condition(w)
            ? buf_add_text(&sql, "count(*) FILTER (WHERE ") < 0 || postgres_stage_differs(w, "w_new", &sql) < 0 ||
                  buf_add_text(&sql, " AND ") < 0 || postgres_add_name(&sql, "w_old", key) < 0 ||
                  buf_add_text(&sql, " IS NOT NULL)") < 0
            : buf_add_text(&sql, "0") < 0)
        return err_oom(err);
    if (buf_add_text(&sql, " FROM ") < 0 || postgres_stage_source(w, first, n, &sql) < 0 ||
        buf_printf(&sql, " LEFT JOIN %s AS w_old ON (", w->t->name) < 0 ||
        postgres_stage_match(w->t, "w_old", "w_new", &sql) < 0 || buf_add_char(&sql, ')') < 0)
        return err_oom(err);
    if (postgres_run(w->t->sink->p, buf_text(&sql), &r, err) != 0)
        return -1;
    if (db_cell_int(&r, 0, 0))
        return err_set(err, ERR_RUN, W0508, "%s: %lld of %llu rows that were not written are not there either",
                       w->t->label, (long long)db_cell_int(&r, 0, 0), (unsigned long long)untouched);
    *differ = (uint64_t)db_cell_int(&r, 0, 1);
    return 0;
}

/* How many rows the source of this attempt has. */
static int count_source(struct staged *w, size_t first, size_t n, uint64_t *ret, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};

    if (buf_printf(&sql, "SELECT count(*) FROM %s AS w_s WHERE seq >= %zu AND seq < %zu AND turn = %d AND again = %u",
                   w->stage->name, first, first + n, w->turn, w->again) < 0)
        return err_oom(err);
    if (postgres_run(w->t->sink->p, buf_text(&sql), &r, err) != 0)
        return -1;
    *ret = (uint64_t)db_cell_int(&r, 0, 0);
    return 0;
}

/* After the insertion: the rows that still differ from the one that is there. */
static int read_differing(struct staged *w, size_t first, size_t n, struct db_result *ret, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_add_text(&sql, "SELECT w_new.w_seq FROM ") < 0 || postgres_stage_source(w, first, n, &sql) < 0 ||
        buf_printf(&sql, " JOIN %s AS w_old ON (", w->t->name) < 0 ||
        postgres_stage_match(w->t, "w_old", "w_new", &sql) < 0 || buf_add_text(&sql, ") WHERE ") < 0 ||
        postgres_stage_differs(w, "w_new", &sql) < 0)
        return err_oom(err);
    return postgres_run(w->t->sink->p, buf_text(&sql), ret, err);
}

/* Before the insertion: the rows whose key is there, or comes earlier in the stage. */
static int read_skipped(struct staged *w, size_t first, size_t n, struct db_result *ret, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (buf_add_text(&sql, "SELECT w_x.w_seq FROM (SELECT w_new.w_seq, (") < 0 ||
        postgres_stage_match(w->t, "w_new", "w_new", &sql) < 0 ||
        buf_add_text(&sql, ") AS w_whole, pg_catalog.row_number() OVER (PARTITION BY ") < 0 ||
        postgres_stage_key(w->t, "w_new", &sql) < 0 ||
        buf_printf(&sql, " ORDER BY w_new.w_seq) AS w_n, EXISTS (SELECT FROM %s AS w_old WHERE ", w->t->name) < 0 ||
        postgres_stage_match(w->t, "w_old", "w_new", &sql) < 0 || buf_add_text(&sql, ") AS w_there FROM ") < 0 ||
        postgres_stage_source(w, first, n, &sql) < 0 ||
        buf_add_text(&sql, ") AS w_x WHERE w_x.w_there OR (w_x.w_whole AND w_x.w_n > 1)") < 0)
        return err_oom(err);
    return postgres_run(w->t->sink->p, buf_text(&sql), ret, err);
}

static int tell_skipped(struct staged *w, const struct db_result *rows, struct err *err)
{
    for (size_t i = 0; i < rows->n_rows; i++) {
        if (w->how->skipped(w->how->context, as_given(w, (size_t)db_cell_int(rows, i, 0)), err) < 0)
            return -1;
    }
    return 0;
}

static int settle(struct staged *w, size_t first, size_t n, uint64_t inserted, uint64_t updated, struct err *err)
{
    uint64_t given = 0, differ = 0, untouched, skipped;

    if (count_source(w, first, n, &given, err) < 0)
        return -1;
    if (inserted + updated > given || (!w->updates && !w->nothing && inserted != given))
        return err_set(err, ERR_RUN, W0508, "%s: %llu rows were sent, the database took %llu", w->t->label,
                       (unsigned long long)given, (unsigned long long)(inserted + updated));
    untouched = given - inserted - updated;
    if (untouched && look_at_untouched(w, first, n, untouched, &differ, err) < 0)
        return -1;
    skipped = w->skips ? untouched : differ < untouched ? differ : untouched;
    w->counts->inserted += inserted;
    w->counts->updated += updated;
    w->counts->skipped += skipped;
    w->counts->same += untouched - skipped;
    if (skipped && w->how->skipped && !w->skips) {
        CLEANUP(db_result_release) struct db_result rows = {0};

        if (read_differing(w, first, n, &rows, err) != 0 || tell_skipped(w, &rows, err) < 0)
            return -1;
    }
    return 0;
}

/* The number of the row among those of its key, kept in "again" from 1 on. */
static int number_repeats(struct staged *w, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    struct staged all = *w;

    all.again = 0;
    if (buf_printf(&sql, "UPDATE %s AS w_t SET again = w_x.n FROM (SELECT w_new.w_seq, pg_catalog.row_number() OVER"
                   " (PARTITION BY ", w->stage->name) < 0 || postgres_stage_key(w->t, "w_new", &sql) < 0 ||
        buf_add_text(&sql, " ORDER BY w_new.w_seq) - 1 AS n FROM ") < 0 ||
        postgres_stage_source(&all, 0, w->rows->n, &sql) < 0 || buf_add_text(&sql, " WHERE (") < 0 ||
        postgres_stage_match(w->t, "w_new", "w_new", &sql) < 0 ||
        buf_add_text(&sql, ")) AS w_x WHERE w_x.w_seq = w_t.seq AND w_x.n > 0") < 0)
        return err_oom(err);
    w->repeats = true;
    return postgres_run(w->t->sink->p, buf_text(&sql), NULL, err) == 0 ? 0 : -1;
}

static int run_insert(struct staged *w, size_t first, size_t n, struct db_result *ret, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if ((w->updates ? add_counted(w, first, n, &sql) : postgres_stage_insert(w, first, n, &sql)) < 0)
        return err_oom(err);
    return postgres_run(w->t->sink->p, buf_text(&sql), ret, err);
}

/* Narrowing asks for small ranges of the stage many times. */
static int index_stage(struct staged *w, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (w->indexed || w->rows->n < INDEX_ROWS_MIN)
        return 0;
    if (buf_printf(&sql, "CREATE INDEX windrow_narrow ON %s (seq)", w->stage->name) < 0)
        return err_oom(err);
    w->indexed = true;
    return postgres_run(w->t->sink->p, buf_text(&sql), NULL, err) == 0 ? 0 : -1;
}

static int attempt_rows(struct staged *w, size_t first, size_t n, struct err *err)
{
    CLEANUP(db_result_release) struct db_result old = {0};
    CLEANUP(db_result_release) struct db_result there = {0};
    CLEANUP(db_result_release) struct db_result done = {0};
    int outcome = postgres_run(w->t->sink->p, "SAVEPOINT windrow", NULL, err);

    if (outcome != 0)
        return -1;
    if (w->updates && w->how->before)
        outcome = read_old(w, first, n, &old, err);
    if (w->skips && w->how->skipped)
        outcome = read_skipped(w, first, n, &there, err);
    if (outcome == 0)
        outcome = run_insert(w, first, n, &done, err);
    if (outcome < 0)
        return -1;
    if (outcome > 0)
        return postgres_after_refusal(w->t, err);
    if (postgres_keep(w->t, err) < 0)
        return -1;
    if (!w->updates && settle(w, first, n, done.affected, 0, err) < 0)
        return -1;
    if (!w->updates)
        return w->skips && w->how->skipped ? tell_skipped(w, &there, err) : 0;
    if (settle(w, first, n, (uint64_t)db_cell_int(&done, 0, 0), (uint64_t)db_cell_int(&done, 0, 1), err) < 0)
        return -1;
    return w->how->before ? tell_old(w, &old, db_cell(&done, 0, 2), err) : 0;
}

static int attempt_insert(void *context, size_t first, size_t n, size_t *hint, struct err *err)
{
    struct staged *w = context;
    int outcome = attempt_rows(w, first, n, err);

    (void)hint;
    if (outcome == 1 && strcmp(err->sqlstate, "21000") == 0 && w->updates && !w->repeats) {
        err_release(err);
        if (number_repeats(w, err) < 0)
            return -1;
        outcome = attempt_rows(w, first, n, err);
    }
    if (outcome == 1) {
        CLEANUP(err_release) struct err second = {0};

        if (index_stage(w, &second) < 0) {
            err_move(err, &second);
            return -1;
        }
    }
    return outcome;
}

static const struct narrow_ops stage_ops = {attempt_stage, refuse}, insert_ops = {attempt_insert, refuse};

/* ---- one write ---- */

static int refuse_nowhere(struct staged *w, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};

    if (postgres_stage_drop_nowhere(w, &sql) < 0)
        return err_oom(err);
    if (postgres_run(w->t->sink->p, buf_text(&sql), &r, err) != 0)
        return -1;
    for (size_t i = 0; i < r.n_rows; i++) {
        CLEANUP(err_release) struct err reason = {0};
        size_t column = (size_t)db_cell_int(&r, i, 1);
        const struct sink_reference *ref = w->t->spec->columns[column].reference;

        err_set(&reason, ERR_RECORD, W0510, "%s: there is no row of %s with %s = '%.*s'", postgres_column(w->t, column)->name,
                ref->table->name, ref->n_keys == 1 ? ref->table->columns[ref->keys[0]].name : "the key",
                STR_ARG(db_cell(&r, i, 2)));
        err_value(&reason, db_cell(&r, i, 2));
        refuse(w, (size_t)db_cell_int(&r, i, 0), &reason);
    }
    return 0;
}

static int last_again(struct staged *w, unsigned *ret, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};

    if (buf_printf(&sql, "SELECT max(again) FROM %s WHERE turn = %d", w->stage->name, w->turn) < 0)
        return err_oom(err);
    if (postgres_run(w->t->sink->p, buf_text(&sql), &r, err) != 0)
        return -1;
    *ret = (unsigned)db_cell_int(&r, 0, 0);
    return 0;
}

static int attempt_rings(void *context, size_t first, size_t n, size_t *hint, struct err *err)
{
    struct staged *w = context;
    size_t start = postgres_ring_start(w->rings, first);

    return attempt_insert(w, start, w->rings->ends[first + n - 1] - start, hint, err);
}

static void refuse_ring(void *context, size_t ring, struct err *err)
{
    struct staged *w = context;
    size_t start = postgres_ring_start(w->rings, ring);

    for (size_t row = start + 1; row < w->rings->ends[ring]; row++) {
        CLEANUP(err_release) struct err along = {0};

        postgres_order_along(w->t, err, &along);
        refuse(w, row, &along);
    }
    refuse(w, start, err);
}

static int insert_all(struct staged *w, struct err *err)
{
    static const struct narrow_ops ring_ops = {attempt_rings, refuse_ring};

    return w->rings ? narrow_run(w->rings->n, &ring_ops, w, err) : narrow_run(w->rows->n, &insert_ops, w, err);
}

/* The second row of every key that has one, then the third, and so on. */
static int insert_repeats(struct staged *w, struct err *err)
{
    unsigned last = 0;

    if (w->repeats && last_again(w, &last, err) < 0)
        return -1;
    while (w->again < last) {
        w->again++;
        if (insert_all(w, err) < 0)
            return -1;
    }
    return 0;
}

static int insert_turn(struct staged *w, struct err *err)
{
    w->again = 0;
    w->repeats = false;
    return insert_all(w, err) < 0 ? -1 : insert_repeats(w, err);
}

/* Without figures the planner takes a stage for all but empty, and loops over it once for each row. */
static int count_stage(struct staged *w, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;

    if (w->rows->n < INDEX_ROWS_MIN)
        return 0;
    if (buf_printf(&sql, "ANALYZE %s (seq, turn, again)", w->stage->name) < 0)
        return err_oom(err);
    return postgres_run(w->t->sink->p, buf_text(&sql), NULL, err) == 0 ? 0 : -1;
}

/* Rows whose parents are there, then rows whose parents these were, until no more find theirs. */
static int insert_generations(struct staged *w, struct err *err)
{
    for (int turn = 0;; turn++) {
        CLEANUP(buf_release) struct buf sql = BUF_INIT;
        CLEANUP(db_result_release) struct db_result r = {0};

        if (postgres_stage_take_turn(w, turn, &sql) < 0)
            return err_oom(err);
        if (postgres_run(w->t->sink->p, buf_text(&sql), &r, err) != 0)
            return -1;
        if (r.affected == 0)
            break;
        w->turn = turn;
        if ((r.affected >= INDEX_ROWS_MIN && count_stage(w, err) < 0) || insert_turn(w, err) < 0)
            return -1;
    }
    w->turn = -1;
    return refuse_nowhere(w, err);
}

static bool looks_up(const struct sink_spec *spec)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (spec->columns[i].reference && !spec->columns[i].reference->optional)
            return true;
    }
    return false;
}

/* The stage once more, parents first. What it held is known to fit. */
static int order_stage(struct staged *w, struct postgres_rings *rings, struct err *err)
{
    if (postgres_order_find(w->t, w->rows, w->reasons, w->updates || w->nothing, rings, err) < 0)
        return -1;
    w->rings = rings;
    w->rows = &rings->rows;
    if (w->rows->n == 0)
        return 0;
    return postgres_stage_ready(w->t, w->stage, err) != 0 || copy_numbered(w, 0, w->rows->n, err) != 0 ? -1 : count_stage(w, err);
}

/* Rows of a table that refers to itself: at once; then, when some are refused, parents first, see postgres_order.h. */
static int insert_own(struct staged *w, struct postgres_rings *rings, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    size_t hint = 0;
    int outcome = attempt_insert(w, 0, w->rows->n, &hint, &why);

    if (outcome == 0)
        return insert_repeats(w, err);
    if (outcome > 0)
        return order_stage(w, rings, err) < 0 ? -1 : insert_turn(w, err);
    if (err && !err->scope)
        err_move(err, &why);
    return -1;
}

static int insert_staged(struct staged *w, struct postgres_rings *rings, struct err *err)
{
    if (postgres_stage_ready(w->t, w->stage, err) != 0 || narrow_run(w->rows->n, &stage_ops, w, err) < 0)
        return -1;
    if (count_stage(w, err) < 0)
        return -1;
    if (w->t->self_reference)
        return insert_generations(w, err);
    if (looks_up(w->t->spec) && refuse_nowhere(w, err) < 0)
        return -1;
    return w->t->own ? insert_own(w, rings, err) : insert_turn(w, err);
}

static int write_staged(struct staged *w, struct err *err)
{
    CLEANUP(postgres_rings_release) struct postgres_rings rings = {0};

    if (insert_staged(w, &rings, err) < 0)
        return -1;
    return w->forgetful ? err_oom(err) : 0;
}

static int drop_index(struct staged *w, struct err *err)
{
    if (!w->indexed)
        return 0;
    return postgres_run(w->t->sink->p, "DROP INDEX pg_temp.windrow_narrow", NULL, err) == 0 ? 0 : -1;
}

static void release_reasons(struct staged *w)
{
    for (size_t i = 0; w->reasons && i < w->n_given; i++) {
        if (w->reasons[i])
            err_release(w->reasons[i]);
        free(w->reasons[i]);
    }
    free(w->reasons);
}

static void choose_conflict(struct staged *w)
{
    enum sink_conflict conflict = w->how->mode == SINK_RECONCILE ? SINK_CONFLICT_UPDATE : w->t->spec->conflict;
    bool changes = postgres_stage_count_updated(w) > 0;

    w->skips = conflict == SINK_CONFLICT_SKIP;
    w->updates = conflict == SINK_CONFLICT_UPDATE && changes;
    w->nothing = w->skips || (conflict == SINK_CONFLICT_UPDATE && !changes);
}

int postgres_stage_fill(struct sink_table *t, const struct sink_rows *rows, struct err *err)
{
    struct sink_counts counts = {0};
    CLEANUP(release_reasons) struct staged w = {.t = t, .stage = &t->stage, .form = &t->row, .rows = rows, .n_given = rows->n,
                                                .counts = &counts};

    w.reasons = calloc(rows->n, sizeof *w.reasons);
    if (!w.reasons)
        return err_oom(err);
    if (postgres_stage_ready(t, w.stage, err) != 0 || narrow_run(rows->n, &stage_ops, &w, err) < 0)
        return -1;
    return count_stage(&w, err);
}

int postgres_stage_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                         struct sink_counts *ret, struct err *err)
{
    CLEANUP(release_reasons) struct staged w = {.t = t, .stage = &t->stage, .form = &t->row, .rows = rows, .n_given = rows->n,
                                                .how = how, .counts = ret};

    choose_conflict(&w);
    w.reasons = calloc(rows->n, sizeof *w.reasons);
    if (!w.reasons)
        return err_oom(err);
    if (write_staged(&w, err) < 0 || drop_index(&w, err) < 0)
        return -1;
    for (size_t i = 0; how->refused && i < rows->n; i++) {
        if (w.reasons[i])
            how->refused(how->context, i, w.reasons[i]);
    }
    return 0;
}

static int tell_deleted(const struct sink_write *how, const struct db_result *old, struct err *err)
{
    for (size_t i = 0; i < old->n_rows; i++) {
        if (how->before(how->context, (size_t)db_cell_int(old, i, 0), db_cell(old, i, 1), err) < 0)
            return -1;
    }
    return 0;
}

int postgres_stage_delete(struct sink_table *t, const struct sink_rows *keys, const struct sink_write *how, uint64_t *deleted,
                          struct err *err)
{
    struct staged w = {.t = t, .stage = &t->key_stage, .form = &t->key, .rows = keys, .keys_only = true,
                       .turn = t->self_reference ? -1 : 0};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};

    *deleted = 0;
    if (keys->n == 0)
        return 0;
    if (postgres_stage_ready(t, w.stage, err) != 0 || copy_numbered(&w, 0, keys->n, err) != 0 || count_stage(&w, err) < 0)
        return -1;
    if (buf_printf(&sql, "DELETE FROM %s AS w_old USING ", t->name) < 0 ||
        postgres_stage_source(&w, 0, keys->n, &sql) < 0 || buf_add_text(&sql, " WHERE ") < 0 ||
        postgres_stage_match(t, "w_old", "w_new", &sql) < 0 ||
        (how->before && buf_add_text(&sql, " RETURNING w_new.w_seq, pg_catalog.row_to_json(w_old)") < 0))
        return err_oom(err);
    if (postgres_run(t->sink->p, buf_text(&sql), &r, err) != 0)
        return -1;
    *deleted = r.affected;
    return how->before ? tell_deleted(how, &r, err) : 0;
}
