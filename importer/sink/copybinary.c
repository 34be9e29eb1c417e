/* Big-endian fields, each behind its length; room for the whole row is reserved once, see sink/copybinary.h. */
#include "sink/copybinary.h"

#include "sink/celltext.h"

#include <endian.h>

const char copybinary_header[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
const char copybinary_trailer[2] = "\377\377";

#define EPOCH_DAYS INT64_C(10957)                       /* 2000-01-01, where PostgreSQL counts from */
#define EPOCH_US (EPOCH_DAYS * INT64_C(86400000000))

enum {
    COLUMNS_MAX = 1600,
    VALUE_BYTES_MAX = 0x3fffffff - 64,  /* just below the server's 1 GiB */
    FIXED_BYTES_MAX = 24,               /* length and value of anything that is not as long as its input */
    NUMERIC_SCALE_MAX = 16383,
    NUMERIC_DIGITS_BEFORE_MAX = 131072
};

static bool form_of(const struct type *column, const struct type *cell, enum copybinary_form *ret)
{
    static const struct {
        enum type_kind column, cell;
        enum copybinary_form form;
    } forms[] = {
        {TYPE_BOOL, TYPE_BOOL, COPYBINARY_BOOL},
        {TYPE_INT2, TYPE_INT2, COPYBINARY_INT2}, {TYPE_INT2, TYPE_INT4, COPYBINARY_INT2},
        {TYPE_INT2, TYPE_INT8, COPYBINARY_INT2},
        {TYPE_INT4, TYPE_INT2, COPYBINARY_INT4}, {TYPE_INT4, TYPE_INT4, COPYBINARY_INT4},
        {TYPE_INT4, TYPE_INT8, COPYBINARY_INT4},
        {TYPE_INT8, TYPE_INT2, COPYBINARY_INT8}, {TYPE_INT8, TYPE_INT4, COPYBINARY_INT8},
        {TYPE_INT8, TYPE_INT8, COPYBINARY_INT8},
        {TYPE_NUMERIC, TYPE_NUMERIC, COPYBINARY_NUMERIC}, {TYPE_NUMERIC, TYPE_INT2, COPYBINARY_NUMERIC},
        {TYPE_NUMERIC, TYPE_INT4, COPYBINARY_NUMERIC}, {TYPE_NUMERIC, TYPE_INT8, COPYBINARY_NUMERIC},
        {TYPE_FLOAT4, TYPE_FLOAT4, COPYBINARY_FLOAT4},
        {TYPE_FLOAT8, TYPE_FLOAT4, COPYBINARY_FLOAT8}, {TYPE_FLOAT8, TYPE_FLOAT8, COPYBINARY_FLOAT8},
        {TYPE_TEXT, TYPE_TEXT, COPYBINARY_BYTES}, {TYPE_TEXT, TYPE_ENUM, COPYBINARY_BYTES},
        {TYPE_TEXT, TYPE_JSON, COPYBINARY_BYTES}, {TYPE_TEXT, TYPE_JSONB, COPYBINARY_BYTES},
        {TYPE_TEXT, TYPE_NUMERIC, COPYBINARY_BYTES}, {TYPE_TEXT, TYPE_OTHER, COPYBINARY_BYTES},
        {TYPE_ENUM, TYPE_ENUM, COPYBINARY_BYTES}, {TYPE_ENUM, TYPE_TEXT, COPYBINARY_BYTES},
        {TYPE_BYTEA, TYPE_BYTEA, COPYBINARY_BYTES},
        {TYPE_JSON, TYPE_JSON, COPYBINARY_BYTES}, {TYPE_JSON, TYPE_JSONB, COPYBINARY_BYTES},
        {TYPE_JSONB, TYPE_JSONB, COPYBINARY_JSONB}, {TYPE_JSONB, TYPE_JSON, COPYBINARY_JSONB},
        {TYPE_UUID, TYPE_UUID, COPYBINARY_UUID}, {TYPE_DATE, TYPE_DATE, COPYBINARY_DATE},
        {TYPE_TIME, TYPE_TIME, COPYBINARY_TIME},
        {TYPE_TIMESTAMP, TYPE_TIMESTAMP, COPYBINARY_TIMESTAMP},
        {TYPE_TIMESTAMPTZ, TYPE_TIMESTAMPTZ, COPYBINARY_TIMESTAMP},
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (forms[i].column == column->kind && forms[i].cell == cell->kind) {
            *ret = forms[i].form;
            return true;
        }
    }
    return false;
}

bool copybinary_field(const struct type *column, const struct type *cell, struct copybinary_field *ret)
{
    struct copybinary_field field = {.cell = cell};

    if (column->kind == TYPE_ARRAY && cell->kind == TYPE_ARRAY) {
        field.form = COPYBINARY_ARRAY;
        if (!column->element || !cell->element || !column->element->oid ||
            !form_of(column->element, cell->element, &field.element))
            return false;
        field.element_oid = column->element->oid;
    } else if (!form_of(column, cell, &field.form)) {
        if (column->kind != TYPE_TEXT || cell->kind == TYPE_UNKNOWN)
            return false;
        field.form = COPYBINARY_SPELLED;
    }
    *ret = field;
    return true;
}

/* PostgreSQL's limit of dimensions bounds the depth. */
static size_t array_bound(const struct cell *cell, int depth)
{
    size_t bound = 20 + 8 * CELLTEXT_DIMENSIONS_MAX;

    if (depth == CELLTEXT_DIMENSIONS_MAX)
        return bound;
    for (size_t i = 0; i < cell->items.n; i++) {
        const struct cell *item = &cell->items.at[i];

        if (item->kind == CELL_ARRAY)
            bound += array_bound(item, depth + 1);
        else
            bound += FIXED_BYTES_MAX + (item->kind == CELL_TEXT || item->kind == CELL_BYTES ||
                                        item->kind == CELL_JSON || item->kind == CELL_NUMERIC ? item->text.len : 0);
    }
    return bound;
}

static size_t row_bound(size_t n, const struct cell *cells)
{
    size_t bound = 2 + n * FIXED_BYTES_MAX;

    for (size_t i = 0; i < n; i++) {
        switch (cells[i].kind) {
        case CELL_TEXT: case CELL_BYTES: case CELL_JSON: case CELL_NUMERIC: bound += cells[i].text.len; break;
        case CELL_ARRAY: bound += array_bound(&cells[i], 0); break;
        default: break;
        }
    }
    return bound;
}

static inline char *put16(char *p, uint16_t n)
{
    n = htobe16(n);
    memcpy(p, &n, 2);
    return p + 2;
}

static inline char *put32(char *p, uint32_t n)
{
    n = htobe32(n);
    memcpy(p, &n, 4);
    return p + 4;
}

static inline char *put64(char *p, uint64_t n)
{
    n = htobe64(n);
    memcpy(p, &n, 8);
    return p + 8;
}

static char *out_of_range(const char *what, struct err *err)
{
    err_set(err, ERR_RECORD, W0521, "%s is out of range", what);
    return NULL;
}

static char *put_int(char *p, enum copybinary_form form, int64_t n, struct err *err)
{
    switch (form) {
    case COPYBINARY_INT2:
        return n < INT16_MIN || n > INT16_MAX ? out_of_range("smallint", err) : put16(put32(p, 2), (uint16_t)n);
    case COPYBINARY_INT4:
        return n < INT32_MIN || n > INT32_MAX ? out_of_range("integer", err) : put32(put32(p, 4), (uint32_t)n);
    default:
        return put64(put32(p, 8), (uint64_t)n);
    }
}

static char *put_date(char *p, int64_t days, struct err *err)
{
    /* The two ends stand for -infinity and infinity. */
    if (days - EPOCH_DAYS <= INT32_MIN || days - EPOCH_DAYS >= INT32_MAX)
        return out_of_range("date", err);
    return put32(put32(p, 4), (uint32_t)(days - EPOCH_DAYS));
}

static char *put_timestamp(char *p, int64_t us, struct err *err)
{
    int64_t shifted;

    if (__builtin_sub_overflow(us, EPOCH_US, &shifted) || shifted == INT64_MIN || shifted == INT64_MAX)
        return out_of_range("timestamp", err);
    return put64(put32(p, 8), (uint64_t)shifted);
}

static char *put_float(char *p, enum copybinary_form form, double f)
{
    float single = (float)f;
    uint64_t bits64;
    uint32_t bits32;

    if (form == COPYBINARY_FLOAT4) {
        memcpy(&bits32, &single, 4);
        return put32(put32(p, 4), bits32);
    }
    memcpy(&bits64, &f, 8);
    return put64(put32(p, 8), bits64);
}

static char *put_bytes(char *p, struct str bytes, struct err *err)
{
    if (bytes.len > VALUE_BYTES_MAX) {
        err_set(err, ERR_RECORD, W0516, "value of %zu bytes is larger than PostgreSQL can store", bytes.len);
        return NULL;
    }
    p = put32(p, (uint32_t)bytes.len);
    if (bytes.len)
        memcpy(p, bytes.at, bytes.len);
    return p + bytes.len;
}

static char *put_jsonb(char *p, struct str text, struct err *err)
{
    char *end = put_bytes(p + 1, text, err);

    if (!end)
        return NULL;
    put32(p, (uint32_t)text.len + 1);
    p[4] = 1;       /* the version of the format; it stands where put_bytes() began the length */
    return end;
}

static char *put_uuid(char *p, struct str bytes)
{
    if (bytes.len != 16)
        BUG("uuid of %zu bytes", bytes.len);
    p = put32(p, 16);
    memcpy(p, bytes.at, 16);
    return p + 16;
}

/* The parts of a decimal number; leading zeros of the whole part are gone. */
struct decimal {
    bool negative;
    struct str whole, fraction;
};

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    }
    return true;
}

