/* Between parsing and running: which parts give many values, how deep the C stack can get, constants folded. */
#include "expr/internal.h"

static int check(struct checker *c, struct expr_node *n);

static int single(struct checker *c, const struct expr_node *n, const char *what)
{
    if (!n->many)
        return 0;
    expr_bad(c->err, n->at, n->len, W0237, "%s takes one value, and this may give many", what);
    return err_help(c->err, "first(...) takes the first of them, [...] makes an array");
}

int expr_hold(struct checker *c, struct expr_node *n)
{
    struct expr *e = c->expr;

    if (e->n_held == e->held_capacity) {
        size_t capacity = e->held_capacity ? 2 * e->held_capacity : 4;
        struct expr_node **held = arena_calloc(c->arena, capacity, sizeof *held);

        if (!held) {
            expr_regex_free(n->regex);
            n->regex = NULL;
            return err_oom(c->err);
        }
        if (e->n_held)
            memcpy(held, e->held, e->n_held * sizeof *held);
        e->held = held;
        e->held_capacity = capacity;
    }
    e->held[e->n_held++] = n;
    return 0;
}

/* --- many -------------------------------------------------------------------------------------------------- */

static bool any_kid_many(const struct expr_node *n)
{
    for (uint32_t i = 0; i < n->n; i++) {
        if (n->kids[i]->many)
            return true;
    }
    return false;
}

static bool gives_many(const struct expr_node *n)
{
    switch ((enum expr_op)n->op) {
    case OP_EACH: case OP_COMMA: case OP_FOREACH:
        return true;
    case OP_ARRAY: case OP_FORMAT: case OP_REDUCE:
        return false;
    case OP_CALL:
        if (n->function->kind == FUNCTION_STRICT)
            return any_kid_many(n);
        return n->function->kind != FUNCTION_ONE;
    default:
        return any_kid_many(n);
    }
}

/* --- the C stack ------------------------------------------------------------------------------------------- */

/* Do generators among the kids run within each other? */
static bool nests_kids(const struct expr_node *n)
{
    switch ((enum expr_op)n->op) {
    case OP_COMMA: case OP_ARRAY:
        return false;
    case OP_CALL: case OP_REDUCE: case OP_FOREACH:
        return true;
    default:
        return n->many;
    }
}

static int measure(struct checker *c, struct expr_node *n)
{
    uint32_t sum = 0, most = 0;

    for (uint32_t i = 0; i < n->n; i++) {
        uint32_t depth = n->kids[i]->depth;

        most = depth > most ? depth : most;
        sum += n->op == OP_PIPE && !n->kids[i]->many ? 0 : depth;
    }
    if (nests_kids(n))
        most = n->op == OP_PIPE ? sum + most : sum;
    if (most + 1 >= EXPR_DEPTH_MAX)
        return expr_bad(c->err, n->at, n->len, W0239,
                        "this expression nests too deep; name parts of it with 'as $x |'");
    n->depth = (uint16_t)(most + 1);
    return 0;
}

/* --- constants --------------------------------------------------------------------------------------------- */

static bool constant_kids(const struct expr_node *n)
{
    for (uint32_t i = 0; i < n->n; i++) {
        const struct expr_node *kid = n->kids[i];

        if (kid->op != OP_CONSTANT && !(n->op == OP_ARRAY && kid->op == OP_COMMA && constant_kids(kid)))
            return false;
    }
    return true;
}

static bool foldable(const struct expr_node *n)
{
    switch ((enum expr_op)n->op) {
    case OP_NEGATE: case OP_STRING: case OP_ARRAY: case OP_OBJECT:
        return constant_kids(n);
    default:
        return n->op >= OP_ADD && n->op <= OP_GE && constant_kids(n);
    }
}

static int fold(struct checker *c, struct expr_node *n)
{
    struct value v;

    if (!foldable(n))
        return 0;
    c->run.steps = 0;
    c->run.bytes = EXPR_BYTES_MAX - 1024 * 1024;
    if (expr_one(&c->run, n, &(struct value){.type = VALUE_NULL}, &v) == 0) {
        n->op = OP_CONSTANT;
        n->constant = v;
        n->n = 0;
        return 0;
    }
    if (c->run.fault.fatal && c->run.fault.code == CODE_NONE)
        return -1;
    if (c->guarded || c->run.fault.fatal)
        return 0;
    expr_bad(c->err, n->at, n->len, W0237, "%s", c->run.fault.message);
    return c->run.fault.help[0] ? err_help(c->err, "%s", c->run.fault.help) : -1;
}

/* --- the walk ---------------------------------------------------------------------------------------------- */

static int check_pattern(struct checker *c, const struct expr_pattern *p, struct expr_node *n)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->keys[i]) {
            if (check(c, p->keys[i]) < 0 || single(c, p->keys[i], "a key") < 0)
                return -1;
            if (p->keys[i]->depth > n->depth)
                n->depth = p->keys[i]->depth;
        }
        if (p->items[i] && check_pattern(c, p->items[i], n) < 0)
            return -1;
    }
    return 0;
}

static int check_call(struct checker *c, struct expr_node *n)
{
    const char *name = n->function->name;

    if ((strcmp(name, "limit") == 0 || (strcmp(name, "nth") == 0 && n->n == 2)) && single(c, n->kids[0], "a count") < 0)
        return -1;
    return n->function->prepare ? n->function->prepare(c, n) : 0;
}

/* The depth of the recursion is that of the nodes, which the parser bounds. */
static int check(struct checker *c, struct expr_node *n)
{
    for (uint32_t i = 0; i < n->n; i++) {
        bool guards = i == 0 && n->op == OP_TRY;
        int rc;

        c->guarded += guards;
        rc = check(c, n->kids[i]);
        c->guarded -= guards;
        if (rc < 0)
            return -1;
    }
    n->many = gives_many(n);
    if ((n->op == OP_REDUCE || n->op == OP_FOREACH) && single(c, n->kids[1], "the start of a loop") < 0)
        return -1;
    if (n->op == OP_CALL && check_call(c, n) < 0)
        return -1;
    if (measure(c, n) < 0 || (n->pattern && check_pattern(c, n->pattern, n) < 0))
        return -1;
    return fold(c, n);
}

int expr_check(struct expr *e, struct arena *a, struct err *err)
{
    struct checker c = {.expr = e, .arena = a, .err = err};

    c.outer.arena = a;
    c.run.expr = e;
    c.run.outer = &c.outer;
    c.run.arena = a;
    c.run.err = err;
    return check(&c, e->root);
}
