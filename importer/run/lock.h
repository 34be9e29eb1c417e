/* run/lock.h: one windrow at a time in a SQLite file. The lock is the kernel's: it ends with the process, however that
 * ends. PostgreSQL needs none: there processes share the work. */
#ifndef WINDROW_RUN_LOCK_H
#define WINDROW_RUN_LOCK_H

#include "base/err.h"

/* Take the lock on the file behind `target`, which is made if it is not there: a descriptor, to be closed after the
 * database is. -1 with W0610, which names the process that has it, when that does not end within wait_ms. A target that
 * is no file on disk: -1 without a failure. */
int lock_target(const char *target, unsigned wait_ms, struct err *err);

#endif
