/* Escapes of JSON strings: checked, decoded, and compared without decoding. */
#include "read/json_internal.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of a \u escape as a number, -1 if they are not four. */
static int hex4(const char *at, const char *end)
{
    int n = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        n = n << 4 | digit;
    }
    return n;
}

static bool is_high(int unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* What one escape means: a code point (a lone surrogate is its own), and its length in the source. Returns
 * -1 for a wrong one. `at` is behind the backslash. */
static int escape_read(const char *at, const char *end, size_t *ret_len)
{
    int unit, low;

    if (at == end)
        return -1;
    *ret_len = 2;
    switch (*at) {
    case '"': case '\\': case '/': return *at;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return -1;
    }
    unit = hex4(at + 1, end);
    if (unit < 0)
        return -1;
    *ret_len = 6;
    if (is_high(unit) && end - at >= 7 && at[5] == '\\' && at[6] == 'u') {
        low = hex4(at + 7, end);
        if (is_low(low)) {
            *ret_len = 12;
            return 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00));
        }
    }
    return unit;
}

size_t json_escapes_wrong_at(const char *at, size_t len)
{
    const char *end = at + len, *p = at;
    size_t step;

    while (p < end && (p = memchr(p, '\\', (size_t)(end - p)))) {
        if (escape_read(p + 1, end, &step) < 0)
            return (size_t)(p - at);
        p += step;
    }
    return len;
}

int json_escapes_check(const char *at, size_t len)
{
    const char *end = at + len, *p = at;
    int flags = VALUE_ESCAPED;
    size_t step;

    while (p < end && (p = memchr(p, '\\', (size_t)(end - p)))) {
        int c = escape_read(p + 1, end, &step);

        if (c < 0)
            return -1;
        if (c == 0)
            flags |= VALUE_NUL;
        if (c >= 0xd800 && c <= 0xdfff)
            flags |= VALUE_SURROGATE;
        p += step;
    }
    return flags;
}

static size_t put_utf8(char *out, int c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t json_decode(const char *at, size_t len, char *out, bool keep)
{
    const char *end = at + len;
    char *o = out;

    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape ? escape : end) - at), step = 0;
        int c;

        memcpy(o, at, plain);
        o += plain;
        at += plain;
        if (!escape)
            break;
        c = escape_read(at + 1, end, &step);
        if (c < 0)
            BUG("an escape that was never checked");
        if (c >= 0xd800 && c <= 0xdfff && !keep)
            c = 0xfffd;
        o += put_utf8(o, c);
        at += step;
    }
    return (size_t)(o - out);
}

/* A decoded string, byte by byte. */
struct cursor {
    const char *at, *end;
    bool escaped;
    char pending[4];
    size_t i, n;
};

static int cursor_next(struct cursor *c)
{
    size_t step;

    if (c->i < c->n)
        return (unsigned char)c->pending[c->i++];
    if (c->at == c->end)
        return -1;
    if (!c->escaped || *c->at != '\\')
        return (unsigned char)*c->at++;
    c->n = put_utf8(c->pending, escape_read(c->at + 1, c->end, &step));
    c->i = 1;
    c->at += step;
    return (unsigned char)c->pending[0];
}

int json_text_cmp(struct str a, bool a_escaped, struct str b, bool b_escaped)
{
    struct cursor x = {.at = a.at, .end = a.at + a.len, .escaped = a_escaped};
    struct cursor y = {.at = b.at, .end = b.at + b.len, .escaped = b_escaped};

    if (!a_escaped && !b_escaped)
        return str_cmp(a, b);
    for (;;) {
        int left = cursor_next(&x), right = cursor_next(&y);

        if (left != right)
            return left < right ? -1 : 1;
        if (left < 0)
            return 0;
    }
}
