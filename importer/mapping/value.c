/* What a YAML scalar means where it stands: text, a word, a number or a constant. Where YAML readers disagree
 * about an unquoted value nothing is guessed: it has to be quoted. */
#include "mapping/internal.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(struct str s, size_t from)
{
    size_t n = 0;

    while (from + n < s.len && is_digit(s.at[from + n]))
        n++;
    return n;
}

/* JSON's numbers without an exponent: all readers of YAML agree about these. */
static bool is_plain_number(struct str s)
{
    size_t i = s.len && s.at[0] == '-', n = digits(s, i), fraction;

    if (n == 0 || (n > 1 && s.at[i] == '0'))
        return false;
    i += n;
    if (i == s.len)
        return true;
    fraction = digits(s, i + 1);
    return s.at[i] == '.' && fraction > 0 && i + 1 + fraction == s.len;
}

/* 2025-01-31, 2025-1-3T10:00:00Z. */
static bool is_date(struct str s)
{
    size_t month = digits(s, 5), day = digits(s, 6 + month), end = 6 + month + day;

    return digits(s, 0) == 4 && s.len > 6 && s.at[4] == '-' && month >= 1 && month <= 2 && 5 + month < s.len &&
           s.at[5 + month] == '-' && day >= 1 && day <= 2 && (end == s.len || strchr("Tt \t", s.at[end]));
}

/* Hexadecimal, octal, binary, sexagesimal, exponents, underscores, .5, 5., +5, .inf, .nan: numbers to some. */
static bool is_number_to_some(struct str s)
{
    size_t i = s.len && (s.at[0] == '-' || s.at[0] == '+');
    bool digit = false;
    static const char *const special[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};

    for (size_t k = 0; k < ARRAY_LEN(special); k++) {
        if (str_is(str_make(s.at + i, s.len - i), special[k]))
            return true;
    }
    if (i + 2 < s.len && s.at[i] == '0' && strchr("xXoObB", s.at[i + 1])) {
        for (i += 2; i < s.len && strchr("0123456789abcdefABCDEF_", s.at[i]);)
            i++;
        return i == s.len;
    }
    if (i < s.len && !is_digit(s.at[i]) && s.at[i] != '.')
        return false;
    for (; i < s.len; i++) {
        digit = digit || is_digit(s.at[i]);
        if ((s.at[i] == 'e' || s.at[i] == 'E') && digit) {
            i += i + 1 < s.len && strchr("+-", s.at[i + 1]);
            return i + 1 < s.len && digits(s, i + 1) == s.len - i - 1;
        }
        if (!is_digit(s.at[i]) && !strchr("._:", s.at[i]))
            return false;
    }
    return digit && !(memchr(s.at, ':', s.len) && s.at[s.len - 1] == ':');
}

static bool is_among(struct str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is(s, words[i]))
            return true;
    }
    return false;
}

enum plain_kind mapping_plain(struct str s)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    static const char *const unclear[] = {"yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"};

    if (is_among(s, nulls, ARRAY_LEN(nulls)))
        return PLAIN_NULL;
    if (is_among(s, bools, ARRAY_LEN(bools)))
        return PLAIN_BOOL;
    if (is_plain_number(s))
        return PLAIN_NUMBER;
    return is_among(s, unclear, ARRAY_LEN(unclear)) || is_date(s) || is_number_to_some(s) ? PLAIN_UNCLEAR : PLAIN_TEXT;
}

/* {sender}/x, {sender}: the author wrote a pattern. */
static bool looks_like_pattern(const struct yaml_item *item)
{
    if (item->kind != YAML_MAP || !item->flow || item->n == 0)
        return false;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        if (entry->kind != YAML_TEXT || entry->text.style != 'p' || entry->text.text.len)
            return false;
    }
    return true;
}

static void no_text(struct mapping_reading *r, const struct yaml_item *item)
{
    if (looks_like_pattern(item))
        err_help(mapping_report(r, item, W0203, "quote this: a value that begins with '{' is a map in YAML"),
                 "write '{%.*s}'", STR_ARG(item->first->key->text.text));
    else
        mapping_report(r, item, W0208, "expected text, found %s", mapping_kind(item));
}

