/* Dates and times: RFC 3339 as it stands in most files, epochs, and what the wall clock of a zone says. */
#include <stdio.h>

#include "convert/internal.h"
#include "convert/zone.h"
#include "convert/zone_rule.h"

static const int64_t SECOND_US = 1000000, DAY_US = 86400 * (int64_t)1000000;
/* 0001-01-01 and 10000-01-01. */
static const int64_t FIRST_DAY = -719162, END_DAY = 2932897;

bool convert_date(int year, int month, int day, int64_t *ret)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > days[month - 1] + (month == 2 && leap))
        return false;
    *ret = zone_days(year, month, day);
    return true;
}

/* Two digits, or something large. */
static unsigned two(const char *p)
{
    unsigned tens = (unsigned char)(p[0] - '0'), ones = (unsigned char)(p[1] - '0');

    return tens > 9 || ones > 9 ? 10000 : tens * 10 + ones;
}

/* YYYY-MM-DD at the front. */
static bool read_date(struct str text, int64_t *days)
{
    unsigned century, year, month, day;

    if (text.len < 10 || text.at[4] != '-' || text.at[7] != '-')
        return false;
    century = two(text.at);
    year = two(text.at + 2);
    month = two(text.at + 5);
    day = two(text.at + 8);
    return century < 100 && year < 100 && convert_date((int)(century * 100 + year), (int)month, (int)day, days);
}

/* Digits after the second, as microseconds; those beyond six must be 0. Steps behind them. */
static bool read_fraction(struct str *text, int64_t *us)
{
    int64_t n = 0, unit = 100000;
    size_t i = 0;

    for (; i < text->len && (unsigned char)(text->at[i] - '0') <= 9; i++, unit /= 10) {
        if (unit == 0 && text->at[i] != '0')
            return false;
        n += (text->at[i] - '0') * unit;
    }
    *us = n;
    *text = str_make(text->at + i, text->len - i);
    return i > 0;
}

/* HH:MM:SS[.fraction] at the front; steps behind it. */
static bool read_clock(struct str *text, int64_t *us)
{
    const char *p = text->at;
    unsigned hour, minute, second;
    int64_t fraction = 0;

    if (text->len < 8 || p[2] != ':' || p[5] != ':')
        return false;
    hour = two(p);
    minute = two(p + 3);
    second = two(p + 6);
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *text = str_make(p + 8, text->len - 8);
    if (text->len > 0 && text->at[0] == '.') {
        *text = str_make(text->at + 1, text->len - 1);
        if (!read_fraction(text, &fraction))
            return false;
    }
    *us = ((hour * 60 + minute) * 60 + second) * SECOND_US + fraction;
    return true;
}

/* Z, +HH:MM or nothing, to the end. */
static bool read_offset(struct str text, struct moment *ret)
{
    unsigned hours, minutes;

    if (text.len == 0)
        return true;
    ret->has_offset = true;
    if (text.len == 1)
        return text.at[0] == 'Z' || text.at[0] == 'z';
    if (text.len != 6 || (text.at[0] != '+' && text.at[0] != '-') || text.at[3] != ':')
        return false;
    hours = two(text.at + 1);
    minutes = two(text.at + 4);
    if (hours > 23 || minutes > 59)
        return false;
    ret->offset_s = (int32_t)(hours * 3600 + minutes * 60) * (text.at[0] == '-' ? -1 : 1);
    return true;
}

static bool read_rfc3339(enum type_kind kind, struct str text, struct moment *ret)
{
    *ret = (struct moment){.has_date = kind != TYPE_TIME, .has_clock = kind != TYPE_DATE};
    if (kind == TYPE_DATE)
        return text.len == 10 && read_date(text, &ret->days);
    if (kind == TYPE_TIME)
        return read_clock(&text, &ret->clock_us) && text.len == 0;
    if (text.len < 19 || (text.at[10] != 'T' && text.at[10] != ' ' && text.at[10] != 't') ||
        !read_date(text, &ret->days))
        return false;
    text = str_make(text.at + 11, text.len - 11);
    return read_clock(&text, &ret->clock_us) && read_offset(text, ret);
}

static int64_t floor_div(int64_t n, int64_t by)
{
    return n / by - (n % by < 0);
}

static void split(int64_t us, struct moment *ret)
{
    ret->days = floor_div(us, DAY_US);
    ret->clock_us = us - ret->days * DAY_US;
}

static int out_of_years(struct conversion *c, int shift)
{
    convert_refuse_as(c, W0412, "expected an instant in the years 1 to 9999");
    return shift == 6 ? err_help(c->err, "are these milliseconds? They need `format: epoch_ms`") : -1;
}

/* The decimals to shift by: 6, 3, 0; or -1 when it is no epoch. */
static int epoch_shift(const char *format)
{
    if (strcmp(format, "epoch_s") == 0)
        return 6;
    return strcmp(format, "epoch_ms") == 0 ? 3 : strcmp(format, "epoch_us") == 0 ? 0 : -1;
}