static bool decimal_of(struct str text, struct decimal *ret)
{
    struct decimal d = {0};
    const char *point;

    if (text.len && (text.at[0] == '-' || text.at[0] == '+')) {
        d.negative = text.at[0] == '-';
        text = str_make(text.at + 1, text.len - 1);
    }
    point = text.len ? memchr(text.at, '.', text.len) : NULL;
    d.whole = str_make(text.at, point ? (size_t)(point - text.at) : text.len);
    d.fraction = point ? str_make(point + 1, text.len - d.whole.len - 1) : str_make(text.at, 0);
    if (d.whole.len + d.fraction.len == 0 || !all_digits(d.whole) || !all_digits(d.fraction))
        return false;
    while (d.whole.len && d.whole.at[0] == '0') {
        d.whole.at++;
        d.whole.len--;
    }
    *ret = d;
    return true;
}

/* Digits of base 10000, written most significant first; a group is four decimal digits, counted from the point. */
static char *put_groups(char *p, const struct decimal *d)
{
    unsigned group = 0;
    size_t left = d->whole.len % 4;

    for (size_t i = 0; i < d->whole.len; i++) {
        group = group * 10 + (unsigned)(d->whole.at[i] - '0');
        left = left ? left - 1 : 3;
        if (left == 0) {
            p = put16(p, (uint16_t)group);
            group = 0;
        }
    }
    for (size_t i = 0; i < d->fraction.len; i += 4) {
        group = 0;
        for (size_t k = i; k < i + 4; k++)
            group = group * 10 + (k < d->fraction.len ? (unsigned)(d->fraction.at[k] - '0') : 0);
        p = put16(p, (uint16_t)group);
    }
    return p;
}

