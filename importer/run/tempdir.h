/* run/tempdir.h: directories of our own for what is thrown away: made below TMPDIR, readable by nobody else, removed with
 * all that is in them.
 *
 * A process that is killed leaves its directory behind. So each holds a locked file as long as its maker lives, and who
 * makes the next one removes those whose lock is free. What has no such file is not ours and is never touched. */
#ifndef WINDROW_RUN_TEMPDIR_H
#define WINDROW_RUN_TEMPDIR_H

#include "base/err.h"

#include <sys/types.h>

struct tempdir {
    char *path;     /* NULL: none */
    int lock;
    uid_t uid;      /* whose it is; root gives it away to run programs that refuse to be root */
    gid_t gid;
};

/* Below `base`, for this user, who is ourselves unless we are root. -1: W0617. */
int tempdir_make(struct tempdir *t, const char *base, uid_t uid, gid_t gid, struct err *err);
/* Accepts `{0}`. */
void tempdir_remove(struct tempdir *t);

#endif
