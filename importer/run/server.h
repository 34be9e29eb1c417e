/* run/server.h: a PostgreSQL server of our own, for checks: made in a temporary directory, reachable through its socket
 * alone, without a promise to keep anything, gone at the end. Also when we are killed: it dies with its parent. */
#ifndef WINDROW_RUN_SERVER_H
#define WINDROW_RUN_SERVER_H

#include "base/buf.h"
#include "base/err.h"

struct server;

/* Are the programs installed? Below WINDROW_PG_BINDIR, else the newest in /usr/lib/postgresql/N/bin. */
bool server_available(void);
/* What it has: one empty database, and the role that owns it. */
struct server_options {
    const char *name;           /* of both */
    bool creates;               /* the role may make other databases; else it can do nothing outside of its own */
    bool in_memory;             /* in /dev/shm, if there is room and TMPDIR does not name another place */
    const char *text;           /* clauses of CREATE DATABASE for encoding and locale; NULL: UTF-8 */
    const char *otherwise;      /* those that are taken when the first are not to be had here */
};
/* NULL on failure (W0617), or W0612 when a signal asks for the end. */
struct server *server_start(const struct server_options *o, struct err *err);
bool server_other_text(const struct server *s);
/* For db_open(): that database. */
const char *server_target(const struct server *s);
/* The directory that its socket is in. */
const char *server_host(const struct server *s);
/* Has it ended, without being asked to? */
bool server_ended(struct server *s);
void server_stop(struct server *s);     /* accepts NULL */

#endif
