/* Cells are kept as bytes in one buffer; how they look is decided when they are written. */
#include "report/table.h"

#include "base/cleanup.h"
#include "report/format.h"
#include "report/jsonout.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum cell_kind { CELL_PLAIN = 0, CELL_NULL, CELL_COUNT };

struct table_cell {
    size_t at, len;         /* in bytes */
    enum cell_kind kind;
    bool rule;              /* dashes before the row that begins here */
};

void table_init(struct table *t, const struct table_column *columns, size_t n)
{
    *t = (struct table){.columns = columns, .n_columns = n};
}

/* Room for one more than n: a rule may stand behind the last row. */
static int reserve(struct table *t)
{
    size_t capacity = t->capacity ? t->capacity * 2 : 64;
    struct table_cell *cells;

    if (t->n + 1 < t->capacity)
        return 0;
    cells = reallocarray(t->cells, capacity, sizeof *cells);
    if (!cells)
        return -1;
    memset(cells + t->capacity, 0, (capacity - t->capacity) * sizeof *cells);
    t->cells = cells;
    t->capacity = capacity;
    return 0;
}

static int add(struct table *t, struct str text, enum cell_kind kind)
{
    struct table_cell *cell;

    if (reserve(t) < 0)
        return -1;
    cell = &t->cells[t->n];
    cell->at = t->bytes.len;
    cell->len = text.len;
    cell->kind = kind;
    if (buf_add_str(&t->bytes, text) < 0)
        return -1;
    t->n++;
    return 0;
}

int table_cell(struct table *t, struct str text)
{
    return add(t, text, text.at ? CELL_PLAIN : CELL_NULL);
}

int table_null(struct table *t)
{
    return add(t, str_make(NULL, 0), CELL_NULL);
}

int table_cellf(struct table *t, const char *fmt, ...)
{
    CLEANUP(free_ptr) char *text = NULL;
    va_list args;
    int len;

    va_start(args, fmt);
    len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0) {
        text = NULL;
        return -1;
    }
    return add(t, str_make(text, (size_t)len), CELL_PLAIN);
}

int table_count(struct table *t, uint64_t n)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRIu64, n);

    return add(t, str_make(text, (size_t)len), CELL_COUNT);
}

int table_rule(struct table *t)
{
    if (t->n % t->n_columns)
        BUG("a rule inside a row");
    if (reserve(t) < 0)
        return -1;
    t->cells[t->n].rule = true;
    return 0;
}

static struct str cell_text(const struct table *t, const struct table_cell *cell)
{
    return cell->kind == CELL_NULL ? str_make(NULL, 0) : str_make(buf_text(&t->bytes) + cell->at, cell->len);
}

/* The columns that the text behind `start` takes; it is shown text, which escape_width() would escape again. */
static size_t shown_width(struct str all, size_t start)
{
    struct escape_piece p;
    size_t width = 0;

    for (size_t at = start; escape_next(all, at, &p); at += p.bytes)
        width += all.at[at] == '\\' ? 1 : p.width;
    return width;
}

/* The cell as text shows it; *width is what it takes. */
static int show(const struct table *t, size_t i, struct buf *ret, size_t *width)
{
    const struct table_cell *cell = &t->cells[i];
    struct str text = cell_text(t, cell);
    size_t max = t->columns[i % t->n_columns].width_max, start = ret->len;
    uint64_t n;

    if (cell->kind == CELL_COUNT && str_parse_uint64(text, &n)) {
        if (format_count(ret, n) < 0)
            return -1;
        *width = ret->len - start;
        return 0;
    }
    *width = escape_width(text);
    if (max == 0 || *width <= max)
        return escape_text(ret, text);
    if (escape_text_cut(ret, text, max) < 0)
        return -1;
    *width = shown_width(buf_str(ret), start);
    return 0;
}

static int spaces(struct buf *ret, char c, size_t n)
{
    while (n-- > 0) {
        if (buf_add_char(ret, c) < 0)
            return -1;
    }
    return 0;
}

static void trim_end(struct buf *ret)
{
    while (ret->len > 0 && ret->at[ret->len - 1] == ' ')
        ret->at[--ret->len] = '\0';
}

/* Append shown text, padded to its column's room. */
static int put(struct buf *ret, struct str text, size_t width, size_t room, enum table_kind kind, bool first)
{
    size_t pad = room - width;

    if (!first && buf_add_text(ret, "  ") < 0)
        return -1;
    if (kind == TABLE_NUMBER && spaces(ret, ' ', pad) < 0)
        return -1;
    if (buf_add_str(ret, text) < 0)
        return -1;
    return kind == TABLE_NUMBER ? 0 : spaces(ret, ' ', pad);
}

static int measure(const struct table *t, size_t *rooms)
{
    CLEANUP(buf_release) struct buf shown = BUF_INIT;

    for (size_t c = 0; c < t->n_columns; c++)
        rooms[c] = escape_width(str_of(t->columns[c].title));
    for (size_t i = 0; i < t->n; i++) {
        size_t width;

        buf_clear(&shown);
        if (show(t, i, &shown, &width) < 0)
            return -1;
        if (width > rooms[i % t->n_columns])
            rooms[i % t->n_columns] = width;
    }
    return 0;
}

static int rule_line(const struct table *t, const size_t *rooms, struct buf *ret)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        if ((c > 0 && buf_add_text(ret, "  ") < 0) || spaces(ret, '-', rooms[c]) < 0)
            return -1;
    }
    return buf_add_char(ret, '\n');
}

