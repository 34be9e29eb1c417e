/* sink/db.h: one connection to a target, for statements. What the ledger, migrations and catalogues use.
 *
 * only postgres_internal.h includes libpq's header, sqlite.c the only one that includes SQLite's.
 * A connection belongs to one thread at a time. Placeholders are $1, $2, ... in order of first appearance, on both
 * engines. Every wait has a deadline; no call blocks for ever. Passwords never appear in a message. */
#ifndef WINDROW_SINK_DB_H
#define WINDROW_SINK_DB_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum db_engine { DB_POSTGRESQL = 1, DB_SQLITE };

struct db;

struct db_options {
    uint32_t wait_ms;           /* for one answer, or for a lock on SQLite; 0: the default */
    bool read_only;
    const char *application;    /* application_name; default "windrow" */
};

/* Open `target` ("sqlite:PATH" or a libpq connection string). A SQLite file is created unless read_only.
 * PostgreSQL sessions are pinned: search_path as given by the server but pg_catalog first, UTF8, ISO dates, UTC,
 * standard_conforming_strings, synchronous_commit=on, keepalives. NULL on failure (W0501). */
struct db *db_open(const char *target, const struct db_options *options, struct err *err);
void db_close(struct db *db);   /* accepts NULL; an open transaction is rolled back */
enum db_engine db_engine(const struct db *db);
/* For messages: the target without password. */
const char *db_name(const struct db *db);
/* A text that stays the same as long as this is the same database (system identifier and database, or file). */
int db_identity(struct db *db, struct buf *ret, struct err *err);

/* How often a server came to be the primary, by promotion or restore: a copy that takes over has a higher number. 0: not known, or
 * SQLite. Outside of transactions. */
unsigned db_timeline(struct db *db);

enum db_type { DB_NULL = 0, DB_TEXT, DB_BYTES, DB_INT };
struct db_value {
    enum db_type type;
    bool number;                /* of a result: an integer, decimal or floating point number, given as text */
    int64_t n;
    struct str text;            /* TEXT and BYTES */
};
static inline struct db_value db_null(void) { return (struct db_value){.type = DB_NULL}; }
static inline struct db_value db_text(struct str s) { return (struct db_value){.type = s.at ? DB_TEXT : DB_NULL, .text = s}; }
static inline struct db_value db_bytes(struct str s) { return (struct db_value){.type = DB_BYTES, .text = s}; }
static inline struct db_value db_int(int64_t n) { return (struct db_value){.type = DB_INT, .n = n}; }

/* Rows, fetched whole (keep them small) into memory of the result. Values come as text, bytea decoded;
 * integers of SQLite printed as text. */
struct db_result {
    size_t n_rows, n_columns;
    struct db_value *values;    /* row by row; type NULL, TEXT or BYTES */
    const char **names;         /* of the columns */
    uint64_t affected;          /* rows changed, for INSERT, UPDATE, DELETE */
    struct arena *arena;
};
static inline struct str db_cell(const struct db_result *r, size_t row, size_t column)
{
    return r->values[row * r->n_columns + column].text;
}
int64_t db_cell_int(const struct db_result *r, size_t row, size_t column);  /* 0 for null */
void db_result_release(struct db_result *r);

/* Statements without parameters or result; several in one text are allowed. On failure err->sqlstate and, where
 * the server gave it, err->byte = the offset in `sql` (has_byte). */
int db_exec(struct db *db, const char *sql, struct err *err);
/* One statement. `ret` may be NULL; it is released by the caller. Prepared once and kept by its text. */
int db_query(struct db *db, const char *sql, const struct db_value *params, size_t n, struct db_result *ret,
             struct err *err);
/* One row after the other, for long answers, in constant memory: 0, or -1 also when `row` returned -1. */
int db_stream(struct db *db, const char *sql, const struct db_value *params, size_t n,
              int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
              struct err *err);

