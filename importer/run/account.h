/* run/account.h: what became of everything that was read.
 *
 * A worker keeps an account of its open chunk; when the chunk is committed it is added to the run's, when it is rolled
 * back it is forgotten. So the run's account never speaks of anything that is not in the database. */
#ifndef WINDROW_RUN_ACCOUNT_H
#define WINDROW_RUN_ACCOUNT_H

#include "map/program.h"
#include "report/filelist.h"
#include "report/summary.h"

struct account_rule {
    uint64_t read, inserted, updated, same, rejected, skipped, bytes;
    uint64_t deleted;           /* rows of files that have changed or gone */
    uint64_t time_ns;           /* of the workers */
    uint64_t *filled;           /* by column: how often it got a value that is not null */
};

struct account_kind {
    struct str name;            /* lent from the mapping */
    uint64_t files, unchanged, failed, records, bytes, time_ns;
};

struct account {
    const struct program *p;
    bool ready;                 /* account_init() came to its end: memory was there */
    struct account_rule *rules; /* by ordinal in the program */
    struct account_kind *kinds; /* the distinct patterns of the mapping */
    size_t n_kinds, n_rule_kinds;   /* those that rules read come first */
    struct findings findings;
    struct filelist list;       /* of single files */
    struct tally unread, unmatched, orphans, entries, vanished, mended;
    struct tally unfilled, idle;    /* made by account_summary() */
    uint64_t files, rows, rejects, bytes;   /* totals so far */
};

int account_init(struct account *a, const struct program *p, bool hide_values, struct err *err);
void account_release(struct account *a);
/* Forget all counts. */
void account_clear(struct account *a);
/* Add everything of `from`, which is empty afterwards. */
int account_merge(struct account *to, struct account *from, struct err *err);
/* The kind of a path: the first pattern that reads it; n_kinds when none does. */
size_t account_kind_of(const struct account *a, struct str path, bool directory);

/* The model for reports; arrays in `arena`, texts lent from the account and the mapping. Rules of one table are one line. */
int account_summary(struct account *a, struct arena *arena, struct summary *s, struct err *err);

#endif
