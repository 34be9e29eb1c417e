/* base/stop.h: SIGINT, SIGTERM and SIGHUP.
 *
 * The first asks for an end: the chunk in hand is finished. With the second nobody waits any longer, for the database
 * either: loops over rows, bytes and answers give up with W0612, what is open is rolled back, and only a short time
 * is left to tell the database. The third ends the process. */
#ifndef WINDROW_BASE_STOP_H
#define WINDROW_BASE_STOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum stop { STOP_NO = 0, STOP_SOON, STOP_NOW };

/* Install the handlers; SIGPIPE and SIGXFSZ become errors of write(). */
void stop_install(void);
/* What the first signal writes to stderr at once, so that whoever waits knows for what. It must live on; NULL: nothing. */
void stop_say(const char *line);

enum stop stop_requested(void);
static inline bool stop_now(void) { return stop_requested() == STOP_NOW; }
/* Always -1. */
int stop_fail(struct err *err);
/* The end of every wait, in milliseconds of CLOCK_MONOTONIC; UINT64_MAX until the second signal. */
uint64_t stop_deadline_ms(void);

#endif