static char *put_numeric_special(char *p, uint16_t sign)
{
    return put16(put16(put16(put16(put32(p, 8), 0), 0), sign), 0);
}

/* The server's numeric_recv takes zeros at both ends away, so they may stand. */
static char *put_numeric(char *p, struct str text, struct err *err)
{
    struct decimal d;
    size_t whole_groups, groups;
    char *at;

    if (str_is(text, "NaN"))
        return put_numeric_special(p, 0xc000);
    if (str_is(text, "Infinity") || str_is(text, "-Infinity"))
        return put_numeric_special(p, text.at[0] == '-' ? 0xf000 : 0xd000);
    if (!decimal_of(text, &d)) {
        err_set(err, ERR_RECORD, W0521, "not a decimal number");
        err_value(err, text);
        return NULL;
    }
    if (d.whole.len > NUMERIC_DIGITS_BEFORE_MAX || d.fraction.len > NUMERIC_SCALE_MAX)
        return out_of_range("numeric", err);
    whole_groups = (d.whole.len + 3) / 4;
    groups = whole_groups + (d.fraction.len + 3) / 4;
    at = put32(p, (uint32_t)(8 + 2 * groups));
    at = put16(at, (uint16_t)groups);
    at = put16(at, (uint16_t)(whole_groups - 1));
    at = put16(at, d.negative ? 0x4000 : 0);
    at = put16(at, (uint16_t)d.fraction.len);
    return put_groups(at, &d);
}

