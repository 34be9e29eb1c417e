/* One record after the other through the rules: levels, conditions, rows. */
#include "map/evaluate_internal.h"

#include "base/stop.h"

#include <stdlib.h>

struct evaluator *evaluator_new(const struct program *p, struct opener *opener, const struct evaluate_out *out,
                                struct evaluate_clock clock, size_t memory, struct err *err)
{
    struct evaluator *ev = calloc(1, sizeof *ev);
    size_t columns = 1, lets = 1, slots = 1, cells = 1;

    if (!ev) {
        err_oom(err);
        return NULL;
    }
    for (size_t i = 0; i < p->n_rules; i++) {
        const struct program_rule *rule = &p->rules[i];

        columns = rule->n_columns > columns ? rule->n_columns : columns;
        cells = rule->n_cells > cells ? rule->n_cells : cells;
        lets = rule->n_lets > lets ? rule->n_lets : lets;
        slots = json_paths_count(rule->paths) > slots ? json_paths_count(rule->paths) : slots;
    }
    ev->p = p;
    ev->out = out;
    ev->run = (struct expr_run){.arena = &ev->arena, .variable = evaluate_variable, .keyed = evaluate_keyed, .context = ev, .now_us = clock.now_us};
    ev->lookup = lookup_new(p, opener, out, clock, memory, err);
    ev->slots = calloc(slots, sizeof *ev->slots);
    ev->plan.members = calloc(slots, sizeof *ev->plan.members);
    ev->plan.columns = calloc(columns, sizeof *ev->plan.columns);
    ev->lets = calloc(lets, sizeof *ev->lets);
    ev->let_known = calloc(lets, sizeof *ev->let_known);
    ev->values = calloc(columns, sizeof *ev->values);
    ev->cells = calloc(cells, sizeof *ev->cells);
    if (ev->lookup && ev->slots && ev->plan.members && ev->plan.columns && ev->lets && ev->let_known && ev->values && ev->cells)
        return ev;
    err_oom(err);
    evaluator_free(ev);
    return NULL;
}

void evaluator_free(struct evaluator *ev)
{
    if (!ev)
        return;
    lookup_free(ev->lookup);
    arena_release(&ev->arena);
    buf_release(&ev->scratch);
    err_release(&ev->failure);
    free(ev->slots);
    free(ev->plan.members);
    free(ev->plan.columns);
    free(ev->lets);
    free(ev->let_known);
    free(ev->values);
    free(ev->cells);
    free(ev);
}

int evaluator_group(struct evaluator *ev, const struct entry *files, size_t n, struct err *err)
{
    return lookup_group(ev->lookup, files, n, err);
}

void evaluator_globals(struct evaluator *ev, const struct entry *files, size_t n)
{
    lookup_globals(ev->lookup, files, n);
}

bool evaluator_file(struct evaluator *ev, const struct program_rule *rule, const struct entry *file)
{
    ev->rule = rule;
    ev->file = *file;
    ev->memo.paths = NULL;
    ev->plan.doc = NULL;
    for (size_t i = 0; i < rule->n_from; i++) {
        struct str captures[PATTERN_CAPTURES_MAX];

        if (pattern_is_directory(rule->from[i]) != (file->kind == ENTRY_DIRECTORY) ||
            !pattern_match(rule->from[i], file->path, captures))
            continue;
        /* Names are looked up in the first pattern, so bring the captures into its order. */
        ev->captures.pattern = rule->from[0];
        ev->captures.root = file->root;
        for (size_t k = 0; k < pattern_captures(rule->from[0]); k++) {
            int at = pattern_capture_index(rule->from[i], pattern_capture_name(rule->from[0], k));

            ev->captures.at[k] = at < 0 ? (struct str){0} : captures[at];
        }
        ev->captures.group = program_group(ev->p, file->path);
        return true;
    }
    return false;
}

static void rejected(struct evaluator *ev, struct err *e, const struct mapping_text *text, const struct value *v)
{
    evaluate_place_mapping(e, text);
    evaluate_place_data(ev, e, v);
    ev->out->rejected(ev->out->context, ev->rule, e);
    err_release(e);
}

static int row_failed(struct evaluator *ev, struct err *e, const struct program_column *c, const struct value *v,
                      struct err *err)
{
    if (e->scope == ERR_RECORD && (!c || c->source->on_error != MAPPING_ON_ERROR_STOP)) {
        rejected(ev, e, c ? evaluate_column_text(c->source) : NULL, v);
        return 0;
    }
    if (c)
        evaluate_place_mapping(e, evaluate_column_text(c->source));
    evaluate_place_data(ev, e, v);
    e->scope = ERR_RUN;
    err_move(err, e);
    return -1;
}

static void tell_unread(void *context, const struct value *object, struct str key, const struct value *item)
{
    struct evaluator *ev = context;

    ev->out->unread(ev->out->context, ev->rule, object, key, item);
}

