/* sink/sink.h: where rows go. PostgreSQL and SQLite behind one table of functions.
 *
 * A sink writes chunks: begin, rows of some tables (parents first), whatever the ledger adds on sink_db(), commit.
 * Rows are encoded beforehand, without the connection (encode is pure and thread-safe), into the sink's own row
 * format, so that mapping workers never wait for the database. A row that the database refuses is found,
 * reported and left out; the others are written. */
#ifndef WINDROW_SINK_SINK_H
#define WINDROW_SINK_SINK_H

#include "convert/catalog.h"
#include "convert/row.h"
#include "sink/db.h"

/* A column whose value the database looks up: the row of `table` where keys equal the given cells. */
struct sink_reference {
    const struct catalog_table *table;
    uint16_t column;                /* its value is taken */
    const uint16_t *keys;           /* columns of `table` */
    size_t n_keys;
    bool optional;                  /* no such row: NULL instead of a refusal */
};

struct sink_column {
    uint16_t column;                /* of the target table */
    const struct type *type;        /* of the cell (the mapping may have narrowed the catalogue's) */
    const struct sink_reference *reference; /* NULL: one cell; else n_keys cells stand in the row for this column */
};

enum sink_conflict { SINK_CONFLICT_ERROR = 0, SINK_CONFLICT_SKIP, SINK_CONFLICT_UPDATE };

struct sink_spec {
    const struct catalog_table *table;
    const struct sink_column *columns;
    size_t n_columns;
    const uint16_t *key;            /* ordinals in `columns` above; n_key 0: the rows have no key */
    size_t n_key;
    enum sink_conflict conflict;
    const uint16_t *update;         /* UPDATE: ordinals in `columns` to set; n_update 0: all but the key */
    size_t n_update;
    const char *when;               /* UPDATE: SQL over old.COLUMN and new.COLUMN; NULL: always */
    const uint16_t *identity;       /* ordinals in `columns` that tell a row from all others; n_identity 0: none do */
    size_t n_identity;
};
static inline const char *sink_condition_of(const struct sink_spec *spec)
{
    return spec->conflict == SINK_CONFLICT_UPDATE ? spec->when : NULL;
}

/* Encoded rows of one table, one after the other. */
struct sink_rows {
    struct buf bytes;
    uint32_t *ends;                 /* ends[i]: offset after row i */
    size_t n, capacity;
};
static inline size_t sink_rows_start_of(const struct sink_rows *rows, size_t row)
{
    return row ? rows->ends[row - 1] : 0;
}

static inline struct str sink_rows_row(const struct sink_rows *rows, size_t row)
{
    size_t start = sink_rows_start_of(rows, row);

    return str_make(rows->bytes.at + start, rows->ends[row] - start);
}
void sink_rows_clear(struct sink_rows *rows);
void sink_rows_release(struct sink_rows *rows);
/* Append a row that was encoded before. -1 when out of memory. */
int sink_rows_add(struct sink_rows *rows, struct str row);

/* What became of the rows of one write. inserted + updated + same + skipped + refused = rows given. */
struct sink_counts {
    uint64_t inserted, updated, same /* there already, equal */, skipped /* by conflict or condition */, refused;
};

struct sink;
struct sink_table;

/* How rows of a write meet rows that are there. FRESH: by the spec's conflict. RECONCILE: rows with the same key are
 * brought to the new state where they differ (a changed file is loaded again). A spec's `when` holds in both: what it
 * forbids stays as it is, and with it only the columns of `update` change; without it the conflict does not count. */
enum sink_mode { SINK_FRESH = 0, SINK_RECONCILE };

struct sink_write {
    enum sink_mode mode;
    /* Called for each row that the database refused, in order of rows; err has code, sqlstate and message. */
    void (*refused)(void *context, size_t row, struct err *err);
    /* Called for each row that was updated or deleted, with its former contents as a JSON object: for undo. May be NULL. */
    int (*before)(void *context, size_t row, struct str old_json, struct err *err);
    void *context;
    /* Called for each row that was left out because another row stands under its key: by conflict or condition. In no
     * certain order, perhaps more than once. May be NULL. */
    int (*skipped)(void *context, size_t row, struct err *err);
};

