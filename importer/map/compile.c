/* A mapping and a target's catalogue become a program: parameters, then siblings, rules, their order. */
#include "map/compile_internal.h"

#include "base/digest.h"
#include "map/constant.h"
#include "convert/zone.h"

#include <stdlib.h>

static struct value param_value(struct compile *c, const struct mapping_param *param, const struct program_set *set)
{
    struct str type = param->type.text;
    struct err e = {0};
    struct value v;

    if (!set) {
        v = compile_constant(c, &param->fallback);
        return v.type == VALUE_ABSENT ? value_null() : v;
    }
    v = value_string(arena_str(&c->p->arena, set->value));
    if (str_is(type, "boolean") && (str_is(set->value, "true") || str_is(set->value, "false")))
        return value_bool(str_is(set->value, "true"));
    if (str_is(set->value, "null"))
        return value_null();
    if ((str_is(type, "integer") || str_is(type, "number") || str_is(type, "boolean"))) {
        struct value number;
        int64_t n;

        if (!str_is(type, "boolean") && constant_parse(set->value, &c->p->arena, &number, &e) == 0 &&
            number.type == VALUE_NUMBER && (str_is(type, "number") || str_parse_int64(set->value, &n)))
            return number;
        err_release(&e);
        err_set(compile_fault(c, &param->name), ERR_RUN, W0267, "--set %.*s=%.*s: this parameter is %s %.*s",
                STR_ARG(param->name.text), STR_ARG(set->value), str_is(type, "integer") ? "an" : "a", STR_ARG(type));
    }
    return v;
}

static void check_choice(struct compile *c, const struct mapping_param *param, const struct value *v)
{
    if (!param->n_choices || v->type != VALUE_STRING)
        return;
    for (size_t i = 0; i < param->n_choices; i++) {
        if (str_eq(param->choices[i].text, v->text))
            return;
    }
    err_set(compile_fault(c, &param->name), ERR_RUN, W0267, "parameter %.*s cannot be '%.*s'", STR_ARG(param->name.text),
            STR_ARG(v->text));
}

static void compile_params(struct compile *c, const struct program_set *sets, size_t n_sets)
{
    const struct mapping *m = c->m;
    struct program *p = c->p;

    p->params = compile_alloc(c, m->n_params, sizeof *p->params);
    p->assumed_zones = compile_alloc(c, m->n_params, sizeof *p->assumed_zones);
    for (size_t i = 0; !c->oom && i < m->n_params; i++) {
        const struct mapping_param *param = &m->params[i];
        const struct program_set *set = NULL;

        for (size_t k = 0; k < n_sets; k++) {
            if (str_eq(sets[k].name, param->name.text))
                set = &sets[k];
        }
        p->params[i].name = arena_dup(&p->arena, param->name.text);
        p->params[i].value = param_value(c, param, set);
        p->n_params = i + 1;
        check_choice(c, param, &p->params[i].value);
        if (param->required && !set)
            err_set(compile_fault(c, &param->name), ERR_RUN, W0267, "parameter %.*s must be given: --set %.*s=VALUE",
                    STR_ARG(param->name.text), STR_ARG(param->name.text));
        if (!set && str_is(param->type.text, "timezone") && p->params[i].value.type == VALUE_STRING)
            p->assumed_zones[p->n_assumed_zones++] = arena_printf(&p->arena, "%s=%.*s", p->params[i].name,
                                                                  STR_ARG(p->params[i].value.text));
    }
}

static void check_sets(struct compile *c, const struct program_set *sets, size_t n_sets)
{
    for (size_t k = 0; k < n_sets; k++) {
        const char *names[64], *nearest;
        size_t n = 0;
        bool known = false;
        struct err *e;

        for (size_t i = 0; i < c->p->n_params && n < ARRAY_LEN(names); i++) {
            names[n++] = c->p->params[i].name;
            known |= str_is(sets[k].name, c->p->params[i].name);
        }
        if (known)
            continue;
        e = compile_fault(c, &c->m->name);
        err_set(e, ERR_RUN, W0267, "the mapping has no parameter %.*s", STR_ARG(sets[k].name));
        nearest = str_nearest(sets[k].name, names, n);
        if (nearest)
            err_help(e, "did you mean %s?", nearest);
    }
}

/* What a run must find unchanged when it goes on: the file and the parameters. */
static void make_digest(struct compile *c)
{
    unsigned char bytes[DIGEST_SHA256];
    struct buf text = BUF_INIT;

    c->oom |= buf_add_text(&text, c->m->digest) < 0;
    for (size_t i = 0; i < c->p->n_params; i++) {
        c->oom |= buf_printf(&text, "\n%s=", c->p->params[i].name) < 0;
        c->oom |= value_json(&c->p->params[i].value, &text) < 0;
    }
    digest_sha256(buf_str(&text), bytes);
    digest_hex(bytes, sizeof bytes, c->p->digest);
    c->oom |= uuid5_space(c->m->name.text, c->p->space) < 0;
    buf_release(&text);
}

static void compile_group(struct compile *c)
{
    const struct mapping_text *group = &c->m->group;

    c->p->group = compile_pattern(c, group);
    if (c->p->group && !pattern_is_directory(c->p->group))
        err_set(compile_fault(c, group), ERR_RUN, W0268, "group: is a directory pattern, it must end in /");
}

static void compile_skip(struct compile *c, const struct mapping_skip *skip)
{
    struct pattern *pattern = compile_pattern(c, &skip->pattern);

    if (compile_when(c, &skip->when, true))
        c->p->skip[c->p->n_skip++] = pattern;
    else
        pattern_free(pattern);
}

