/* Tabs between, newline after, backslashes before what COPY would misread, see sink/copytext.h. */
#include "sink/copytext.h"

#include "sink/celltext.h"

enum { LINE_BYTES_MAX = 1 << 30 };

static char escape_letter(char c)
{
    switch (c) {
    case '\\': return '\\';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

/* Escape what was appended since `start`, from its end, in place. */
static int escape_since(struct buf *out, size_t start)
{
    size_t marks = 0;
    char *from, *to;

    for (size_t i = start; i < out->len; i++)
        marks += escape_letter(out->at[i]) != 0;
    if (marks == 0)
        return 0;
    if (buf_reserve(out, marks) < 0)
        return -1;
    from = out->at + out->len;
    to = from + marks;
    out->len += marks;
    *to = '\0';
    while (from > out->at + start) {
        char letter = escape_letter(*--from);

        *--to = letter ? letter : *from;
        if (letter)
            *--to = '\\';
    }
    return 0;
}

int copytext_escape(struct str text, struct buf *out)
{
    size_t start = out->len;

    return buf_add_str(out, text) < 0 ? -1 : escape_since(out, start);
}

static int add_field(const struct cell *cell, const struct type *type, struct buf *out, struct err *err)
{
    size_t start = out->len;

    if (cell->kind == CELL_NULL)
        return buf_add_text(out, "\\N") < 0 ? err_oom(err) : 0;
    if (celltext_add(cell, type, out, err) < 0)
        return -1;
    return escape_since(out, start) < 0 ? err_oom(err) : 0;
}

int copytext_row(const struct type *const *types, size_t n, const struct cell *cells, struct buf *out,
                 struct err *err)
{
    size_t start = out->len;

    for (size_t i = 0; i < n; i++) {
        if (add_field(&cells[i], types[i], out, err) < 0)
            goto undo;
        if (buf_add_char(out, i + 1 < n ? '\t' : '\n') < 0) {
            err_oom(err);
            goto undo;
        }
    }
    if (out->len - start < LINE_BYTES_MAX)
        return 0;
    err_set(err, ERR_RECORD, W0516, "row of %zu bytes is longer than COPY can take", out->len - start);
undo:
    out->len = start;
    return -1;
}
