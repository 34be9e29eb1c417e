/* run/replica.h: a target's tables, empty, built again in a throw-away database.
 *
 * What cannot be built there is told, so that nobody takes it for checked. */
#ifndef WINDROW_RUN_REPLICA_H
#define WINDROW_RUN_REPLICA_H

#include "convert/catalog.h"
#include "sink/db.h"

struct replica_out {
    void *context;
    /* "check constraint people_age of public.people", and why. */
    void (*missing)(void *context, struct str what, const char *why);
};

/* The same engine on both sides, by the definitions of the target: tables and what stands on them, with all that they need. */
int replica_build(struct db *target, struct db *scratch, const struct replica_out *out, struct err *err);

/* Into SQLite, from a catalogue of either engine: columns with their types, NOT NULL, keys, references, labels of enums. */
int replica_from_catalog(const struct catalog *c, struct db *scratch, const struct replica_out *out, struct err *err);

#endif
