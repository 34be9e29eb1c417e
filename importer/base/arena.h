/* base/arena.h: memory that goes all at once.
 *
 * What lives as long as a record, a chunk or a mapping lives in an arena. `= {0}` is an empty one.
 * Nothing is freed singly; arena_reset() keeps one block for the next round. */
#ifndef WINDROW_BASE_ARENA_H
#define WINDROW_BASE_ARENA_H

#include "base/str.h"

struct arena_block;
struct arena {
    struct arena_block *blocks; /* the newest first */
    char *at, *end;             /* the free part of the newest */
    size_t total;               /* bytes held from malloc */
    bool modest;                /* blocks begin small: for one of many that live side by side and are never reset */
};

void *arena_alloc_slow(struct arena *a, size_t size);

/* `size` bytes aligned to 8, not cleared; NULL when out of memory. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
    char *p = a->at;

    size = (size + 7) & ~(size_t)7;
    if (size > (size_t)(a->end - a->at))
        return arena_alloc_slow(a, size);
    a->at += size;
    return p;
}

/* The same, cleared, for `n` items; NULL also when n * size overflows. */
void *arena_calloc(struct arena *a, size_t n, size_t size);

/* Copies that end in NUL. */
char *arena_dup(struct arena *a, struct str s);
struct str arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void arena_reset(struct arena *a);
void arena_release(struct arena *a);

#endif
