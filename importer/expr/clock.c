/* The calendar in whole numbers, and a small strptime and strftime that know no locale and keep microseconds. */
#include "expr/clock.h"

#include <stdio.h>
#include <strings.h>

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August",
                                     "September", "October", "November", "December"};
static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* --- calendar ---------------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t expr_clock_days(int64_t year, int64_t month, int64_t day)
{
    int64_t era, year_of_era, day_of_year;

    year += floor_div(month - 1, 12);
    month = (month - 1) - floor_div(month - 1, 12) * 12 + 1;
    year -= month <= 2;
    era = floor_div(year, 400);
    year_of_era = year - era * 400;
    day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468 + day - 1;
}

int64_t expr_clock_seconds(const struct clock_time *t)
{
    return expr_clock_days(t->year, t->month, t->day) * 86400 + t->hour * 3600 + t->minute * 60 + t->second;
}

void expr_clock_fields(int64_t seconds, struct clock_time *ret)
{
    int64_t days = floor_div(seconds, 86400), rest = seconds - days * 86400;
    int64_t era, day_of_era, year_of_era, day_of_year, month;

    *ret = (struct clock_time){0};
    era = floor_div(days + 719468, 146097);
    day_of_era = days + 719468 - era * 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    month = (5 * day_of_year + 2) / 153;
    ret->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    ret->month = (int)(month < 10 ? month + 3 : month - 9);
    ret->year = year_of_era + era * 400 + (ret->month <= 2);
    ret->hour = (int)(rest / 3600);
    ret->minute = (int)(rest / 60 % 60);
    ret->second = (int)(rest % 60);
    ret->weekday = (int)(((days + 4) % 7 + 7) % 7);
    ret->yearday = (int)(days - expr_clock_days(ret->year, 1, 1));
}

/* --- reading ----------------------------------------------------------------------------------------------- */

struct scan {
    struct str s;
    size_t at;
    struct clock_time *t;
    bool pm, has_pm, date, epoch;
    int64_t seconds;    /* %s */
    int day_of_year;    /* %j */
};

static bool digit_at(const struct scan *p)
{
    return p->at < p->s.len && p->s.at[p->at] >= '0' && p->s.at[p->at] <= '9';
}

static bool number(struct scan *p, int digits, int low, int high, int *ret)
{
    int n = 0;
    size_t from = p->at;

    while (digits-- > 0 && digit_at(p))
        n = n * 10 + (p->s.at[p->at++] - '0');
    if (p->at == from || n < low || n > high)
        return false;
    *ret = n;
    return true;
}

static bool literal(struct scan *p, char c)
{
    if (p->at >= p->s.len || p->s.at[p->at] != c)
        return false;
    p->at++;
    return true;
}

static void blanks(struct scan *p)
{
    while (p->at < p->s.len && strchr(" \t\r\n", p->s.at[p->at]) && p->s.at[p->at])
        p->at++;
}

