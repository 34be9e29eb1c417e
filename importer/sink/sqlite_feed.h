/* sink/sqlite_feed.h: a virtual table that reads windrow's encoded rows.
 *
 * `INSERT INTO t SELECT c0, c1, ... FROM <feed>` lets SQLite fetch a whole chunk of rows by itself. Against one bind
 * and step for each row that was measured at 0.55 of the time (500,000 rows of 10 columns: 0.7 s to 1.3 s), which
 * is all of the cost that is not the B-tree's. */
#ifndef WINDROW_SINK_SQLITE_FEED_H
#define WINDROW_SINK_SQLITE_FEED_H

#include "sink/sink.h"
#include "sink/sqlite_internal.h"

struct sqlite_feed {
    struct sqlite_db *d;
    char name[40];              /* of the virtual table, for SQL */
    size_t n_columns;           /* c0, c1, ... */
    const struct sink_rows *rows;   /* what the next statement reads: rows `next` to before `end` */
    size_t next, end;           /* after the statement: the row that it failed at */
};

/* Register the table on the connection; `serial` makes its name unique there. The struct must not move. */
int sqlite_feed_init(struct sqlite_feed *feed, struct sqlite_db *d, unsigned serial, size_t n_columns, struct err *err);
/* Statements that name it must be finalized before. */
void sqlite_feed_release(struct sqlite_feed *feed);

#endif
