/* expr/internal.h: what the files of expr/ share; together they are the one module behind expr/expr.h.
 *
 * Text -> nodes (expr_lex, expr_parse) -> checked nodes (expr_check) -> values (expr_eval and the functions).
 * A node is never written after compiling, so many threads may run one expression.
 *
 * Generators. A node that gives at most one value is run by expr_one(), without callbacks; VALUE_ABSENT then
 * means "none". A node that may give more is run by expr_many(), which hands each value to an `emit`. */
#ifndef WINDROW_EXPR_INTERNAL_H
#define WINDROW_EXPR_INTERNAL_H

#include "expr/expr.h"

enum {
    EXPR_TEXT_MAX = 64 * 1024,          /* bytes of an expression */
    EXPR_NEST_MAX = 100,                /* brackets within brackets */
    EXPR_DEPTH_MAX = 400,               /* evaluations that can be on the C stack at once, counted when compiled */
    EXPR_VARS_MAX = 64,
    EXPR_STEPS_MAX = 10000000,          /* of one evaluation */
    EXPR_BYTES_MAX = 64 * 1024 * 1024,  /* of arena, for one evaluation */
    EXPR_BUILT_DEPTH_MAX = 512          /* nesting of built values; those read from JSON have their own bound */
};

enum expr_op {
    OP_CONSTANT, OP_INPUT, OP_LOCAL, OP_SLOT, OP_KEYED, OP_KEYED_BY,
    OP_GET, OP_AT, OP_INDEX, OP_SLICE, OP_EACH,
    OP_PIPE, OP_COMMA, OP_ALTERNATIVE, OP_IF, OP_AND, OP_OR, OP_NEGATE,
    OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD,
    OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE,
    OP_ARRAY, OP_OBJECT, OP_STRING, OP_FORMAT, OP_TRY, OP_AS, OP_REDUCE, OP_FOREACH, OP_CALL
};

struct expr_function;
struct expr_pattern;
struct expr_regex;
struct expr_format;

/* Kids by op: INDEX key, target; SLICE from, to, target; KEYED_BY key; binary operators left, right; PIPE, COMMA
 * any number; IF condition, then, else, condition ... flattened to three; OBJECT key, value, key, value ...;
 * STRING the parts; TRY body, handler (may be missing); AS source, body; REDUCE source, init, update;
 * FOREACH source, init, update, extract; CALL the arguments. */
struct expr_node {
    uint8_t op;
    bool many;              /* may give more than one value */
    bool literal;           /* a piece of a string, as it stands between the quotes */
    uint16_t depth;         /* most evaluations below this one on the C stack */
    uint32_t at, len;       /* the place in the text */
    uint32_t n;
    struct expr_node **kids;
    int slot;               /* SLOT, KEYED, KEYED_BY: as find() gave it; LOCAL: the variable */
    struct str key;         /* GET, KEYED */
    int64_t index;          /* AT */
    struct value constant;  /* CONSTANT; KEYED: its value when that is known already, else ABSENT */
    const struct expr_function *function;
    const struct expr_pattern *pattern;
    struct expr_regex *regex;           /* CALL: compiled from constant arguments */
    const struct expr_format *format;   /* STRING, FORMAT */
    struct zone *zone;                  /* CALL: opened from a constant argument */
};

/* Is it known what text the node gives, although perhaps it must not be folded? */
static inline bool expr_known_text(const struct expr_node *n, struct str *ret)
{
    if ((n->op != OP_CONSTANT && n->op != OP_KEYED) || n->constant.type != VALUE_STRING)
        return false;
    *ret = n->constant.text;
    return true;
}

/* What stands after `as`: $name, [patterns] or {key: pattern}. */
struct expr_pattern {
    enum { PATTERN_VARIABLE, PATTERN_ARRAY, PATTERN_OBJECT } kind;
    int variable;
    size_t n;
    struct expr_pattern **items;
    struct expr_node **keys;    /* of an object */
    int *key_variables;         /* of {$name: pattern}; -1 when there is none */
    uint32_t at, len;
};

struct expr {
    struct expr_node *root;
    struct str text;
    int vars;
    bool path;              /* a missing key at the end is ABSENT, not null */
    bool plain;             /* `steps` says it all */
    struct json_step *steps;
    size_t n_steps;
    struct expr_node **held;    /* nodes with something that expr_release() must give back */
    size_t n_held, held_capacity;
};

/* --- one evaluation ---------------------------------------------------------------------------------------- */

struct expr_fault {
    enum code code;
    bool fatal;             /* `try` does not catch it; *err is set already when code is CODE_NONE */
    bool thrown_given;
    uint32_t at, len;
    struct value culprit, thrown;
    char message[256], help[200];
};

struct run {
    const struct expr *expr;
    struct expr_run *outer;
    struct arena *arena;
    struct err *err;
    struct value *vars;
    uint32_t steps;
    size_t bytes;
    int quiet;              /* nobody will read the message */
    struct expr_fault fault;
};

