/* One record after the other through the rules: levels, conditions, columns, cells. */
#include "map/evaluate.h"

#include "base/digest.h"
#include "map/lookup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct level {
    struct value value;
    struct str key;         /* of the member, when it is an object that is gone through */
    uint64_t index;
};

struct evaluator {
    const struct program *p;
    const struct evaluate_out *out;
    struct lookup *lookup;
    struct arena arena;             /* of one record */
    struct expr_run run;
    const struct program_rule *rule;
    struct entry file;
    struct lookup_captures captures;
    const struct record *record;
    struct level levels[PROGRAM_LEVELS_MAX];
    size_t depth;                   /* index of the innermost level */
    struct value *slots;
    struct json_memo memo;          /* of the rule's paths in the file's records */
    bool misfit;                    /* one of them is absent because its path goes through another kind of value */
    struct value *lets;
    bool *let_known;
    struct value *values;           /* of the row's columns, before conversion */
    struct cell *cells;
    struct buf scratch;
    struct err failure;             /* of the row; empty between rows: clearing one costs more than making a row */
};

static int variable(void *context, int slot, struct value *ret, struct err *err);
static int keyed(void *context, int slot, struct str key, struct value *ret, struct err *err);

struct evaluator *evaluator_new(const struct program *p, struct opener *opener, const struct evaluate_out *out,
                                int64_t now_us, size_t memory, struct err *err)
{
    struct evaluator *ev = calloc(1, sizeof *ev);
    size_t columns = 1, lets = 1, slots = 1, cells = 1;

    (void)memory;
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
    ev->run = (struct expr_run){.arena = &ev->arena, .variable = variable, .keyed = keyed, .context = ev, .now_us = now_us};
    ev->lookup = lookup_new(p, opener, out, now_us, err);
    ev->slots = calloc(slots, sizeof *ev->slots);
    ev->lets = calloc(lets, sizeof *ev->lets);
    ev->let_known = calloc(lets, sizeof *ev->let_known);
    ev->values = calloc(columns, sizeof *ev->values);
    ev->cells = calloc(cells, sizeof *ev->cells);
    if (ev->lookup && ev->slots && ev->lets && ev->let_known && ev->values && ev->cells)
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

/* Names */

static int row_value(struct evaluator *ev, struct str key, struct value *ret)
{
    *ret = value_null();
    for (size_t i = 0; i < ev->rule->n_columns; i++) {
        if (str_eq(ev->rule->columns[i].source->name.text, key))
            *ret = ev->values[i];
    }
    return 0;
}

static int let_value(struct evaluator *ev, int ordinal, struct value *ret, struct err *err)
{
    if (!ev->let_known[ordinal]) {
        const struct program_expr *let = &ev->rule->lets[ordinal];

        if (expr_eval(let->expr, &ev->levels[ev->depth].value, &ev->run, &ev->lets[ordinal], err) < 0)
            return -1;
        ev->let_known[ordinal] = true;
    }
    *ret = ev->lets[ordinal];
    return 0;
}

static int variable(void *context, int slot, struct value *ret, struct err *err)
{
    struct evaluator *ev = context;
    size_t up = (size_t)slot_ordinal(slot);

    *ret = value_null();
    switch (slot_kind(slot)) {
    case SLOT_LEVEL:
        if (up <= ev->depth)
            *ret = ev->levels[ev->depth - up].value;
        return 0;
    case SLOT_INDEX:
        *ret = value_int((int64_t)ev->levels[ev->depth].index, &ev->arena);
        return 0;
    case SLOT_LINE:
        *ret = value_int((int64_t)ev->record->line, &ev->arena);
        return 0;
    case SLOT_KEY:
        if (ev->levels[ev->depth].key.at)
            *ret = value_string(ev->levels[ev->depth].key);
        return 0;
    case SLOT_LET:
        return let_value(ev, slot_ordinal(slot), ret, err);
    case SLOT_DOCUMENT:
        if (lookup_document(ev->lookup, slot_ordinal(slot), &ev->captures, ret, err) < 0)
            return -1;
        if (ret->type == VALUE_ABSENT)
            *ret = value_null();
        return 0;
    case SLOT_TABLE:
        return lookup_whole(ev->lookup, slot_ordinal(slot), &ev->captures, &ev->arena, ret, err);
    default:
        return 0;
    }
}

static int keyed(void *context, int slot, struct str key, struct value *ret, struct err *err)
{
    struct evaluator *ev = context;
    int k;

    *ret = value_null();
    switch (slot_kind(slot)) {
    case SLOT_PATH:
        k = pattern_capture_index(ev->captures.pattern, key);
        if (k >= 0 && ev->captures.at[k].at) {
            *ret = value_string(ev->captures.at[k]);
            ret->flags = VALUE_BYTES;
        }
        return 0;
    case SLOT_FILE:
        return lookup_fact(ev->lookup, &ev->file, key, &ev->arena, ret, err);
    case SLOT_ROW:
        return row_value(ev, key, ret);
    case SLOT_PARAM:
        for (size_t i = 0; i < ev->p->n_params; i++) {
            if (str_is(key, ev->p->params[i].name))
                *ret = ev->p->params[i].value;
        }
        return 0;
    case SLOT_TABLE:
        if (lookup_entry(ev->lookup, slot_ordinal(slot), &ev->captures, key, ret, err) < 0)
            return -1;
        if (ret->type == VALUE_ABSENT)
            *ret = value_null();
        return 0;
    default:
        return 0;
    }
}

/* Addresses */

static void place_in_mapping(struct err *e, const struct mapping_text *text)
{
    uint32_t line, column;

    if (!text || !text->text.at)
        return;
    mapping_place(text, 0, &line, &column);
    err_mapping(e, line, column, text->len);
}

static const struct mapping_text *column_text(const struct mapping_column *c)
{
    const struct mapping_text *all[] = {&c->type, &c->path, &c->expr, &c->value.at, &c->ref, &c->name};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i]->text.at)
            return all[i];
    }
    return &c->name;
}

