/* JSON into json and jsonb: the source text as it stands, unless the database would choke on it. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "convert/internal.h"

enum { INVALID = 1 << 15, NUMBER_CHECK_BYTES = 8192, ESCAPE_BYTES = 6 };

/* What stands somewhere inside: VALUE_NUL, VALUE_SURROGATE, INVALID. Values from JSON know it; built ones are
 * looked through. Recursion is as deep as built values are, which is as deep as an expression. */
static unsigned inside(const struct value *v);

static unsigned inside_text(struct str text, unsigned flags)
{
    if (text.len && !(flags & VALUE_ESCAPED) && memchr(text.at, '\0', text.len))
        flags |= VALUE_NUL;
    if (str_utf8_invalid_at(text) < text.len)
        flags |= INVALID;
    return flags & (VALUE_NUL | VALUE_SURROGATE | INVALID);
}

static unsigned inside(const struct value *v)
{
    unsigned found = v->flags & (VALUE_NUL | VALUE_SURROGATE);

    if (v->doc)
        return found;
    if (v->type == VALUE_STRING)
        return found | inside_text(v->text, v->flags);
    if (v->type != VALUE_ARRAY && v->type != VALUE_OBJECT)
        return found;
    for (size_t i = 0; i < v->built.n; i++) {
        found |= inside(&v->built.members[i].value);
        if (v->type == VALUE_OBJECT)
            found |= inside_text(v->built.members[i].key, 0);
    }
    return found;
}

static int32_t hex4(const char *p)
{
    int32_t n = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];

        n = n << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return n;
}

