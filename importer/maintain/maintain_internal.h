/* maintain/maintain_internal.h: what the files of maintain/ share and nobody else includes. */
#ifndef WINDROW_MAINTAIN_MAINTAIN_INTERNAL_H
#define WINDROW_MAINTAIN_MAINTAIN_INTERNAL_H

#include "maintain/maintain.h"
#include "migrate/plan.h"

enum { MAINTAIN_WAIT_MS = 30000, MAINTAIN_TICK_MS = 100 };

struct maintain {
    struct arena arena;
    struct maintain_options o;
    struct plan plan;
    struct db *db;
    int64_t version;            /* the highest that is applied */
};

static inline bool maintain_stopped(const struct maintain_options *o)
{
    return o->stop && o->stop(o->context);
}

/* A connection for `o`, which waits for locks as long as `o` says, and for answers as long as they take. */
struct db *maintain_connect(const struct maintain_options *o, const char *target, bool read_only, struct err *err);

/* The tables that the applied versions made and that are there, as names for SQL, in `m`'s arena. */
int maintain_tables(struct maintain *m, const char ***ret, size_t *ret_n, struct err *err);

/* Is this a failure of a statement that was cancelled because of `o->stop`? */
bool maintain_cancelled(const struct maintain_options *o, const struct err *err);

/* W0902 unless versions up to `version` of the system are all known to the plan. */
int maintain_known(const struct plan *plan, const char *system, const char *file, const int64_t *versions, size_t n,
                   struct err *err);

/* cancel.c: a thread that cancels what the connection runs as soon as the stop callback says so. NULL when there is
 * nobody to ask; cancel_end() accepts NULL. Nothing else may cancel or close the connection between the two. */
struct cancel;
struct cancel *cancel_begin(const struct maintain_options *o, struct db *db);
void cancel_end(struct cancel *c);

/* file.c: a file that has another name until it is complete. */
struct file_new {
    char *path, *work;          /* owned: the name it will have, the name it has */
};
/* `out` as maintain_backup() takes it; `stem` and `ending` make the default name. */
int file_new_open(const char *out, const char *stem, const char *ending, struct file_new *ret, struct err *err);
/* Onto the disk and under its name; fails (W0905) when that exists. *ret_bytes: its size. */
int file_new_keep(struct file_new *f, uint64_t *ret_bytes, struct err *err);
void file_new_release(struct file_new *f);      /* deletes what was not kept */
/* STEM-20250819T120000ZENDING, or with a number behind the time when there is a file of this name. *ret is for free(). */
int file_stamped(const char *stem, const char *ending, char **ret, struct err *err);

/* process.c: another program, without a shell. */
struct process {
    const char *const *argv;    /* ends in NULL; argv[0] is looked for in WINDROW_PG_BINDIR if that is set, else in PATH */
    const char *secret;         /* PGPASSWORD for it; NULL or empty: none */
    int (*take)(void *context, const char *bytes, size_t n, struct err *err);   /* its standard output; NULL: dropped */
    void *context;
    const struct maintain_options *o;   /* for its stop */
};
/* 0, 1 stopped, -1 (W0904 with what it said, or the failure of `take`). */
int process_run(const struct process *p, struct err *err);

/* count.c: how many rows the tables of a database have. */
struct count { const char *table; uint64_t rows; };     /* the name as SQL has it */
struct counts {
    struct count *items;
    size_t n, capacity;
    uint64_t rows;
    struct arena arena;
};
int counts_add(struct counts *c, struct str table, uint64_t rows, struct err *err);
void counts_release(struct counts *c);
/* All tables of a SQLite database. */
int counts_sqlite(struct db *db, struct counts *ret, struct err *err);
/* The tables of `names`, counted again in `db`: W0906 where a number differs. */
int counts_compare(const struct counts *names, struct db *db, const char *what, struct err *err);

/* sqlite_backup.c, postgres_backup.c: the engines' halves of backup and restore. */
int sqlite_backup(struct maintain *m, const char *out, struct maintain_backup *ret, struct err *err);
int sqlite_restore(const struct maintain_options *o, const char *file, const char *yes, struct maintain_restore *ret,
                   struct err *err);
int postgres_backup(struct maintain *m, const char *out, struct maintain_backup *ret, struct err *err);
int postgres_restore(const struct maintain_options *o, const char *file, const char *yes, struct maintain_restore *ret,
                     struct err *err);

/* dump.c: what a dump in PostgreSQL's custom format holds, as pg_restore writes it out. W0902 when it is none. */
enum { DUMP_VERSIONS_MAX = 1000 };
struct dump {
    struct counts counts;       /* of the tables with rows in it */
    int64_t versions[DUMP_VERSIONS_MAX];        /* of the system */
    size_t n_versions;
};
int dump_read(const struct maintain_options *o, const char *file, struct dump *ret, struct err *err);
void dump_release(struct dump *d);

#endif
