/* report/table.h: a small table of text, for commands and reports: aligned by display width, as CSV or as JSON. */
#ifndef WINDROW_REPORT_TABLE_H
#define WINDROW_REPORT_TABLE_H

#include "base/buf.h"
#include "report/escape.h"

/* NUMBER is right-aligned, and a number in JSON where it is one in JSON's spelling; JSON text is put into JSON as it
 * is (the caller vouches for it); BOOL is "t"/"f" or "true"/"false", true or false in JSON. */
enum table_kind { TABLE_TEXT = 0, TABLE_NUMBER, TABLE_BOOL, TABLE_JSON };

struct table_column {
    const char *title;      /* lent; JSON uses it as the member's name */
    enum table_kind kind;
    size_t width_max;       /* columns on the terminal beyond which a cell is cut; 0: whole */
};

/* Cells in rows, from left to right. */
struct table {
    const struct table_column *columns; /* lent for the table's life */
    size_t n_columns;
    struct buf bytes;
    struct table_cell *cells;
    size_t n, capacity;     /* cells; n / n_columns rows are complete */
};

void table_init(struct table *t, const struct table_column *columns, size_t n);

/* Append the next cell; the text is copied. NULL (at == NULL) is empty in text and CSV, null in JSON. -1: no memory. */
int table_cell(struct table *t, struct str text);
int table_cellf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int table_null(struct table *t);
int table_count(struct table *t, uint64_t n);   /* "1,234" in text, 1234 in CSV and JSON */

/* A line of dashes before the next row, in text only. Rows must be complete. */
int table_rule(struct table *t);

/* Titles and rows. Text: two blanks between columns, no blanks at line ends. CSV: a line of titles, CRLF as RFC 4180
 * has it. JSON: an array of objects, a row a line. */
int table_text(const struct table *t, struct buf *ret);
int table_csv(const struct table *t, struct buf *ret, enum escape_csv how);
int table_json(const struct table *t, struct buf *ret);

/* One complete row at a time and without titles or brackets, for results too large to hold: write, table_clear(), go
 * on. The JSON form is one object without a line end. */
int table_csv_titles(const struct table *t, struct buf *ret, enum escape_csv how);
int table_csv_row(const struct table *t, size_t row, struct buf *ret, enum escape_csv how);
int table_json_row(const struct table *t, size_t row, struct buf *ret);

/* Forget the rows, keep memory and columns. */
void table_clear(struct table *t);
void table_release(struct table *t);

#endif
