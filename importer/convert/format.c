/* strptime's letters, read without the C library's locale, and without its habit of accepting almost anything. */
#include <strings.h>

#include "convert/internal.h"
#include "convert/zone_rule.h"

enum { UNSET = -1, DAY_SECONDS = 86400 };
static const char letters[] = "YmdHMSfzbBaAyjpIs%";

static const char *const months[] = {
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
};
static const char *const weekdays[] = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

struct fields {
    struct str text;            /* what is left of it */
    int year, month, day, year_day, weekday, hour, hour12, afternoon, minute, second;
    int64_t fraction_us, epoch_s;
    int32_t offset_s;
    bool has_offset, has_epoch;
};

/* Formats that are words. */
static bool is_named(const char *format)
{
    return strcmp(format, "rfc3339") == 0 || strcmp(format, "epoch_s") == 0 || strcmp(format, "epoch_ms") == 0 ||
           strcmp(format, "epoch_us") == 0;
}

long convert_format_fault(const char *format)
{
    bool any = false;

    if (is_named(format))
        return -1;
    for (const char *p = format; *p; p++) {
        if (*p != '%')
            continue;
        if (!p[1] || !strchr(letters, p[1]))
            return p - format;
        any |= p[1] != '%';
        p++;
    }
    return any ? -1 : 0;
}

static void skip(struct fields *f, size_t n)
{
    f->text = str_make(f->text.at + n, f->text.len - n);
}

static bool digit_here(const struct fields *f)
{
    return f->text.len > 0 && (unsigned char)(f->text.at[0] - '0') <= 9;
}

/* From `low` to `high`, of `least` to `most` digits. */
static bool number(struct fields *f, int least, int most, int low, int high, int *ret)
{
    int n = 0, digits = 0;

    for (; digits < most && digit_here(f); digits++) {
        n = n * 10 + (f->text.at[0] - '0');
        skip(f, 1);
    }
    *ret = n;
    return digits >= least && n >= low && n <= high;
}

/* One of the names, whole or its first three letters, in any case. */
static bool name(struct fields *f, const char *const *names, size_t n, int *ret)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);

        if (f->text.len >= len && strncasecmp(f->text.at, names[i], len) == 0) {
            skip(f, len);
            *ret = (int)i;
            return true;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (f->text.len >= 3 && strncasecmp(f->text.at, names[i], 3) == 0) {
            skip(f, 3);
            *ret = (int)i;
            return true;
        }
    }
    return false;
}

/* Up to six digits count; further ones must be 0. */
static bool fraction(struct fields *f)
{
    int64_t unit = 100000;
    bool any = digit_here(f);

    f->fraction_us = 0;
    for (; digit_here(f); skip(f, 1), unit /= 10) {
        if (unit == 0 && f->text.at[0] != '0')
            return false;
        f->fraction_us += (f->text.at[0] - '0') * unit;
    }
    return any;
}

