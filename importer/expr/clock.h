/* expr/clock.h: dates and times of day, and the letters that write and read them. No zones, no clock. */
#ifndef WINDROW_EXPR_CLOCK_H
#define WINDROW_EXPR_CLOCK_H

#include "base/str.h"

/* 0001-01-01T00:00:00 to 9999-12-31T23:59:59 UTC, in seconds since 1970. */
#define CLOCK_MIN (-62135596800LL)
#define CLOCK_MAX 253402300799LL

struct clock_time {
    int64_t year;
    int month, day;             /* from 1 */
    int hour, minute, second;
    int32_t micros;
    int weekday, yearday;       /* from 0; 0 is Sunday */
    bool has_offset;            /* the text said how far it is from UTC */
    int32_t offset_s;
};

/* Days since 1970-01-01; month may lie outside 1..12. */
int64_t expr_clock_days(int64_t year, int64_t month, int64_t day);
/* Seconds since 1970, as if the fields were UTC. */
int64_t expr_clock_seconds(const struct clock_time *t);
/* All fields from seconds within CLOCK_MIN..CLOCK_MAX. */
void expr_clock_fields(int64_t seconds, struct clock_time *ret);

/* Read `text` by strptime's letters (% Y m d H M S y j e b B a A p I T R F D s z Z f n t) or the word "iso".
 * NULL, or what is wrong. */
const char *expr_clock_read(struct str text, struct str format, struct clock_time *ret);
/* Write by strftime's letters into `out`; false when it does not fit. */
bool expr_clock_write(const struct clock_time *t, struct str format, char *out, size_t size, size_t *len);
/* NULL, or what is wrong with a format, before any text is seen. */
const char *expr_clock_fault(struct str format, bool reading);
/* Whether a text in this format says its own distance from UTC. */
bool expr_clock_has_zone(struct str format);

#endif
