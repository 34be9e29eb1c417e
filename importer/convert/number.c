/* Integers, decimals and floats from the digits as written: no number passes through a double on its way to an
 * exact type. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "convert/internal.h"

enum { EXPONENT_CAP = 1000000000, NUMERIC_WHOLE_MAX = 131072, NUMERIC_SCALE_MAX = 16383 };

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

static size_t digits_at(struct str text, size_t i)
{
    size_t start = i;

    while (i < text.len && is_digit(text.at[i]))
        i++;
    return i - start;
}

bool convert_decimal(struct str text, struct decimal *ret)
{
    struct decimal d = {0};
    size_t i = 0, n;

    d.negative = text.len > 0 && text.at[0] == '-';
    i += d.negative;
    n = digits_at(text, i);
    if (n == 0 || (n > 1 && text.at[i] == '0'))
        return false;
    d.whole = str_make(text.at + i, n);
    i += n;
    if (i < text.len && text.at[i] == '.') {
        n = digits_at(text, ++i);
        if (n == 0)
            return false;
        d.fraction = str_make(text.at + i, n);
        i += n;
    }
    if (i < text.len && (text.at[i] | 0x20) == 'e') {
        bool down = ++i < text.len && text.at[i] == '-';

        i += i < text.len && (text.at[i] == '-' || text.at[i] == '+');
        n = digits_at(text, i);
        if (n == 0)
            return false;
        for (d.has_exponent = true; n > 0; n--, i++)
            if (d.exponent < EXPONENT_CAP)
                d.exponent = d.exponent * 10 + (text.at[i] - '0');
        if (d.exponent > EXPONENT_CAP)
            d.exponent = EXPONENT_CAP;
        d.exponent = down ? -d.exponent : d.exponent;
    }
    *ret = d;
    return i == text.len;
}

static size_t digit_count(const struct decimal *d)
{
    return d->whole.len + d->fraction.len;
}

static char digit(const struct decimal *d, size_t i)
{
    return i < d->whole.len ? d->whole.at[i] : d->fraction.at[i - d->whole.len];
}

/* The first digit that is not 0, and one behind the last; equal when the value is 0. */
static void significant(const struct decimal *d, size_t *first, size_t *end)
{
    size_t n = digit_count(d);

    *first = 0;
    while (*first < n && digit(d, *first) == '0')
        ++*first;
    *end = n;
    while (*end > *first && digit(d, *end - 1) == '0')
        --*end;
}

enum decimal_fit convert_decimal_int64(const struct decimal *d, int shift, int64_t *ret)
{
    size_t first, end;
    int64_t point = (int64_t)d->whole.len + d->exponent + shift;    /* digits before the point */
    uint64_t n = 0, limit = (uint64_t)INT64_MAX + d->negative;

    significant(d, &first, &end);
    if (first == end) {
        *ret = 0;
        return DECIMAL_EXACT;
    }
    if ((int64_t)end > point)
        return DECIMAL_FRACTION;
    if (point - (int64_t)first > 19)
        return DECIMAL_RANGE;
    for (int64_t i = (int64_t)first; i < point; i++)
        if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(i < (int64_t)end ? digit(d, (size_t)i) - '0' : 0), &n))
            return DECIMAL_RANGE;
    if (n > limit)
        return DECIMAL_RANGE;
    *ret = d->negative ? (int64_t)(0 - n) : (int64_t)n;
    return DECIMAL_EXACT;
}

bool convert_decimal_storable(const struct decimal *d)
{
    size_t first, end;

    significant(d, &first, &end);
    if ((int64_t)d->fraction.len - d->exponent > NUMERIC_SCALE_MAX)
        return false;
    return first == end || (int64_t)d->whole.len + d->exponent - (int64_t)first <= NUMERIC_WHOLE_MAX;
}

bool convert_number_text(struct conversion *c, struct str *ret)
{
    if (c->v->type == VALUE_NUMBER) {
        *ret = c->v->text;
        return true;
    }
    return c->v->type == VALUE_STRING && c->options->coerce && convert_text(c, ret) == 0;
}

static int64_t integer_max(enum type_kind kind)
{
    return kind == TYPE_INT2 ? INT16_MAX : kind == TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

static int integer_out_of_range(struct conversion *c)
{
    int64_t max = integer_max(c->type->kind);

    return convert_refuse_as(c, W0412, "expected integer from %lld to %lld", -(long long)max - 1, (long long)max);
}

/* At most 18 digits and a sign: no overflow to look for. */
static bool short_integer(struct str text, int64_t *ret)
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
    *ret = negative ? -n : n;
    return true;
}

/* What is not plain digits of ordinary length. */
static int long_integer(struct conversion *c, struct str text, int64_t *ret)
{
    struct decimal d;

    if (!convert_decimal(text, &d))
        return convert_refuse(c);
    if ((d.has_exponent || d.fraction.len) && !c->options->coerce)
        return convert_refuse(c);
    switch (convert_decimal_int64(&d, 0, ret)) {
    case DECIMAL_EXACT: return 0;
    case DECIMAL_RANGE: return integer_out_of_range(c);
    default: return convert_refuse(c);
    }
}

