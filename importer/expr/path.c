/* What can be said of an expression without running it: the paths and names it reads. */
#include "expr/internal.h"

enum { STEPS_MAX = 16, FROM_INPUT = -1, FROM_NOWHERE = -2 };

/* Where a value comes from: some steps from `.` or from a slot; or from nowhere that could be named. */
struct origin {
    int root;
    uint32_t n;
    struct json_step steps[STEPS_MAX];
};

struct survey {
    int wanted;         /* FROM_INPUT or a slot */
    void (*path)(void *context, const struct json_step *steps, size_t n);
    void *context;
    struct origin *locals;
};

static const struct origin nowhere = {.root = FROM_NOWHERE};

static void walk(struct survey *s, const struct expr_node *n, const struct origin *in, struct origin *ret);

static void read_whole(const struct survey *s, const struct origin *o)
{
    if (o->root == s->wanted)
        s->path(s->context, o->steps, o->n);
}

static void read_kid(struct survey *s, const struct expr_node *n, const struct origin *in)
{
    struct origin o;

    walk(s, n, in, &o);
    read_whole(s, &o);
}

static void step(struct survey *s, const struct expr_node *n, const struct origin *in, struct json_step next,
                 struct origin *ret)
{
    walk(s, n->kids[0], in, ret);
    if (ret->root == FROM_NOWHERE)
        return;
    if (ret->n == STEPS_MAX) {
        read_whole(s, ret);
        *ret = nowhere;
        return;
    }
    ret->steps[ret->n++] = next;
}

/* Patterns of one variable keep the origin; others read the whole source. */
static void walk_as(struct survey *s, const struct expr_node *n, const struct origin *in, struct origin *ret)
{
    struct origin source;

    walk(s, n->kids[0], in, &source);
    if (n->pattern->kind == PATTERN_VARIABLE && s->locals)
        s->locals[n->pattern->variable] = source;
    else
        read_whole(s, &source);
    walk(s, n->kids[1], in, ret);
}

static bool ignores_input(const struct expr_node *n)
{
    static const char *const names[] = {"empty", "now", "uuid5", "error", "range", "limit", "first", "last", "isempty",
                                        "nth", "any", "all", "add"};
    static const uint8_t arities[] = {0, 0, 0, 1, 1, 2, 1, 1, 1, 2, 2, 2, 1};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(n->function->name, names[i]) == 0)
            return n->n >= arities[i];
    }
    return false;
}

static void walk_call(struct survey *s, const struct expr_node *n, const struct origin *in, struct origin *ret)
{
    const char *name = n->function->name;

    *ret = nowhere;
    if (strcmp(name, "select") == 0) {
        read_kid(s, n->kids[0], in);
        *ret = *in;
        return;
    }
    if (strcmp(name, "first") == 0 && n->n == 1) {
        walk(s, n->kids[0], in, ret);
        return;
    }
    if (!ignores_input(n)) {
        read_whole(s, in);
        /* Below map(f) and its like `.` is an item. */
        if (n->function->kind == FUNCTION_ONE && !n->function->prepare)
            in = &nowhere;
    }
    for (uint32_t i = 0; i < n->n; i++)
        read_kid(s, n->kids[i], in);
}

static void walk_loop(struct survey *s, const struct expr_node *n, const struct origin *in)
{
    read_kid(s, n->kids[0], in);
    read_kid(s, n->kids[1], in);
    for (uint32_t i = 2; i < n->n; i++)
        read_kid(s, n->kids[i], &nowhere);
}

static void walk(struct survey *s, const struct expr_node *n, const struct origin *in, struct origin *ret)
{
    struct origin from;

    *ret = nowhere;
    switch ((enum expr_op)n->op) {
    case OP_INPUT:
        *ret = *in;
        return;
    case OP_SLOT:
        ret->root = n->slot;
        ret->n = 0;
        return;
    case OP_LOCAL:
        if (s->locals)
            *ret = s->locals[n->slot];
        return;
    case OP_GET:
        step(s, n, in, (struct json_step){.kind = JSON_STEP_KEY, .key = n->key}, ret);
        return;
    case OP_AT:
        step(s, n, in, (struct json_step){.kind = JSON_STEP_INDEX, .index = n->index}, ret);
        return;
    case OP_PIPE:
        from = *in;
        for (uint32_t i = 0; i < n->n; i++) {
            walk(s, n->kids[i], &from, ret);
            from = *ret;
        }
        return;
    case OP_TRY:
        walk(s, n->kids[0], in, ret);
        if (n->n > 1)
            read_kid(s, n->kids[1], &nowhere);
        return;
    case OP_AS:
        walk_as(s, n, in, ret);
        return;
    case OP_REDUCE: case OP_FOREACH:
        walk_loop(s, n, in);
        return;
    case OP_FORMAT:
        read_whole(s, in);
        return;
    case OP_CALL:
        walk_call(s, n, in, ret);
        return;
    default:
        for (uint32_t i = 0; i < n->n; i++)
            read_kid(s, n->kids[i], in);
        return;
    }
}

static void survey(const struct expr *e, struct survey *s)
{
    struct origin root = {.root = FROM_INPUT}, locals[EXPR_VARS_MAX];

    for (int i = 0; i < EXPR_VARS_MAX; i++)
        locals[i] = nowhere;
    s->locals = locals;
    read_kid(s, e->root, &root);
}

void expr_paths(const struct expr *e, void (*path)(void *context, const struct json_step *steps, size_t n),
                void *context)
{
    survey(e, &(struct survey){.wanted = FROM_INPUT, .path = path, .context = context});
}

void expr_paths_of_slot(const struct expr *e, int slot,
                        void (*path)(void *context, const struct json_step *steps, size_t n), void *context)
{
    survey(e, &(struct survey){.wanted = slot, .path = path, .context = context});
}

/* --- names ------------------------------------------------------------------------------------------------- */

static void slots_of_pattern(const struct expr_pattern *p, void (*slot)(void *context, int slot), void *context);

static void slots_of(const struct expr_node *n, void (*slot)(void *context, int slot), void *context)
{
    if (n->op == OP_SLOT || n->op == OP_KEYED || n->op == OP_KEYED_BY)
        slot(context, n->slot);
    for (uint32_t i = 0; i < n->n; i++)
        slots_of(n->kids[i], slot, context);
    if (n->pattern)
        slots_of_pattern(n->pattern, slot, context);
}

static void slots_of_pattern(const struct expr_pattern *p, void (*slot)(void *context, int slot), void *context)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->keys[i])
            slots_of(p->keys[i], slot, context);
        if (p->items[i])
            slots_of_pattern(p->items[i], slot, context);
    }
}

void expr_slots(const struct expr *e, void (*slot)(void *context, int slot), void *context)
{
    slots_of(e->root, slot, context);
}
