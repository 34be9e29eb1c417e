/* The grammar of expressions: words become nodes, functions are looked up on the way. */
#include "expr/parser.h"

#include <stdio.h>

static struct expr_node *parse_above(struct parser *p, int level);

/* --- terms ------------------------------------------------------------------------------------------------- */

/* jq also takes 007, 1. and .5, which JSON does not: the same number as JSON spells it. */
static struct str spelt_as_json(struct parser *p, struct str s)
{
    char *out = arena_alloc(p->arena, s.len + 2), *to = out;
    size_t i = 0;

    if (!out)
        return str_make(NULL, 0);
    while (i + 1 < s.len && s.at[i] == '0' && s.at[i + 1] >= '0' && s.at[i + 1] <= '9')
        i++;
    if (s.at[i] == '.')
        *to++ = '0';
    for (; i < s.len; i++) {
        bool point = s.at[i] == '.' && (i + 1 == s.len || s.at[i + 1] < '0' || s.at[i + 1] > '9');

        if (!point)
            *to++ = s.at[i];
    }
    return str_make(out, (size_t)(to - out));
}

static struct expr_node *parse_number(struct parser *p)
{
    struct str word = p->lex.word;
    struct expr_node *node;

    if (word.len > 1000) {
        expr_bad(p->err, p->lex.from, parser_token_len(p), W0239, "a number of more than 1000 digits");
        return NULL;
    }
    if (!expr_number_valid(word) && !(word = spelt_as_json(p, word)).at) {
        err_oom(p->err);
        return NULL;
    }
    node = parser_new_constant(p, p->lex.from, value_number(word));
    return node && parser_advance(p) == 0 ? parser_finish(p, node) : NULL;
}

/* Behind the function's name. */
static struct expr_node *parse_call(struct parser *p, struct str name, uint32_t at)
{
    const struct expr_function *function, *any = NULL;
    const char *why = expr_function_left_out(name);
    struct nodes args = {0};
    uint32_t opened = p->lex.from;
    struct expr_node *node;

    if (why) {
        expr_bad(p->err, at, (uint32_t)name.len, W0234, "'%.*s' is not part of windrow's expressions", STR_ARG(name));
        if (*why)
            err_help(p->err, "%s", why);
        return NULL;
    }
    if (p->lex.token == '(') {
        if (parser_deeper(p) < 0)
            return NULL;
        do {
            if (parser_advance(p) < 0 || parser_nodes_add(p, &args, parser_pipe(p)) < 0)
                return NULL;
        } while (p->lex.token == ';');
        p->nest--;
        if (p->lex.token == ',' || parser_expect_close(p, ')', opened) < 0)
            return NULL;
    }
    function = expr_function_find(name, args.n, &any);
    if (!function && any) {
        char arities[40];

        expr_function_arities(name, arities, sizeof arities);
        expr_bad(p->err, at, p->lex.from - at, W0232, "'%.*s' takes %s, not %zu", STR_ARG(name), arities, args.n);
        err_help(p->err, "arguments are separated by ';'");
        return NULL;
    }
    if (!function) {
        const char *near = expr_function_nearest(name);

        expr_bad(p->err, at, (uint32_t)name.len, W0231, "there is no function '%.*s'", STR_ARG(name));
        if (near)
            err_help(p->err, "did you mean '%s'?", near);
        else
            err_help(p->err, "a key of the record begins with a dot: .%.*s", STR_ARG(name));
        return NULL;
    }
    node = parser_node_of(p, OP_CALL, at, &args);
    if (node)
        node->function = function;
    return node;
}

static struct expr_node *parse_if(struct parser *p, uint32_t at)
{
    struct expr_node *node = parser_new_node(p, OP_IF, at, 3);

