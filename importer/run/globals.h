/* run/globals.h: files outside of every group that documents and indexes read, such as one log for all groups.
 *
 * They are found before the groups and handed to every evaluator. They are no work of their own; what they were when
 * the run began goes into the program's digest, so that a change in one of them brings every group again. */
#ifndef WINDROW_RUN_GLOBALS_H
#define WINDROW_RUN_GLOBALS_H

#include "map/program.h"
#include "ledger/unit.h"

/* Find them below `roots`, sorted by root and path. Without such patterns this costs nothing. */
int globals_find(struct program *p, const char *const *roots, size_t n, struct unit *ret, struct err *err);

#endif
