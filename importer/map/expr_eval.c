/* Runs a checked expression: single values by plain calls, generators by callbacks, failures caught or carried out. */
#include "map/expr_internal.h"

#include <stdarg.h>
#include <stdio.h>

/* --- failures ---------------------------------------------------------------------------------------------- */

static void fault_begin(struct run *r, const struct expr_node *n, enum code code, const struct value *culprit)
{
    r->fault.code = code;
    r->fault.fatal = r->fault.thrown_given = false;
    r->fault.at = n ? n->at : 0;
    r->fault.len = n ? n->len : 0;
    r->fault.culprit = culprit ? *culprit : value_absent();
    r->fault.message[0] = r->fault.help[0] = '\0';
}

static void cut(char *text, size_t size)
{
    if (strlen(text) == size - 1)
        text[str_cut_utf8(str_make(text, size - 1), size - 1)] = '\0';
}

int expr_fail(struct run *r, const struct expr_node *n, enum code code, const struct value *culprit, const char *fmt, ...)
{
    va_list args;

    fault_begin(r, n, code, culprit);
    if (r->quiet)
        return -1;
    va_start(args, fmt);
    vsnprintf(r->fault.message, sizeof r->fault.message, fmt, args);
    va_end(args);
    cut(r->fault.message, sizeof r->fault.message);
    return -1;
}

int expr_fatal(struct run *r, const struct expr_node *n, enum code code, const char *fmt, ...)
{
    va_list args;

    fault_begin(r, n, code, NULL);
    r->fault.fatal = true;
    va_start(args, fmt);
    vsnprintf(r->fault.message, sizeof r->fault.message, fmt, args);
    va_end(args);
    cut(r->fault.message, sizeof r->fault.message);
    return -1;
}

/* *err says it already. */
static int carried(struct run *r)
{
    fault_begin(r, NULL, CODE_NONE, NULL);
    r->fault.fatal = true;
    return -1;
}

int expr_oom(struct run *r)
{
    err_oom(r->err);
    return carried(r);
}

int expr_help(struct run *r, const char *fmt, ...)
{
    va_list args;

    if (r->quiet)
        return -1;
    va_start(args, fmt);
    vsnprintf(r->fault.help, sizeof r->fault.help, fmt, args);
    va_end(args);
    return -1;
}

const char *expr_show(struct run *r, const struct value *v, struct expr_shown *out)
{
    enum { SHOWN_BYTES = 40 };
    struct expr_fault kept = r->fault;
    struct text t = {.r = r};
    uint16_t flags = 0;
    struct str s;

    if (r->quiet) {
        out->text[0] = '\0';
        return out->text;
    }
    snprintf(out->text, sizeof out->text, "%s", value_type_name(v));
    if (v->type == VALUE_NULL || v->type == VALUE_ABSENT || v->type == VALUE_ARRAY || v->type == VALUE_OBJECT)
        return out->text;
    if (expr_put_json(&t, v, &flags) < 0) {
        r->fault = kept;
        return out->text;
    }
    s = text_str(&t);
    if (s.len <= SHOWN_BYTES)
        snprintf(out->text, sizeof out->text, "%s (%.*s)", value_type_name(v), STR_ARG(s));
    else
        snprintf(out->text, sizeof out->text, "%s (%.*s...)", value_type_name(v), (int)str_cut_utf8(s, SHOWN_BYTES),
                 s.at);
    return out->text;
}

static int out_of_steps(struct run *r, const struct expr_node *n)
{
    return expr_fatal(r, n, W0433, "the expression takes more than %d steps", EXPR_STEPS_MAX);
}

int expr_charge(struct run *r, const struct expr_node *n, size_t steps)
{
    if (steps > EXPR_STEPS_MAX || (r->steps += (uint32_t)steps) > EXPR_STEPS_MAX)
        return out_of_steps(r, n);
    return 0;
}

/* --- operators --------------------------------------------------------------------------------------------- */

bool expr_true(const struct value *v)
{
    return v->type > VALUE_BOOL || (v->type == VALUE_BOOL && v->truth);
}

