/* Functions that run their arguments themselves: once for each item, until enough is known, or as a stream. */
#include "expr/internal.h"
#include "expr/functions.h"

#include <stdlib.h>

static int needs(struct run *r, const struct expr_node *n, const struct value *v, const char *what)
{
    struct expr_shown shown;

    return expr_fail(r, n, W0431, v, "%s needs %s, not %s", n->function->name, what, expr_show(r, v, &shown));
}

static bool is_list(const struct value *v) { return v->type == VALUE_ARRAY || v->type == VALUE_OBJECT; }

/* --- map and select ---------------------------------------------------------------------------------------- */

struct gather_emit {
    struct emit emit;
    struct list list;
};

static int gather_put(struct emit *self, const struct value *v)
{
    return expr_list_add(&((struct gather_emit *)self)->list, v);
}

int expr_run_map(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct gather_emit g = {{gather_put, r}, {.r = r, .node = n}};
    struct value_iter it;
    struct value key, item;

    if (!is_list(in))
        return needs(r, n, in, "an array or object");
    for (it = value_iter(in); value_iter_next(&it, &key, &item);) {
        if (expr_many(r, n->kids[0], &item, &g.emit) < 0)
            return -1;
    }
    return expr_list_array(&g.list, ret);
}

struct first_emit {
    struct emit emit;
    struct value v;
};

static int first_put(struct emit *self, const struct value *v)
{
    ((struct first_emit *)self)->v = *v;
    return 1;
}

/* ABSENT when there is none. */
static int first_of(struct run *r, const struct expr_node *f, const struct value *in, struct value *ret)
{
    struct first_emit e = {{first_put, r}, value_absent()};

    if (!f->many)
        return expr_one(r, f, in, ret);
    if (expr_many(r, f, in, &e.emit) < 0)
        return -1;
    *ret = e.v;
    return 0;
}

int expr_run_map_values(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct value_iter it;
    struct value key, item, made;
    struct str name;

    if (!is_list(in))
        return needs(r, n, in, "an array or object");
    for (it = value_iter(in); value_iter_next(&it, &key, &item);) {
        if (first_of(r, n->kids[0], &item, &made) < 0)
            return -1;
        if (made.type == VALUE_ABSENT)
            continue;
        if (in->type == VALUE_ARRAY ? expr_list_add(&l, &made) < 0
                                    : expr_key_text(r, &key, &name) < 0 || expr_list_set(&l, name, &made) < 0)
            return -1;
    }
    return in->type == VALUE_ARRAY ? expr_list_array(&l, ret) : expr_list_object(&l, ret);
}

struct select_emit {
    struct emit emit;
    const struct value *in;
    struct emit *out;
};

static int select_put(struct emit *self, const struct value *v)
{
    struct select_emit *s = (struct select_emit *)self;

    return expr_true(v) ? s->out->put(s->out, s->in) : 0;
}

int expr_run_select_many(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    return expr_many(r, n->kids[0], in, &(struct select_emit){{select_put, r}, in, out}.emit);
}

int expr_run_select(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct value v;

    if (expr_one(r, n->kids[0], in, &v) < 0)
        return -1;
    *ret = expr_true(&v) ? *in : value_absent();
    return 0;
}

struct entries_emit {
    struct emit emit;
    const struct expr_node *n;
    struct list object;
};

static int entries_put(struct emit *self, const struct value *v)
{
    struct entries_emit *e = (struct entries_emit *)self;

    return expr_add_entry(self->r, e->n, v, &e->object);
}

int expr_run_with_entries(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct entries_emit e = {{entries_put, r}, n, {.r = r, .node = n}};
    struct value_iter it;
    struct value key, item, entry;
    struct str name;

    if (in->type != VALUE_OBJECT)
        return needs(r, n, in, "an object");
    for (it = value_iter(in); value_iter_next(&it, &key, &item);) {
        struct value text;

        if (expr_key_text(r, &key, &name) < 0)
            return -1;
        text = expr_string(name, key.flags);
        if (expr_entry(r, n, &text, &item, &entry) < 0 || expr_many(r, n->kids[0], &entry, &e.emit) < 0)
            return -1;
    }
    return expr_list_object(&e.object, ret);
}

/* --- first, last, limit, range ------------------------------------------------------------------------------ */

int expr_run_first(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    return first_of(r, n->kids[0], in, ret);
}

static int last_put(struct emit *self, const struct value *v)
{
    ((struct first_emit *)self)->v = *v;
    return 0;
}

int expr_run_last(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct first_emit e = {{last_put, r}, value_null()};

    if (expr_many(r, n->kids[0], in, &e.emit) < 0)
        return -1;
    *ret = e.v;
    return 0;
}

struct limit_emit {
    struct emit emit;
    struct emit *out;
    int64_t skip, left;
    int passed;
};

