/* sink/postgres_sink.h: postgres_sink.c, postgres_prepare.c, postgres_columns.c, postgres_stage.c and postgres_sieve.c
 * are one module, PostgreSQL's sink.
 *
 * Rows go straight into the table by COPY (postgres_sink.c) or, when the database has to look something up, into a
 * temporary table and from there by INSERT ... SELECT (postgres_stage.c). Both run under a savepoint, so that a refusal
 * can be narrowed down: by questions (postgres_sieve.h) or by trying (narrow.h). Functions return 0; 1 when the server
 * refused; -1 when the transaction is lost. */
#ifndef WINDROW_SINK_POSTGRES_SINK_H
#define WINDROW_SINK_POSTGRES_SINK_H

#include "sink/copybinary.h"
#include "sink/postgres.h"
#include "sink/sink_internal.h"

struct sink {
    struct db *db;
    struct postgres *p;
    uint64_t transaction;       /* counts begin() */
    bool in_transaction;
    bool foreign;               /* COMMIT was refused by a deferred foreign key: the caller asks for the rows before the next one */
    bool immediate;             /* by another deferred constraint: the next transaction checks those at once */
    bool strict;                /* and foreign keys too */
    size_t n_stages;            /* for their names */
    struct sink_table *tables;  /* all that are prepared */
    struct buf columns_sql;     /* asks for the columns of these; empty: to be made */
    uint64_t columns_checked;   /* the last transaction that asked because of a refusal */
};

/* How rows are written for COPY. */
struct row_form {
    bool binary;
    size_t n;
    struct copybinary_field *fields;
    const struct type **columns;    /* of the columns that the cells go to */
    const struct type **cells;
    bool limited;                   /* some column keeps less than microseconds */
};

struct sieve_rule;

/* A temporary table on this connection, empty at the begin of each transaction. */
struct stage {
    const char *name;           /* as in SQL */
    const char *create;         /* SQL */
    const char *copy;           /* SQL */
    bool made;
    bool made_at_mark;
    uint64_t made_in;           /* the transaction that made it, and takes it along when it does not commit */
    uint64_t used_in;           /* the last transaction that wrote to it */
};

/* What refusals have taught about a table, see postgres_sieve.h. */
struct sieve {
    struct sieve_rule *rules;
    size_t n_rules;
    struct arena arena;         /* of the rules */
    bool off;                   /* this table cannot be asked */
    bool refused;               /* the server has just refused what was streamed: postgres_refusal() says why */
    bool made;                  /* the function that tries rows, by the transaction made_in */
    bool made_at_mark;
    uint64_t made_in;
    bool *wanted;               /* by column of the spec: the rules need it */
    bool streaming;             /* rows are on their way into the stage */
    size_t staged;              /* so many have arrived */
};

struct sink_table {
    struct sink *sink;
    struct sink_table *next;
    const struct sink_spec *spec;
    struct arena arena;
    const char *name;           /* as in SQL, with schema */
    const char *label;          /* for messages */
    struct row_form row, key;
    bool direct;                /* FRESH rows go straight into the table */
    bool key_is_unique;
    bool self_reference;
    bool own;                       /* a foreign key leads back to the table, see postgres_order.h */
    bool partitioned;
    const char *copy;           /* SQL of the direct COPY, behind a savepoint */
    struct stage stage, key_stage;
    struct buf scratch;
    size_t streamed_bytes, streamed_rows;
    struct sieve sieve;
};

/* postgres_prepare.c */
struct sink_table *postgres_prepare(struct sink *s, const struct sink_spec *spec, struct err *err);
void postgres_release(struct sink_table *t);

/* SQL of a COPY under a savepoint, which goes when the rows are taken: its begin, up to the columns; its end. */
int postgres_add_copy(const char *table, struct buf *out);
int postgres_add_copy_end(const struct row_form *form, struct buf *out);

/* postgres_tangle.c: of sink_ops, see sink/sink.h. */
int postgres_tangle_begin(struct sink *s, struct err *err);
enum db_outcome postgres_tangle_commit(struct sink *s, struct err *err);
void postgres_tangle_rollback(struct sink *s);
int postgres_tangle_mark(struct sink *s, struct err *err);
int postgres_tangle_back(struct sink *s, struct err *err);
int postgres_tangle_dangling(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how, struct err *err);

/* postgres_sink.c: a savepoint around one attempt. */
int postgres_keep(struct sink_table *t, struct err *err);       /* RELEASE */
int postgres_take_back(struct sink_table *t, struct err *err);  /* ROLLBACK TO */
/* Some rows by COPY under a savepoint: 0, 1 refused and taken back, with *hint where the server named a row, -1. */
int postgres_copy_rows(struct sink_table *t, const struct sink_rows *rows, size_t first, size_t n, size_t *hint, struct err *err);
/* End a COPY into the table: 0 taken, 1 refused and taken back, -1. */
int postgres_finish_copy(struct sink_table *t, size_t sent, struct err *err);
/* After a refusal in an attempt: taken back, 1 when a row can be blamed, else -1. */
int postgres_after_refusal(struct sink_table *t, struct err *err);
int postgres_send_head(struct sink_table *t, const struct row_form *form, struct err *err);
int postgres_send_tail(struct sink_table *t, const struct row_form *form, struct err *err);

/* postgres_columns.c: are the tables still what the catalogue found? -1 with W0522. Whoever asks after a write has the answer
 * for this transaction: its locks keep others from changing what it has written to. */
int postgres_check_columns(struct sink *s, struct err *err);
/* Rows were refused: for their own sake, or because the table is another now? Asked once in a transaction. */
int postgres_doubt_columns(struct sink *s, struct err *err);

/* postgres_stage.c */
int postgres_stage_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                         struct sink_counts *ret, struct err *err);
/* The rows, as far as their values can be staged. */
int postgres_stage_fill(struct sink_table *t, const struct sink_rows *rows, struct err *err);
/* Make the stage, or empty it: 0, 1 refused, -1. */
int postgres_stage_ready(struct sink_table *t, struct stage *stage, struct err *err);
int postgres_stage_delete(struct sink_table *t, const struct sink_rows *keys, const struct sink_write *how, uint64_t *deleted,
                          struct err *err);

/* postgres_rival.c: of sink_ops, see sink/sink.h. */
uint64_t postgres_identity(const struct sink_table *t, const struct sink_rows *rows, size_t row);
uint64_t postgres_key_identity(const struct sink_table *t, struct str key);
uint64_t postgres_rival(struct sink_table *t, const struct sink_rows *rows, size_t row);
bool postgres_cell(const struct sink_table *t, const struct sink_rows *rows, size_t row, size_t column, size_t k, struct cell *ret);

/* Names in SQL. */
const struct catalog_column *postgres_column(const struct sink_table *t, size_t i);    /* of spec->columns[i] */
int postgres_add_name(struct buf *out, const char *prefix, const char *name);          /* prefix."name" */
int postgres_add_table(struct buf *out, const struct catalog_table *table);            /* "schema"."table" */

#endif