/* Complete the address of a failed row: the value's own place, else the item's, else the record's. */
static void place_in_data(struct evaluator *ev, struct err *e, const struct value *v)
{
    const struct record *r = ev->record;
    struct buf pointer = BUF_INIT;
    uint64_t byte, line, column;
    const struct value *at = v && v->doc ? v : &ev->levels[ev->depth].value;
    char *path = str_dup(ev->file.path);

    if (!e->file && path) {
        if (!e->has_byte && value_byte(at, &byte))
            err_at_byte(e, byte);
        if (!e->pointer && value_pointer(at, &pointer))
            err_in(e, pointer.len ? buf_text(&pointer) : "");
        if (e->has_byte && !e->line && r->raw.at) {
            reader_place(r->raw, r->byte, r->line, e->byte, &line, &column);
            err_at(e, path, line, column);
        }
        err_at(e, path, r->line, 1);
    }
    buf_release(&pointer);
    free(path);
}

static void rejected(struct evaluator *ev, struct err *e, const struct mapping_text *text, const struct value *v)
{
    place_in_mapping(e, text);
    place_in_data(ev, e, v);
    ev->out->rejected(ev->out->context, ev->rule, e);
    err_release(e);
}

/* A failure inside an expression counts its offset from the expression's start. */
static void place_in_expr(struct err *e, const struct program_expr *expr)
{
    uint32_t line, column;

    if (!expr->text || e->map_line)
        return;
    mapping_place(expr->text, e->map_column, &line, &column);
    e->map_line = line;
    e->map_column = column;
    if (!e->map_len)
        e->map_len = expr->text->len;
}

static int evaluate(struct evaluator *ev, const struct program_expr *expr, const struct value *input, struct value *ret,
                    struct err *e)
{
    if (expr_eval(expr->expr, input, &ev->run, ret, e) == 0)
        return 0;
    place_in_expr(e, expr);
    return -1;
}

/* Columns */

static bool equal(const struct value *a, const struct value *b)
{
    return a->type == b->type && value_cmp(a, b) == 0;
}

/* The text that map: compares with: strings as they are, numbers and booleans as written. */
static int map_key(struct evaluator *ev, const struct value *v, struct str *ret, struct err *e)
{
    if (v->type == VALUE_STRING)
        return value_text(v, &ev->arena, ret) < 0 ? err_oom(e) : 0;
    if (v->type == VALUE_NUMBER)
        *ret = v->text;
    else if (v->type == VALUE_BOOL)
        *ret = str_of(v->truth ? "true" : "false");
    else
        *ret = str_of("null");
    return 0;
}