int expr_compare(const struct value *a, const struct value *b)
{
    int64_t x, y;

    if (a->type == VALUE_STRING && b->type == VALUE_STRING && !((a->flags | b->flags) & VALUE_ESCAPED))
        return str_cmp(a->text, b->text);
    if (a->type == VALUE_NUMBER && b->type == VALUE_NUMBER && expr_number_fast(a->text, &x) &&
        expr_number_fast(b->text, &y))
        return x < y ? -1 : x > y;
    return value_cmp(a, b);
}

static bool decide(enum expr_op op, int order)
{
    switch (op) {
    case OP_EQ: return order == 0;
    case OP_NE: return order != 0;
    case OP_LT: return order < 0;
    case OP_LE: return order <= 0;
    case OP_GT: return order > 0;
    default: return order >= 0;
    }
}

static int cannot_get(struct run *r, const struct expr_node *n, const struct value *target, struct str key)
{
    struct expr_shown shown;

    return expr_fail(r, n, W0431, target, "cannot get \"%.*s\" of %s", (int)str_cut_utf8(key, 60), key.at,
                     expr_show(r, target, &shown));
}

static int get(struct run *r, const struct expr_node *n, const struct value *target, struct str key, struct value *ret)
{
    if (target->type != VALUE_OBJECT && target->type > VALUE_NULL)
        return cannot_get(r, n, target, key);
    *ret = target->type == VALUE_OBJECT ? value_get(target, key) : value_null();
    if (ret->type == VALUE_ABSENT)
        *ret = value_null();
    return 0;
}

static int at(struct run *r, const struct expr_node *n, const struct value *target, int64_t index, struct value *ret)
{
    struct expr_shown shown;

    if (target->type != VALUE_ARRAY && target->type > VALUE_NULL)
        return expr_fail(r, n, W0431, target, "cannot get item %lld of %s", (long long)index,
                         expr_show(r, target, &shown));
    *ret = target->type == VALUE_ARRAY ? value_at(target, index) : value_null();
    if (ret->type == VALUE_ABSENT)
        *ret = value_null();
    return 0;
}

int expr_index(struct run *r, const struct expr_node *n, const struct value *target, const struct value *key,
               struct value *ret)
{
    struct expr_shown one, two;
    struct str text;

    if (key->type == VALUE_STRING)
        return expr_bytes(r, n, key, "a key", &text) < 0 ? -1 : get(r, n, target, text, ret);
    if (key->type == VALUE_NUMBER)
        return at(r, n, target, expr_number_floor64(key), ret);
    if (key->type == VALUE_ARRAY && target->type == VALUE_ARRAY)
        return expr_subsequences(r, n, target, key, ret);
    return expr_fail(r, n, W0431, key, "cannot index %s with %s", expr_show(r, target, &one), expr_show(r, key, &two));
}

static int each(struct run *r, const struct expr_node *n, const struct value *target, struct emit *out)
{
    struct value_iter it;
    struct value key, item;
    struct expr_shown shown;
    int rc = 0;

    if (target->type != VALUE_ARRAY && target->type != VALUE_OBJECT)
        return expr_fail(r, n, W0431, target, "cannot go through the items of %s", expr_show(r, target, &shown));
    it = value_iter(target);
    while (rc == 0 && value_iter_next(&it, &key, &item)) {
        if (++r->steps > EXPR_STEPS_MAX)
            return out_of_steps(r, n);
        rc = out->put(out, &item);
    }
    return rc;
}

static int keyed(struct run *r, const struct expr_node *n, struct str key, struct value *ret)
{
    if (!r->outer->keyed || r->outer->keyed(r->outer->context, n->slot, key, ret, r->err) < 0)
        return carried(r);
    if (ret->type == VALUE_ABSENT && !r->expr->path)
        *ret = value_null();
    return 0;
}

