/* The grammar of expressions: words become nodes, names and functions are looked up on the way. */
#include "map/expr_internal.h"
#include "map/expr_lex.h"

#include <stdio.h>

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

static struct expr_node *parse_pipe(struct parser *p);
static struct expr_node *parse_above(struct parser *p, int level);
static struct expr_node *parse_without_comma(struct parser *p);
static struct expr_node *parse_list(struct parser *p, int token, enum expr_op op,
                                    struct expr_node *(*part)(struct parser *p));
static struct expr_node *parse_term(struct parser *p);

/* --- small parts ------------------------------------------------------------------------------------------- */

static int advance(struct parser *p)
{
    return expr_lex_next(&p->lex, p->err);
}

static uint32_t token_len(const struct parser *p)
{
    return (uint32_t)p->lex.at - p->lex.from;
}

static struct str token_source(const struct parser *p)
{
    return str_make(p->lex.text.at + p->lex.from, p->lex.at - p->lex.from);
}

static bool at_word(const struct parser *p, const char *word)
{
    return p->lex.token == TOKEN_WORD && str_is(p->lex.word, word);
}

static void *bad_token(struct parser *p, const char *expected)
{
    if (p->lex.token == TOKEN_END)
        expr_bad(p->err, p->lex.from, 0, W0230, "the expression ends where %s is expected", expected);
    else
        expr_bad(p->err, p->lex.from, token_len(p), W0230, "expected %s, found '%.*s'", expected,
                 STR_ARG(token_source(p)));
    return NULL;
}

static int expect(struct parser *p, int token, const char *what)
{
    if (p->lex.token != token) {
        bad_token(p, what);
        return -1;
    }
    return advance(p);
}

/* A closing bracket; the fault names the one that it should close. */
static int expect_close(struct parser *p, int token, uint32_t opened)
{
    if (p->lex.token == token)
        return advance(p);
    if (p->lex.token == TOKEN_END || strchr(")]}", p->lex.token < 256 ? p->lex.token : 1))
        return expr_bad(p->err, opened, 1, W0230, "this '%c' is not closed", p->lex.text.at[opened]);
    return expr_bad(p->err, p->lex.from, token_len(p), W0230, "expected '%c', found '%.*s'", token,
                    STR_ARG(token_source(p)));
}

static int expect_word(struct parser *p, const char *word)
{
    char what[16];

    if (at_word(p, word))
        return advance(p);
    snprintf(what, sizeof what, "'%s'", word);
    bad_token(p, what);
    return -1;
}

static struct expr_node *new_node(struct parser *p, enum expr_op op, uint32_t at, size_t n)
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

/* The node ends where the last token that was read ended, which is before the token at hand. */
static struct expr_node *finish(struct parser *p, struct expr_node *node)
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

static struct expr_node *node1(struct parser *p, enum expr_op op, uint32_t at, struct expr_node *a)
{
    struct expr_node *node = a ? new_node(p, op, at, 1) : NULL;

    if (node)
        node->kids[0] = a;
    return node ? finish(p, node) : NULL;
}

static struct expr_node *node2(struct parser *p, enum expr_op op, uint32_t at, struct expr_node *a, struct expr_node *b)
{
    struct expr_node *node = a && b ? new_node(p, op, at, 2) : NULL;

    if (!node)
        return NULL;
    node->kids[0] = a;
    node->kids[1] = b;
    return finish(p, node);
}

static struct expr_node *new_constant(struct parser *p, uint32_t at, struct value v)
{
    struct expr_node *node = new_node(p, OP_CONSTANT, at, 0);

    if (node)
        node->constant = v;
    return node;
}

static struct expr_node *new_input(struct parser *p, uint32_t at)
{
    return new_node(p, OP_INPUT, at, 0);
}

/* A list of nodes that is not yet a node. */
struct nodes {
    struct expr_node **at;
    size_t n, capacity;
};

static int nodes_add(struct parser *p, struct nodes *list, struct expr_node *node)
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

static struct expr_node *node_of(struct parser *p, enum expr_op op, uint32_t at, struct nodes *list)
{
    struct expr_node *node = new_node(p, op, at, 0);

    if (!node)
        return NULL;
    node->kids = list->at;
    node->n = (uint32_t)list->n;
    return finish(p, node);
}

static int deeper(struct parser *p)
{
    if (++p->nest > EXPR_NEST_MAX)
        return expr_bad(p->err, p->lex.from, token_len(p), W0239, "brackets nest deeper than %d", EXPR_NEST_MAX);
    return 0;
}

