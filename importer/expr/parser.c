/* The hands of the parser: words taken one by one, nodes made and measured. */
#include "expr/parser.h"

#include <stdio.h>

int parser_advance(struct parser *p)
{
    return expr_lex_next(&p->lex, p->err);
}

uint32_t parser_token_len(const struct parser *p)
{
    return (uint32_t)p->lex.at - p->lex.from;
}

struct str parser_token_source(const struct parser *p)
{
    return str_make(p->lex.text.at + p->lex.from, p->lex.at - p->lex.from);
}

bool parser_at_word(const struct parser *p, const char *word)
{
    return p->lex.token == TOKEN_WORD && str_is(p->lex.word, word);
}

void *parser_bad_token(struct parser *p, const char *expected)
{
    if (p->lex.token == TOKEN_END)
        expr_bad(p->err, p->lex.from, 0, W0230, "the expression ends where %s is expected", expected);
    else
        expr_bad(p->err, p->lex.from, parser_token_len(p), W0230, "expected %s, found '%.*s'", expected,
                 STR_ARG(parser_token_source(p)));
    return NULL;
}

int parser_expect(struct parser *p, int token, const char *what)
{
    if (p->lex.token != token) {
        parser_bad_token(p, what);
        return -1;
    }
    return parser_advance(p);
}

int parser_expect_close(struct parser *p, int token, uint32_t opened)
{
    if (p->lex.token == token)
        return parser_advance(p);
    if (p->lex.token == TOKEN_END || strchr(")]}", p->lex.token < 256 ? p->lex.token : 1))
        return expr_bad(p->err, opened, 1, W0230, "this '%c' is not closed", p->lex.text.at[opened]);
    return expr_bad(p->err, p->lex.from, parser_token_len(p), W0230, "expected '%c', found '%.*s'", token,
                    STR_ARG(parser_token_source(p)));
}

int parser_expect_word(struct parser *p, const char *word)
{
    char what[16];

    if (parser_at_word(p, word))
        return parser_advance(p);
    snprintf(what, sizeof what, "'%s'", word);
    parser_bad_token(p, what);
    return -1;
}

struct expr_node *parser_new_node(struct parser *p, enum expr_op op, uint32_t at, size_t n)
{
    struct expr_node *node = arena_calloc(p->arena, 1, sizeof *node);

    if (node && n)
        node->kids = arena_calloc(p->arena, n, sizeof *node->kids);
    if (!node || (n && !node->kids)) {
        err_oom(p->err);
        return NULL;
    }
    node->op = (uint8_t)op;
    node->at = at;
    node->n = (uint32_t)n;
    return node;
}

struct expr_node *parser_finish(struct parser *p, struct expr_node *node)
{
    size_t end = p->lex.from;

    while (end > node->at && strchr(" \t\r\n", p->lex.text.at[end - 1]))
        end--;
    node->len = (uint32_t)(end - node->at);
    for (uint32_t i = 0; i < node->n; i++) {
        if (node->kids[i]->depth >= node->depth)
            node->depth = (uint16_t)(node->kids[i]->depth + 1);
    }
    if (node->depth < EXPR_DEPTH_MAX)
        return node;
    expr_bad(p->err, node->at, 1, W0239, "this expression nests too deep; name parts of it with 'as $x |'");
    return NULL;
}

struct expr_node *parser_node1(struct parser *p, enum expr_op op, uint32_t at, struct expr_node *a)
{
    struct expr_node *node = a ? parser_new_node(p, op, at, 1) : NULL;

    if (node)
        node->kids[0] = a;
    return node ? parser_finish(p, node) : NULL;
}

struct expr_node *parser_node2(struct parser *p, enum expr_op op, uint32_t at, struct expr_node *a, struct expr_node *b)
{
    struct expr_node *node = a && b ? parser_new_node(p, op, at, 2) : NULL;

    if (!node)
        return NULL;
    node->kids[0] = a;
    node->kids[1] = b;
    return parser_finish(p, node);
}

struct expr_node *parser_new_constant(struct parser *p, uint32_t at, struct value v)
{
    struct expr_node *node = parser_new_node(p, OP_CONSTANT, at, 0);

    if (node)
        node->constant = v;
    return node;
}

struct expr_node *parser_new_input(struct parser *p, uint32_t at)
{
    return parser_new_node(p, OP_INPUT, at, 0);
}

int parser_nodes_add(struct parser *p, struct nodes *list, struct expr_node *node)
{
    if (!node)
        return -1;
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        struct expr_node **at = arena_calloc(p->arena, capacity, sizeof *at);

        if (!at)
            return err_oom(p->err);
        if (list->n)
            memcpy(at, list->at, list->n * sizeof *at);
        list->at = at;
        list->capacity = capacity;
    }
    list->at[list->n++] = node;
    return 0;
}

struct expr_node *parser_node_of(struct parser *p, enum expr_op op, uint32_t at, struct nodes *list)
{
    struct expr_node *node = parser_new_node(p, op, at, 0);

    if (!node)
        return NULL;
    node->kids = list->at;
    node->n = (uint32_t)list->n;
    return parser_finish(p, node);
}

int parser_deeper(struct parser *p)
{
    if (++p->nest > EXPR_NEST_MAX)
        return expr_bad(p->err, p->lex.from, parser_token_len(p), W0239, "brackets nest deeper than %d", EXPR_NEST_MAX);
    return 0;
}
