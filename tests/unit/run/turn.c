/* Units are committed in their order, whoever was ready first; and nobody waits for ever. */
#include "run/run_internal.h"
#include "tap.h"

#include <time.h>

enum { JOBS = 4, ROUNDS = 200 };

static struct run run;
static struct worker workers[JOBS];
static int64_t next_unit, committed[JOBS * ROUNDS];
static size_t n_committed;

static void setup(unsigned jobs)
{
    static int64_t claimed[JOBS];

    memset(claimed, 0, sizeof claimed);
    run = (struct run){.jobs = jobs, .claimed = claimed};
    pthread_mutex_init(&run.lock, NULL);
    pthread_mutex_init(&run.claim_lock, NULL);
    pthread_cond_init(&run.changed, NULL);
    next_unit = 0;
    n_committed = 0;
    for (unsigned i = 0; i < JOBS; i++)
        workers[i] = (struct worker){.run = &run, .number = i};
}

/* As a worker does: claim in order, take some time, commit when it is its turn. */
static void *work(void *context)
{
    struct worker *w = context;
    struct err err = {0};
    unsigned seed = w->number;

    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&run.claim_lock);
        w->unit.id = ++next_unit;
        turn_claim(w);
        pthread_mutex_unlock(&run.claim_lock);
        seed = seed * 1103515245 + 12345;
        nanosleep(&(struct timespec){0, (long)(seed >> 16 & 0xff) * 1000}, NULL);
        if (turn_wait(w, &err) < 0)
            break;
        pthread_mutex_lock(&run.lock);
        committed[n_committed++] = w->unit.id;
        pthread_mutex_unlock(&run.lock);
        turn_end(w);
    }
    err_release(&err);
    return NULL;
}

static void test_order(void)
{
    pthread_t threads[JOBS];
    size_t wrong = 0;

    setup(JOBS);
    for (unsigned i = 0; i < JOBS; i++)
        pthread_create(&threads[i], NULL, work, &workers[i]);
    for (unsigned i = 0; i < JOBS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < n_committed; i++)
        wrong += committed[i] != (int64_t)i + 1;
    is_int((long long)n_committed, JOBS * ROUNDS, "every unit has its turn");
    is_int((long long)wrong, 0, "in the order in which they were claimed");
}

static void claim(unsigned worker, int64_t unit)
{
    workers[worker].unit.id = unit;
    turn_claim(&workers[worker]);
}

static void test_claims(void)
{
    setup(2);
    claim(0, 7);
    ok(turn_claimed(&workers[1], 7), "a unit that another worker has is known");
    ok(!turn_claimed(&workers[0], 7), "one's own is not in one's way");
    turn_end(&workers[0]);
    ok(!turn_claimed(&workers[1], 7), "nor is one that has ended");
}

static void test_end(void)
{
    struct err err = {0};

    setup(1);
    claim(0, 2);
    is_int(turn_wait(&workers[0], &err), 0, "one worker waits for nobody");
    setup(2);
    claim(0, 1);
    claim(1, 2);
    err_set(&run.failure, ERR_RUN, W0601, "failed");
    ok(turn_wait(&workers[1], &err) < 0 && err.code == W0612, "who waits for a unit of a run that has failed is told");
    err_release(&err);
    err_release(&run.failure);
}

int main(void)
{
    test_order();
    test_claims();
    test_end();
    return done_testing();
}
