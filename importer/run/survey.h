/* run/survey.h: walk the source and cut it into units of work.
 *
 * The cut depends on names, sizes and the mapping alone, never on time or on the number of workers. Files that the
 * ledger knows as loaded and whose size and time are the same are passed over; a group in which anything changed
 * is loaded again as a whole. Of a file that is loaded in parts, and that has kept the bytes that were loaded, only
 * what is missing is loaded: after an interruption, or because lines were appended. */
#ifndef WINDROW_RUN_SURVEY_H
#define WINDROW_RUN_SURVEY_H

#include "ledger/ledger.h"
#include "map/program.h"

enum { SURVEY_UNIT_FILES = 1000, SURVEY_UNIT_BYTES = 8 << 20 };

/* What is missing of a file that was loaded in parts. */
struct survey_missing {
    struct survey_range { uint64_t from, to; } *ranges;
    size_t n, capacity;
};
int survey_missing_add(struct survey_missing *missing, uint64_t from, uint64_t to);

/* Why files that were loaded before are to be loaded again. */
enum survey_change { SURVEY_CHANGED, SURVEY_AGAIN /* the mapping has changed, or it could not be read */, SURVEY_NEW, SURVEY_VANISHED };
struct survey_cause {
    enum survey_change kind;
    struct str path;    /* of the file that is so; the first of its group */
};

/* What the survey tells on the way. Any may be NULL. */
struct survey_out {
    void *context;
    /* A file that something reads. `unchanged`: neither it nor its group will be read. */
    void (*matched)(void *context, const struct entry *file, bool unchanged);
    void (*unmatched)(void *context, const struct entry *file);
    void (*skipped)(void *context, const struct entry *entry);
    void (*vanished)(void *context, const struct ledger_file *known);
    /* A group that is to be loaded, or files that are to be deleted: before they are given out. -1 stops. */
    int (*group)(void *context, const struct unit *group, const struct survey_cause *cause, struct err *err);
    /* The files that earlier runs loaded, in order of (root, path): 1, 0, -1. NULL: none. */
    int (*known)(void *context, struct ledger_file *ret, struct err *err);
    /* Is the content of this file what was loaded of it? Reads it. 1: yes, and *missing lists what has not been loaded
     * yet; 0: no, or it cannot be told; -1. Needed with `known`. */
    int (*same)(void *context, const struct entry *file, const struct ledger_file *known, struct survey_missing *missing,
                struct err *err);
};

struct survey_options {
    bool rehash;    /* compare contents also where size and time are the same */
    bool prune;     /* files that have vanished become units */
    bool threads;   /* the walk may have one of its own */
    uint64_t group_bytes;   /* what the list of a group's files may take; 0: anything */
};

struct survey;
struct survey *survey_open(const struct program *p, const char *const *roots, size_t n, const struct survey_out *out,
                           const struct survey_options *options, struct err *err);
/* The next unit: 1, 0 at the end, -1. *ret is released first. */
int survey_next(struct survey *survey, struct unit *ret, struct err *err);
void survey_close(struct survey *survey);

#endif