/* A name in full or its first three letters, in any case. */
static bool name(struct scan *p, const char *const *names, int n, int *ret)
{
    for (int i = 0; i < n; i++) {
        size_t len = strlen(names[i]), left = p->s.len - p->at;

        if (left < len || strncasecmp(p->s.at + p->at, names[i], len) != 0)
            len = 3;
        if (left >= len && strncasecmp(p->s.at + p->at, names[i], len) == 0) {
            p->at += len;
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Microseconds; further digits have to be zeros. */
static bool fraction(struct scan *p)
{
    int32_t n = 0;
    int digits = 0;

    for (; digit_at(p); p->at++, digits++) {
        if (digits < 6)
            n = n * 10 + (p->s.at[p->at] - '0');
        else if (p->s.at[p->at] != '0')
            return false;
    }
    if (digits == 0)
        return false;
    for (; digits < 6; digits++)
        n *= 10;
    p->t->micros = n;
    return true;
}

/* Z, +hh, +hhmm or +hh:mm */
static bool offset(struct scan *p)
{
    int hours, minutes = 0;
    bool minus;

    p->t->has_offset = true;
    p->t->offset_s = 0;
    if (literal(p, 'Z') || literal(p, 'z'))
        return true;
    minus = p->at < p->s.len && p->s.at[p->at] == '-';
    if (!minus && (p->at >= p->s.len || p->s.at[p->at] != '+'))
        return false;
    p->at++;
    if (!number(p, 2, 0, 23, &hours))
        return false;
    if ((literal(p, ':') || digit_at(p)) && !number(p, 2, 0, 59, &minutes))
        return false;
    p->t->offset_s = (hours * 3600 + minutes * 60) * (minus ? -1 : 1);
    return true;
}

static bool utc_name(struct scan *p)
{
    static const char *const names[] = {"UTC", "GMT", "Z"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t len = strlen(names[i]);

        if (p->s.len - p->at >= len && strncmp(p->s.at + p->at, names[i], len) == 0) {
            p->at += len;
            p->t->has_offset = true;
            return true;
        }
    }
    return false;
}

static bool epoch(struct scan *p)
{
    bool minus = literal(p, '-');
    size_t from = p->at;

    for (p->seconds = 0; digit_at(p); p->at++) {
        if (p->at - from == 12)
            return false;
        p->seconds = p->seconds * 10 + (p->s.at[p->at] - '0');
    }
    if (minus)
        p->seconds = -p->seconds;
    p->epoch = p->date = p->t->has_offset = true;
    return p->at > from && p->seconds >= CLOCK_MIN && p->seconds <= CLOCK_MAX;
}

static bool read_all(struct scan *p, struct str format);

static bool read_letter(struct scan *p, char letter)
{
    struct clock_time *t = p->t;
    int n;

    switch (letter) {
    case 'Y':
        if (!number(p, 4, 1, 9999, &n))
            return false;
        t->year = n;
        return true;
    case 'y':
        if (!number(p, 2, 0, 99, &n))
            return false;
        t->year = n + (n < 69 ? 2000 : 1900);
        return true;
    case 'm': return number(p, 2, 1, 12, &t->month);
    case 'e':
        blanks(p);
        return number(p, 2, 1, 31, &t->day);
    case 'd': return number(p, 2, 1, 31, &t->day);
    case 'H': return number(p, 2, 0, 23, &t->hour);
    case 'I': return number(p, 2, 1, 12, &t->hour);
    case 'M': return number(p, 2, 0, 59, &t->minute);
    case 'S': return number(p, 2, 0, 59, &t->second);
    case 'j': return number(p, 3, 1, 366, &p->day_of_year);
    case 'b': case 'B': case 'h':
        if (!name(p, months, 12, &n))
            return false;
        t->month = n + 1;
        return true;
    case 'a': case 'A': return name(p, weekdays, 7, &n);
    case 'p':
        p->has_pm = true;
        if (p->s.len - p->at < 2 || (p->s.at[p->at + 1] | 0x20) != 'm')
            return false;
        p->pm = (p->s.at[p->at] | 0x20) == 'p';
        p->at += 2;
        return p->pm || (p->s.at[p->at - 2] | 0x20) == 'a';
    case 'f': return fraction(p);
    case 'z': return offset(p);
    case 'Z': return utc_name(p);
    case 's': return epoch(p);
    case 'T': return read_all(p, str_of("%H:%M:%S"));
    case 'R': return read_all(p, str_of("%H:%M"));
    case 'F': return read_all(p, str_of("%Y-%m-%d"));
    case 'D': return read_all(p, str_of("%m/%d/%y"));
    case 'n': case 't':
        blanks(p);
        return true;
    default: return literal(p, letter);
    }
}

/* %T and its like call this once more, with a format that has none of them. */
static bool read_all(struct scan *p, struct str format)
{
    for (size_t i = 0; i < format.len; i++) {
        char c = format.at[i];

        if (c == '%') {
            if (++i >= format.len || !read_letter(p, format.at[i]))
                return false;
        } else if (c && strchr(" \t\r\n", c)) {
            blanks(p);
        } else if (!literal(p, c)) {
            return false;
        }
    }
    return true;
}

/* 2025-01-31T10:00[:00[.5]][Z], a blank may stand for the T. */
static bool read_iso(struct scan *p)
{
    if (!read_all(p, str_of("%Y-%m-%d")) || !(literal(p, 'T') || literal(p, ' ') || literal(p, 't')) ||
        !read_all(p, str_of("%H:%M")))
        return false;
    if (literal(p, ':') && !read_letter(p, 'S'))
        return false;
    if (literal(p, '.') && !fraction(p))
        return false;
    return p->at == p->s.len || offset(p);
}

static const char *settle(struct scan *p)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct clock_time *t = p->t, full;
    bool leap = (t->year % 4 == 0 && t->year % 100 != 0) || t->year % 400 == 0;
    bool has_offset = t->has_offset;
    int32_t offset_s = t->offset_s, micros = t->micros;

    if (p->epoch) {
        expr_clock_fields(p->seconds, &full);
    } else {
        if (p->has_pm)
            t->hour = t->hour % 12 + (p->pm ? 12 : 0);
        if (p->day_of_year) {
            t->month = 1;
            t->day = p->day_of_year;
            if (p->day_of_year == 366 && !leap)
                return "the year has no day 366";
        } else if (t->day > lengths[t->month - 1] + (leap && t->month == 2)) {
            return "the month has no such day";
        }
        expr_clock_fields(expr_clock_seconds(t), &full);
    }
    full.has_offset = has_offset;
    full.offset_s = offset_s;
    full.micros = micros;
    *t = full;
    return NULL;
}

const char *expr_clock_read(struct str text, struct str format, struct clock_time *ret)
{
    struct scan p = {.s = text, .t = ret};
    const char *fault = expr_clock_fault(format, true);

    if (fault)
        return fault;
    *ret = (struct clock_time){.year = 1970, .month = 1, .day = 1};
    if (!(str_is(format, "iso") ? read_iso(&p) : read_all(&p, format)))
        return "the text does not follow the format";
    if (p.at != text.len)
        return "the text goes on behind what the format describes";
    return settle(&p);
}

/* --- writing ----------------------------------------------------------------------------------------------- */

static int iso_week(const struct clock_time *t, int64_t *year)
{
    int week = (t->yearday - (t->weekday + 6) % 7 + 10) / 7;
    int64_t days = expr_clock_days(t->year, 1, 1);
    int64_t thursday = days + t->yearday - (t->weekday + 6) % 7 + 3;
    struct clock_time of;

    expr_clock_fields(thursday * 86400, &of);
    *year = of.year;
    if (of.year != t->year)
        week = of.yearday / 7 + 1;
    return week;
}

static int write_letter(const struct clock_time *t, char letter, char *out, size_t size)
{
    int hour12 = t->hour % 12 ? t->hour % 12 : 12;
    int64_t year;
    int week;

    switch (letter) {
    case 'Y': return snprintf(out, size, "%lld", (long long)t->year);
    case 'C': return snprintf(out, size, "%02d", (int)(t->year / 100));
    case 'y': return snprintf(out, size, "%02d", (int)(t->year % 100));
    case 'm': return snprintf(out, size, "%02d", t->month);
    case 'd': return snprintf(out, size, "%02d", t->day);
    case 'e': return snprintf(out, size, "%2d", t->day);
    case 'H': return snprintf(out, size, "%02d", t->hour);
    case 'k': return snprintf(out, size, "%2d", t->hour);
    case 'I': return snprintf(out, size, "%02d", hour12);
    case 'M': return snprintf(out, size, "%02d", t->minute);
    case 'S': return snprintf(out, size, "%02d", t->second);
    case 'f': return snprintf(out, size, "%06d", t->micros);
    case 'j': return snprintf(out, size, "%03d", t->yearday + 1);
    case 'b': case 'h': return snprintf(out, size, "%.3s", months[t->month - 1]);
    case 'B': return snprintf(out, size, "%s", months[t->month - 1]);
    case 'a': return snprintf(out, size, "%.3s", weekdays[t->weekday]);
    case 'A': return snprintf(out, size, "%s", weekdays[t->weekday]);
    case 'p': return snprintf(out, size, "%s", t->hour < 12 ? "AM" : "PM");
    case 'u': return snprintf(out, size, "%d", t->weekday ? t->weekday : 7);
    case 'w': return snprintf(out, size, "%d", t->weekday);
    case 'U': return snprintf(out, size, "%02d", (t->yearday + 7 - t->weekday) / 7);
    case 'V':
        week = iso_week(t, &year);
        return snprintf(out, size, "%02d", week);
    case 'G':
        iso_week(t, &year);
        return snprintf(out, size, "%lld", (long long)year);
    case 'z': return snprintf(out, size, "+0000");
    case 'Z': return snprintf(out, size, "UTC");
    case 's': return snprintf(out, size, "%lld", (long long)expr_clock_seconds(t));
    case 'T': return snprintf(out, size, "%02d:%02d:%02d", t->hour, t->minute, t->second);
    case 'R': return snprintf(out, size, "%02d:%02d", t->hour, t->minute);
    case 'F': return snprintf(out, size, "%lld-%02d-%02d", (long long)t->year, t->month, t->day);
    case 'D': return snprintf(out, size, "%02d/%02d/%02d", t->month, t->day, (int)(t->year % 100));
    case 'c':
        return snprintf(out, size, "%.3s %.3s %2d %02d:%02d:%02d %lld", weekdays[t->weekday], months[t->month - 1],
                        t->day, t->hour, t->minute, t->second, (long long)t->year);
    case 'n': return snprintf(out, size, "\n");
    case 't': return snprintf(out, size, "\t");
    default: return snprintf(out, size, "%c", letter);
    }
}

bool expr_clock_write(const struct clock_time *t, struct str format, char *out, size_t size, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < format.len; i++) {
        char one[64] = {format.at[i]};
        int n = 1;

        if (format.at[i] == '%' && i + 1 < format.len)
            n = write_letter(t, format.at[++i], one, sizeof one);
        if (n < 0 || *len + (size_t)n > size)
            return false;
        memcpy(out + *len, one, (size_t)n);
        *len += (size_t)n;
    }
    return true;
}

/* --- formats ----------------------------------------------------------------------------------------------- */

static bool has_letter(struct str format, const char *letters)
{
    for (size_t i = 0; i + 1 < format.len; i++) {
        if (format.at[i] != '%')
            continue;
        if (strchr(letters, format.at[++i]) && format.at[i])
            return true;
    }
    return false;
}

bool expr_clock_has_zone(struct str format)
{
    return has_letter(format, "zZs");
}

const char *expr_clock_fault(struct str format, bool reading)
{
    static const char reads[] = "YmdHMSyjebBhaApITRFDszZfnt%", writes[] = "YCymdeHkIMSfjbhBaApuwUVGzZsTRFDcnt%";

    if (reading && str_is(format, "iso"))
        return NULL;
    for (size_t i = 0; i < format.len; i++) {
        if (format.at[i] != '%')
            continue;
        if (++i == format.len)
            return "the format ends in '%'";
        if (!format.at[i] || !strchr(reading ? reads : writes, format.at[i]))
            return reading ? "the format has a letter behind '%' that cannot be read"
                           : "the format has a letter behind '%' that cannot be written";
    }
    if (!reading || has_letter(format, "FDs"))
        return NULL;
    if (!has_letter(format, "Yy") ||
        !(has_letter(format, "j") || (has_letter(format, "mbBh") && has_letter(format, "de"))))
        return "the format gives no whole date";
    return NULL;
}