static int read_epoch(struct conversion *c, int shift, struct moment *ret)
{
    static const char *const units[] = {"microseconds", NULL, NULL, "milliseconds", NULL, NULL, "seconds"};
    struct decimal d;
    struct str text;
    int64_t us;

    if (!convert_number_text(c, &text) || !convert_decimal(text, &d)) {
        convert_refuse_as(c, W0412, "expected a number of %s since 1970", units[shift]);
        if (c->v->type == VALUE_STRING && !c->options->coerce)
            err_help(c->err, "`coerce: true` takes digits in quotes");
        return -1;
    }
    switch (convert_decimal_int64(&d, shift, &us)) {
    case DECIMAL_FRACTION: return convert_refuse_as(c, W0412, "finer than a microsecond");
    case DECIMAL_RANGE: return out_of_years(c, shift);
    case DECIMAL_EXACT: break;
    }
    *ret = (struct moment){.has_date = true, .has_clock = true, .has_offset = true};
    split(us, ret);
    return ret->days < FIRST_DAY || ret->days >= END_DAY ? out_of_years(c, shift) : 0;
}

static int read_format(struct conversion *c, const char *format, struct moment *ret)
{
    struct str text;

    if (c->v->type != VALUE_STRING)
        return convert_refuse(c);
    if (convert_text(c, &text) < 0)
        return -1;
    if (!convert_format_read(format, text, ret))
        return convert_refuse_as(c, W0412, "expected a time in the form %s", format);
    return 0;
}

static int read_moment(struct conversion *c, struct moment *ret)
{
    const char *format = c->options->format;
    struct str text;

    if (format && strcmp(format, "rfc3339") != 0) {
        int shift = epoch_shift(format);

        if (shift >= 0)
            return read_epoch(c, shift, ret);
        if (convert_format_check(format, c->type, c->err) < 0)
            return -1;
        return read_format(c, format, ret);
    }
    if (c->v->type != VALUE_STRING)
        return convert_refuse(c);
    if (convert_text(c, &text) < 0)
        return -1;
    return read_rfc3339(c->type->kind, text, ret) ? 0 : convert_refuse(c);
}

static int without_zone(struct conversion *c)
{
    convert_refuse_as(c, W0413, "expected a time with its zone, such as 2025-01-31T10:00:00Z");
    return err_help(c->err, "`timezone: Europe/Berlin` says in which zone such times were written");
}

/* The instant in microseconds UTC. */
static int to_instant(struct conversion *c, const struct moment *m, int64_t *ret)
{
    int64_t wall = m->days * DAY_US + m->clock_us;

    if (m->has_offset) {
        *ret = wall - m->offset_s * SECOND_US;
    } else if (c->options->zone) {
        int answer = zone_to_utc(c->options->zone, wall, ret);

        c->did |= answer > 0 ? CONVERT_DID_AMBIGUOUS : answer < 0 ? CONVERT_DID_GAP : 0;
    } else {
        return without_zone(c);
    }
    return *ret < FIRST_DAY * DAY_US || *ret >= END_DAY * DAY_US ? out_of_years(c, 0) : 0;
}

/* An instant on the wall clock of the column's zone; other times are on some wall clock already. */
static int to_wall(struct conversion *c, struct moment *m)
{
    int64_t utc;

    if (!m->has_offset)
        return 0;
    if (!c->options->zone || !m->has_date) {
        convert_refuse_as(c, W0412, "expected %s, without zone", convert_expected(c->type, c->arena));
        return err_help(c->err, "an instant needs `timezone:` to say whose wall clock the column holds, such as UTC");
    }
    if (to_instant(c, m, &utc) < 0)
        return -1;
    split(utc + zone_offset(c->options->zone, utc) * SECOND_US, m);
    return m->days < FIRST_DAY || m->days >= END_DAY ? out_of_years(c, 0) : 0;
}

/* timestamp(3) would round what has more digits. */
static int check_precision(struct conversion *c, int64_t us)
{
    static const int32_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    int32_t digits = c->type->scale;

    if (!c->type->precision || digits < 0 || digits > 6 || us % units[digits] == 0)
        return 0;
    return convert_refuse_as(c, W0412, "expected at most %d digits after the second", digits);
}

static int put(struct conversion *c, enum cell_kind kind, int64_t n)
{
    if (kind != CELL_DATE && check_precision(c, n) < 0)
        return -1;
    *c->ret = (struct cell){.kind = kind, .n = n};
    return 0;
}

int convert_to_time(struct conversion *c)
{
    struct moment m;
    int64_t utc;

    if (read_moment(c, &m) < 0)
        return -1;
    if (c->type->kind == TYPE_TIME ? !m.has_clock : !m.has_date)
        return convert_refuse(c);
    if (c->type->kind == TYPE_TIMESTAMPTZ)
        return to_instant(c, &m, &utc) < 0 ? -1 : put(c, CELL_TIMESTAMP, utc);
    if (to_wall(c, &m) < 0)
        return -1;
    if (c->type->kind == TYPE_TIMESTAMP)
        return put(c, CELL_TIMESTAMP, m.days * DAY_US + m.clock_us);
    if (c->type->kind == TYPE_TIME)
        return put(c, CELL_TIME, m.clock_us);
    if (m.clock_us != 0)
        return convert_refuse_as(c, W0412, "expected a date without a time of day");
    return put(c, CELL_DATE, m.days);
}
