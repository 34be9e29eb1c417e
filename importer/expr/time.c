/* Time functions: jq's, which know whole seconds and UTC, and windrow's, which keep microseconds and know zones. */
#include "expr/clock.h"
#include "expr/functions.h"
#include "expr/internal.h"
#include "convert/zone.h"

#include <stdio.h>

static int cannot_read(struct run *r, const struct expr_node *n, const struct value *v, const char *why)
{
    struct expr_shown shown;

    return expr_fail(r, n, W0438, v, "%s is not a time that %s can read: %s", expr_show(r, v, &shown),
                     n->function->name, why);
}

static int out_of_range(struct run *r, const struct expr_node *n, const struct value *v)
{
    return expr_fail(r, n, W0438, v, "this is no time between the years 1 and 9999");
}

static int format_of(struct run *r, const struct expr_node *n, const struct value *v, bool reading, struct str *ret)
{
    const char *fault;

    if (expr_text(r, n, v, n->function->name, ret) < 0)
        return -1;
    fault = expr_clock_fault(*ret, reading);
    return fault ? expr_fail(r, n, W0438, v, "%s", fault) : 0;
}

/* --- RFC 3339 ---------------------------------------------------------------------------------------------- */

static int write_rfc3339(struct run *r, const struct expr_node *n, int64_t seconds, int32_t micros, struct value *ret)
{
    struct clock_time t;
    char *out = expr_alloc(r, n, 40);
    int len;

    if (!out)
        return -1;
    expr_clock_fields(seconds, &t);
    len = snprintf(out, 40, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)t.year, t.month, t.day, t.hour, t.minute,
                   t.second);
    if (micros) {
        len += snprintf(out + len, 40 - (size_t)len, ".%06d", micros);
        while (out[len - 1] == '0')
            len--;
    }
    out[len++] = 'Z';
    *ret = value_string(str_make(out, (size_t)len));
    return 0;
}

/* A number of units of 10^-places seconds. */
static int from_epoch(struct run *r, const struct expr_node *n, const struct value *in, int places, struct value *ret)
{
    struct expr_shown shown;
    struct value number = *in;
    int64_t micros, seconds;

    if (in->type != VALUE_NUMBER) {
        expr_fail(r, n, W0431, in, "%s needs a number, not %s", n->function->name, expr_show(r, in, &shown));
        return in->type == VALUE_STRING ? expr_help(r, "'to_int' or 'to_decimal' makes a number of text") : -1;
    }
    if (!expr_number_unscaled(&number, 6 - places, &micros)) {
        int64_t rough = expr_number_floor64(in);

        if (rough > CLOCK_MAX * 1000000 || rough < CLOCK_MIN * 1000000)
            return out_of_range(r, n, in);
        expr_fail(r, n, W0438, in, "%s is finer than a microsecond", expr_show(r, in, &shown));
        return expr_help(r, "bring it to whole microseconds first, such as with (. * 1000000 | floor | epoch_us)");
    }
    seconds = micros / 1000000 - (micros % 1000000 < 0);
    if (seconds < CLOCK_MIN || seconds > CLOCK_MAX)
        return out_of_range(r, n, in);
    return write_rfc3339(r, n, seconds, (int32_t)(micros - seconds * 1000000), ret);
}

int expr_fn_epoch_s(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    (void)args;
    return from_epoch(r, n, in, 0, ret);
}

int expr_fn_epoch_ms(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    (void)args;
    return from_epoch(r, n, in, 3, ret);
}

int expr_fn_epoch_us(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    (void)args;
    return from_epoch(r, n, in, 6, ret);
}

static int to_epoch(struct run *r, const struct expr_node *n, const struct value *in, int places, struct value *ret)
{
    struct clock_time t;
    const char *why;
    struct str s;

    if (expr_text(r, n, in, n->function->name, &s) < 0)
        return -1;
    why = expr_clock_read(s, str_of("iso"), &t);
    if (!why && !t.has_offset)
        why = "it does not say its zone; to_time(\"iso\"; zone) adds one";
    if (why)
        return cannot_read(r, n, in, why);
    return expr_number_scaled(r, n, (expr_clock_seconds(&t) - t.offset_s) * 1000000 + t.micros, 6 - places, ret);
}