static int apply_map(struct evaluator *ev, const struct program_column *c, struct value *v, struct err *e)
{
    struct buf list = BUF_INIT;
    struct str key;

    if (v->type == VALUE_ABSENT || v->type == VALUE_ARRAY || v->type == VALUE_OBJECT)
        return 0;
    if (map_key(ev, v, &key, e) < 0)
        return -1;
    for (size_t i = 0; i < c->n_map; i++) {
        if (str_eq(c->map[i].from, key)) {
            *v = c->map[i].to;
            return 0;
        }
    }
    if (c->source->map_else_keep || v->type == VALUE_NULL)
        return 0;
    if (c->source->has_map_else && !c->source->map_else_reject) {
        *v = c->map_else;
        return 0;
    }
    for (size_t i = 0; i < c->n_map && list.len < 100; i++)
        buf_printf(&list, "%s'%.*s'", i ? ", " : "", STR_ARG(c->map[i].from));
    err_set(e, ERR_RECORD, W0402, "no entry of map: for this value");
    err_label(e, "expected one of %s", buf_text(&list));
    err_value(e, key);
    buf_release(&list);
    return -1;
}

/* What options compare: the text without its white space, if the mapping says so. */
static int trimmed(struct evaluator *ev, const struct program_column *c, const struct value *v, struct value *ret,
                   struct err *e)
{
    struct str text;

    *ret = *v;
    if (!c->convert.trim || v->type != VALUE_STRING || (v->flags & VALUE_SURROGATE))
        return 0;
    if (value_text(v, &ev->arena, &text) < 0)
        return err_oom(e);
    *ret = value_string(str_trim(text));
    ret->flags = v->flags & (VALUE_BYTES | VALUE_NUL);
    return 0;
}

static int apply_options(struct evaluator *ev, const struct program_column *c, struct value *v, struct err *e)
{
    struct value seen, verdict;

    if (trimmed(ev, c, v, &seen, e) < 0)
        return -1;
    for (size_t i = 0; i < c->n_null_if; i++) {
        if (equal(&seen, &c->null_if[i])) {
            *v = seen = value_null();
            break;
        }
    }
    if (c->n_map || c->source->has_map_else) {
        if (apply_map(ev, c, &seen, e) < 0)
            return -1;
        *v = seen;
    }
    if ((v->type == VALUE_ABSENT || v->type == VALUE_NULL) && c->fallback.type != VALUE_ABSENT)
        *v = seen = c->fallback;
    if (!c->check.expr || v->type == VALUE_ABSENT || v->type == VALUE_NULL)
        return 0;
    if (evaluate(ev, &c->check, &seen, &verdict, e) < 0)
        return -1;
    if (expr_true(&verdict))
        return 0;
    err_set(e, ERR_RECORD, W0403, "the value does not pass check:");
    err_label(e, "refused by check: %.*s", STR_ARG(c->source->check.text));
    return -1;
}

/* A path without a value: is a key missing, or does it go through something that has none? -1 in the second case. */
static int blocked(struct evaluator *ev, const struct program_column *c, struct value *ret, struct err *e)
{
    const struct json_step *steps;
    struct value at = ev->levels[ev->depth].value;
    size_t n;

    expr_plain_path(c->expr.expr, &steps, &n);
    for (size_t i = 0; i < n; i++) {
        const uint8_t wanted = steps[i].kind == JSON_STEP_KEY ? VALUE_OBJECT : VALUE_ARRAY;

        if (at.type == VALUE_ABSENT || at.type == VALUE_NULL)
            return 0;
        if (at.type != wanted) {
            *ret = at;
            err_set(e, ERR_RECORD, W0406, "a path goes through %s", value_type_name(&at));
            return err_label(e, "expected an %s here", wanted == VALUE_OBJECT ? "object" : "array");
        }
        at = wanted == VALUE_OBJECT ? value_get(&at, steps[i].key) : value_at(&at, steps[i].index);
    }
    return 0;
}

