/* map/evaluate_internal.h: shared by evaluate.c (records to rows), evaluate_column.c (one column's value and cell),
 * evaluate_names.c (what names stand for) and evaluate_place.c (addresses of failures). */
#ifndef WINDROW_MAP_EVALUATE_INTERNAL_H
#define WINDROW_MAP_EVALUATE_INTERNAL_H

#include "map/evaluate.h"
#include "map/lookup.h"

struct level {
    struct value value;
    struct str key;         /* of the member, when it is an object that is gone through */
    uint64_t index;
};

/* The type of a column's value that was not copied from its slot: $row, which few ask for, finds it there. */
enum { EVALUATE_IN_SLOT = UINT8_MAX };

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
    bool has_row;                   /* `slots` are of a row, which `cells` are being made of */
    struct buf scratch;
    struct err failure;             /* of the row; empty between rows: clearing one costs more than making a row */
};

/* evaluate_names.c: the callbacks of expressions; the context is the evaluator. */
int evaluate_variable(void *context, int slot, struct value *ret, struct err *err);
int evaluate_keyed(void *context, int slot, struct str key, struct value *ret, struct err *err);

/* evaluate_place.c: complete the address of a failure. */
void evaluate_place_mapping(struct err *e, const struct mapping_text *text);
/* The value's own place, else the item's, else the record's. */
void evaluate_place_data(struct evaluator *ev, struct err *e, const struct value *v);
/* The part of a column's options that a finding points at. */
const struct mapping_text *evaluate_column_text(const struct mapping_column *c);
/* Evaluate; a failure points into the expression. */
int evaluate_expr(struct evaluator *ev, const struct program_expr *expr, const struct value *input, struct value *ret,
                  struct err *e);

/* evaluate_column.c: the value and the cells of the row's column `i`; those it is made of are done. */
int evaluate_column(struct evaluator *ev, size_t i, struct err *e);

/* A column that is a path and nothing else, with a value that needs no thought: most are. False says nothing. */
static inline bool evaluate_plain(struct evaluator *ev, size_t i)
{
    const struct program_column *c = &ev->rule->columns[i];

    if (c->kind != COLUMN_SLOT || !c->plain || ev->misfit ||
        !convert_quick(&ev->slots[c->slot], &c->type, &c->convert, &ev->cells[c->cell]))
        return false;
    ev->values[i].type = EVALUATE_IN_SLOT;
    return true;
}

#endif
