/* What `$name` and `^` mean at each place of a mapping, and the expressions and words made with them. */
#include "map/compile_internal.h"

#include <stdlib.h>

#include "map/constant.h"

void *compile_alloc(struct compile *c, size_t n, size_t size)
{
    void *p = arena_calloc(&c->p->arena, n ? n : 1, size);

    if (!p)
        c->oom = true;
    return p;
}

struct err *compile_fault_inside(struct compile *c, const struct mapping_text *at, size_t offset, size_t len)
{
    struct err *e = mapping_fault(c->faults);
    uint32_t line, column;

    mapping_place(at, offset, &line, &column);
    err_mapping(e, line, column, len ? (uint32_t)len : at->len);
    return e;
}

struct err *compile_fault(struct compile *c, const struct mapping_text *at)
{
    return compile_fault_inside(c, at, 0, 0);
}

void compile_fault_from(struct compile *c, const struct mapping_text *at, struct err *from)
{
    struct err *e = mapping_fault(c->faults);
    size_t offset = from->has_byte ? from->byte : 0;
    uint32_t line, column, len = from->map_len ? from->map_len : at->len;

    mapping_place(at, offset, &line, &column);
    err_move(e, from);
    e->map_line = line;
    e->map_column = column;
    e->map_len = len;
    e->has_byte = false;
    e->byte = 0;
}

static enum expr_name_kind found(int *slot, enum slot_kind kind, size_t ordinal, bool keyed)
{
    *slot = (int)kind << 16 | (int)ordinal;
    return keyed ? EXPR_NAME_KEYED : EXPR_NAME_VALUE;
}

static enum expr_name_kind find_sibling(const struct names *names, struct str name, int *slot)
{
    const struct mapping *m = names->c->m;

    for (size_t i = 0; i < m->n_documents; i++) {
        if (str_eq(m->documents[i].name.text, name))
            return found(slot, SLOT_DOCUMENT, i, false);
    }
    for (size_t i = 0; names->siblings && i < m->n_indexes; i++) {
        if (str_eq(m->indexes[i].name.text, name))
            return found(slot, SLOT_TABLE, i, true);
    }
    return EXPR_NAME_UNKNOWN;
}

/* A let of the mapping becomes one of the rule's when it is first named there. */
static bool find_shared(const struct names *names, struct str name, int *slot)
{
    struct compile *c = names->c;
    struct program_rule *rule = names->rule;
    size_t i = names->n_shared;

    while (i-- > 0 && !str_eq(c->m->lets[i].name.text, name))
        ;
    if (i >= names->n_shared)
        return false;
    if (!rule->shared[i]) {
        struct names own = {.c = c, .rule = rule, .from = names->from, .n_from = names->n_from, .n_shared = i,
                            .siblings = names->siblings};
        struct program_expr let = compile_expr(c, &c->m->lets[i].expr, &own);

        rule->lets[rule->n_lets] = let;     /* behind those that it needs itself */
        rule->shared[i] = (uint16_t)++rule->n_lets;
        c->shared_used[i] = true;
    }
    found(slot, SLOT_LET, rule->shared[i] - 1u, false);
    return true;
}

static enum expr_name_kind find(void *context, struct str name, int *slot)
{
    const struct names *names = context;

