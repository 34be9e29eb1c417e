/* sink/dangling.h: which rows have a foreign key that leads nowhere? The question as SQL, the same for both engines.
 *
 * The rows are in a stage: a table with the columns seq (the number of the row) and c0, c1, ... by ordinal in the spec. A key
 * that is looked up (`ref:`) or that the rows do not fill is not asked about. */
#ifndef WINDROW_SINK_DANGLING_H
#define WINDROW_SINK_DANGLING_H

#include "sink/sink.h"

struct dangling {
    const struct sink_spec *spec;
    const char *stage;          /* as in SQL */
    bool all;                   /* all foreign keys, not only those that the catalogue calls deferred */
    bool fresh;                 /* no row met one that was there before */
};

/* Append the question. 0; 1: there is nothing to ask; -1: out of memory. */
int dangling_ask(const struct dangling *d, struct buf *sql);
/* Its answer to how->refused, in order of rows. */
void dangling_tell(const struct dangling *d, const struct db_result *answer, const char *sqlstate, const struct sink_write *how);

#endif
