/* ledger/rejects.h: what was refused, as the ledger keeps it.
 *
 * A reject is `open` until a replay loads its row (`replayed`), or until its file is loaded again in a newer state
 * (`superseded`: what is still wrong then has rejects of its own). */
#ifndef WINDROW_LEDGER_REJECTS_H
#define WINDROW_LEDGER_REJECTS_H

#include "ledger/ledger.h"

/* The run that rejects are asked of, and what is needed to do its work again. */
struct rejects_run {
    int64_t id, job;
    struct str mapping, mapping_path;   /* its name; its file, empty when not known */
    struct str digest, parameters, state;
    const char **sources;       /* as absolute paths */
    size_t n_sources;
    struct arena arena;
};
/* 1, 0 when there is no such run, -1. `id` 0: the last one that has rejects. Ends with rejects_run_release(). */
int rejects_run(struct db *db, int64_t id, struct rejects_run *ret, struct err *err);
void rejects_run_release(struct rejects_run *r);

struct rejects_item {
    int64_t id, run, unit;
    uint32_t root;
    struct str path, pointer, table, rule, code, sqlstate, message, state;
    struct str record;          /* at NULL: not kept (the file could not be read, or more than 1 MiB) */
    struct str row;             /* of the record, as in ledger_reject; at NULL: not known */
    uint64_t line, column, byte;
    bool has_byte;
    uint32_t map_line;
    uint64_t record_line, record_byte, record_index;
};

struct rejects_filter {
    int64_t run;
    int64_t id, unit;           /* 0: all */
    bool open;                  /* those only */
    bool records;               /* fetch the bytes too */
};
/* One after the other, by unit and place; in constant memory. Lent until the call returns; -1 stops. */
int rejects_each(struct db *db, const struct rejects_filter *filter,
                 int (*item)(void *context, const struct rejects_item *item, struct err *err), void *context,
                 struct err *err);

/* The units of a run that have open rejects, the first `max` after unit `after`, in order. */
int rejects_units(struct db *db, int64_t run, int64_t after, int64_t *ret, size_t max, size_t *n, struct err *err);
int rejects_count_open(struct db *db, int64_t run, uint64_t *ret, struct err *err);

/* To be entered. */
struct ledger_reject {
    struct ledger_reject *next;
    uint32_t root;
    struct str path, pointer, table, code, sqlstate, message, record;
    uint64_t line, column, byte;
    bool has_byte;
    uint32_t map_line;
    struct str rule;
    uint64_t record_line, record_byte, record_index;    /* where the record begins */
    struct str row;             /* "3.0": indexes of the each: levels; "": the whole record; at NULL: not known */
};

/* Inside the transaction of the rows. */
/* Enter a list; one statement for many on PostgreSQL. */
int rejects_add(struct db *db, int64_t run, int64_t chunk, const struct ledger_reject *first, struct err *err);
int rejects_settle(struct db *db, int64_t id, struct err *err);
/* The files of `unit` are being loaded again: what was refused of them before is of the past. */
int rejects_supersede(struct db *db, int64_t job, const struct unit *unit, struct err *err);

#endif
