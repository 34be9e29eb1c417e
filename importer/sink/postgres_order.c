/* Parents before their children: who refers to whom is asked of the database, in the stage; the order is made here. */
#include "sink/postgres_order.h"

#include "base/cleanup.h"
#include "sink/narrow.h"
#include "sink/postgres_stage.h"

#include <stdlib.h>

enum { COLUMNS_MAX = 32 };

/* The ordinal in the spec of a column of the table; n_columns when the rows do not fill it. */
static size_t filled(const struct sink_spec *spec, size_t column)
{
    size_t i = 0;

    while (i < spec->n_columns && (spec->columns[i].column != column || spec->columns[i].reference))
        i++;
    return i;
}

/* The columns of a reference to the table itself and those that they refer to, as ordinals of the spec. */
struct loop {
    size_t n, ours[COLUMNS_MAX], theirs[COLUMNS_MAX];
};

static bool find_loop(const struct sink_table *t, size_t reference, struct loop *ret)
{
    const struct sink_spec *spec = t->spec;
    const struct catalog_reference *r = &spec->table->references[reference];

    if (r->table != spec->table->name || r->n == 0 || r->n > COLUMNS_MAX)
        return false;
    *ret = (struct loop){.n = r->n};
    for (size_t i = 0; i < r->n; i++) {
        int column = catalog_column(spec->table, str_of(r->their_columns[i]));

        ret->ours[i] = filled(spec, r->columns[i]);
        ret->theirs[i] = column < 0 ? spec->n_columns : filled(spec, (size_t)column);
        if (ret->ours[i] == spec->n_columns || ret->theirs[i] == spec->n_columns)
            return false;
    }
    return true;
}

bool postgres_order_matters(const struct sink_table *t)
{
    struct loop loop;

    for (size_t i = 0; i < t->spec->table->n_references; i++) {
        if (find_loop(t, i, &loop))
            return true;
    }
    return false;
}

enum { READY = 0, RING, NOWHERE, GROUPS };

struct ordering {
    struct sink_table *t;
    const struct sink_rows *rows;
    const struct sink_write *how;
    struct sink_counts *counts;
    uint32_t *child, *parent;       /* pairs, by child */
    size_t n_pairs, capacity;
    uint32_t *first;                /* of the pairs of a row; n + 1 */
    unsigned char *group;           /* by row */
    uint32_t *order;                /* rows as they are written */
    size_t n_ordered, ends[GROUPS];
    struct sink_rows ordered;
    struct err **reasons;           /* by row */
    bool forgetful;
    size_t base;                    /* where the group that is being written begins */
};

static void ordering_release(struct ordering *o)
{
    free(o->child);
    free(o->parent);
    free(o->first);
    free(o->group);
    free(o->order);
    sink_rows_release(&o->ordered);
    for (size_t i = 0; o->reasons && i < o->rows->n; i++) {
        if (o->reasons[i])
            err_release(o->reasons[i]);
        free(o->reasons[i]);
    }
    free(o->reasons);
}

/* Asking */

/* left.c1 = right.c2 AND ... */
static int add_match(const struct loop *l, const char *left, const char *right, struct buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        if (buf_printf(out, "%s%s.c%zu = %s.c%zu", i ? " AND " : "", left, l->ours[i], right, l->theirs[i]) < 0)
            return -1;
    }
    return 0;
}

static int add_there(const struct ordering *o, const struct loop *l, struct buf *out)
{
    if (buf_printf(out, "EXISTS (SELECT FROM %s AS w_old WHERE ", o->t->name) < 0)
        return -1;
    for (size_t i = 0; i < l->n; i++) {
        if ((i && buf_add_text(out, " AND ") < 0) ||
            postgres_add_name(out, "w_old", postgres_column(o->t, l->theirs[i])->name) < 0 ||
            buf_printf(out, " = w_s.c%zu", l->ours[i]) < 0)
            return -1;
    }
    return buf_add_char(out, ')');
}

static int add_pair(struct ordering *o, uint32_t child, uint32_t parent)
{
    if (o->n_pairs == o->capacity) {
        size_t capacity = o->capacity ? o->capacity * 2 : 1024;
        uint32_t *children = realloc(o->child, capacity * sizeof *children);
        uint32_t *parents = children ? realloc(o->parent, capacity * sizeof *parents) : NULL;

        if (children)
            o->child = children;
        if (!parents)
            return -1;
        o->parent = parents;
        o->capacity = capacity;
    }
    o->child[o->n_pairs] = child;
    o->parent[o->n_pairs++] = parent;
    return 0;
}

/* Pairs of rows that wait for each other; and rows whose parent is neither in the table nor among the rows. */
static int ask(struct ordering *o, const struct loop *l, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    const char *stage = o->t->stage.name;

    if (buf_printf(&sql, "SELECT w_s.seq, w_p.seq FROM %s AS w_s LEFT JOIN %s AS w_p ON (", stage, stage) < 0 ||
        add_match(l, "w_s", "w_p", &sql) < 0 || buf_add_text(&sql, ") WHERE w_s.seq IS DISTINCT FROM w_p.seq AND NOT ") < 0 ||
        add_there(o, l, &sql) < 0)
        return err_oom(err);
    for (size_t i = 0; i < l->n; i++) {
        if (buf_printf(&sql, " AND w_s.c%zu IS NOT NULL", l->ours[i]) < 0)
            return err_oom(err);
    }
    if (postgres_run(o->t->sink->p, buf_text(&sql), &r, err) != 0)
        return -1;
    for (size_t i = 0; i < r.n_rows; i++) {
        uint32_t child = (uint32_t)db_cell_int(&r, i, 0);

        if (r.values[i * r.n_columns + 1].type == DB_NULL)
            o->group[child] = NOWHERE;
        else if (add_pair(o, child, (uint32_t)db_cell_int(&r, i, 1)) < 0)
            return err_oom(err);
    }
    return 0;
}

