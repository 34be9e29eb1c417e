/* run/plan.h: walk the source and cut it into units of work.
 *
 * The cut depends on names, sizes and the mapping alone, never on time or on the number of workers. Files that the
 * ledger knows as loaded and whose size and time are the same are passed over; a group in which anything changed
 * is loaded again as a whole. */
#ifndef WINDROW_RUN_PLAN_H
#define WINDROW_RUN_PLAN_H

#include "map/program.h"
#include "run/unit.h"

enum { PLAN_UNIT_FILES = 1000, PLAN_UNIT_BYTES = 8 << 20 };

/* A file as an earlier run left it. */
struct plan_known {
    uint32_t root;
    struct str path;
    uint64_t size;
    int64_t mtime_ns;
    int64_t unit;               /* that loaded it last; 0: not yet */
};

/* What the plan tells of on the way. Any may be NULL. */
struct plan_out {
    void *context;
    /* A file that something reads. `unchanged`: nothing will be done with its group. */
    void (*matched)(void *context, const struct entry *file, const uint16_t *rules, size_t n, bool unchanged);
    void (*unmatched)(void *context, const struct entry *file);
    void (*skipped)(void *context, const struct entry *entry);
    void (*vanished)(void *context, const struct plan_known *known);
    /* The files that earlier runs loaded, in order of (root, path): 1, 0, -1. NULL: none. */
    int (*known)(void *context, struct plan_known *ret, struct err *err);
};

struct plan;
struct plan *plan_open(const struct program *p, const char *const *roots, size_t n, const struct plan_out *out,
                       bool again, struct err *err);
/* The next unit: 1, 0 at the end, -1. *ret is released first. */
int plan_next(struct plan *plan, struct unit *ret, struct err *err);
void plan_close(struct plan *plan);

#endif