/* A scalar that is text or, when numbers are allowed, a number. */
static bool read_written(struct mapping_reading *r, const struct yaml_item *item, bool numbers,
                         struct mapping_text *ret)
{
    enum plain_kind kind = PLAIN_TEXT;

    *ret = item->text;
    if (item->kind != YAML_TEXT) {
        no_text(r, item);
        return false;
    }
    if (item->text.style == 'p')
        kind = mapping_plain(item->text.text);
    if (kind == PLAIN_NULL)
        mapping_report(r, item, W0208, "expected text, found nothing");
    else if (kind == PLAIN_UNCLEAR || (kind != PLAIN_TEXT && !numbers))
        mapping_report(r, item, W0209, "'%.*s' without quotes is not text to every reader of YAML; quote it",
                       STR_ARG(item->text.text));
    else if (memchr(item->text.text.at, '\0', item->text.text.len))
        mapping_report(r, item, W0208, "text with a NUL character is of no use here");
    else
        return true;
    return false;
}

void mapping_read_text(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_text *ret = into;

    if (read_written(r, item, false, ret) && ret->text.len == 0)
        mapping_report(r, item, W0208, "expected text, found an empty one");
    if (item->kind != YAML_TEXT)
        ret->text = str_of("");     /* given, though of no use */
}

bool mapping_read_scalar(struct mapping_reading *r, const struct yaml_item *item, struct mapping_text *ret)
{
    return read_written(r, item, true, ret);
}

void mapping_read_bool(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    bool *ret = into;
    struct str s = item->text.text;

    if (item->kind == YAML_TEXT && item->text.style == 'p' && mapping_plain(s) == PLAIN_BOOL)
        *ret = s.at[0] == 't' || s.at[0] == 'T';
    else if (item->kind == YAML_TEXT && !yaml_is_null(item))
        mapping_report(r, item, W0208, "expected true or false without quotes, found '%.*s'", STR_ARG(s));
    else
        mapping_report(r, item, W0208, "expected true or false, found %s", mapping_kind(item));
}

bool mapping_read_number(struct mapping_reading *r, const struct yaml_item *item, uint64_t min, uint64_t max, bool size,
                         uint64_t *ret)
{
    struct str s = item->text.text;
    bool written = item->kind == YAML_TEXT && !(s.len > 1 && s.at[0] == '0');
    uint64_t n;

    if (!written || !(size ? str_parse_size(s, &n) : str_parse_uint64(s, &n))) {
        if (item->kind == YAML_TEXT && s.len)
            mapping_report(r, item, W0208, "expected a %s, found '%.*s'", size ? "size such as 64M" : "whole number",
                           STR_ARG(s));
        else
            mapping_report(r, item, W0208, "expected a %s, found %s", size ? "size such as 64M" : "whole number",
                           mapping_kind(item));
        return false;
    }
    if (n < min || n > max) {
        mapping_report(r, item, W0224, "%.*s is out of range: %llu to %llu", STR_ARG(s), (unsigned long long)min,
                       (unsigned long long)max);
        return false;
    }
    *ret = n;
    return true;
}

int mapping_read_word(struct mapping_reading *r, const struct yaml_item *item, const char *const *words, size_t n)
{
    char list[160] = "", hint[80];
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if (item->kind == YAML_TEXT && str_is(item->text.text, words[i]))
            return (int)i;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", words[i]);
    }
    if (item->kind == YAML_TEXT && item->text.text.len)
        mapping_report(r, item, W0215, "expected one of %s, found '%.*s'%s", list, STR_ARG(item->text.text),
                       mapping_did_you_mean(item->text.text, words, n, hint, sizeof hint));
    else
        mapping_report(r, item, W0208, "expected one of %s, found %s", list, mapping_kind(item));
    return -1;
}

