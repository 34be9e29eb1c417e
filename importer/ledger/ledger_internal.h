/* ledger/ledger_internal.h: what the files of the ledger share: statements, and arrays of PostgreSQL. */
#ifndef WINDROW_LEDGER_LEDGER_INTERNAL_H
#define WINDROW_LEDGER_LEDGER_INTERNAL_H

#include "ledger/ledger.h"
#include "ledger/seal.h"

/* The words of `text` are replaced (see tables.c), the statement sent. */
int ledger_query(struct db *db, const char *text, const struct db_value *params, size_t n, struct db_result *ret,
                 struct err *err);
/* The same for rows of integers and bytes, see db_scan(). */
int ledger_scan(struct db *db, const char *text, const struct db_value *params, size_t n,
                int (*row)(void *context, const struct db_value *values, size_t n, struct err *err), void *context,
                struct err *err);
/* The same, sent together with the next one, see db_post(); one that has to touch one row, see db_post_one(). */
int ledger_post(struct db *db, const char *text, const struct db_value *params, size_t n, struct err *err);
int ledger_post_one(struct db *db, const char *text, const struct db_value *params, size_t n, enum code code, const char *message,
                    struct err *err);
/* A statement that answers with one integer: 1, 0 without a row, -1. */
int ledger_query_int(struct db *db, const char *text, const struct db_value *params, size_t n, int64_t *ret,
                     struct err *err);

/* arrays.c: columns of many rows. For each row a comma and one value for each column, then arrays_end(), which lends
 * `n` texts to `params`. All answer -1 when out of memory. */
enum { ARRAYS_MAX = 17 };

struct arrays {
    struct buf at[ARRAYS_MAX];
    size_t n;
};
int arrays_begin(struct arrays *a);
int arrays_comma(struct arrays *a, bool first);
int arrays_end(struct arrays *a, struct db_value *params);
void arrays_release(struct arrays *a);
/* One element; at NULL or !there: NULL. */
int arrays_add_bytes(struct buf *out, struct str bytes);
int arrays_add_text(struct buf *out, struct str text);
int arrays_add_number(struct buf *out, bool there, int64_t n);

/* check.c: seals of the columns that are written once. */
int64_t ledger_seal_job(struct str mapping, struct str source);
/* texts: digest, parameters, target, windrow, keys */
int64_t ledger_seal_run(int64_t job, const struct str texts[5]);
int64_t ledger_seal_unit(int64_t job, int64_t run, const struct unit *unit);
int64_t ledger_seal_chunk(int64_t run, int64_t unit, int64_t gen, struct str rows_json, int64_t lines, struct str hash,
                          int64_t keys_seal, int64_t pieces);

#endif
