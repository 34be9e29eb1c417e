/* Cuts an expression into words; strings are read piecewise, because \( ) nests a whole expression in them. */
#include "expr/lex.h"
#include "expr/internal.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static char peek(const struct lexer *l, size_t ahead)
{
    return l->at + ahead < l->text.len ? l->text.at[l->at + ahead] : '\0';
}

static bool continues(const struct lexer *l, char c)
{
    return is_letter(c) || is_digit(c) || (l->hyphens && (c == '-' || c == '@'));
}

static void take_word(struct lexer *l, int token, size_t skip)
{
    size_t from = l->at + skip;

    l->at = from;
    while (l->at < l->text.len && continues(l, l->text.at[l->at]))
        l->at++;
    l->token = token;
    l->word = str_make(l->text.at + from, l->at - from);
}

static void take_number(struct lexer *l)
{
    size_t from = l->at;

    while (is_digit(peek(l, 0)))
        l->at++;
    if (peek(l, 0) == '.') {
        l->at++;
        while (is_digit(peek(l, 0)))
            l->at++;
    }
    if (peek(l, 0) == 'e' || peek(l, 0) == 'E') {
        size_t sign = peek(l, 1) == '+' || peek(l, 1) == '-';

        if (is_digit(peek(l, 1 + sign))) {
            l->at += 2 + sign;
            while (is_digit(peek(l, 0)))
                l->at++;
        }
    }
    l->token = TOKEN_NUMBER;
    l->word = str_make(l->text.at + from, l->at - from);
}

static void skip_blank(struct lexer *l)
{
    for (; l->at < l->text.len; l->at++) {
        char c = l->text.at[l->at];

        if (c == '#' && !l->hyphens) {
            while (l->at + 1 < l->text.len && l->text.at[l->at + 1] != '\n')
                l->at++;
        } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return;
        }
    }
}

static int take(struct lexer *l, int token, size_t len)
{
    l->token = token;
    l->word = str_make(l->text.at + l->at, len);
    l->at += len;
    return 0;
}

static int take_operator(struct lexer *l, char c, struct err *err)
{
    char next = peek(l, 1);

    if (c == '/' && next == '/')
        return peek(l, 2) == '=' ? take(l, TOKEN_ASSIGN, 3) : take(l, TOKEN_ALTERNATIVE, 2);
    if (c == '=' && next == '=')
        return take(l, TOKEN_EQ, 2);
    if (c == '!' && next == '=')
        return take(l, TOKEN_NE, 2);
    if (c == '<' && next == '=')
        return take(l, TOKEN_LE, 2);
    if (c == '>' && next == '=')
        return take(l, TOKEN_GE, 2);
    if (c == '=')
        return take(l, TOKEN_ASSIGN, 1);
    if (strchr("|+-*/%", c) && next == '=')
        return take(l, TOKEN_ASSIGN, 2);
    if (strchr("|,+-*/%<>()[]{}:;?.", c))
        return take(l, c, 1);
    if (c == '\'')
        return expr_bad(err, l->from, 1, W0230, "strings stand in double quotes");
    if (c == '&' || c == '!')
        return expr_bad(err, l->from, 1, W0230, "the logical operators are 'and', 'or' and '| not'");
    return expr_bad(err, l->from, (uint32_t)(expr_rune_next(l->text, l->at, NULL) - l->at), W0230,
                    "this character has no meaning here");
}

int expr_lex_next(struct lexer *l, struct err *err)
{
    char c;

    skip_blank(l);
    l->from = (uint32_t)l->at;
    if (l->at >= l->text.len)
        return take(l, TOKEN_END, 0);
    c = l->text.at[l->at];
    if (c == '.' && peek(l, 1) == '.')
        return take(l, TOKEN_RECURSE, 2);
    if (c == '.' && (is_letter(peek(l, 1)) || (l->hyphens && continues(l, peek(l, 1)))))
        take_word(l, TOKEN_FIELD, 1);
    else if (c == '$' && is_letter(peek(l, 1)))
        take_word(l, TOKEN_NAME, 1);
    else if (c == '@' && is_letter(peek(l, 1)))
        take_word(l, TOKEN_FORMAT, 1);
    else if (is_letter(c))
        take_word(l, TOKEN_WORD, 0);
    else if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
        take_number(l);
    else if (c == '"')
        return take(l, TOKEN_QUOTE, 1);
    else if (c == '^') {
        size_t n = 1;

        while (peek(l, n) == '^')
            n++;
        return take(l, TOKEN_LEVELS, n);
    } else {
        return take_operator(l, c, err);
    }
    return 0;
}

/* Four hexadecimal digits at l->at, or -1. */
static int32_t hex4(const struct lexer *l)
{
    int32_t n = 0;

    for (size_t i = 0; i < 4; i++) {
        char c = peek(l, i);
        int digit = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        n = n * 16 + digit;
    }
    return n;
}

/* Behind \u. */
static int add_escaped_rune(struct lexer *l, char *out, size_t *len, struct err *err)
{
    uint32_t from = (uint32_t)l->at - 2;
    int32_t high = hex4(l), low;

    if (high < 0)
        return expr_bad(err, from, 2, W0230, "\\u needs four hexadecimal digits");
    l->at += 4;
    if (high < 0xd800 || high > 0xdfff) {
        *len += expr_rune_write(out + *len, (uint32_t)high);
        return 0;
    }
    if (high > 0xdbff || peek(l, 0) != '\\' || peek(l, 1) != 'u')
        return expr_bad(err, from, 6, W0230, "half of a surrogate pair");
    l->at += 2;
    low = hex4(l);
    if (low < 0xdc00 || low > 0xdfff)
        return expr_bad(err, from, 12, W0230, "half of a surrogate pair");
    l->at += 4;
    *len += expr_rune_write(out + *len, 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00));
    return 0;
}

int expr_lex_string(struct lexer *l, char *out, size_t *len, struct err *err)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";

    while (l->at < l->text.len) {
        char c = l->text.at[l->at++];
        const char *name;

        if (c == '"')
            return 0;
        if (c != '\\') {
            out[(*len)++] = c;
            continue;
        }
        c = peek(l, 0);
        l->at++;
        if (c == '(')
            return 1;
        name = c ? strchr(names, c) : NULL;
        if (name)
            out[(*len)++] = meant[name - names];
        else if (c != 'u')
            return expr_bad(err, (uint32_t)l->at - 2, 2, W0230,
                            "unknown escape; a backslash itself is written twice, also in regular expressions");
        else if (add_escaped_rune(l, out, len, err) < 0)
            return -1;
    }
    return expr_bad(err, l->from, 1, W0230, "this string does not end");
}
