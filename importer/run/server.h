/* run/server.h: a PostgreSQL server of our own, for checks: made in a temporary directory, reachable through its socket
 * alone, without a promise to keep anything, gone at the end. Also when we are killed: it dies with its parent. */
#ifndef WINDROW_RUN_SERVER_H
#define WINDROW_RUN_SERVER_H

#include "base/buf.h"
#include "base/err.h"

struct server;

/* Are the programs installed? Below WINDROW_PG_BINDIR, else the newest in /usr/lib/postgresql/N/bin. */
bool server_available(void);
/* NULL on failure (W0617), or W0612 when a signal asks for the end. It has one empty database, that of a role which may do
 * nothing outside of it. `text` are the clauses of CREATE DATABASE for its encoding and locale, "" for UTF-8; `otherwise`
 * those that are taken when the first are not to be had here. */
struct server *server_start(const char *text, const char *otherwise, struct err *err);
bool server_other_text(const struct server *s);
/* For db_open(): that database. */
const char *server_target(const struct server *s);
void server_stop(struct server *s);     /* accepts NULL */

#endif