    if (!node || parser_deeper(p) < 0 || !(node->kids[0] = parser_pipe(p)) || parser_expect_word(p, "then") < 0 ||
        !(node->kids[1] = parser_pipe(p)))
        return NULL;
    if (parser_at_word(p, "elif")) {
        uint32_t from = p->lex.from;

        if (parser_advance(p) < 0 || !(node->kids[2] = parse_if(p, from)))
            return NULL;
        p->nest--;
        return parser_finish(p, node);
    }
    if (parser_at_word(p, "else")) {
        if (parser_advance(p) < 0 || !(node->kids[2] = parser_pipe(p)))
            return NULL;
    } else if (!(node->kids[2] = parser_new_input(p, p->lex.from))) {
        return NULL;
    }
    p->nest--;
    if (parser_at_word(p, "end"))
        return parser_advance(p) < 0 ? NULL : parser_finish(p, node);
    if (p->lex.token == TOKEN_END)
        expr_bad(p->err, at, 2, W0230, "this 'if' has no 'end'");
    else
        parser_bad_token(p, "'elif', 'else' or 'end'");
    return NULL;
}

static struct expr_node *parse_try(struct parser *p, uint32_t at)
{
    struct expr_node *body, *handler;

    if (parser_deeper(p) < 0 || !(body = parser_postfix(p, parser_term(p))))
        return NULL;
    p->nest--;
    if (!parser_at_word(p, "catch"))
        return parser_node1(p, OP_TRY, at, body);
    if (parser_deeper(p) < 0 || parser_advance(p) < 0)
        return NULL;
    handler = parser_postfix(p, parser_term(p));
    p->nest--;
    return parser_node2(p, OP_TRY, at, body, handler);
}

/* --- the whole --------------------------------------------------------------------------------------------- */

static struct expr_node *parse_keyword(struct parser *p)
{
    static const struct { const char *word; enum value_type type; bool truth; } constants[] = {
        {"null", VALUE_NULL, false}, {"true", VALUE_BOOL, true}, {"false", VALUE_BOOL, false},
    };
    static const char *const misplaced[] = {"then", "elif", "else", "end", "as", "and", "or", "catch"};
    uint32_t at = p->lex.from;
    struct str word = p->lex.word;

    for (size_t i = 0; i < ARRAY_LEN(misplaced); i++) {
        if (str_is(word, misplaced[i]))
            return parser_bad_token(p, "a value");
    }
    if (parser_advance(p) < 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(constants); i++) {
        struct value v = {.type = (uint8_t)constants[i].type, .truth = constants[i].truth};
        struct expr_node *node;

        if (!str_is(word, constants[i].word))
            continue;
        node = parser_new_constant(p, at, v);
        return node ? parser_finish(p, node) : NULL;
    }
    if (str_is(word, "if"))
        return parse_if(p, at);
    if (str_is(word, "try"))
        return parse_try(p, at);
    if (str_is(word, "reduce"))
        return parser_reduce(p, OP_REDUCE, at);
    if (str_is(word, "foreach"))
        return parser_reduce(p, OP_FOREACH, at);
    return parse_call(p, word, at);
}

static struct expr_node *parse_round(struct parser *p)
{
    uint32_t at = p->lex.from;
    struct expr_node *node;

    if (parser_deeper(p) < 0 || parser_advance(p) < 0 || !(node = parser_pipe(p)))
        return NULL;
    p->nest--;
    return parser_expect_close(p, ')', at) < 0 ? NULL : node;
}

/* '.' alone, .a, ."a", .[...]. */
static struct expr_node *parse_from_input(struct parser *p)
{
    struct expr_node *node = parser_new_input(p, p->lex.from);

    if (!node)
        return NULL;
    node->len = 1;
    if (p->lex.token == TOKEN_FIELD)
        return node;    /* parser_postfix() takes it from here */
    if (parser_advance(p) < 0)
        return NULL;
    if (p->lex.token == TOKEN_QUOTE) {
        struct expr_node *key = parser_string(p, NULL, p->lex.from);

        return key ? parser_index_by(p, node, key) : NULL;
    }
    return node;
}

