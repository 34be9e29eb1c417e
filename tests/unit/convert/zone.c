/* Time zones against the C library, over many zones and instants; names, offsets, gaps and repeated hours. */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "convert/zone.h"
#include "convert/zone_rule.h"
#include "tap.h"

static const char *const zones[] = {
    "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Europe/Dublin",
    "Africa/Casablanca", "Pacific/Apia", "Asia/Tehran", "America/St_Johns", "Asia/Tokyo", "Antarctica/Troll",
    "Asia/Gaza", "Pacific/Chatham", "America/Nuuk", "Europe/Moscow", "Etc/GMT+5", "EST5EDT", "Europe/London",
    "America/Caracas",
};

static int32_t library_offset(time_t t)
{
    struct tm tm;

    localtime_r(&t, &tm);
    return (int32_t)tm.tm_gmtoff;
}

/* From 1975, where all agree on the offset before the first change, to 2090, far behind the tables. */
static void test_offsets(const char *name)
{
    struct err err = {0};
    struct zone *z = zone_open(str_of(name), &err);
    int64_t bad = 0;
    time_t at = 0;

    if (!ok(z != NULL, "zone %s", name ? name : ""))
        return;
    setenv("TZ", name, 1);
    tzset();
    for (time_t t = 157766400; t < 3786912000; t += 5 * 3600 + 1) {
        if (zone_offset(z, (int64_t)t * 1000000) != library_offset(t)) {
            bad++;
            at = t;
        }
    }
    ok(bad == 0, "%s: every offset from 1975 to 2090 (%lld wrong, last at %lld)", name, (long long)bad, (long long)at);
    zone_close(z);
}

/* What the library says of a wall clock time: all the instants at which it is shown. */
static size_t library_instants(int64_t wall, time_t *first)
{
    size_t n = 0;

    for (time_t t = wall + 26 * 3600; t >= wall - 26 * 3600; t -= 900)
        if (t + library_offset(t) == wall) {
            n++;
            *first = t;
        }
    return n;
}

static void test_walls(const char *name)
{
    struct zone *z = zone_open(str_of(name), NULL);
    int64_t bad = 0, gaps = 0, twice = 0;

    setenv("TZ", name, 1);
    tzset();
    /* Steps of a quarter of an hour around every change of some years, found by comparing offsets. */
    for (time_t day = 1262304000; z && day < 1388534400; day += 86400) {
        if (library_offset(day) == library_offset(day + 86400))
            continue;
        for (int64_t wall = day - 20 * 3600; wall < day + 44 * 3600; wall += 900) {
            int64_t utc;
            time_t first = 0;
            size_t n = library_instants(wall, &first);
            int answer = zone_to_utc(z, wall * 1000000 + 7, &utc);

            gaps += n == 0;
            twice += n > 1;
            bad += answer != (n == 0 ? -1 : n > 1) || (n > 0 && utc != (int64_t)first * 1000000 + 7);
        }
    }
    ok(bad == 0, "%s: wall clock times around changes (%lld in gaps, %lld twice, %lld wrong)", name, (long long)gaps,
       (long long)twice,
       (long long)bad);
    zone_close(z);
}

static void test_berlin(void)
{
    struct zone *z = zone_open(str_of("Europe/Berlin"), NULL);
    int64_t utc = 0;

    /* 2025-03-30 02:30 does not occur: 03:30 summer time is 01:30 UTC. */
    is_int(zone_to_utc(z, 1743301800000000, &utc), -1, "a time in the gap");
    is_int(utc, 1743298200000000, "comes out after the gap");
    /* 2025-10-26 02:30 occurs at 00:30 and 01:30 UTC. */
    is_int(zone_to_utc(z, 1761445800000000, &utc), 1, "a time that occurs twice");
    is_int(utc, 1761438600000000, "the earlier is given");
    is_int(zone_to_utc(z, 1761445800000000 + 1800000000, &utc), 0, "03:00 occurs once");
    is_int(zone_offset(z, -1000000000000000), 3600, "an instant before 1970");
    is_int(zone_offset(z, -5000000000LL * 1000000), 3208, "local mean time before the first change");
    is_int(zone_offset(z, -1), 3600, "the microsecond before 1970");
    zone_close(z);
}