/* Each warn: that gives a text is told; one that fails is told with its reason. */
static void tell_warnings(struct evaluator *ev)
{
    for (size_t i = 0; i < ev->rule->n_warns; i++) {
        const struct program_expr *warn = &ev->rule->warns[i];
        struct str text = {0};
        struct value v;
        struct err e = {0};

        if (evaluate_expr(ev, warn, &ev->levels[ev->depth].value, &v, &e) == 0) {
            if (v.type != VALUE_STRING)
                continue;
            if (value_text(&v, &ev->arena, &text) < 0)
                text = str_of("out of memory");
            err_set(&e, ERR_RECORD, W0450, "%.*s", STR_ARG(text));
        }
        evaluate_place_mapping(&e, warn->text);
        evaluate_place_data(ev, &e, NULL);
        ev->out->warned(ev->out->context, ev->rule, &e);
        err_release(&e);
    }
}

static void forget_lets(struct evaluator *ev)
{
    for (size_t i = 0; i < ev->rule->n_lets; i++)
        ev->let_known[i] = false;
}

void evaluate_select(struct evaluator *ev)
{
    const struct json_unread unread = {tell_unread, ev};
    struct value misfit = value_absent();

    json_select_again(ev->rule->paths, &ev->levels[ev->depth].value, ev->slots, &misfit,
                      evaluate_tells_unread(ev) ? &unread : NULL, &ev->memo);
    ev->misfit = misfit.type != VALUE_ABSENT;
    ev->selected = true;
}

/* -1 with *failed the column that could not be made. */
static int make_cells(struct evaluator *ev, size_t *failed, struct err *e)
{
    struct json_flat flat;

    ev->has_row = true;
    if (evaluate_is_flat(ev, &flat))
        return evaluate_flat(ev, &flat, failed, e);
    evaluate_select(ev);
    for (size_t i = 0; i < ev->rule->n_columns; i++) {
        *failed = ev->rule->order[i];
        if (!evaluate_plain(ev, *failed) && evaluate_column(ev, *failed, e) < 0)
            return -1;
    }
    return 0;
}

static int make_row(struct evaluator *ev, struct err *err)
{
    const struct program_rule *rule = ev->rule;
    struct err *e = &ev->failure;
    struct value verdict;
    size_t failed;

    ev->has_row = ev->selected = ev->misfit = false;
    forget_lets(ev);
    lookup_row(ev->lookup);
    tell_warnings(ev);
    if (rule->where.expr) {
        if (evaluate_expr(ev, &rule->where, &ev->levels[ev->depth].value, &verdict, e) < 0)
            return row_failed(ev, e, NULL, NULL, err);
        if (!expr_true(&verdict)) {
            ev->out->skipped(ev->out->context, rule);
            return 0;
        }
    }
    if (make_cells(ev, &failed, e) < 0)
        return row_failed(ev, e, &rule->columns[failed], &ev->values[failed], err);
    return ev->out->row(ev->out->context, rule, ev->cells, err);
}

static int descend(struct evaluator *ev, size_t level, struct err *err)
{
    const struct program_rule *rule = ev->rule;
    struct value container, key, item;
    struct value_iter it;
    struct err *e = &ev->failure;
    uint64_t index = 0;

    ev->has_row = false;
    if (evaluate_expr(ev, &rule->each[level].path, &ev->levels[level].value, &container, e) < 0)
        return row_failed(ev, e, NULL, NULL, err);
    if (container.type == VALUE_ABSENT || container.type == VALUE_NULL)
        return 0;
    if (container.type != VALUE_ARRAY && container.type != VALUE_OBJECT) {
        err_set(e, ERR_RECORD, W0406, "each: goes through %s", value_type_name(&container));
        err_label(e, "expected an array");
        evaluate_place_mapping(e, &rule->source->each);
        return row_failed(ev, e, NULL, &container, err);
    }
    it = value_iter(&container);
    ev->depth = level + 1;
    while (value_iter_next(&it, &key, &item)) {
        struct level *l = &ev->levels[level + 1];

        if (stop_now())     /* one record can be the whole file */
            return stop_fail(err);
        l->value = item;
        l->key = (struct str){0};
        if (key.type == VALUE_STRING && value_text(&key, &ev->arena, &l->key) < 0)
            return err_oom(err);
        l->index = index++;
        ev->depth = level + 1;
        if ((level + 1 == rule->n_each ? make_row(ev, err) : descend(ev, level + 1, err)) < 0)
            return -1;
    }
    ev->depth = level;
    return 0;
}

bool evaluator_steps(const struct evaluator *ev, unsigned *depth, uint64_t *steps)
{
    unsigned n = (unsigned)ev->rule->n_each, bits = n ? 64 / n : 64;

    *depth = (unsigned)ev->depth;
    *steps = 0;
    for (unsigned i = 0; i < ev->depth; i++) {
        uint64_t index = ev->levels[i + 1].index;

        if (bits < 64 && index >> bits)
            return false;
        *steps |= index << (bits * (n - 1 - i));
    }
    return true;
}

int evaluator_record(struct evaluator *ev, const struct record *record, struct err *err)
{
    int ret;

    arena_reset(&ev->arena);
    ev->record = record;
    ev->depth = 0;
    ev->levels[0] = (struct level){.value = record->value, .index = record->index};
    forget_lets(ev);
    if (ev->out->unread && ev->rule->n_each) {
        const struct json_unread unread = {tell_unread, ev};

        json_select(ev->rule->coverage, &record->value, NULL, NULL, &unread);
    }
    ret = ev->rule->n_each ? descend(ev, 0, err) : make_row(ev, err);
    ev->has_row = false;
    return ret;
}
