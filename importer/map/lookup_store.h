/* map/lookup_store.h: the entries of an index that has outgrown its share of memory, in two temporary files.
 *
 * Entries are added one after the other; lookup_store_end() sorts their places by the hash of the key, in runs that are then
 * merged, and from there on a key is found with one read of the places and one for each entry. In memory are one place in
 * 256 and a bit for each entry. The files have no name and go with the process. They lie in TMPDIR, else in /tmp; what fails
 * there is W0310. */
#ifndef WINDROW_MAP_LOOKUP_STORE_H
#define WINDROW_MAP_LOOKUP_STORE_H

#include "map/lookup_internal.h"

struct lookup_store;

/* `memory` bounds what is gathered before it is written; `n_prefer` is that of all entries. NULL on failure. */
struct lookup_store *lookup_store_new(size_t memory, size_t n_prefer, struct err *err);
void lookup_store_free(struct lookup_store *s);

/* Nothing of `e` is needed afterwards but the file it points to. */
int lookup_store_add(struct lookup_store *s, const struct index_entry *e, struct err *err);
int lookup_store_end(struct lookup_store *s, struct err *err);

/* What stands under a key counts as asked for from then on. */

/* The best entry, in the order in which they were added: `e` is taken when it is better than the best before it. 1 with
 * *ret, made in `a`; 0 when there is none. */
int lookup_store_best(struct lookup_store *s, uint64_t hash, struct str key,
                      bool (*better)(void *context, const struct index_entry *e, const struct index_entry *best), void *context,
                      struct index_entry *ret, struct arena *a, struct err *err);
/* All entries in the order in which they were added, made in `a`. */
int lookup_store_all(struct lookup_store *s, uint64_t hash, struct str key, struct arena *a, struct index_entry **ret, size_t *n,
                     struct err *err);

/* Each key that nothing asked for, once. The callback's -1 stops. */
int lookup_store_each(struct lookup_store *s, int (*found)(void *context, uint64_t hash, struct str key, struct err *err),
                      void *context, struct err *err);
void lookup_store_forget_asked(struct lookup_store *s);

/* Bytes of memory that it holds. */
size_t lookup_store_held(const struct lookup_store *s);

#endif
