/* Where a token and a statement end, for both dialects; see migrate/scan.h. */
#include "migrate/scan.h"

#include <string.h>
#include <strings.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool continues_word(char c)
{
    return begins_word(c) || is_digit(c) || c == '$';
}

/* The byte at `at`, NUL behind the end. */
static char peek(const struct scan *s, size_t at)
{
    return at < s->sql.len ? s->sql.at[at] : '\0';
}

void scan_place(struct str sql, size_t at, uint64_t *ret_line, uint64_t *ret_column)
{
    size_t start = 0;

    *ret_line = 1;
    if (at > sql.len)
        at = sql.len;
    for (size_t i = 0; i < at; i++) {
        if (sql.at[i] == '\n') {
            ++*ret_line;
            start = i + 1;
        }
    }
    *ret_column = 1;
    for (size_t i = start; i < at; i++)
        *ret_column += ((unsigned char)sql.at[i] & 0xC0) != 0x80;
}

static int fail_at(const struct scan *s, size_t at, struct err *err, const char *what)
{
    uint64_t line, column;

    scan_place(s->sql, at, &line, &column);
    err_set(err, ERR_RUN, W0701, "%s", what);
    err_at(err, NULL, line, column);
    return err_at_byte(err, at);
}

static int skip_block_comment(struct scan *s, struct err *err)
{
    size_t start = s->at;
    unsigned depth = 1;

    for (s->at += 2; s->at < s->sql.len;) {
        if (peek(s, s->at) == '*' && peek(s, s->at + 1) == '/') {
            s->at += 2;
            if (--depth == 0)
                return 0;
        } else if (s->engine == DB_POSTGRESQL && peek(s, s->at) == '/' && peek(s, s->at + 1) == '*') {
            s->at += 2;
            depth++;
        } else {
            s->at++;
        }
    }
    return fail_at(s, start, err, "a comment that begins here never ends");
}

static int skip_blank(struct scan *s, struct err *err)
{
    for (;;) {
        while (s->at < s->sql.len && is_space(s->sql.at[s->at]))
            s->at++;
        if (peek(s, s->at) == '-' && peek(s, s->at + 1) == '-') {
            while (s->at < s->sql.len && s->sql.at[s->at] != '\n')
                s->at++;
        } else if (peek(s, s->at) == '/' && peek(s, s->at + 1) == '*') {
            if (skip_block_comment(s, err) < 0)
                return -1;
        } else {
            return 0;
        }
    }
}

/* From `open`, the place of the opening quote, to behind the closing one; a doubled quote is part of the text. */
static int skip_quoted(struct scan *s, size_t open, char close, bool backslash, struct err *err)
{
    for (s->at = open + 1; s->at < s->sql.len; s->at++) {
        char c = s->sql.at[s->at];

        if (c == '\\' && backslash) {
            s->at++;
        } else if (c == close) {
            if (close == ']' || peek(s, s->at + 1) != close) {
                s->at++;
                return 0;
            }
            s->at++;
        }
    }
    s->at = s->sql.len;
    return fail_at(s, open, err,
                   close == '\'' ? "a string that begins here never ends"
                                 : "a quoted name that begins here never ends");
}

/* The length of $tag$ at s->at, both dollars included; 0 when there is none. */
static size_t dollar_tag(const struct scan *s)
{
    size_t end = s->at + 1;

    if (peek(s, s->at) != '$' || is_digit(peek(s, end)))
        return 0;
    while (begins_word(peek(s, end)) || is_digit(peek(s, end)))
        end++;
    return peek(s, end) == '$' ? end + 1 - s->at : 0;
}

static int skip_dollar_string(struct scan *s, size_t tag_len, struct err *err)
{
    struct str rest = str_make(s->sql.at + s->at + tag_len, s->sql.len - s->at - tag_len);
    const char *end = rest.len ? memmem(rest.at, rest.len, s->sql.at + s->at, tag_len) : NULL;

    if (!end)
        return fail_at(s, s->at, err, "a dollar-quoted string that begins here never ends");
    s->at = (size_t)(end - s->sql.at) + tag_len;
    return 0;
}

/* Prefixes that make the quote behind them a string of another kind: E'', B'', X'', N'', and U&'' or U&"". Returns
 * the length of the prefix, 0 when the word is an ordinary one. */
static size_t string_prefix(const struct scan *s)
{
    char c = (char)(peek(s, s->at) | 0x20), next = peek(s, s->at + 1);

    if (s->engine == DB_SQLITE)
        return c == 'x' && next == '\'' ? 1 : 0;
    if (next == '\'' && (c == 'e' || c == 'b' || c == 'x' || c == 'n'))
        return 1;
    if (c == 'u' && next == '&' && (peek(s, s->at + 2) == '\'' || peek(s, s->at + 2) == '"'))
        return 2;
    return 0;
}

static int word_token(struct scan *s, struct scan_token *ret, struct err *err)
{
    size_t prefix = string_prefix(s);

    if (prefix) {
        char quote = peek(s, s->at + prefix);
        bool backslash = s->engine == DB_POSTGRESQL && (peek(s, s->at) | 0x20) == 'e';

        ret->kind = quote == '"' ? SCAN_NAME : SCAN_STRING;
        return skip_quoted(s, s->at + prefix, quote, backslash, err);
    }
    ret->kind = SCAN_WORD;
    while (continues_word(peek(s, s->at)) && s->at < s->sql.len)
        s->at++;
    return 0;
}

