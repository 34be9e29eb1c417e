/* sink/postgres.h: what the PostgreSQL sink needs beyond db.h: COPY, statements that are not kept, kinds of refusal.
 *
 * Only postgres.c knows libpq. Functions that talk to the server return 0; 1 when the server refused and the
 * connection is fine (err says why, scope ERR_RUN, with sqlstate); -1 when nothing can go on. */
#ifndef WINDROW_SINK_POSTGRES_H
#define WINDROW_SINK_POSTGRES_H

#include "convert/catalog.h"
#include "sink/db.h"

struct postgres;

/* `db` must be one of PostgreSQL. */
struct postgres *postgres_of(struct db *db);
struct db *postgres_db(struct postgres *p);

/* Statements that are parsed once and not kept; `ret` (may be NULL) is the result of the last. */
int postgres_run(struct postgres *p, const char *sql, struct db_result *ret, struct err *err);

/* COPY ... FROM STDIN: start (`sql` may have other statements around it), send as often as liked, end or cancel.
 * Sending returns as soon as the bytes are on their way; it waits only when much is still unsent. */
int postgres_copy_start(struct postgres *p, const char *sql, struct err *err);
int postgres_copy_send(struct postgres *p, const char *bytes, size_t len, struct err *err);
/* *rows is what the server counted. */
int postgres_copy_end(struct postgres *p, uint64_t *rows, struct err *err);
/* The server forgets what was sent; the transaction has failed then. 0 or -1. */
int postgres_copy_cancel(struct postgres *p, const char *reason, struct err *err);

/* After a refused COPY: the line of it that the server named, from 1; 0 when it named none. */
uint64_t postgres_copy_line(const struct postgres *p);

/* What the server named in its last refusal; "" for what it did not name, or not in so few bytes. */
struct postgres_refusal {
    char sqlstate[6], constraint[64], column[64];
};
const struct postgres_refusal *postgres_refusal(const struct postgres *p);
/* Fill one; names may be NULL. */
void postgres_name_refusal(const char *sqlstate, const char *constraint, const char *column, struct postgres_refusal *ret);

/* Fill err (ERR_RUN) with what the server said; all but the SQLSTATE and the message may be NULL. */
void postgres_quote(struct err *err, const char *sqlstate, const char *message, const char *detail, const char *hint,
                    const char *constraint);

/* Can a row be the reason for this SQLSTATE (constraints, values, errors raised by triggers)? */
bool postgres_blames_row(const char *sqlstate);
/* Turn such a failure into one of the row: scope ERR_RECORD and the code of its class. */
void postgres_blame_row(struct err *err);

/* In a transaction: is this the session that was set up? -1 with W0506 when a pooler has put another in its place. */
int postgres_same_session(struct postgres *p, struct err *err);

bool postgres_in_transaction(const struct postgres *p);

/* postgres_catalog.c: fill *ret with all tables that are not the system's or windrow's own, visible ones first. */
int postgres_catalog(struct db *db, struct catalog *ret, struct err *err);

#endif
