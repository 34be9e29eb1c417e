/* Addresses: where in the data and where in the mapping a row failed. */
#include "map/evaluate_internal.h"

#include "base/cleanup.h"

void evaluate_place_mapping(struct err *e, const struct mapping_text *text)
{
    uint32_t line, column;

    if (!text || !text->text.at)
        return;
    mapping_place(text, 0, &line, &column);
    err_mapping(e, line, column, text->len);
}

const struct mapping_text *evaluate_column_text(const struct mapping_column *c)
{
    const struct mapping_text *all[] = {&c->type, &c->path, &c->expr, &c->value.at, &c->ref, &c->name};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i]->text.at)
            return all[i];
    }
    return &c->name;
}

/* Complete the address of a failed row: the value's own place, else the item's, else the record's. */
void evaluate_place_data(struct evaluator *ev, struct err *e, const struct value *v)
{
    const struct record *r = ev->record;
    uint64_t line, column;
    CLEANUP(free_ptr) char *path = NULL;

    if (e->file)
        return;
    value_place(v && v->doc ? v : &ev->levels[ev->depth].value, e);
    path = str_dup(ev->file.path);
    if (!path) {
        err_incomplete(e);
        return;
    }
    if (e->has_byte && !e->line && r->raw.at) {
        reader_place(r->raw, r->byte, r->line, e->byte, &line, &column);
        err_at(e, path, line, column);
    }
    err_at(e, path, r->line, 1);
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

int evaluate_expr(struct evaluator *ev, const struct program_expr *expr, const struct value *input, struct value *ret,
                    struct err *e)
{
    if (expr_eval(expr->expr, input, &ev->run, ret, e) == 0)
        return 0;
    place_in_expr(e, expr);
    return -1;
}

