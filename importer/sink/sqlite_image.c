/* A row as a JSON object, for the image of what it was before it was changed or deleted. */
#include "sink/sqlite_sink.h"

static int json_text(struct buf *json, const char *at, size_t len)
{
    int failed = buf_add_char(json, '"');

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)at[i];

        if (c < 0x20)
            failed |= buf_printf(json, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            failed |= buf_printf(json, "\\%c", c);
        else
            failed |= buf_add_char(json, (char)c);
    }
    return failed | buf_add_char(json, '"');
}

static int json_blob(struct buf *json, const unsigned char *at, size_t len)
{
    int failed = buf_add_text(json, "\"\\\\x");

    for (size_t i = 0; i < len; i++)
        failed |= buf_printf(json, "%02x", at[i]);
    return failed | buf_add_char(json, '"');
}

/* Numbers keep their digits; a REAL always shows a point or an exponent, infinity is 9e999; bytes are "\\x6869". */
static int json_column(struct buf *json, sqlite3_stmt *s, int column)
{
    char number[SQLITE_DOUBLE_MAX];
    size_t len = (size_t)sqlite3_column_bytes(s, column);
    double f;

    switch (sqlite3_column_type(s, column)) {
    case SQLITE_NULL:
        return buf_add_text(json, "null");
    case SQLITE_INTEGER:
        return buf_printf(json, "%lld", sqlite3_column_int64(s, column));
    case SQLITE_FLOAT:
        f = sqlite3_column_double(s, column);
        if (f - f != 0)
            return buf_add_text(json, f > 0 ? "9e999" : "-9e999");
        len = sqlite_row_double(f, number);
        return buf_add(json, number, len) | (strpbrk(number, ".e") ? 0 : buf_add_text(json, ".0"));
    case SQLITE_BLOB:
        return json_blob(json, sqlite3_column_blob(s, column), len);
    default:
        return json_text(json, (const char *)sqlite3_column_text(s, column), len);
    }
}

int sqlite_image(const struct sink_table *t, sqlite3_stmt *s, int column, struct buf *json)
{
    int failed = 0;

    for (size_t i = 0; i < t->spec->table->n_columns; i++) {
        const struct catalog_column *c = &t->spec->table->columns[i];

        if (c->generated)
            continue;
        failed |= buf_add_char(json, json->len ? ',' : '{') | json_text(json, c->name, strlen(c->name)) |
                  buf_add_char(json, ':') | json_column(json, s, column++);
    }
    return failed | buf_add_char(json, '}') ? -1 : 0;
}
