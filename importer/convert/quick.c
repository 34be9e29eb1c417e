/* The short way through a conversion, for plain digits, checked text, booleans and instants; whatever needs a second thought
 * takes the long one. */
#include "convert/internal.h"

#include <stdint.h>

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

/* At most 18 digits and a sign: no overflow to look for. */
static bool integer(struct str text, int64_t min, int64_t max, struct cell *ret)
{
    const char *p = text.at, *end = p + text.len;
    bool negative = p < end && *p == '-';
    int64_t n = 0;

    p += negative;
    if (p == end || end - p > 18)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        n = n * 10 + (*p - '0');
    }
    n = negative ? -n : n;
    if (n < min || n > max)
        return false;
    ret->kind = CELL_INT;
    ret->n = n;
    return true;
}

/* Digits, perhaps a point and digits, as many as the column has places for. The parser has seen to the rest. */
static bool numeric(struct str text, const struct type *type, struct cell *ret)
{
    const char *p = text.at, *end = p + text.len, *start;
    int32_t whole, fraction = 0;

    if (text.len > 100 || type->scale < 0)
        return false;
    p += p < end && *p == '-';
    start = p;
    while (p < end && is_digit(*p))
        p++;
    whole = (int32_t)(p - start);
    if (p < end && *p == '.') {
        start = ++p;
        while (p < end && is_digit(*p))
            p++;
        fraction = (int32_t)(p - start);
    }
    if (p != end || (type->precision && (whole > type->precision - type->scale || fraction > type->scale)))
        return false;
    ret->kind = CELL_NUMERIC;
    ret->text = text;
    return true;
}

/* Two digits, or something large. */
static inline unsigned two(const char *p)
{
    unsigned tens = (unsigned char)(p[0] - '0'), ones = (unsigned char)(p[1] - '0');

    return tens > 9 || ones > 9 ? 10000 : tens * 10 + ones;
}

/* 2025-01-31T10:00:00Z */
static bool instant(struct str text, struct cell *ret)
{
    const char *p = text.at;
    unsigned century, year, hour, minute, second;
    int64_t days;

    if (text.len != 20 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' || p[16] != ':' || p[19] != 'Z')
        return false;
    century = two(p);
    year = two(p + 2);
    hour = two(p + 11);
    minute = two(p + 14);
    second = two(p + 17);
    if (century > 99 || year > 99 || hour > 23 || minute > 59 || second > 59 ||
        !convert_date((int)(century * 100 + year), (int)two(p + 5), (int)two(p + 8), &days))
        return false;
    ret->kind = CELL_TIMESTAMP;
    ret->n = (days * 86400 + (hour * 60 + minute) * 60 + second) * 1000000;
    return true;
}

bool convert_quick(const struct value *v, const struct type *type, const struct convert_options *options, struct cell *ret)
{
    if (!v->doc)
        return false;
    switch (type->kind) {
    case TYPE_BOOL:
        if (v->type != VALUE_BOOL)
            return false;
        ret->kind = CELL_BOOL;
        ret->n = v->truth;
        return true;
    case TYPE_INT2: return v->type == VALUE_NUMBER && integer(v->text, INT16_MIN, INT16_MAX, ret);
    case TYPE_INT4: return v->type == VALUE_NUMBER && integer(v->text, INT32_MIN, INT32_MAX, ret);
    case TYPE_INT8: return v->type == VALUE_NUMBER && integer(v->text, INT64_MIN, INT64_MAX, ret);
    case TYPE_NUMERIC: return v->type == VALUE_NUMBER && numeric(v->text, type, ret);
    case TYPE_TEXT:
        /* A character has at least one byte. */
        if (v->type != VALUE_STRING || v->flags || options->trim ||
            (type->length && v->text.len > (size_t)type->length))
            return false;
        ret->kind = CELL_TEXT;
        ret->text = v->text;
        return true;
    case TYPE_TIMESTAMPTZ:
        return v->type == VALUE_STRING && !v->flags && !options->format && instant(v->text, ret);
    default: return false;
    }
}
