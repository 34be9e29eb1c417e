/* sink/postgres_internal.h: postgres.c, postgres_connect.c, postgres_copy.c, postgres_fail.c, postgres_pooler.c,
 * postgres_prepared.c, postgres_server.c and postgres_statement.c are one module, the only one that knows libpq.
 *
 * The connection is non-blocking; every wait is a poll() with a deadline of our own. Functions return 0; 1 when the
 * server refused and the connection is fine; -1 when it is lost or memory is. */
#ifndef WINDROW_SINK_POSTGRES_INTERNAL_H
#define WINDROW_SINK_POSTGRES_INTERNAL_H

#include "base/cleanup.h"
#include "sink/db_internal.h"
#include "sink/postgres.h"

#include <libpq-fe.h>

enum { POSTGRES_STATEMENTS_MAX = 256, POSTGRES_POSTED_MAX = 64 };

/* Statement i is prepared as w<i>. ASKED: to be, by what has been posted. */
struct postgres_statement {
    struct buf text;
    enum { STATEMENT_UNKNOWN = 0, STATEMENT_ASKED, STATEMENT_PREPARED } state;
};

struct postgres_posted {
    uint16_t statement;
    bool prepares;
    struct db_one one;          /* code 0: any number of rows */
};

struct postgres {
    struct db db;
    PGconn *conn;
    PGcancel *cancel;
    char *name;
    char *target;                   /* NULL while it is being opened */
    int64_t backend;                /* process number of the session, behind a pooler too */
    bool pooled;                    /* there is one: it has told us another number */
    uint32_t wait_ms;
    bool lost;
    uint64_t cancel_ms;             /* from then on what it is asked now is cancelled, if the user will not wait; UINT64_MAX: it was */
    size_t unsent;                  /* at most so many bytes of COPY are in libpq's buffer */
    uint64_t copy_line;
    struct postgres_refusal refusal;
    struct postgres_statement statements[POSTGRES_STATEMENTS_MAX];
    size_t n_statements;
    struct postgres_posted posted[POSTGRES_POSTED_MAX];     /* sent, or to be sent, and not answered yet */
    size_t n_posted;
};

static inline void postgres_clear(PGresult **res) { PQclear(*res); }

/* The connection cannot be used any more: -1, with err. The second takes libpq's reason. */
int postgres_lost(struct postgres *p, enum code code, const char *why, struct err *err);
int postgres_lost_now(struct postgres *p, struct err *err);
/* -1 when it was lost before. */
int postgres_usable(struct postgres *p, struct err *err);
/* Fill err from a refusal of the server; `sql` (may be NULL) is what its position counts in. 1, or -1 when the session
 * ended with it. */
int postgres_refused(struct postgres *p, const PGresult *res, const char *sql, struct err *err);

uint64_t postgres_now_ms(void);
/* Wait a moment, not beyond the deadline: what came of `events`, 0 when nothing did. To be called again, so that whoever
 * waits looks up from time to time: a signal may have gone to another thread. */
int postgres_look(int fd, short events, uint64_t deadline_ms);
/* Send all that libpq holds; each step forward starts the deadline anew. */
int postgres_flush(struct postgres *p, struct err *err);
/* The next result of what was sent; *ret NULL after the last. */
int postgres_next(struct postgres *p, PGresult **ret, struct err *err);
/* All results; *ret (NULL allowed) gets the last good one. */
int postgres_all(struct postgres *p, const char *sql, PGresult **ret, struct err *err);

/* postgres_prepared.c. A prepared statement alone, sent: 0, 1, -1. */
int postgres_send_prepared(struct postgres *p, const char *sql, const struct db_value *params, size_t n, bool binary,
                           struct err *err);
/* See db_post() and db_post_one(). */
int postgres_post(struct db *db, const char *sql, const struct db_value *params, size_t n, const struct db_one *one,
                  struct err *err);
/* The answers to all that was posted; *ret (NULL allowed) gets the last one. Whoever sends something else calls it
 * before. -1 when the connection was lost before, too. */
int postgres_settle(struct postgres *p, PGresult **ret, struct err *err);

/* postgres_statement.c: of struct db_ops. */
int postgres_exec(struct db *db, const char *sql, struct err *err);
int postgres_query(struct db *db, const char *sql, const struct db_value *params, size_t n, struct db_result *ret,
                   struct err *err);
int postgres_stream(struct db *db, const char *sql, const struct db_value *params, size_t n,
                    int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                    struct err *err);
int postgres_scan(struct db *db, const char *sql, const struct db_value *params, size_t n,
                  int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                  struct err *err);
void postgres_cancel(struct db *db);

/* Append foreign text as one line. */
void postgres_add_line(struct buf *out, const char *text);

/* postgres_server.c: of db_ops. */
int postgres_server_identity(struct db *db, struct buf *ret, struct err *err);
unsigned postgres_timeline(struct db *db);

/* postgres_pooler.c: a session that was just set up. -1 with W0506 when a pooler shares it with others. */
int postgres_pooler_check(struct postgres *p, const char *target, struct err *err);

/* postgres_connect.c */
struct db *postgres_open(const char *target, const struct db_options *options, struct err *err);
/* A connection whose session is not set up. */
struct postgres *postgres_connect(const char *target, const struct db_options *options, struct err *err);
void postgres_close(struct db *db);
/* No answer has come in time. Is the server at work on it, or is its answer (or our question) lost? Asked over a connection of
 * its own, in the time that opening one may take. */
bool postgres_works(const struct postgres *p);

#endif