static bool is_high(int32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
static bool is_low(int32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

enum escape { ESCAPE_PLAIN, ESCAPE_NUL, ESCAPE_LONE };

/* What the escape at `p` (a backslash in valid JSON) stands for, and its length in the source. */
static enum escape escape_kind(const char *p, const char *end, size_t *len)
{
    int32_t unit;

    *len = p[1] == 'u' ? ESCAPE_BYTES : 2;
    if (p[1] != 'u')
        return ESCAPE_PLAIN;
    unit = hex4(p + 2);
    if (is_high(unit) && end - p >= 2 * ESCAPE_BYTES && p[ESCAPE_BYTES] == '\\' && p[ESCAPE_BYTES + 1] == 'u' &&
        is_low(hex4(p + ESCAPE_BYTES + 2))) {
        *len = 2 * ESCAPE_BYTES;
        return ESCAPE_PLAIN;
    }
    return unit == 0 ? ESCAPE_NUL : is_high(unit) || is_low(unit) ? ESCAPE_LONE : ESCAPE_PLAIN;
}

/* Copy the JSON text; \u0000 goes or becomes \ufffd, lone surrogates become \ufffd. */
static int mend(struct conversion *c, struct str *text)
{
    const char *p = text->at, *end = p + text->len;
    char *out = arena_alloc(c->arena, text->len), *o = out;

    if (!out)
        return err_oom(c->err);
    while (p < end) {
        const char *next = memchr(p, '\\', (size_t)(end - p));
        enum escape kind;
        size_t len;

        memcpy(o, p, (size_t)((next ? next : end) - p));
        o += (next ? next : end) - p;
        if (!next)
            break;
        kind = escape_kind(next, end, &len);
        if (kind == ESCAPE_NUL ? c->options->nul == CONVERT_NUL_REPLACE : kind == ESCAPE_LONE) {
            memcpy(o, "\\ufffd", ESCAPE_BYTES);
            o += ESCAPE_BYTES;
        } else if (kind == ESCAPE_PLAIN) {
            memcpy(o, next, len);
            o += len;
        }
        p = next + len;
    }
    *text = str_make(out, (size_t)(o - out));
    return 0;
}

/* Refuse what must not be mended; say what will be. */
static int judge(struct conversion *c, unsigned found)
{
    if ((found & VALUE_NUL) && c->options->nul == CONVERT_NUL_REJECT) {
        convert_refuse_as(c, W0410, "a string inside has the NUL character \\u0000");
        return err_help(c->err, "`nul: strip` takes it out, `nul: replace` puts U+FFFD in its place");
    }
    if ((found & (VALUE_SURROGATE | INVALID)) && c->options->utf8 == CONVERT_UTF8_REJECT) {
        convert_refuse_as(c, W0411, "a string inside %s",
                          found & INVALID ? "is not UTF-8" : "has half of a surrogate pair");
        return err_help(c->err, "`utf8: replace` puts U+FFFD in its place and counts it");
    }
    c->did |= found & VALUE_NUL ? CONVERT_DID_NUL : 0;
    c->did |= found & (VALUE_SURROGATE | INVALID) ? CONVERT_DID_UTF8 : 0;
    return 0;
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef int8_t mask16 __attribute__((vector_size(16)));

static bytes16 load16(const char *p)
{
    bytes16 b;

    memcpy(&b, p, sizeof b);
    return b;
}

static mask16 digits16(bytes16 b)
{
    return (mask16)(b - '0' <= 9);
}

/* A quick look over the whole text for "3e1234": without it, and in a text of moderate length, no number can be
 * out of range. Sixteen places at a time, because every jsonb value goes through here. */
static bool may_be_large(struct str text)
{
    mask16 found = {0};
    uint64_t halves[2];
    size_t i = 1;

    if (text.len > NUMBER_CHECK_BYTES || text.len < 16 + 5)
        return true;
    for (; i + 16 + 4 <= text.len; i += 16)
        found |= (mask16)((load16(text.at + i) | 0x20) == 'e') & digits16(load16(text.at + i - 1)) &
                 digits16(load16(text.at + i + 3)) & digits16(load16(text.at + i + 4));
    i = text.len - 16 - 4;
    found |= (mask16)((load16(text.at + i) | 0x20) == 'e') & digits16(load16(text.at + i - 1)) &
             digits16(load16(text.at + i + 3)) & digits16(load16(text.at + i + 4));
    memcpy(halves, &found, sizeof halves);
    return halves[0] | halves[1];
}

static const char *string_end(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\';
    return p + 1;
}

static bool is_number_byte(char c)
{
    return is_digit(c) || c == '.' || c == '-' || c == '+' || (c | 0x20) == 'e';
}

/* jsonb keeps numbers as numeric. */
static int check_numbers(struct conversion *c, struct str text)
{
    const char *p = text.at, *end = p + text.len;
    struct decimal d;

    while (p < end) {
        const char *start = p;

        if (*p == '"') {
            p = string_end(p, end);
            continue;
        }
        if (!is_digit(*p) && *p != '-') {
            p++;
            continue;
        }
        while (p < end && is_number_byte(*p))
            p++;
        if (!convert_decimal(str_make(start, (size_t)(p - start)), &d) || convert_decimal_storable(&d))
            continue;
        convert_refuse_as(c, W0415, "the number %.*s%s inside is beyond the range of jsonb",
                          (int)(p - start < 24 ? p - start : 24), start, p - start < 24 ? "" : "...");
        return err_help(c->err, "a column of type json or text keeps such numbers");
    }
    return 0;
}

static int built_text(struct conversion *c, struct str *ret)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    if (value_json(c->v, &out) < 0 || !(*ret = arena_str(c->arena, buf_str(&out))).at)
        return err_oom(c->err);
    return 0;
}

int convert_to_json(struct conversion *c)
{
    unsigned found = inside(c->v);
    struct str text;

    if (found && judge(c, found) < 0)
        return -1;
    if (value_is_source(c->v))
        text = value_raw(c->v);
    else if (built_text(c, &text) < 0)
        return -1;
    if ((found & (VALUE_NUL | VALUE_SURROGATE)) && mend(c, &text) < 0)
        return -1;
    if (c->type->kind == TYPE_JSONB && may_be_large(text) && check_numbers(c, text) < 0)
        return -1;
    *c->ret = (struct cell){.kind = CELL_JSON, .text = text};
    return 0;
}
