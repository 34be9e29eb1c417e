/* The bytes of a mapping before YAML sees them: encoding, characters, lines, and places to and from offsets. */
#include "mapping/yaml_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void yaml_source_place(const struct yaml_source *s, size_t offset, uint32_t *line, uint32_t *column)
{
    size_t low = 0, high = s->n_lines;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (s->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    *line = (uint32_t)low + 1;
    *column = (uint32_t)str_utf8_count(str_make(s->text.at + s->lines[low], offset - s->lines[low])) + 1;
}

struct err *yaml_source_fault(const struct yaml_source *s, struct mapping_faults *faults, size_t offset, uint32_t len,
                              enum code code, const char *fmt, ...)
{
    struct err *e = mapping_fault(faults);
    char message[sizeof e->message];
    uint32_t line, column;
    va_list args;

    if (faults->n >= MAPPING_FAULTS_MAX)    /* a place costs a scan of its line */
        return e;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    err_set(e, ERR_RUN, code, "%s", message);
    yaml_source_place(s, offset, &line, &column);
    err_mapping(e, line, column, len ? len : 1);
    return e;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t yaml_source_offset(struct yaml_source *s, size_t line, size_t column)
{
    size_t at, seen = 0;

    if (line >= s->n_lines)
        return s->text.len;
    at = s->lines[line];
    if (s->line == line && s->column <= column) {
        at = s->offset;
        seen = s->column;
    }
    for (; seen < column && at < s->text.len; seen++) {
        at++;
        while (at < s->text.len && is_continuation(s->text.at[at]))
            at++;
    }
    s->line = (uint32_t)line;
    s->column = (uint32_t)seen;
    s->offset = at;
    return at;
}

uint32_t yaml_source_width(const struct yaml_source *s, size_t offset, size_t end)
{
    const char *newline = memchr(s->text.at + offset, '\n', end - offset);
    struct str first = str_make(s->text.at + offset, newline ? (size_t)(newline - s->text.at) - offset : end - offset);
    size_t n;

    while (first.len && strchr(" \t\r", first.at[first.len - 1]))
        first.len--;
    n = str_utf8_count(first);
    return n ? (uint32_t)n : 1;
}

/* Refused by YAML, or taken for the end of a line there and by no editor (U+0085, U+2028, U+2029). */
static bool is_odd(uint32_t c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||
           c == 0xFEFF || c == 0xFFFE || c == 0xFFFF;
}

static uint32_t code_point(const char *at, size_t *len)
{
    const unsigned char *u = (const unsigned char *)at;

    *len = u[0] < 0x80 ? 1 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    switch (*len) {
    case 1: return u[0];
    case 2: return (uint32_t)(u[0] & 0x1F) << 6 | (u[1] & 0x3F);
    case 3: return (uint32_t)(u[0] & 0x0F) << 12 | (uint32_t)(u[1] & 0x3F) << 6 | (u[2] & 0x3F);
    default:
        return (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3F) << 12 | (uint32_t)(u[2] & 0x3F) << 6 |
               (u[3] & 0x3F);
    }
}

static int check_characters(const struct yaml_source *s, struct mapping_faults *faults)
{
    size_t invalid = str_utf8_invalid_at(s->text), len;

    for (size_t i = 0; i < invalid; i += len) {
        uint32_t c = code_point(s->text.at + i, &len);

        if (c == '\r' && (i + 1 == s->text.len || s->text.at[i + 1] != '\n')) {
            yaml_source_fault(s, faults, i, 0, W0201, "a carriage return alone is no line end; use \\n or \\r\\n");
            return -1;
        }
        if (is_odd(c)) {
            yaml_source_fault(s, faults, i, 0, W0201,
                              "character U+%04X cannot stand in a mapping; write \"\\u%04X\" in double quotes", c, c);
            return -1;
        }
    }
    if (invalid == s->text.len)
        return 0;
    yaml_source_fault(s, faults, invalid, 0, W0201, "byte 0x%02X is not UTF-8", (unsigned char)s->text.at[invalid]);
    return -1;
}

static bool looks_like_utf16(struct str text)
{
    return text.len >= 2 &&
           (memcmp(text.at, "\xFF\xFE", 2) == 0 || memcmp(text.at, "\xFE\xFF", 2) == 0 || !text.at[0] || !text.at[1]);
}

static int find_lines(struct yaml_source *s)
{
    size_t n = 1, line = 0;

    for (size_t i = 0; i < s->text.len; i++)
        n += s->text.at[i] == '\n';
    s->lines = malloc(n * sizeof *s->lines);
    if (!s->lines)
        return -1;
    s->lines[line++] = 0;
    for (size_t i = 0; i < s->text.len; i++) {
        if (s->text.at[i] == '\n')
            s->lines[line++] = i + 1;
    }
    s->n_lines = n;
    return 0;
}

int yaml_source_init(struct yaml_source *s, struct str text, struct mapping_faults *faults)
{
    *s = (struct yaml_source){.text = text};
    if (text.len > YAML_BYTES_MAX || looks_like_utf16(text)) {
        struct err *e = mapping_fault(faults);

        if (text.len > YAML_BYTES_MAX)
            err_set(e, ERR_RUN, W0205, "the mapping has %zu bytes; the limit is %d", text.len, YAML_BYTES_MAX);
        else
            err_set(e, ERR_RUN, W0201, "this is UTF-16 or UTF-32, or no text; a mapping is UTF-8");
        return err_mapping(e, 1, 1, 1);
    }
    if (find_lines(s) < 0)
        return err_oom(mapping_fault(faults));
    return check_characters(s, faults);
}

void yaml_source_release(struct yaml_source *s)
{
    free(s->lines);
    *s = (struct yaml_source){0};
}