    if (str_is(name, "param"))
        return found(slot, SLOT_PARAM, 0, true);
    if (names->parameters_only)
        return EXPR_NAME_UNKNOWN;
    if (name.len && name.at[0] == '^')
        return name.len <= names->levels ? found(slot, SLOT_LEVEL, name.len, false) : EXPR_NAME_UNKNOWN;
    if (str_is(name, "path"))
        return found(slot, SLOT_PATH, 0, true);
    if (str_is(name, "file"))
        return found(slot, SLOT_FILE, 0, true);
    if (str_is(name, "index"))
        return found(slot, SLOT_INDEX, 0, false);
    if (str_is(name, "line"))
        return found(slot, SLOT_LINE, 0, false);
    if (str_is(name, "key") && names->levels)
        return found(slot, SLOT_KEY, 0, false);
    if (str_is(name, "row") && names->rule)
        return found(slot, SLOT_ROW, 0, true);
    for (size_t i = names->n_lets; names->rule && i-- > 0;) {
        if (str_eq(names->rule->source->lets[i].name.text, name))
            return found(slot, SLOT_LET, i, false);
    }
    if (names->rule && find_shared(names, name, slot))
        return EXPR_NAME_VALUE;
    return names->siblings || names->documents ? find_sibling(names, name, slot) : EXPR_NAME_UNKNOWN;
}

static int unknown_key(struct err *err, const char *what, struct str key, const char *const *all, size_t n)
{
    const char *nearest = str_nearest(key, all, n);

    err_set(err, ERR_RUN, W0251, "no %s named '%.*s'", what, STR_ARG(key));
    if (nearest)
        err_help(err, "did you mean '%s'?", nearest);
    return -1;
}

static int check_param(const struct names *names, struct str key, struct err *err)
{
    const struct program *p = names->c->p;
    const char *all[64];
    size_t n = 0;

    for (size_t i = 0; i < p->n_params; i++) {
        if (str_is(key, p->params[i].name))
            return 0;
        if (n < ARRAY_LEN(all))
            all[n++] = p->params[i].name;
    }
    return unknown_key(err, "parameter", key, all, n);
}

static int check_capture(const struct names *names, struct str key, struct err *err)
{
    const char *all[PATTERN_CAPTURES_MAX];
    size_t n = 0;

    if (names->n_from == 0 || !names->from[0])
        return 0;
    if (pattern_capture_index(names->from[0], key) >= 0)
        return 0;
    for (size_t i = 0; i < pattern_captures(names->from[0]); i++) {
        char *name = arena_dup(&names->c->p->arena, pattern_capture_name(names->from[0], i));

        if (name)
            all[n++] = name;
    }
    return unknown_key(err, "capture of the path", key, all, n);
}

static int check_file(struct str key, struct err *err)
{
    static const char *const all[] = {"path", "name", "stem", "ext", "dir", "size", "mtime", "sha256", "text",
                                      "root", "member", "kind"};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (str_is(key, all[i]))
            return 0;
    }
    return unknown_key(err, "fact of a file", key, all, ARRAY_LEN(all));
}

static int check_row(const struct names *names, struct str key, struct err *err)
{
    const struct mapping_rule *rule = names->rule->source;
    const char *all[256];
    size_t n = 0;

    for (size_t i = 0; i < rule->n_columns; i++) {
        if (str_eq(rule->columns[i].name.text, key))
            return 0;
        if (n < ARRAY_LEN(all))
            all[n++] = rule->columns[i].name.text.at;
    }
    return unknown_key(err, "column of this rule", key, all, n);
}

static int check_key(void *context, int slot, struct str key, struct err *err)
{
    const struct names *names = context;

    switch (slot_kind(slot)) {
    case SLOT_PARAM: return check_param(names, key, err);
    case SLOT_PATH: return check_capture(names, key, err);
    case SLOT_FILE: return check_file(key, err);
    case SLOT_ROW: return check_row(names, key, err);
    default: return 0;
    }
}

static void add_known(struct names *names, struct str name)
{
    char *copy = arena_dup(&names->c->p->arena, name);

    if (copy)
        names->all[names->n_all++] = copy;
}

