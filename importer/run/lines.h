/* run/lines.h: how many lines and records stand before a part of a large file. Counted when somebody asks, block by
 * block, once for all workers; a file of which nobody asks is never counted. */
#ifndef WINDROW_RUN_LINES_H
#define WINDROW_RUN_LINES_H

#include "base/err.h"

#include <stdint.h>

struct lines;   /* thread-safe */
struct lines *lines_new(void);
void lines_free(struct lines *l);

/* For the first line that begins at or after byte `from` of the file: its number (from 1), and how many lines before it
 * are not blank. `fd` is the open file; (root, path) names it. */
int lines_before(struct lines *l, uint32_t root, struct str path, int fd, uint64_t from, uint64_t *line, uint64_t *index,
                 struct err *err);

#endif
