/* source/walk.h: visit the files and directories below some roots, in byte order of their paths.
 *
 * The order depends on the names alone: root by root as given, and within a root by the bytes of the relative
 * path (a directory sorts as its name with '/' appended), so a resumed run meets the same files in the same
 * order. A directory comes before what is in it. Links are not followed, only regular files are files, every
 * step is an openat(O_NOFOLLOW), so neither the depth nor the length of a path is limited by PATH_MAX.
 * A directory that cannot be read is an entry with a reason, not the end of the walk. Memory is that of the
 * names in the open directories, descriptors are bounded.
 *
 * A root may also be a regular file: it is then the only entry, under its own name, and no skip list applies.
 * A root itself may be a link, since the user named it; it is no entry of its own. */
#ifndef WINDROW_SOURCE_WALK_H
#define WINDROW_SOURCE_WALK_H

#include "base/err.h"
#include "source/entry.h"
#include "source/pattern.h"

struct walk_options {
    const struct pattern *const *skip;  /* an entry that matches is not taken; a directory not entered */
    size_t n_skip;
    bool directories;                   /* give out ENTRY_DIRECTORY entries too */
};

struct walk;

/* Start below `roots`, which are copied; the skip list is lent until walk_close(), `options` may be NULL. NULL on
 * failure (ERR_RUN, W0304), also when a root is missing or cannot be read; ends with walk_close(). */
struct walk *walk_open(const char *const *roots, size_t n, const struct walk_options *options, struct err *err);

/* Step to the next entry: 1 and *ret filled, 0 at the end, -1 on failure, after which only walk_close() is left.
 * Skipped entries are given out with their reason. ret->path and ret->message are borrowed until the next
 * walk_next() or walk_close(). */
int walk_next(struct walk *w, struct entry *ret, struct err *err);
void walk_close(struct walk *w);

/* Open files by the paths a walk gave, step by step and without following links; keeps the directories of the
 * last path open, so that neighbours cost one openat() each. Only regular files are opened (else ERR_FILE,
 * W0301 or W0305). Not shared between threads. */
struct opener;
struct opener *opener_new(const char *const *roots, size_t n, struct err *err);
/* Returns a descriptor for the caller to close, or -1. *size and *mtime_ns are those of the open file. */
int opener_open(struct opener *o, uint32_t root, struct str path, uint64_t *size, int64_t *mtime_ns,
                struct err *err);
void opener_free(struct opener *o);

#endif