static char *put_numeric_int(char *p, int64_t n)
{
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    uint16_t groups[5];
    size_t count = 0;

    for (; left; left /= 10000)
        groups[count++] = (uint16_t)(left % 10000);
    p = put32(p, (uint32_t)(8 + 2 * count));
    p = put16(p, (uint16_t)count);
    p = put16(p, (uint16_t)(count ? count - 1 : 0));
    p = put16(p, n < 0 ? 0x4000 : 0);
    p = put16(p, 0);
    while (count)
        p = put16(p, groups[--count]);
    return p;
}

/* Length and value of a cell that is not null; NULL on failure. */
static char *put_scalar(char *p, enum copybinary_form form, const struct cell *cell, struct err *err)
{
    switch (form) {
    case COPYBINARY_BOOL:
        p = put32(p, 1);
        *p++ = cell->n != 0;
        return p;
    case COPYBINARY_INT2: case COPYBINARY_INT4: case COPYBINARY_INT8: return put_int(p, form, cell->n, err);
    case COPYBINARY_FLOAT4: case COPYBINARY_FLOAT8: return put_float(p, form, cell->f);
    case COPYBINARY_NUMERIC:
        return cell->kind == CELL_INT ? put_numeric_int(p, cell->n) : put_numeric(p, cell->text, err);
    case COPYBINARY_BYTES: return put_bytes(p, cell->text, err);
    case COPYBINARY_JSONB: return put_jsonb(p, cell->text, err);
    case COPYBINARY_UUID: return put_uuid(p, cell->text);
    case COPYBINARY_DATE: return put_date(p, cell->n, err);
    case COPYBINARY_TIME: return put64(put32(p, 8), (uint64_t)cell->n);
    case COPYBINARY_TIMESTAMP: return put_timestamp(p, cell->n, err);
    case COPYBINARY_ARRAY: case COPYBINARY_SPELLED: break;
    }
    BUG("no scalar form %d", (int)form);
}

struct dimensions {
    int n;
    size_t lengths[CELLTEXT_DIMENSIONS_MAX];
};

/* An array of arrays is one of several dimensions; PostgreSQL has no ragged ones. */
static int dimensions_of(const struct cell *cell, struct dimensions *ret, struct err *err)
{
    ret->n = 0;
    while (cell->items.n) {
        if (ret->n == CELLTEXT_DIMENSIONS_MAX)
            return err_set(err, ERR_RECORD, W0521, "array has more than %d dimensions", CELLTEXT_DIMENSIONS_MAX);
        ret->lengths[ret->n++] = cell->items.n;
        cell = &cell->items.at[0];
        if (cell->kind != CELL_ARRAY)
            return 0;
    }
    if (ret->n)
        return err_set(err, ERR_RECORD, W0521, "array holds an empty array");
    return 0;
}

