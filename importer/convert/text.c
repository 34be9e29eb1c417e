/* Strings: Unicode that the database takes, lengths, labels, uuids and bytes written as text. */
#include <stdio.h>

#include "convert/internal.h"

static const char replacement[] = "\xef\xbf\xbd";
enum { REPLACEMENT_BYTES = 3 };

static size_t character_of(struct str text, size_t at)
{
    return str_utf8_count(str_make(text.at, at)) + 1;
}

/* Invalid bytes become U+FFFD one by one, as value_json() does it. */
static int replace_invalid(struct conversion *c, struct str *text, size_t invalid)
{
    char *out = arena_alloc(c->arena, text->len * REPLACEMENT_BYTES);
    size_t n = 0, from = 0;

    if (!out)
        return err_oom(c->err);
    while (from < text->len) {
        memcpy(out + n, text->at + from, invalid - from);
        n += invalid - from;
        if (invalid < text->len) {
            memcpy(out + n, replacement, REPLACEMENT_BYTES);
            n += REPLACEMENT_BYTES;
            invalid++;
        }
        from = invalid;
        invalid += str_utf8_invalid_at(str_make(text->at + from, text->len - from));
    }
    *text = str_make(out, n);
    c->did |= CONVERT_DID_UTF8;
    return 0;
}

static int check_utf8(struct conversion *c, struct str *text)
{
    size_t invalid = str_utf8_invalid_at(*text);

    if (invalid == text->len)
        return 0;
    if (c->options->utf8 == CONVERT_UTF8_REPLACE)
        return replace_invalid(c, text, invalid);
    convert_refuse_as(c, W0411, "byte 0x%02x after %zu characters is not UTF-8", (unsigned char)text->at[invalid],
                      character_of(*text, invalid) - 1);
    return err_help(c->err, "`utf8: replace` puts U+FFFD in its place and counts it");
}

static int mend_nul(struct conversion *c, struct str *text)
{
    size_t width = c->options->nul == CONVERT_NUL_REPLACE ? REPLACEMENT_BYTES : 1, n = 0;
    char *out = arena_alloc(c->arena, text->len * width);

    if (!out)
        return err_oom(c->err);
    for (size_t i = 0; i < text->len; i++) {
        if (text->at[i]) {
            out[n++] = text->at[i];
        } else if (c->options->nul == CONVERT_NUL_REPLACE) {
            memcpy(out + n, replacement, REPLACEMENT_BYTES);
            n += REPLACEMENT_BYTES;
        }
    }
    *text = str_make(out, n);
    c->did |= CONVERT_DID_NUL;
    return 0;
}

static int check_nul(struct conversion *c, struct str *text)
{
    const char *nul = text->len ? memchr(text->at, '\0', text->len) : NULL;

    if (!nul)
        return 0;
    if (c->options->nul != CONVERT_NUL_REJECT)
        return mend_nul(c, text);
    convert_refuse_as(c, W0410, "character %zu is NUL", character_of(*text, (size_t)(nul - text->at)));
    return err_help(c->err, "`nul: strip` takes it out, `nul: replace` puts U+FFFD in its place");
}

/* The text as it is meant, mended but not yet judged by any column. */
static int decode(struct conversion *c, struct str *ret)
{
    const struct value *v = c->v;

    if (value_text(v, c->arena, ret) < 0)
        return err_oom(c->err);
    if (v->flags & VALUE_SURROGATE) {
        if (c->options->utf8 == CONVERT_UTF8_REJECT) {
            convert_refuse_as(c, W0411, "half of a surrogate pair");
            return err_help(c->err, "`utf8: replace` puts U+FFFD in its place and counts it");
        }
        c->did |= CONVERT_DID_UTF8;
    }
    return 0;
}

int convert_text_slow(struct conversion *c, struct str *ret)
{
    const struct value *v = c->v;
    struct str text, whole;

    if (decode(c, &text) < 0)
        return -1;
    if ((!v->doc || (v->flags & VALUE_BYTES)) && check_utf8(c, &text) < 0)
        return -1;
    if ((!v->doc || (v->flags & (VALUE_NUL | VALUE_BYTES))) && check_nul(c, &text) < 0)
        return -1;
    whole = text;
    if (c->options->trim)
        text = str_trim(text);
    if (text.len != whole.len)
        c->did |= CONVERT_DID_TRIM;
    *ret = text.at ? text : str_make("", 0);
    return 0;
}

/* Numbers and booleans as they are written; 1 when `v` is one. */
static int scalar_text(const struct value *v, struct str *ret)
{
    if (v->type == VALUE_NUMBER)
        *ret = v->text;
    else if (v->type == VALUE_BOOL)
        *ret = str_of(v->truth ? "true" : "false");
    else
        return 0;
    return 1;
}

int convert_to_text(struct conversion *c)
{
    const int32_t max = c->type->length;
    struct str text;

    if (c->v->type != VALUE_STRING) {
        if (!c->options->coerce || !scalar_text(c->v, &text))
            return convert_refuse(c);
    } else if (convert_text(c, &text) < 0) {
        return -1;
    }
    /* A character has at least one byte. */
    if (max && text.len > (size_t)max) {
        size_t count = str_utf8_count(text);

        if (count > (size_t)max)
            return convert_refuse_as(c, W0412, "expected text of at most %d characters, this has %zu", max, count);
    }
    *c->ret = (struct cell){.kind = CELL_TEXT, .text = text};
    return 0;
}

