/* migrate/statement.h: what one statement of a version file is, as far as the runner must know.
 *
 * Judged by its first tokens, never by a search through its text. */
#ifndef WINDROW_MIGRATE_STATEMENT_H
#define WINDROW_MIGRATE_STATEMENT_H

#include "base/arena.h"
#include "migrate/scan.h"

enum statement_kind {
    STATEMENT_PLAIN = 0,        /* runs in a transaction */
    STATEMENT_CREATE_INDEX,     /* CREATE INDEX CONCURRENTLY, and so on: these refuse to run in a transaction */
    STATEMENT_DROP_INDEX,
    STATEMENT_REINDEX,
    STATEMENT_DETACH,
    STATEMENT_REPEATABLE        /* VACUUM and the like: refuses a transaction, and twice is as good as once */
};

struct statement {
    const char *text;           /* ends in NUL, no semicolon */
    size_t at;                  /* byte in the file */
    uint64_t line, column;
    enum statement_kind kind;
    const char *index;          /* CREATE_INDEX: schema.name or name, as to_regclass() reads it; DROP_INDEX: the same */
    bool builds_index;          /* worth watching in pg_stat_progress_create_index */
};

/* Fill *ret from a scanned statement. -1 (W0703) for what has no place in a version: transaction control, COPY FROM
 * STDIN, CREATE DATABASE ..., a concurrent index without a name. `sql` is the whole file, for the place. */
int statement_of(const struct scan_statement *st, enum db_engine engine, struct arena *a, struct statement *ret,
                 struct err *err);

/* Can it run inside a transaction? */
static inline bool statement_in_transaction(const struct statement *s) { return s->kind == STATEMENT_PLAIN; }

/* A CREATE INDEX CONCURRENTLY without that word: the same index, for a place where nobody else is. In `a`. */
const char *statement_without_concurrently(const struct statement *s, struct arena *a);

/* What the statement takes rows from: DROP TABLE, DROP COLUMN, TRUNCATE, DELETE, DROP SCHEMA. Calls `lost` with each
 * name as written. Returns what it returned when that is not 0. What a function or a DO block does is not seen. */
int statement_losses(const char *text, enum db_engine engine,
                     int (*lost)(void *context, struct str name, bool is_schema), void *context);

/* ALTER TABLE x RENAME TO y: the new name, empty when the statement is no such thing. */
struct str statement_renamed_to(const char *text, enum db_engine engine);

/* CREATE TABLE x, temporary ones left out: the name as written, empty when the statement is no such thing. */
struct str statement_created_table(const char *text, enum db_engine engine);

#endif
