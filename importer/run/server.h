/* run/server.h: a PostgreSQL server of our own, for checks: made in a temporary directory, reachable through its socket
 * alone, without a promise to keep anything, gone at the end. Also when we are killed: it dies with its parent. */
#ifndef WINDROW_RUN_SERVER_H
#define WINDROW_RUN_SERVER_H

#include "base/buf.h"
#include "base/err.h"

struct server;

/* Are the programs installed? Below WINDROW_PG_BINDIR, else the newest in /usr/lib/postgresql/N/bin. */
bool server_available(void);
/* NULL on failure (W0617). It has one empty database, that of a role which may do nothing outside of it. */
struct server *server_start(struct err *err);
/* For db_open(): that database. */
const char *server_target(const struct server *s);
void server_stop(struct server *s);     /* accepts NULL */

#endif