/* --- strings ----------------------------------------------------------------------------------------------- */

/* The parts of a string from behind its opening quote; leaves the parser at the token behind it. */
static int string_parts(struct parser *p, struct nodes *parts)
{
    char *out = arena_alloc(p->arena, p->lex.text.len - p->lex.at + 1);
    uint32_t opened = p->lex.from;
    size_t from = 0, len = 0;

    if (!out)
        return err_oom(p->err);
    for (;;) {
        uint32_t at = (uint32_t)p->lex.at;
        int more;

        p->lex.from = opened;
        more = expr_lex_string(&p->lex, out, &len, p->err);
        if (more < 0)
            return -1;
        if (len > from || (!more && parts->n == 0)) {
            struct expr_node *part = new_constant(p, at, expr_string(str_make(out + from, len - from), 0));

            if (part)
                part->len = (uint32_t)p->lex.at - 1 - (uint32_t)more - at;
            if (nodes_add(p, parts, part) < 0)
                return -1;
            from = len;
        }
        if (!more)
            return advance(p);
        at = (uint32_t)p->lex.at - 1;
        if (p->path)
            return expr_bad(p->err, at - 1, 2, W0238, "a path has no interpolation; use expr:");
        if (deeper(p) < 0 || advance(p) < 0 || nodes_add(p, parts, parse_pipe(p)) < 0)
            return -1;
        p->nest--;
        if (p->lex.token != ')')
            return expect_close(p, ')', at);
        p->lex.at = p->lex.from + 1;
    }
}

/* A string, perhaps with interpolation, perhaps in a @format. */
static struct expr_node *parse_string(struct parser *p, const struct expr_format *format, uint32_t at)
{
    struct nodes parts = {0};
    struct expr_node *node;

    if (string_parts(p, &parts) < 0)
        return NULL;
    if (parts.n == 1 && parts.at[0]->op == OP_CONSTANT) {
        parts.at[0]->at = at;
        return finish(p, parts.at[0]);
    }
    node = node_of(p, OP_STRING, at, &parts);
    if (node)
        node->format = format;
    return node;
}

static struct expr_node *parse_format(struct parser *p)
{
    uint32_t at = p->lex.from;
    const struct expr_format *format = expr_format_find(p->lex.word);
    struct expr_node *node;

    if (!format) {
        expr_bad(p->err, at, token_len(p), W0231, "unknown format '@%.*s'", STR_ARG(p->lex.word));
        err_help(p->err, "there are @text, @json, @base64, @base64d, @uri and @html");
        return NULL;
    }
    if (advance(p) < 0)
        return NULL;
    if (p->lex.token == TOKEN_QUOTE)
        return parse_string(p, format, at);
    node = new_node(p, OP_FORMAT, at, 0);
    if (!node)
        return NULL;
    node->format = format;
    return finish(p, node);
}

/* --- names ------------------------------------------------------------------------------------------------- */

static void *unknown_name(struct parser *p, struct str name, uint32_t at, uint32_t len)
{
    const char *candidates[EXPR_VARS_MAX + 256], *near;
    size_t n = 0;

    for (int i = 0; i < p->n_locals; i++) {
        candidates[n] = arena_dup(p->arena, p->locals[i].name);
        n += candidates[n] != NULL;
    }
    for (size_t i = 0; p->names && i < p->names->n_all && n < ARRAY_LEN(candidates); i++)
        candidates[n++] = p->names->all[i];
    near = str_nearest(name, candidates, n);
    if (str_is(name, "ENV") || str_is(name, "__loc__"))
        expr_bad(p->err, at, len, W0234, "'$%.*s' is not part of windrow's expressions", STR_ARG(name));
    else
        expr_bad(p->err, at, len, W0233, "there is no name '$%.*s' here", STR_ARG(name));
    if (near && *near != '^')
        err_help(p->err, "did you mean '$%s'?", near);
    return NULL;
}

static int bind_local(struct parser *p, struct str name)
{
    if (p->n_locals == EXPR_VARS_MAX)
        return expr_bad(p->err, p->lex.from, token_len(p), W0239, "more than %d variables", EXPR_VARS_MAX);
    p->locals[p->n_locals].name = name;
    p->locals[p->n_locals].slot = p->n_locals;
    if (++p->n_locals > p->expr->vars)
        p->expr->vars = p->n_locals;
    return p->n_locals - 1;
}

