/* migrate/migrate.h: ordered schema versions of one system in one database. Prints nothing.
 *
 * A version and its entry in the history commit together, so a kill leaves either all of it or nothing; files that
 * declare `no-transaction` go statement by statement and are taken up where they were left. There is no state that
 * a person has to clear: the next migrate_up() goes on, or fails with what exactly is in the way.
 *
 * One runner at a time: on PostgreSQL an advisory lock that dies with its session, on SQLite the write lock. The
 * history is `windrow.schema_versions` (SQLite: `windrow_schema_versions`); `schema_log` beside it only grows. */
#ifndef WINDROW_MIGRATE_MIGRATE_H
#define WINDROW_MIGRATE_MIGRATE_H

#include "migrate/plan.h"

enum migrate_direction { MIGRATE_UP = 1, MIGRATE_DOWN };

enum migrate_event_kind {
    MIGRATE_WAITING = 1,    /* another runner holds the lock; detail says who */
    MIGRATE_STARTED,        /* a version begins, or goes on at statement done + 1 of total */
    MIGRATE_FINISHED,       /* ... and is committed; done: milliseconds */
    MIGRATE_BUSY,           /* a lock was not to be had; attempt done of total comes next */
    MIGRATE_INDEX,          /* an index build: detail is the server's phase, done of total blocks or tuples */
    MIGRATE_REBUILD,        /* detail names an invalid index of an earlier attempt, now dropped and built again */
    MIGRATE_RECONNECT       /* the connection was lost */
};

struct migrate_event {
    enum migrate_event_kind kind;
    enum migrate_direction direction;
    const char *label;          /* "003_create_users"; NULL for WAITING */
    const char *detail;         /* lent for the call; NULL when there is none */
    uint64_t done, total;
};

struct migrate_options {
    const char *target;
    const char *system;         /* the name in the history */
    const char *dir;            /* its folder, with postgresql/ and sqlite/ below */
    const char *scratch;        /* verify on PostgreSQL: an empty database to build in; NULL: one is made and dropped */
    bool read_only;             /* for status, verify and plans: nothing is created */
    bool may_be_new;            /* with read_only: a SQLite file that is not there counts as an empty database */
    bool out_of_order;          /* run versions whose number is below one that is applied */
    bool accept_changed;        /* take changed files of applied versions as they are and record their new checksums */
    uint32_t wait_ms;           /* for another runner; 0: 60 s */
    uint32_t lock_ms;           /* lock_timeout of a statement; 0: 3 s */
    uint32_t lock_tries;        /* 0: 20 */
    /* Told what happens, for progress; maybe from another thread, never twice at once. May be NULL. */
    void (*event)(void *context, const struct migrate_event *e);
    /* Both may be NULL. Asked between versions, between statements of a file without a transaction, while waiting. */
    bool (*stop)(void *context);
    /* Asked ten times a second, from another thread: cancel the statement that runs, roll its version back. */
    bool (*stop_now)(void *context);
    void *context;
};

struct migrate;

/* Reads the files, then connects. The strings of `o` are copied. */
struct migrate *migrate_open(const struct migrate_options *o, struct err *err);
void migrate_close(struct migrate *m);
const struct plan *migrate_files(const struct migrate *m);
/* The target without its password. */
const char *migrate_target(const struct migrate *m);

/* How far to go. Both zero: to the end (up), one version (down). */
struct migrate_range {
    size_t count;               /* so many versions */
    int64_t until;              /* up: up to this number; down: back to this number, which stays; 0: not given */
    bool all;                   /* down: everything */
};

struct migrate_step {
    int64_t number;
    const char *label;
    enum migrate_direction direction;
    const struct script *script;    /* of migrate_files() */
    size_t from;                /* the first statement that is left; more than 0 when it was left half done */
    uint64_t took_ms;
};

struct migrate_result {
    struct migrate_step *steps; /* in the order of running */
    size_t n;                   /* steps done (plan: to do) */
    bool stopped;               /* by a stop callback, with steps left */
    struct arena arena;
};
void migrate_result_release(struct migrate_result *r);

