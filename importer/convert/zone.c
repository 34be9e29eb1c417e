/* Zoneinfo files: a table of changes, then a rule; and the way back from a wall clock to UTC. */
#include "convert/zone.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "convert/zone_rule.h"

enum { FILE_BYTES_MAX = 1024 * 1024, HEADER_BYTES = 44, WINDOW_S = 26 * 3600 };
static const int64_t SECOND_US = 1000000;

struct zone {
    int64_t *at;            /* changes, in seconds UTC, ascending */
    int32_t *after;         /* the offset from that change on */
    size_t n;
    int32_t before;         /* the offset before the first change */
    bool has_rule;          /* for instants after the last change */
    struct zone_rule rule;
};

void zone_close(struct zone *z)
{
    if (!z)
        return;
    free(z->at);
    free(z->after);
    free(z);
}

static int unknown(struct str name, const char *why, struct err *err)
{
    err_set(err, ERR_RUN, W0240, "no such time zone: '%.*s'%s", (int)(name.len < 80 ? name.len : 80), name.at, why);
    return err_help(err, "names look like Europe/Berlin or UTC, offsets like +02:00");
}

/* +HH:MM or -HH:MM; 1, 0 when it is no offset, -1 when it is a wrong one. */
static int parse_offset(struct str name, int32_t *ret)
{
    const char *p = name.at;
    int32_t hours, minutes;

    if (name.len == 0 || (p[0] != '+' && p[0] != '-'))
        return 0;
    if (name.len != 6 || p[3] != ':')
        return -1;
    for (size_t i = 1; i < 6; i++)
        if (i != 3 && (p[i] < '0' || p[i] > '9'))
            return -1;
    hours = (p[1] - '0') * 10 + (p[2] - '0');
    minutes = (p[4] - '0') * 10 + (p[5] - '0');
    if (hours > 15 || minutes > 59)
        return -1;
    *ret = (hours * 3600 + minutes * 60) * (p[0] == '-' ? -1 : 1);
    return 1;
}

/* A name is a path below the directory of zones, and must stay below it. */
static bool name_is_plain(struct str name)
{
    if (name.len == 0 || name.len > 200 || name.at[0] == '/' || memmem(name.at, name.len, "..", 2))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_+-/", c)) || !c)
            return false;
    }
    return true;
}

static int64_t big_endian(const char *p, size_t bytes)
{
    uint64_t n = (signed char)p[0] < 0 ? UINT64_MAX : 0;

    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | (unsigned char)p[i];
    return (int64_t)n;
}

/* The counts of one of the two parts of a file. */
struct header {
    size_t n_utc, n_standard, n_leap, n_changes, n_types, n_chars;
    size_t time_bytes;
};

static size_t body_bytes(const struct header *h)
{
    return h->n_changes * (h->time_bytes + 1) + h->n_types * 6 + h->n_chars + h->n_leap * (h->time_bytes + 4) +
           h->n_standard + h->n_utc;
}

/* Read a header and step behind it; false when it and its body do not fit into `text`. */
static bool header_read(struct str *text, size_t time_bytes, struct header *ret)
{
    const char *p = text->at;

    if (text->len < HEADER_BYTES || memcmp(p, "TZif", 4) != 0)
        return false;
    *ret = (struct header){
        .n_utc = (size_t)(uint32_t)big_endian(p + 20, 4), .n_standard = (size_t)(uint32_t)big_endian(p + 24, 4),
        .n_leap = (size_t)(uint32_t)big_endian(p + 28, 4), .n_changes = (size_t)(uint32_t)big_endian(p + 32, 4),
        .n_types = (size_t)(uint32_t)big_endian(p + 36, 4), .n_chars = (size_t)(uint32_t)big_endian(p + 40, 4),
        .time_bytes = time_bytes,
    };
    *text = str_make(p + HEADER_BYTES, text->len - HEADER_BYTES);
    return body_bytes(ret) <= text->len && ret->n_types > 0;
}

/* The tables of one part. `text` begins at its body. */
static bool body_read(struct zone *z, struct str text, const struct header *h)
{
    const char *times = text.at, *kinds = times + h->n_changes * h->time_bytes, *types = kinds + h->n_changes;

    if (h->n_leap > 0)
        return false;
    z->at = calloc(h->n_changes + 1, sizeof *z->at);
    z->after = calloc(h->n_changes + 1, sizeof *z->after);
    if (!z->at || !z->after)
        return false;
    z->n = h->n_changes;
    z->before = (int32_t)big_endian(types, 4);
    for (size_t i = 0; i < h->n_changes; i++) {
        unsigned char kind = (unsigned char)kinds[i];

        if (kind >= h->n_types)
            return false;
        z->at[i] = big_endian(times + i * h->time_bytes, h->time_bytes);
        z->after[i] = (int32_t)big_endian(types + kind * 6, 4);
        if ((i > 0 && z->at[i] <= z->at[i - 1]) || z->after[i] < -93600 || z->after[i] > 93600)
            return false;
    }
    return true;
}