static struct expr_node *find_local(struct parser *p, struct str name, uint32_t at)
{
    for (int i = p->n_locals; i-- > 0;) {
        struct expr_node *node;

        if (!str_eq(p->locals[i].name, name))
            continue;
        node = new_node(p, OP_LOCAL, at, 0);
        if (node)
            node->slot = p->locals[i].slot;
        return node;
    }
    return NULL;
}

static int check_key(struct parser *p, struct expr_node *node)
{
    struct err why = {0};
    int rc = 0;

    if (!p->names->check_key || p->names->check_key(p->names->context, node->slot, node->key, &why) == 0)
        return 0;
    rc = expr_bad(p->err, node->at, node->len, W0233, "%s", why.scope ? why.message : "there is no such key");
    if (why.help[0])
        err_help(p->err, "%s", why.help);
    err_release(&why);
    return rc;
}

static struct expr_node *keyed_constant(struct parser *p, struct expr_node *slot, struct str key)
{
    slot->op = OP_KEYED;
    slot->key = key;
    return check_key(p, finish(p, slot)) < 0 ? NULL : slot;
}

/* What follows the name of a KEYED slot. Without a key the slot stands for itself. */
static struct expr_node *parse_keyed(struct parser *p, struct expr_node *slot)
{
    struct expr_node *key;
    uint32_t opened = p->lex.from;
    struct lexer back = p->lex;

    if (p->lex.token == TOKEN_FIELD) {
        struct str word = p->lex.word;

        return advance(p) < 0 ? NULL : keyed_constant(p, slot, word);
    }
    if (p->lex.token == '.') {
        if (advance(p) < 0)
            return NULL;
        if (p->lex.token != TOKEN_QUOTE) {
            p->lex = back;
            return slot;
        }
        key = parse_string(p, NULL, p->lex.from);
    } else if (p->lex.token == '[') {
        if (advance(p) < 0)
            return NULL;
        if (p->lex.token == ']' || p->lex.token == ':') {
            p->lex = back;
            return slot;
        }
        if (p->path && p->lex.token != TOKEN_QUOTE)
            return bad_token(p, "a key in quotes");
        if (deeper(p) < 0)
            return NULL;
        key = parse_pipe(p);
        p->nest--;
        if (key && p->lex.token == ':') {
            p->lex = back;
            return slot;
        }
        if (key && expect_close(p, ']', opened) < 0)
            return NULL;
    } else {
        return slot;
    }
    if (!key)
        return NULL;
    if (key->op == OP_CONSTANT && key->constant.type == VALUE_STRING)
        return keyed_constant(p, slot, key->constant.text);
    key = node1(p, OP_KEYED_BY, slot->at, key);
    if (key)
        key->slot = slot->slot;
    return key;
}

static struct expr_node *parse_name(struct parser *p)
{
    uint32_t at = p->lex.from, len = token_len(p);
    bool level = p->lex.token == TOKEN_LEVELS;
    struct str name = p->lex.word;
    struct expr_node *node = level ? NULL : find_local(p, name, at);
    enum expr_name_kind kind = EXPR_NAME_UNKNOWN;
    int slot = 0;

    if (node)
        return advance(p) < 0 ? NULL : finish(p, node);
    if (p->names && p->names->find)
        kind = p->names->find(p->names->context, name, &slot);
    if (kind == EXPR_NAME_UNKNOWN && level) {
        expr_bad(p->err, at, len, W0233, "'%.*s' goes above the outermost level", STR_ARG(name));
        err_help(p->err, "^ is the level around this each:; there must be one each: more than there are ^");
        return NULL;
    }
    if (kind == EXPR_NAME_UNKNOWN)
        return unknown_name(p, name, at, len);
    node = new_node(p, OP_SLOT, at, 0);
    if (!node || advance(p) < 0)
        return NULL;
    node->slot = slot;
    finish(p, node);
    if (level && p->lex.token == TOKEN_NAME) {
        expr_bad(p->err, at, p->lex.from + token_len(p) - at, W0230, "names have no levels; write '$%.*s' alone",
                 STR_ARG(p->lex.word));
        return NULL;
    }
    return kind == EXPR_NAME_KEYED ? parse_keyed(p, node) : node;
}

/* --- postfix ----------------------------------------------------------------------------------------------- */

static struct expr_node *get(struct parser *p, struct expr_node *target, struct str key)
{
    struct expr_node *node = node1(p, OP_GET, target->at, target);

    if (node)
        node->key = key;
    return node;
}

static struct expr_node *index_by(struct parser *p, struct expr_node *target, struct expr_node *key)
{
    int64_t i;

