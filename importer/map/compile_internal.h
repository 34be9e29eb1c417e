/* map/compile_internal.h: shared by the files that make a program: compile.c (the whole), compile_rule.c (a rule),
 * compile_column.c (a column), compile_coverage.c (what is read), names.c (what `$name` means). Nobody else includes it. */
#ifndef WINDROW_MAP_COMPILE_INTERNAL_H
#define WINDROW_MAP_COMPILE_INTERNAL_H

#include "map/program.h"

struct compile {
    struct program *p;
    const struct mapping *m;
    struct mapping_faults *faults;
    bool oom;
    bool *shared_used;                  /* by let of the mapping */
};

/* What names mean at one place of the mapping. */
struct names {
    struct compile *c;
    struct program_rule *rule;          /* NULL outside of rules */
    struct pattern *const *from;        /* patterns whose captures are $path.NAME */
    size_t n_from;
    size_t levels;                      /* how many ^ there are */
    size_t n_lets;                      /* of the rule, so far */
    size_t n_shared;                    /* of the mapping, so far */
    bool parameters_only;               /* `when:` */
    bool siblings;                      /* documents and indexes may be asked */
    bool documents;                     /* documents may be asked */
    const char **all;                   /* for "did you mean"; made when first asked for */
    size_t n_all;
};

/* A new fault with its place: at `offset` of the text, `len` long (0: the whole text). */
struct err *compile_fault(struct compile *c, const struct mapping_text *at);
struct err *compile_fault_inside(struct compile *c, const struct mapping_text *at, size_t offset, size_t len);
/* Turn e, which names an offset in `at`, into a fault. */
void compile_fault_from(struct compile *c, const struct mapping_text *at, struct err *e);
void *compile_alloc(struct compile *c, size_t n, size_t size);

/* names.c */
struct expr_names names_for_expr(struct names *names);
/* Compile `text` as an expression or as a path; {NULL} after a fault or when the text was not given. */
struct program_expr compile_expr(struct compile *c, const struct mapping_text *text, struct names *names);
struct program_expr compile_path(struct compile *c, const struct mapping_text *text, struct names *names);
/* A condition over parameters alone: its truth; `fallback` when not given. */
bool compile_when(struct compile *c, const struct mapping_text *text, bool fallback);
/* A word, or $param.NAME whose value is the word. False when not given (or after a fault). */
bool compile_word(struct compile *c, const struct mapping_text *text, struct str *ret);
struct pattern *compile_pattern(struct compile *c, const struct mapping_text *text);
/* JSON of a constant to a value that lives as long as the program; ABSENT when not given. */
struct value compile_constant(struct compile *c, const struct mapping_constant *constant);

/* compile_column.c */
void compile_columns(struct compile *c, struct program_rule *rule, struct names *names);
/* After all rules' columns are there: which references need no look-up. */
void compile_references(struct compile *c);

/* compile_coverage.c */
void compile_coverage(struct program_rule *rule);
/* After all rules, documents and indexes are there. */
void compile_sibling_coverage(struct compile *c);

/* compile_rule.c */
void compile_read(struct compile *c, const struct mapping_read *read, const struct mapping_text *file,
                  const struct reader_ops **reader, struct reader_options *options);
void compile_rule(struct compile *c, const struct mapping_rule *source, struct program_rule *rule);
void compile_siblings(struct compile *c);
void compile_order_of_rules(struct compile *c);

#endif