struct expr_node *parser_term(struct parser *p)
{
    switch (p->lex.token) {
    case '.': case TOKEN_FIELD:
        return parse_from_input(p);
    case TOKEN_NAME: case TOKEN_LEVELS:
        return parser_name(p);
    case TOKEN_QUOTE:
        return parser_string(p, NULL, p->lex.from);
    case TOKEN_FORMAT:
        return parser_format(p);
    case TOKEN_NUMBER:
        return parse_number(p);
    case TOKEN_WORD:
        return parse_keyword(p);
    case '(':
        return parse_round(p);
    case '[':
        return parser_array(p);
    case '{':
        return parser_object(p);
    case TOKEN_RECURSE:
        expr_bad(p->err, p->lex.from, 2, W0234, "'..' is not part of windrow's expressions");
        err_help(p->err, "name the path, or use .[] once for each level");
        return NULL;
    default:
        return parser_bad_token(p, "a value");
    }
}

static struct expr_node *parse_operand(struct parser *p)
{
    uint32_t at = p->lex.from;
    struct expr_node *term;

    if (p->lex.token == '-') {
        if (parser_deeper(p) < 0 || parser_advance(p) < 0)
            return NULL;
        term = parser_node1(p, OP_NEGATE, at, parse_above(p, 7));
        p->nest--;
        return term;
    }
    term = parser_postfix(p, parser_term(p));
    return term && parser_at_word(p, "as") ? parser_as(p, term) : term;
}

enum { LEFT, RIGHT, NEITHER };
struct operator {
    int level, side;
    enum expr_op op;
};

static struct operator operator_at(const struct parser *p)
{
    switch (p->lex.token) {
    case TOKEN_ALTERNATIVE: return (struct operator){2, RIGHT, OP_ALTERNATIVE};
    case TOKEN_EQ: return (struct operator){5, NEITHER, OP_EQ};
    case TOKEN_NE: return (struct operator){5, NEITHER, OP_NE};
    case TOKEN_LE: return (struct operator){5, NEITHER, OP_LE};
    case TOKEN_GE: return (struct operator){5, NEITHER, OP_GE};
    case '<': return (struct operator){5, NEITHER, OP_LT};
    case '>': return (struct operator){5, NEITHER, OP_GT};
    case '+': return (struct operator){6, LEFT, OP_ADD};
    case '-': return (struct operator){6, LEFT, OP_SUB};
    case '*': return (struct operator){7, LEFT, OP_MUL};
    case '/': return (struct operator){7, LEFT, OP_DIV};
    case '%': return (struct operator){7, LEFT, OP_MOD};
    default: break;
    }
    if (parser_at_word(p, "or"))
        return (struct operator){3, LEFT, OP_OR};
    if (parser_at_word(p, "and"))
        return (struct operator){4, LEFT, OP_AND};
    return (struct operator){0};
}

/* Operators of this level and those that bind tighter. */
static struct expr_node *parse_above(struct parser *p, int level)
{
    struct expr_node *left = parse_operand(p);

    while (left) {
        struct operator o = operator_at(p);
        struct expr_node *right;

        if (p->lex.token == TOKEN_ASSIGN) {
            expr_bad(p->err, p->lex.from, parser_token_len(p), W0234, "'%.*s' is not part of windrow's expressions",
                     STR_ARG(parser_token_source(p)));
            err_help(p->err, str_is(p->lex.word, "=") ? "to compare, write =="
                                                      : "nothing is assigned here; make a new value, as in . + {a: 1}");
            return NULL;
        }
        if (o.level == 0 || o.level < level)
            break;
        if (parser_advance(p) < 0 || parser_deeper(p) < 0)
            return NULL;
        right = parse_above(p, o.side == RIGHT ? o.level : o.level + 1);
        p->nest--;
        left = parser_node2(p, o.op, left->at, left, right);
        if (left && o.side == NEITHER && operator_at(p).level == o.level) {
            expr_bad(p->err, p->lex.from, parser_token_len(p), W0230, "comparisons do not chain; use 'and'");
            return NULL;
        }
    }
    return left;
}