int expr_fn_to_epoch_s(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                       struct value *ret)
{
    (void)args;
    return to_epoch(r, n, in, 0, ret);
}

int expr_fn_to_epoch_ms(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                        struct value *ret)
{
    (void)args;
    return to_epoch(r, n, in, 3, ret);
}

int expr_fn_to_epoch_us(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                        struct value *ret)
{
    (void)args;
    return to_epoch(r, n, in, 6, ret);
}

/* --- to_time ----------------------------------------------------------------------------------------------- */

static int zone_missing(struct run *r, const struct expr_node *n, const struct value *v)
{
    expr_fail(r, n, W0438, v, "this time does not say its zone");
    return expr_help(r, "name it: to_time(format; \"Europe/Berlin\")");
}

/* With the zone of the second argument, opened for this call when it is not constant. *answer as zone_to_utc() gives it. */
static int in_zone(struct run *r, const struct expr_node *n, const struct value *name, int64_t wall_us, int64_t *utc_us,
                   int *answer)
{
    struct err why = {0};
    struct zone *zone = n->zone;
    struct str s;

    if (!zone) {
        if (expr_text(r, n, name, "a time zone", &s) < 0)
            return -1;
        zone = zone_open(s, &why);
        if (!zone) {
            expr_fail(r, n, W0438, name, "%s", why.message);
            err_release(&why);
            return -1;
        }
    }
    *answer = zone_to_utc(zone, wall_us, utc_us);
    if (!n->zone)
        zone_close(zone);
    return 0;
}

/* to_time(format; zone; skipped): what becomes of a time that the clocks skipped. */
static int settle_skipped(struct run *r, const struct expr_node *n, const struct value *in, const struct value *how)
{
    struct str s = {0};

    if (how && expr_text(r, n, how, "to_time", &s) < 0)
        return -1;
    if (how && str_is(s, "shift"))
        return 0;
    if (how && !str_is(s, "reject"))
        return expr_fail(r, n, W0431, how, "times that the clocks skipped: \"shift\" or \"reject\"");
    expr_fail(r, n, W0441, in, "the clocks of this zone skipped this time of day");
    return expr_help(r, "to_time(format; zone; \"shift\") takes the time later by the length of the gap");
}

static int read_clock(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                      struct clock_time *t, int64_t *us)
{
    struct str s, format;
    const char *why;

    if (expr_text(r, n, in, n->function->name, &s) < 0 || format_of(r, n, &args[0], true, &format) < 0)
        return -1;
    why = expr_clock_read(s, format, t);
    if (why)
        return cannot_read(r, n, in, why);
    *us = (expr_clock_seconds(t) - t->offset_s) * 1000000 + t->micros;
    return 0;
}

int expr_fn_to_time(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct clock_time t;
    int64_t utc_us, seconds;
    int answer = 0;

    if (read_clock(r, n, in, args, &t, &utc_us) < 0)
        return -1;
    if (!t.has_offset) {
        if (n->n < 2)
            return zone_missing(r, n, in);
        if (in_zone(r, n, &args[1], utc_us, &utc_us, &answer) < 0 ||
            (answer < 0 && settle_skipped(r, n, in, n->n > 2 ? &args[2] : NULL) < 0))
            return -1;
    }
    seconds = utc_us / 1000000 - (utc_us % 1000000 < 0);
    if (seconds < CLOCK_MIN || seconds > CLOCK_MAX)
        return out_of_range(r, n, in);
    return write_rfc3339(r, n, seconds, (int32_t)(utc_us - seconds * 1000000), ret);
}