/* A let that no rule names was never looked at. */
static void check_shared(struct compile *c)
{
    for (size_t i = 0; c->shared_used && i < c->m->n_lets; i++) {
        if (!c->shared_used[i])
            err_set(compile_fault(c, &c->m->lets[i].name), ERR_RUN, W0251, "no rule uses the let '%.*s'",
                    STR_ARG(c->m->lets[i].name.text));
    }
}

struct program *program_compile(const struct mapping *mapping, const struct catalog *catalog,
                                const struct program_set *sets, size_t n_sets, struct mapping_faults *faults)
{
    struct program *p = calloc(1, sizeof *p);
    struct compile c = {.p = p, .m = mapping, .faults = faults};

    if (!p) {
        err_oom(mapping_fault(faults));
        return NULL;
    }
    p->mapping = mapping;
    p->catalog = catalog;
    compile_params(&c, sets, n_sets);
    check_sets(&c, sets, n_sets);
    compile_group(&c);
    p->skip = compile_alloc(&c, mapping->n_skip, sizeof *p->skip);
    for (size_t i = 0; p->skip && i < mapping->n_skip; i++)
        compile_skip(&c, &mapping->skip[i]);
    c.shared_used = compile_alloc(&c, mapping->n_lets, sizeof *c.shared_used);
    compile_siblings(&c);
    p->after_on = compile_alloc(&c, mapping->n_afters, sizeof *p->after_on);
    for (size_t i = 0; p->after_on && i < mapping->n_afters; i++)
        p->after_on[i] = compile_when(&c, &mapping->afters[i].when, true);
    p->rules = compile_alloc(&c, mapping->n_rules, sizeof *p->rules);
    for (size_t i = 0; i < mapping->n_rules; i++) {
        for (size_t k = 0; k < mapping->rules[i].n_columns; k++)
            p->n_zones += 1 + mapping->rules[i].columns[k].n_by;
    }
    p->zones = compile_alloc(&c, p->n_zones, sizeof *p->zones);
    p->n_zones = 0;
    for (size_t i = 0; !c.oom && i < mapping->n_rules; i++) {
        p->n_rules = i + 1;
        compile_rule(&c, &mapping->rules[i], &p->rules[i]);
    }
    check_shared(&c);
    if (!c.oom && faults->n == 0) {
        compile_references(&c);
        compile_sibling_coverage(&c);
        compile_order_of_rules(&c);
        make_digest(&c);
    }
    if (c.oom)
        err_oom(mapping_fault(faults));
    mapping_faults_tidy(faults, 0);
    if (faults->n == 0)
        return p;
    program_free(p);
    return NULL;
}

void program_free(struct program *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_rules; i++) {
        for (size_t k = 0; p->rules[i].from && k < p->rules[i].n_from; k++)
            pattern_free(p->rules[i].from[k]);
        json_paths_free(p->rules[i].paths);
        json_paths_free(p->rules[i].coverage);
    }
    for (size_t i = 0; p->documents && i < p->mapping->n_documents; i++)
        pattern_free(p->documents[i].file);
    for (size_t i = 0; p->indexes && i < p->mapping->n_indexes; i++)
        pattern_free(p->indexes[i].files);
    for (size_t i = 0; i < p->n_skip; i++)
        pattern_free(p->skip[i]);
    for (size_t i = 0; i < p->n_zones; i++)
        zone_close(p->zones[i]);
    for (size_t i = 0; i < p->n_exprs; i++)
        expr_release(p->exprs[i]);
    free(p->exprs);
    pattern_free(p->group);
    arena_release(&p->arena);
    free(p);
}

size_t program_match(const struct program *p, struct str path, bool directory, uint16_t *rules, bool *used)
{
    struct str captures[PATTERN_CAPTURES_MAX];
    size_t n = 0;

    *used = false;
    for (size_t i = 0; i < p->n_rules; i++) {
        for (size_t k = 0; k < p->rules[i].n_from; k++) {
            if (pattern_is_directory(p->rules[i].from[k]) != directory || !pattern_match(p->rules[i].from[k], path, captures))
                continue;
            *used = true;
            if (p->rules[i].on)
                rules[n++] = (uint16_t)i;
            break;
        }
    }
    for (size_t i = 0; i < p->mapping->n_documents && !*used; i++)
        *used = !p->documents[i].global && pattern_is_directory(p->documents[i].file) == directory &&
                pattern_match(p->documents[i].file, path, captures);
    for (size_t i = 0; i < p->mapping->n_indexes && !*used; i++)
        *used = p->indexes[i].files && !p->indexes[i].global && pattern_is_directory(p->indexes[i].files) == directory &&
                pattern_match(p->indexes[i].files, path, captures);
    return n;
}

bool program_is_global(const struct program *p, struct str path)
{
    struct str captures[PATTERN_CAPTURES_MAX];

    for (size_t i = 0; i < p->mapping->n_documents; i++) {
        if (p->documents[i].global && pattern_match(p->documents[i].file, path, captures))
            return true;
    }
    for (size_t i = 0; i < p->mapping->n_indexes; i++) {
        if (p->indexes[i].global && pattern_match(p->indexes[i].files, path, captures))
            return true;
    }
    return false;
}

/* The group pattern names a directory; the group of a path is the first of its leading directories that fits. */
struct str program_group(const struct program *p, struct str path)
{
    struct str captures[PATTERN_CAPTURES_MAX];

    if (p->whole_source)
        return str_make(path.at, 0);
    for (size_t i = 0; p->group && i < path.len; i++) {
        if (path.at[i] == '/' && pattern_match(p->group, str_make(path.at, i + 1), captures))
            return str_make(path.at, i + 1);
    }
    return path;
}