static int limit_put(struct emit *self, const struct value *v)
{
    struct limit_emit *l = (struct limit_emit *)self;

    if (l->skip > 0) {
        l->skip--;
        return 0;
    }
    l->passed = l->out->put(l->out, v);
    if (l->passed != 0)
        return l->passed;
    return --l->left <= 0;
}

static int count_of(struct run *r, const struct expr_node *n, const struct value *in, int64_t *ret)
{
    struct value v;

    if (expr_one(r, n->kids[0], in, &v) < 0)
        return -1;
    if (v.type != VALUE_NUMBER)
        return needs(r, n, &v, "a number");
    *ret = expr_number_floor64(&v);
    return 0;
}

int expr_run_limit(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct limit_emit l = {{limit_put, r}, out, 0, 0, 0};
    int rc;

    if (count_of(r, n, in, &l.left) < 0)
        return -1;
    if (l.left < 0)
        return expr_many(r, n->kids[1], in, out);
    if (l.left == 0)
        return 0;
    rc = expr_many(r, n->kids[1], in, &l.emit);
    return rc < 0 || l.passed ? rc : 0;
}

struct nth_emit {
    struct emit emit;
    int64_t skip;
    struct value v;
};

static int nth_put(struct emit *self, const struct value *v)
{
    struct nth_emit *e = (struct nth_emit *)self;

    if (e->skip-- > 0)
        return 0;
    e->v = *v;
    return 1;
}

int expr_run_nth(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct nth_emit e = {{nth_put, r}, 0, value_absent()};

    if (count_of(r, n, in, &e.skip) < 0)
        return -1;
    if (e.skip < 0)
        return expr_fail(r, n, W0431, NULL, "nth takes no negative number here");
    if (expr_many(r, n->kids[1], in, &e.emit) < 0)
        return -1;
    *ret = e.v;
    return 0;
}

/* The arguments are combined as jq does: the first in the outermost loop. */
struct range_emit {
    struct emit emit;
    const struct expr_node *n;
    const struct value *in;
    uint32_t done;
    struct value args[3];
    struct emit *out;
};

static int range_count(struct run *r, const struct expr_node *n, const struct value *args, struct emit *out)
{
    struct value at = args[0], next, zero = value_number(str_of("0"));
    int up = expr_compare(&args[2], &zero), rc = 0;

    if (up == 0 && expr_compare(&args[0], &args[1]) < 0)
        return expr_fail(r, n, W0431, &args[2], "range cannot go by steps of 0");
    while (rc == 0 && (up > 0 ? expr_compare(&at, &args[1]) < 0 : up < 0 && expr_compare(&at, &args[1]) > 0)) {
        if (expr_charge(r, n, 1) < 0)
            return -1;
        rc = out->put(out, &at);
        if (rc == 0 && expr_number_op(r, n, NUMBER_ADD, &at, &args[2], &next) < 0)
            return -1;
        at = next;
    }
    return rc;
}

static int range_put(struct emit *self, const struct value *v)
{
    struct range_emit *e = (struct range_emit *)self, next = *e;
    struct value *args = next.args;

    if (v->type != VALUE_NUMBER)
        return needs(self->r, e->n, v, "numbers");
    args[e->done] = *v;
    if (++next.done < e->n->n)
        return expr_many(self->r, e->n->kids[next.done], e->in, &next.emit);
    if (e->n->n == 1) {
        args[1] = args[0];
        args[0] = value_number(str_of("0"));
    }
    if (e->n->n < 3)
        args[2] = value_number(str_of("1"));
    return range_count(self->r, e->n, args, e->out);
}

int expr_run_range(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct range_emit e = {.emit = {range_put, r}, .n = n, .in = in, .out = out};

    return expr_many(r, n->kids[0], in, &e.emit);
}

int expr_run_isempty(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct value v;

    if (first_of(r, n->kids[0], in, &v) < 0)
        return -1;
    *ret = value_bool(v.type == VALUE_ABSENT);
    return 0;
}

int expr_run_add(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct gather_emit g = {{gather_put, r}, {.r = r, .node = n}};

    if (expr_many(r, n->kids[0], in, &g.emit) < 0)
        return -1;
    return expr_add_all(r, n, &g.list, ret);
}

/* --- any and all ------------------------------------------------------------------------------------------- */

struct any_emit {
    struct emit emit;
    const struct expr_node *condition;  /* NULL: the value itself */
    bool any, found;
};

static int any_put(struct emit *self, const struct value *v)
{
    struct any_emit *a = (struct any_emit *)self;
    struct any_emit inner = *a;

    if (a->condition) {
        inner.condition = NULL;
        if (expr_many(self->r, a->condition, v, &inner.emit) < 0)
            return -1;
        a->found = inner.found;
    } else {
        a->found = expr_true(v) == a->any;
    }
    return a->found;
}