static int ask_all(struct ordering *o, struct err *err)
{
    for (size_t i = 0; i < o->t->spec->table->n_references; i++) {
        struct loop loop;

        if (find_loop(o->t, i, &loop) && ask(o, &loop, err) < 0)
            return -1;
    }
    return 0;
}

/* Ordering */

/* Pairs by child: after this those of row i are first[i] .. first[i + 1] - 1 of `parent`. */
static int sort_pairs(struct ordering *o)
{
    uint32_t *parent = calloc(o->n_pairs + 1, sizeof *parent), *at = calloc(o->rows->n + 1, sizeof *at);

    o->first = calloc(o->rows->n + 2, sizeof *o->first);
    if (!parent || !at || !o->first) {
        free(parent);
        free(at);
        return -1;
    }
    for (size_t i = 0; i < o->n_pairs; i++)
        o->first[o->child[i] + 1]++;
    for (size_t i = 0; i < o->rows->n; i++) {
        o->first[i + 1] += o->first[i];
        at[i] = o->first[i];
    }
    for (size_t i = 0; i < o->n_pairs; i++)
        parent[at[o->child[i]]++] = o->parent[i];
    free(at);
    free(o->parent);
    o->parent = parent;
    return 0;
}

/* Row after row, each behind its parents: a walk in depth with a stack of its own, since chains can be long. What a row hangs
 * on is known when its parents are done; a parent that is still on the way closes a ring. */
static int walk(struct ordering *o, uint32_t *done)
{
    size_t n = o->rows->n, n_done = 0;
    uint32_t *stack = calloc(n + 1, sizeof *stack), *next = calloc(n + 1, sizeof *next);
    unsigned char *state = calloc(n + 1, 1);    /* 0 not seen, 1 on the way, 2 done */

    for (size_t i = 0; stack && next && state && i < n; i++) {
        size_t depth = 0;

        if (state[i])
            continue;
        stack[depth++] = (uint32_t)i;
        state[i] = 1;
        next[i] = o->first[i];
        while (depth) {
            uint32_t row = stack[depth - 1], parent;

            if (next[row] == o->first[row + 1]) {
                state[row] = 2;
                done[n_done++] = row;
                depth--;
                if (depth && o->group[stack[depth - 1]] < o->group[row])
                    o->group[stack[depth - 1]] = o->group[row];
                continue;
            }
            parent = o->parent[next[row]++];
            if (state[parent] == 0) {
                state[parent] = 1;
                next[parent] = o->first[parent];
                stack[depth++] = parent;
            } else {
                unsigned char group = state[parent] == 1 && o->group[parent] == READY ? RING : o->group[parent];

                if (o->group[row] < group)
                    o->group[row] = group;
            }
        }
    }
    free(stack);
    free(next);
    free(state);
    return stack && next && state ? 0 : -1;
}

static int make_order(struct ordering *o)
{
    CLEANUP(free_ptr) uint32_t *done = calloc(o->rows->n + 1, sizeof *done);
    size_t n = o->rows->n;

    o->order = calloc(n + 1, sizeof *o->order);
    if (!done || !o->order || sort_pairs(o) < 0 || walk(o, done) < 0)
        return -1;
    for (unsigned char group = READY; group < GROUPS; group++) {
        for (size_t i = 0; i < n; i++) {
            if (o->group[done[i]] == group)
                o->order[o->n_ordered++] = done[i];
        }
        o->ends[group] = o->n_ordered;
    }
    for (size_t i = 0; i < n; i++) {
        if (sink_rows_add(&o->ordered, sink_rows_row(o->rows, o->order[i])) < 0)
            return -1;
    }
    return 0;
}

/* Writing */

static int attempt(void *context, size_t first, size_t n, size_t *hint, struct err *err)
{
    struct ordering *o = context;
    int outcome = postgres_copy_rows(o->t, &o->ordered, o->base + first, n, hint, err);

    o->counts->inserted += outcome == 0 ? n : 0;
    *hint -= o->base;
    return outcome;
}

static void refuse(void *context, size_t row, struct err *err)
{
    struct ordering *o = context;
    struct err *reason = calloc(1, sizeof *reason);

    postgres_blame_row(err);
    o->counts->refused++;
    o->forgetful |= !reason;
    if (!reason)
        return;
    err_move(reason, err);
    o->reasons[o->order[o->base + row]] = reason;
}

static int write_groups(struct ordering *o, struct err *err)
{
    static const struct narrow_ops ops = {attempt, refuse};

    for (int group = READY; group < GROUPS; group++) {
        if (o->ends[group] > o->base && narrow_run(o->ends[group] - o->base, &ops, o, err) < 0)
            return -1;
        o->base = o->ends[group];
    }
    return o->forgetful ? err_oom(err) : 0;
}

int postgres_order_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                         struct sink_counts *counts, struct err *err)
{
    CLEANUP(ordering_release) struct ordering o = {.t = t, .rows = rows, .how = how, .counts = counts};

    o.group = calloc(rows->n + 1, 1);
    o.reasons = calloc(rows->n, sizeof *o.reasons);
    if (!o.group || !o.reasons)
        return err_oom(err);
    if (postgres_stage_fill(t, rows, err) < 0 || ask_all(&o, err) < 0)
        return -1;
    if (make_order(&o) < 0)
        return err_oom(err);
    if (write_groups(&o, err) < 0)
        return -1;
    for (size_t i = 0; how->refused && i < rows->n; i++) {
        if (o.reasons[i])
            how->refused(how->context, i, o.reasons[i]);
    }
    return 0;
}