struct sink_ops {
    const char *name;
    bool streams;       /* rows may be sent while later ones are being encoded: stream_* are there */
    struct sink *(*open)(const char *target, const struct db_options *options, struct err *err);
    void (*close)(struct sink *s);
    struct db *(*db)(struct sink *s);
    /* Read the tables that the mapping names (and those they refer to). */
    int (*catalog)(struct sink *s, struct catalog *ret, struct err *err);
    /* Prepare for rows of one spec; checks what the database can tell beforehand (privileges, row security, a
     * unique key for the conflict target). The spec must outlive the table. */
    struct sink_table *(*prepare)(struct sink *s, const struct sink_spec *spec, struct err *err);
    void (*release)(struct sink_table *t);
    /* Append one row. Fails only on want of memory or a row beyond the format's size (ERR_RECORD). */
    int (*encode)(const struct sink_table *t, const struct cell *cells, struct sink_rows *rows, struct err *err);
    int (*begin)(struct sink *s, struct err *err);
    /* Write all rows, narrowing refusals down to the guilty ones. -1: the transaction is lost. */
    int (*write)(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                 struct sink_counts *ret, struct err *err);
    /* Are all rows of a chunk to be given to one write? So it is for a table that refers to itself in a way that is looked at
     * by the end of each write: a row may refer to one that comes much later. */
    bool (*whole)(const struct sink_table *t);
    /* The same in pieces, for FRESH writes of a table without conflict rule or references: start; more as often as
     * liked (rows from where the last call ended); end. If `end` or `more` says 1 the server refused some row: the
     * caller calls write() with all rows, in the same transaction. */
    int (*stream_start)(struct sink_table *t, struct err *err);
    int (*stream_more)(struct sink_table *t, const struct sink_rows *rows, struct err *err);
    int (*stream_end)(struct sink_table *t, const struct sink_rows *rows, struct sink_counts *ret, struct err *err);
    /* Delete the rows with these keys (rows encoded by encode_key); *deleted may be fewer. Of `how` only `before` is called. */
    int (*encode_key)(const struct sink_table *t, const struct cell *key_cells, struct sink_rows *rows, struct err *err);
    int (*delete_keys)(struct sink_table *t, const struct sink_rows *keys, const struct sink_write *how, uint64_t *deleted,
                       struct err *err);
    /* NOT_COMMITTED with a failure of scope ERR_RECORD: a constraint that is checked at the commit refused some row. Repeat the
     * chunk from begin() on, and before the commit ask dangling() for the guilty ones. If that is not enough, rows are checked
     * as they are written from the third time on, as far as the database can do that. */
    enum db_outcome (*commit)(struct sink *s, struct err *err);
    void (*rollback)(struct sink *s);
    /* A place in the transaction, and back to it. */
    int (*mark)(struct sink *s, struct err *err);
    int (*back)(struct sink *s, struct err *err);
    /* Of rows that write() took with this `how` since begin(), tell how->refused those with a foreign key that would be refused
     * at the commit, for it leads nowhere; and those that hang on them in their own table, as far as that can be seen: ask again
     * when all these have been left out. */
    int (*dangling)(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how, struct err *err);
    /* Which row is this? A number made of its cells in the columns of spec->identity; 0: it cannot be told. */
    uint64_t (*identity)(const struct sink_table *t, const struct sink_rows *rows, size_t row);
    /* The same of a row by its key as encode_key wrote it, where the columns of the key are the identity. */
    uint64_t (*key_identity)(const struct sink_table *t, struct str key);
    /* From within sink_write.refused, for a row whose key is taken: the identity of the row that has it. It asks the
     * database, several times. */
    uint64_t (*rival)(struct sink_table *t, const struct sink_rows *rows, size_t row);
    /* One cell of an encoded row: a whole number, a text or a uuid; false for null and all others. `k`: which of the keys,
     * where the column is a reference. */
    bool (*cell)(const struct sink_table *t, const struct sink_rows *rows, size_t row, size_t column, size_t k, struct cell *ret);
};

/* An identity, and one more cell of the row. Never 0. */
uint64_t sink_identity(uint64_t identity, struct str cell);

/* By the target's text. */
const struct sink_ops *sink_for(const char *target);

extern const struct sink_ops sink_postgres;
extern const struct sink_ops sink_sqlite;

#endif