    if (key && key->op == OP_CONSTANT && key->constant.type == VALUE_STRING)
        return get(p, target, key->constant.text);
    if (key && key->op == OP_CONSTANT && key->constant.type == VALUE_NUMBER &&
        expr_number_fast(key->constant.text, &i)) {
        struct expr_node *node = node1(p, OP_AT, target->at, target);

        if (node)
            node->index = i;
        return node;
    }
    return node2(p, OP_INDEX, target->at, key, target);
}

static struct expr_node *null_node(struct parser *p)
{
    return new_constant(p, p->lex.from, value_null());
}

static struct expr_node *slice(struct parser *p, struct expr_node *target, struct expr_node *from, uint32_t opened)
{
    struct expr_node *node = new_node(p, OP_SLICE, target->at, 3);
    struct expr_node *to;

    if (!node || !from || advance(p) < 0)
        return NULL;
    to = p->lex.token == ']' ? null_node(p) : parse_pipe(p);
    if (!to || expect_close(p, ']', opened) < 0)
        return NULL;
    node->kids[0] = from;
    node->kids[1] = to;
    node->kids[2] = target;
    return finish(p, node);
}

/* A path takes a whole number or a quoted key between [ and ], and [] where it is allowed. */
static struct expr_node *path_key(struct parser *p)
{
    bool minus = p->lex.token == '-';
    struct expr_node *key;

    if (minus && advance(p) < 0)
        return NULL;
    if (p->lex.token == TOKEN_QUOTE && !minus)
        return parse_string(p, NULL, p->lex.from);
    if (p->lex.token == TOKEN_NUMBER && strspn(p->lex.word.at, "0123456789") >= p->lex.word.len &&
        p->lex.word.len <= 15) {
        struct str digits = str_make(p->lex.word.at - minus, p->lex.word.len + minus);

        key = new_constant(p, p->lex.from, value_number(digits));
        return advance(p) < 0 ? NULL : key;
    }
    expr_bad(p->err, p->lex.from, token_len(p), W0238, "a path takes a whole number or a quoted key between [ and ]");
    err_help(p->err, "anything more belongs in expr:");
    return NULL;
}

/* At '['. */
static struct expr_node *parse_brackets(struct parser *p, struct expr_node *target)
{
    uint32_t opened = p->lex.from;
    struct expr_node *key;

    if (deeper(p) < 0 || advance(p) < 0)
        return NULL;
    p->nest--;
    if (p->lex.token == ']') {
        if (p->path && !p->each) {
            expr_bad(p->err, opened, 2, W0238, "[] gives many values, and a column takes one");
            err_help(p->err, "use each: for a row of each item, or expr: with first(...) or [...]");
            return NULL;
        }
        return advance(p) < 0 ? NULL : node1(p, OP_EACH, target->at, target);
    }
    p->nest++;
    if (p->path) {
        key = path_key(p);
    } else {
        if (p->lex.token == ':')
            return slice(p, target, null_node(p), opened);
        key = parse_pipe(p);
        if (key && p->lex.token == ':') {
            p->nest--;
            return slice(p, target, key, opened);
        }
    }
    p->nest--;
    if (!key || expect_close(p, ']', opened) < 0)
        return NULL;
    return index_by(p, target, key);
}

/* At '.' behind a term: ."key", .[...]. */
static struct expr_node *parse_dot(struct parser *p, struct expr_node *target)
{
    struct expr_node *key;

    if (advance(p) < 0)
        return NULL;
    if (p->lex.token == '[')
        return parse_brackets(p, target);
    if (p->lex.token != TOKEN_QUOTE)
        return bad_token(p, "a key behind '.'");
    key = parse_string(p, NULL, p->lex.from);
    return key ? index_by(p, target, key) : NULL;
}

static struct expr_node *parse_postfix(struct parser *p, struct expr_node *term)
{
    while (term) {
        switch (p->lex.token) {
        case TOKEN_FIELD: {
            struct str word = p->lex.word;

            term = advance(p) < 0 ? NULL : get(p, term, word);
            break;
        }
        case '.':
            term = parse_dot(p, term);
            break;
        case '[':
            term = parse_brackets(p, term);
            break;
        case '?':
            term = advance(p) < 0 ? NULL : node1(p, OP_TRY, term->at, term);
            break;
        default:
            return term;
        }
    }
    return NULL;
}

/* --- terms ------------------------------------------------------------------------------------------------- */

static struct expr_node *parse_number(struct parser *p)
{
    struct str word = p->lex.word;
    struct expr_node *node;

