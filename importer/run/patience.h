/* run/patience.h: how often, and for how long, a failure that passes is tried again. What is known of that is known here.
 *
 * A server that is not there is tried for a minute, so that it can recover from a crash. A lost session, a deadlock, a
 * serialization failure, a lock that was waited for in vain: seven times more; a file that changed while it was read: once
 * more. The pauses grow from 25 ms to 2 s and differ by chance, so that workers do not meet again. Whoever gets something
 * through starts anew with {0}. */
#ifndef WINDROW_RUN_PATIENCE_H
#define WINDROW_RUN_PATIENCE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct patience {
    unsigned failures, refusals;    /* refusals: those that came from a server that was there */
    uint64_t since_ms;              /* the first of them */
};

/* May this failure be tried again? Then true, after the pause. False as well when a signal asks for the end. */
bool patience_again(struct patience *p, const struct err *err);

#endif