int convert_to_integer(struct conversion *c)
{
    int64_t max = integer_max(c->type->kind), n;
    struct str text;

    if (!convert_number_text(c, &text))
        return convert_refuse(c);
    if ((c->v->type != VALUE_NUMBER || !short_integer(text, &n)) && long_integer(c, text, &n) < 0)
        return -1;
    if (n > max || n < -max - 1)
        return integer_out_of_range(c);
    *c->ret = (struct cell){.kind = CELL_INT, .n = n};
    return 0;
}

/* Digits with the exponent carried out; convert_decimal_storable() bounds their number. */
static int expand(struct conversion *c, const struct decimal *d, struct str *ret)
{
    int64_t n = (int64_t)digit_count(d), point = (int64_t)d->whole.len + d->exponent;
    int64_t from = point < 1 ? point - 1 : 0, to = point > n ? point : n;
    char *out = arena_alloc(c->arena, (size_t)(to - from) + 3), *p = out;
    bool leading = true;

    if (!out)
        return err_oom(c->err);
    if (d->negative)
        *p++ = '-';
    for (int64_t i = from; i < to; i++) {
        char digit_here = i < 0 || i >= n ? '0' : digit(d, (size_t)i);

        if (i == point)
            *p++ = '.';
        /* 0.05e2 is 5, not 05. */
        if (leading && digit_here == '0' && i + 1 < point)
            continue;
        leading = false;
        *p++ = digit_here;
    }
    *ret = str_make(out, (size_t)(p - out));
    return 0;
}

static int numeric_too_wide(struct conversion *c)
{
    return convert_refuse_as(c, W0412, "expected a number that fits %s exactly",
                             c->type->name ? c->type->name : "the column");
}

/* numeric(precision, scale): the digits must lie between 10^(precision - scale) and 10^-scale. */
static bool numeric_fits(const struct type *type, const struct decimal *d)
{
    size_t first, end;
    int64_t point = (int64_t)d->whole.len + d->exponent;

    significant(d, &first, &end);
    if (type->precision == 0 || first == end)
        return true;
    return point - (int64_t)first <= type->precision - type->scale && (int64_t)end - point <= type->scale;
}

/* The zeros that the scale has no place for. */
static struct str cut_zeros(const struct type *type, struct str text)
{
    const char *point = memchr(text.at, '.', text.len);
    size_t places = point ? text.len - (size_t)(point - text.at) - 1 : 0;
    size_t keep = type->scale > 0 ? (size_t)type->scale : 0;

    if (type->precision == 0 || places <= keep)
        return text;
    return str_make(text.at, text.len - (places - keep) - (keep == 0));
}

int convert_to_numeric(struct conversion *c)
{
    struct decimal d;
    struct str text;

    if (!convert_number_text(c, &text) || !convert_decimal(text, &d))
        return convert_refuse(c);
    if (!numeric_fits(c->type, &d))
        return numeric_too_wide(c);
    if (d.has_exponent || text.len > NUMERIC_SCALE_MAX) {
        size_t first, end;

        significant(&d, &first, &end);
        if (first == end && d.has_exponent) {
            d = (struct decimal){.negative = d.negative, .whole = str_make("0", 1), .has_exponent = true};
        } else if (!convert_decimal_storable(&d)) {
            return convert_refuse_as(c, W0415, "at most %d digits before the point, %d after it", NUMERIC_WHOLE_MAX,
                                     NUMERIC_SCALE_MAX);
        }
    }
    if (d.has_exponent && expand(c, &d, &text) < 0)
        return -1;
    *c->ret = (struct cell){.kind = CELL_NUMERIC, .text = cut_zeros(c->type, text)};
    return 0;
}

/* Up to 15 digits and a power of ten that a double holds exactly: one operation, which rounds once. */
static bool quick_float(const struct decimal *d, double *ret)
{
    static const double powers[] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    };
    size_t n = digit_count(d);
    int64_t power = d->exponent - (int64_t)d->fraction.len, mantissa = 0;
    double f;

    if (n > 15 || power < -22 || power > 22)
        return false;
    for (size_t i = 0; i < n; i++)
        mantissa = mantissa * 10 + (digit(d, i) - '0');
    f = (double)mantissa;
    f = power < 0 ? f / powers[-power] : f * powers[power];
    *ret = d->negative ? -f : f;
    return true;
}

static int slow_float(struct conversion *c, struct str text, double *ret)
{
    char small[128], *copy = text.len < sizeof small ? small : arena_alloc(c->arena, text.len + 1);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);     /* the library's own object, nothing is made */

    if (!copy || !plain)
        return err_oom(c->err);
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *ret = c->type->kind == TYPE_FLOAT4 ? (double)strtof_l(copy, NULL, plain) : strtod_l(copy, NULL, plain);
    freelocale(plain);
    return 0;
}

int convert_to_float(struct conversion *c)
{
    struct decimal d;
    struct str text;
    size_t first, end;
    double f = 0;

    if (!convert_number_text(c, &text) || !convert_decimal(text, &d))
        return convert_refuse(c);
    if ((c->type->kind == TYPE_FLOAT4 || !quick_float(&d, &f)) && slow_float(c, text, &f) < 0)
        return -1;
    if (isinf(f))
        return convert_refuse_as(c, W0412, "too large for %s",
                                 c->type->kind == TYPE_FLOAT4 ? "real" : "double precision");
    if (f == 0) {
        significant(&d, &first, &end);
        if (first != end)
            return convert_refuse_as(c, W0412, "so small that it would become 0");
    }
    *c->ret = (struct cell){.kind = CELL_FLOAT, .f = f};
    return 0;
}