static void list_known(struct names *names)
{
    static const char *const own[] = {"path", "file", "index", "line", "row", "key"};
    const struct mapping *m = names->c->m;
    size_t n_lets = names->rule ? names->rule->source->n_lets : 0;

    names->all = compile_alloc(names->c, ARRAY_LEN(own) + 1 + n_lets + m->n_lets + m->n_documents + m->n_indexes,
                               sizeof *names->all);
    if (!names->all)
        return;
    names->all[names->n_all++] = "param";
    if (names->parameters_only)
        return;
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        names->all[names->n_all++] = own[i];
    for (size_t i = 0; i < n_lets; i++)
        add_known(names, names->rule->source->lets[i].name.text);
    for (size_t i = 0; names->rule && i < m->n_lets; i++)
        add_known(names, m->lets[i].name.text);
    for (size_t i = 0; (names->siblings || names->documents) && i < m->n_documents; i++)
        add_known(names, m->documents[i].name.text);
    for (size_t i = 0; names->siblings && i < m->n_indexes; i++)
        add_known(names, m->indexes[i].name.text);
}

/* Parameters have their values before anything is compiled. */
static struct value known(void *context, int slot, struct str key)
{
    const struct program *p = ((const struct names *)context)->c->p;

    for (size_t i = 0; slot_kind(slot) == SLOT_PARAM && i < p->n_params; i++) {
        if (str_is(key, p->params[i].name))
            return p->params[i].value;
    }
    return value_absent();
}

struct expr_names names_for_expr(struct names *names)
{
    if (!names->all)
        list_known(names);
    return (struct expr_names){find, check_key, known, names->all, names->n_all, names};
}

/* Rules remember what they need from outside their own file. */
static void note_slot(void *context, int slot)
{
    struct program_rule *rule = context;

    switch (slot_kind(slot)) {
    case SLOT_INDEX:
    case SLOT_LINE:
        rule->uses_index = true;
        break;
    case SLOT_DOCUMENT:
    case SLOT_TABLE:
        rule->uses_siblings = true;
        break;
    default:
        break;
    }
}

/* A document is one file for each file of the rule: all that its pattern captures must be known there. */
struct place {
    struct names *names;
    const struct mapping_text *text;
};

static void check_document(void *context, int slot)
{
    const struct place *at = context;
    const struct program *p = at->names->c->p;
    struct pattern *const *from = at->names->from;
    const struct pattern *file;

    if (at->names->n_from == 0 || !from[0])
        return;
    if (slot_kind(slot) == SLOT_TABLE && p->indexes[slot_ordinal(slot)].of.expr)
        expr_slots(p->indexes[slot_ordinal(slot)].of.expr, check_document, context);
    if (slot_kind(slot) != SLOT_DOCUMENT || !(file = p->documents[slot_ordinal(slot)].file))
        return;
    for (size_t i = 0; i < pattern_captures(file); i++) {
        struct str name = pattern_capture_name(file, i);

        if (pattern_capture_index(from[0], name) < 0)
            err_set(compile_fault(at->names->c, at->text), ERR_RUN, W0271,
                    "the document '%.*s' is not one file here: nothing captures {%.*s}",
                    STR_ARG(p->documents[slot_ordinal(slot)].source->name.text), STR_ARG(name));
    }
}

/* Regular expressions and zones in it do not live in the arena. */
static int remember(struct program *p, struct expr *expr)
{
    if (p->n_exprs == p->exprs_capacity) {
        size_t capacity = p->exprs_capacity ? p->exprs_capacity * 2 : 64;
        struct expr **exprs = realloc(p->exprs, capacity * sizeof *exprs);

        if (!exprs)
            return -1;
        p->exprs = exprs;
        p->exprs_capacity = capacity;
    }
    p->exprs[p->n_exprs++] = expr;
    return 0;
}

static struct program_expr finish(struct compile *c, const struct mapping_text *text, struct names *names,
                                  struct expr *expr, struct err *e)
{
    if (!expr) {
        compile_fault_from(c, text, e);
        return (struct program_expr){NULL, text};
    }
    if (remember(c->p, expr) < 0) {
        c->oom = true;
        expr_release(expr);
        return (struct program_expr){NULL, text};
    }
    if (names->rule)
        expr_slots(expr, note_slot, names->rule);
    expr_slots(expr, check_document, &(struct place){names, text});
    return (struct program_expr){expr, text};
}