static char *put_items(char *p, const struct copybinary_field *field, const struct cell *cell,
                       const struct dimensions *dims, int depth, bool *has_null, struct err *err)
{
    if (cell->kind != CELL_ARRAY || cell->items.n != dims->lengths[depth]) {
        err_set(err, ERR_RECORD, W0521, "arrays inside the array differ in length");
        return NULL;
    }
    for (size_t i = 0; p && i < cell->items.n; i++) {
        const struct cell *item = &cell->items.at[i];

        if (depth + 1 < dims->n) {
            p = put_items(p, field, item, dims, depth + 1, has_null, err);
        } else if (item->kind == CELL_NULL) {
            p = put32(p, UINT32_MAX);
            *has_null = true;
        } else if (item->kind == CELL_ARRAY) {
            err_set(err, ERR_RECORD, W0521, "arrays inside the array differ in depth");
            return NULL;
        } else {
            p = put_scalar(p, field->element, item, err);
        }
    }
    return p;
}

static char *put_array(char *p, const struct copybinary_field *field, const struct cell *cell, struct err *err)
{
    char *start = p, *flags = p + 8;
    struct dimensions dims;
    bool has_null = false;

    if (dimensions_of(cell, &dims, err) < 0)
        return NULL;
    p = put32(p + 4, (uint32_t)dims.n);
    p = put32(p + 4, field->element_oid);
    for (int i = 0; i < dims.n; i++)
        p = put32(put32(p, (uint32_t)dims.lengths[i]), 1);
    if (dims.n)
        p = put_items(p, field, cell, &dims, 0, &has_null, err);
    if (!p)
        return NULL;
    if (p - start > VALUE_BYTES_MAX) {
        err_set(err, ERR_RECORD, W0516, "array of %zu bytes is larger than PostgreSQL can store", (size_t)(p - start));
        return NULL;
    }
    put32(flags, has_null);
    put32(start, (uint32_t)(p - start - 4));
    return p;
}

/* Through the buffer, since nobody knows the length beforehand; room for the rest of the row is made again. */
static char *put_spelled(struct buf *out, char *p, const struct copybinary_field *field, const struct cell *cell,
                         size_t bound, struct err *err)
{
    size_t start;

    out->len = (size_t)(p - out->at) + 4;
    start = out->len;
    if (celltext_add(cell, field->cell, out, err) < 0)
        return NULL;
    if (out->len - start > VALUE_BYTES_MAX) {
        err_set(err, ERR_RECORD, W0516, "value of %zu bytes is larger than PostgreSQL can store", out->len - start);
        return NULL;
    }
    if (buf_reserve(out, bound) < 0) {
        err_oom(err);
        return NULL;
    }
    put32(out->at + start - 4, (uint32_t)(out->len - start));
    return out->at + out->len;
}

int copybinary_row(const struct copybinary_field *fields, size_t n, const struct cell *cells, struct buf *out,
                   struct err *err)
{
    size_t start = out->len, bound = row_bound(n, cells);
    char *p;

    if (n > COLUMNS_MAX)
        return err_set(err, ERR_RUN, W0520, "more than %d columns", COLUMNS_MAX);
    if (buf_reserve(out, bound) < 0)
        return err_oom(err);
    p = put16(out->at + start, (uint16_t)n);
    for (size_t i = 0; p && i < n; i++) {
        if (cells[i].kind == CELL_NULL)
            p = put32(p, UINT32_MAX);
        else if (fields[i].form == COPYBINARY_ARRAY)
            p = put_array(p, &fields[i], &cells[i], err);
        else if (fields[i].form == COPYBINARY_SPELLED)
            p = put_spelled(out, p, &fields[i], &cells[i], bound, err);
        else
            p = put_scalar(p, fields[i].form, &cells[i], err);
    }
    out->len = p ? (size_t)(p - out->at) : start;
    out->at[out->len] = '\0';
    return p ? 0 : -1;
}
