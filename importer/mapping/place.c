/* From a byte of a text as YAML gave it to its place in the file: text and file are walked side by side. */
#include "mapping/mapping.h"

struct cursor {
    const struct mapping_text *text;
    size_t at;                  /* in text->raw */
    uint32_t line, column;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char peek(const struct cursor *c, size_t ahead)
{
    return c->at + ahead < c->text->raw.len ? c->text->raw.at[c->at + ahead] : '\0';
}

/* Over one byte. Columns count characters, so the first byte of each counts. */
static void step(struct cursor *c)
{
    char byte = peek(c, 0);

    c->at++;
    if (byte == '\n') {
        c->line++;
        c->column = 1;
    } else if (((unsigned char)peek(c, 0) & 0xC0) != 0x80) {
        c->column++;
    }
}

/* At the start of a line of a block: over its indentation. */
static void skip_indent(struct cursor *c)
{
    while (c->column < c->text->indent && peek(c, 0) == ' ')
        step(c);
}

static size_t utf8_len(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

static uint32_t hex(const struct cursor *c, size_t from, size_t n)
{
    uint32_t code = 0;

    for (size_t i = from; i < from + n; i++) {
        char d = peek(c, i);

        code = code * 16 + (uint32_t)(d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
    }
    return code;
}

/* The escape at the cursor: its length in the file, and in the text (0 for an escaped end of line). */
static size_t escape(const struct cursor *c, size_t *bytes)
{
    char kind = peek(c, 1);
    size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;

    *bytes = 1;
    if (kind == '\r' || kind == '\n')
        *bytes = 0;
    else if (digits)
        *bytes = utf8_len(hex(c, 2, digits));
    else if (kind == 'N' || kind == '_')
        *bytes = 2;
    else if (kind == 'L' || kind == 'P')
        *bytes = 3;
    return 2 + digits;
}

/* Over the blanks that YAML dropped or folded before the next character of the text. */
static void skip_folded(struct cursor *c, bool escapes)
{
    size_t bytes;

    for (;;) {
        while (c->at < c->text->raw.len && is_blank(peek(c, 0)))
            step(c);
        if (!escapes || peek(c, 0) != '\\' || escape(c, &bytes) != 2 || bytes != 0)
            return;
        step(c);
    }
}

/* To the place of text byte i: nothing in front of it may be left. */
static void settle(struct cursor *c, size_t i)
{
    char style = c->text->style;
    bool blank = is_blank(c->text->text.at[i]), escapes = style == 'd';

    if (style == '|') {
        skip_indent(c);
        return;
    }
    if (style == '>' && c->column < c->text->indent)
        skip_indent(c);
    if (!blank)
        skip_folded(c, escapes);
    else if (escapes && peek(c, 0) == '\\' && (peek(c, 1) == '\n' || peek(c, 1) == '\r'))
        skip_folded(c, true);
    else if (escapes && is_blank(peek(c, 0)) && c->text->text.at[i] != ' ' && c->text->text.at[i] != peek(c, 0)) {
        struct cursor ahead = *c;

        skip_folded(&ahead, true);
        if (peek(&ahead, 0) == '\\')    /* an escaped blank behind blanks that were dropped */
            *c = ahead;
    }
}

/* Over what made the text from byte i on; answers how many of its bytes. */
static size_t pass(struct cursor *c, size_t i)
{
    char style = c->text->style, byte = c->text->text.at[i];
    size_t bytes = 1, n = 1;

    if (style == 'd' && peek(c, 0) == '\\')
        n = escape(c, &bytes);
    else if (style == 's' && byte == '\'')
        n = 2;
    else if (byte == '\n' && peek(c, 0) == '\r')
        n = 2;
    else if (is_blank(byte) && !is_blank(peek(c, 0)))
        n = 0;
    while (n-- > 0 && c->at < c->text->raw.len)
        step(c);
    return bytes ? bytes : 1;
}

static void place_in_joined(const struct mapping_text *t, size_t offset, uint32_t *line, uint32_t *column)
{
    size_t from = 2;    /* "[(" */

    for (size_t i = 0; i < t->n_parts; i++) {
        size_t len = t->parts[i].text.len;

        if (offset < from + len + 2 || i + 1 == t->n_parts) {
            mapping_place(&t->parts[i], offset > from ? (offset - from < len ? offset - from : len) : 0, line, column);
            return;
        }
        from += len + 5;    /* "\n), (" */
    }
}

void mapping_place(const struct mapping_text *t, size_t offset, uint32_t *line, uint32_t *column)
{
    struct cursor c = {.text = t, .line = t->line, .column = t->style == '|' || t->style == '>' ? 1 : t->column};
    size_t i = 0;

    if (t->n_parts) {
        place_in_joined(t, offset, line, column);
        return;
    }
    while (i < offset && i < t->text.len && c.at < t->raw.len) {
        struct cursor before;

        settle(&c, i);
        before = c;
        i += pass(&c, i);
        if (i > offset)     /* inside the bytes of one escape */
            c = before;
    }
    if (offset < t->text.len && c.at < t->raw.len)
        settle(&c, offset);
    *line = c.line;
    *column = c.column;
}
