/* convert/internal.h: one conversion under way, shared by convert/convert.c and its neighbours. */
#ifndef WINDROW_CONVERT_INTERNAL_H
#define WINDROW_CONVERT_INTERNAL_H

#include "convert/convert.h"

struct conversion {
    const struct value *v;
    const struct type *type;
    const struct convert_options *options;  /* never NULL */
    struct arena *arena;
    struct cell *ret;
    unsigned did;
    struct err *err;
};

/* convert/convert.c: "expected ..." by the type; the same with another label. Always -1. */
int convert_refuse(struct conversion *c);
int convert_refuse_as(struct conversion *c, enum code code, const char *label, ...)
    __attribute__((format(printf, 3, 4)));

/* convert/text.c: the text of a string value, decoded, mended and trimmed as the options say. */
int convert_text_slow(struct conversion *c, struct str *ret);

static inline int convert_text(struct conversion *c, struct str *ret)
{
    const struct value *v = c->v;

    /* What the JSON parser has checked already. */
    if (v->doc && !(v->flags & (VALUE_ESCAPED | VALUE_NUL | VALUE_SURROGATE | VALUE_BYTES)) && !c->options->trim) {
        *ret = v->text;
        return 0;
    }
    return convert_text_slow(c, ret);
}

int convert_to_text(struct conversion *c);
int convert_to_other(struct conversion *c);
int convert_to_enum(struct conversion *c);
int convert_to_uuid(struct conversion *c);
int convert_to_bytes(struct conversion *c);
bool convert_bytes_format(const char *format);

/* convert/json.c */
int convert_to_json(struct conversion *c);

/* convert/number.c */
int convert_to_integer(struct conversion *c);
int convert_to_numeric(struct conversion *c);
int convert_to_float(struct conversion *c);

/* A JSON number taken apart; the value is 0.whole fraction x 10^(point + exponent) without rounding. */
struct decimal {
    bool negative;
    struct str whole, fraction;     /* digits as written */
    int64_t exponent;               /* capped at +-10^9 */
    bool has_exponent;
};
bool convert_decimal(struct str text, struct decimal *ret);

enum decimal_fit { DECIMAL_EXACT, DECIMAL_FRACTION, DECIMAL_RANGE };
/* The value times 10^shift as an integer. */
enum decimal_fit convert_decimal_int64(const struct decimal *d, int shift, int64_t *ret);

/* Within what numeric can hold: 131072 digits before the point, 16383 after it. */
bool convert_decimal_storable(const struct decimal *d);

/* The digits of a number, or with coerce those in a string. False: neither. */
bool convert_number_text(struct conversion *c, struct str *ret);

/* convert/time.c, by the type's kind: date, time, timestamp, timestamptz. */
int convert_to_time(struct conversion *c);

/* convert/format.c: what a text says of a time. */
struct moment {
    bool has_date, has_clock, has_offset;
    int64_t days;           /* since 1970-01-01 */
    int64_t clock_us;       /* since midnight */
    int32_t offset_s;
};
/* Read `text` by strptime's letters. False when it does not follow the format. */
bool convert_format_read(const char *format, struct str text, struct moment *ret);
/* The place of the fault in a format, or -1. */
long convert_format_fault(const char *format);

/* Days since 1970-01-01; false when there is no such date in the years 1 to 9999. */
bool convert_date(int year, int month, int day, int64_t *ret);

#endif
