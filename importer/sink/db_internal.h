/* sink/db_internal.h: what stands behind db.h, for db.c, postgres.c and sqlite.c only.
 *
 * Each engine has a struct that begins with `struct db` and one table of functions; db.c chooses by the target and
 * hands every call on. The contracts are those of db.h. */
#ifndef WINDROW_SINK_DB_INTERNAL_H
#define WINDROW_SINK_DB_INTERNAL_H

#include "sink/db.h"

struct db_ops;

/* What is said when a statement has to touch one row and does not. */
struct db_one {
    enum code code;
    const char *message;
};

struct db {
    const struct db_ops *ops;
};

struct db_ops {
    enum db_engine engine;
    struct db *(*open)(const char *target, const struct db_options *options, struct err *err);
    void (*close)(struct db *db);           /* never called with NULL */
    const char *(*name)(const struct db *db);
    int (*identity)(struct db *db, struct buf *ret, struct err *err);
    unsigned (*timeline)(struct db *db);    /* NULL: the engine has none */
    int (*exec)(struct db *db, const char *sql, struct err *err);
    int (*query)(struct db *db, const char *sql, const struct db_value *params, size_t n, struct db_result *ret,
                 struct err *err);
    int (*stream)(struct db *db, const char *sql, const struct db_value *params, size_t n,
                  int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                  struct err *err);
    int (*scan)(struct db *db, const char *sql, const struct db_value *params, size_t n,
                int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                struct err *err);
    /* NULL: by query. `one` NULL: any number of rows. */
    int (*post)(struct db *db, const char *sql, const struct db_value *params, size_t n, const struct db_one *one,
                struct err *err);
    int (*begin)(struct db *db, struct err *err);
    int (*rollback)(struct db *db);
    enum db_outcome (*commit)(struct db *db, struct err *err);
    bool (*alive)(const struct db *db);
    void (*cancel)(struct db *db);
};

int db_must_be_one(const struct db_one *one, uint64_t affected, struct err *err);

extern const struct db_ops db_ops_postgres;
extern const struct db_ops db_ops_sqlite;

/* "sqlite:PATH" is SQLite, everything else is for libpq. */
bool db_target_is_sqlite(const char *target);

/* Make an empty result with an arena of its own; `rows` and `columns` may be 0. The values are cleared (DB_NULL). -1
 * with err set when out of memory; db_result_release() frees it. */
int db_result_init(struct db_result *ret, size_t rows, size_t columns, struct err *err);

#endif
