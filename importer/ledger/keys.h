/* ledger/keys.h: which keys a chunk wrote, packed for the ledger: what undo, trace and loading a changed file again need. */
#ifndef WINDROW_LEDGER_KEYS_H
#define WINDROW_LEDGER_KEYS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

/* One row's key: table, file (ordinal in the unit), line, the key in the sink's form. */
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

/* A set of (table, key), for keys that were written before and may be gone now. */
struct keys_set {
    struct buf bytes;
    struct keys_set_entry *entries;
    size_t n, capacity;
    uint32_t *slots;
    size_t n_slots;
};
struct keys_set_entry {
    size_t at, table_len, key_len;
    uint64_t hash;
    uint32_t file;          /* of the unit that is being loaded: it had the row */
    bool present;           /* still there in the new state */
};
int keys_set_add(struct keys_set *s, struct str table, struct str key, uint32_t file);
/* NULL when it is not in the set; lent until the next keys_set_add(). */
struct keys_set_entry *keys_set_find(const struct keys_set *s, struct str table, struct str key);
void keys_set_release(struct keys_set *s);
static inline struct str keys_set_table(const struct keys_set *s, size_t i)
{
    return str_make(s->bytes.at + s->entries[i].at, s->entries[i].table_len);
}
static inline struct str keys_set_key(const struct keys_set *s, size_t i)
{
    return str_make(s->bytes.at + s->entries[i].at + s->entries[i].table_len, s->entries[i].key_len);
}

#endif