static int any_or_all(struct run *r, const struct expr_node *n, const struct value *in, bool any, struct value *ret)
{
    struct any_emit a = {{any_put, r}, n->kids[n->n - 1], any, false};
    struct value_iter it;
    struct value key, item;

    if (n->n == 2) {
        if (expr_many(r, n->kids[0], in, &a.emit) < 0)
            return -1;
    } else {
        if (!is_list(in))
            return needs(r, n, in, "an array");
        for (it = value_iter(in); !a.found && value_iter_next(&it, &key, &item);) {
            if (any_put(&a.emit, &item) < 0)
                return -1;
        }
    }
    *ret = value_bool(a.found == any);
    return 0;
}

int expr_run_any(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    return any_or_all(r, n, in, true, ret);
}

int expr_run_all(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    return any_or_all(r, n, in, false, ret);
}

/* --- by a key ---------------------------------------------------------------------------------------------- */

struct sortable {
    struct value key, item;
    size_t place;
};

/* No key at all comes first, as an empty array would. */
static int compare_keys(const struct value *a, const struct value *b)
{
    if (a->type == VALUE_ABSENT || b->type == VALUE_ABSENT)
        return (a->type != VALUE_ABSENT) - (b->type != VALUE_ABSENT);
    return expr_compare(a, b);
}

static int compare_sortable(const void *a, const void *b)
{
    const struct sortable *x = a, *y = b;
    int order = compare_keys(&x->key, &y->key);

    return order ? order : x->place < y->place ? -1 : 1;
}

/* What the argument answers for an item; several answers are compared as an array. */
static int key_of(struct run *r, const struct expr_node *n, const struct value *item, struct value *ret)
{
    struct gather_emit g = {{gather_put, r}, {.r = r, .node = n}};

    if (n->n == 0) {
        *ret = *item;
        return 0;
    }
    if (!n->kids[0]->many)
        return expr_one(r, n->kids[0], item, ret);
    if (expr_many(r, n->kids[0], item, &g.emit) < 0)
        return -1;
    return expr_list_array(&g.list, ret);
}

static int with_keys(struct run *r, const struct expr_node *n, const struct value *in, struct sortable **ret,
                     size_t *count)
{
    struct value_iter it;
    struct value key;
    struct sortable *s;
    size_t i = 0;

    if (in->type != VALUE_ARRAY)
        return needs(r, n, in, "an array");
    *count = value_count(in);
    s = *ret = expr_alloc(r, n, (*count + 1) * sizeof *s);
    if (!s)
        return -1;
    for (it = value_iter(in); value_iter_next(&it, &key, &s[i].item); i++) {
        s[i].place = i;
        if (expr_charge(r, n, 8) < 0 || key_of(r, n, &s[i].item, &s[i].key) < 0)
            return -1;
    }
    return 0;
}

static int sorted(struct run *r, const struct expr_node *n, const struct value *in, struct sortable **ret,
                  size_t *count)
{
    if (with_keys(r, n, in, ret, count) < 0)
        return -1;
    if (*count > 1)
        qsort(*ret, *count, sizeof **ret, compare_sortable);
    return 0;
}

int expr_run_sort(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct sortable *s;
    size_t count;

    if (sorted(r, n, in, &s, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (expr_list_add(&l, &s[i].item) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

int expr_run_unique(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct sortable *s;
    size_t count;

    if (sorted(r, n, in, &s, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if ((i == 0 || compare_keys(&s[i - 1].key, &s[i].key) != 0) && expr_list_add(&l, &s[i].item) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

int expr_run_group(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct list groups = {.r = r, .node = n};
    struct sortable *s;
    struct value group;
    size_t count;

    if (sorted(r, n, in, &s, &count) < 0)
        return -1;
    for (size_t i = 0; i < count;) {
        struct list l = {.r = r, .node = n};
        size_t first = i;

        while (i < count && compare_keys(&s[first].key, &s[i].key) == 0) {
            if (expr_list_add(&l, &s[i++].item) < 0)
                return -1;
        }
        if (expr_list_array(&l, &group) < 0 || expr_list_add(&groups, &group) < 0)
            return -1;
    }
    return expr_list_array(&groups, ret);
}

/* Of equals the first is the least and the last the greatest. */
static int extreme(struct run *r, const struct expr_node *n, const struct value *in, bool least, struct value *ret)
{
    struct sortable *s;
    size_t count, best = 0;

    if (with_keys(r, n, in, &s, &count) < 0)
        return -1;
    for (size_t i = 1; i < count; i++) {
        if ((compare_keys(&s[i].key, &s[best].key) < 0) == least)
            best = i;
    }
    *ret = count ? s[best].item : value_null();
    return 0;
}

int expr_run_min(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    return extreme(r, n, in, true, ret);
}

int expr_run_max(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    return extreme(r, n, in, false, ret);
}
