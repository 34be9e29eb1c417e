/* The parts of the grammar that bind or build: patterns, as, reduce, arrays, objects. */
#include "expr/parser.h"

/* --- patterns ---------------------------------------------------------------------------------------------- */

static struct expr_pattern *parse_pattern(struct parser *p);

static struct expr_pattern *new_pattern(struct parser *p, int kind)
{
    struct expr_pattern *pattern = arena_calloc(p->arena, 1, sizeof *pattern);

    if (!pattern) {
        err_oom(p->err);
        return NULL;
    }
    pattern->kind = kind;
    pattern->at = p->lex.from;
    pattern->len = parser_token_len(p);
    return pattern;
}

static int pattern_add(struct parser *p, struct expr_pattern *pattern, struct expr_node *key, int variable,
                       struct expr_pattern *item)
{
    enum { ITEMS_MAX = EXPR_VARS_MAX };

    if (!pattern->items) {
        pattern->items = arena_calloc(p->arena, ITEMS_MAX, sizeof *pattern->items);
        pattern->keys = arena_calloc(p->arena, ITEMS_MAX, sizeof *pattern->keys);
        pattern->key_variables = arena_calloc(p->arena, ITEMS_MAX, sizeof *pattern->key_variables);
        if (!pattern->items || !pattern->keys || !pattern->key_variables)
            return err_oom(p->err);
    }
    if (pattern->n == ITEMS_MAX)
        return expr_bad(p->err, pattern->at, pattern->len, W0239, "more than %d parts", ITEMS_MAX);
    pattern->items[pattern->n] = item;
    pattern->keys[pattern->n] = key;
    pattern->key_variables[pattern->n++] = variable;
    return 0;
}

static struct expr_pattern *parse_array_pattern(struct parser *p)
{
    struct expr_pattern *pattern = new_pattern(p, PATTERN_ARRAY);

    do {
        struct expr_pattern *item;

        if (!pattern || parser_advance(p) < 0 || !(item = parse_pattern(p)) ||
            pattern_add(p, pattern, NULL, -1, item) < 0)
            return NULL;
    } while (p->lex.token == ',');
    return parser_expect_close(p, ']', pattern->at) < 0 ? NULL : pattern;
}

/* The key of one entry: a word, a string, (an expression), or $name, which also binds. */
static struct expr_node *parse_pattern_key(struct parser *p, int *variable)
{
    struct expr_node *key = NULL;
    uint32_t at = p->lex.from;

    *variable = -1;
    switch (p->lex.token) {
    case TOKEN_NAME:
        key = parser_new_constant(p, at, value_string(p->lex.word));
        if ((*variable = parser_bind_local(p, p->lex.word)) < 0)
            return NULL;
        return parser_advance(p) < 0 ? NULL : key;
    case TOKEN_WORD:
        key = parser_new_constant(p, at, value_string(p->lex.word));
        return parser_advance(p) < 0 ? NULL : key;
    case TOKEN_QUOTE:
        return parser_string(p, NULL, at);
    case '(':
        if (parser_deeper(p) < 0 || parser_advance(p) < 0 || !(key = parser_pipe(p)))
            return NULL;
        p->nest--;
        return parser_expect_close(p, ')', at) < 0 ? NULL : key;
    default:
        return parser_bad_token(p, "a key");
    }
}

static struct expr_pattern *parse_object_pattern(struct parser *p)
{
    struct expr_pattern *pattern = new_pattern(p, PATTERN_OBJECT);

    do {
        struct expr_pattern *item = NULL;
        struct expr_node *key;
        int variable;

        if (!pattern || parser_advance(p) < 0 || !(key = parse_pattern_key(p, &variable)))
            return NULL;
        if (p->lex.token == ':') {
            if (parser_advance(p) < 0 || !(item = parse_pattern(p)))
                return NULL;
        } else if (variable < 0) {
            return parser_bad_token(p, "':'");
        }
        if (pattern_add(p, pattern, key, variable, item) < 0)
            return NULL;
    } while (p->lex.token == ',');
    return parser_expect_close(p, '}', pattern->at) < 0 ? NULL : pattern;
}

static struct expr_pattern *parse_pattern(struct parser *p)
{
    struct expr_pattern *pattern = NULL;

    if (parser_deeper(p) < 0)
        return NULL;
    if (p->lex.token == '[') {
        pattern = parse_array_pattern(p);
    } else if (p->lex.token == '{') {
        pattern = parse_object_pattern(p);
    } else if (p->lex.token == TOKEN_NAME) {
        pattern = new_pattern(p, PATTERN_VARIABLE);
        if (!pattern || (pattern->variable = parser_bind_local(p, p->lex.word)) < 0 || parser_advance(p) < 0)
            return NULL;
    } else {
        parser_bad_token(p, "a variable such as $x");
    }
    p->nest--;
    return pattern;
}

/* At 'as': source as pattern | body, where the body takes all that follows. */
struct expr_node *parser_as(struct parser *p, struct expr_node *source)
{
    struct expr_node *node = parser_new_node(p, OP_AS, source->at, 2);
    int locals = p->n_locals;