    if (word.len > 1000) {
        expr_bad(p->err, p->lex.from, token_len(p), W0239, "a number of more than 1000 digits");
        return NULL;
    }
    if (!expr_number_valid(word)) {
        /* jq also takes 007, 1. and .5, which JSON does not. */
        size_t zeros = strspn(word.at, "0"), dot;
        char *plain;

        if (zeros && zeros < word.len && word.at[zeros] >= '0' && word.at[zeros] <= '9')
            word = str_make(word.at + zeros, word.len - zeros);
        else if (zeros > 1)
            word = str_make(word.at + zeros - 1, word.len - zeros + 1);
        dot = (size_t)((const char *)memchr(word.at, '.', word.len) ? (const char *)memchr(word.at, '.', word.len) -
                       word.at : (ptrdiff_t)word.len);
        plain = arena_printf(p->arena, "%s%.*s%s%.*s", dot == 0 ? "0" : "", (int)dot, word.at,
                             dot + 1 < word.len && word.at[dot + 1] >= '0' && word.at[dot + 1] <= '9' ? "." : "",
                             dot < word.len ? (int)(word.len - dot - 1) : 0, word.at + dot + (dot < word.len));
        if (!plain) {
            err_oom(p->err);
            return NULL;
        }
        word = str_of(plain);
    }
    node = new_constant(p, p->lex.from, value_number(word));
    return node && advance(p) == 0 ? finish(p, node) : NULL;
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
        if (deeper(p) < 0)
            return NULL;
        do {
            if (advance(p) < 0 || nodes_add(p, &args, parse_pipe(p)) < 0)
                return NULL;
        } while (p->lex.token == ';');
        p->nest--;
        if (p->lex.token == ',' || expect_close(p, ')', opened) < 0)
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
    node = node_of(p, OP_CALL, at, &args);
    if (node)
        node->function = function;
    return node;
}

static struct expr_node *parse_if(struct parser *p, uint32_t at)
{
    struct expr_node *node = new_node(p, OP_IF, at, 3);

    if (!node || deeper(p) < 0 || !(node->kids[0] = parse_pipe(p)) || expect_word(p, "then") < 0 ||
        !(node->kids[1] = parse_pipe(p)))
        return NULL;
    if (at_word(p, "elif")) {
        uint32_t from = p->lex.from;

        if (advance(p) < 0 || !(node->kids[2] = parse_if(p, from)))
            return NULL;
        p->nest--;
        return finish(p, node);
    }
    if (at_word(p, "else")) {
        if (advance(p) < 0 || !(node->kids[2] = parse_pipe(p)))
            return NULL;
    } else if (!(node->kids[2] = new_input(p, p->lex.from))) {
        return NULL;
    }
    p->nest--;
    if (at_word(p, "end"))
        return advance(p) < 0 ? NULL : finish(p, node);
    if (p->lex.token == TOKEN_END)
        expr_bad(p->err, at, 2, W0230, "this 'if' has no 'end'");
    else
        bad_token(p, "'elif', 'else' or 'end'");
    return NULL;
}

static struct expr_node *parse_try(struct parser *p, uint32_t at)
{
    struct expr_node *body, *handler;

    if (deeper(p) < 0 || !(body = parse_postfix(p, parse_term(p))))
        return NULL;
    p->nest--;
    if (!at_word(p, "catch"))
        return node1(p, OP_TRY, at, body);
    if (deeper(p) < 0 || advance(p) < 0)
        return NULL;
    handler = parse_postfix(p, parse_term(p));
    p->nest--;
    return node2(p, OP_TRY, at, body, handler);
}

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
    pattern->len = token_len(p);
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

        if (!pattern || advance(p) < 0 || !(item = parse_pattern(p)) || pattern_add(p, pattern, NULL, -1, item) < 0)
            return NULL;
    } while (p->lex.token == ',');
    return expect_close(p, ']', pattern->at) < 0 ? NULL : pattern;
}

/* The key of one entry: a word, a string, (an expression), or $name, which also binds. */
static struct expr_node *parse_pattern_key(struct parser *p, int *variable)
{
    struct expr_node *key = NULL;
    uint32_t at = p->lex.from;

    *variable = -1;
    switch (p->lex.token) {
    case TOKEN_NAME:
        key = new_constant(p, at, value_string(p->lex.word));
        if ((*variable = bind_local(p, p->lex.word)) < 0)
            return NULL;
        return advance(p) < 0 ? NULL : key;
    case TOKEN_WORD:
        key = new_constant(p, at, value_string(p->lex.word));
        return advance(p) < 0 ? NULL : key;
    case TOKEN_QUOTE:
        return parse_string(p, NULL, at);
    case '(':
        if (deeper(p) < 0 || advance(p) < 0 || !(key = parse_pipe(p)))
            return NULL;
        p->nest--;
        return expect_close(p, ')', at) < 0 ? NULL : key;
    default:
        return bad_token(p, "a key");
    }
}

