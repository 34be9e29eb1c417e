/* Values of parameters: what was given or the default, checked by type, in the form that the engine compares. */
#include "query/query.h"

#include "expr/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int wrong(const struct query_param *p, const char *text, struct err *err, const char *expected)
{
    return err_set(err, ERR_RUN, W0101, "parameter %s: '%s' is no %s", p->name, text, expected);
}

static bool is_number(const char *text)
{
    size_t digits = 0;

    text += *text == '-';
    for (; *text >= '0' && *text <= '9'; text++)
        digits++;
    text += *text == '.';
    for (; *text >= '0' && *text <= '9'; text++)
        digits++;
    return digits > 0 && *text == '\0';
}

/* "now", "today", "now - 24 hours", "today - 7 days": seconds to take off; false when it is none of these. */
static bool relative(const char *text, const char *word, int64_t *seconds)
{
    size_t len = strlen(word);
    long long n;
    char unit[8];
    int end = 0;

    *seconds = 0;
    if (strncmp(text, word, len) != 0)
        return false;
    if (text[len] == '\0')
        return true;
    if (sscanf(text + len, " - %lld %7s%n", &n, unit, &end) != 2 || text[len + (size_t)end] || n < 0 || n > 1000000)
        return false;
    if (strcmp(unit, "hours") != 0 && strcmp(unit, "days") != 0)
        return false;
    *seconds = n * (unit[0] == 'h' ? 3600 : 86400);
    return true;
}

/* SQLite compares text, so it gets the form that its columns have. */
static const char *time_text(int64_t us, enum db_engine engine, struct arena *a)
{
    int64_t seconds = us / 1000000 - (us % 1000000 < 0);
    struct clock_time t;

    expr_clock_fields(seconds, &t);
    return arena_printf(a, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d.%06d%s", t.year, t.month, t.day, t.hour, t.minute,
                        t.second, (int)(us - seconds * 1000000), engine == DB_SQLITE ? "" : "+00");
}

static int read_time(const struct query_param *p, const char *text, int64_t *us, struct err *err)
{
    struct clock_time t;
    const char *why = expr_clock_read(str_of(text), str_of("iso"), &t);

    if (why && (why = expr_clock_read(str_of(text), str_of("%Y-%m-%d"), &t)))
        return wrong(p, text, err, "time such as 2025-01-31T12:00:00Z");
    *us = (expr_clock_seconds(&t) - t.offset_s) * 1000000 + t.micros;
    return 0;
}

static int settle_time(struct query_param *p, const char *text, bool given, int64_t now_us, enum db_engine engine,
                       struct arena *a, struct err *err)
{
    int64_t us, back;

    if (!given && relative(text, "now", &back))
        us = now_us - back * 1000000;
    else if (read_time(p, text, &us, err) < 0)
        return -1;
    p->value = time_text(us, engine, a);
    return 0;
}

/* A day or a month, in UTC. */
static int settle_day(struct query_param *p, const char *text, bool given, int64_t now_us, struct arena *a,
                      struct err *err)
{
    bool month = p->type == QUERY_MONTH;
    size_t len = month ? 7 : 10;
    struct clock_time t;
    int64_t back;

    if (!given && relative(text, "today", &back)) {
        text = time_text(now_us - back * 1000000, DB_SQLITE, a);
        p->value = text ? arena_dup(a, str_make(text, len)) : NULL;
        return 0;
    }
    if (strlen(text) != len || expr_clock_read(str_of(month ? arena_printf(a, "%s-01", text) : text), str_of("%Y-%m-%d"), &t))
        return wrong(p, text, err, month ? "month such as 2025-01" : "day such as 2025-01-31");
    p->value = text;
    return 0;
}

/* An age in days becomes the time so long ago. */
static int settle_days(struct query_param *p, const char *text, int64_t now_us, enum db_engine engine, struct arena *a,
                       struct err *err)
{
    int64_t days;

