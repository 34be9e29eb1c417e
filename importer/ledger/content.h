/* ledger/content.h: what bytes a file, or a part of it, consists of: so that "the same bytes" can be told from "the same size
 * and time". */
#ifndef WINDROW_LEDGER_CONTENT_H
#define WINDROW_LEDGER_CONTENT_H

#include "base/err.h"

#include <stdint.h>

enum { CONTENT_HASH = 16 };

/* The hash of bytes [from, to) of an open file. ERR_FILE when it cannot be read or is shorter. */
int content_hash(int fd, uint64_t from, uint64_t to, unsigned char ret[CONTENT_HASH], struct err *err);

#endif
