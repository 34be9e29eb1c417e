/* A second thread that listens for the user's wish to stop while the first waits for the database. */
#include "maintain/maintain_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct cancel {
    const struct maintain_options *o;
    struct db *db;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool end;
};

static void wait_a_tick(struct cancel *c)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += MAINTAIN_TICK_MS * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&c->ended, &c->mutex, &t);
}

/* Again and again: a cancel that comes between two statements hits nothing. */
static void *cancel_run(void *context)
{
    struct cancel *c = context;

    pthread_mutex_lock(&c->mutex);
    while (!c->end) {
        wait_a_tick(c);
        if (!c->end && maintain_stopped(c->o))
            db_cancel(c->db);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

struct cancel *cancel_begin(const struct maintain_options *o, struct db *db)
{
    struct cancel *c = o->stop ? calloc(1, sizeof *c) : NULL;
    pthread_condattr_t attr;

    if (!c)
        return NULL;
    c->o = o;
    c->db = db;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&c->thread, NULL, cancel_run, c) == 0)
        return c;
    pthread_cond_destroy(&c->ended);
    pthread_mutex_destroy(&c->mutex);
    free(c);
    return NULL;
}

void cancel_end(struct cancel *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    c->end = true;
    pthread_cond_signal(&c->ended);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->ended);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}