    if (!str_parse_int64(str_of(text), &days) || days < 0 || days > 100000)
        return wrong(p, text, err, "number of days from 0 to 100000");
    p->value = time_text(now_us - days * 86400 * 1000000, engine, a);
    return 0;
}

static int settle_one(struct query_param *p, const char *text, bool given, int64_t now_us, enum db_engine engine,
                      struct arena *a, struct err *err)
{
    int64_t n;
    int ret = 0;

    p->value = text;
    switch (p->type) {
    case QUERY_TEXT:
        break;
    case QUERY_INTEGER:
        if (!str_parse_int64(str_of(text), &n))
            return wrong(p, text, err, "whole number");
        break;
    case QUERY_NUMBER:
        if (!is_number(text))
            return wrong(p, text, err, "number");
        break;
    case QUERY_DAY:
    case QUERY_MONTH:
        ret = settle_day(p, text, given, now_us, a, err);
        break;
    case QUERY_DAYS:
        ret = settle_days(p, text, now_us, engine, a, err);
        break;
    case QUERY_TIME:
        ret = settle_time(p, text, given, now_us, engine, a, err);
        break;
    }
    return ret == 0 && !p->value ? err_oom(err) : ret;
}

static const char *given_value(const struct query_param *p, const char *const *set, size_t n_set)
{
    size_t len = strlen(p->name);

    for (size_t i = n_set; i-- > 0;) {
        if (strncmp(set[i], p->name, len) == 0 && set[i][len] == '=')
            return set[i] + len + 1;
    }
    return NULL;
}

static int check_set(const struct query *q, const char *set, struct err *err)
{
    const char *equals = strchr(set, '='), *names[QUERY_PARAMS_MAX], *nearest;
    struct str name = equals ? str_make(set, (size_t)(equals - set)) : str_of(set);

    if (!equals)
        return err_set(err, ERR_RUN, W0101, "--set %s: expected NAME=VALUE", set);
    for (size_t i = 0; i < q->n_params; i++) {
        names[i] = q->params[i].name;
        if (str_is(name, names[i]))
            return 0;
    }
    err_set(err, ERR_RUN, W0101, "this report has no parameter '%.*s'", STR_ARG(name));
    nearest = str_nearest(name, names, q->n_params);
    return nearest ? err_help(err, "did you mean '%s'?", nearest) : -1;
}

const struct query_param *query_missing(const struct query *q, const char *const *set, size_t n_set)
{
    for (size_t i = 0; i < q->n_params; i++) {
        if (!q->params[i].fallback && !given_value(&q->params[i], set, n_set))
            return &q->params[i];
    }
    return NULL;
}

int query_settle(struct query *q, const char *const *set, size_t n_set, enum db_engine engine, int64_t clock_us,
                 struct arena *a, struct err *err)
{
    for (size_t i = 0; i < n_set; i++) {
        if (check_set(q, set[i], err) < 0)
            return -1;
    }
    return query_settle_known(q, set, n_set, engine, clock_us, a, err);
}

int query_settle_known(struct query *q, const char *const *set, size_t n_set, enum db_engine engine, int64_t clock_us,
                       struct arena *a, struct err *err)
{
    int64_t now_us = clock_us;
    const char *now = given_value(&q->params[QUERY_NOW], set, n_set);

    if (now && read_time(&q->params[QUERY_NOW], now, &now_us, err) < 0)
        return -1;
    for (size_t i = 0; i < q->n_params; i++) {
        struct query_param *p = &q->params[i];
        const char *text = given_value(p, set, n_set);

        if (!text && !p->fallback)
            return err_set(err, ERR_RUN, W0101, "parameter %s must be given: --set %s=...", p->name, p->name);
        if (settle_one(p, text ? text : p->fallback, text != NULL, now_us, engine, a, err) < 0)
            return -1;
    }
    return 0;
}
