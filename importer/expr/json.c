/* fromjson: JSON text inside a string becomes a value built in the arena; strict, like the reader of files. */
#include "expr/internal.h"

struct reader {
    struct run *r;
    const struct expr_node *n;
    struct str s;
    size_t at;
    int depth;
};

static int read_value(struct reader *p, struct value *ret);

static int bad(struct reader *p, const char *what)
{
    return expr_fail(p->r, p->n, W0439, NULL, "not JSON: %s at character %zu", what,
                     expr_rune_count(str_make(p->s.at, p->at)) + 1);
}

static char peek(const struct reader *p)
{
    return p->at < p->s.len ? p->s.at[p->at] : '\0';
}

static void skip_blank(struct reader *p)
{
    while (p->at < p->s.len && strchr(" \t\r\n", p->s.at[p->at]) && p->s.at[p->at])
        p->at++;
}

static int read_word(struct reader *p, const char *word, struct value v, struct value *ret)
{
    size_t len = strlen(word);

    if (p->s.len - p->at < len || memcmp(p->s.at + p->at, word, len) != 0)
        return bad(p, "expected a value");
    p->at += len;
    *ret = v;
    return 0;
}

static int read_number(struct reader *p, struct value *ret)
{
    size_t from = p->at;

    while (p->at < p->s.len && strchr("+-.0123456789eE", p->s.at[p->at]) && p->s.at[p->at])
        p->at++;
    *ret = value_number(str_make(p->s.at + from, p->at - from));
    if (expr_number_valid(ret->text))
        return 0;
    p->at = from;
    return bad(p, "expected a value");
}

static int hex4(struct reader *p, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++, p->at++) {
        char c = peek(p);
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

        if (digit < 0)
            return bad(p, "expected four hexadecimal digits");
        *ret = *ret << 4 | (uint32_t)digit;
    }
    return 0;
}

/* Behind \u; a lone surrogate becomes U+FFFD and marks the string. */
static int read_rune(struct reader *p, struct text *out, uint16_t *flags)
{
    uint32_t c, low;

    if (hex4(p, &c) < 0)
        return -1;
    if (c >= 0xd800 && c < 0xdc00 && p->s.len - p->at >= 6 && p->s.at[p->at] == '\\' && p->s.at[p->at + 1] == 'u') {
        size_t back = p->at;

        p->at += 2;
        if (hex4(p, &low) < 0)
            return -1;
        if (low >= 0xdc00 && low < 0xe000)
            return expr_put_rune(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
        p->at = back;
    }
    if (c >= 0xd800 && c < 0xe000) {
        *flags |= VALUE_SURROGATE;
        c = 0xfffd;
    }
    return expr_put_rune(out, c);
}

static int read_string(struct reader *p, struct value *ret)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    struct text out = {.r = p->r, .node = p->n};
    uint16_t flags = 0;
    size_t from;

    if (peek(p) != '"')
        return bad(p, "expected a string");
    for (from = ++p->at; p->at < p->s.len; p->at++) {
        unsigned char c = (unsigned char)p->s.at[p->at];
        const char *name;

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        if (c < 0x20)
            return bad(p, "a control character in a string");
        if (expr_put(&out, p->s.at + from, p->at - from) < 0)
            return -1;
        p->at++;
        if (c == '"') {
            *ret = expr_string(text_str(&out), flags);
            return 0;
        }
        c = (unsigned char)peek(p);
        name = c ? strchr(names, c) : NULL;
        if (name) {
            if (expr_put_char(&out, meant[name - names]) < 0)
                return -1;
        } else if (c == 'u') {
            p->at++;
            if (read_rune(p, &out, &flags) < 0)
                return -1;
            p->at--;
        } else {
            return bad(p, "an unknown escape");
        }
        from = p->at + 1;
    }
    return bad(p, "a string without end");
}

static int read_items(struct reader *p, bool object, struct value *ret)
{
    struct list l = {.r = p->r, .node = p->n};
    char close = object ? '}' : ']';
    struct value key, item;

    p->at++;
    for (skip_blank(p); peek(p) != close; skip_blank(p)) {
        if (l.n > 0) {
            if (peek(p) != ',')
                return bad(p, object ? "expected ',' or '}'" : "expected ',' or ']'");
            p->at++;
            skip_blank(p);
        }
        if (object) {
            if (read_string(p, &key) < 0)
                return -1;
            skip_blank(p);
            if (peek(p) != ':')
                return bad(p, "expected ':'");
            p->at++;
        }
        if (read_value(p, &item) < 0)
            return -1;
        if (object ? expr_list_set(&l, key.text, &item) < 0 : expr_list_add(&l, &item) < 0)
            return -1;
    }
    p->at++;
    return object ? expr_list_object(&l, ret) : expr_list_array(&l, ret);
}

static int read_value(struct reader *p, struct value *ret)
{
    int rc;

    skip_blank(p);
    if (expr_charge(p->r, p->n, 1) < 0)
        return -1;
    switch (peek(p)) {
    case 'n': return read_word(p, "null", value_null(), ret);
    case 't': return read_word(p, "true", value_bool(true), ret);
    case 'f': return read_word(p, "false", value_bool(false), ret);
    case '"': return read_string(p, ret);
    case '{': case '[':
        if (p->depth >= EXPR_BUILT_DEPTH_MAX - 1)
            return bad(p, "too many brackets within brackets");
        p->depth++;
        rc = read_items(p, peek(p) == '{', ret);
        p->depth--;
        return rc;
    default:
        return read_number(p, ret);
    }
}

int expr_json_parse(struct run *r, const struct expr_node *n, struct str text, struct value *ret)
{
    struct reader p = {.r = r, .n = n, .s = text};

    if (read_value(&p, ret) < 0)
        return -1;
    skip_blank(&p);
    return p.at == text.len ? 0 : bad(&p, "something follows the value");
}
