/* report/progress.h: what a run says about itself while it runs.
 *
 * Line: one line on a terminal, redrawn at most 5 times a second, as wide as the terminal is at that moment. Plain: a
 * line each 10 seconds. JSON: an object a line each second. Time is passed in. One thread at a time. A failed write
 * is not reported: a run does not fail because nobody listens.
 *
 * In builds with failpoints WINDROW_PROGRESS_SPEED=N makes the time N times as fast. */
#ifndef WINDROW_REPORT_PROGRESS_H
#define WINDROW_REPORT_PROGRESS_H

#include "base/buf.h"

#include <stdint.h>

enum progress_mode { PROGRESS_NONE = 0, PROGRESS_LINE, PROGRESS_PLAIN, PROGRESS_JSON };

/* auto|plain|json|none; auto is LINE when `fd` is a terminal that can move its cursor (TERM is not dumb), else PLAIN.
 * False for another name. */
bool progress_mode_by_name(const char *name, int fd, enum progress_mode *ret);

struct progress_state {
    uint64_t bytes, bytes_total;    /* committed; of all matched files, 0 while unknown */
    uint64_t files, files_total;    /* 0 while unknown */
    uint64_t rows, rejects;
    uint64_t checkpoint_ns;         /* when something was committed last, on the same clock; 0: not yet */
    const char *phase;              /* "walking"; NULL while loading */
    bool check;                     /* a dry run has no checkpoints */
};

struct progress {
    enum progress_mode mode;
    int fd;
    size_t (*columns)(int fd);      /* the terminal's width; tests bring their own */
    uint64_t start_ns, first_ns, drawn_ns, rate_ns;
    uint64_t start_bytes, rate_bytes;
    double rate;                    /* bytes a second, smoothed */
    bool started, visible;
    uint64_t speed;                 /* of the clock: tests do not wait */
};

/* `start_ns` is the monotonic time of the run's start. */
void progress_init(struct progress *p, enum progress_mode mode, int fd, uint64_t start_ns);

/* Draw if it is time to. */
void progress_draw(struct progress *p, uint64_t now_ns, const struct progress_state *state);

/* Take the line away, before anything else is written to the terminal; the next draw brings it back at once. */
void progress_clear(struct progress *p);

/* The last word: takes the line away; plain and JSON say the final state once. */
void progress_end(struct progress *p, uint64_t now_ns, const struct progress_state *state);

/* The line itself, at most `columns` wide: fields that do not fit are left out, the least important first. */
int progress_format(const struct progress *p, uint64_t now_ns, const struct progress_state *state, size_t columns,
                    struct buf *ret);

#endif
