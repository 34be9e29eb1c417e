/* map/lookup_internal.h: shared by lookup.c (files), lookup_document.c, lookup_fact.c, lookup_index.c, lookup_build.c and
 * lookup_store.c. */
#ifndef WINDROW_MAP_LOOKUP_INTERNAL_H
#define WINDROW_MAP_LOOKUP_INTERNAL_H

#include "map/lookup.h"

struct lookup_store;

struct lookup_document {
    struct lookup_document *older;
    char *path;
    int ordinal;
    uint32_t root;
    uint64_t used;              /* the clock when it was asked last */
    uint64_t held;              /* bytes of memory */
    const struct reader_ops *reader_ops;
    struct reader *reader;      /* keeps the text that `value` lends from */
    struct value value;         /* ABSENT: could not be read */
};

struct index_entry {
    struct str key;
    uint64_t hash;
    const struct entry *file;   /* NULL: an item of a document */
    uint32_t len;
    uint64_t byte, line;
    bool kept;                  /* `value` holds the entry; else it is read again from its place */
    bool asked;
    struct value value;
    struct value *prefer;
    size_t next;                /* duplicates: all; the next best with this key, + 1. Of a store: its place there */
};

struct lookup_index {
    struct lookup_index *older;
    const struct program_index *source;
    int ordinal;
    char *captures;             /* what it is bound to */
    struct arena arena;
    struct index_entry *entries;
    size_t n, capacity;
    size_t *slots;              /* hash table of entry numbers + 1 */
    size_t n_slots;
    bool asked;
    struct err unread;          /* of a record that is there and was too large: whoever asks is refused */
    struct lookup_store *store; /* where the entries are, when they have outgrown the memory; else NULL */
};

/* A parser that holds one index entry for the row that asked. */
struct lookup_parsed {
    const struct lookup_index *index;
    const struct entry *file;   /* and byte: the entry */
    uint64_t byte;
    struct json_parser *parser;
    struct buf text;
    struct value value;
};
enum { LOOKUP_POOL = 16, LOOKUP_TOLD = 1000 };

struct lookup {
    const struct program *p;
    struct opener *opener;
    const struct evaluate_out *out;
    struct evaluate_clock now;
    const struct entry *files;
    size_t n_files;
    const struct entry *globals;    /* seen by all groups */
    size_t n_globals;
    size_t memory;                  /* for documents; half of it again for indexes */
    uint64_t clock, row_clock;      /* row_clock: when the row began; what was asked since is lent */
    bool building;                  /* an index: documents asked since built_from, but before built_to, are not lent any more */
    uint64_t built_from, built_to;
    struct lookup_document *documents;  /* a list */
    struct lookup_index *indexes;   /* a list */
    struct lookup_parsed pool[LOOKUP_POOL];
    size_t n_pool;                  /* used by the current row */
    struct arena row_arena;         /* for entries beyond the pool */
    struct buf fact_text;
    struct str fact_path;
    uint32_t fact_root;
    struct buf path;
    uint64_t told[LOOKUP_TOLD];     /* of this group: places, hashed */
    size_t n_told;
};

/* Call `found` for every file of the group, or with `global` of those outside of all groups, that matches, in order of paths. */
int lookup_siblings(struct lookup *l, const struct pattern *pattern, bool global, const struct lookup_captures *captures,
                    int (*found)(void *context, const struct entry *file, const struct str *captures, struct err *err),
                    void *context, struct err *err);
/* Does a rule read this file? Then it reports what is wrong with it. */
bool lookup_is_read(const struct lookup *l, const struct entry *file);
/* Tell what is wrong with a sibling, but not again when another index or document has met it. Empties e. */
void lookup_tell(struct lookup *l, struct err *e);
/* Open a sibling for reading; in->fd is the caller's. */
int lookup_open(struct lookup *l, const struct entry *file, struct input *in, struct err *err);
/* lookup_build.c: fill an index that was just made. */
int lookup_build(struct lookup *l, struct lookup_index *index, const struct lookup_captures *captures, struct err *err);
/* The slot of a key: 0, or the entry's number + 1. */
size_t *lookup_find_slot(const struct lookup_index *index, uint64_t hash, struct str key);
/* Better than the best so far, if they come in order of arrival. */
bool lookup_is_better(const struct lookup_index *index, const struct index_entry *e, const struct index_entry *best);
void lookup_insert_among(struct lookup_index *index, size_t *head, size_t added);
/* Bytes of memory of all indexes. */
size_t lookup_indexes_held(const struct lookup *l);
/* Forget all documents. */
void lookup_documents_release(struct lookup *l);
/* Forget all indexes; at the end of a `group` report entries nobody asked for, and keep what is the same for all groups. */
void lookup_indexes_release(struct lookup *l, bool group);
void lookup_pool_release(struct lookup *l);

#endif
