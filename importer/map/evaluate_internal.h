/* map/evaluate_internal.h: shared by evaluate.c (records to rows), evaluate_column.c (one column's value and cell),
 * evaluate_flat.c (the short way to cells), evaluate_names.c (what names stand for) and evaluate_place.c (addresses of
 * failures). */
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

/* A column of flat records. */
struct flat_column {
    int32_t member;                 /* of the record; below 0: none */
    uint16_t column, cell;
    struct convert_quick how;
};

/* What a rule makes of flat records, found out once for each shape of them; in the order of evaluation. */
struct flat_plan {
    const struct json_doc *doc;     /* NULL: not made yet */
    uint32_t shape;
    bool fits;
    struct flat_column *columns;
    int32_t *members;               /* by slot, while it is being made */
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
    struct flat_plan plan;
    struct value *slots;            /* of the row, when `selected`; see evaluate_slot() */
    bool selected;
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

/* Is somebody to be told of the keys that nothing reads in the value at hand? */
static inline bool evaluate_tells_unread(const struct evaluator *ev)
{
    return ev->depth == 0 && ev->out->unread;
}

/* Fill `slots`, and tell of the keys that nothing reads. */
void evaluate_select(struct evaluator *ev);

/* The value at one of the rule's paths, for the row at hand. A flat record has its values selected only when somebody asks. */
static inline const struct value *evaluate_slot(struct evaluator *ev, int slot)
{
    if (!ev->selected)
        evaluate_select(ev);
    return &ev->slots[slot];
}

/* A column that is a path and nothing else, with a value that needs no thought: most are. False says nothing. */
static inline bool evaluate_plain(struct evaluator *ev, size_t i)
{
    const struct program_column *c = &ev->rule->columns[i];

    if (!c->quick.way || !convert_quickly(evaluate_slot(ev, c->slot), &c->quick, &ev->cells[c->cell]))
        return false;
    ev->values[i].type = EVALUATE_IN_SLOT;
    return true;
}

/* evaluate_flat.c: is the row's value a flat record (see read/json.h) of which the rule wants nothing but members? */
bool evaluate_is_flat(struct evaluator *ev, struct json_flat *ret);

/* The cells of such a row; -1 with *failed the column that could not be made. */
int evaluate_flat(struct evaluator *ev, const struct json_flat *flat, size_t *failed, struct err *e);

#endif
