/* migrate/migrate_internal.h: what the files of migrate/ share and nobody else includes. */
#ifndef WINDROW_MIGRATE_MIGRATE_INTERNAL_H
#define WINDROW_MIGRATE_MIGRATE_INTERNAL_H

#include "migrate/history.h"
#include "migrate/migrate.h"

struct migrate {
    struct arena arena;
    struct migrate_options o;
    struct plan plan;
    struct db *db;
    bool locked;                /* the advisory lock is ours */
    int64_t backend;            /* process id of our server session; 0 on SQLite */
    struct watch *watch;        /* while versions run; may be NULL */
    char who[200];
};

/* session.c: the connection, its lock, its settings. */
int session_open(struct migrate *m, struct err *err);
/* Again after a loss, with the lock if it was held; gives up after wait_ms. 0, 1 when stopped, -1. */
int session_reopen(struct migrate *m, struct err *err);
/* 0, 1 when stopped while waiting, -1. */
int session_lock(struct migrate *m, struct err *err);
/* Begin a transaction; on SQLite, where it is the lock, as patiently and talkatively as session_lock(). */
int session_begin(struct migrate *m, struct err *err);
void session_unlock(struct migrate *m);
/* Remember the session's settings; put back what a version changed, drop its temporary tables. */
int session_note_settings(struct migrate *m, struct db_result *ret, struct err *err);
int session_restore_settings(struct migrate *m, const struct db_result *before, struct err *err);
void session_pause(uint32_t ms);
uint64_t session_now_ms(void);
void session_event(const struct migrate *m, enum migrate_event_kind kind, const struct migrate_step *step,
                   const char *detail, uint64_t done, uint64_t total);
/* Is this a lock that was not to be had, a deadlock, a serialization failure? */
bool session_busy(const struct migrate *m, const struct err *err);
/* Has the user asked for an end: soon, at once? And is this failure the statement that was cancelled for it? */
bool session_stop(const struct migrate *m);
bool session_stop_now(const struct migrate *m);
bool session_cancelled(const struct migrate *m, const struct err *err);

/* apply.c, pieces.c: one version in one direction. */
enum apply_outcome {
    APPLY_FAILED = -1,
    APPLY_DONE = 0,
    APPLY_AGAIN = 1,            /* read the history again, then decide */
    APPLY_STOPPED = 2           /* the user asked for it; what is done and what is not stands in the history */
};
enum apply_outcome apply_version(struct migrate *m, const struct version *v, struct migrate_step *step,
                                 struct err *err);
enum apply_outcome pieces_apply(struct migrate *m, const struct version *v, struct migrate_step *step, struct err *err);
/* Shared by both: run a statement, with the place of a failure; begin with the history locked; commit. */
int apply_statement(struct migrate *m, const struct migrate_step *step, size_t i, struct err *err);
int apply_begin(struct migrate *m, struct err *err);
enum apply_outcome apply_commit(struct migrate *m, struct err *err);
void apply_rollback(struct migrate *m);
int apply_lock_timeout(struct migrate *m, bool on, struct err *err);
enum apply_outcome apply_failure(struct migrate *m, const struct migrate_step *step, uint32_t *tries, struct err *err);
int apply_check_references(struct migrate *m, const struct script *s, struct err *err);
int apply_record(struct migrate *m, const struct version *v, const struct migrate_step *step, struct err *err);
/* Add file, line, column and the statement to a failure of the database. */
int apply_place(const struct script *s, size_t i, struct err *cause, struct err *err);

/* watch.c: while the connection is busy with a statement, tells of a long index build and listens for stop_now. */
struct watch;
struct watch *watch_open(struct migrate *m);    /* NULL when there is nothing to tell and nobody to listen to */
void watch_close(struct watch *w);
/* Around one statement. All accept NULL. */
void watch_begin(struct watch *w, const struct migrate_step *step, bool builds_index);
void watch_end(struct watch *w);

/* describe.c: what a database holds, one entry an object, sorted by kind and name. */
struct describe_object {
    const char *kind, *name, *definition;
    const char *owner;          /* the table it hangs on; NULL for what stands by itself */
};
struct describe {
    struct describe_object *objects;
    size_t n;
    struct arena arena;
};
int describe_database(struct db *db, struct describe *ret, struct err *err);
void describe_release(struct describe *d);
/* describe_sqlite.c */
int describe_sqlite(struct db *db, struct describe *ret, struct err *err);
/* Append an object; strings are copied. */
int describe_add(struct describe *d, size_t *capacity, struct describe_object o, struct err *err);

/* scratch.c: a throw-away database of the same engine, empty. */
struct scratch;
struct scratch *scratch_open(struct migrate *m, struct err *err);
struct db *scratch_db(struct scratch *s);
void scratch_close(struct scratch *s);
/* A connection string to another database of the same server. Appended. */
int scratch_target(const char *target, const char *database, struct buf *out, struct err *err);

#endif