struct program_expr compile_expr(struct compile *c, const struct mapping_text *text, struct names *names)
{
    struct expr_names known = names_for_expr(names);
    struct err e = {0};

    if (!text->text.at)
        return (struct program_expr){NULL, text};
    return finish(c, text, names, expr_compile(text->text, &known, &c->p->arena, &e), &e);
}

struct program_expr compile_path(struct compile *c, const struct mapping_text *text, struct names *names)
{
    struct expr_names known = names_for_expr(names);
    struct err e = {0};

    if (!text->text.at)
        return (struct program_expr){NULL, text};
    return finish(c, text, names, expr_compile_path(text->text, false, &known, &c->p->arena, &e), &e);
}

static int no_variable(void *context, int slot, struct value *ret, struct err *err)
{
    (void)context;
    (void)slot;
    (void)err;
    *ret = value_null();
    return 0;
}

static void note_any(void *context, const struct json_step *steps, size_t n)
{
    (void)steps;
    (void)n;
    *(bool *)context = true;
}

static int param_by_key(void *context, int slot, struct str key, struct value *ret, struct err *err)
{
    const struct program *p = context;

    (void)slot;
    (void)err;
    *ret = value_null();
    for (size_t i = 0; i < p->n_params; i++) {
        if (str_is(key, p->params[i].name))
            *ret = p->params[i].value;
    }
    return 0;
}

/* The value of an expression that depends on parameters alone. */
static bool constant_of(struct compile *c, const struct mapping_text *text, struct value *ret)
{
    struct names names = {.c = c, .parameters_only = true};
    struct program_expr compiled = compile_expr(c, text, &names);
    struct expr_run run = {.arena = &c->p->arena, .variable = no_variable, .keyed = param_by_key, .context = c->p};
    struct value null = value_null();
    struct err e = {0};

    bool reads = false;

    if (!compiled.expr)
        return false;
    expr_paths(compiled.expr, note_any, &reads);
    if (reads) {
        struct err *fault = compile_fault(c, text);

        err_set(fault, ERR_RUN, W0233, "this is decided before any record is read");
        err_help(fault, "only $param is known here");
        return false;
    }
    if (expr_eval(compiled.expr, &null, &run, ret, &e) < 0) {
        e.map_len = 0;
        compile_fault_from(c, text, &e);
        return false;
    }
    return true;
}

bool compile_when(struct compile *c, const struct mapping_text *text, bool fallback)
{
    struct value v;

    if (!text->text.at)
        return fallback;
    return constant_of(c, text, &v) && expr_true(&v);
}

bool compile_word(struct compile *c, const struct mapping_text *text, struct str *ret)
{
    struct value v;

    if (!text->text.at)
        return false;
    *ret = text->text;
    if (text->text.len == 0 || text->text.at[0] != '$')
        return true;
    if (!constant_of(c, text, &v))
        return false;
    if (v.type == VALUE_NULL || v.type == VALUE_ABSENT)
        return false;
    if (v.type != VALUE_STRING) {
        err_set(compile_fault(c, text), ERR_RUN, W0252, "this must be a word, the parameter is %s", value_type_name(&v));
        return false;
    }
    *ret = v.text;
    return true;
}

struct pattern *compile_pattern(struct compile *c, const struct mapping_text *text)
{
    struct err e = {0};
    struct pattern *p;

    if (!text->text.at)
        return NULL;
    p = pattern_new(text->text, &e);
    if (!p)
        compile_fault_from(c, text, &e);
    return p;
}

struct value compile_constant(struct compile *c, const struct mapping_constant *constant)
{
    struct value v = value_absent();
    struct err e = {0};

    if (constant->at.text.at && constant_parse(constant->json, &c->p->arena, &v, &e) < 0)
        compile_fault_from(c, &constant->at, &e);
    return v;
}
