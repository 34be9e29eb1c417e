/* The budget of second tries: which failures, how often, how long. */
#include "base/cleanup.h"
#include "run/patience.h"
#include "sink/db.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How often a failure that comes each time is tried again, 20 times at most. */
static unsigned tries(enum err_scope scope, enum code code, const char *state)
{
    struct patience p = {0};
    unsigned n = 0;

    for (; n < 20; n++) {
        CLEANUP(err_release) struct err err = {0};

        err_set(&err, scope, code, "failed");
        db_set_state(&err, state);
        if (!patience_again(&p, &err))
            break;
    }
    return n;
}

int main(void)
{
    double start = now();
    struct patience p = {0};
    CLEANUP(err_release) struct err lost = {0};

    setenv("WINDROW_PATIENCE_MS", "300", 1);    /* read by builds with failpoints */
    is_int(tries(ERR_RUN, W0517, "42501"), 0, "a missing right stays missing");
    is_int(tries(ERR_RUN, W0502, "08P01"), 0, "nonsense of the server comes again");
    is_int(tries(ERR_RUN, W0603, ""), 0, "who was overtaken does not try again");
    is_int(tries(ERR_RUN, W0605, ""), 1, "a changed file: once");
    err_set(&lost, ERR_RUN, W0501, "lost");
    db_set_state(&lost, "08006");
    start = now();
    ok(patience_again(&p, &lost) && now() - start < 0.5, "a lost connection is opened again at once");
    ok(patience_again(&p, &lost) && now() - start < 1, "the second pause is short, too");
    return done_testing();
}
