/* One write of rows into a SQLite table: fed in one statement while nothing is in the way, row by row otherwise.
 *
 * A fed statement that the database refuses undoes itself and leaves the feed standing at the guilty row, so the rows
 * before it are fed again, it is reported, and the feed goes on behind it: each row is written at most twice, however
 * many are refused. A violated foreign key names no row, since SQLite checks it at the end of the statement; then,
 * and when a row meets one that is there and must be merged, the rest goes row by row. */
#include "sink/sqlite_sink.h"

#include "base/cleanup.h"
#include "sink/sink_internal.h"

#include <stdlib.h>

/* A row that was refused and may pass when later rows of the same table are there. */
struct pending {
    size_t row;
    struct err err;
};

struct writing {
    struct sink_table *t;
    const struct sink_rows *rows;
    const struct sink_write *how;
    struct sink_counts counts;
    struct pending *pending;    /* in order of rows */
    size_t n_pending, capacity;
    bool waits;                 /* refusals are kept until the end, because order matters and some may still pass */
};

static void pending_release(struct writing *w)
{
    for (size_t i = 0; i < w->n_pending; i++)
        err_release(&w->pending[i].err);
    free(w->pending);
    w->pending = NULL;
    w->n_pending = w->capacity = 0;
}

static int keep(struct writing *w, size_t row, struct err *why, struct err *err)
{
    if (w->n_pending == w->capacity) {
        size_t capacity = w->capacity ? w->capacity * 2 : 16;
        struct pending *grown = realloc(w->pending, capacity * sizeof *grown);

        if (!grown)
            return err_oom(err);
        w->pending = grown;
        w->capacity = capacity;
    }
    w->pending[w->n_pending] = (struct pending){.row = row};
    err_move(&w->pending[w->n_pending++].err, why);
    return 0;
}

static void report(struct writing *w, size_t row, struct err *why)
{
    w->counts.refused++;
    if (w->how->refused)
        w->how->refused(w->how->context, row, why);
    err_release(why);
}

static int refuse(struct writing *w, size_t row, struct err *why, struct err *err)
{
    if (w->waits)
        return keep(w, row, why, err);
    report(w, row, why);
    return 0;
}

/* The row at hand: cells decoded, references resolved into t->values. */
static enum sqlite_outcome take_row(struct writing *w, size_t row, struct err *why)
{
    struct sink_table *t = w->t;
    const char *at = w->rows->bytes.at + sink_rows_start_of(w->rows, row);
    struct sqlite_value *cell = t->cells;

    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const struct sink_reference *r = t->spec->columns[i].reference;
        const struct sqlite_value *first = cell;
        const char *start = at;
        enum sqlite_outcome outcome;

        for (size_t k = 0; k < (r ? r->n_keys : 1); k++)
            at = sqlite_row_next(at, cell++);
        if (!r) {
            t->values[i] = *first;
            continue;
        }
        outcome = sqlite_lookup(t, i, first, str_make(start, (size_t)(at - start)), why);
        if (outcome != SQLITE_ROW_DONE)
            return outcome;
    }
    return SQLITE_ROW_DONE;
}

/* Row by row */

static enum sqlite_outcome step(struct writing *w, sqlite3_stmt *statement, struct err *why)
{
    int rc;

    if (sqlite_lookup_bind(w->t, statement, w->t->values, w->t->spec->n_columns, why) < 0)
        return SQLITE_ROW_LOST;
    rc = sqlite3_step(statement);
    if (rc == SQLITE_DONE) {
        sqlite3_reset(statement);
        return SQLITE_ROW_DONE;
    }
    if (sqlite_refusal(w->t->d, rc, why) < 0)
        rc = SQLITE_OK;
    sqlite3_reset(statement);
    if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
        sqlite_lookup_foreign_key(w->t, why);
    return rc == SQLITE_OK ? SQLITE_ROW_LOST : SQLITE_ROW_REFUSED;
}

static enum sqlite_outcome vanished(struct sink_table *t, struct err *why)
{
    err_set(why, ERR_RUN, W0508, "table '%s' took a row without storing it: a trigger ignores it",
            t->spec->table->name);
    return SQLITE_ROW_LOST;
}

enum { EXAMINE_SAME = 0, EXAMINE_WHEN, EXAMINE_OLD };