/* The same for rows of integers, texts and bytes, which come as they are: DB_INT, and DB_BYTES for the rest. For lists that are
 * read often. PostgreSQL's answer is held whole: LIMIT it. */
int db_scan(struct db *db, const char *sql, const struct db_value *params, size_t n,
            int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
            struct err *err);

/* A statement within a transaction whose answer nobody needs: PostgreSQL gets it together with the next one, in one trip, and
 * that one fails with what is said of this. SQLite runs it at once. No statement of a user's: COPY would end the session. */
int db_post(struct db *db, const char *sql, const struct db_value *params, size_t n, struct err *err);
/* The same for one that has to touch one row; where it does not, the call that gets its answer fails with `code` and
 * `message`, which lives as long as the program. */
int db_post_one(struct db *db, const char *sql, const struct db_value *params, size_t n, enum code code, const char *message,
                struct err *err);

/* SQLite only: all of it into another file, which is made or overwritten and not synchronised; or over what another
 * database has, in one transaction of that. A copy is one state of `from` when that has a read transaction open; else a
 * writer in between makes it begin anew. 0; 1 when `watch` (may be NULL) said stop; -1. */
struct db_copy_watch {
    bool (*stop)(void *context);        /* both may be NULL; asked and told between pieces */
    void (*progress)(void *context, uint64_t done, uint64_t total);     /* pages */
    void *context;
};
int db_copy_file(struct db *from, const char *path, const struct db_copy_watch *watch, struct err *err);
int db_copy_over(struct db *from, struct db *to, const struct db_copy_watch *watch, struct err *err);

/* A libpq target for another program: in keywords, without its secrets; and the password by itself, empty when it has none
 * or leaves it to a password file or a service. W0503 when it cannot be read, or has a secret that only a service file may
 * hold. */
int db_target_apart(const char *target, struct buf *ret, struct buf *ret_password, struct err *err);

/* PostgreSQL: the name of the database that a target means (W0503 when it leaves that to a service); the same target with
 * another database, in keywords and with its secrets. */
int db_target_database(const char *target, struct buf *ret, struct err *err);
int db_target_elsewhere(const char *target, const char *database, struct buf *ret, struct err *err);
/* The same target as a URI, without its secrets. */
int db_target_uri(const char *target, struct buf *ret, struct err *err);

int db_begin(struct db *db, struct err *err);   /* SQLite: BEGIN IMMEDIATE */
int db_rollback(struct db *db);                 /* void in spirit; 0 when the connection is usable afterwards */
enum db_outcome { DB_COMMITTED, DB_NOT_COMMITTED, DB_UNKNOWN };
/* The server's word decides: its tag must be COMMIT. DB_UNKNOWN: ask the ledger on a new connection. */
enum db_outcome db_commit(struct db *db, struct err *err);
/* True while the connection is usable. */
bool db_alive(const struct db *db);
/* Is this failure one that passes (connection lost, restart, deadlock, serialization, busy)? */
bool db_transient(const struct err *err);
/* Of those: is it the session that was lost, or could none be had? */
bool db_lost(const struct err *err);
bool db_absent(const struct err *err);
/* Was a statement cancelled? */
bool db_interrupted(const struct err *err);
/* Ask the server to stop the running statement; async-signal-safe is not promised, thread-safe is. */
void db_cancel(struct db *db);

/* An identifier as it must stand in SQL, quoted; a string literal. Appended to `out`. */
int db_quote_name(const struct db *db, const char *name, struct buf *out);
int db_quote_text(const struct db *db, struct str text, struct buf *out);

/* err->sqlstate is what db_transient() looks at. PostgreSQL's own states are used as they are, "08006" for a lost
 * connection found on our side. SQLite has none: its wrapper stores the number of the extended result code ("5" busy, "787" a
 * foreign key), which is never five characters long. */
int db_set_state(struct err *err, const char *sqlstate);    /* returns -1 */

#endif
