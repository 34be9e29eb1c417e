/* What may be shown as it is and what is written out; utf8proc knows the properties of characters. */
#include "report/escape.h"

#include <stdio.h>
#include <utf8proc.h>

enum { ZERO_WIDTH_NON_JOINER = 0x200C, ZERO_WIDTH_JOINER = 0x200D };

static bool hidden(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CS:
        return true;
    case UTF8PROC_CATEGORY_CF:      /* scripts and emoji need the joiners */
        return c != ZERO_WIDTH_NON_JOINER && c != ZERO_WIDTH_JOINER;
    case UTF8PROC_CATEGORY_CN:      /* noncharacters; XML 1.0 refuses two of them */
        return (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
    default:
        return false;
    }
}

/* The backslash that would make plain text look like one of our escapes. */
static bool looks_escaped(struct str s, size_t at)
{
    size_t left = s.len - at;

    return s.at[at] == '\\'
        && ((left > 1 && s.at[at + 1] == 'x') || (left > 2 && s.at[at + 1] == 'u' && s.at[at + 2] == '{'));
}

static void piece_byte(struct escape_piece *p, unsigned char byte)
{
    p->len = p->width = (unsigned)snprintf(p->text, sizeof p->text, "\\x%02X", byte);
}

static void piece_code_point(struct escape_piece *p, utf8proc_int32_t c)
{
    p->len = p->width = (unsigned)snprintf(p->text, sizeof p->text, "\\u{%X}", (unsigned)c);
}

static bool ascii_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '\\';
}

bool escape_next(struct str s, size_t at, struct escape_piece *ret)
{
    unsigned char byte;
    utf8proc_int32_t c;
    utf8proc_ssize_t n;

    if (at >= s.len)
        return false;
    byte = (unsigned char)s.at[at];
    ret->bytes = ret->len = ret->width = 1;
    ret->text[0] = (char)byte;
    if (ascii_plain(byte))
        return true;
    if (byte < 0x80) {
        if (byte != '\\' || looks_escaped(s, at))
            piece_byte(ret, byte);
        return true;
    }
    n = utf8proc_iterate((const utf8proc_uint8_t *)s.at + at, s.len - at > 4 ? 4 : (utf8proc_ssize_t)(s.len - at), &c);
    if (n <= 0) {
        piece_byte(ret, byte);
        return true;
    }
    ret->bytes = (size_t)n;
    if (hidden(c)) {
        piece_code_point(ret, c);
        return true;
    }
    memcpy(ret->text, s.at + at, (size_t)n);
    ret->len = (unsigned)n;
    ret->width = (unsigned)utf8proc_charwidth(c);
    return true;
}

int escape_text(struct buf *ret, struct str s)
{
    struct escape_piece p;

    for (size_t at = 0; escape_next(s, at, &p); at += p.bytes) {
        if (buf_add(ret, p.text, p.len) < 0)
            return -1;
    }
    return 0;
}

size_t escape_width(struct str s)
{
    struct escape_piece p;
    size_t width = 0;

    for (size_t at = 0; escape_next(s, at, &p); at += p.bytes)
        width += p.width;
    return width;
}

/* The length of the longest prefix at most `columns` wide. */
static size_t prefix_within(struct str s, size_t columns)
{
    struct escape_piece p;
    size_t at = 0;

    for (size_t width = 0; escape_next(s, at, &p); at += p.bytes) {
        width += p.width;
        if (width > columns)
            break;
    }
    return at;
}

/* The start of the longest suffix at most `columns` wide, given the width of all. */
static size_t suffix_within(struct str s, size_t width, size_t columns)
{
    struct escape_piece p;
    size_t at = 0;

    while (width > columns && escape_next(s, at, &p)) {
        width -= p.width;
        at += p.bytes;
    }
    while (escape_next(s, at, &p) && p.width == 0)      /* marks of a character that is gone */
        at += p.bytes;
    return at;
}

static int cut(struct buf *ret, struct str s, size_t columns, size_t tail)
{
    size_t width = escape_width(s), head, from;

    if (width <= columns)
        return escape_text(ret, s);
    if (columns < 3)
        return buf_add(ret, "...", columns);
    head = prefix_within(s, columns - 3 - tail);
    from = tail ? suffix_within(s, width, tail) : s.len;
    if (escape_text(ret, str_make(s.at, head)) < 0 || buf_add_text(ret, "...") < 0)
        return -1;
    return escape_text(ret, str_make(s.at + from, s.len - from));
}

int escape_text_cut(struct buf *ret, struct str s, size_t columns)
{
    return cut(ret, s, columns, 0);
}

int escape_text_cut_middle(struct buf *ret, struct str s, size_t columns)
{
    return cut(ret, s, columns, columns > 3 ? (columns - 3) * 2 / 3 : 0);
}

