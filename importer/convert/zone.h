/* convert/zone.h: time zones by their IANA names, from the system's zoneinfo files (RFC 8536). */
#ifndef WINDROW_CONVERT_ZONE_H
#define WINDROW_CONVERT_ZONE_H

#include "base/err.h"

struct zone;

/* "UTC", "Europe/Berlin", "+02:00". NULL with a message (ERR_RUN, W0240) when there is no such zone. The files are
 * those below TZDIR, or /usr/share/zoneinfo. A zone is never written again, so threads may share it. */
struct zone *zone_open(struct str name, struct err *err);
void zone_close(struct zone *z);

/* A wall clock time (microseconds as if it were UTC) to UTC. 0; 1 when the time occurs twice (the earlier is
 * given); -1 when it does not occur (the time after the gap is given, later by the length of the gap). */
int zone_to_utc(const struct zone *z, int64_t wall_us, int64_t *utc_us);
/* The other way: the offset from UTC in seconds at this instant. */
int32_t zone_offset(const struct zone *z, int64_t utc_us);

#endif
