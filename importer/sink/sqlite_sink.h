/* sink/sqlite_sink.h: what sqlite_sink.c prepares, sqlite_write.c and sqlite_lookup.c use; nobody else. */
#ifndef WINDROW_SINK_SQLITE_SINK_H
#define WINDROW_SINK_SQLITE_SINK_H

#include "sink/sink.h"
#include "sink/sqlite_feed.h"

struct sink {
    struct sqlite_db *d;
    unsigned serial;            /* of the tables prepared so far */
    struct sink_table *tables;  /* all that are prepared */
    int64_t schema_version;     /* of the file, when their columns were last compared */
    unsigned n_tangled;         /* of those that are prepared */
    unsigned refusals;          /* commits that foreign keys refused, one after the other */
};

/* The look-up of one reference, and the answer to its last question: rows of one parent mostly stand together. */
struct sqlite_lookup {
    sqlite3_stmt *statement;    /* ?1... are the keys; NULL: the column is no reference */
    struct buf key, text;       /* as encoded; the answer's text */
    struct sqlite_value answer;
    bool known;
};

/* How a row meets one that is there: what to compare, what to set. */
struct sqlite_merge {
    sqlite3_stmt *examine;      /* same, condition, then the columns of the old row */
    sqlite3_stmt *update;       /* NULL: nothing to set */
};

struct sink_table {
    struct sqlite_db *d;
    struct sink *sink;
    struct sink_table *next;
    const struct sink_spec *spec;
    struct sqlite_slot *slots;      /* one for each cell of a row */
    size_t n_slots;
    struct sqlite_slot *key_slots;  /* one for each column of the key */
    struct sqlite_value *cells;     /* of the row at hand: as encoded */
    struct sqlite_value *values;    /* and one for each column, references resolved */
    struct sqlite_lookup *lookups;  /* one for each column */
    sqlite3_stmt *insert;           /* ?1... are the columns */
    sqlite3_stmt *insert_new;       /* the same, nothing when the key is there; NULL without a key */
    sqlite3_stmt *fed;              /* of all rows of `feed` */
    sqlite3_stmt *fed_new;
    sqlite3_stmt *delete;           /* ?1... are the key */
    struct sqlite_merge merges[2];  /* by enum sink_mode; prepared when first needed */
    struct sqlite_feed feed;
    bool references;                /* some column is looked up */
    bool key_unique;
    bool looks_up_itself;           /* a later row of a write may be what an earlier one looks up */
    bool tangled;                   /* rows may refer to rows that come later: foreign keys are checked at the commit */
};

/* Prepare the statements of merges[mode]. */
int sqlite_sink_merge(struct sink_table *t, enum sink_mode mode, struct err *err);

/* sink_ops.write, see sink/sink.h. */
int sqlite_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                 struct sink_counts *ret, struct err *err);

/* sqlite_tangle.c: of sink_ops, see sink/sink.h. */
int sqlite_tangle_begin(struct sink *s, struct err *err);
enum db_outcome sqlite_tangle_commit(struct sink *s, struct err *err);
int sqlite_tangle_mark(struct sink *s, struct err *err);
int sqlite_tangle_back(struct sink *s, struct err *err);
int sqlite_tangle_dangling(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how, struct err *err);
/* Can rows of this table refer to such that come after them? */
int sqlite_tangle_find(struct sink_table *t, struct err *err);

enum sqlite_outcome { SQLITE_ROW_LOST = -1 /* and the transaction */, SQLITE_ROW_DONE, SQLITE_ROW_REFUSED };

/* Values as ?1, ?2 ...; those that the statement does not ask for are left out. */
int sqlite_lookup_bind(struct sink_table *t, sqlite3_stmt *statement, const struct sqlite_value *values, size_t n,
                       struct err *err);

/* The referenced value of a column into t->values. `encoded` are the bytes of the keys: the same bytes get the answer
 * that was remembered, until sqlite_lookup_forget(). */
enum sqlite_outcome sqlite_lookup(struct sink_table *t, size_t column, const struct sqlite_value *keys,
                                  struct str encoded, struct err *why);
void sqlite_lookup_forget(struct sink_table *t);

/* SQLite does not say which foreign key is violated: put the one that finds no parent for t->values into `why`. */
int sqlite_lookup_foreign_key(struct sink_table *t, struct err *why);

/* Of sink_ops, see sink/sink.h. */
uint64_t sqlite_identity(const struct sink_table *t, const struct sink_rows *rows, size_t row);
uint64_t sqlite_key_identity(const struct sink_table *t, struct str key);
uint64_t sqlite_rival(struct sink_table *t, const struct sink_rows *rows, size_t row);
bool sqlite_cell(const struct sink_table *t, const struct sink_rows *rows, size_t row, size_t column, size_t k, struct cell *ret);
/* sqlite_image.c: the row that `s` stands at, whose columns from `column` on are those of the table without generated ones. */
int sqlite_image(const struct sink_table *t, sqlite3_stmt *s, int column, struct buf *json);

#endif
