/* report/filelist.h: what became of each file; bounded, and the same whatever the order.
 *
 * Of too many files the first stay (by source, then bytewise by path) with exact counts, for one that was dropped can
 * never be among the first again. One thread at a time: workers keep their own, filelist_merge() brings them together. */
#ifndef WINDROW_REPORT_FILELIST_H
#define WINDROW_REPORT_FILELIST_H

#include "report/summary.h"

enum { FILELIST_MAX = 1000 };

/* `= {0}` is empty. */
struct filelist {
    struct summary_file *files; /* in order; paths are owned */
    size_t n, capacity;
    bool trimmed;               /* files were dropped; none behind the last one is taken */
};

/* Add to the counts of a file. `file->source` must outlive the list. -1 when out of memory. */
int filelist_add(struct filelist *l, const struct summary_file *file, struct err *err);

/* Add all of `from`, which stays as it is. */
int filelist_merge(struct filelist *to, const struct filelist *from, struct err *err);

void filelist_release(struct filelist *l);

#endif