static void test_names(void)
{
    static const char *const good[] = {"UTC", "Z", "+00:00", "+02:00", "-15:59", "Etc/UTC", "GMT"};
    static const int32_t offsets[] = {0, 0, 0, 7200, -57540, 0, 0};
    static const char *const bad[] = {
        "", "Nowhere/City", "../../etc/passwd", "/etc/localtime", "Europe", "Europe/../UTC", "+2", "+02", "+0200",
        "+16:00", "+02:60", "-2:000", "zone.tab", "europe berlin", "Europe/Berlin\n", "./UTC",
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct err err = {0};
        struct zone *z = zone_open(str_of(good[i]), &err);
        int64_t utc = 0;

        ok(z && zone_offset(z, 0) == offsets[i] && zone_to_utc(z, 5, &utc) == 0 && utc == 5 - offsets[i] * 1000000LL,
           "'%s': %s", good[i], err.message);
        zone_close(z);
        err_release(&err);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};

        ok(!zone_open(str_of(bad[i]), &err) && err.scope == ERR_RUN && err.code == W0240, "zone case %zu is refused",
           i);
        err_release(&err);
    }
    ok(!zone_open(str_make("UTC\0x", 5), NULL), "a NUL byte in a name");
    zone_close(NULL);
}

static void test_rules(void)
{
    static const struct { const char *text; bool good; int64_t at; int32_t offset; } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", true, 1750000000, 7200}, {"CET-1CEST,M3.5.0,M10.5.0/3", true, 1740000000, 3600},
        {"<+0530>-5:30", true, 0, 19800},                        {"EST5EDT,M3.2.0,M11.1.0", true, 1750000000, -14400},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", true, 1735689600, 0},     {"XXX3EDT4,0/0,J365/23", true, 1735689600, -14400},
        {"AAA-1BBB,J60,J300", true, 1709258400, 7200},           {"UTC0", true, 0, 0},
        {"CET", false, 0, 0},                                    {"CET-1CEST", false, 0, 0},
        {"CET-1CEST,M13.1.0,M10.5.0", false, 0, 0},              {"CET-1CEST,M3.6.0,M10.5.0", false, 0, 0},
        {"CET-1CEST,M3.5.7,M10.5.0", false, 0, 0},               {"CET-1x", false, 0, 0},
        {"C-1", false, 0, 0},                                    {"CET-25", false, 0, 0},
        {"CET-1CEST,J0,J1", false, 0, 0},                        {"CET-1CEST,M3.5.0,M10.5.0/168", false, 0, 0},
        {"", false, 0, 0},                                       {"<+0530-5:30", false, 0, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zone_rule rule;
        bool good = zone_rule_parse(str_of(cases[i].text), &rule);

        ok(good == cases[i].good && (!good || zone_rule_offset(&rule, cases[i].at) == cases[i].offset), "rule '%s'",
           cases[i].text);
    }
    for (int64_t year = 1; year < 4000; year += 37)
        if (zone_year(zone_days(year, 1, 1)) != year || zone_year(zone_days(year, 12, 31)) != year)
            ok(false, "year %lld", (long long)year);
    is_int(zone_days(1970, 1, 1), 0, "days begin in 1970");
    is_int(zone_days(2000, 3, 1) - zone_days(2000, 2, 28), 2, "2000 is a leap year");
    is_int(zone_days(1900, 3, 1) - zone_days(1900, 2, 28), 1, "1900 is none");
}

/* A zone file cut at every length, and with every byte changed, is read or refused, never more. */
static void test_broken_files(void)
{
    char directory[] = "/tmp/windrow-zone-XXXXXX", path[64];
    CLEANUP(close_file) FILE *in = fopen("/usr/share/zoneinfo/Europe/Berlin", "r");
    char bytes[8192];
    size_t len = in ? fread(bytes, 1, sizeof bytes, in) : 0, opened = 0;

    if (!mkdtemp(directory))
        return;
    snprintf(path, sizeof path, "%s/Broken", directory);
    setenv("TZDIR", directory, 1);
    for (size_t i = 0; i < 2 * len; i += i < 200 || i > len - 300 ? 1 : 17) {
        FILE *out = fopen(path, "w");
        struct zone *z;
        int64_t utc;

        if (i >= len)
            bytes[i - len] ^= 0x81;
        fwrite(bytes, 1, i < len ? i : len, out);
        fclose(out);
        if (i >= len)
            bytes[i - len] ^= 0x81;
        z = zone_open(str_of("Broken"), NULL);
        opened += z && i + 1 < len;
        if (z)
            zone_to_utc(z, 1750000000000000, &utc);
        zone_close(z);
    }
    is_int((long long)opened, 0, "no part of a zone file passes for one");
    unlink(path);
    rmdir(directory);
    unsetenv("TZDIR");
}

int main(void)
{
    unsetenv("TZDIR");
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) < 0) {
        printf("1..0 # SKIP tzdata is not installed\n");
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(zones); i++)
        test_offsets(zones[i]);
    for (size_t i = 0; i < ARRAY_LEN(zones); i++)
        test_walls(zones[i]);
    test_berlin();
    test_names();
    test_rules();
    test_broken_files();
    return done_testing();
}
