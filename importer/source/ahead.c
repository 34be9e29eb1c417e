/* A ring of batches between the thread that walks and the one that asks: a full one is the reader's until it is given back. */
#include "source/ahead.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdlib.h>

enum { BATCHES = 4, BATCH_ENTRIES = 256, BATCH_BYTES = 64 << 10, ENTRIES_BEFORE = 1000 };

struct batch {
    struct entry entries[BATCH_ENTRIES];
    size_t n;
    struct arena texts;
    int after;                  /* what the walk answers behind them: 1 when more follows */
    struct err err;
};

struct ahead {
    struct walk *walk;          /* the thread's, while there is one */
    size_t before;              /* entries to be given out before there is one */
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t filled, given_back;  /* under the lock, as the next: batches so far */
    bool closing;
    struct batch batches[BATCHES];
    struct batch *hand;         /* the reader's, or NULL */
    size_t at;                  /* in it */
};

/* 1 with *ret in the batch, or the walk's answer. */
static int fill_one(struct walk *walk, struct batch *b, struct entry *ret)
{
    int got = walk_next(walk, ret, &b->err);

    if (got != 1)
        return got;
    ret->path = arena_str(&b->texts, ret->path);
    if (ret->message)
        ret->message = arena_dup(&b->texts, str_of(ret->message));
    return ret->path.at && (ret->message || ret->reason != ENTRY_UNREADABLE) ? 1 : err_oom(&b->err);
}

static void fill(struct walk *walk, struct batch *b)
{
    size_t bytes = 0;

    arena_reset(&b->texts);
    b->n = 0;
    b->after = 1;
    while (b->n < BATCH_ENTRIES && bytes < BATCH_BYTES && b->after == 1) {
        b->after = fill_one(walk, b, &b->entries[b->n]);
        if (b->after == 1)
            bytes += b->entries[b->n++].path.len;
    }
}

/* NULL when nobody wants one any more. */
static struct batch *next_empty(struct ahead *a)
{
    struct batch *ret = NULL;

    pthread_mutex_lock(&a->lock);
    while (a->filled - a->given_back == BATCHES && !a->closing)
        pthread_cond_wait(&a->changed, &a->lock);
    if (!a->closing)
        ret = &a->batches[a->filled % BATCHES];
    pthread_mutex_unlock(&a->lock);
    return ret;
}

static void count(struct ahead *a, size_t *which)
{
    pthread_mutex_lock(&a->lock);
    ++*which;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static void *run_ahead(void *context)
{
    struct ahead *a = context;
    struct batch *b;
    int after = 1;

    while (after == 1 && (b = next_empty(a))) {
        fill(a->walk, b);
        after = b->after;       /* the reader's from here on */
        count(a, &a->filled);
    }
    return NULL;
}

static struct batch *wait_for_full(struct ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->filled == a->given_back)
        pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    return &a->batches[a->given_back % BATCHES];
}

static int next_of_batches(struct ahead *a, struct entry *ret, struct err *err)
{
    while (!a->hand || a->at == a->hand->n) {
        if (a->hand && a->hand->after != 1) {
            err_move(err, &a->hand->err);
            return a->hand->after;
        }
        if (a->hand)
            count(a, &a->given_back);
        a->hand = wait_for_full(a);
        a->at = 0;
    }
    *ret = a->hand->entries[a->at++];
    return 1;
}

struct ahead *ahead_open(const char *const *roots, size_t n, const struct walk_options *options, bool threads, struct err *err)
{
    struct ahead *a = calloc(1, sizeof *a);

    if (!a) {
        err_oom(err);
        return NULL;
    }
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->before = threads ? ENTRIES_BEFORE : SIZE_MAX;
    a->walk = walk_open(roots, n, options, err);
    if (a->walk)
        return a;
    ahead_close(a);
    return NULL;
}

int ahead_next(struct ahead *a, struct entry *ret, struct err *err)
{
    if (a->before == 0 && !a->threaded) {
        a->threaded = pthread_create(&a->thread, NULL, run_ahead, a) == 0;
        a->before = SIZE_MAX;
    }
    if (a->threaded)
        return next_of_batches(a, ret, err);
    a->before--;
    return walk_next(a->walk, ret, err);
}

void ahead_close(struct ahead *a)
{
    if (!a)
        return;
    if (a->threaded) {
        pthread_mutex_lock(&a->lock);
        a->closing = true;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    walk_close(a->walk);
    for (size_t i = 0; i < BATCHES; i++) {
        arena_release(&a->batches[i].texts);
        err_release(&a->batches[i].err);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