static int fetch(struct evaluator *ev, const struct program_column *c, struct value *ret, struct err *e)
{
    switch (c->kind) {
    case COLUMN_SLOT:
        *ret = ev->slots[c->slot];
        return ev->misfit && ret->type == VALUE_ABSENT ? blocked(ev, c, ret, e) : 0;
    case COLUMN_EXPR:
        return evaluate(ev, &c->expr, &ev->levels[ev->depth].value, ret, e);
    case COLUMN_VALUE:
        *ret = c->constant;
        return 0;
    default:
        BUG("column kind %d has no value", (int)c->kind);
    }
}

static int missing(const struct program_column *c, const struct value *v, struct err *e)
{
    err_set(e, ERR_RECORD, W0401, "column %.*s needs a value", STR_ARG(c->source->name.text));
    err_label(e, v->type == VALUE_NULL ? "this is null" : "nothing here");
    err_help(e, "give the column a default:, or let where: leave such records out");
    return -1;
}

static void tell_mended(struct evaluator *ev, const struct program_column *c, unsigned did, const struct value *v,
                        struct err *e)
{
    if (did) {
        err_set(e, ERR_RECORD, W0404, "value mended as the mapping asks");
        err_label(e, "%s", did & CONVERT_DID_NUL ? "NUL" : did & CONVERT_DID_UTF8 ? "invalid UTF-8" : "mended");
    }
    place_in_mapping(e, column_text(c->source));
    place_in_data(ev, e, v);
    ev->out->mended(ev->out->context, ev->rule, did, e);
    err_release(e);
}

/* Value to cell; on_error: null makes a failure a NULL that is reported. */
static int convert(struct evaluator *ev, const struct program_column *c, const struct value *v, struct cell *cell,
                   struct err *e)
{
    unsigned did = 0;

    if (v->type == VALUE_ABSENT || v->type == VALUE_NULL) {
        cell->kind = CELL_NULL;
        return c->not_null ? missing(c, v, e) : 0;
    }
    if (c->narrow.kind != TYPE_UNKNOWN && convert_value(v, &c->narrow, &c->convert, &ev->arena, cell, NULL, e) < 0)
        return -1;
    if (convert_value(v, &c->type, &c->convert, &ev->arena, cell, &did, e) < 0)
        return -1;
    if (did & ~(unsigned)CONVERT_DID_TRIM)
        tell_mended(ev, c, did, v, &(struct err){0});
    return 0;
}

static int simple_column(struct evaluator *ev, const struct program_column *c, struct value *v, struct cell *cell,
                         struct err *e)
{
    if (fetch(ev, c, v, e) == 0 && (c->plain || apply_options(ev, c, v, e) == 0) && convert(ev, c, v, cell, e) == 0)
        return 0;
    if (e->scope != ERR_RECORD || (c->source->on_error != MAPPING_ON_ERROR_DEFAULT &&
                                   (c->source->on_error != MAPPING_ON_ERROR_NULL || c->not_null))) {
        place_in_mapping(e, column_text(c->source));
        return -1;
    }
    tell_mended(ev, c, 0, v, e);
    if (c->source->on_error == MAPPING_ON_ERROR_DEFAULT) {
        *v = c->fallback;
        return convert(ev, c, v, cell, e);
    }
    cell->kind = CELL_NULL;
    *v = value_null();
    return 0;
}

bool cell_text(const struct cell *cell, struct buf *out)
{
    char uuid[UUID_TEXT + 1];

    switch (cell->kind) {
    case CELL_BOOL:
        return buf_add_text(out, cell->n ? "true" : "false") == 0;
    case CELL_INT:
    case CELL_DATE:
    case CELL_TIME:
    case CELL_TIMESTAMP:
        return buf_printf(out, "%" PRId64, cell->n) == 0;
    case CELL_NUMERIC:
    case CELL_TEXT:
        return buf_add_str(out, cell->text) == 0;
    case CELL_UUID:
        uuid_print((const unsigned char *)cell->text.at, uuid);
        return buf_add_text(out, uuid) == 0;
    default:
        return false;
    }
}

/* The name behind a derived id: the table and the texts of the key's cells, with a separator no text form of
 * another cell can imitate without being equal: each text is preceded by its length. */
static int derive_id(struct evaluator *ev, const char *table, const struct cell *const *cells, size_t n, struct cell *ret,
                     struct err *e)
{
    unsigned char *id = arena_alloc(&ev->arena, UUID_BYTES);
    struct buf one = BUF_INIT;
    bool good = id != NULL;