static int keyed_by(struct run *r, const struct expr_node *n, const struct value *key, struct value *ret)
{
    struct str text;

    *ret = value_null();
    if (key->type == VALUE_NULL)
        return 0;
    if (expr_lookup_key(key, r->arena, &text, r->err) < 0)
        return carried(r);
    return keyed(r, n, text, ret);
}

static int slot(struct run *r, const struct expr_node *n, struct value *ret)
{
    if (!r->outer->variable || r->outer->variable(r->outer->context, n->slot, ret, r->err) < 0)
        return carried(r);
    if (ret->type == VALUE_ABSENT && !r->expr->path)
        *ret = value_null();
    return 0;
}

static int make_string(struct run *r, const struct expr_node *n, const struct value *args, struct value *ret)
{
    struct text t = {.r = r, .node = n};
    uint16_t flags = 0;

    for (uint32_t i = 0; i < n->n; i++) {
        bool plain = !n->format || n->kids[i]->op == OP_CONSTANT;

        if ((plain ? expr_put_tostring : n->format->add)(&t, &args[i], &flags) < 0)
            return -1;
    }
    *ret = expr_string(text_str(&t), flags);
    return 0;
}

static int make_object(struct run *r, const struct expr_node *n, const struct value *args, struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct expr_shown shown;
    struct str key;

    for (uint32_t i = 0; i < n->n; i += 2) {
        if (args[i].type != VALUE_STRING)
            return expr_fail(r, n->kids[i], W0431, &args[i], "a key is a string, not %s", expr_show(r, &args[i], &shown));
        if (expr_bytes(r, n, &args[i], "a key", &key) < 0 || expr_list_set(&l, key, &args[i + 1]) < 0)
            return -1;
    }
    return expr_list_object(&l, ret);
}

/* An operator or strict function, once its kids have their values. */
static int apply(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    switch ((enum expr_op)n->op) {
    case OP_GET:
        return get(r, n, &args[0], n->key, ret);
    case OP_AT:
        return at(r, n, &args[0], n->index, ret);
    case OP_INDEX:
        return expr_index(r, n, &args[1], &args[0], ret);
    case OP_SLICE:
        return expr_slice(r, n, &args[2], &args[0], &args[1], ret);
    case OP_KEYED_BY:
        return keyed_by(r, n, &args[0], ret);
    case OP_NEGATE: {
        struct expr_shown shown;

        if (args[0].type != VALUE_NUMBER)
            return expr_fail(r, n, W0431, &args[0], "cannot negate %s", expr_show(r, &args[0], &shown));
        return expr_number_round(r, n, NUMBER_NEGATE, &args[0], ret);
    }
    case OP_EQ: case OP_NE: case OP_LT: case OP_LE: case OP_GT: case OP_GE:
        *ret = value_bool(decide((enum expr_op)n->op, expr_compare(&args[0], &args[1])));
        return 0;
    case OP_STRING:
        return make_string(r, n, args, ret);
    case OP_OBJECT:
        return make_object(r, n, args, ret);
    case OP_CALL:
        return n->function->strict(r, n, in, args, ret);
    default:
        return expr_arithmetic(r, n, (enum expr_op)n->op, &args[0], &args[1], ret);
    }
}

/* --- destructuring ----------------------------------------------------------------------------------------- */

static int bind(struct run *r, const struct expr_pattern *p, const struct value *in, const struct value *v)
{
    struct expr_node place = {.at = p->at, .len = p->len};

    if (p->kind == PATTERN_VARIABLE) {
        r->vars[p->variable] = *v;
        return 0;
    }
    for (size_t i = 0; i < p->n; i++) {
        struct value key, part;

        if (p->kind == PATTERN_ARRAY) {
            if (at(r, &place, v, (int64_t)i, &part) < 0)
                return -1;
        } else if (expr_one(r, p->keys[i], in, &key) < 0 || expr_index(r, p->keys[i], v, &key, &part) < 0) {
            return -1;
        }
        if (p->kind == PATTERN_OBJECT && p->key_variables[i] >= 0)
            r->vars[p->key_variables[i]] = part;
        if (p->items[i] && bind(r, p->items[i], in, &part) < 0)
            return -1;
    }
    return 0;
}