static int row_line(const struct table *t, size_t row, const size_t *rooms, struct buf *ret)
{
    CLEANUP(buf_release) struct buf shown = BUF_INIT;

    for (size_t c = 0; c < t->n_columns; c++) {
        size_t width;

        buf_clear(&shown);
        if (show(t, row * t->n_columns + c, &shown, &width) < 0
            || put(ret, buf_str(&shown), width, rooms[c], t->columns[c].kind, c == 0) < 0)
            return -1;
    }
    trim_end(ret);
    return buf_add_char(ret, '\n');
}

static int title_line(const struct table *t, const size_t *rooms, struct buf *ret)
{
    CLEANUP(buf_release) struct buf shown = BUF_INIT;

    for (size_t c = 0; c < t->n_columns; c++) {
        struct str title = str_of(t->columns[c].title);

        buf_clear(&shown);
        if (escape_text(&shown, title) < 0
            || put(ret, buf_str(&shown), escape_width(title), rooms[c], t->columns[c].kind, c == 0) < 0)
            return -1;
    }
    trim_end(ret);
    return buf_add_char(ret, '\n');
}

int table_text(const struct table *t, struct buf *ret)
{
    CLEANUP(free_ptr) size_t *rooms = calloc(t->n_columns, sizeof *rooms);

    if (!rooms || measure(t, rooms) < 0 || title_line(t, rooms, ret) < 0 || rule_line(t, rooms, ret) < 0)
        return -1;
    for (size_t row = 0; row < t->n / t->n_columns; row++) {
        if (row > 0 && t->cells[row * t->n_columns].rule && rule_line(t, rooms, ret) < 0)
            return -1;
        if (row_line(t, row, rooms, ret) < 0)
            return -1;
    }
    return 0;
}

int table_csv_titles(const struct table *t, struct buf *ret, enum escape_csv how)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        if ((c > 0 && buf_add_char(ret, ',') < 0) || escape_csv(ret, str_of(t->columns[c].title), how) < 0)
            return -1;
    }
    return buf_add_text(ret, "\r\n");
}

int table_csv_row(const struct table *t, size_t row, struct buf *ret, enum escape_csv how)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct table_cell *cell = &t->cells[row * t->n_columns + c];

        if (c > 0 && buf_add_char(ret, ',') < 0)
            return -1;
        if (cell->kind != CELL_NULL && cell->len == 0 ? buf_add_text(ret, "\"\"") < 0
                                                      : escape_csv(ret, cell_text(t, cell), how) < 0)
            return -1;
    }
    return buf_add_text(ret, "\r\n");
}

int table_csv(const struct table *t, struct buf *ret, enum escape_csv how)
{
    if (table_csv_titles(t, ret, how) < 0)
        return -1;
    for (size_t row = 0; row < t->n / t->n_columns; row++) {
        if (table_csv_row(t, row, ret, how) < 0)
            return -1;
    }
    return 0;
}

/* A number in JSON's own spelling: -?(0|[1-9]d*)(.d+)?([eE][+-]?d+)? */
static bool json_number(struct str s)
{
    size_t i = 0, start;

    if (i < s.len && s.at[i] == '-')
        i++;
    start = i;
    while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
        i++;
    if (i == start || (s.at[start] == '0' && i > start + 1))
        return false;
    if (i < s.len && s.at[i] == '.') {
        for (start = ++i; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
            ;
        if (i == start)
            return false;
    }
    if (i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        if (i < s.len && (s.at[i] == '+' || s.at[i] == '-'))
            i++;
        for (start = i; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
            ;
        if (i == start)
            return false;
    }
    return i == s.len;
}

static void json_cell(struct jsonout *j, struct str text, enum table_kind kind)
{
    if (kind == TABLE_JSON || (kind == TABLE_NUMBER && json_number(text)))
        jsonout_raw(j, text);
    else if (kind == TABLE_BOOL && (str_is(text, "t") || str_is(text, "true")))
        jsonout_bool(j, true);
    else if (kind == TABLE_BOOL && (str_is(text, "f") || str_is(text, "false")))
        jsonout_bool(j, false);
    else
        jsonout_str(j, text);
}

int table_json_row(const struct table *t, size_t row, struct buf *ret)
{
    struct jsonout j;

    jsonout_init(&j, ret, true);
    jsonout_open(&j, '{');
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct table_cell *cell = &t->cells[row * t->n_columns + c];

        jsonout_name(&j, t->columns[c].title);
        if (cell->kind == CELL_NULL)
            jsonout_null(&j);
        else
            json_cell(&j, cell_text(t, cell), cell->kind == CELL_COUNT ? TABLE_NUMBER : t->columns[c].kind);
    }
    jsonout_close(&j, '}');
    return j.failed ? -1 : 0;
}

int table_json(const struct table *t, struct buf *ret)
{
    if (buf_add_char(ret, '[') < 0)
        return -1;
    for (size_t row = 0; row < t->n / t->n_columns; row++) {
        if (buf_add_text(ret, row ? ",\n " : "\n ") < 0 || table_json_row(t, row, ret) < 0)
            return -1;
    }
    return buf_add_text(ret, t->n ? "\n]\n" : "]\n");
}

void table_clear(struct table *t)
{
    if (t->capacity)
        memset(t->cells, 0, t->capacity * sizeof *t->cells);
    t->n = 0;
    buf_clear(&t->bytes);
}

void table_release(struct table *t)
{
    buf_release(&t->bytes);
    free(t->cells);
    *t = (struct table){.columns = t->columns, .n_columns = t->n_columns};
}
