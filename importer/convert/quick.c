/* The short way through a conversion, for plain digits, checked text, booleans and instants; whatever needs a second thought
 * takes the long one. */
#include "base/swar.h"
#include "convert/internal.h"

#include <stdint.h>

struct convert_quick convert_quick(const struct type *type, const struct convert_options *options, bool nullable)
{
    struct convert_quick how = {.nullable = nullable};

    switch (type->kind) {
    case TYPE_BOOL: how.way = CONVERT_BOOL; break;
    case TYPE_INT2: how.way = CONVERT_INT, how.most = INT16_MAX; break;
    case TYPE_INT4: how.way = CONVERT_INT, how.most = INT32_MAX; break;
    case TYPE_INT8: how.way = CONVERT_INT, how.most = INT64_MAX; break;
    case TYPE_NUMERIC:
        how.way = type->scale < 0 || type->precision < type->scale ? CONVERT_LONG_WAY : CONVERT_NUMERIC;
        how.whole = type->precision ? (size_t)(type->precision - type->scale) : SIZE_MAX;
        how.fraction = type->precision ? (size_t)type->scale : SIZE_MAX;
        break;
    case TYPE_TEXT:
        how.way = options->trim ? CONVERT_LONG_WAY : CONVERT_TEXT;
        how.most = type->length ? (uint64_t)type->length : UINT64_MAX;   /* a character has at least one byte */
        break;
    case TYPE_TIMESTAMPTZ: how.way = options->format ? CONVERT_LONG_WAY : CONVERT_INSTANT; break;
    default: break;
    }
    return how;
}

/* What needs registers of its own, so that convert_token() saves none for the many that are text. */
#define APART __attribute__((noinline))

enum { INTEGER_DIGITS = 18 /* no overflow to look for */, NUMERIC_DIGITS = 100 };

static APART bool integer(struct str token, uint64_t most, struct cell *ret)
{
    static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    bool negative = *token.at == '-';
    const char *at = token.at + negative;
    size_t len = token.len - negative;
    uint64_t n = 0;

    if (len == 0 || len > INTEGER_DIGITS || swar_digits(at, len) != len)
        return false;
    for (; len > 8; len -= 8, at += 8)
        n = n * powers[8] + swar_number(at, 8);
    n = n * powers[len] + swar_number(at, len);
    if (n > most)
        return false;
    ret->kind = CELL_INT;
    ret->n = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

/* Digits, perhaps a point and digits, as many as the column has places for. The parser has seen to the rest. */
static APART bool numeric(struct str token, const struct convert_quick *how, struct cell *ret)
{
    bool negative = *token.at == '-';
    const char *at = token.at + negative;
    size_t len = token.len - negative, whole, fraction = 0;

    if (len > NUMERIC_DIGITS)
        return false;
    whole = swar_digits(at, len);
    if (whole < len) {
        fraction = len - whole - 1;
        if (at[whole] != '.' || swar_digits(at + whole + 1, fraction) != fraction)
            return false;
    }
    if (whole == 0 || whole > how->whole || fraction > how->fraction)
        return false;
    ret->kind = CELL_NUMERIC;
    ret->text = token;
    return true;
}

/* Eight characters, digits where the pattern has a 0 and `most` a 9, the pattern's own elsewhere. In *ret each byte is the number
 * that the digit there makes with the one behind it. */
static inline bool pairs(const char *at, const char *pattern, const char *most, uint64_t *ret)
{
    uint64_t digits = swar_load(at) ^ swar_load(pattern);

    *ret = digits * 10 + (digits >> 8);
    return swar_above(digits, swar_load(most)) == 0;
}

static inline int pair(uint64_t of, unsigned place)
{
    return (int)(of >> 8 * place & 0xff);
}

/* "2025-01-31T10:00:00Z" */
static APART bool instant(struct str token, struct cell *ret)
{
    const char *at = token.at + 1;
    uint64_t date, clock, end;
    int64_t days;

    if (token.len != 22 || *token.at != '"' || !pairs(at, "0000-00-", "\11\11\11\11\0\11\11\0", &date) ||
        !pairs(at + 8, "00T00:00", "\11\11\0\11\11\0\11\11", &clock) ||
        !pairs(at + 12, "0:00:00Z", "\11\0\11\11\0\11\11\0", &end) ||
        pair(clock, 3) > 23 || pair(clock, 6) > 59 || pair(end, 5) > 59 ||
        !convert_date(pair(date, 0) * 100 + pair(date, 2), pair(date, 5), pair(clock, 0), &days))
        return false;
    ret->kind = CELL_TIMESTAMP;
    ret->n = (days * 86400 + (pair(clock, 3) * 60 + pair(clock, 6)) * 60 + pair(end, 5)) * 1000000;
    return true;
}

static bool text(struct str token, uint64_t most, struct cell *ret)
{
    if (*token.at != '"' || token.len - 2 > most)
        return false;
    ret->kind = CELL_TEXT;
    ret->text = str_make(token.at + 1, token.len - 2);
    return true;
}

static bool boolean(struct str token, struct cell *ret)
{
    if (*token.at != 't' && *token.at != 'f')
        return false;
    ret->kind = CELL_BOOL;
    ret->n = *token.at == 't';
    return true;
}

bool convert_token(struct str token, const struct convert_quick *how, struct cell *ret)
{
    if (*token.at == 'n' && how->nullable) {
        ret->kind = CELL_NULL;
        return true;
    }
    switch (how->way) {
    case CONVERT_BOOL: return boolean(token, ret);
    case CONVERT_INT: return integer(token, how->most, ret);
    case CONVERT_NUMERIC: return numeric(token, how, ret);
    case CONVERT_TEXT: return text(token, how->most, ret);
    case CONVERT_INSTANT: return instant(token, ret);
    case CONVERT_LONG_WAY: break;
    }
    return false;
}

bool convert_quickly(const struct value *v, const struct convert_quick *how, struct cell *ret)
{
    if (!v->doc || v->flags || v->type == VALUE_ABSENT || v->type == VALUE_ARRAY || v->type == VALUE_OBJECT)
        return false;
    if (v->type == VALUE_STRING)
        return convert_token(str_make(v->text.at - 1, v->text.len + 2), how, ret);
    return convert_token(v->text, how, ret);
}