int expr_fn_time_doubt(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                       struct value *ret)
{
    struct clock_time t;
    int64_t wall_us, utc_us;
    int answer = 0;

    if (read_clock(r, n, in, args, &t, &wall_us) < 0 ||
        (!t.has_offset && in_zone(r, n, &args[1], wall_us, &utc_us, &answer) < 0))
        return -1;
    *ret = answer == 0 ? value_null() : value_string(str_of(answer > 0 ? "twice" : "skipped"));
    return 0;
}

static const struct value *constant(const struct expr_node *n)
{
    return n->op == OP_CONSTANT ? &n->constant : NULL;
}

static int prepare_format(struct checker *c, struct expr_node *kid, bool reading, struct str *ret)
{
    const struct value *v = constant(kid);
    const char *fault;

    *ret = str_make(NULL, 0);
    if (!v)
        return 0;
    if (v->type != VALUE_STRING)
        return expr_bad(c->err, kid->at, kid->len, W0236, "a time format is a string");
    *ret = v->text;
    fault = expr_clock_fault(v->text, reading);
    if (!fault)
        return 0;
    expr_bad(c->err, kid->at, kid->len, W0236, "%s", fault);
    return err_help(
        c->err, reading ? "%%Y %%m %%d %%H %%M %%S %%f %%z %%Z %%s %%y %%j %%e %%b %%a %%p %%I %%T %%R %%F %%D can be "
                          "read; \"iso\" stands for ISO 8601"
                        : "strftime's letters without those that depend on a language");
}

int expr_time_prepare(struct checker *c, struct expr_node *n)
{
    const char *name = n->function->name;
    bool to_time = strcmp(name, "to_time") == 0 || strcmp(name, "time_doubt") == 0;
    struct err why = {0};
    struct str format, zone;

    if (prepare_format(c, n->kids[0], to_time || strcmp(name, "strptime") == 0, &format) < 0)
        return -1;
    if (!to_time)
        return 0;
    if (n->n == 1 && format.at && !str_is(format, "iso") && !expr_clock_has_zone(format)) {
        expr_bad(c->err, n->kids[0]->at, n->kids[0]->len, W0236, "a time in this format does not say its zone");
        return err_help(c->err, "name the zone: to_time(format; \"Europe/Berlin\"), or \"UTC\"");
    }
    if (n->n == 1 || !expr_known_text(n->kids[1], &zone))
        return 0;
    n->zone = zone_open(zone, &why);
    if (n->zone)
        return expr_hold(c, n);
    if (n->kids[1]->op != OP_CONSTANT) {    /* it may never be asked for */
        err_release(&why);
        return 0;
    }
    expr_bad(c->err, n->kids[1]->at, n->kids[1]->len, W0236, "%s", why.message);
    if (why.help[0])
        err_help(c->err, "%s", why.help);
    err_release(&why);
    return -1;
}

/* --- jq's -------------------------------------------------------------------------------------------------- */

