/* Thousands, binary prefixes and clocks, in one spelling for all reports. */
#include "report/format.h"

#include <inttypes.h>
#include <stdio.h>

enum { NS_PER_MS = 1000000 };
static const uint64_t NS_PER_S = 1000000000;

int format_count(struct buf *ret, uint64_t n)
{
    char digits[24], text[32];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n), at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    return buf_add(ret, text, (size_t)at);
}

int format_bytes(struct buf *ret, uint64_t n)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)n;
    size_t unit = 0;

    while (value >= 1023.5 && unit + 1 < ARRAY_LEN(units)) {
        value /= 1024;
        unit++;
    }
    if (unit == 0)
        return buf_printf(ret, "%" PRIu64 " B", n);
    return buf_printf(ret, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);
}

int format_clock(struct buf *ret, uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_S;

    if (seconds < 3600)
        return buf_printf(ret, "%" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
    return buf_printf(ret, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600, seconds / 60 % 60, seconds % 60);
}

int format_duration(struct buf *ret, uint64_t ns)
{
    double seconds = (double)(ns / NS_PER_MS) / 1000;

    if (seconds < 9.9995)
        return buf_printf(ret, "%.3f s", seconds);
    if (seconds < 60)
        return buf_printf(ret, "%.1f s", seconds);
    return format_clock(ret, ns);
}

int format_plural(struct buf *ret, uint64_t n, const char *one, const char *many)
{
    if (format_count(ret, n) < 0 || buf_add_char(ret, ' ') < 0)
        return -1;
    return buf_add_text(ret, n == 1 ? one : many);
}
