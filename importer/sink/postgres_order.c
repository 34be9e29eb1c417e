/* Parents before their children: who refers to whom is asked of the database, in the stage; the order is made here. */
#include "sink/postgres_order.h"

#include "base/cleanup.h"
#include "sink/db_internal.h"
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

enum { READY = 0, NOWHERE, GROUPS };

struct ordering {
    struct sink_table *t;
    size_t n;                       /* rows */
    uint32_t *child, *parent;       /* pairs, by child */
    size_t n_pairs, capacity;
    uint32_t *first;                /* of the pairs of a row; n + 1 */
    unsigned char *group;           /* by row */
    uint32_t *found;                /* rows in the order in which their rings were found, parents first */
    uint32_t *starts;               /* of the rings in it; and its end */
    size_t n_found, n_starts;
};

static void ordering_release(struct ordering *o)
{
    free(o->child);
    free(o->parent);
    free(o->first);
    free(o->group);
    free(o->found);
    free(o->starts);
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

/* Of two rows of one key the later one follows the earlier one. */
static int ask_repeats(struct ordering *o, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(db_result_release) struct db_result r = {0};
    const struct sink_spec *spec = o->t->spec;

    if (buf_add_text(&sql, "SELECT * FROM (SELECT seq, pg_catalog.lag(seq) OVER (PARTITION BY ") < 0)
        return err_oom(err);
    for (size_t i = 0; i < spec->n_key; i++) {
        if (spec->columns[spec->key[i]].reference)
            return 0;   /* it is not known before it is looked up */
        if (buf_printf(&sql, "%sc%zu", i ? ", " : "", (size_t)spec->key[i]) < 0)
            return err_oom(err);
    }
    if (buf_printf(&sql, " ORDER BY seq) AS before FROM %s) AS w_x WHERE before IS NOT NULL", o->t->stage.name) < 0)
        return err_oom(err);
    if (postgres_run(o->t->sink->p, buf_text(&sql), &r, err) != 0)
        return -1;
    for (size_t i = 0; i < r.n_rows; i++) {
        if (add_pair(o, (uint32_t)db_cell_int(&r, i, 0), (uint32_t)db_cell_int(&r, i, 1)) < 0)
            return err_oom(err);
    }
    return 0;
}

/* Ordering */

/* Pairs by child: after this those of row i are first[i] .. first[i + 1] - 1 of `parent`. */
static int sort_pairs(struct ordering *o)
{
    uint32_t *parent = calloc(o->n_pairs + 1, sizeof *parent), *at = calloc(o->n + 1, sizeof *at);

    o->first = calloc(o->n + 2, sizeof *o->first);
    if (!parent || !at || !o->first) {
        free(parent);
        free(at);
        return -1;
    }
    for (size_t i = 0; i < o->n_pairs; i++)
        o->first[o->child[i] + 1]++;
    for (size_t i = 0; i < o->n; i++) {
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

/* Rings of rows that refer to each other, by Tarjan's algorithm, with a stack of its own, since chains can be long. A row that is
 * in none is a ring of one. Each is found behind those that it refers to. */
struct search {
    struct ordering *o;
    uint32_t *seen, *low;           /* by row: when it was seen, from 1 on; the earliest that it leads back to */
    uint32_t *next;                 /* by row: the pair to look at next */
    uint32_t *path, *open;          /* rows on the way; rows whose ring is not complete */
    unsigned char *is_open;         /* by row */
    size_t depth, n_open;
    uint32_t n_seen;
};

static void search_release(struct search *s)
{
    free(s->seen);
    free(s->low);
    free(s->next);
    free(s->path);
    free(s->open);
    free(s->is_open);
}

static int search_init(struct search *s, struct ordering *o)
{
    size_t n = o->n + 1;

    *s = (struct search){.o = o, .seen = calloc(n, 4), .low = calloc(n, 4), .next = calloc(n, 4), .path = calloc(n, 4),
                         .open = calloc(n, 4), .is_open = calloc(n, 1)};
    return s->seen && s->low && s->next && s->path && s->open && s->is_open ? 0 : -1;
}

static void enter(struct search *s, uint32_t row)
{
    s->seen[row] = s->low[row] = ++s->n_seen;
    s->next[row] = s->o->first[row];
    s->path[s->depth++] = row;
    s->open[s->n_open++] = row;
    s->is_open[row] = 1;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* What a ring hangs on it hangs on as a whole. */
static unsigned char group_of_ring(const struct ordering *o, const uint32_t *rows, size_t n)
{
    unsigned char group = READY;

    for (size_t i = 0; i < n; i++) {
        group = o->group[rows[i]] > group ? o->group[rows[i]] : group;
        for (uint32_t k = o->first[rows[i]]; k < o->first[rows[i] + 1]; k++)
            group = o->group[o->parent[k]] > group ? o->group[o->parent[k]] : group;
    }
    return group;
}

/* The open rows from `row` on are a ring. */
static void close_ring(struct search *s, uint32_t row)
{
    struct ordering *o = s->o;
    uint32_t *ring = o->found + o->n_found, member;
    size_t n = 0;
    unsigned char group;

    do {
        member = s->open[--s->n_open];
        s->is_open[member] = 0;
        ring[n++] = member;
    } while (member != row);
    qsort(ring, n, sizeof *ring, by_number);
    group = group_of_ring(o, ring, n);
    for (size_t i = 0; i < n; i++)
        o->group[ring[i]] = group;
    o->n_found += n;
    o->starts[++o->n_starts] = (uint32_t)o->n_found;
}

static void leave(struct search *s)
{
    uint32_t row = s->path[--s->depth];

    if (s->low[row] == s->seen[row])
        close_ring(s, row);
    if (s->depth && s->low[row] < s->low[s->path[s->depth - 1]])
        s->low[s->path[s->depth - 1]] = s->low[row];
}

static int find_rings(struct ordering *o)
{
    CLEANUP(search_release) struct search s;

    if (search_init(&s, o) < 0)
        return -1;
    for (uint32_t i = 0; i < o->n; i++) {
        if (!s.seen[i])
            enter(&s, i);
        while (s.depth) {
            uint32_t row = s.path[s.depth - 1], parent;

            if (s.next[row] == o->first[row + 1]) {
                leave(&s);
                continue;
            }
            parent = o->parent[s.next[row]++];
            if (!s.seen[parent])
                enter(&s, parent);
            else if (s.is_open[parent] && s.seen[parent] < s.low[row])
                s.low[row] = s.seen[parent];
        }
    }
    return 0;
}

static int take_row(struct postgres_rings *r, const struct sink_rows *rows, uint32_t row)
{
    r->order[r->rows.n] = row;
    return sink_rows_add(&r->rows, sink_rows_row(rows, row));
}

static int take_ring(const struct ordering *o, size_t ring, const struct sink_rows *rows, struct err *const *reasons,
                     struct postgres_rings *ret)
{
    size_t before = ret->rows.n;

    for (uint32_t k = o->starts[ring]; k < o->starts[ring + 1]; k++) {
        if (!reasons[o->found[k]] && take_row(ret, rows, o->found[k]) < 0)
            return -1;
    }
    if (ret->rows.n > before)
        ret->ends[ret->n++] = (uint32_t)ret->rows.n;
    return 0;
}

/* Rings that can be taken come first: those that cannot are then refused one after the other. */
static int take_rings(const struct ordering *o, const struct sink_rows *rows, struct err *const *reasons, struct postgres_rings *ret)
{
    for (unsigned char group = READY; group < GROUPS; group++) {
        for (size_t i = 0; i < o->n_starts; i++) {
            if (o->group[o->found[o->starts[i]]] == group && take_ring(o, i, rows, reasons, ret) < 0)
                return -1;
        }
    }
    return 0;
}

void postgres_rings_release(struct postgres_rings *r)
{
    free(r->ends);
    free(r->order);
    sink_rows_release(&r->rows);
    *r = (struct postgres_rings){0};
}

int postgres_order_find(struct sink_table *t, const struct sink_rows *rows, struct err *const *reasons, bool repeats,
                        struct postgres_rings *ret, struct err *err)
{
    size_t n = rows->n + 1;
    CLEANUP(ordering_release) struct ordering o = {.t = t, .n = rows->n, .group = calloc(n, 1), .found = calloc(n, sizeof *o.found),
                                                   .starts = calloc(n, sizeof *o.starts)};

    *ret = (struct postgres_rings){.ends = calloc(n, sizeof *ret->ends), .order = calloc(n, sizeof *ret->order)};
    if (!o.group || !o.found || !o.starts || !ret->ends || !ret->order)
        return err_oom(err);
    if (ask_all(&o, err) < 0 || (repeats && ask_repeats(&o, err) < 0))
        return -1;
    if (sort_pairs(&o) < 0 || find_rings(&o) < 0 || take_rings(&o, rows, reasons, ret) < 0)
        return err_oom(err);
    return 0;
}

/* Writing. What narrow.h counts are rings: all rows of one or none. */

struct writing {
    struct sink_table *t;
    struct postgres_rings rings;
    struct sink_counts *counts;
    struct err **reasons;           /* by row as it was given */
    size_t n;
    bool forgetful;
    size_t named;                   /* the row, in order, that the last refusal named; SIZE_MAX: none */
};

static void writing_release(struct writing *w)
{
    for (size_t i = 0; w->reasons && i < w->n; i++) {
        if (w->reasons[i])
            err_release(w->reasons[i]);
        free(w->reasons[i]);
    }
    free(w->reasons);
    postgres_rings_release(&w->rings);
}

static size_t ring_of(const struct postgres_rings *r, size_t row)
{
    size_t low = 0, high = r->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (r->ends[middle] <= row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int attempt(void *context, size_t first, size_t n, size_t *hint, struct err *err)
{
    struct writing *w = context;
    size_t start = postgres_ring_start(&w->rings, first), end = w->rings.ends[first + n - 1];
    int outcome;

    w->named = SIZE_MAX;
    outcome = postgres_copy_rows(w->t, &w->rings.rows, start, end - start, &w->named, err);
    w->counts->inserted += outcome == 0 ? end - start : 0;
    if (w->named != SIZE_MAX)
        *hint = ring_of(&w->rings, w->named);
    return outcome;
}

static void refuse_row(struct writing *w, size_t row, struct err *why)
{
    struct err *reason = calloc(1, sizeof *reason);

    w->counts->refused++;
    w->forgetful |= !reason;
    if (!reason)
        return;
    err_move(reason, why);
    w->reasons[w->rings.order[row]] = reason;
}

void postgres_order_along(const struct sink_table *t, const struct err *why, struct err *ret)
{
    err_set(ret, ERR_RECORD, W0513, "%s: it refers to rows that refer to it, and one of these was refused: %s", t->label, why->message);
    db_set_state(ret, "23503");
}

/* One row of the ring is guilty; the others cannot be there without it. */
static void refuse(void *context, size_t ring, struct err *err)
{
    struct writing *w = context;
    size_t start = postgres_ring_start(&w->rings, ring), named = w->named == SIZE_MAX ? start : w->named;

    postgres_blame_row(err);
    for (size_t row = start; row < w->rings.ends[ring]; row++) {
        CLEANUP(err_release) struct err along = {0};

        if (row == named)
            continue;
        postgres_order_along(w->t, err, &along);
        refuse_row(w, row, &along);
    }
    refuse_row(w, named, err);
}

int postgres_order_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                         struct sink_counts *counts, struct err *err)
{
    static const struct narrow_ops ops = {attempt, refuse};
    CLEANUP(writing_release) struct writing w = {.t = t, .counts = counts, .n = rows->n};

    w.reasons = calloc(rows->n, sizeof *w.reasons);
    if (!w.reasons)
        return err_oom(err);
    if (postgres_stage_fill(t, rows, err) < 0 || postgres_order_find(t, rows, w.reasons, false, &w.rings, err) < 0 ||
        narrow_run(w.rings.n, &ops, &w, err) < 0)
        return -1;
    if (w.forgetful)
        return err_oom(err);
    for (size_t i = 0; how->refused && i < rows->n; i++) {
        if (w.reasons[i])
            how->refused(how->context, i, w.reasons[i]);
    }
    return 0;
}
