/* Rows of a chunk that refer to each other in any order and across tables: which of them can be there together?
 *
 * Only the commit tells that some foreign key leads nowhere, and not which. Then the chunk is repeated with all its rows held
 * until its end. They are written, those that lead nowhere are asked for, all is taken back and written without them, and so
 * on, until nothing leads nowhere: each round takes out only rows that cannot stay, so that what is left is the most that can
 * be there. A row that is refused for its own sake is found by the write itself. The last writing is the one that counts. */
#include "run/run_internal.h"

#include "base/cleanup.h"
#include "base/fault.h"

#include <stdlib.h>

/* The held rows of one list. */
struct party {
    struct worker *w;
    const struct program_rule *rule;
    struct outgoing *o;
    size_t n;                   /* its rows */
    struct err **reasons;       /* by row of `o`: why it is refused */
    bool *out;                  /* by row: it leads nowhere, and is not written any more */
    struct sink_rows rows;      /* those that are written */
    uint32_t *numbers;          /* of these in `o` */
    struct write_flush flush;
};

struct parties {
    struct party *at;
    size_t n;
    bool found;                 /* a row that leads nowhere, in this round */
};

static void forget_reason(struct party *p, size_t row)
{
    if (p->reasons[row])
        err_release(p->reasons[row]);
    free(p->reasons[row]);
    p->reasons[row] = NULL;
}

static void parties_release(struct parties *all)
{
    for (size_t i = 0; i < all->n; i++) {
        struct party *p = &all->at[i];

        for (size_t k = 0; p->reasons && k < p->n; k++)
            forget_reason(p, k);
        free(p->reasons);
        free(p->out);
        free(p->numbers);
        sink_rows_release(&p->rows);
    }
    free(all->at);
}

static int add_party(struct worker *w, struct parties *all, const struct program_rule *rule, struct outgoing *o)
{
    struct party *p = &all->at[all->n];

    if (o->rows.n == 0)
        return 0;
    all->n++;
    *p = (struct party){.w = w, .rule = rule, .o = o, .n = o->rows.n, .flush = {w, rule, o}};
    p->reasons = calloc(p->n, sizeof *p->reasons);
    p->out = calloc(p->n, sizeof *p->out);
    p->numbers = calloc(p->n, sizeof *p->numbers);
    return p->reasons && p->out && p->numbers ? 0 : -1;
}

/* Parents first, and of each rule the rows of old keys first, as without waiting. */
static int gather(struct worker *w, struct parties *all)
{
    size_t n = w->run->p->n_rules;

    all->at = calloc(2 * n + 1, sizeof *all->at);
    for (size_t i = 0; all->at && i < n; i++) {
        if (add_party(w, all, &w->run->p->rules[i], &w->outgoing[n + i]) < 0 ||
            add_party(w, all, &w->run->p->rules[i], &w->outgoing[i]) < 0)
            return -1;
    }
    return all->at ? 0 : -1;
}

static struct sink_table *table_of(const struct party *p)
{
    return p->w->tables[rule_ordinal(p->w->run, p->rule)];
}

static enum sink_mode mode_of(const struct party *p)
{
    return p->o == &p->w->outgoing[rule_ordinal(p->w->run, p->rule)] ? SINK_FRESH : SINK_RECONCILE;
}

/* ---- what the sink tells, by row of p->rows ---- */

static void on_refused(void *context, size_t row, struct err *err)
{
    struct party *p = context;
    struct err *reason = calloc(1, sizeof *reason);

    if (!reason) {
        err_oom(&p->w->failure);
        return;
    }
    err_move(reason, err);
    p->reasons[p->numbers[row]] = reason;
}

static int on_before(void *context, size_t row, struct str old, struct err *err)
{
    struct party *p = context;

    return entry_before(&p->flush, p->numbers[row], old, err);
}