/* --- many values ------------------------------------------------------------------------------------------- */

/* Each frame below stands between a generator and its consumer; `passed` is what the consumer answered. */

struct pipe_emit {
    struct emit emit;
    const struct expr_node *n;
    uint32_t next;
    struct emit *out;
};

static int pipe_from(struct run *r, const struct expr_node *n, uint32_t i, const struct value *in, struct emit *out);

static int pipe_put(struct emit *self, const struct value *v)
{
    struct pipe_emit *p = (struct pipe_emit *)self;

    return pipe_from(self->r, p->n, p->next, v, p->out);
}

static int pipe_from(struct run *r, const struct expr_node *n, uint32_t i, const struct value *in, struct emit *out)
{
    struct value v = *in;

    for (; i < n->n && !n->kids[i]->many; i++) {
        struct value from = v;

        if (expr_one(r, n->kids[i], &from, &v) < 0)
            return -1;
        if (v.type == VALUE_ABSENT)
            return 0;
    }
    if (i == n->n)
        return out->put(out, &v);
    if (i + 1 == n->n)
        return expr_many(r, n->kids[i], &v, out);
    return expr_many(r, n->kids[i], &v, &(struct pipe_emit){{pipe_put, r}, n, i + 1, out}.emit);
}

/* All combinations of the kids' values; jq varies the first fastest in binary operators and strings, and the last
 * everywhere else. */
struct product {
    const struct expr_node *n;
    const struct value *in;
    struct value *args;
    struct emit *out;
};
struct product_emit {
    struct emit emit;
    const struct product *product;
    uint32_t done;
};

static bool backwards(const struct expr_node *n)
{
    return (n->op >= OP_ADD && n->op <= OP_GE) || n->op == OP_STRING;
}

static int product_next(struct run *r, const struct product *p, uint32_t done);

static int product_put(struct emit *self, const struct value *v)
{
    const struct product_emit *e = (const struct product_emit *)self;
    const struct expr_node *n = e->product->n;

    e->product->args[backwards(n) ? n->n - 1 - e->done : e->done] = *v;
    return product_next(self->r, e->product, e->done + 1);
}

static int product_next(struct run *r, const struct product *p, uint32_t done)
{
    const struct expr_node *n = p->n, *kid;
    struct value v;

    if (done < n->n) {
        kid = n->kids[backwards(n) ? n->n - 1 - done : done];
        if (kid->many)
            return expr_many(r, kid, p->in, &(struct product_emit){{product_put, r}, p, done}.emit);
        if (expr_one(r, kid, p->in, &v) < 0)
            return -1;
        if (v.type == VALUE_ABSENT)
            return 0;
        p->args[backwards(n) ? n->n - 1 - done : done] = v;
        return product_next(r, p, done + 1);
    }
    if (apply(r, n, p->in, p->args, &v) < 0)
        return -1;
    if (n->op == OP_CALL && n->function->kind == FUNCTION_SPREAD)
        return each(r, n, &v, p->out);
    return v.type == VALUE_ABSENT ? 0 : p->out->put(p->out, &v);
}

static int product(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct product p = {n, in, NULL, out};

    p.args = expr_alloc(r, n, (n->n + 1) * sizeof *p.args);
    return p.args ? product_next(r, &p, 0) : -1;
}

struct guard_emit {
    struct emit emit;
    struct emit *out;
    int passed, quiet;
    bool only_true, any;
};

/* What happens behind a guarded generator is not guarded. */
static int guard_put(struct emit *self, const struct value *v)
{
    struct guard_emit *g = (struct guard_emit *)self;
    int quiet = self->r->quiet;

    if (g->only_true && !expr_true(v))
        return 0;
    g->any = true;
    self->r->quiet = g->quiet;
    g->passed = g->out->put(g->out, v);
    self->r->quiet = quiet;
    return g->passed;
}

static struct value thrown(const struct run *r)
{
    if (r->fault.thrown_given)
        return r->fault.thrown;
    return value_string(arena_str(r->arena, str_of(r->fault.message)));
}