/* Z, +HH, +HHMM or +HH:MM. */
static bool offset(struct fields *f)
{
    int hours, minutes = 0, sign;

    f->has_offset = true;
    f->offset_s = 0;
    if (f->text.len > 0 && (f->text.at[0] | 0x20) == 'z') {
        skip(f, 1);
        return true;
    }
    if (f->text.len == 0 || (f->text.at[0] != '+' && f->text.at[0] != '-'))
        return false;
    sign = f->text.at[0] == '-' ? -1 : 1;
    skip(f, 1);
    if (!number(f, 2, 2, 0, 23, &hours))
        return false;
    if (f->text.len > 0 && f->text.at[0] == ':') {
        skip(f, 1);
        if (!number(f, 2, 2, 0, 59, &minutes))
            return false;
    } else if (digit_here(f) && !number(f, 2, 2, 0, 59, &minutes)) {
        return false;
    }
    f->offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool epoch(struct fields *f)
{
    bool negative = f->text.len > 0 && f->text.at[0] == '-';
    int digits = 0;
    int64_t n = 0;

    skip(f, negative);
    for (; digits < 12 && digit_here(f); digits++, skip(f, 1))
        n = n * 10 + (f->text.at[0] - '0');
    f->epoch_s = negative ? -n : n;
    f->has_epoch = true;
    return digits > 0;
}

static bool half_day(struct fields *f)
{
    char half = f->text.len >= 2 && (f->text.at[1] | 0x20) == 'm' ? (char)(f->text.at[0] | 0x20) : '\0';

    if (half != 'a' && half != 'p')
        return false;
    f->afternoon = half == 'p';
    skip(f, 2);
    return true;
}

static bool letter(struct fields *f, char c)
{
    switch (c) {
    case 'Y': return number(f, 4, 4, 1, 9999, &f->year);
    case 'y':
        if (!number(f, 2, 2, 0, 99, &f->year))
            return false;
        f->year += f->year < 69 ? 2000 : 1900;
        return true;
    case 'm': return number(f, 1, 2, 1, 12, &f->month);
    case 'd': return number(f, 1, 2, 1, 31, &f->day);
    case 'H': return number(f, 1, 2, 0, 23, &f->hour);
    case 'I': return number(f, 1, 2, 1, 12, &f->hour12);
    case 'M': return number(f, 1, 2, 0, 59, &f->minute);
    case 'S': return number(f, 1, 2, 0, 59, &f->second);
    case 'j': return number(f, 1, 3, 1, 366, &f->year_day);
    case 'f': return fraction(f);
    case 'z': return offset(f);
    case 's': return epoch(f);
    case 'p': return half_day(f);
    case 'a':
    case 'A': return name(f, weekdays, ARRAY_LEN(weekdays), &f->weekday);
    case 'b':
    case 'B':
        if (!name(f, months, ARRAY_LEN(months), &f->month))
            return false;
        f->month++;
        return true;
    default: return f->text.len > 0 && f->text.at[0] == '%' ? skip(f, 1), true : false;
    }
}

static bool blanks(struct fields *f)
{
    size_t n = 0;

    while (n < f->text.len && f->text.at[n] == ' ')
        n++;
    skip(f, n);
    return n > 0;
}

static bool read_fields(const char *format, struct fields *f)
{
    for (const char *p = format; *p; p++) {
        bool good;

        if (*p == '%' && p[1])
            good = letter(f, *++p);
        else if (*p == ' ')
            good = blanks(f);
        else
            good = f->text.len > 0 && f->text.at[0] == *p ? skip(f, 1), true : false;
        if (!good)
            return false;
    }
    return f->text.len == 0;
}

static bool make_date(const struct fields *f, struct moment *ret)
{
    int64_t first;

    if (f->year == UNSET)
        return f->month == UNSET && f->day == UNSET && f->year_day == UNSET && f->weekday == UNSET;
    if (f->year_day != UNSET) {
        if (!convert_date(f->year, 1, 1, &first))
            return false;
        ret->days = first + f->year_day - 1;
        if (zone_year(ret->days) != f->year)
            return false;
    } else if (!convert_date(f->year, f->month, f->day, &ret->days)) {
        return false;
    }
    ret->has_date = true;
    /* 1970-01-01 was a Thursday. */
    return f->weekday == UNSET || f->weekday == ((ret->days + 4) % 7 + 7) % 7;
}

static bool make_clock(const struct fields *f, struct moment *ret)
{
    int hour = f->hour;

    if ((f->hour12 != UNSET) != (f->afternoon != UNSET) || (f->hour12 != UNSET && hour != UNSET))
        return false;
    if (f->hour12 != UNSET)
        hour = f->hour12 % 12 + 12 * f->afternoon;
    if (hour == UNSET && (f->minute != UNSET || f->second != UNSET))
        return false;
    ret->has_clock = hour != UNSET;
    ret->clock_us = (int64_t)(hour == UNSET ? 0 : hour) * 3600 + (f->minute == UNSET ? 0 : f->minute) * 60 +
                    (f->second == UNSET ? 0 : f->second);
    ret->clock_us = ret->clock_us * 1000000 + f->fraction_us;
    return true;
}

static void make_epoch(const struct fields *f, struct moment *ret)
{
    int64_t days = f->epoch_s / DAY_SECONDS - (f->epoch_s % DAY_SECONDS < 0);

    *ret = (struct moment){.has_date = true, .has_clock = true, .has_offset = true, .days = days};
    ret->clock_us = (f->epoch_s - days * DAY_SECONDS) * 1000000 + f->fraction_us;
}

bool convert_format_read(const char *format, struct str text, struct moment *ret)
{
    struct fields f = {
        .text = text, .year = UNSET, .month = UNSET, .day = UNSET, .year_day = UNSET, .weekday = UNSET, .hour = UNSET,
        .hour12 = UNSET, .afternoon = UNSET, .minute = UNSET, .second = UNSET,
    };
    struct moment m = {0};

    if (!read_fields(format, &f))
        return false;
    if (f.has_epoch) {
        make_epoch(&f, ret);
        return true;
    }
    if (!make_date(&f, &m) || !make_clock(&f, &m))
        return false;
    m.has_offset = f.has_offset;
    m.offset_s = f.offset_s;
    *ret = m;
    return true;
}
