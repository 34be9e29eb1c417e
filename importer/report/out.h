/* report/out.h: appending without a check at each step, for writers of many small pieces.
 *
 * A failure (want of memory) is remembered, what follows does nothing; out_end() tells. Only for the .c files here. */
#ifndef WINDROW_REPORT_OUT_H
#define WINDROW_REPORT_OUT_H

#include "report/escape.h"
#include "report/format.h"

struct out {
    struct buf *buf;
    bool failed;
};

static inline void out_text(struct out *o, const char *text)
{
    if (!o->failed && buf_add_text(o->buf, text) < 0)
        o->failed = true;
}

static inline void out_repeat(struct out *o, char c, size_t n)
{
    while (n-- > 0 && !o->failed)
        o->failed = buf_add_char(o->buf, c) < 0;
}

static inline void out_bytes(struct out *o, const char *at, size_t len)
{
    if (!o->failed && buf_add(o->buf, at, len) < 0)
        o->failed = true;
}

/* Foreign text, by a function of report/escape.h. */
static inline void out_with(struct out *o, int (*escape)(struct buf *, struct str), struct str s)
{
    if (!o->failed && escape(o->buf, s) < 0)
        o->failed = true;
}

/* Numbers, by a function of report/format.h. */
static inline void out_number(struct out *o, int (*format)(struct buf *, uint64_t), uint64_t n)
{
    if (!o->failed && format(o->buf, n) < 0)
        o->failed = true;
}

static inline void out_plural(struct out *o, uint64_t n, const char *one, const char *many)
{
    if (!o->failed && format_plural(o->buf, n, one, many) < 0)
        o->failed = true;
}

#define out_printf(o, ...) \
    do { \
        if (!(o)->failed && buf_printf((o)->buf, __VA_ARGS__) < 0) \
            (o)->failed = true; \
    } while (0)

static inline int out_end(const struct out *o)
{
    return o->failed ? -1 : 0;
}

#endif
