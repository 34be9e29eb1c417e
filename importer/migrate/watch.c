/* Looks over the server's shoulder while an index is built: a second connection, opened only when a build takes
 * longer than a moment, reads pg_stat_progress_create_index and passes on what it says. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { LOOK_MS = 1000 };

struct watch {
    struct migrate *m;
    const struct migrate_step *step;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool end;
};

/* True when the watch is over. */
static bool wait_a_moment(struct watch *w)
{
    struct timespec t;
    bool end;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += LOOK_MS / 1000;
    pthread_mutex_lock(&w->mutex);
    while (!w->end && pthread_cond_timedwait(&w->ended, &w->mutex, &t) == 0)
        ;
    end = w->end;
    pthread_mutex_unlock(&w->mutex);
    return end;
}

static void look(struct watch *w, struct db *db)
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
    session_event(w->m, MIGRATE_INDEX, w->step, phase, (uint64_t)db_cell_int(&r, 0, 1),
                  (uint64_t)db_cell_int(&r, 0, 2));
}

static void *watch_run(void *context)
{
    struct watch *w = context;
    struct db_options o = {.wait_ms = 5000, .read_only = true, .application = "windrow schema progress"};
    struct db *db = NULL;

    while (!wait_a_moment(w)) {
        if (!db || !db_alive(db)) {
            db_close(db);
            db = db_open(w->m->o.target, &o, NULL);
        }
        if (db)
            look(w, db);
    }
    db_close(db);
    return NULL;
}

struct watch *watch_start(struct migrate *m, const struct migrate_step *step)
{
    pthread_condattr_t attr;
    struct watch *w;

    if (!m->o.event || db_engine(m->db) != DB_POSTGRESQL)
        return NULL;
    w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->m = m;
    w->step = step;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&w->thread, NULL, watch_run, w) != 0) {
        free(w);
        return NULL;
    }
    return w;
}

void watch_stop(struct watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    w->end = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