static int on_skipped(void *context, size_t row, struct err *err)
{
    struct party *p = context;

    return refusal_skipped(&p->flush, p->numbers[row], err);
}

static void on_nowhere(void *context, size_t row, struct err *err)
{
    struct party *p = context;

    on_refused(p, row, err);
    p->out[p->numbers[row]] = true;
}

/* ---- rounds ---- */

static int take_row(struct party *p, size_t row, struct err *err)
{
    p->numbers[p->rows.n] = (uint32_t)row;
    return sink_rows_add(&p->rows, sink_rows_row(&p->o->rows, row)) < 0 ? err_oom(err) : 0;
}

/* All rows that are not out; of an earlier round nothing is known any more. */
static int take_rows(struct party *p, struct err *err)
{
    sink_rows_clear(&p->rows);
    for (size_t i = 0; i < p->n; i++) {
        if (p->out[i])
            continue;
        forget_reason(p, i);
        if (take_row(p, i, err) < 0)
            return -1;
    }
    return 0;
}

static int write_party(struct party *p, const struct sink_write *how, struct sink_counts *counts, struct err *err)
{
    if (take_rows(p, err) < 0)
        return -1;
    *counts = (struct sink_counts){0};
    if (p->rows.n && p->w->run->ops->write(table_of(p), &p->rows, how, counts, err) < 0)
        return -1;
    return p->w->failure.scope ? (err_move(err, &p->w->failure), -1) : 0;
}

static int ask_party(struct party *p, struct parties *all, struct err *err)
{
    const struct sink_write how = {.mode = mode_of(p), .refused = on_nowhere, .context = p};
    size_t n;

    sink_rows_clear(&p->rows);
    for (size_t i = 0; i < p->n; i++) {
        if (!p->reasons[i] && take_row(p, i, err) < 0)
            return -1;
    }
    n = p->rows.n;
    if (n && p->w->run->ops->dangling(table_of(p), &p->rows, &how, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        all->found = all->found || p->out[p->numbers[i]];
    return p->w->failure.scope ? (err_move(err, &p->w->failure), -1) : 0;
}

static int one_round(struct parties *all, struct err *err)
{
    all->found = false;
    for (size_t i = 0; i < all->n; i++) {
        struct party *p = &all->at[i];
        const struct sink_write how = {.mode = mode_of(p), .refused = on_refused, .context = p};
        struct sink_counts ignored;

        if (write_party(p, &how, &ignored, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < all->n; i++) {
        if (ask_party(&all->at[i], all, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the writing that counts ---- */

static int write_for_good(struct party *p, struct err *err)
{
    struct worker *w = p->w;
    const struct sink_write how = {.mode = mode_of(p), .refused = on_refused, .context = p,
                                   .before = w->run->ledger ? on_before : NULL,
                                   .skipped = w->run->ledger && write_keeps_keys(w, p->rule) ? on_skipped : NULL};
    struct sink_counts counts;

    if (write_party(p, &how, &counts, err) < 0)
        return -1;
    FAULT("after_copy");
    counts.refused += p->n - p->rows.n;
    for (size_t i = 0; i < p->n; i++) {
        if (p->reasons[i])
            refusal_of_row(&p->flush, i, p->reasons[i]);
    }
    return write_settle(w, p->rule, p->o, &counts, err);
}

int together_write(struct worker *w, struct err *err)
{
    CLEANUP(parties_release) struct parties all = {0};
    const struct sink_ops *ops = w->run->ops;

    if (gather(w, &all) < 0)
        return err_oom(err);
    if (write_begin(w, err) < 0 || ops->mark(w->sink, err) < 0)
        return -1;
    do {
        if (one_round(&all, err) < 0 || ops->back(w->sink, err) < 0)
            return -1;
    } while (all.found);
    for (size_t i = 0; i < all.n; i++) {
        if (write_for_good(&all.at[i], err) < 0)
            return -1;
    }
    return entry_relieve(w, err);
}
