/* The doors of the expression language: compile, ask, evaluate, give back. */
#include "expr/expr.h"
#include "expr/internal.h"
#include "convert/zone.h"

#include <stdarg.h>
#include <stdio.h>

/* --- compiling --------------------------------------------------------------------------------------------- */

int expr_bad(struct err *err, uint32_t at, uint32_t len, enum code code, const char *fmt, ...)
{
    char message[320];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (!err || err->scope)
        return -1;
    err_set(err, ERR_RUN, code, "%s", message);
    err->byte = at;
    err->has_byte = true;
    err->map_len = len;
    return -1;
}

static bool is_path(const struct expr_node *n, bool strict, size_t *steps)
{
    switch ((enum expr_op)n->op) {
    case OP_GET: case OP_AT:
        ++*steps;
        return is_path(n->kids[0], strict, steps);
    case OP_TRY:
        return !strict && n->n == 1 && is_path(n->kids[0], strict, steps);
    case OP_SLOT: case OP_KEYED:
        return !strict;
    default:
        return n->op == OP_INPUT;
    }
}

static int take_steps(struct expr *e, struct arena *a, struct err *err)
{
    const struct expr_node *n = e->root;
    size_t steps = 0;

    e->plain = is_path(n, true, &steps);
    if (!e->plain)
        return 0;
    e->steps = arena_calloc(a, steps + 1, sizeof *e->steps);
    if (!e->steps)
        return err_oom(err);
    e->n_steps = steps;
    for (; steps > 0; n = n->kids[0]) {
        struct json_step *step = &e->steps[--steps];

        step->kind = n->op == OP_GET ? JSON_STEP_KEY : JSON_STEP_INDEX;
        step->key = n->key;
        step->index = n->index;
    }
    return 0;
}

static struct expr *new_expr(struct str text, struct arena *a, struct err *err)
{
    struct expr *e = arena_calloc(a, 1, sizeof *e);

    if (e)
        e->text = arena_str(a, text);
    if (e && e->text.at)
        return e;
    err_oom(err);
    return NULL;
}

static struct expr *finish(struct expr *e, struct arena *a, struct err *err)
{
    if (!e->root)
        return NULL;
    if (expr_check(e, a, err) == 0 && take_steps(e, a, err) == 0)
        return e;
    expr_release(e);
    return NULL;
}

struct expr *expr_compile(struct str text, const struct expr_names *names, struct arena *a, struct err *err)
{
    struct expr *e = new_expr(text, a, err);
    size_t steps = 0;

    if (!e)
        return NULL;
    e->root = expr_parse(e, names, a, err);
    e->path = e->root && is_path(e->root, false, &steps);
    return finish(e, a, err);
}

struct expr *expr_compile_path(struct str text, bool each, const struct expr_names *names, struct arena *a,
                               struct err *err)
{
    struct expr *e = new_expr(text, a, err);

    if (!e)
        return NULL;
    e->root = expr_parse_path(e, each, names, a, err);
    e->path = true;
    return finish(e, a, err);
}

void expr_release(struct expr *e)
{
    for (size_t i = 0; e && i < e->n_held; i++) {
        struct expr_node *n = e->held[i];

        expr_regex_free(n->regex);
        n->regex = NULL;
        if (n->zone)
            zone_close(n->zone);
        n->zone = NULL;
    }
    if (e)
        e->n_held = 0;
}

bool expr_plain_path(const struct expr *e, const struct json_step **steps, size_t *n)
{
    if (!e->plain)
        return false;
    *steps = e->steps;
    *n = e->n_steps;
    return true;
}

bool expr_constant(const struct expr *e, struct value *ret)
{
    if (e->root->op != OP_CONSTANT)
        return false;
    *ret = e->root->constant;
    return true;
}

/* --- evaluating -------------------------------------------------------------------------------------------- */

/* Field by field: the room for messages need not be cleared for every record. */
static int run_start(struct run *r, const struct expr *e, struct expr_run *outer, struct err *err)
{
    r->expr = e;
    r->outer = outer;
    r->arena = outer->arena;
    r->err = err;
    r->vars = NULL;
    r->steps = 0;
    r->bytes = 0;
    r->quiet = 0;
    if (e->vars && !(r->vars = arena_calloc(r->arena, (size_t)e->vars, sizeof *r->vars)))
        return err_oom(err);
    return 0;
}