const struct mapping_text *mapping_read_texts(struct mapping_reading *r, const struct yaml_item *item, size_t *n)
{
    size_t count = item->kind == YAML_LIST ? item->n : 1, i = 0;
    struct mapping_text *texts = mapping_room(r, count, sizeof *texts);

    *n = 0;
    if (!texts)
        return NULL;
    if (item->kind == YAML_LIST && item->n == 0)
        mapping_report(r, item, W0208, "expected text or a list of texts, found an empty list");
    if (item->kind != YAML_LIST)
        mapping_read_text(r, item, texts);
    for (const struct yaml_item *each = item->kind == YAML_LIST ? item->first : NULL; each; each = each->next)
        mapping_read_text(r, each, &texts[i++]);
    *n = count;
    return texts;
}

bool mapping_join(struct mapping_reading *r, const struct mapping_text *parts, size_t n, struct mapping_text *ret)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    bool full = buf_add_char(&text, '[') < 0;

    if (n == 1) {
        *ret = parts[0];
        return true;
    }
    for (size_t i = 0; i < n && !full; i++)     /* a line end, so that no comment swallows the parenthesis */
        full = buf_printf(&text, "%s(%.*s\n)", i ? ", " : "", STR_ARG(parts[i].text)) < 0;
    *ret = parts[0];
    ret->parts = parts;
    ret->n_parts = n;
    if (!full && buf_add_char(&text, ']') == 0)
        ret->text = arena_str(&r->m->arena, buf_str(&text));
    if (full || !ret->text.at)
        err_oom(mapping_fault(r->faults));
    return ret->text.at != NULL;
}

static int json_text(struct buf *out, struct str s)
{
    int failed = buf_add_char(out, '"');

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (c == '"' || c == '\\')
            failed |= buf_add_char(out, '\\');
        if (c < 0x20)
            failed |= buf_printf(out, "\\u%04x", c);
        else
            failed |= buf_add_char(out, (char)c);
    }
    return failed | buf_add_char(out, '"');
}

static int json_scalar(struct mapping_reading *r, const struct yaml_item *item, struct buf *out)
{
    struct str s = item->text.text;

    if (item->text.style != 'p')
        return json_text(out, s);
    switch (mapping_plain(s)) {
    case PLAIN_NULL: return buf_add_text(out, "null");
    case PLAIN_BOOL: return buf_add_text(out, s.at[0] == 't' || s.at[0] == 'T' ? "true" : "false");
    case PLAIN_NUMBER: return buf_add_str(out, s);
    case PLAIN_TEXT: return json_text(out, s);
    case PLAIN_UNCLEAR:
        mapping_report(r, item, W0209,
                       "'%.*s' without quotes means different things to readers of YAML; quote it if it is text",
                       STR_ARG(s));
        return json_text(out, s);
    }
    return -1;
}

/* Recursion is bounded by YAML_DEPTH_MAX. */
static int json_item(struct mapping_reading *r, const struct yaml_item *item, struct buf *out)
{
    int failed = 0;

    if (item->kind == YAML_TEXT)
        return json_scalar(r, item, out);
    failed |= buf_add_char(out, item->kind == YAML_LIST ? '[' : '{');
    for (const struct yaml_item *each = item->first; each; each = each->next) {
        if (each != item->first)
            failed |= buf_add_char(out, ',');
        if (item->kind == YAML_MAP)
            failed |= json_text(out, each->key->text.text) | buf_add_char(out, ':');
        failed |= json_item(r, each, out);
    }
    return failed | buf_add_char(out, item->kind == YAML_LIST ? ']' : '}');
}

void mapping_read_constant(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    CLEANUP(buf_release) struct buf json = BUF_INIT;
    struct mapping_constant *ret = into;

    ret->at = item->text;
    if (json_item(r, item, &json) == 0)
        ret->json = arena_str(&r->m->arena, buf_str(&json));
    if (!ret->json.at)
        err_oom(mapping_fault(r->faults));
    if (item->kind != YAML_TEXT)
        ret->at.text = ret->json;
}
