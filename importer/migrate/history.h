/* migrate/history.h: which versions a database has, kept in the database itself. */
#ifndef WINDROW_MIGRATE_HISTORY_H
#define WINDROW_MIGRATE_HISTORY_H

#include "sink/db.h"

enum history_state { HISTORY_APPLIED = 1, HISTORY_GOING_UP, HISTORY_GOING_DOWN };

struct history_row {
    int64_t number;
    const char *name;           /* "create_users" */
    enum history_state state;
    const char *checksum;       /* of the up script's statements */
    int64_t step;               /* GOING_*: statements that are done */
    const char *done;           /* GOING_*: digest of those, NULL for none */
    const char *doing;          /* digest of a statement outside any transaction that was begun and not seen to end */
    int64_t took_ms;
    const char *at, *who, *program;     /* filled when read */
};

struct history {
    struct history_row *rows;   /* by number */
    size_t n;
    struct arena arena;
};

/* Make the tables when they are missing. Call it under the lock. */
int history_create(struct db *db, struct err *err);
/* All rows of a system; none when there is no history yet. */
int history_read(struct db *db, const char *system, struct history *ret, struct err *err);
void history_release(struct history *h);
const struct history_row *history_find(const struct history *h, int64_t number);

/* Inside a transaction: nobody else writes to the history until its end. */
int history_hold(struct db *db, struct err *err);
/* Insert or replace the row of a version; `at` is now. */
int history_put(struct db *db, const char *system, const struct history_row *row, const char *who, struct err *err);
int history_remove(struct db *db, const char *system, int64_t number, struct err *err);
/* A line in the log that only grows. */
int history_log(struct db *db, const char *system, const struct history_row *row, const char *direction,
                const char *who, struct err *err);
/* How many systems have rows. */
int history_systems(struct db *db, int64_t *ret, struct err *err);

#endif