static struct expr_pattern *parse_object_pattern(struct parser *p)
{
    struct expr_pattern *pattern = new_pattern(p, PATTERN_OBJECT);

    do {
        struct expr_pattern *item = NULL;
        struct expr_node *key;
        int variable;

        if (!pattern || advance(p) < 0 || !(key = parse_pattern_key(p, &variable)))
            return NULL;
        if (p->lex.token == ':') {
            if (advance(p) < 0 || !(item = parse_pattern(p)))
                return NULL;
        } else if (variable < 0) {
            return bad_token(p, "':'");
        }
        if (pattern_add(p, pattern, key, variable, item) < 0)
            return NULL;
    } while (p->lex.token == ',');
    return expect_close(p, '}', pattern->at) < 0 ? NULL : pattern;
}

static struct expr_pattern *parse_pattern(struct parser *p)
{
    struct expr_pattern *pattern = NULL;

    if (deeper(p) < 0)
        return NULL;
    if (p->lex.token == '[') {
        pattern = parse_array_pattern(p);
    } else if (p->lex.token == '{') {
        pattern = parse_object_pattern(p);
    } else if (p->lex.token == TOKEN_NAME) {
        pattern = new_pattern(p, PATTERN_VARIABLE);
        if (!pattern || (pattern->variable = bind_local(p, p->lex.word)) < 0 || advance(p) < 0)
            return NULL;
    } else {
        bad_token(p, "a variable such as $x");
    }
    p->nest--;
    return pattern;
}

/* At 'as': source as pattern | body, where the body takes all that follows. */
static struct expr_node *parse_as(struct parser *p, struct expr_node *source)
{
    struct expr_node *node = new_node(p, OP_AS, source->at, 2);
    int locals = p->n_locals;

    if (!node || advance(p) < 0 || !(node->pattern = parse_pattern(p)))
        return NULL;
    if (p->lex.token == '?') {
        expr_bad(p->err, p->lex.from, token_len(p), W0234, "'?//' is not part of windrow's expressions");
        return NULL;
    }
    node->kids[0] = source;
    if (expect(p, '|', "'|'") < 0 || deeper(p) < 0 || !(node->kids[1] = parse_pipe(p)))
        return NULL;
    p->nest--;
    p->n_locals = locals;
    return finish(p, node);
}

static struct expr_node *parse_reduce(struct parser *p, enum expr_op op, uint32_t at)
{
    struct expr_node *node = new_node(p, op, at, op == OP_REDUCE ? 3 : 4);
    int locals = p->n_locals;
    uint32_t opened;

    if (!node || deeper(p) < 0 || !(node->kids[0] = parse_postfix(p, parse_term(p))) || expect_word(p, "as") < 0 ||
        !(node->pattern = parse_pattern(p)))
        return NULL;
    opened = p->lex.from;
    if (expect(p, '(', "'('") < 0)
        return NULL;
    for (uint32_t i = 1; i < node->n; i++) {
        if (i > 1 && (i < 3 || p->lex.token == ';')) {
            if (expect(p, ';', "';'") < 0)
                return NULL;
        } else if (i == 3) {
            node->n = 3;
            break;
        }
        if (!(node->kids[i] = parse_pipe(p)))
            return NULL;
    }
    p->nest--;
    p->n_locals = locals;
    return expect_close(p, ')', opened) < 0 ? NULL : finish(p, node);
}

/* --- arrays and objects ------------------------------------------------------------------------------------ */

static struct expr_node *parse_array(struct parser *p)
{
    uint32_t at = p->lex.from;
    struct expr_node *node, *kid = NULL;

    if (deeper(p) < 0 || advance(p) < 0)
        return NULL;
    if (p->lex.token != ']' && !(kid = parse_pipe(p)))
        return NULL;
    p->nest--;
    if (expect_close(p, ']', at) < 0)
        return NULL;
    node = new_node(p, OP_ARRAY, at, kid != NULL);
    if (node && kid)
        node->kids[0] = kid;
    return node ? finish(p, node) : NULL;
}

/* A value in an object: anything without a comma; jq wants brackets around operators, which is fine here too. */
static struct expr_node *parse_object_value(struct parser *p)
{
    return parse_list(p, '|', OP_PIPE, parse_without_comma);
}

