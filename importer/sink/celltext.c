/* Numbers, times, bytes and arrays as PostgreSQL writes them itself, see sink/celltext.h. */
#include "sink/celltext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_US INT64_C(86400000000)

struct civil {
    int64_t year;
    unsigned month, day;
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years counted so that 0 is 1 BC. The year is taken to
 * begin in March, so that the leap day is its last. */
static struct civil civil_of(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    unsigned day_of_era = (unsigned)(shifted - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    struct civil c;

    c.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    c.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    c.year = (int64_t)year_of_era + era * 400 + (c.month <= 2);
    return c;
}

static int add_date(int64_t days, struct buf *out, bool *before_christ)
{
    struct civil c;

    if (days > INT64_C(4000000000) || days < INT64_C(-4000000000))
        return -1;
    c = civil_of(days);
    *before_christ = c.year <= 0;
    return buf_printf(out, "%04lld-%02u-%02u", (long long)(c.year <= 0 ? 1 - c.year : c.year), c.month, c.day);
}

static int add_clock(int64_t us, struct buf *out)
{
    int64_t seconds = us / 1000000;

    return buf_printf(out, "%02lld:%02lld:%02lld.%06lld", (long long)(seconds / 3600),
                      (long long)(seconds / 60 % 60), (long long)(seconds % 60), (long long)(us % 1000000));
}

static int add_day(int64_t days, struct buf *out)
{
    bool before_christ;

    if (add_date(days, out, &before_christ) < 0)
        return -1;
    return before_christ ? buf_add_text(out, " BC") : 0;
}

static int add_timestamp(int64_t us, bool zoned, struct buf *out)
{
    int64_t days = us / DAY_US - (us % DAY_US < 0);
    bool before_christ;

    if (add_date(days, out, &before_christ) < 0 || buf_add_char(out, before_christ ? ' ' : 'T') < 0 ||
        add_clock(us - days * DAY_US, out) < 0)
        return -1;
    if (before_christ)
        return buf_add_text(out, zoned ? "+00 BC" : " BC");
    return zoned ? buf_add_char(out, 'Z') : 0;
}

/* 15 digits usually do; 17 always. */
static int add_double(double f, bool single, struct buf *out)
{
    char text[40];

    if (isnan(f))
        return buf_add_text(out, "NaN");
    if (isinf(f))
        return buf_add_text(out, f < 0 ? "-Infinity" : "Infinity");
    for (int digits = single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, f);
        if (single ? strtof(text, NULL) == (float)f : strtod(text, NULL) == f)
            break;
    }
    for (char *c = text; *c; c++) {
        if (*c == ',')      /* a locale's decimal comma */
            *c = '.';
    }
    return buf_add_text(out, text);
}

static int add_hex(struct str bytes, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    char *p;

    if (bytes.len > SIZE_MAX / 4 || buf_reserve(out, 2 * bytes.len + 2) < 0)
        return -1;
    p = out->at + out->len;
    *p++ = '\\';
    *p++ = 'x';
    for (size_t i = 0; i < bytes.len; i++) {
        *p++ = digits[(unsigned char)bytes.at[i] >> 4];
        *p++ = digits[(unsigned char)bytes.at[i] & 15];
    }
    *p = '\0';
    out->len = (size_t)(p - out->at);
    return 0;
}

static int add_uuid(struct str bytes, struct buf *out)
{
    const unsigned char *b = (const unsigned char *)bytes.at;

    if (bytes.len != 16)
        BUG("uuid of %zu bytes", bytes.len);
    return buf_printf(out, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                      b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static int add_scalar(const struct cell *cell, const struct type *type, struct buf *out)
{
    switch (cell->kind) {
    case CELL_BOOL: return buf_add_text(out, cell->n ? "true" : "false");
    case CELL_INT: return buf_printf(out, "%lld", (long long)cell->n);
    case CELL_FLOAT: return add_double(cell->f, type && type->kind == TYPE_FLOAT4, out);
    case CELL_NUMERIC: case CELL_TEXT: case CELL_JSON: return buf_add_str(out, cell->text);
    case CELL_BYTES: return add_hex(cell->text, out);
    case CELL_UUID: return add_uuid(cell->text, out);
    case CELL_DATE: return add_day(cell->n, out);
    case CELL_TIME: return add_clock(cell->n, out);
    case CELL_TIMESTAMP: return add_timestamp(cell->n, type && type->kind == TYPE_TIMESTAMPTZ, out);
    case CELL_NULL: case CELL_ARRAY: break;
    }
    BUG("no text for a cell of kind %d", (int)cell->kind);
}

/* What was appended since `start` is put into double quotes, its quotes and backslashes escaped. */
static int quote_item(struct buf *out, size_t start)
{
    size_t marks = 0, len = out->len - start;
    char *from, *to;

    for (size_t i = start; i < out->len; i++)
        marks += out->at[i] == '"' || out->at[i] == '\\';
    if (buf_reserve(out, marks + 2) < 0)
        return -1;
    from = out->at + start + len;
    to = from + marks + 2;
    out->len += marks + 2;
    *to = '\0';
    *--to = '"';
    while (from > out->at + start) {
        *--to = *--from;
        if (*from == '"' || *from == '\\')
            *--to = '\\';
    }
    *--to = '"';
    return 0;
}

static int add_array(const struct cell *cell, const struct type *type, int depth, struct buf *out, struct err *err)
{
    const struct type *element = type && type->element ? type->element : NULL;

    if (depth == CELLTEXT_DIMENSIONS_MAX)
        return err_set(err, ERR_RECORD, W0521, "array has more than %d dimensions", CELLTEXT_DIMENSIONS_MAX);
    if (buf_add_char(out, '{') < 0)
        return err_oom(err);
    for (size_t i = 0; i < cell->items.n; i++) {
        const struct cell *item = &cell->items.at[i];
        size_t start;

        if (i && buf_add_char(out, ',') < 0)
            return err_oom(err);
        start = out->len;
        if (item->kind == CELL_ARRAY) {
            if (add_array(item, type, depth + 1, out, err) < 0)
                return -1;
        } else if (item->kind == CELL_NULL) {
            if (buf_add_text(out, "NULL") < 0)
                return err_oom(err);
        } else if (add_scalar(item, element, out) < 0 || quote_item(out, start) < 0) {
            return err_oom(err);
        }
    }
    return buf_add_char(out, '}') < 0 ? err_oom(err) : 0;
}

int celltext_add(const struct cell *cell, const struct type *type, struct buf *out, struct err *err)
{
    bool timed = cell->kind == CELL_DATE || cell->kind == CELL_TIMESTAMP;

    if (cell->kind == CELL_ARRAY)
        return add_array(cell, type, 0, out, err);
    if (add_scalar(cell, type, out) == 0)
        return 0;
    return timed ? err_set(err, ERR_RECORD, W0521, "date is out of range") : err_oom(err);
}
