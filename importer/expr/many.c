/* Generators: each operator hands its values to the next by a callback, and lets failures pass untouched. */
#include "expr/internal.h"

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

/* All combinations of the kids' values. */
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

static int product_next(struct run *r, const struct product *p, uint32_t done);

static int product_put(struct emit *self, const struct value *v)
{
    const struct product_emit *e = (const struct product_emit *)self;
    const struct expr_node *n = e->product->n;

    e->product->args[expr_backwards(n) ? n->n - 1 - e->done : e->done] = *v;
    return product_next(self->r, e->product, e->done + 1);
}

static int product_next(struct run *r, const struct product *p, uint32_t done)
{
    const struct expr_node *n = p->n, *kid;
    struct value v;

    if (done < n->n) {
        kid = n->kids[expr_backwards(n) ? n->n - 1 - done : done];
        if (kid->many)
            return expr_many(r, kid, p->in, &(struct product_emit){{product_put, r}, p, done}.emit);
        if (expr_one(r, kid, p->in, &v) < 0)
            return -1;
        if (v.type == VALUE_ABSENT)
            return 0;
        p->args[expr_backwards(n) ? n->n - 1 - done : done] = v;
        return product_next(r, p, done + 1);
    }
    if (expr_apply(r, n, p->in, p->args, &v) < 0)
        return -1;
    if (n->op == OP_CALL && n->function->kind == FUNCTION_SPREAD)
        return expr_each_item(r, n, &v, p->out);
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
};

/* What happens behind a guarded generator is not guarded. */
static int guard_put(struct emit *self, const struct value *v)
{
    struct guard_emit *g = (struct guard_emit *)self;
    int quiet = self->r->quiet;

    self->r->quiet = g->quiet;
    g->passed = g->out->put(g->out, v);
    self->r->quiet = quiet;
    return g->passed;
}

struct value expr_thrown(const struct run *r)
{
    if (r->fault.thrown_given)
        return r->fault.thrown;
    return value_string(arena_str(r->arena, str_of(r->fault.message)));
}

static int many_try(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct guard_emit g = {{guard_put, r}, out, 0, r->quiet};
    struct value message;
    int rc;

    r->quiet = n->n == 1 ? 1 : 0;
    rc = expr_many(r, n->kids[0], in, &g.emit);
    r->quiet = g.quiet;
    if (rc >= 0 || g.passed != 0 || r->fault.fatal)
        return rc;
    if (n->n == 1)
        return 0;
    message = expr_thrown(r);
    return expr_many(r, n->kids[1], &message, out);
}

struct alternative_emit {
    struct emit emit;
    struct emit *out;
    bool any;
};

static int alternative_put(struct emit *self, const struct value *v)
{
    struct alternative_emit *a = (struct alternative_emit *)self;

    if (!expr_true(v))
        return 0;
    a->any = true;
    return a->out->put(a->out, v);
}

static int many_alternative(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out)
{
    struct alternative_emit a = {{alternative_put, r}, out, false};
    int rc = expr_many(r, n->kids[0], in, &a.emit);

    return rc != 0 || a.any ? rc : expr_many(r, n->kids[1], in, out);
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
    return expr_many(self->r, b->n->kids[1], b->in,
                     &(struct branch_emit){{truth_put, self->r}, b->n, b->in, b->out}.emit);
}

static int as_put(struct emit *self, const struct value *v)
{
    struct branch_emit *b = (struct branch_emit *)self;

    return expr_bind(self->r, b->n->pattern, b->in, v) < 0 ? -1 : expr_many(self->r, b->n->kids[1], b->in, b->out);
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

    if (expr_bind(self->r, f->n->pattern, f->in, v) < 0 || expr_many(self->r, f->n->kids[2], &f->state, &last.emit) < 0)
        return -1;
    f->state = last.state;
    return 0;
}

int expr_reduce(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
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

    if (expr_bind(self->r, f->n->pattern, f->in, v) < 0)
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
    return expr_each_item(self->r, b->n, v, b->out);
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
        return expr_out_of_steps(r, n);
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
