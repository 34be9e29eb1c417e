/* sink/sink_internal.h: what the sinks share behind sink.h. */
#ifndef WINDROW_SINK_SINK_INTERNAL_H
#define WINDROW_SINK_SINK_INTERNAL_H

#include "sink/sink.h"

/* All rows of one struct sink_rows; an offset must fit 32 bits. PostgreSQL's own limit for a value is 1 GiB. */
#define SINK_ROWS_BYTES_MAX ((size_t)0xf0000000)

/* The row appended since `start` is complete. When it does not fit (W0516) it is taken off again. */
int sink_rows_end(struct sink_rows *rows, size_t start, struct err *err);

/* Does the table still have the columns that the catalogue found? Its values were made for these. `now`: a line for each column,
 * its name, a blank, its type; a null str when there is no such table. -1 with W0522. */
int sink_check_columns(const struct catalog_table *table, struct str now, struct err *err);

/* A condition over old.COLUMN and new.COLUMN, with the two words replaced where they qualify a name and stand outside
 * quotes and comments. Appended to `out`; -1 only on want of memory. */
int sink_condition(struct str when, const char *old_name, const char *new_name, struct buf *out);

#endif