static int one_token(struct scan *s, struct scan_token *ret, struct err *err)
{
    char c = peek(s, s->at);
    size_t tag;

    if (begins_word(c))
        return word_token(s, ret, err);
    if (c == '\'') {
        ret->kind = SCAN_STRING;
        return skip_quoted(s, s->at, c, false, err);
    }
    if (c == '"' || (s->engine == DB_SQLITE && (c == '`' || c == '['))) {
        ret->kind = SCAN_NAME;
        return skip_quoted(s, s->at, c == '[' ? ']' : c, false, err);
    }
    tag = s->engine == DB_POSTGRESQL ? dollar_tag(s) : 0;
    if (tag) {
        ret->kind = SCAN_STRING;
        return skip_dollar_string(s, tag, err);
    }
    ret->kind = is_digit(c) ? SCAN_NUMBER : SCAN_SIGN;
    s->at++;
    while (ret->kind == SCAN_NUMBER &&
           (begins_word(peek(s, s->at)) || is_digit(peek(s, s->at)) || peek(s, s->at) == '.'))
        s->at++;
    return 0;
}

int scan_token(struct scan *s, struct scan_token *ret, struct err *err)
{
    if (skip_blank(s, err) < 0)
        return -1;
    if (s->at >= s->sql.len)
        return 0;
    ret->at = s->at;
    if (one_token(s, ret, err) < 0)
        return -1;
    ret->text = str_make(s->sql.at + ret->at, s->at - ret->at);
    return 1;
}

bool scan_is(const struct scan_token *t, const char *word)
{
    return t->kind == SCAN_WORD && t->text.len == strlen(word) && strncasecmp(t->text.at, word, t->text.len) == 0;
}

static bool is_sign(const struct scan_token *t, char c)
{
    return t->kind == SCAN_SIGN && t->text.at[0] == c;
}

/* CREATE [OR REPLACE] FUNCTION|PROCEDURE in PostgreSQL, CREATE [TEMP] TRIGGER in SQLite: BEGIN opens a body there. */
static bool may_have_body(const struct scan_statement *st, enum db_engine engine)
{
    if (st->n_words < 2 || !scan_is(&st->words[0], "create"))
        return false;
    for (size_t i = 1; i < st->n_words && i < 4; i++) {
        if (engine == DB_SQLITE ? scan_is(&st->words[i], "trigger")
                                : scan_is(&st->words[i], "function") || scan_is(&st->words[i], "procedure"))
            return true;
    }
    return false;
}

/* How deep the scanner is inside a statement: parentheses, and BEGIN ... END with CASE ... END within. */
struct depth {
    size_t parens, open_at, bodies, body_at;
};

static void note_depth(struct depth *d, const struct scan_token *t, bool body_allowed)
{
    if (is_sign(t, '(')) {
        if (d->parens++ == 0)
            d->open_at = t->at;
    } else if (is_sign(t, ')') && d->parens > 0) {
        d->parens--;
    }
    if (!body_allowed || d->parens > 0)
        return;
    if (scan_is(t, "begin")) {
        if (d->bodies++ == 0)
            d->body_at = t->at;
    } else if (d->bodies > 0 && scan_is(t, "case")) {
        d->bodies++;
    } else if (d->bodies > 0 && scan_is(t, "end")) {
        d->bodies--;
    }
}

int scan_statement(struct scan *s, struct scan_statement *ret, struct err *err)
{
    struct scan_statement st = {0};
    struct depth depth = {0};
    struct scan_token t = {0};
    size_t end = 0;
    int rc;

    while ((rc = scan_token(s, &t, err)) > 0) {
        if (is_sign(&t, ';') && depth.parens == 0 && depth.bodies == 0) {
            if (st.n_words > 0)
                break;
            continue;
        }
        if (st.n_words == 0)
            st.at = t.at;
        if (st.n_words < SCAN_WORDS)
            st.words[st.n_words++] = t;
        note_depth(&depth, &t, may_have_body(&st, s->engine));
        end = s->at;
    }
    if (rc < 0)
        return -1;
    if (st.n_words == 0)
        return 0;
    if (rc == 0 && depth.parens > 0)
        return fail_at(s, depth.open_at, err, "a parenthesis that opens here is never closed");
    if (rc == 0 && depth.bodies > 0)
        return fail_at(s, depth.body_at, err, "a body that begins here has no END");
    st.text = str_make(s->sql.at + st.at, end - st.at);
    scan_place(s->sql, st.at, &st.line, &st.column);
    *ret = st;
    return 1;
}

static bool is_operator(const struct scan_token *t)
{
    return t->kind == SCAN_SIGN && strchr("+-*/<>=~!@#%^&|?:", t->text.at[0]);
}

/* Layout does not count, but `< =` is not `<=`. */
int scan_normal(struct str text, enum db_engine engine, struct buf *out, struct err *err)
{
    struct scan s = {.sql = text, .engine = engine};
    struct scan_token t, last = {0};
    size_t end = 0;
    int rc;

    while ((rc = scan_token(&s, &t, err)) > 0) {
        bool space = end && (t.at > end || !is_operator(&last) || !is_operator(&t));

        if ((space && buf_add_char(out, ' ') < 0) || buf_add_str(out, t.text) < 0)
            return err_oom(err);
        last = t;
        end = s.at;
    }
    return rc;
}
