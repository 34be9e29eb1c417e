/* The small parts of the grammar: strings with what is put into them, names, and the steps behind a term. */
#include "expr/parser.h"

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
            struct expr_node *part = parser_new_constant(p, at, expr_string(str_make(out + from, len - from), 0));

            if (part) {
                part->len = (uint32_t)p->lex.at - 1 - (uint32_t)more - at;
                part->literal = true;
            }
            if (parser_nodes_add(p, parts, part) < 0)
                return -1;
            from = len;
        }
        if (!more)
            return parser_advance(p);
        at = (uint32_t)p->lex.at - 1;
        if (p->path)
            return expr_bad(p->err, at - 1, 2, W0238, "a path has no interpolation; use expr:");
        if (parser_deeper(p) < 0 || parser_advance(p) < 0 || parser_nodes_add(p, parts, parser_pipe(p)) < 0)
            return -1;
        parts->at[parts->n - 1]->literal = false;
        p->nest--;
        if (p->lex.token != ')')
            return parser_expect_close(p, ')', at);
        p->lex.at = p->lex.from + 1;
    }
}

/* A string, perhaps with interpolation, perhaps in a @format. */
struct expr_node *parser_string(struct parser *p, const struct expr_format *format, uint32_t at)
{
    struct nodes parts = {0};
    struct expr_node *node;

    if (string_parts(p, &parts) < 0)
        return NULL;
    if (parts.n == 1 && parts.at[0]->literal) {
        parts.at[0]->at = at;
        return parser_finish(p, parts.at[0]);
    }
    node = parser_node_of(p, OP_STRING, at, &parts);
    if (node)
        node->format = format;
    return node;
}

struct expr_node *parser_format(struct parser *p)
{
    uint32_t at = p->lex.from;
    const struct expr_format *format = expr_format_find(p->lex.word);
    struct expr_node *node;

    if (!format) {
        expr_bad(p->err, at, parser_token_len(p), W0231, "unknown format '@%.*s'", STR_ARG(p->lex.word));
        err_help(p->err, "there are @text, @json, @base64, @base64d, @uri and @html");
        return NULL;
    }
    if (parser_advance(p) < 0)
        return NULL;
    if (p->lex.token == TOKEN_QUOTE)
        return parser_string(p, format, at);
    node = parser_new_node(p, OP_FORMAT, at, 0);
    if (!node)
        return NULL;
    node->format = format;
    return parser_finish(p, node);
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
    if (near && *near != '^' && !str_is(name, near))
        err_help(p->err, "did you mean '$%s'?", near);
    return NULL;
}

int parser_bind_local(struct parser *p, struct str name)
{
    if (p->n_locals == EXPR_VARS_MAX)
        return expr_bad(p->err, p->lex.from, parser_token_len(p), W0239, "more than %d variables", EXPR_VARS_MAX);
    p->locals[p->n_locals].name = name;
    p->locals[p->n_locals].slot = p->n_locals;
    if (++p->n_locals > p->expr->vars)
        p->expr->vars = p->n_locals;
    return p->n_locals - 1;
}

struct expr_node *parser_find_local(struct parser *p, struct str name, uint32_t at)
{
    for (int i = p->n_locals; i-- > 0;) {
        struct expr_node *node;

        if (!str_eq(p->locals[i].name, name))
            continue;
        node = parser_new_node(p, OP_LOCAL, at, 0);
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
    if (p->names->known)
        slot->constant = p->names->known(p->names->context, slot->slot, key);
    return check_key(p, parser_finish(p, slot)) < 0 ? NULL : slot;
}

/* What follows the name of a KEYED slot. Without a key the slot stands for itself. */
static struct expr_node *parse_keyed(struct parser *p, struct expr_node *slot)
{
    struct expr_node *key;
    uint32_t opened = p->lex.from;
    struct lexer back = p->lex;

