/* sink/narrow.h: find the rows that a database refuses, when it takes or refuses several at a time. Pure.
 *
 * All rows are tried at once; when that is refused, smaller and smaller runs are, always in order of rows, so that a
 * row is tried only after all rows before it were taken or refused. A refused row costs about log2 of the rows since
 * the last refused one, so a load in which every row is refused stays linear. */
#ifndef WINDROW_SINK_NARROW_H
#define WINDROW_SINK_NARROW_H

#include "base/err.h"

struct narrow_ops {
    /* Try rows first..first+n-1: 0 they were taken; 1 refused as a whole, nothing of them is left, *err says why and
     * *hint may be set to the row that the database named (first <= hint); -1 nothing can go on. */
    int (*attempt)(void *context, size_t first, size_t n, size_t *hint, struct err *err);
    /* Row `row` alone was refused for this reason. In order of rows. */
    void (*refuse)(void *context, size_t row, struct err *err);
};

/* 0 when every row was taken or refused, -1 when an attempt said so. */
int narrow_run(size_t n, const struct narrow_ops *ops, void *context, struct err *err);

#endif