static void add_value(struct run *r, struct err *err, const struct value *v)
{
    struct text t = {.r = r};
    uint16_t flags = 0;

    if (expr_put_tostring(&t, v, &flags) == 0)
        err_value(err, text_str(&t));
}

/* From r->fault to *err. */
static int report(struct run *r, const struct value *input, struct err *err)
{
    const struct expr_fault *f = &r->fault;
    struct value culprit = f->culprit;

    if (f->code == CODE_NONE || !err || err->scope)
        return -1;
    err_set(err, ERR_RECORD, f->code, "%s", f->message);
    if (f->help[0])
        err_help(err, "%s", f->help);
    err->map_column = f->at;
    err->map_len = f->len;
    r->quiet = 1;
    r->bytes = 0;
    r->steps = 0;
    if (culprit.type != VALUE_ABSENT) {
        add_value(r, err, &culprit);
        value_place(&culprit, err);
    }
    value_place(input, err);
    return -1;
}

struct result_emit {
    struct emit emit;
    struct value v;
    bool given;
};

static int result_put(struct emit *self, const struct value *v)
{
    struct result_emit *e = (struct result_emit *)self;

    if (e->given) {
        expr_fatal(self->r, self->r->expr->root, W0430, "the expression gives more than one value");
        return expr_help(self->r, "first(...) takes the first of them, [...] makes an array");
    }
    e->given = true;
    e->v = *v;
    return 0;
}

static struct value input_of(const struct expr *e, const struct value *input)
{
    return input->type == VALUE_ABSENT && !e->path ? value_null() : *input;
}

int expr_eval(const struct expr *e, const struct value *input, struct expr_run *run, struct value *ret,
              struct err *err)
{
    struct value in = input_of(e, input), v;
    struct result_emit result;
    struct run r;

    if (run_start(&r, e, run, err) < 0)
        return -1;
    if (!e->root->many) {
        if (expr_one(&r, e->root, &in, &v) < 0)
            return report(&r, &in, err);
        *ret = v;
        return 0;
    }
    result = (struct result_emit){.emit = {result_put, &r}};
    if (expr_many(&r, e->root, &in, &result.emit) < 0)
        return report(&r, &in, err);
    *ret = result.v;
    return 0;
}

struct outer_emit {
    struct emit emit;
    int (*put)(void *context, const struct value *v, struct err *err);
    void *context;
    bool stopped;
};

static int outer_put(struct emit *self, const struct value *v)
{
    struct outer_emit *e = (struct outer_emit *)self;

    if (v->type == VALUE_ABSENT)
        return 0;
    e->stopped = e->put(e->context, v, self->r->err) < 0;
    return e->stopped;
}

int expr_each(const struct expr *e, const struct value *input, struct expr_run *run,
              int (*emit)(void *context, const struct value *v, struct err *err), void *context, struct err *err)
{
    struct value in = input_of(e, input);
    struct outer_emit out;
    struct run r;

    if (run_start(&r, e, run, err) < 0)
        return -1;
    out = (struct outer_emit){{outer_put, &r}, emit, context, false};
    if (expr_many(&r, e->root, &in, &out.emit) < 0)
        return report(&r, &in, err);
    return out.stopped ? -1 : 0;
}

int expr_lookup_key(const struct value *v, struct arena *a, struct str *ret, struct err *err)
{
    struct expr_run outer = {.arena = a};
    struct run r = {.outer = &outer, .arena = a, .err = err};
    struct text t = {.r = &r};
    struct value plain = *v;
    uint16_t flags = 0;

    if (v->type == VALUE_STRING && !(v->flags & VALUE_ESCAPED)) {
        *ret = v->text;
        return 0;
    }
    /* A number beyond the bounds of arithmetic is its own key, as written. */
    if (v->type == VALUE_NUMBER && expr_number_round(&r, NULL, NUMBER_PLAIN, v, &plain) < 0)
        plain = *v;
    if (expr_put_tostring(&t, &plain, &flags) < 0)
        return r.fault.code == CODE_NONE ? -1 : err_set(err, ERR_RECORD, r.fault.code, "%s", r.fault.message);
    *ret = text_str(&t);
    return 0;
}