    if (p->lex.token == TOKEN_FIELD) {
        struct str word = p->lex.word;

        return parser_advance(p) < 0 ? NULL : keyed_constant(p, slot, word);
    }
    if (p->lex.token == '.') {
        if (parser_advance(p) < 0)
            return NULL;
        if (p->lex.token != TOKEN_QUOTE) {
            p->lex = back;
            return slot;
        }
        key = parser_string(p, NULL, p->lex.from);
    } else if (p->lex.token == '[') {
        if (parser_advance(p) < 0)
            return NULL;
        if (p->lex.token == ']' || p->lex.token == ':') {
            p->lex = back;
            return slot;
        }
        if (p->path && p->lex.token != TOKEN_QUOTE)
            return parser_bad_token(p, "a key in quotes");
        if (parser_deeper(p) < 0)
            return NULL;
        key = parser_pipe(p);
        p->nest--;
        if (key && p->lex.token == ':') {
            p->lex = back;
            return slot;
        }
        if (key && parser_expect_close(p, ']', opened) < 0)
            return NULL;
    } else {
        return slot;
    }
    if (!key)
        return NULL;
    if (key->op == OP_CONSTANT && key->constant.type == VALUE_STRING)
        return keyed_constant(p, slot, key->constant.text);
    key = parser_node1(p, OP_KEYED_BY, slot->at, key);
    if (key)
        key->slot = slot->slot;
    return key;
}

struct expr_node *parser_name(struct parser *p)
{
    uint32_t at = p->lex.from, len = parser_token_len(p);
    bool level = p->lex.token == TOKEN_LEVELS;
    struct str name = p->lex.word;
    struct expr_node *node = level ? NULL : parser_find_local(p, name, at);
    enum expr_name_kind kind = EXPR_NAME_UNKNOWN;
    int slot = 0;

    if (node)
        return parser_advance(p) < 0 ? NULL : parser_finish(p, node);
    if (p->names && p->names->find)
        kind = p->names->find(p->names->context, name, &slot);
    if (kind == EXPR_NAME_UNKNOWN && level) {
        expr_bad(p->err, at, len, W0233, "'%.*s' goes above the outermost level", STR_ARG(name));
        err_help(p->err, "^ is the level around this each:; there must be one each: more than there are ^");
        return NULL;
    }
    if (kind == EXPR_NAME_UNKNOWN)
        return unknown_name(p, name, at, len);
    node = parser_new_node(p, OP_SLOT, at, 0);
    if (!node || parser_advance(p) < 0)
        return NULL;
    node->slot = slot;
    parser_finish(p, node);
    if (level && p->lex.token == TOKEN_NAME) {
        expr_bad(p->err, at, p->lex.from + parser_token_len(p) - at, W0230, "names have no levels; write '$%.*s' alone",
                 STR_ARG(p->lex.word));
        return NULL;
    }
    return kind == EXPR_NAME_KEYED ? parse_keyed(p, node) : node;
}

/* --- postfix ----------------------------------------------------------------------------------------------- */

static struct expr_node *get(struct parser *p, struct expr_node *target, struct str key)
{
    struct expr_node *node = parser_node1(p, OP_GET, target->at, target);

    if (node)
        node->key = key;
    return node;
}

struct expr_node *parser_index_by(struct parser *p, struct expr_node *target, struct expr_node *key)
{
    bool minus = key && key->op == OP_NEGATE && key->kids[0]->op == OP_CONSTANT;
    struct expr_node *number = minus ? key->kids[0] : key;
    int64_t i;

    if (key && key->op == OP_CONSTANT && key->constant.type == VALUE_STRING)
        return get(p, target, key->constant.text);
    if (number && number->op == OP_CONSTANT && number->constant.type == VALUE_NUMBER &&
        expr_number_fast(number->constant.text, &i)) {
        struct expr_node *node = parser_node1(p, OP_AT, target->at, target);

        if (node)
            node->index = minus ? -i : i;
        return node;
    }
    return parser_node2(p, OP_INDEX, target->at, key, target);
}

static struct expr_node *null_node(struct parser *p)
{
    return parser_new_constant(p, p->lex.from, value_null());
}

static struct expr_node *slice(struct parser *p, struct expr_node *target, struct expr_node *from, uint32_t opened)
{
    struct expr_node *node = parser_new_node(p, OP_SLICE, target->at, 3);
    struct expr_node *to;

