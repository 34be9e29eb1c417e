/* What $name, ^ and the other names of an expression stand for while a record is evaluated. */
#include "map/evaluate_internal.h"

static int row_value(struct evaluator *ev, struct str key, struct value *ret)
{
    *ret = value_null();
    for (size_t i = 0; i < ev->rule->n_columns; i++) {
        if (str_eq(ev->rule->columns[i].source->name.text, key))
            *ret = ev->values[i].type == EVALUATE_IN_SLOT ? *evaluate_slot(ev, ev->rule->columns[i].slot) : ev->values[i];
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

int evaluate_variable(void *context, int slot, struct value *ret, struct err *err)
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

int evaluate_keyed(void *context, int slot, struct str key, struct value *ret, struct err *err)
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

