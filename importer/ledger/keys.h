/* ledger/keys.h: which keys a chunk wrote, packed for the ledger: what undo, trace and loading a changed file again need. */
#ifndef WINDROW_LEDGER_KEYS_H
#define WINDROW_LEDGER_KEYS_H

#include "base/buf.h"
#include "base/err.h"

/* One row's key: table, file (ordinal in the unit), line (of a part of a file from its first), the key in the sink's form. */
struct keys_item {
    struct str table;
    uint32_t file;
    uint64_t line;
    struct str key;
};

/* A packed list: sections, one for each table, written one after the other. */
struct keys_writer {
    struct buf bytes;
    struct str table;       /* of the open section */
    uint64_t last_line;
};
int keys_add(struct keys_writer *w, const struct keys_item *item);

struct keys_reader {
    struct str rest;
    struct str table;
    uint64_t last_line;
};
/* 1 with the next item, 0 at the end, -1 when the bytes are damaged (ERR_RUN). Lent from the packed bytes. */
int keys_next(struct keys_reader *r, struct keys_item *ret, struct err *err);

#endif
