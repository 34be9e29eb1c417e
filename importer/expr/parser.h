/* expr/parser.h: shared by expr/parser.c and expr/parse*.c, which together read the grammar.
 *
 * Functions that give a node give NULL after a fault, and take NULL for a node that already failed. */
#ifndef WINDROW_EXPR_PARSER_H
#define WINDROW_EXPR_PARSER_H

#include "expr/internal.h"
#include "expr/lex.h"

struct parser {
    struct lexer lex;
    struct expr *expr;
    const struct expr_names *names;
    struct arena *arena;
    struct err *err;
    int nest;
    struct {
        struct str name;
        int slot;
    } locals[EXPR_VARS_MAX];
    int n_locals;
    bool path, each;        /* the path subset; with [] */
};

/* A list of nodes that is not yet a node. */
struct nodes {
    struct expr_node **at;
    size_t n, capacity;
};

/* Words (expr/parser.c). */
int parser_advance(struct parser *p);
uint32_t parser_token_len(const struct parser *p);
struct str parser_token_source(const struct parser *p);
bool parser_at_word(const struct parser *p, const char *word);
/* "expected ..., found ..."; always NULL. */
void *parser_bad_token(struct parser *p, const char *expected);
int parser_expect(struct parser *p, int token, const char *what);
int parser_expect_word(struct parser *p, const char *word);
/* A closing bracket; the fault names the one that it should close. */
int parser_expect_close(struct parser *p, int token, uint32_t opened);
/* One more bracket, so that no text makes the C stack overflow; p->nest-- leaves it. */
int parser_deeper(struct parser *p);

/* Nodes (expr/parser.c). A node begins at `at` and ends, once finished, before the token at hand. */
struct expr_node *parser_new_node(struct parser *p, enum expr_op op, uint32_t at, size_t n);
struct expr_node *parser_finish(struct parser *p, struct expr_node *node);
struct expr_node *parser_node1(struct parser *p, enum expr_op op, uint32_t at, struct expr_node *a);
struct expr_node *parser_node2(struct parser *p, enum expr_op op, uint32_t at, struct expr_node *a,
                               struct expr_node *b);
struct expr_node *parser_new_constant(struct parser *p, uint32_t at, struct value v);
struct expr_node *parser_new_input(struct parser *p, uint32_t at);
int parser_nodes_add(struct parser *p, struct nodes *list, struct expr_node *node);
struct expr_node *parser_node_of(struct parser *p, enum expr_op op, uint32_t at, struct nodes *list);

/* The grammar from the outside in (expr/parse.c). */
struct expr_node *parser_pipe(struct parser *p);
struct expr_node *parser_without_comma(struct parser *p);
struct expr_node *parser_list(struct parser *p, int token, enum expr_op op,
                              struct expr_node *(*part)(struct parser *p));
struct expr_node *parser_term(struct parser *p);

/* Strings, names, and what follows a term (expr/parse_part.c). */
struct expr_node *parser_string(struct parser *p, const struct expr_format *format, uint32_t at);
struct expr_node *parser_format(struct parser *p);
int parser_bind_local(struct parser *p, struct str name);
struct expr_node *parser_find_local(struct parser *p, struct str name, uint32_t at);
struct expr_node *parser_name(struct parser *p);
struct expr_node *parser_index_by(struct parser *p, struct expr_node *target, struct expr_node *key);
struct expr_node *parser_postfix(struct parser *p, struct expr_node *term);

/* Variables, loops, arrays and objects (expr/parse_bind.c). */
struct expr_node *parser_as(struct parser *p, struct expr_node *source);
struct expr_node *parser_reduce(struct parser *p, enum expr_op op, uint32_t at);
struct expr_node *parser_array(struct parser *p);
struct expr_node *parser_object(struct parser *p);

#endif