static int broken_down(struct run *r, const struct expr_node *n, const struct clock_time *t, const struct value *second,
                       struct value *ret)
{
    int64_t fields[] = {t->year, t->month - 1, t->day, t->hour, t->minute, t->second, t->weekday, t->yearday};
    struct list l = {.r = r, .node = n};
    struct value v;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (i == 5 && second)
            v = *second;
        else if (expr_number_make(r, n, fields[i], &v) < 0)
            return -1;
        if (expr_list_add(&l, &v) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

int expr_fn_gmtime(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    struct value whole, rest, second, sixty = value_number(str_of("60"));
    struct expr_shown shown;
    struct clock_time t;
    int64_t seconds;

    (void)args;
    if (in->type != VALUE_NUMBER)
        return expr_fail(r, n, W0431, in, "%s needs a number, not %s", n->function->name, expr_show(r, in, &shown));
    seconds = expr_number_floor64(in);
    if (seconds < CLOCK_MIN || seconds > CLOCK_MAX)
        return out_of_range(r, n, in);
    expr_clock_fields(seconds, &t);
    /* The second keeps its fraction. */
    if (expr_number_make(r, n, seconds - t.second, &whole) < 0 ||
        expr_number_op(r, n, NUMBER_SUB, in, &whole, &rest) < 0 ||
        expr_number_op(r, n, NUMBER_FLOORMOD, &rest, &sixty, &second) < 0)
        return -1;
    return broken_down(r, n, &t, &second, ret);
}

static int read_broken_down(struct run *r, const struct expr_node *n, const struct value *in, int64_t *seconds)
{
    int64_t f[6];

    if (in->type != VALUE_ARRAY || value_count(in) < 6)
        return expr_fail(r, n, W0431, in, "%s needs a broken-down time: [year, month, day, hours, minutes, seconds]",
                         n->function->name);
    for (int i = 0; i < 6; i++) {
        struct value v = value_at(in, i);

        if (v.type != VALUE_NUMBER)
            return expr_fail(r, n, W0431, in, "the parts of a broken-down time are numbers");
        f[i] = expr_number_floor64(&v);
        if (f[i] < -100000 || f[i] > 100000)
            return out_of_range(r, n, in);
    }
    *seconds = expr_clock_days(f[0], f[1] + 1, f[2]) * 86400 + f[3] * 3600 + f[4] * 60 + f[5];
    return *seconds < CLOCK_MIN || *seconds > CLOCK_MAX ? out_of_range(r, n, in) : 0;
}

int expr_fn_mktime(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    int64_t seconds;

    (void)args;
    return read_broken_down(r, n, in, &seconds) < 0 ? -1 : expr_number_make(r, n, seconds, ret);
}

static int format_time(struct run *r, const struct expr_node *n, const struct value *in, struct str format,
                       struct value *ret)
{
    enum { OUT_MAX = 1024 };
    struct clock_time t;
    struct expr_shown shown;
    int64_t seconds;
    size_t len;
    char *out;

    if (in->type == VALUE_ARRAY) {
        if (read_broken_down(r, n, in, &seconds) < 0)
            return -1;
    } else if (in->type == VALUE_NUMBER) {
        seconds = expr_number_floor64(in);
        if (seconds < CLOCK_MIN || seconds > CLOCK_MAX)
            return out_of_range(r, n, in);
    } else {
        return expr_fail(r, n, W0431, in, "%s needs a number or a broken-down time, not %s", n->function->name,
                         expr_show(r, in, &shown));
    }
    expr_clock_fields(seconds, &t);
    if (!(out = expr_alloc(r, n, OUT_MAX)))
        return -1;
    if (!expr_clock_write(&t, format, out, OUT_MAX, &len))
        return expr_fail(r, n, W0438, NULL, "the format gives more than %d bytes", OUT_MAX);
    *ret = expr_string(str_make(out, len), 0);
    return 0;
}

int expr_fn_strftime(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    struct str format;

    return format_of(r, n, &args[0], false, &format) < 0 ? -1 : format_time(r, n, in, format, ret);
}

int expr_fn_todate(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    (void)args;
    return format_time(r, n, in, str_of("%Y-%m-%dT%H:%M:%SZ"), ret);
}

static int parse_time(struct run *r, const struct expr_node *n, const struct value *in, struct str format,
                      struct clock_time *t)
{
    const char *why;
    struct str s;

    if (expr_text(r, n, in, n->function->name, &s) < 0)
        return -1;
    why = expr_clock_read(s, format, t);
    return why ? cannot_read(r, n, in, why) : 0;
}

int expr_fn_strptime(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    struct clock_time t;
    struct str format;

    if (format_of(r, n, &args[0], true, &format) < 0 || parse_time(r, n, in, format, &t) < 0)
        return -1;
    return broken_down(r, n, &t, NULL, ret);
}

int expr_fn_fromdate(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    struct clock_time t;

    (void)args;
    if (parse_time(r, n, in, str_of("%Y-%m-%dT%H:%M:%SZ"), &t) < 0)
        return -1;
    return expr_number_make(r, n, expr_clock_seconds(&t), ret);
}

int expr_fn_now(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    (void)in, (void)args;
    return expr_number_scaled(r, n, r->outer->now_us, 6, ret);
}
