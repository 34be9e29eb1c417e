/* Looks over the server's shoulder while a statement runs and the runner's own thread waits for its answer: passes on
 * what pg_stat_progress_create_index says of an index build, over a second connection that is opened only when a build
 * takes longer than a moment. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { TICK_MS = 100, LOOK_MS = 1000 };

struct watch {
    struct migrate *m;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex: */
    const struct migrate_step *step;    /* of the statement that runs; NULL between statements */
    uint64_t look_ms;                   /* when to look next; 0: it builds no index */
    bool looking, end;
};

static void look(struct watch *w, const struct migrate_step *step, struct db *db)
{
    static const char sql[] =
        "SELECT phase, CASE WHEN tuples_total > 0 THEN tuples_done WHEN lockers_total > 0 THEN lockers_done"
        " ELSE blocks_done END, CASE WHEN tuples_total > 0 THEN tuples_total WHEN lockers_total > 0 THEN lockers_total"
        " ELSE blocks_total END FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1";
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value pid = db_int(w->m->backend);
    char phase[120];

    if (db_query(db, sql, &pid, 1, &r, NULL) < 0 || r.n_rows == 0)
        return;
    snprintf(phase, sizeof phase, "%.*s", STR_ARG(db_cell(&r, 0, 0)));
    session_event(w->m, MIGRATE_INDEX, step, phase, (uint64_t)db_cell_int(&r, 0, 1), (uint64_t)db_cell_int(&r, 0, 2));
}

/* With the mutex, which is given away meanwhile: watch_end() waits until nobody looks. */
static void look_unlocked(struct watch *w, struct db **db)
{
    const struct migrate_step *step = w->step;
    struct db_options o = {.wait_ms = 5000, .read_only = true, .application = "windrow schema progress"};

    w->looking = true;
    pthread_mutex_unlock(&w->mutex);
    if (!*db || !db_alive(*db)) {
        db_close(*db);
        *db = db_open(w->m->o.target, &o, NULL);
    }
    if (*db)
        look(w, step, *db);
    pthread_mutex_lock(&w->mutex);
    w->looking = false;
    w->look_ms = session_now_ms() + LOOK_MS;
    pthread_cond_broadcast(&w->changed);
}

static void wait_a_tick(struct watch *w)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += TICK_MS * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L;
    t.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&w->changed, &w->mutex, &t);
}

static void *watch_run(void *context)
{
    struct watch *w = context;
    struct db *db = NULL;

    pthread_mutex_lock(&w->mutex);
    while (!w->end) {
        if (!w->step) {
            pthread_cond_wait(&w->changed, &w->mutex);
            continue;
        }
        wait_a_tick(w);
        if (w->step && w->look_ms && session_now_ms() >= w->look_ms)
            look_unlocked(w, &db);
    }
    pthread_mutex_unlock(&w->mutex);
    db_close(db);
    return NULL;
}

struct watch *watch_open(struct migrate *m)
{
    pthread_condattr_t attr;
    struct watch *w;

    if (!m->o.event || db_engine(m->db) != DB_POSTGRESQL)
        return NULL;
    w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->m = m;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&w->thread, NULL, watch_run, w) != 0) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->mutex);
        free(w);
        return NULL;
    }
    return w;
}

void watch_close(struct watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->end = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

void watch_begin(struct watch *w, const struct migrate_step *step, bool builds_index)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->step = step;
    w->look_ms =
        builds_index && w->m->o.event && db_engine(w->m->db) == DB_POSTGRESQL ? session_now_ms() + LOOK_MS : 0;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void watch_end(struct watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->step = NULL;
    while (w->looking)
        pthread_cond_wait(&w->changed, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}
