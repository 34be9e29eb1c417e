/* Units are mapped side by side and committed in their order, so that of two rows with the same key the one that comes first
 * in the source is there first, whatever the number of workers. */
#include "run/run_internal.h"

#include "sink/db.h"

#include <time.h>

enum { LOOK_MS = 20 };

bool turn_claimed(const struct worker *w, int64_t unit)
{
    struct run *run = w->run;
    bool found = false;

    pthread_mutex_lock(&run->lock);
    for (unsigned i = 0; i < run->jobs && !found; i++)
        found = i != w->number && run->claimed[i] == unit;
    pthread_mutex_unlock(&run->lock);
    return found;
}

void turn_claim(struct worker *w)
{
    pthread_mutex_lock(&w->run->lock);
    w->run->claimed[w->number] = w->unit.id;
    pthread_mutex_unlock(&w->run->lock);
}

void turn_end(struct worker *w)
{
    pthread_mutex_lock(&w->run->lock);
    w->run->claimed[w->number] = 0;
    pthread_cond_broadcast(&w->run->changed);
    pthread_mutex_unlock(&w->run->lock);
}

/* With the lock. */
static bool is_first(const struct worker *w)
{
    for (unsigned i = 0; i < w->run->jobs; i++) {
        if (w->run->claimed[i] && w->run->claimed[i] < w->unit.id)
            return false;
    }
    return true;
}

/* Does somebody wait for a lock of ours? Then an earlier unit has met a key that we have written and not committed: it has to
 * go first, and we write again after it. */
static int give_way(struct worker *w, struct err *err)
{
    struct db_result r = {0};
    bool waited;

    if (db_query(w->run->ops->db(w->sink), "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
                 " LIMIT 1", NULL, 0, &r, err) < 0)
        return -1;
    waited = r.n_rows > 0;
    db_result_release(&r);
    if (!waited)
        return 0;
    err_set(err, ERR_RUN, W0502, "an earlier part of the source has a row of the same key and goes first");
    return db_set_state(err, "40001");
}

int turn_wait(struct worker *w, struct err *err)
{
    struct run *run = w->run;
    bool first, failed;

    if (run->jobs == 1 || w->replay)
        return 0;
    for (;;) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&run->lock);
        if (!is_first(w) && !run->failure.scope)
            pthread_cond_timedwait(&run->changed, &run->lock, &until);
        first = is_first(w);
        failed = run->failure.scope != 0;
        pthread_mutex_unlock(&run->lock);
        if (stop_now())
            return stop_fail(err);
        if (failed)
            return err_set(err, ERR_RUN, W0612, "the run has ended");
        if (first)
            return 0;
        if (w->begun && run->ledger && run->ops->streams && give_way(w, err) < 0)
            return -1;
    }
}
