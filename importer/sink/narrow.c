/* The search for guilty rows, see sink/narrow.h. A hint only chooses what is tried next; a row is refused when it was
 * refused alone, whatever the hints said. */
#include "sink/narrow.h"

#include "base/cleanup.h"
#include "base/stop.h"

struct narrow {
    size_t at;          /* rows before it are settled */
    size_t end;
    size_t window;      /* how many to try when nothing is known */
    size_t suspect_end; /* > at: one of at..suspect_end-1 is known to be guilty */
    size_t since;       /* rows taken since the last refusal */
    size_t hint;        /* >= at: the row that was named; SIZE_MAX: none */
    bool distrust;      /* a hint was wrong; bisect until the next refusal */
};

static size_t next_size(const struct narrow *s)
{
    size_t left = s->end - s->at;

    if (s->hint != SIZE_MAX)
        return s->hint > s->at ? s->hint - s->at : 1;
    if (s->suspect_end > s->at)
        return s->suspect_end - s->at > 1 ? (s->suspect_end - s->at) / 2 : 1;
    return s->window < left ? s->window : left;
}

static void taken(struct narrow *s, size_t n)
{
    if (s->hint == s->at) {
        s->hint = SIZE_MAX;
        s->distrust = true;
    }
    s->at += n;
    s->since += n;
    if (s->window <= (SIZE_MAX >> 1))
        s->window *= 2;
}

static void refused_alone(struct narrow *s)
{
    s->at++;
    s->window = s->since ? s->since : 1;
    s->since = 0;
    s->suspect_end = s->at;
    s->hint = SIZE_MAX;
    s->distrust = false;
}

static void refused_together(struct narrow *s, size_t n, size_t hint)
{
    s->distrust = s->distrust || s->hint != SIZE_MAX;
    s->suspect_end = s->at + n;
    s->hint = !s->distrust && hint >= s->at && hint < s->at + n ? hint : SIZE_MAX;
}

int narrow_run(size_t n, const struct narrow_ops *ops, void *context, struct err *err)
{
    struct narrow s = {.end = n, .window = n, .hint = SIZE_MAX};

    while (s.at < s.end) {
        CLEANUP(err_release) struct err reason = {0};
        size_t size = next_size(&s), hint = SIZE_MAX;
        int outcome = stop_now() ? stop_fail(&reason) : ops->attempt(context, s.at, size, &hint, &reason);

        if (outcome < 0) {
            if (err && !err->scope)
                err_move(err, &reason);
            return -1;
        }
        if (outcome == 0) {
            taken(&s, size);
        } else if (size == 1) {
            ops->refuse(context, s.at, &reason);
            refused_alone(&s);
        } else {
            refused_together(&s, size, hint);
        }
    }
    return 0;
}
