/* sink/postgres_order.h: rows of a table that refers to itself, parents first. Of postgres_sink.c and postgres_order.c alone.
 *
 * A reference is checked at the end of each statement. Rows that are written all at once may therefore come in any order; when
 * some are refused and the guilty are looked for, by writing smaller and smaller runs, an innocent row whose parent comes later
 * would be refused with them. So they are written anew behind their parents. Rows that refer to each other in a ring come next,
 * at once if the database takes them so; last those whose parents are nowhere, and what hangs on these. */
#ifndef WINDROW_SINK_POSTGRES_ORDER_H
#define WINDROW_SINK_POSTGRES_ORDER_H

#include "sink/postgres_sink.h"

/* Does a column that the rows fill refer to the same table, by columns that they fill too? */
bool postgres_order_matters(const struct sink_table *t);
/* Write all rows, which were refused as a whole. */
int postgres_order_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                         struct sink_counts *counts, struct err *err);

#endif