/* What up or down would run now; changes nothing. The failures are those that running would end in at once. */
int migrate_plan(struct migrate *m, enum migrate_direction d, const struct migrate_range *range,
                 struct migrate_result *ret, struct err *err);

/* Run. *ret is filled in any case: what was done before a failure stays done. Failures: W0705 a statement (file, line,
 * column, sqlstate, statement in `value`), W0706 another runner, W0707 to W0713 as `explain` tells. */
int migrate_up(struct migrate *m, const struct migrate_range *range, struct migrate_result *ret, struct err *err);
int migrate_down(struct migrate *m, const struct migrate_range *range, struct migrate_result *ret, struct err *err);

/* The tables whose rows the steps of a plan would take away, and how many rows they have now. */
struct migrate_loss { const char *table; uint64_t rows; bool more; /* than could be counted quickly */ };
struct migrate_losses { struct migrate_loss *items; size_t n; struct arena arena; };
int migrate_losses(struct migrate *m, const struct migrate_result *plan, struct migrate_losses *ret, struct err *err);
void migrate_losses_release(struct migrate_losses *l);

/* Record versions up to `number` as applied without running them, after verifying that the database is what they
 * would have made. Only while the history of the system is empty. */
int migrate_baseline(struct migrate *m, int64_t number, struct err *err);

enum migrate_state {
    MIGRATE_PENDING = 1, MIGRATE_APPLIED,
    MIGRATE_CHANGED,            /* applied, and its up file says something else since */
    MIGRATE_UNKNOWN,            /* applied, and the disk does not know it */
    MIGRATE_HALF_UP, MIGRATE_HALF_DOWN  /* a no-transaction file was left at `step` */
};

struct migrate_status_row {
    int64_t number;
    const char *label;
    enum migrate_state state;
    const char *at, *who, *program;     /* NULL while pending */
    uint64_t took_ms;
    size_t step, n_statements;
};
struct migrate_status {
    struct migrate_status_row *rows;    /* by number */
    size_t n, n_applied, n_pending, n_odd;  /* odd: changed, unknown, half */
    int64_t current;                    /* the highest applied; 0: none */
    struct arena arena;
};
int migrate_status(struct migrate *m, struct migrate_status *ret, struct err *err);
void migrate_status_release(struct migrate_status *s);

enum migrate_drift_kind { MIGRATE_MISSING = 1, MIGRATE_EXTRA, MIGRATE_DIFFERENT };
struct migrate_drift {
    enum migrate_drift_kind kind;
    const char *object;         /* "table", "column", "index", "view" ... */
    const char *name;           /* "sessions.status" */
    const char *expected, *found;   /* definitions; NULL where there is none */
};
struct migrate_drifts {
    struct migrate_drift *items;
    size_t n;
    size_t compared;            /* objects that were expected */
    size_t foreign;             /* objects of other systems or of nobody, left alone */
    struct arena arena;
};
/* Build what the applied versions should have made in a throw-away place and compare by definition. 0 also when there
 * is drift. */
int migrate_verify(struct migrate *m, struct migrate_drifts *ret, struct err *err);
void migrate_drifts_release(struct migrate_drifts *d);

/* Run the up scripts of a plan up to `until` (0: all) on an open connection, without history, for a throw-away
 * database. Concurrent index builds are made plain ones. */
int migrate_build(struct db *db, const struct plan *plan, int64_t until, struct err *err);

/* The highest version of `system` that is applied completely; 0 when none is, also when there is no history. */
int migrate_current(struct db *db, const char *system, int64_t *ret, struct err *err);
/* Fails (W0717, with what to run) when the database does not have version `needed`. */
int migrate_require(struct db *db, const char *system, int64_t needed, struct err *err);

/* Write empty NNN_name.up.sql and .down.sql for both engines (those whose folder is there; both when none is), with
 * the next free number. ret: their paths, each ending in a newline. Nothing is overwritten. */
int migrate_new(const char *dir, const char *name, struct buf *ret, struct err *err);

#endif