static int tell_before(struct writing *w, sqlite3_stmt *s, size_t row, struct err *err)
{
    CLEANUP(buf_release) struct buf json = BUF_INIT;

    if (sqlite_image(w->t, s, EXAMINE_OLD, &json) < 0)
        return err_oom(err);
    return w->how->before(w->how->context, row, buf_str(&json), err);
}

enum met { MET_LOST = -1, MET_SAME, MET_SKIPPED, MET_DIFFERENT };

/* The row that is there, against the row at hand. */
static enum met examine(struct writing *w, size_t row, sqlite3_stmt *s, struct err *why)
{
    enum met met = MET_DIFFERENT;
    int rc;

    if (sqlite_lookup_bind(w->t, s, w->t->values, w->t->spec->n_columns, why) < 0)
        return MET_LOST;
    rc = sqlite3_step(s);
    if (rc != SQLITE_ROW) {
        met = MET_LOST;
        if (rc == SQLITE_DONE)
            vanished(w->t, why);
        else
            sqlite_fail(w->t->d, rc, why);
    } else if (sqlite3_column_int(s, EXAMINE_SAME)) {
        met = MET_SAME;
    } else if (!sqlite3_column_int(s, EXAMINE_WHEN)) {
        met = MET_SKIPPED;
    } else if (w->how->before && tell_before(w, s, row, why) < 0) {
        met = MET_LOST;
    }
    sqlite3_reset(s);
    return met;
}

static enum sqlite_outcome left_out(struct writing *w, size_t row, struct err *why)
{
    w->counts.skipped++;
    if (w->how->skipped && w->how->skipped(w->how->context, row, why) < 0)
        return SQLITE_ROW_LOST;
    return SQLITE_ROW_DONE;
}

static enum sqlite_outcome merge(struct writing *w, size_t row, struct err *why)
{
    struct sqlite_merge *m = &w->t->merges[w->how->mode];
    enum sqlite_outcome outcome;

    switch (examine(w, row, m->examine, why)) {
    case MET_LOST:
        return SQLITE_ROW_LOST;
    case MET_SAME:
        w->counts.same++;
        return SQLITE_ROW_DONE;
    case MET_SKIPPED:
        return left_out(w, row, why);
    case MET_DIFFERENT:
        break;
    }
    outcome = step(w, m->update, why);
    if (outcome == SQLITE_ROW_DONE && sqlite3_changes64(w->t->d->handle) == 0)
        return vanished(w->t, why);
    w->counts.updated += outcome == SQLITE_ROW_DONE;
    return outcome;
}

static bool merges(const struct writing *w)
{
    return w->how->mode == SINK_RECONCILE || w->t->spec->conflict == SINK_CONFLICT_UPDATE;
}

static bool skips(const struct writing *w)
{
    return w->how->mode == SINK_FRESH && w->t->spec->conflict == SINK_CONFLICT_SKIP;
}

static enum sqlite_outcome write_row(struct writing *w, size_t row, struct err *why)
{
    bool plain = !merges(w) && !skips(w);
    enum sqlite_outcome outcome = take_row(w, row, why);

    if (outcome == SQLITE_ROW_DONE)
        outcome = step(w, plain ? w->t->insert : w->t->insert_new, why);
    if (outcome != SQLITE_ROW_DONE)
        return outcome;
    if (sqlite3_changes64(w->t->d->handle) > 0)
        w->counts.inserted++;
    else if (plain)
        return vanished(w->t, why);
    else if (skips(w))
        return left_out(w, row, why);
    else
        return merge(w, row, why);
    return SQLITE_ROW_DONE;
}

static int write_rest(struct writing *w, size_t row, struct err *err)
{
    for (; row < w->rows->n; row++) {
        struct err why = {0};
        enum sqlite_outcome outcome = write_row(w, row, &why);

        if (outcome == SQLITE_ROW_LOST)
            return err_move(err, &why), -1;
        if (outcome == SQLITE_ROW_REFUSED && refuse(w, row, &why, err) < 0)
            return -1;
    }
    return 0;
}

