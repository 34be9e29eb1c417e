/* Runs the nodes of a checked expression that give one value, by plain calls. */
#include "expr/internal.h"

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

/* A step of a path keeps absent and null apart: there the first missing key ends the walk. */
static struct value missing(const struct run *r)
{
    return r->expr->path ? value_absent() : value_null();
}

static int get(struct run *r, const struct expr_node *n, const struct value *target, struct str key, struct value *ret)
{
    if (target->type != VALUE_OBJECT && target->type > VALUE_NULL)
        return cannot_get(r, n, target, key);
    *ret = value_absent();
    if (target->type == VALUE_OBJECT)
        *ret = value_get(target, key);
    if (ret->type == VALUE_ABSENT)
        *ret = missing(r);
    return 0;
}

static int at(struct run *r, const struct expr_node *n, const struct value *target, int64_t index, struct value *ret)
{
    struct expr_shown shown;

    if (target->type != VALUE_ARRAY && target->type > VALUE_NULL)
        return expr_fail(r, n, W0431, target, "cannot get item %lld of %s", (long long)index,
                         expr_show(r, target, &shown));
    *ret = value_absent();
    if (target->type == VALUE_ARRAY)
        *ret = value_at(target, index);
    if (ret->type == VALUE_ABSENT)
        *ret = missing(r);
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

int expr_each_item(struct run *r, const struct expr_node *n, const struct value *target, struct emit *out)
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
            return expr_out_of_steps(r, n);
        rc = out->put(out, &item);
    }
    return rc;
}

static int keyed(struct run *r, const struct expr_node *n, struct str key, struct value *ret)
{
    if (!r->outer->keyed || r->outer->keyed(r->outer->context, n->slot, key, ret, r->err) < 0)
        return expr_carried(r);
    if (ret->type == VALUE_ABSENT)
        *ret = missing(r);
    return 0;
}

static int keyed_by(struct run *r, const struct expr_node *n, const struct value *key, struct value *ret)
{
    struct str text;

    *ret = value_null();
    if (key->type == VALUE_NULL)
        return 0;
    if (expr_lookup_key(key, r->arena, &text, r->err) < 0)
        return expr_carried(r);
    return keyed(r, n, text, ret);
}

static int slot(struct run *r, const struct expr_node *n, struct value *ret)
{
    if (!r->outer->variable || r->outer->variable(r->outer->context, n->slot, ret, r->err) < 0)
        return expr_carried(r);
    if (ret->type == VALUE_ABSENT)
        *ret = missing(r);
    return 0;
}

static int make_string(struct run *r, const struct expr_node *n, const struct value *args, struct value *ret)
{
    struct text t = {.r = r, .node = n};
    uint16_t flags = 0;

    for (uint32_t i = 0; i < n->n; i++) {
        bool plain = !n->format || n->kids[i]->literal;

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
            return expr_fail(r, n->kids[i], W0431, &args[i], "a key is a string, not %s",
                             expr_show(r, &args[i], &shown));
        if (expr_bytes(r, n, &args[i], "a key", &key) < 0 || expr_list_set(&l, key, &args[i + 1]) < 0)
            return -1;
    }
    return expr_list_object(&l, ret);
}

/* An operator or strict function, once its kids have their values. */
int expr_apply(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
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

int expr_bind(struct run *r, const struct expr_pattern *p, const struct value *in, const struct value *v)
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
        if (p->items[i] && expr_bind(r, p->items[i], in, &part) < 0)
            return -1;
    }
    return 0;
}

/* --- one value --------------------------------------------------------------------------------------------- */

static int one_strict(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct value few[3], *args = few;

    if (n->n > ARRAY_LEN(few) && !(args = expr_alloc(r, n, n->n * sizeof *args)))
        return -1;
    for (uint32_t k = 0; k < n->n; k++) {
        uint32_t i = expr_backwards(n) ? n->n - 1 - k : k;

        if (expr_one(r, n->kids[i], in, &args[i]) < 0)
            return -1;
        if (args[i].type == VALUE_ABSENT) {
            *ret = args[i];
            return 0;
        }
    }
    if (n->op != OP_CALL || n->function->kind != FUNCTION_SPREAD)
        return expr_apply(r, n, in, args, ret);
    if (expr_apply(r, n, in, args, few) < 0)
        return -1;
    *ret = value_at(few, 0);
    return 0;
}

static int one_try(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    int quiet = r->quiet, rc;
    struct value message;

    r->quiet = n->n == 1;
    rc = expr_one(r, n->kids[0], in, ret);
    r->quiet = quiet;
    if (rc == 0 || r->fault.fatal)
        return rc;
    *ret = value_absent();
    if (n->n == 1)
        return 0;
    message = expr_thrown(r);
    return expr_one(r, n->kids[1], &message, ret);
}

static int one_alternative(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    if (expr_one(r, n->kids[0], in, ret) < 0)
        return -1;
    return expr_true(ret) ? 0 : expr_one(r, n->kids[1], in, ret);
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

static int one_step(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    struct value target;

    if (expr_one(r, n->kids[0], in, &target) < 0)
        return -1;
    *ret = target;
    if (target.type == VALUE_ABSENT)
        return 0;
    return n->op == OP_GET ? get(r, n, &target, n->key, ret) : at(r, n, &target, n->index, ret);
}

int expr_one(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    if (++r->steps > EXPR_STEPS_MAX)
        return expr_out_of_steps(r, n);
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
    case OP_ALTERNATIVE:
        return one_alternative(r, n, in, ret);
    case OP_TRY:
        return one_try(r, n, in, ret);
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
        return expr_bind(r, n->pattern, in, &source) < 0 ? -1 : expr_one(r, n->kids[1], in, ret);
    }
    case OP_REDUCE:
        return expr_reduce(r, n, in, ret);
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