int convert_to_other(struct conversion *c)
{
    struct str text;

    if (c->v->type == VALUE_STRING ? convert_text(c, &text) < 0 : !scalar_text(c->v, &text))
        return convert_refuse(c);
    *c->ret = (struct cell){.kind = CELL_TEXT, .text = text};
    return 0;
}

static int no_label(struct conversion *c, struct str text)
{
    const char *expected = convert_expected(c->type, c->arena), *nearest;

    err_set(c->err, ERR_RECORD, W0412, "the value is not %s", expected);
    convert_refuse(c);
    nearest = str_nearest(text, c->type->labels, c->type->n_labels);
    if (nearest)
        err_help(c->err, "did you mean '%s'? `map:` translates values, else: takes the others", nearest);
    return err_help(c->err, "`map:` translates values, its else: takes the others");
}

int convert_to_enum(struct conversion *c)
{
    struct str text;

    if (c->v->type != VALUE_STRING)
        return convert_refuse(c);
    if (convert_text(c, &text) < 0)
        return -1;
    for (size_t i = 0; i < c->type->n_labels; i++) {
        if (str_is(text, c->type->labels[i])) {
            *c->ret = (struct cell){.kind = CELL_TEXT, .text = text};
            return 0;
        }
    }
    return no_label(c, text);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_byte(const char *p)
{
    int high = hex_digit(p[0]), low = hex_digit(p[1]);

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool read_uuid(struct str text, unsigned char out[16])
{
    bool hyphens = text.len == 36;
    size_t at = 0;

    if (text.len != 32 && !hyphens)
        return false;
    for (int i = 0; i < 16; i++, at += 2) {
        int byte;

        if (hyphens && (i == 4 || i == 6 || i == 8 || i == 10) && text.at[at++] != '-')
            return false;
        byte = hex_byte(text.at + at);
        if (byte < 0)
            return false;
        out[i] = (unsigned char)byte;
    }
    return true;
}

int convert_to_uuid(struct conversion *c)
{
    unsigned char *out;
    struct str text;

    if (c->v->type != VALUE_STRING)
        return convert_refuse(c);
    if (convert_text(c, &text) < 0)
        return -1;
    out = arena_alloc(c->arena, 16);
    if (!out)
        return err_oom(c->err);
    if (!read_uuid(text, out))
        return convert_refuse(c);
    *c->ret = (struct cell){.kind = CELL_UUID, .text = str_make((const char *)out, 16)};
    return 0;
}

/* --- bytes --- */

static int read_hex(struct conversion *c, struct str text, struct str *ret)
{
    char *out = arena_alloc(c->arena, text.len / 2 + 1);

    if (!out)
        return err_oom(c->err);
    if (str_starts(text, str_of("\\x")))
        text = str_make(text.at + 2, text.len - 2);
    for (size_t i = 0; i < text.len; i += 2) {
        int byte = i + 1 < text.len ? hex_byte(text.at + i) : -1;

        if (byte < 0)
            return convert_refuse_as(c, W0412, "expected pairs of hexadecimal digits");
        out[i / 2] = (char)byte;
    }
    *ret = str_make(out, text.len / 2);
    return 0;
}

static int base64_digit(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : -1;
}

/* `text` has no padding any more. */
static bool base64_decode(struct str text, bool url, char *out)
{
    uint32_t bits = 0;
    int n = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.at[i], url);

        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        n += 6;
        if (n >= 8) {
            n -= 8;
            *out++ = (char)(bits >> n);
        }
    }
    return n < 6 && (bits & ((1U << n) - 1)) == 0;
}

static int read_base64(struct conversion *c, struct str text, bool url, struct str *ret)
{
    char *out = arena_alloc(c->arena, text.len / 4 * 3 + 3);
    size_t padded = text.len;
    bool good;

    if (!out)
        return err_oom(c->err);
    while (text.len > 0 && padded - text.len < 2 && text.at[text.len - 1] == '=')
        text.len--;
    good = padded % 4 == 0 || (url && padded == text.len);
    if (!good || !base64_decode(text, url, out))
        return convert_refuse_as(c, W0412, "expected %s", url ? "base64url" : "base64 with its padding");
    *ret = str_make(out, text.len * 3 / 4);
    return 0;
}

bool convert_bytes_format(const char *format)
{
    return strcmp(format, "raw") == 0 || strcmp(format, "hex") == 0 || strcmp(format, "base64") == 0 ||
           strcmp(format, "base64url") == 0;
}

int convert_to_bytes(struct conversion *c)
{
    const char *format = c->options->format ? c->options->format : "raw";
    struct str text, bytes = {0};
    int answer = -1;

    if (c->v->type != VALUE_STRING)
        return convert_refuse(c);
    if (!convert_bytes_format(format))
        return convert_format_check(format, c->type, c->err);
    if (decode(c, &text) < 0)
        return -1;
    if (strcmp(format, "raw") == 0) {
        bytes = text.at ? text : str_make("", 0);
        answer = 0;
    } else if (c->options->trim) {
        text = str_trim(text);
    }
    if (strcmp(format, "hex") == 0)
        answer = read_hex(c, text, &bytes);
    else if (answer < 0)
        answer = read_base64(c, text, strcmp(format, "base64url") == 0, &bytes);
    if (answer == 0)
        *c->ret = (struct cell){.kind = CELL_BYTES, .text = bytes};
    return answer;
}