/* One entry into `entries`: key, value. */
static int parse_entry(struct parser *p, struct nodes *entries)
{
    uint32_t at = p->lex.from;
    struct expr_node *key = NULL, *value = NULL;

    if (p->lex.token == TOKEN_NAME || p->lex.token == TOKEN_LEVELS) {
        struct str word = p->lex.word;

        key = new_constant(p, at, value_string(word));
        value = find_local(p, word, at);
        if (value ? advance(p) < 0 : !(value = parse_name(p)))
            return -1;
        if (value->op == OP_KEYED)
            key = new_constant(p, at, value_string(value->key));
    } else if (p->lex.token == TOKEN_WORD || p->lex.token == TOKEN_NUMBER) {
        key = new_constant(p, at, value_string(p->lex.word));
        if (p->lex.token == TOKEN_NUMBER)
            return expr_bad(p->err, at, token_len(p), W0230, "a key is a word or stands in quotes");
        if (advance(p) < 0)
            return -1;
    } else if (p->lex.token == TOKEN_QUOTE) {
        key = parse_string(p, NULL, at);
    } else if (p->lex.token == TOKEN_FORMAT) {
        key = parse_format(p);
    } else if (p->lex.token == '(') {
        if (deeper(p) < 0 || advance(p) < 0 || !(key = parse_pipe(p)) || expect_close(p, ')', at) < 0)
            return -1;
        p->nest--;
        if (p->lex.token != ':') {
            bad_token(p, "':'");
            return -1;
        }
    } else {
        bad_token(p, "a key");
        return -1;
    }
    if (!key)
        return -1;
    if (!value && p->lex.token == ':') {
        if (advance(p) < 0)
            return -1;
        value = parse_object_value(p);
    } else if (!value) {
        /* {a}: the member of the same name */
        struct expr_node *input = new_input(p, at);

        value = input ? index_by(p, input, key) : NULL;
    }
    return nodes_add(p, entries, key) < 0 || nodes_add(p, entries, value) < 0 ? -1 : 0;
}

static struct expr_node *parse_object(struct parser *p)
{
    uint32_t at = p->lex.from;
    struct nodes entries = {0};

    if (deeper(p) < 0 || advance(p) < 0)
        return NULL;
    while (p->lex.token != '}') {
        if (parse_entry(p, &entries) < 0)
            return NULL;
        if (p->lex.token != ',')
            break;
        if (advance(p) < 0)
            return NULL;
    }
    p->nest--;
    return expect_close(p, '}', at) < 0 ? NULL : node_of(p, OP_OBJECT, at, &entries);
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
            return bad_token(p, "a value");
    }
    if (advance(p) < 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(constants); i++) {
        struct value v = {.type = (uint8_t)constants[i].type, .truth = constants[i].truth};
        struct expr_node *node;

        if (!str_is(word, constants[i].word))
            continue;
        node = new_constant(p, at, v);
        return node ? finish(p, node) : NULL;
    }
    if (str_is(word, "if"))
        return parse_if(p, at);
    if (str_is(word, "try"))
        return parse_try(p, at);
    if (str_is(word, "reduce"))
        return parse_reduce(p, OP_REDUCE, at);
    if (str_is(word, "foreach"))
        return parse_reduce(p, OP_FOREACH, at);
    return parse_call(p, word, at);
}

static struct expr_node *parse_round(struct parser *p)
{
    uint32_t at = p->lex.from;
    struct expr_node *node;

    if (deeper(p) < 0 || advance(p) < 0 || !(node = parse_pipe(p)))
        return NULL;
    p->nest--;
    return expect_close(p, ')', at) < 0 ? NULL : node;
}

/* '.' alone, .a, ."a", .[...]. */
static struct expr_node *parse_from_input(struct parser *p)
{
    struct expr_node *node = new_input(p, p->lex.from);

    if (!node)
        return NULL;
    node->len = 1;
    if (p->lex.token == TOKEN_FIELD)
        return node;    /* parse_postfix() takes it from here */
    if (advance(p) < 0)
        return NULL;
    if (p->lex.token == TOKEN_QUOTE) {
        struct expr_node *key = parse_string(p, NULL, p->lex.from);

        return key ? index_by(p, node, key) : NULL;
    }
    return node;
}

