/* convert/zone_rule.h: the rule at the end of a zoneinfo file, "CET-1CEST,M3.5.0,M10.5.0/3", for all the years after
 * its last table entry. */
#ifndef WINDROW_CONVERT_ZONE_RULE_H
#define WINDROW_CONVERT_ZONE_RULE_H

#include "base/str.h"

/* A day of the year and a second of that day. */
struct zone_day {
    char form;              /* 'J': day 1 to 365, never February 29th; 'n': day 0 to 365; 'M': weekday of a month */
    int32_t month, week, day;
    int32_t second;
};

struct zone_rule {
    int32_t standard, summer;   /* offsets from UTC in seconds, east positive */
    bool has_summer;
    struct zone_day begin, end;
};

bool zone_rule_parse(struct str text, struct zone_rule *ret);
int32_t zone_rule_offset(const struct zone_rule *r, int64_t utc_s);

/* Days since 1970-01-01 in the proleptic Gregorian calendar, and the year of such a day. */
int64_t zone_days(int64_t year, int32_t month, int32_t day);
int64_t zone_year(int64_t days);

#endif
