/* Flat records straight from their tokens into cells: which member is whose is found out once for a shape of record. */
#include "map/evaluate_internal.h"

static struct flat_column plan_column(const struct program_column *c, size_t i, const int32_t *members)
{
    struct flat_column ret = {.member = JSON_FLAT_WHOLE, .column = (uint16_t)i, .cell = c->cell, .how = c->quick};

    if (c->kind == COLUMN_SLOT)
        ret.member = members[c->slot];
    return ret;
}

static void plan(struct evaluator *ev, const struct value *v, uint32_t shape)
{
    const struct program_rule *rule = ev->rule;
    struct flat_plan *ret = &ev->plan;

    ret->doc = v->doc;
    ret->shape = shape;
    ret->fits = json_flat_members(rule->paths, v, evaluate_tells_unread(ev), ret->members);
    for (size_t i = 0; ret->fits && i < rule->n_columns; i++)
        ret->columns[i] = plan_column(&rule->columns[rule->order[i]], rule->order[i], ret->members);
}

bool evaluate_is_flat(struct evaluator *ev, struct json_flat *ret)
{
    const struct value *v = &ev->levels[ev->depth].value;

    if (!json_flat(v, ret))
        return false;
    if (ev->plan.doc != v->doc || ev->plan.shape != ret->shape)
        plan(ev, v, ret->shape);
    return ev->plan.fits;
}

/* A value that needs no thought, or none where none is needed. */
static inline bool quick_cell(const struct flat_column *c, const struct json_flat *flat, struct cell *ret)
{
    if (c->member >= 0)
        return convert_token(json_flat_token(flat, (size_t)c->member), &c->how, ret);
    ret->kind = CELL_NULL;
    return c->member == JSON_FLAT_ABSENT && c->how.nullable;
}

int evaluate_flat(struct evaluator *ev, const struct json_flat *flat, size_t *failed, struct err *e)
{
    const struct flat_column *c = ev->plan.columns, *end = c + ev->rule->n_columns;

    for (; c < end; c++) {
        if (quick_cell(c, flat, &ev->cells[c->cell])) {
            ev->values[c->column].type = EVALUATE_IN_SLOT;
            continue;
        }
        *failed = c->column;
        if (evaluate_column(ev, c->column, e) < 0)
            return -1;
    }
    return 0;
}