static bool footer_read(struct zone *z, struct str text)
{
    const char *end;

    if (text.len < 2 || text.at[0] != '\n' || !(end = memchr(text.at + 1, '\n', text.len - 1)))
        return false;
    text = str_make(text.at + 1, (size_t)(end - text.at) - 1);
    z->has_rule = text.len > 0;
    return text.len == 0 || zone_rule_parse(text, &z->rule);
}

static bool file_read(struct zone *z, struct str text)
{
    char version = text.len > 4 ? text.at[4] : '\0';
    struct header h;

    if (!header_read(&text, 4, &h))
        return false;
    if (version == '\0')
        return body_read(z, text, &h);
    text = str_make(text.at + body_bytes(&h), text.len - body_bytes(&h));
    if (!header_read(&text, 8, &h) || !body_read(z, text, &h))
        return false;
    return footer_read(z, str_make(text.at + body_bytes(&h), text.len - body_bytes(&h)));
}

static int load(struct zone *z, struct str name, struct err *err)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT, text = BUF_INIT;
    CLEANUP(close_fd) int fd = -1;
    const char *directory = getenv("TZDIR");

    if (!directory || !*directory)
        directory = "/usr/share/zoneinfo";
    if (buf_printf(&path, "%s/%.*s", directory, STR_ARG(name)) < 0)
        return err_oom(err);
    fd = open(path.at, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return unknown(name, access(directory, X_OK) < 0 ? " (the package tzdata is not installed)" : "", err);
    if (buf_read_fd(&text, fd, FILE_BYTES_MAX, NULL) < 0 || !file_read(z, buf_str(&text)))
        return unknown(name, " (its file cannot be read as a zone)", err);
    return 0;
}

struct zone *zone_open(struct str name, struct err *err)
{
    struct zone *z = calloc(1, sizeof *z);
    int fixed;

    if (!z) {
        err_oom(err);
        return NULL;
    }
    fixed = parse_offset(name, &z->before);
    if (fixed == 1 || str_is(name, "UTC") || str_is(name, "Z"))
        return z;
    if (fixed == 0 && name_is_plain(name) ? load(z, name, err) == 0 : unknown(name, "", err) == 0)
        return z;
    zone_close(z);
    return NULL;
}

static int32_t offset_at(const struct zone *z, int64_t utc_s)
{
    size_t low = 0, high = z->n;

    if (z->has_rule && (z->n == 0 || utc_s >= z->at[z->n - 1]))
        return zone_rule_offset(&z->rule, utc_s);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (z->at[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? z->before : z->after[low - 1];
}

static int64_t floor_div(int64_t n, int64_t by)
{
    return n / by - (n % by < 0);
}

int32_t zone_offset(const struct zone *z, int64_t utc_us)
{
    return offset_at(z, floor_div(utc_us, SECOND_US));
}

/* The wall clock may have been set back or forth within a day around: try every offset that held then. Zones keep
 * an offset for more than an hour. */
static int search(const struct zone *z, int64_t wall_s, int64_t *utc_s)
{
    int64_t earliest = INT64_MAX, latest = INT64_MIN;
    int32_t old = offset_at(z, wall_s - WINDOW_S);

    for (int64_t t = wall_s - WINDOW_S; t <= wall_s + WINDOW_S; t += 3600) {
        int64_t candidate = wall_s - offset_at(z, t);

        if (candidate + offset_at(z, candidate) != wall_s)
            continue;
        earliest = candidate < earliest ? candidate : earliest;
        latest = candidate > latest ? candidate : latest;
    }
    if (earliest == INT64_MAX) {
        *utc_s = wall_s - old;
        return -1;
    }
    *utc_s = earliest;
    return earliest != latest;
}

int zone_to_utc(const struct zone *z, int64_t wall_us, int64_t *utc_us)
{
    int64_t wall_s = floor_div(wall_us, SECOND_US), fraction = wall_us - wall_s * SECOND_US, utc_s;
    int32_t offset = offset_at(z, wall_s - WINDOW_S);
    int answer = 0;

    utc_s = wall_s - offset;
    if (offset_at(z, wall_s + WINDOW_S) != offset || offset_at(z, utc_s) != offset)
        answer = search(z, wall_s, &utc_s);
    *utc_us = utc_s * SECOND_US + fraction;
    return answer;
}
