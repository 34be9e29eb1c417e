/* The budget of second tries, see run/patience.h. */
#include "run/patience.h"

#include "base/stop.h"
#include "sink/db.h"

#include <stdlib.h>
#include <time.h>

enum { AWAY_MS = 60 * 1000, REFUSALS_MAX = 8, PAUSE_MS = 25, PAUSE_MS_MAX = 2000, LOOK_MS = 100 };

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A test build can be told to lose it sooner. */
static uint64_t away_ms(void)
{
#ifdef WINDROW_FAILPOINTS
    const char *given = getenv("WINDROW_PATIENCE_MS");

    if (given)
        return strtoull(given, NULL, 10);
#endif
    return AWAY_MS;
}

/* PAUSE_MS, twice that, ... to PAUSE_MS_MAX; of that between a half and the whole. */
static unsigned pause_of(unsigned failures, uint64_t now)
{
    unsigned whole = PAUSE_MS;

    while (--failures && whole < PAUSE_MS_MAX)
        whole *= 2;
    whole = whole < PAUSE_MS_MAX ? whole : PAUSE_MS_MAX;
    return whole / 2 + (unsigned)(now * 2654435761u % (whole / 2));
}

static bool rest(unsigned ms)
{
    while (ms && !stop_requested()) {
        unsigned part = ms < LOOK_MS ? ms : LOOK_MS;

        nanosleep(&(struct timespec){0, (long)part * 1000000}, NULL);
        ms -= part;
    }
    return !stop_requested();
}

bool patience_again(struct patience *p, const struct err *err)
{
    uint64_t now = now_ms();

    if (p->failures++ == 0)
        p->since_ms = now;
    if (!db_absent(err))
        p->refusals++;
    if (err->code == W0605 ? p->refusals > 1 : !db_transient(err) && err->scope != ERR_RECORD)
        return false;
    if (p->refusals >= REFUSALS_MAX || ((db_absent(err) || db_lost(err)) && now - p->since_ms >= away_ms()))
        return false;
    return rest(pause_of(p->failures, now));
}
