/* The search for guilty rows, see sink/narrow.h. */
#include "sink/narrow.h"

#include "base/cleanup.h"

struct narrow {
    size_t at;          /* rows before it are settled */
    size_t end;
    size_t window;      /* how many to try when nothing is known */
    size_t suspect_end; /* > at: one of at..suspect_end-1 is known to be guilty */
    size_t since;       /* rows taken since the last refusal */
    bool distrust;      /* a hint was wrong; bisect until the next refusal */
    bool hinted;
    size_t hint;        /* hinted: guilty if all before it are taken; hint_err is its reason */
    struct err hint_err;
};

static size_t next_size(const struct narrow *s)
{
    size_t left = s->end - s->at;

    if (s->hinted)
        return s->hint - s->at;
    if (s->suspect_end > s->at)
        return s->suspect_end - s->at > 1 ? (s->suspect_end - s->at) / 2 : 1;
    return s->window < left ? s->window : left;
}

static void forget_hint(struct narrow *s)
{
    s->hinted = false;
    err_release(&s->hint_err);
}

static void refuse(struct narrow *s, const struct narrow_ops *ops, void *context, struct err *reason)
{
    ops->refuse(context, s->at, reason);
    s->at++;
    s->window = s->since ? s->since : 1;
    s->since = 0;
    s->suspect_end = s->at;
    s->distrust = false;
}

static void taken(struct narrow *s, size_t n, const struct narrow_ops *ops, void *context)
{
    s->at += n;
    s->since += n;
    if (s->window <= (SIZE_MAX >> 1))
        s->window *= 2;
    if (s->hinted && s->at == s->hint) {
        refuse(s, ops, context, &s->hint_err);
        forget_hint(s);
    }
}

static void refused(struct narrow *s, size_t n, size_t hint, const struct narrow_ops *ops, void *context,
                    struct err *reason)
{
    s->distrust = s->distrust || s->hinted;
    forget_hint(s);
    if (n == 1 || (hint == s->at && !s->distrust)) {
        refuse(s, ops, context, reason);
        return;
    }
    s->suspect_end = s->at + n;
    if (!s->distrust && hint > s->at && hint < s->at + n) {
        s->hinted = true;
        s->hint = hint;
        err_move(&s->hint_err, reason);
    }
}

int narrow_run(size_t n, const struct narrow_ops *ops, void *context, struct err *err)
{
    struct narrow s = {.end = n, .window = n};

    while (s.at < s.end) {
        CLEANUP(err_release) struct err reason = {0};
        size_t size = next_size(&s), hint = SIZE_MAX;
        int outcome = ops->attempt(context, s.at, size, &hint, &reason);

        if (outcome < 0) {
            if (err && !err->scope)
                err_move(err, &reason);
            forget_hint(&s);
            return -1;
        }
        if (outcome == 0)
            taken(&s, size, ops, context);
        else
            refused(&s, size, hint, ops, context, &reason);
    }
    return 0;
}