    if (!node || parser_advance(p) < 0 || !(node->pattern = parse_pattern(p)))
        return NULL;
    if (p->lex.token == '?') {
        expr_bad(p->err, p->lex.from, parser_token_len(p), W0234, "'?//' is not part of windrow's expressions");
        return NULL;
    }
    node->kids[0] = source;
    if (parser_expect(p, '|', "'|'") < 0 || parser_deeper(p) < 0 || !(node->kids[1] = parser_pipe(p)))
        return NULL;
    p->nest--;
    p->n_locals = locals;
    return parser_finish(p, node);
}

struct expr_node *parser_reduce(struct parser *p, enum expr_op op, uint32_t at)
{
    struct expr_node *node = parser_new_node(p, op, at, op == OP_REDUCE ? 3 : 4);
    int locals = p->n_locals;
    uint32_t opened;

    if (!node || parser_deeper(p) < 0 || !(node->kids[0] = parser_postfix(p, parser_term(p))) ||
        parser_expect_word(p, "as") < 0 || !(node->pattern = parse_pattern(p)))
        return NULL;
    opened = p->lex.from;
    if (parser_expect(p, '(', "'('") < 0)
        return NULL;
    for (uint32_t i = 1; i < node->n; i++) {
        if (i > 1 && (i < 3 || p->lex.token == ';')) {
            if (parser_expect(p, ';', "';'") < 0)
                return NULL;
        } else if (i == 3) {
            node->n = 3;
            break;
        }
        if (!(node->kids[i] = parser_pipe(p)))
            return NULL;
    }
    p->nest--;
    p->n_locals = locals;
    return parser_expect_close(p, ')', opened) < 0 ? NULL : parser_finish(p, node);
}

/* --- arrays and objects ------------------------------------------------------------------------------------ */

struct expr_node *parser_array(struct parser *p)
{
    uint32_t at = p->lex.from;
    struct expr_node *node, *kid = NULL;

    if (parser_deeper(p) < 0 || parser_advance(p) < 0)
        return NULL;
    if (p->lex.token != ']' && !(kid = parser_pipe(p)))
        return NULL;
    p->nest--;
    if (parser_expect_close(p, ']', at) < 0)
        return NULL;
    node = parser_new_node(p, OP_ARRAY, at, kid != NULL);
    if (node && kid)
        node->kids[0] = kid;
    return node ? parser_finish(p, node) : NULL;
}

/* A value in an object: anything without a comma; jq wants brackets around operators, which is fine here too. */
static struct expr_node *parse_object_value(struct parser *p)
{
    return parser_list(p, '|', OP_PIPE, parser_without_comma);
}

/* One entry into `entries`: key, value. */
static int parse_entry(struct parser *p, struct nodes *entries)
{
    uint32_t at = p->lex.from;
    struct expr_node *key = NULL, *value = NULL;

    if (p->lex.token == TOKEN_NAME || p->lex.token == TOKEN_LEVELS) {
        struct str word = p->lex.word;

        key = parser_new_constant(p, at, value_string(word));
        value = parser_find_local(p, word, at);
        if (value ? parser_advance(p) < 0 : !(value = parser_name(p)))
            return -1;
        if (value->op == OP_KEYED)
            key = parser_new_constant(p, at, value_string(value->key));
    } else if (p->lex.token == TOKEN_WORD || p->lex.token == TOKEN_NUMBER) {
        key = parser_new_constant(p, at, value_string(p->lex.word));
        if (p->lex.token == TOKEN_NUMBER)
            return expr_bad(p->err, at, parser_token_len(p), W0230, "a key is a word or stands in quotes");
        if (parser_advance(p) < 0)
            return -1;
    } else if (p->lex.token == TOKEN_QUOTE) {
        key = parser_string(p, NULL, at);
    } else if (p->lex.token == TOKEN_FORMAT) {
        key = parser_format(p);
    } else if (p->lex.token == '(') {
        if (parser_deeper(p) < 0 || parser_advance(p) < 0 || !(key = parser_pipe(p)) ||
            parser_expect_close(p, ')', at) < 0)
            return -1;
        p->nest--;
        if (p->lex.token != ':') {
            parser_bad_token(p, "':'");
            return -1;
        }
    } else {
        parser_bad_token(p, "a key");
        return -1;
    }
    if (!key)
        return -1;
    if (!value && p->lex.token == ':') {
        if (parser_advance(p) < 0)
            return -1;
        value = parse_object_value(p);
    } else if (!value) {
        /* {a}: the member of the same name */
        struct expr_node *input = parser_new_input(p, at);

        value = input ? parser_index_by(p, input, key) : NULL;
    }
    return parser_nodes_add(p, entries, key) < 0 || parser_nodes_add(p, entries, value) < 0 ? -1 : 0;
}

struct expr_node *parser_object(struct parser *p)
{
    uint32_t at = p->lex.from;
    struct nodes entries = {0};

    if (parser_deeper(p) < 0 || parser_advance(p) < 0)
        return NULL;
    while (p->lex.token != '}') {
        if (parse_entry(p, &entries) < 0)
            return NULL;
        if (p->lex.token != ',')
            break;
        if (parser_advance(p) < 0)
            return NULL;
    }
    p->nest--;
    return parser_expect_close(p, '}', at) < 0 ? NULL : parser_node_of(p, OP_OBJECT, at, &entries);
}
