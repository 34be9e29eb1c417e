/* report/samples.h: how bytes and rows grew over time, in at most SAMPLES_MAX points however long the run. */
#ifndef WINDROW_REPORT_SAMPLES_H
#define WINDROW_REPORT_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

enum { SAMPLES_MAX = 256 };

struct sample {
    uint64_t at_ns;         /* since the start of the run */
    uint64_t bytes, rows;   /* committed so far */
};

/* `= {0}` is empty. */
struct samples {
    struct sample points[SAMPLES_MAX];
    size_t n;
    uint64_t interval_ns;   /* at least this much between two points; doubles when the room is used up */
};

/* May be called as often as liked; keeps a point only when the interval has passed. Times do not go back. */
void samples_add(struct samples *s, uint64_t at_ns, uint64_t bytes, uint64_t rows);

/* The same, kept in any case: for the end of the run. */
void samples_end(struct samples *s, uint64_t at_ns, uint64_t bytes, uint64_t rows);

#endif
