/* POSIX TZ rules: parsing one, and the offset that it gives at an instant. */
#include "convert/zone_rule.h"

enum { DAY_SECONDS = 86400 };

/* March is the first month, so that the day that leap years insert comes last. */
int64_t zone_days(int64_t year, int32_t month, int32_t day)
{
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t zone_year(int64_t days)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);

    return year + era * 400 + (of_year >= 306);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct text {
    const char *at, *end;
};

static bool take(struct text *t, char c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static bool number(struct text *t, int32_t max, int32_t *ret)
{
    int32_t n = 0;

    if (t->at == t->end || !is_digit(*t->at))
        return false;
    while (t->at < t->end && is_digit(*t->at)) {
        n = n * 10 + (*t->at++ - '0');
        if (n > max)
            return false;
    }
    *ret = n;
    return true;
}

/* "CET" or "<+03>": what it says is of no interest here. */
static bool abbreviation(struct text *t)
{
    const char *start = t->at;

    if (take(t, '<')) {
        while (t->at < t->end && *t->at != '>')
            t->at++;
        return take(t, '>');
    }
    while (t->at < t->end && ((*t->at | 0x20) >= 'a' && (*t->at | 0x20) <= 'z'))
        t->at++;
    return t->at - start >= 3;
}

/* [+-]hh[:mm[:ss]] in seconds, as written. */
static bool clock_time(struct text *t, int32_t hours_max, int32_t *ret)
{
    int32_t hours, minutes = 0, seconds = 0;
    bool negative = take(t, '-');

    if (!negative)
        take(t, '+');
    if (!number(t, hours_max, &hours) || (take(t, ':') && (!number(t, 59, &minutes) ||
                                                           (take(t, ':') && !number(t, 59, &seconds)))))
        return false;
    *ret = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

static bool day_rule(struct text *t, struct zone_day *ret)
{
    ret->second = 7200;
    if (take(t, 'M')) {
        ret->form = 'M';
        if (!number(t, 12, &ret->month) || !take(t, '.') || !number(t, 5, &ret->week) || !take(t, '.') ||
            !number(t, 6, &ret->day) || ret->month < 1 || ret->week < 1)
            return false;
    } else {
        ret->form = take(t, 'J') ? 'J' : 'n';
        if (!number(t, 365, &ret->day) || (ret->form == 'J' && ret->day < 1))
            return false;
    }
    return !take(t, '/') || clock_time(t, 167, &ret->second);
}

bool zone_rule_parse(struct str text, struct zone_rule *ret)
{
    struct text t = {text.at, text.at + text.len};
    struct zone_rule r = {0};
    int32_t west;

    if (!abbreviation(&t) || !clock_time(&t, 24, &west))
        return false;
    r.standard = -west;
    if (t.at < t.end) {
        r.has_summer = true;
        r.summer = r.standard + 3600;
        if (!abbreviation(&t))
            return false;
        if (t.at < t.end && *t.at != ',') {
            if (!clock_time(&t, 24, &west))
                return false;
            r.summer = -west;
        }
        if (!take(&t, ',') || !day_rule(&t, &r.begin) || !take(&t, ',') || !day_rule(&t, &r.end))
            return false;
    }
    if (t.at != t.end)
        return false;
    *ret = r;
    return true;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The day that a rule names in `year`, as days since 1970. */
static int64_t rule_day(const struct zone_day *d, int64_t year)
{
    int64_t first, day, next;

    if (d->form == 'J')
        return zone_days(year, 1, 1) + d->day - 1 + (d->day >= 60 && is_leap(year));
    if (d->form == 'n')
        return zone_days(year, 1, 1) + d->day;
    first = zone_days(year, d->month, 1);
    next = d->month == 12 ? zone_days(year + 1, 1, 1) : zone_days(year, d->month + 1, 1);
    /* 1970-01-01 was a Thursday, day 4. */
    day = first + (d->day - (((first + 4) % 7 + 7) % 7) + 7) % 7 + (d->week - 1) * 7;
    return day >= next ? day - 7 : day;
}

int32_t zone_rule_offset(const struct zone_rule *r, int64_t utc_s)
{
    int64_t local = utc_s + r->standard, year, begin, end;

    if (!r->has_summer)
        return r->standard;
    year = zone_year(local >= 0 ? local / DAY_SECONDS : (local - DAY_SECONDS + 1) / DAY_SECONDS);
    begin = rule_day(&r->begin, year) * DAY_SECONDS + r->begin.second - r->standard;
    end = rule_day(&r->end, year) * DAY_SECONDS + r->end.second - r->summer;
    if (begin < end ? utc_s >= begin && utc_s < end : utc_s >= begin || utc_s < end)
        return r->summer;
    return r->standard;
}