static int many_try(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct guard_emit g = {{guard_put, r}, out, 0, r->quiet, false, false};
    struct value message;
    int rc;

    r->quiet = n->n == 1 ? 1 : 0;
    rc = expr_many(r, n->kids[0], in, &g.emit);
    r->quiet = g.quiet;
    if (rc >= 0 || g.passed != 0 || r->fault.fatal)
        return rc;
    if (n->n == 1)
        return 0;
    message = thrown(r);
    return expr_many(r, n->kids[1], &message, out);
}

static int many_alternative(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct guard_emit g = {{guard_put, r}, out, 0, r->quiet, true, false};
    int rc;

    r->quiet = 1;
    rc = expr_many(r, n->kids[0], in, &g.emit);
    r->quiet = g.quiet;
    if (g.passed != 0 || (rc < 0 && r->fault.fatal))
        return rc;
    return g.any ? 0 : expr_many(r, n->kids[1], in, out);
}

struct branch_emit {
    struct emit emit;
    const struct expr_node *n;
    const struct value *in;
    struct emit *out;
};

static int if_put(struct emit *self, const struct value *v)
{
    struct branch_emit *b = (struct branch_emit *)self;

    return expr_many(self->r, b->n->kids[expr_true(v) ? 1 : 2], b->in, b->out);
}

static int truth_put(struct emit *self, const struct value *v)
{
    struct branch_emit *b = (struct branch_emit *)self;
    struct value truth = value_bool(expr_true(v));

    return b->out->put(b->out, &truth);
}

static int logic_put(struct emit *self, const struct value *v)
{
    struct branch_emit *b = (struct branch_emit *)self;
    struct value decided = value_bool(b->n->op == OP_OR);

    if (expr_true(v) == decided.truth)
        return b->out->put(b->out, &decided);
    return expr_many(self->r, b->n->kids[1], b->in, &(struct branch_emit){{truth_put, self->r}, b->n, b->in, b->out}.emit);
}

static int as_put(struct emit *self, const struct value *v)
{
    struct branch_emit *b = (struct branch_emit *)self;

    return bind(self->r, b->n->pattern, b->in, v) < 0 ? -1 : expr_many(self->r, b->n->kids[1], b->in, b->out);
}

struct fold_emit {
    struct emit emit;
    const struct expr_node *n;
    const struct value *in;
    struct value state;
    struct emit *out;       /* foreach */
};

static int last_put(struct emit *self, const struct value *v)
{
    ((struct fold_emit *)self)->state = *v;
    return 0;
}

static int reduce_put(struct emit *self, const struct value *v)
{
    struct fold_emit *f = (struct fold_emit *)self;
    struct fold_emit last = {{last_put, self->r}, f->n, f->in, value_null(), NULL};

    if (bind(self->r, f->n->pattern, f->in, v) < 0 || expr_many(self->r, f->n->kids[2], &f->state, &last.emit) < 0)
        return -1;
    f->state = last.state;
    return 0;
}

static int reduce(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct fold_emit f = {{reduce_put, r}, n, in, value_null(), NULL};

    if (expr_one(r, n->kids[1], in, &f.state) < 0)
        return -1;
    if (f.state.type != VALUE_ABSENT && expr_many(r, n->kids[0], in, &f.emit) < 0)
        return -1;
    *ret = f.state;
    return 0;
}

static int update_put(struct emit *self, const struct value *v)
{
    struct fold_emit *f = (struct fold_emit *)self;

    f->state = *v;
    return f->n->n == 3 ? f->out->put(f->out, v) : expr_many(self->r, f->n->kids[3], v, f->out);
}

static int foreach_put(struct emit *self, const struct value *v)
{
    struct fold_emit *f = (struct fold_emit *)self;
    struct fold_emit update = {{update_put, self->r}, f->n, f->in, value_null(), f->out};
    int rc;

    if (bind(self->r, f->n->pattern, f->in, v) < 0)
        return -1;
    rc = expr_many(self->r, f->n->kids[2], &f->state, &update.emit);
    f->state = update.state;
    return rc;
}

