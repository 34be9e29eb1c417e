/* run/mended.h: a file of `rejects export`, mended by hand: what each reject's record is to be instead. */
#ifndef WINDROW_RUN_MENDED_H
#define WINDROW_RUN_MENDED_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mended;
struct mended *mended_open(const char *path, struct err *err);
/* True with the bytes, lent until mended_free(). */
bool mended_find(const struct mended *m, int64_t id, struct str *ret);
size_t mended_count(const struct mended *m);
void mended_free(struct mended *m);

#endif
