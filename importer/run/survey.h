/* run/survey.h: walk the source and cut it into units of work.
 *
 * The cut depends on names, sizes and the mapping alone, never on time or on the number of workers. Files that the
 * ledger knows as loaded and whose size and time are the same are passed over; a group in which anything changed
 * is loaded again as a whole. */
#ifndef WINDROW_RUN_SURVEY_H
#define WINDROW_RUN_SURVEY_H

#include "map/program.h"
#include "run/unit.h"

enum { SURVEY_UNIT_FILES = 1000, SURVEY_UNIT_BYTES = 8 << 20 };

/* A file as an earlier run left it. */
struct survey_known {
    uint32_t root;
    struct str path;
    uint64_t size;
    int64_t mtime_ns;
    int64_t unit;               /* that loaded it last; 0: not yet */
};

/* What the survey tells on the way. Any may be NULL. */
struct survey_out {
    void *context;
    /* A file that something reads. `unchanged`: neither it nor its group will be read. */
    void (*matched)(void *context, const struct entry *file, bool unchanged);
    void (*unmatched)(void *context, const struct entry *file);
    void (*skipped)(void *context, const struct entry *entry);
    void (*vanished)(void *context, const struct survey_known *known);
    /* The files that earlier runs loaded, in order of (root, path): 1, 0, -1. NULL: none. */
    int (*known)(void *context, struct survey_known *ret, struct err *err);
};

struct survey;
struct survey *survey_open(const struct program *p, const char *const *roots, size_t n, const struct survey_out *out,
                       bool again, struct err *err);
/* The next unit: 1, 0 at the end, -1. *ret is released first. */
int survey_next(struct survey *survey, struct unit *ret, struct err *err);
void survey_close(struct survey *survey);

#endif