static int many_foreach(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct fold_emit f = {{foreach_put, r}, n, in, value_null(), out};

    if (expr_one(r, n->kids[1], in, &f.state) < 0)
        return -1;
    return f.state.type == VALUE_ABSENT ? 0 : expr_many(r, n->kids[0], in, &f.emit);
}

static int many_comma(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    int rc = 0;

    for (uint32_t i = 0; i < n->n && rc == 0; i++)
        rc = expr_many(r, n->kids[i], in, out);
    return rc;
}

static int each_put(struct emit *self, const struct value *v)
{
    struct branch_emit *b = (struct branch_emit *)self;

    if (self->r->expr->path && v->type <= VALUE_NULL)
        return 0;
    return each(self->r, b->n, v, b->out);
}

int expr_many(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct branch_emit branch = {{NULL, r}, n, in, out};
    struct value v;

    if (!n->many) {
        if (expr_one(r, n, in, &v) < 0)
            return -1;
        return v.type == VALUE_ABSENT && !r->expr->path ? 0 : out->put(out, &v);
    }
    if (++r->steps > EXPR_STEPS_MAX)
        return out_of_steps(r, n);
    switch ((enum expr_op)n->op) {
    case OP_EACH:
        branch.emit.put = each_put;
        return expr_many(r, n->kids[0], in, &branch.emit);
    case OP_PIPE:
        return pipe_from(r, n, 0, in, out);
    case OP_COMMA:
        return many_comma(r, n, in, out);
    case OP_ALTERNATIVE:
        return many_alternative(r, n, in, out);
    case OP_TRY:
        return many_try(r, n, in, out);
    case OP_IF:
        branch.emit.put = if_put;
        return expr_many(r, n->kids[0], in, &branch.emit);
    case OP_AND: case OP_OR:
        branch.emit.put = logic_put;
        return expr_many(r, n->kids[0], in, &branch.emit);
    case OP_AS:
        branch.emit.put = as_put;
        return expr_many(r, n->kids[0], in, &branch.emit);
    case OP_FOREACH:
        return many_foreach(r, n, in, out);
    case OP_CALL:
        if (n->function->kind == FUNCTION_MANY)
            return n->function->many(r, n, in, out);
        return product(r, n, in, out);
    default:
        return product(r, n, in, out);
    }
}

/* --- one value --------------------------------------------------------------------------------------------- */

static int one_strict(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct value few[3], *args = few;

    if (n->n > ARRAY_LEN(few) && !(args = expr_alloc(r, n, n->n * sizeof *args)))
        return -1;
    for (uint32_t i = 0; i < n->n; i++) {
        if (expr_one(r, n->kids[i], in, &args[i]) < 0)
            return -1;
        if (args[i].type == VALUE_ABSENT) {
            *ret = args[i];
            return 0;
        }
    }
    if (n->op != OP_CALL || n->function->kind != FUNCTION_SPREAD)
        return apply(r, n, in, args, ret);
    if (apply(r, n, in, args, few) < 0)
        return -1;
    *ret = value_at(few, 0);
    return 0;
}

static int one_guarded(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    int quiet = r->quiet, rc;
    struct value message;

    r->quiet = n->op == OP_ALTERNATIVE || n->n == 1;
    rc = expr_one(r, n->kids[0], in, ret);
    r->quiet = quiet;
    if (rc < 0 && r->fault.fatal)
        return -1;
    if (n->op == OP_ALTERNATIVE)
        return rc == 0 && expr_true(ret) ? 0 : expr_one(r, n->kids[1], in, ret);
    if (rc == 0)
        return 0;
    *ret = value_absent();
    if (n->n == 1)
        return 0;
    message = thrown(r);
    return expr_one(r, n->kids[1], &message, ret);
}

