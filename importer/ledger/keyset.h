/* ledger/keyset.h: the keys that some files wrote before, to tell which of them are there still.
 *
 * First all keys are added, then they are looked up and marked, then they are gone through. A set takes
 * about `memory` bytes; beyond that it goes on in temporary files without a name (TMPDIR, else /tmp), which end with the
 * process however that ends. Failures are ERR_RUN: W0601, or W0619 for the temporary files. */
#ifndef WINDROW_LEDGER_KEYSET_H
#define WINDROW_LEDGER_KEYSET_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/* Bytes by their place: in memory, or in a file. */
struct keyset_bytes {
    struct buf memory;      /* all; of a file: what is not written yet, from `written` on */
    bool in_file;
    int fd;
    uint64_t written;
};

struct keyset {
    size_t most;            /* bytes of memory; 0: no bound */
    struct keyset_bytes log, slots;
    struct buf tables;      /* their names, each behind its length */
    struct buf scratch;
    uint64_t n, n_slots;    /* n_slots 0: keys are being added */
    unsigned char seed[16];
};

struct keyset_item {
    struct str table, key;  /* lent until the next call */
    uint32_t file;          /* as given to keyset_add() */
    uint8_t marks;          /* 0 at first; what they mean is the caller's business */
    uint64_t at;
};

/* `= {0}` is an empty set without a bound. */
void keyset_release(struct keyset *s);
static inline uint64_t keyset_count(const struct keyset *s) { return s->n; }
/* Of two keys that are equal the first counts; the second is not gone through. Not after the first look. */
int keyset_add(struct keyset *s, struct str table, struct str key, uint32_t file, struct err *err);
/* 1, 0 when it is not in the set, -1. `table` and `key` of *ret are those given. */
int keyset_find(struct keyset *s, struct str table, struct str key, struct keyset_item *ret, struct err *err);
int keyset_mark(struct keyset *s, const struct keyset_item *item, uint8_t marks, struct err *err);

/* Go through the items of a table in the order in which they were added, beginning with `= {0}`; marks made meanwhile may
 * not be seen. 1, 0 at the end, -1. */
struct keyset_walk {
    uint64_t at, from;
    struct buf piece;       /* of the log, from `from` on */
};
int keyset_next(struct keyset *s, struct keyset_walk *w, struct str table, struct keyset_item *ret, struct err *err);
void keyset_walk_release(struct keyset_walk *w);

#endif