/* Rows whose parents came later: as long as one of them passes, the others may. The rest is refused, in order. */
static int retry_pending(struct writing *w, struct err *err)
{
    bool progress = w->waits;

    while (progress) {
        size_t kept = 0;

        progress = false;
        for (size_t i = 0; i < w->n_pending; i++) {
            struct pending *p = &w->pending[i];
            struct err why = {0};
            enum sqlite_outcome outcome = p->err.code == W0510 ? write_row(w, p->row, &why) : SQLITE_ROW_REFUSED;

            if (outcome == SQLITE_ROW_LOST)
                return err_move(err, &why), -1;
            progress |= outcome == SQLITE_ROW_DONE;
            if (why.scope)
                err_move(&p->err, &why);
            if (outcome == SQLITE_ROW_DONE)
                err_release(&p->err);
            else if (kept++ != i) {
                w->pending[kept - 1] = *p;
                *p = (struct pending){0};
            }
        }
        w->n_pending = kept;
    }
    for (size_t i = 0; i < w->n_pending; i++)
        report(w, w->pending[i].row, &w->pending[i].err);
    return 0;
}

/* Fed */

/* Rows from `first` to before `end` in one statement. Refused: nothing of it was done, feed.next is the guilty row. */
static enum sqlite_outcome feed(struct writing *w, size_t first, size_t end, struct err *why)
{
    struct sqlite_feed *f = &w->t->feed;
    sqlite3_stmt *statement = skips(w) ? w->t->fed_new : w->t->fed;
    uint64_t n;
    int rc;

    f->rows = w->rows;
    f->next = first;
    f->end = end;
    rc = sqlite3_step(statement);
    if (rc != SQLITE_DONE) {
        enum sqlite_outcome outcome = sqlite_refusal(w->t->d, rc, why) < 0 ? SQLITE_ROW_LOST : SQLITE_ROW_REFUSED;

        if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
            f->next = f->end;
        sqlite3_reset(statement);
        return outcome;
    }
    sqlite3_reset(statement);
    n = (uint64_t)sqlite3_changes64(w->t->d->handle);
    if (n != end - first && !skips(w))
        return vanished(w->t, why);
    w->counts.inserted += n;
    w->counts.skipped += end - first - n;
    return SQLITE_ROW_DONE;
}

/* Feed as far as that goes; *ret_row is the first row left for write_rest(). */
static int feed_rows(struct writing *w, size_t *ret_row, struct err *err)
{
    size_t first = 0;

    while (first < w->rows->n) {
        struct err why = {0};
        enum sqlite_outcome outcome = feed(w, first, w->rows->n, &why);
        size_t guilty = w->t->feed.next;

        *ret_row = first;
        if (outcome == SQLITE_ROW_LOST)
            return err_move(err, &why), -1;
        if (outcome == SQLITE_ROW_DONE)
            break;
        if (guilty >= w->rows->n) {     /* none was named: a foreign key, or triggers had SQLite read all rows first */
            err_release(&why);
            return 0;
        }
        if (guilty > first) {
            struct err again = {0};

            outcome = feed(w, first, guilty, &again);
            if (outcome != SQLITE_ROW_DONE)
                err_release(&why);
            if (outcome == SQLITE_ROW_LOST)
                return err_move(err, &again), -1;
            if (outcome == SQLITE_ROW_REFUSED) {    /* a foreign key, which had no chance to be asked before */
                err_release(&again);
                return 0;
            }
        }
        *ret_row = guilty;
        if (merges(w) && why.code == W0512) {
            err_release(&why);
            return 0;
        }
        if (refuse(w, guilty, &why, err) < 0)
            return -1;
        first = guilty + 1;
    }
    *ret_row = w->rows->n;
    return 0;
}

/* The whole */

static int write_all(struct writing *w, struct err *err)
{
    size_t row = 0;

    sqlite_lookup_forget(w->t);
    w->counts = (struct sink_counts){0};
    w->waits = w->t->looks_up_itself;
    /* Fed rows that are left out are known by their number alone. */
    if (!w->t->references && !(skips(w) && w->how->skipped) && feed_rows(w, &row, err) < 0)
        return -1;
    if (write_rest(w, row, err) < 0)
        return -1;
    return retry_pending(w, err);
}

int sqlite_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                 struct sink_counts *ret, struct err *err)
{
    struct writing w = {.t = t, .rows = rows, .how = how};
    struct err why = {0};
    int failed;

    if (how->mode == SINK_RECONCILE && !t->key_unique)
        return err_set(err, ERR_RUN, W0519, "rows of table '%s' have no unique key to be found by",
                       t->spec->table->name);
    if (merges(&w) && sqlite_sink_merge(t, how->mode, err) < 0)
        return -1;
    failed = write_all(&w, &why);
    pending_release(&w);
    if (failed && err && !err->scope)
        err_move(err, &why);
    err_release(&why);
    if (failed)
        return -1;
    *ret = w.counts;
    return 0;
}