static int one_logic(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (expr_one(r, n->kids[i], in, ret) < 0)
            return -1;
        if (ret->type == VALUE_ABSENT)
            return 0;
        *ret = value_bool(expr_true(ret));
        if (ret->truth == (n->op == OP_OR))
            return 0;
    }
    return 0;
}

static int one_pipe(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct value v = *in;

    for (uint32_t i = 0; i < n->n; i++) {
        if (expr_one(r, n->kids[i], &v, ret) < 0)
            return -1;
        if (ret->type == VALUE_ABSENT)
            return 0;
        v = *ret;
    }
    return 0;
}

struct collect_emit {
    struct emit emit;
    struct list list;
};

static int collect_put(struct emit *self, const struct value *v)
{
    return expr_list_add(&((struct collect_emit *)self)->list, v);
}

static int one_array(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct collect_emit c = {{collect_put, r}, {.r = r, .node = n}};

    if (n->n && expr_many(r, n->kids[0], in, &c.emit) < 0)
        return -1;
    return expr_list_array(&c.list, ret);
}

static int one_format(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct text t = {.r = r, .node = n};
    uint16_t flags = 0;

    if (n->format->add(&t, in, &flags) < 0)
        return -1;
    *ret = expr_string(text_str(&t), flags);
    return 0;
}

/* A step of a path keeps absent and null apart; there the first missing key ends the walk. */
static int one_step(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct value target;
    int rc;

    if (expr_one(r, n->kids[0], in, &target) < 0)
        return -1;
    if (target.type == VALUE_ABSENT || (r->expr->path && target.type == VALUE_NULL)) {
        *ret = value_absent();
        return 0;
    }
    if (n->op == OP_GET && target.type == VALUE_OBJECT)
        *ret = value_get(&target, n->key);
    else if (n->op == OP_AT && target.type == VALUE_ARRAY)
        *ret = value_at(&target, n->index);
    else {
        rc = n->op == OP_GET ? get(r, n, &target, n->key, ret) : at(r, n, &target, n->index, ret);
        return rc;
    }
    if (ret->type == VALUE_ABSENT && !r->expr->path)
        *ret = value_null();
    return 0;
}

int expr_one(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    if (++r->steps > EXPR_STEPS_MAX)
        return out_of_steps(r, n);
    switch ((enum expr_op)n->op) {
    case OP_CONSTANT:
        *ret = n->constant;
        return 0;
    case OP_INPUT:
        *ret = *in;
        return 0;
    case OP_LOCAL:
        *ret = r->vars[n->slot];
        return 0;
    case OP_SLOT:
        return slot(r, n, ret);
    case OP_KEYED:
        return keyed(r, n, n->key, ret);
    case OP_GET: case OP_AT:
        return one_step(r, n, in, ret);
    case OP_PIPE:
        return one_pipe(r, n, in, ret);
    case OP_ALTERNATIVE: case OP_TRY:
        return one_guarded(r, n, in, ret);
    case OP_AND: case OP_OR:
        return one_logic(r, n, in, ret);
    case OP_IF: {
        struct value condition;

        if (expr_one(r, n->kids[0], in, &condition) < 0)
            return -1;
        if (condition.type == VALUE_ABSENT) {
            *ret = condition;
            return 0;
        }
        return expr_one(r, n->kids[expr_true(&condition) ? 1 : 2], in, ret);
    }
    case OP_AS: {
        struct value source;

        if (expr_one(r, n->kids[0], in, &source) < 0)
            return -1;
        *ret = source;
        if (source.type == VALUE_ABSENT)
            return 0;
        return bind(r, n->pattern, in, &source) < 0 ? -1 : expr_one(r, n->kids[1], in, ret);
    }
    case OP_REDUCE:
        return reduce(r, n, in, ret);
    case OP_ARRAY:
        return one_array(r, n, in, ret);
    case OP_FORMAT:
        return one_format(r, n, in, ret);
    case OP_CALL:
        if (n->function->one)
            return n->function->one(r, n, in, ret);
        return one_strict(r, n, in, ret);
    default:
        return one_strict(r, n, in, ret);
    }
}
