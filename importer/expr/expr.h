/* expr/expr.h: the expression language: jq's spelling, small, total, exact.
 *
 * An expression is compiled once and run for every record. It is checked when compiled: unknown names,
 * functions, arities, regular expressions and formats given as constants are faults with their offset. It
 * always ends: no recursion, no `while`, and a step budget for each evaluation. */
#ifndef WINDROW_EXPR_EXPR_H
#define WINDROW_EXPR_EXPR_H

#include "read/json.h"
#include "read/value.h"

/* What the names after `$`, and the levels `^`, `^^`, stand for. Answers kind and *slot, or EXPR_NAME_UNKNOWN.
 * Names come without `$`; the levels come as "^", "^^", ... */
enum expr_name_kind {
    EXPR_NAME_UNKNOWN = 0,
    EXPR_NAME_VALUE,    /* a value, got by `variable` */
    EXPR_NAME_KEYED     /* used as $name.key, $name["key"] or $name[expr]: got by `keyed`; also alone, by `variable` */
};
struct expr_names {
    enum expr_name_kind (*find)(void *context, struct str name, int *slot);
    /* For "did you mean" and for checks of $name.key with a constant key: 0 or -1 with a message. May be NULL. */
    int (*check_key)(void *context, int slot, struct str key, struct err *err);
    /* The value of $name.key, if it is the same whenever the expression runs (a parameter); ABSENT if not. Regular
     * expressions and time zones are then prepared once. It lives as long as the expression. May be NULL. */
    struct value (*known)(void *context, int slot, struct str key);
    const char *const *all;     /* names for "did you mean" */
    size_t n_all;
    void *context;
};

struct expr;

/* Compile; everything lives in `a`. On failure err->byte is the offset in `text`, err->map_len the length of
 * the faulty part, code W02xx. */
struct expr *expr_compile(struct str text, const struct expr_names *names, struct arena *a, struct err *err);

/* The path subset: .a.b, ."odd key", .content-type, .[0], .a[-1], `?` after a step, and the same after ^, ^^, $name.
 * With `each`, one or more [] steps are allowed too. Anything else is refused with a hint to use expr:. */
struct expr *expr_compile_path(struct str text, bool each, const struct expr_names *names, struct arena *a,
                               struct err *err);

/* Give back what does not live in the arena (compiled regular expressions, time zones). NULL is fine. */
void expr_release(struct expr *e);

/* If the expression is a plain path from `.` without [] and without `?`, its steps (lent from the expression). */
bool expr_plain_path(const struct expr *e, const struct json_step **steps, size_t *n);
/* Every path from `.` that the expression may read, for coverage (a path whose rest is not known in advance
 * covers all below it). Calls `path` once for each. */
void expr_paths(const struct expr *e, void (*path)(void *context, const struct json_step *steps, size_t n),
                void *context);
/* The same for what hangs below a slot: the paths that are read from $name or from a level such as ^. */
void expr_paths_of_slot(const struct expr *e, int slot,
                        void (*path)(void *context, const struct json_step *steps, size_t n), void *context);
/* A constant? Then its value. */
bool expr_constant(const struct expr *e, struct value *ret);
/* The slots the expression uses, as find() gave them: for the order of columns, for documents. */
void expr_slots(const struct expr *e, void (*slot)(void *context, int slot), void *context);

struct expr_run {
    struct arena *arena;        /* results and temporaries; the caller resets it between records */
    int (*variable)(void *context, int slot, struct value *ret, struct err *err);
    int (*keyed)(void *context, int slot, struct str key, struct value *ret, struct err *err);
    void *context;
    int64_t now_us;             /* what `now` answers: the run's start, so that a run is repeatable */
    const uint8_t *uuid_namespace;  /* 16 bytes, for uuid5(name); NULL: EXPR_UUID_NAMESPACE */
};

/* Evaluate to at most one value: ABSENT when the expression gives none (`empty`), and when it
 * is a path whose end is missing (inside a larger expression that is null, as in jq); more than one is a failure
 * (ERR_RECORD, W0430) that says how to choose. Other failures: ERR_RECORD with the offset of the part of the
 * expression in err->map_column (from 0, the caller turns it into a place) and the input's place. */
int expr_eval(const struct expr *e, const struct value *input, struct expr_run *run, struct value *ret,
              struct err *err);

/* Evaluate to any number of values, in order (for each:). `emit` returns 0 to go on, -1 to stop. In a path that was
 * compiled with `each`, [] of a missing or null array gives nothing; in an expression it fails, as in jq. */
int expr_each(const struct expr *e, const struct value *input, struct expr_run *run,
              int (*emit)(void *context, const struct value *v, struct err *err), void *context, struct err *err);

/* The text under which a value is looked up by $name[value]: a string as it is, a number in its shortest plain
 * form, anything else as compact JSON. Those who fill an index use it too. */
int expr_lookup_key(const struct value *v, struct arena *a, struct str *ret, struct err *err);

/* RFC 4122 version 5. `out` gets 36 characters and a NUL. */
#define EXPR_UUID_NAMESPACE "\x6b\x1d\x5e\x0a\x3f\x9c\x5b\x7e\x9a\x42\x77\x69\x6e\x64\x72\x6f"
int expr_uuid5(const uint8_t namespace_bytes[16], struct str name, char out[37]);

/* jq's truth: everything but null, false and absent. */
bool expr_true(const struct value *v);

#endif
