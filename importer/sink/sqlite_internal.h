/* sink/sqlite_internal.h: a SQLite connection as sqlite*.c share it. They are the only files that see SQLite's header.
 *
 * Result codes are the extended ones. The connection is opened without SQLite's own mutex: it belongs to one thread
 * at a time; only db_cancel() may come from another. */
#ifndef WINDROW_SINK_SQLITE_INTERNAL_H
#define WINDROW_SINK_SQLITE_INTERNAL_H

#include "sink/db_internal.h"
#include "sink/sqlite_row.h"

#include <sqlite3.h>

enum { SQLITE_KEPT_STATEMENTS = 64, SQLITE_WAIT_MS = 30000 };

struct sqlite_kept {
    uint64_t hash;
    char *sql;
    sqlite3_stmt *statement;
};

struct sqlite_db {
    struct db db;               /* first, see db_internal.h */
    sqlite3 *handle;
    char *name;                 /* "sqlite:PATH" as it was given */
    char *path;                 /* absolute, or ":memory:" */
    uint32_t wait_ms;
    uint64_t busy_since_ms;     /* of the wait for a lock that goes on */
    bool read_only;
    bool in_memory;
    bool open;                  /* between begin and its end; SQLite may have rolled back meanwhile */
    bool committing;
    bool dead;                  /* an outcome is unknown or the file cannot be trusted: close and open again */
    size_t next_kept;
    struct sqlite_kept kept[SQLITE_KEPT_STATEMENTS];
};

/* The prepared statement of this text, reset and without parameters; lent until the next call. NULL on failure.
 * A text that is running already (a callback of db_stream) gets a statement of its own, *ret_own true: finalize it. */
sqlite3_stmt *sqlite_statement(struct sqlite_db *d, const char *sql, bool *ret_own, struct err *err);

/* Prepare for long use; sqlite3_finalize() is the caller's. */
int sqlite_prepare(struct sqlite_db *d, const char *sql, sqlite3_stmt **ret, struct err *err);

/* Record what SQLite's last failure `rc` means: code, "SQnnn" as sqlstate, a message that names the file, the process
 * that holds the lock, the space that is left. Scope ERR_RUN. Marks the connection dead where nothing on it can be
 * trusted any more. Always returns -1. */
int sqlite_fail(struct sqlite_db *d, int rc, struct err *err);

/* The same for the failure of a write of one row: 0 and an ERR_RECORD when it was the row that was refused and the
 * transaction goes on; -1 and an ERR_RUN otherwise. */
int sqlite_refusal(struct sqlite_db *d, int rc, struct err *err);

/* The name of the network file system with this statfs magic, on which SQLite's locks are not reliable; else NULL. */
const char *sqlite_network(unsigned long magic);

/* Read the catalogue of all ordinary tables but SQLite's own. */
struct catalog;
int sqlite_catalog_read(struct sqlite_db *d, struct catalog *ret, struct err *err);

#endif
