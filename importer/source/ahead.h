/* source/ahead.h: a walk that runs ahead of whoever asks it, in a thread of its own: while the entries at hand are matched and
 * compared, the names that come next are read and their files looked at.
 *
 * Entries and their order are those of the walk (source/walk.h), and so is what fails, after the entries before it. The
 * thread begins when a tree turns out to be large; where none can be had the walk goes on without. */
#ifndef WINDROW_SOURCE_AHEAD_H
#define WINDROW_SOURCE_AHEAD_H

#include "source/walk.h"

struct ahead;

/* As walk_open(). `threads`: may there be a thread? */
struct ahead *ahead_open(const char *const *roots, size_t n, const struct walk_options *options, bool threads, struct err *err);
/* As walk_next(); to be called by one thread at a time. */
int ahead_next(struct ahead *a, struct entry *ret, struct err *err);
/* Accepts NULL; at any time. */
void ahead_close(struct ahead *a);

#endif