    if (!node || !from || parser_advance(p) < 0)
        return NULL;
    to = p->lex.token == ']' ? null_node(p) : parser_pipe(p);
    if (!to || parser_expect_close(p, ']', opened) < 0)
        return NULL;
    node->kids[0] = from;
    node->kids[1] = to;
    node->kids[2] = target;
    return parser_finish(p, node);
}

/* A path takes a whole number or a quoted key between [ and ], and [] where it is allowed. */
static struct expr_node *path_key(struct parser *p)
{
    bool minus = p->lex.token == '-';
    struct expr_node *key;

    if (minus && parser_advance(p) < 0)
        return NULL;
    if (p->lex.token == TOKEN_QUOTE && !minus)
        return parser_string(p, NULL, p->lex.from);
    if (p->lex.token == TOKEN_NUMBER && strspn(p->lex.word.at, "0123456789") >= p->lex.word.len &&
        p->lex.word.len <= 15) {
        struct str digits = str_make(p->lex.word.at - minus, p->lex.word.len + minus);

        key = parser_new_constant(p, p->lex.from, value_number(digits));
        return parser_advance(p) < 0 ? NULL : key;
    }
    expr_bad(p->err, p->lex.from, parser_token_len(p), W0238,
             "a path takes a whole number or a quoted key between [ and ]");
    err_help(p->err, "anything more belongs in expr:");
    return NULL;
}

/* At '['. */
static struct expr_node *parse_brackets(struct parser *p, struct expr_node *target)
{
    uint32_t opened = p->lex.from;
    struct expr_node *key;

    if (parser_deeper(p) < 0 || parser_advance(p) < 0)
        return NULL;
    p->nest--;
    if (p->lex.token == ']') {
        if (p->path && !p->each) {
            expr_bad(p->err, opened, 2, W0238, "[] gives many values, and a column takes one");
            err_help(p->err, "use each: for a row of each item, or expr: with first(...) or [...]");
            return NULL;
        }
        return parser_advance(p) < 0 ? NULL : parser_node1(p, OP_EACH, target->at, target);
    }
    p->nest++;
    if (p->path) {
        key = path_key(p);
    } else {
        if (p->lex.token == ':')
            return slice(p, target, null_node(p), opened);
        key = parser_pipe(p);
        if (key && p->lex.token == ':') {
            p->nest--;
            return slice(p, target, key, opened);
        }
    }
    p->nest--;
    if (!key || parser_expect_close(p, ']', opened) < 0)
        return NULL;
    return parser_index_by(p, target, key);
}

/* At '.' behind a term: ."key", .[...]. */
static struct expr_node *parse_dot(struct parser *p, struct expr_node *target)
{
    struct expr_node *key;

    if (parser_advance(p) < 0)
        return NULL;
    if (p->lex.token == '[')
        return parse_brackets(p, target);
    if (p->lex.token != TOKEN_QUOTE)
        return parser_bad_token(p, "a key behind '.'");
    key = parser_string(p, NULL, p->lex.from);
    return key ? parser_index_by(p, target, key) : NULL;
}

struct expr_node *parser_postfix(struct parser *p, struct expr_node *term)
{
    while (term) {
        switch (p->lex.token) {
        case TOKEN_FIELD: {
            struct str word = p->lex.word;

            term = parser_advance(p) < 0 ? NULL : get(p, term, word);
            break;
        }
        case '.':
            term = parse_dot(p, term);
            break;
        case '[':
            term = parse_brackets(p, term);
            break;
        case '?':
            term = parser_advance(p) < 0 ? NULL : parser_node1(p, OP_TRY, term->at, term);
            break;
        default:
            return term;
        }
    }
    return NULL;
}