struct emit {
    int (*put)(struct emit *self, const struct value *v);   /* 0 go on, 1 stop in good order, -1 failed */
    struct run *r;
};

/* 0 and *ret, or -1 and r->fault. Only for nodes that are not `many`. */
int expr_one(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret);
/* Any node. 0, or what `out` or a failure returned. */
int expr_many(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out);

/* An operator or strict function, once its kids have their values. */
int expr_apply(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
               struct value *ret);
/* jq runs the last kid first, and varies the first fastest, in binary operators and strings. */
static inline bool expr_backwards(const struct expr_node *n)
{
    return (n->op >= OP_ADD && n->op <= OP_GE) || n->op == OP_STRING;
}
int expr_each_item(struct run *r, const struct expr_node *n, const struct value *target, struct emit *out);
int expr_bind(struct run *r, const struct expr_pattern *p, const struct value *in, const struct value *v);
int expr_reduce(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret);

/* Failures; always -1. `culprit` may be NULL. A fatal one cannot be caught. */
int expr_fail(struct run *r, const struct expr_node *n, enum code code, const struct value *culprit, const char *fmt,
              ...) __attribute__((format(printf, 5, 6)));
int expr_fatal(struct run *r, const struct expr_node *n, enum code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int expr_oom(struct run *r);
int expr_out_of_steps(struct run *r, const struct expr_node *n);
/* *err says it already. */
int expr_carried(struct run *r);
/* What `catch` gets. */
struct value expr_thrown(const struct run *r);
int expr_help(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* `a string ("abc...")`, for messages. */
struct expr_shown {
    char text[96];
};
const char *expr_show(struct run *r, const struct value *v, struct expr_shown *out);

/* Count work that no step counts. */
int expr_charge(struct run *r, const struct expr_node *n, size_t steps);

/* --- making values (expr/make.c) --------------------------------------------------------------------------- */

/* From the arena, counted; NULL with r->fault. */
void *expr_alloc(struct run *r, const struct expr_node *n, size_t size);

/* The text of a string, decoded and valid UTF-8; fails for other types with "`what` needs a string". */
int expr_text(struct run *r, const struct expr_node *n, const struct value *v, const char *what, struct str *ret);
/* The same without the check of UTF-8. */
int expr_bytes(struct run *r, const struct expr_node *n, const struct value *v, const char *what, struct str *ret);
/* A string value; flags of `from` that belong to the content (lone surrogates, bytes) are kept. */
struct value expr_string(struct str s, uint16_t from);

/* Text that grows in the arena. */
struct text {
    struct run *r;
    const struct expr_node *node;
    char *at;
    size_t len, capacity;
};
int expr_put(struct text *t, const char *at, size_t len);
int expr_put_char(struct text *t, char c);
int expr_put_rune(struct text *t, uint32_t rune);
/* Compact JSON; *flags gathers those of the strings inside. */
int expr_put_json(struct text *t, const struct value *v, uint16_t *flags);
/* A string as it is, anything else as JSON. */
int expr_put_tostring(struct text *t, const struct value *v, uint16_t *flags);
static inline struct str text_str(const struct text *t) { return str_make(t->at ? t->at : "", t->len); }

/* Arrays and objects that grow. In an object a key that is there keeps its place and gets the new value. */
struct list {
    struct run *r;
    const struct expr_node *node;
    struct member *members;
    size_t n, capacity;
    uint32_t *hashed;       /* objects beyond a few keys: slots of members + 1 */
    size_t n_hashed;
};
int expr_list_add(struct list *l, const struct value *item);
int expr_list_set(struct list *l, struct str key, const struct value *item);
int expr_list_add_all(struct list *l, const struct value *array);    /* or all members of an object */
/* The finished value; fails when it nests too deep. */
int expr_list_array(struct list *l, struct value *ret);
int expr_list_object(struct list *l, struct value *ret);
/* All items as one lent or built run of members, for functions that sort or index. */
int expr_list_of(struct run *r, const struct expr_node *n, const struct value *array, struct list *ret);

/* The key that value_iter_next() gave, decoded. */
int expr_key_text(struct run *r, const struct value *key, struct str *ret);

/* JSON text -> built value. */
int expr_json_parse(struct run *r, const struct expr_node *n, struct str text, struct value *ret);

/* --- operators shared by several files --------------------------------------------------------------------- */

int expr_arithmetic(struct run *r, const struct expr_node *n, enum expr_op op, const struct value *a,
                    const struct value *b, struct value *ret);
int expr_compare(const struct value *a, const struct value *b);
int expr_index(struct run *r, const struct expr_node *n, const struct value *target, const struct value *key,
               struct value *ret);
int expr_slice(struct run *r, const struct expr_node *n, const struct value *target, const struct value *from,
               const struct value *to, struct value *ret);
/* The byte where code point number `i` of `s` begins, or s.len. */
size_t expr_rune_at(struct str s, size_t i);
size_t expr_rune_count(struct str s);
/* The UTF-8 of a code point; how many bytes it has. */
size_t expr_rune_write(char out[4], uint32_t rune);
size_t expr_rune_next(struct str s, size_t byte, uint32_t *rune);
int expr_split(struct run *r, const struct expr_node *n, const struct value *in, const struct value *by,
               struct value *ret);
int expr_subsequences(struct run *r, const struct expr_node *n, const struct value *in, const struct value *what,
                      struct value *ret);

/* Exact numbers (expr/number.c). */
enum number_op { NUMBER_ADD, NUMBER_SUB, NUMBER_MUL, NUMBER_DIV, NUMBER_MOD, NUMBER_IDIV, NUMBER_FLOORMOD };
int expr_number_op(struct run *r, const struct expr_node *n, enum number_op op, const struct value *a,
                   const struct value *b, struct value *ret);
enum number_round { NUMBER_FLOOR, NUMBER_CEIL, NUMBER_NEAREST, NUMBER_NEGATE, NUMBER_ABS, NUMBER_PLAIN };
int expr_number_round(struct run *r, const struct expr_node *n, enum number_round how, const struct value *v,
                 struct value *ret);
/* A power of two. */
int expr_number_shift(struct run *r, const struct expr_node *n, const struct value *v, int64_t bits, struct value *ret);
/* Of plain digits with an optional minus, -INT64_MAX to INT64_MAX. */
bool expr_number_fast(struct str digits, int64_t *ret);
/* The whole number of this value when it is one and fits. */
bool expr_number_int64(const struct value *v, int64_t *ret);
/* The same rounded down; beyond the range the nearest end. */
int64_t expr_number_floor64(const struct value *v);
bool expr_number_valid(struct str text);     /* as JSON spells it */
int expr_number_make(struct run *r, const struct expr_node *n, int64_t i, struct value *ret);
/* micros / 10^places as a plain decimal. */
int expr_number_scaled(struct run *r, const struct expr_node *n, int64_t i, int places, struct value *ret);
/* v * 10^places as a whole number; false when something is left over or does not fit. */
bool expr_number_unscaled(const struct value *v, int places, int64_t *ret);

/* --- functions (expr/function.c has the table) ------------------------------------------------------------- */

typedef int expr_strict(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                        struct value *ret);

enum expr_function_kind {
    FUNCTION_STRICT,    /* `strict`, once for every combination of the arguments' values */
    FUNCTION_SPREAD,    /* the same, and the items of the array that it returns are the results */
    FUNCTION_ONE,       /* `one`: arguments are run by the function; at most one result */
    FUNCTION_MANY       /* `many`: the same, any number of results */
};

struct checker;
struct expr_function {
    const char *name;
    uint8_t arity;
    uint8_t kind;
    expr_strict *strict;
    int (*one)(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret);
    int (*many)(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out);
    /* When compiled, after the arguments: may set `many` and prepare what is constant. -1 with a fault. */
    int (*prepare)(struct checker *c, struct expr_node *n);
};

/* The function, or NULL; *any tells whether the name exists with another number of arguments. */
const struct expr_function *expr_function_find(struct str name, size_t arity, const struct expr_function **any);
/* The name of function number `i`, NULL beyond the last. */
const char *expr_function_name(size_t i);
/* How many arguments the name takes: "0 or 1". */
void expr_function_arities(struct str name, char *out, size_t size);
const char *expr_function_nearest(struct str name);
/* Why this word of jq is missing; NULL when it is none. */
const char *expr_function_left_out(struct str name);

/* @base64 and its like: appends `v` in the format. */
struct expr_format {
    const char *name;
    int (*add)(struct text *t, const struct value *v, uint16_t *flags);
};
const struct expr_format *expr_format_find(struct str name);

/* --- compiling --------------------------------------------------------------------------------------------- */

struct checker {
    struct expr *expr;
    struct arena *arena;
    struct err *err;
    struct run run;         /* folds constants */
    struct expr_run outer;
    int guarded;            /* within try or ?, where failures have a meaning */
};

/* A fault in the text: code, the place, always -1. */
int expr_bad(struct err *err, uint32_t at, uint32_t len, enum code code, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
struct expr_node *expr_parse(struct expr *e, const struct expr_names *names, struct arena *a, struct err *err);
struct expr_node *expr_parse_path(struct expr *e, bool each, const struct expr_names *names, struct arena *a,
                                  struct err *err);
int expr_check(struct expr *e, struct arena *a, struct err *err);
/* Remember that expr_release() has to look at this node. */
int expr_hold(struct checker *c, struct expr_node *n);

/* Regular expressions. */
int expr_regex_prepare(struct checker *c, struct expr_node *n);
void expr_regex_free(struct expr_regex *re);

#endif
