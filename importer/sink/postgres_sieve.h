/* sink/postgres_sieve.h: rows that a table would refuse, found by questions about all of them at once. Of postgres_sink.c,
 * postgres_sieve.c and postgres_sieve_sql.c alone.
 *
 * A refusal names the constraint that was hurt. From then on the table has a rule: the columns of that constraint are put
 * into the stage, and one statement tells which rows are suspect (a key that is there or comes twice, a reference that leads
 * nowhere, a CHECK, a null). The others are copied; the suspects are tried one by one, by a function on the server, and what it
 * says of each is its verdict. A table that gives no cause for suspicion any more forgets its rules.
 *
 * The outcome is that of trying row after row: a row that is not suspect hurts no row before it, so that no suspect finds
 * anything in its way but rows that would have been there. Where that cannot be said (a suspect is refused by a constraint of
 * several rows that is no rule) all is taken back and a rule made of that constraint; where no rule can be made the search of
 * narrow.h finds the rows. */
#ifndef WINDROW_SINK_POSTGRES_SIEVE_H
#define WINDROW_SINK_POSTGRES_SIEVE_H

#include "sink/postgres_stage.h"

enum { SIEVE_ROWS_MIN = 32 };       /* fewer rows are searched through as quickly */

struct sieve_rule {
    char kind;                  /* u: unique key, f: reference, c: CHECK, n: null */
    const char *name;           /* of the constraint, or of the column */
    const char *keys, *names;   /* expressions AS w_k1, ...; w_k1, ... */
    const char *match;          /* of w_old with w_new.w_k1, ... */
    const char *where;          /* of a partial key; what a CHECK forbids */
    const char *other;          /* the table to look into */
    const bool *columns;        /* by column of the spec: needed */
};

/* Write rows that go straight into the table. 1: nothing was written, search. */
int postgres_sieve_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                         struct sink_counts *ret, struct err *err);
/* Does the table have rules? Then rows are streamed into the stage instead: start, more, end as of struct sink_ops. */
static inline bool postgres_sieve_is_on(const struct sink_table *t) { return t->sieve.n_rules > 0; }
int postgres_sieve_start(struct sink_table *t, struct err *err);
int postgres_sieve_more(struct sink_table *t, const struct sink_rows *rows, struct err *err);
int postgres_sieve_end(struct sink_table *t, const struct sink_rows *rows, struct err *err);

/* postgres_sieve_sql.c: texts; -1 only on want of memory. */
/* The question for a rule that would foresee this refusal. */
int postgres_sieve_ask_rule(const struct sink_table *t, const struct postgres_refusal *refusal, struct buf *out);
/* Its answer, if it has one row. */
int postgres_sieve_read_rule(struct sink_table *t, const struct postgres_refusal *refusal, const struct db_result *answer,
                             struct sieve_rule *ret);
/* COPY of the columns that the rules need, into the stage; sieve.wanted is set. */
int postgres_sieve_copy(struct sink_table *t, struct buf *out);
/* The numbers of the suspects, ascending. */
int postgres_sieve_suspects(const struct sink_table *t, size_t n, struct buf *out);
/* The function that tries what is in the stage; the statement that calls it: number, SQLSTATE, message, detail, hint,
 * constraint of each refusal; no SQLSTATE when a trigger swallowed the row. */
int postgres_sieve_function(const struct sink_table *t, struct buf *out);
int postgres_sieve_try(const struct sink_table *t, struct buf *out);

#endif
