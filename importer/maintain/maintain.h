/* maintain/maintain.h: upkeep of one system's tables in one database. Prints nothing.
 *
 * Functions that can take long return 0; 1 when the stop callback asked for an end, with everything taken back; -1 on
 * failure. Nothing is destroyed that is not named: a clean-up removes what the system's rules say, a restore needs the
 * target's name typed when the target has tables, backups never overwrite a file. */
#ifndef WINDROW_MAINTAIN_MAINTAIN_H
#define WINDROW_MAINTAIN_MAINTAIN_H

#include "base/arena.h"
#include "base/err.h"
#include "sink/db.h"

struct maintain_options {
    const char *target;
    const char *system;         /* the name in the history of versions */
    const char *dir;            /* its folder, with postgresql/ and sqlite/ below */
    bool read_only;
    uint32_t wait_ms;           /* for locks that others hold; 0: 30 s */
    const char *scratch;        /* indexes on PostgreSQL: an empty database to build in; NULL: one is made and dropped */
    bool (*stop)(void *context);        /* may be NULL. Asked ten times a second, also from another thread */
    void (*progress)(void *context, uint64_t done, uint64_t total);     /* pages of a SQLite backup; may be NULL */
    void *context;
};

struct maintain;

/* Connect and see that the system is there (W0907). The strings of `o` are lent. */
struct maintain *maintain_open(const struct maintain_options *o, struct err *err);
void maintain_close(struct maintain *m);        /* accepts NULL */
enum db_engine maintain_engine(const struct maintain *m);
/* The target without its password. */
const char *maintain_target(const struct maintain *m);

/* ---- clean-up ---- */

enum maintain_state {
    MAINTAIN_DONE = 1,
    MAINTAIN_FAILED,            /* taken back; the other steps are not */
    MAINTAIN_NOT_ASKED          /* a parameter without a default was not given */
};
struct maintain_removed { const char *table; uint64_t rows; };
struct maintain_step {
    const char *rule, *about;   /* the file's name without number and ending; its first comment */
    enum maintain_state state;
    const char *needs;          /* NOT_ASKED: the parameter */
    struct maintain_removed *removed;   /* one for each statement of the rule, in its order */
    size_t n_removed;
    struct err err;             /* FAILED */
};
struct maintain_cleanup {
    struct maintain_step *steps;
    size_t n, n_failed;
    uint64_t total;             /* rows of the steps that were done */
    const char *now;
    struct arena arena;
};

/* The rules of DIR/maintain/, in the order of their names, in one transaction with a savepoint for each; with `dry_run` all
 * of it is rolled back. `set` has "NAME=VALUE" for their parameters. Faults of rules and parameters: W0101, W0104, W0901. */
int maintain_cleanup(struct maintain *m, const char *const *set, size_t n_set, bool dry_run, struct maintain_cleanup *ret,
                     struct err *err);
void maintain_cleanup_release(struct maintain_cleanup *c);

/* ---- backup and restore ---- */

struct maintain_backup {
    char *path;                 /* owned */
    uint64_t bytes, tables, rows;
    int64_t version;
};

/* Write a backup to `out`: a file that is not there yet (W0905), a directory, or NULL for a name with the time in it in the
 * current directory. What it holds is one moment's state, whoever writes meanwhile; it is read again before it gets its
 * name (W0906). */
int maintain_backup(struct maintain *m, const char *out, struct maintain_backup *ret, struct err *err);
void maintain_backup_release(struct maintain_backup *b);

struct maintain_restore {
    char *aside;                /* owned; the backup of what the target had, NULL when it was empty */
    bool moved;                 /* `aside` is the damaged file itself: it could not be read */
    int64_t version, latest;    /* of the system: in the backup, on disk */
    uint64_t tables, rows;
};

/* Make the target what `file` is, in one transaction. A target with tables is refused (W0903) unless `yes` is its name;
 * then a backup of it is made first. W0902 when the file is no backup of the system. */
int maintain_restore(const struct maintain_options *o, const char *file, const char *yes, struct maintain_restore *ret,
                     struct err *err);
void maintain_restore_release(struct maintain_restore *r);

/* ---- space and indexes ---- */

struct maintain_vacuum { uint64_t before, after, tables; };

/* SQLite: VACUUM of the file. PostgreSQL: VACUUM (ANALYZE) of the system's tables, whose sizes are told. */
int maintain_vacuum(struct maintain *m, struct maintain_vacuum *ret, struct err *err);

enum maintain_index_state {
    MAINTAIN_MISSING = 1,
    MAINTAIN_DIFFERENT,         /* there is one of this name, with another definition */
    MAINTAIN_INVALID,           /* PostgreSQL: left by a failed build. SQLite: entries do not fit the table */
    MAINTAIN_EXTRA              /* no version makes it */
};
struct maintain_index {
    enum maintain_index_state state;
    const char *name, *expected, *found;        /* definitions; NULL where there is none */
    bool fixed;
};
struct maintain_indexes {
    struct maintain_index *items;
    size_t n, n_open;           /* open: neither extra nor fixed */
    struct arena arena;
};

/* Compare the indexes with those that the applied versions make. `fix`: build what is missing (PostgreSQL: concurrently),
 * rebuild what is invalid; different and extra ones are somebody's decision and left alone. */
int maintain_indexes(struct maintain *m, bool fix, struct maintain_indexes *ret, struct err *err);
void maintain_indexes_release(struct maintain_indexes *i);

#endif