static struct expr_node *parse_term(struct parser *p)
{
    switch (p->lex.token) {
    case '.': case TOKEN_FIELD:
        return parse_from_input(p);
    case TOKEN_NAME: case TOKEN_LEVELS:
        return parse_name(p);
    case TOKEN_QUOTE:
        return parse_string(p, NULL, p->lex.from);
    case TOKEN_FORMAT:
        return parse_format(p);
    case TOKEN_NUMBER:
        return parse_number(p);
    case TOKEN_WORD:
        return parse_keyword(p);
    case '(':
        return parse_round(p);
    case '[':
        return parse_array(p);
    case '{':
        return parse_object(p);
    case TOKEN_RECURSE:
        expr_bad(p->err, p->lex.from, 2, W0234, "'..' is not part of windrow's expressions");
        err_help(p->err, "name the path, or use .[] once for each level");
        return NULL;
    default:
        return bad_token(p, "a value");
    }
}

static struct expr_node *parse_operand(struct parser *p)
{
    uint32_t at = p->lex.from;
    struct expr_node *term;

    if (p->lex.token == '-') {
        if (deeper(p) < 0 || advance(p) < 0)
            return NULL;
        term = node1(p, OP_NEGATE, at, parse_above(p, 7));
        p->nest--;
        return term;
    }
    term = parse_postfix(p, parse_term(p));
    return term && at_word(p, "as") ? parse_as(p, term) : term;
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
    if (at_word(p, "or"))
        return (struct operator){3, LEFT, OP_OR};
    if (at_word(p, "and"))
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
            expr_bad(p->err, p->lex.from, token_len(p), W0234, "'%.*s' is not part of windrow's expressions",
                     STR_ARG(token_source(p)));
            err_help(p->err, str_is(p->lex.word, "=") ? "to compare, write =="
                                                      : "nothing is assigned here; make a new value, as in . + {a: 1}");
            return NULL;
        }
        if (o.level == 0 || o.level < level)
            break;
        if (advance(p) < 0 || deeper(p) < 0)
            return NULL;
        right = parse_above(p, o.side == RIGHT ? o.level : o.level + 1);
        p->nest--;
        left = node2(p, o.op, left->at, left, right);
        if (left && o.side == NEITHER && operator_at(p).level == o.level) {
            expr_bad(p->err, p->lex.from, token_len(p), W0230, "comparisons do not chain; use 'and'");
            return NULL;
        }
    }
    return left;
}

/* However many parts there are, a pipe or a list of commas is one node. */
static struct expr_node *parse_list(struct parser *p, int token, enum expr_op op,
                                    struct expr_node *(*part)(struct parser *p))
{
    struct nodes parts = {0};
    uint32_t at = p->lex.from;

    for (;;) {
        if (nodes_add(p, &parts, part(p)) < 0)
            return NULL;
        if (p->lex.token != token)
            break;
        if (advance(p) < 0)
            return NULL;
    }
    return parts.n == 1 ? parts.at[0] : node_of(p, op, at, &parts);
}

static struct expr_node *parse_without_comma(struct parser *p)
{
    return parse_above(p, 0);
}

static struct expr_node *parse_comma(struct parser *p)
{
    return parse_list(p, ',', OP_COMMA, parse_without_comma);
}

static struct expr_node *parse_pipe(struct parser *p)
{
    return parse_list(p, '|', OP_PIPE, parse_comma);
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
        expr_bad(p->err, p->lex.from, token_len(p), W0238, "'%.*s' has no place in a path", STR_ARG(token_source(p)));
        err_help(p->err, "functions and operators belong in expr:");
    } else if (p->lex.token < 256 && strchr(")]}", p->lex.token)) {
        expr_bad(p->err, p->lex.from, 1, W0230, "nothing is open that this '%c' could close", p->lex.token);
    } else {
        bad_token(p, "an operator or the end");
    }
    return NULL;
}

struct expr_node *expr_parse(struct expr *e, const struct expr_names *names, struct arena *a, struct err *err)
{
    struct parser p;

    if (start(&p, e, names, a, err) < 0 || advance(&p) < 0)
        return NULL;
    return ended(&p, parse_pipe(&p));
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
    if (advance(&p) < 0)
        return NULL;
    switch (p.lex.token) {
    case '.': case TOKEN_FIELD:
        root = parse_from_input(&p);
        break;
    case TOKEN_NAME: case TOKEN_LEVELS:
        root = parse_name(&p);
        break;
    default:
        expr_bad(err, p.lex.from, token_len(&p), W0238, "a path begins with '.', '^' or '$'");
        err_help(err, p.lex.token == TOKEN_WORD ? "a key is written .key; functions belong in expr:"
                                                : "a fixed value belongs in value:, anything more in expr:");
        return NULL;
    }
    return ended(&p, parse_postfix(&p, root));
}