/* However many parts there are, a pipe or a list of commas is one node. */
struct expr_node *parser_list(struct parser *p, int token, enum expr_op op,
                                    struct expr_node *(*part)(struct parser *p))
{
    struct nodes parts = {0};
    uint32_t at = p->lex.from;

    for (;;) {
        if (parser_nodes_add(p, &parts, part(p)) < 0)
            return NULL;
        if (p->lex.token != token)
            break;
        if (parser_advance(p) < 0)
            return NULL;
    }
    return parts.n == 1 ? parts.at[0] : parser_node_of(p, op, at, &parts);
}

struct expr_node *parser_without_comma(struct parser *p)
{
    return parse_above(p, 0);
}

static struct expr_node *parse_comma(struct parser *p)
{
    return parser_list(p, ',', OP_COMMA, parser_without_comma);
}

struct expr_node *parser_pipe(struct parser *p)
{
    return parser_list(p, '|', OP_PIPE, parse_comma);
}

static int start(struct parser *p, struct expr *e, const struct expr_names *names, struct arena *a, struct err *err)
{
    size_t bad;

    *p = (struct parser){.lex = {.text = e->text}, .expr = e, .names = names, .arena = a, .err = err};
    if (e->text.len > EXPR_TEXT_MAX)
        return expr_bad(err, 0, 1, W0239, "an expression of more than %d bytes", EXPR_TEXT_MAX);
    bad = str_utf8_invalid_at(e->text);
    if (bad < e->text.len)
        return expr_bad(err, (uint32_t)bad, 1, W0230, "not valid UTF-8");
    return 0;
}

static struct expr_node *ended(struct parser *p, struct expr_node *root)
{
    if (!root || p->lex.token == TOKEN_END)
        return root;
    if (p->path) {
        expr_bad(p->err, p->lex.from, parser_token_len(p), W0238, "'%.*s' has no place in a path",
                 STR_ARG(parser_token_source(p)));
        err_help(p->err, "functions and operators belong in expr:");
    } else if (p->lex.token < 256 && strchr(")]}", p->lex.token)) {
        expr_bad(p->err, p->lex.from, 1, W0230, "nothing is open that this '%c' could close", p->lex.token);
    } else {
        parser_bad_token(p, "an operator or the end");
    }
    return NULL;
}

struct expr_node *expr_parse(struct expr *e, const struct expr_names *names, struct arena *a, struct err *err)
{
    struct parser p;

    if (start(&p, e, names, a, err) < 0 || parser_advance(&p) < 0)
        return NULL;
    return ended(&p, parser_pipe(&p));
}

struct expr_node *expr_parse_path(struct expr *e, bool each, const struct expr_names *names, struct arena *a,
                                  struct err *err)
{
    struct parser p;
    struct expr_node *root = NULL;

    if (start(&p, e, names, a, err) < 0)
        return NULL;
    p.path = p.lex.hyphens = true;
    p.each = each;
    if (parser_advance(&p) < 0)
        return NULL;
    switch (p.lex.token) {
    case '.': case TOKEN_FIELD:
        root = parse_from_input(&p);
        break;
    case TOKEN_NAME: case TOKEN_LEVELS:
        root = parser_name(&p);
        break;
    default:
        expr_bad(err, p.lex.from, parser_token_len(&p), W0238, "a path begins with '.', '^' or '$'");
        err_help(err, p.lex.token == TOKEN_WORD ? "a key is written .key; functions belong in expr:"
                                                : "a fixed value belongs in value:, anything more in expr:");
        return NULL;
    }
    return ended(&p, parser_postfix(&p, root));
}