    buf_clear(&ev->scratch);
    good = good && buf_add_text(&ev->scratch, table) == 0;
    for (size_t i = 0; i < n && good; i++) {
        buf_clear(&one);
        if (!cell_text(cells[i], &one)) {
            buf_release(&one);
            return err_set(e, ERR_RECORD, W0405, "an id cannot be made of a column that is %s",
                           cells[i]->kind == CELL_NULL ? "null" : "neither text, number, time nor uuid");
        }
        good = buf_printf(&ev->scratch, "\n%zu:", one.len) == 0 && buf_add_str(&ev->scratch, buf_str(&one)) == 0;
    }
    buf_release(&one);
    if (!good || uuid5(ev->p->space, buf_str(&ev->scratch), id) < 0)
        return err_oom(e);
    *ret = (struct cell){.kind = CELL_UUID, .text = str_make((const char *)id, UUID_BYTES)};
    return 0;
}

/* An id for a column that is text rather than uuid is the id's text. */
static int suit_id(struct evaluator *ev, const struct program_column *c, struct cell *cell, struct err *e)
{
    char *text;

    if (cell->kind != CELL_UUID || c->type.kind == TYPE_UUID)
        return 0;
    text = arena_alloc(&ev->arena, UUID_TEXT + 1);
    if (!text)
        return err_oom(e);
    uuid_print((const unsigned char *)cell->text.at, text);
    *cell = (struct cell){.kind = CELL_TEXT, .text = str_make(text, UUID_TEXT)};
    return 0;
}

static int uuid5_column(struct evaluator *ev, const struct program_column *c, struct cell *cell, struct err *e)
{
    const struct cell *of[64];

    for (size_t i = 0; i < c->n_id_of && i < ARRAY_LEN(of); i++)
        of[i] = &ev->cells[ev->rule->columns[c->id_of[i]].cell];
    if (derive_id(ev, ev->rule->table->name, of, c->n_id_of, cell, e) < 0 || suit_id(ev, c, cell, e) < 0)
        return -1;
    return 0;
}

static int ref_column(struct evaluator *ev, const struct program_column *c, struct cell *cells, struct err *e)
{
    struct cell keys[16];
    const struct cell *of[16];
    bool null = false;

    for (size_t i = 0; i < c->ref->n && i < ARRAY_LEN(keys); i++) {
        struct value v;

        if (c->ref->by[i].kind == COLUMN_REF ? ref_column(ev, &c->ref->by[i], &keys[i], e) < 0
                                             : simple_column(ev, &c->ref->by[i], &v, &keys[i], e) < 0)
            return -1;
        of[i] = &keys[i];
        null |= keys[i].kind == CELL_NULL;
    }
    if (null && c->not_null)
        return missing(c, &(struct value){.type = VALUE_NULL}, e);
    if (!c->ref->computed) {
        for (size_t i = 0; i < c->ref->n; i++)
            cells[i] = null ? (struct cell){.kind = CELL_NULL} : keys[i];
        return 0;
    }
    if (null) {
        cells[0] = (struct cell){.kind = CELL_NULL};
        return 0;
    }
    return derive_id(ev, c->ref->table->name, of, c->ref->n, &cells[0], e) < 0 ? -1 : suit_id(ev, c, &cells[0], e);
}

static int one_column(struct evaluator *ev, size_t i, struct err *e)
{
    const struct program_column *c = &ev->rule->columns[i];
    struct cell *cell = &ev->cells[c->cell];

    if (c->kind == COLUMN_SLOT && c->plain && !ev->misfit && convert_quick(&ev->slots[c->slot], &c->type, &c->convert, cell)) {
        ev->values[i] = ev->slots[c->slot];
        return 0;
    }
    ev->values[i] = value_absent();     /* that of the row before stands elsewhere */
    switch (c->kind) {
    case COLUMN_UUID5:
        if (uuid5_column(ev, c, cell, e) < 0)
            return -1;
        break;
    case COLUMN_REF:
        if (ref_column(ev, c, cell, e) < 0)
            return -1;
        break;
    default:
        return simple_column(ev, c, &ev->values[i], cell, e);
    }
    /* $row.NAME of an id is its text. */
    buf_clear(&ev->scratch);
    ev->values[i] = value_null();
    if (cell->kind != CELL_NULL && cell_text(cell, &ev->scratch))
        ev->values[i] = value_string(arena_str(&ev->arena, buf_str(&ev->scratch)));
    return 0;
}