static int add_entity(struct buf *ret, char c)
{
    switch (c) {
    case '&':
        return buf_add_text(ret, "&amp;");
    case '<':
        return buf_add_text(ret, "&lt;");
    case '>':
        return buf_add_text(ret, "&gt;");
    case '"':
        return buf_add_text(ret, "&quot;");
    case '\'':
        return buf_add_text(ret, "&#39;");
    default:
        return buf_add_char(ret, c);
    }
}

int escape_markup(struct buf *ret, struct str s)
{
    struct escape_piece p;

    for (size_t at = 0; escape_next(s, at, &p); at += p.bytes) {
        if (p.len == 1 ? add_entity(ret, p.text[0]) < 0 : buf_add(ret, p.text, p.len) < 0)
            return -1;
    }
    return 0;
}

int escape_entities(struct buf *ret, struct str shown)
{
    for (size_t i = 0; i < shown.len; i++) {
        if (add_entity(ret, shown.at[i]) < 0)
            return -1;
    }
    return 0;
}

static bool is_utf8_at(struct str s, size_t at, utf8proc_int32_t *c)
{
    return utf8proc_iterate((const utf8proc_uint8_t *)s.at + at, s.len - at > 4 ? 4 : (utf8proc_ssize_t)(s.len - at),
                            c) > 0;
}

static int add_json_unit(struct buf *ret, utf8proc_int32_t c)
{
    if (c == '\n')
        return buf_add_text(ret, "\\n");
    if (c == '\t')
        return buf_add_text(ret, "\\t");
    if (c == '\r')
        return buf_add_text(ret, "\\r");
    if (c < 0x10000)
        return buf_printf(ret, "\\u%04x", (unsigned)c);
    c -= 0x10000;
    return buf_printf(ret, "\\u%04x\\u%04x", 0xD800u + (unsigned)(c >> 10), 0xDC00u + (unsigned)(c & 0x3FF));
}

int escape_json(struct buf *ret, struct str s)
{
    struct escape_piece p;
    utf8proc_int32_t c;

    if (buf_add_char(ret, '"') < 0)
        return -1;
    for (size_t at = 0; escape_next(s, at, &p); at += p.bytes) {
        int status;

        if (!is_utf8_at(s, at, &c))
            status = buf_printf(ret, "\\%s", p.text);
        else if (c == '\\' || c == '"')
            status = buf_printf(ret, "\\%c", (char)c);
        else if (hidden(c))
            status = add_json_unit(ret, c);
        else
            status = buf_add(ret, s.at + at, p.bytes);
        if (status < 0)
            return -1;
    }
    return buf_add_char(ret, '"');
}

/* -12.5e3 and the like: harmless in a spreadsheet, though it begins with a sign. */
static bool plain_number(struct str s)
{
    size_t i = 0, digits = 0;

    if (i < s.len && (s.at[i] == '-' || s.at[i] == '+'))
        i++;
    for (; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
        digits++;
    if (i < s.len && s.at[i] == '.') {
        for (i++; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
            digits++;
    }
    if (digits && i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        if (i < s.len && (s.at[i] == '-' || s.at[i] == '+'))
            i++;
        for (digits = 0; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
            digits++;
    }
    return digits > 0 && i == s.len;
}

static bool formula(struct str s)
{
    return s.len > 0 && memchr("=+-@\t\r\n", s.at[0], 7) && !plain_number(s);
}

static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (memchr("\",;\t\r\n", s.at[i], 6))
            return true;
    }
    return s.len > 0 && (s.at[0] == ' ' || s.at[s.len - 1] == ' ');
}

static int add_csv_char(struct buf *ret, struct str s, size_t *at, enum escape_csv how)
{
    struct escape_piece p;
    char c = s.at[*at];

    if (c == '"' && ++*at)
        return buf_add_text(ret, "\"\"");
    if (how == ESCAPE_CSV_EXACT || c == '\n' || c == '\t') {
        ++*at;
        return buf_add_char(ret, c);
    }
    escape_next(s, *at, &p);
    *at += p.bytes;
    return buf_add(ret, p.text, p.len);
}

int escape_csv(struct buf *ret, struct str s, enum escape_csv how)
{
    bool prefix = how == ESCAPE_CSV_SAFE && formula(s), quotes = prefix || needs_quotes(s);

    if ((quotes && buf_add_char(ret, '"') < 0) || (prefix && buf_add_char(ret, '\'') < 0))
        return -1;
    for (size_t at = 0; at < s.len;) {
        if (add_csv_char(ret, s, &at, how) < 0)
            return -1;
    }
    return quotes ? buf_add_char(ret, '"') : 0;
}
