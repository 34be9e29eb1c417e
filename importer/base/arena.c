/* Block allocation behind base/arena.h. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES = 32 * 1024, FIRST_BYTES = 1024 };

struct arena_block {
    struct arena_block *older;
    size_t size;
    char bytes[];
};

/* Of modest ones each block is as large as all before it. */
static size_t next_block(const struct arena *a)
{
    if (!a->modest || a->total > BLOCK_BYTES)
        return BLOCK_BYTES;
    return a->total > FIRST_BYTES ? a->total : FIRST_BYTES;
}

void *arena_alloc_slow(struct arena *a, size_t size)
{
    size_t want = next_block(a) > size ? next_block(a) : size;
    struct arena_block *block;

    if (size > SIZE_MAX - sizeof *block)
        return NULL;
    block = malloc(sizeof *block + want);
    if (!block)
        return NULL;
    block->size = want;
    a->total += want;
    block->older = a->blocks;
    a->blocks = block;
    a->at = block->bytes + size;
    a->end = block->bytes + want;
    return block->bytes;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    p = arena_alloc(a, bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

char *arena_dup(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);

    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *copy = arena_dup(a, s);

    return str_make(copy, copy ? s.len : 0);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    char *text;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !(text = arena_alloc(a, (size_t)n + 1)))
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}

/* Keep the oldest block, which has the common size; the others were for a peak. */
void arena_reset(struct arena *a)
{
    struct arena_block *block = a->blocks;

    if (!block)
        return;
    while (block->older) {
        struct arena_block *older = block->older;

        a->total -= block->size;
        free(block);
        block = older;
    }
    a->blocks = block;
    a->at = block->bytes;
    a->end = block->bytes + block->size;
}

void arena_release(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *older = a->blocks->older;

        free(a->blocks);
        a->blocks = older;
    }
    *a = (struct arena){0};
}