static int row_failed(struct evaluator *ev, struct err *e, const struct program_column *c, const struct value *v,
                      struct err *err)
{
    if (e->scope == ERR_RECORD && (!c || c->source->on_error != MAPPING_ON_ERROR_STOP)) {
        rejected(ev, e, c ? column_text(c->source) : NULL, v);
        return 0;
    }
    if (c)
        place_in_mapping(e, column_text(c->source));
    place_in_data(ev, e, v);
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

        if (evaluate(ev, warn, &ev->levels[ev->depth].value, &v, &e) == 0) {
            if (v.type != VALUE_STRING)
                continue;
            if (value_text(&v, &ev->arena, &text) < 0)
                text = str_of("out of memory");
            err_set(&e, ERR_RECORD, W0450, "%.*s", STR_ARG(text));
        }
        place_in_mapping(&e, warn->text);
        place_in_data(ev, &e, NULL);
        ev->out->warned(ev->out->context, ev->rule, &e);
        err_release(&e);
    }
}

static void forget_lets(struct evaluator *ev)
{
    for (size_t i = 0; i < ev->rule->n_lets; i++)
        ev->let_known[i] = false;
}

static int make_row(struct evaluator *ev, struct err *err)
{
    const struct program_rule *rule = ev->rule;
    const struct json_unread unread = {tell_unread, ev};
    struct err *e = &ev->failure;
    struct value verdict, misfit = value_absent();

    forget_lets(ev);
    lookup_row(ev->lookup);
    tell_warnings(ev);
    if (rule->where.expr) {
        if (evaluate(ev, &rule->where, &ev->levels[ev->depth].value, &verdict, e) < 0)
            return row_failed(ev, e, NULL, NULL, err);
        if (!expr_true(&verdict)) {
            ev->out->skipped(ev->out->context, rule);
            return 0;
        }
    }
    json_select_again(rule->paths, &ev->levels[ev->depth].value, ev->slots, &misfit,
                      ev->depth == 0 && ev->out->unread ? &unread : NULL, &ev->memo);
    ev->misfit = misfit.type != VALUE_ABSENT;
    for (size_t i = 0; i < rule->n_columns; i++) {
        size_t at = rule->order[i];

        if (one_column(ev, at, e) < 0)
            return row_failed(ev, e, &rule->columns[at], &ev->values[at], err);
    }
    return ev->out->row(ev->out->context, rule, ev->cells, err);
}

static int descend(struct evaluator *ev, size_t level, struct err *err)
{
    const struct program_rule *rule = ev->rule;
    struct value container, key, item;
    struct value_iter it;
    struct err *e = &ev->failure;
    uint64_t index = 0;

    if (evaluate(ev, &rule->each[level].path, &ev->levels[level].value, &container, e) < 0)
        return row_failed(ev, e, NULL, NULL, err);
    if (container.type == VALUE_ABSENT || container.type == VALUE_NULL)
        return 0;
    if (container.type != VALUE_ARRAY && container.type != VALUE_OBJECT) {
        err_set(e, ERR_RECORD, W0406, "each: goes through %s", value_type_name(&container));
        err_label(e, "expected an array");
        place_in_mapping(e, &rule->source->each);
        return row_failed(ev, e, NULL, &container, err);
    }
    it = value_iter(&container);
    ev->depth = level + 1;
    while (value_iter_next(&it, &key, &item)) {
        struct level *l = &ev->levels[level + 1];

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
    arena_reset(&ev->arena);
    ev->record = record;
    ev->depth = 0;
    ev->levels[0] = (struct level){.value = record->value, .index = record->index};
    forget_lets(ev);
    if (ev->out->unread && ev->rule->n_each) {
        const struct json_unread unread = {tell_unread, ev};

        json_select(ev->rule->coverage, &record->value, NULL, NULL, &unread);
    }
    return ev->rule->n_each ? descend(ev, 0, err) : make_row(ev, err);
}
