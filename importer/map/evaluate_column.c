/* One column of a row: its value, what the options do to it, its cell, ids and references. */
#include "map/evaluate_internal.h"

#include "base/cleanup.h"
#include "base/digest.h"

#include <inttypes.h>

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
    err_help(e, "add it to map:, or say with else: what becomes of other values");
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
    if (evaluate_expr(ev, &c->check, &seen, &verdict, e) < 0)
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
        *ret = *evaluate_slot(ev, c->slot);
        return ev->misfit && ret->type == VALUE_ABSENT ? blocked(ev, c, ret, e) : 0;
    case COLUMN_EXPR:
        return evaluate_expr(ev, &c->expr, &ev->levels[ev->depth].value, ret, e);
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
    evaluate_place_mapping(e, evaluate_column_text(c->source));
    evaluate_place_data(ev, e, v);
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
        evaluate_place_mapping(e, evaluate_column_text(c->source));
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

int evaluate_column(struct evaluator *ev, size_t i, struct err *e)
{
    const struct program_column *c = &ev->rule->columns[i];
    struct cell *cell = &ev->cells[c->cell];

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


static void tell_nothing(void *context, const struct program_rule *rule, unsigned did, struct err *e)
{
    (void)context;
    (void)rule;
    (void)did;
    (void)e;
}

const struct cell *evaluator_cell(struct evaluator *ev, size_t i)
{
    const struct program_column *c = &ev->rule->columns[i];
    const struct evaluate_out *out = ev->out;
    struct evaluate_out silent = *out;
    CLEANUP(err_release) struct err ignored = {0};
    bool made = ev->has_row;

    for (size_t k = 0; k < c->n_id_of && made; k++)
        made = evaluator_cell(ev, c->id_of[k]) != NULL;
    silent.mended = tell_nothing;
    ev->out = &silent;
    made = made && (evaluate_plain(ev, i) || evaluate_column(ev, i, &ignored) == 0);
    ev->out = out;
    return made ? &ev->cells[c->cell] : NULL;
}
