/* sink/postgres_order.h: rows of a table that refers to itself, parents first. Of postgres_sink.c,
 * postgres_stage.c and postgres_order.c alone.
 *
 * A reference is checked at the end of each statement. Rows that are written all at once may therefore come in any order; when
 * some are refused and the guilty are looked for, by writing smaller and smaller runs, an innocent row whose parent comes later
 * would be refused with them. So they are written anew behind their parents, and rows that refer to each other in a ring at once,
 * all of them or none; last come those whose parents are nowhere, and what hangs on these. */
#ifndef WINDROW_SINK_POSTGRES_ORDER_H
#define WINDROW_SINK_POSTGRES_ORDER_H

#include "sink/postgres_sink.h"

/* Rows in an order in which they can be written, ring by ring; a row that is in no ring of others is a ring of one. */
struct postgres_rings {
    size_t n;
    uint32_t *ends;             /* of each ring, in `order` */
    uint32_t *order;            /* numbers of rows */
    struct sink_rows rows;      /* in that order */
};

/* Does a column that the rows fill refer to the same table, by columns that they fill too? */
bool postgres_order_matters(const struct sink_table *t);
/* Of rows that are in the stage. Those with a reason are left out. `repeats`: rows of one key keep their order. */
int postgres_order_find(struct sink_table *t, const struct sink_rows *rows, struct err *const *reasons, bool repeats,
                        struct postgres_rings *ret, struct err *err);
void postgres_rings_release(struct postgres_rings *r);
static inline size_t postgres_ring_start(const struct postgres_rings *r, size_t ring)
{
    return ring ? r->ends[ring - 1] : 0;
}
/* Why a row cannot be there: one of its ring was refused, which is `why`. */
void postgres_order_along(const struct sink_table *t, const struct err *why, struct err *ret);
/* Write all rows, which were refused as a whole. */
int postgres_order_write(struct sink_table *t, const struct sink_rows *rows, const struct sink_write *how,
                         struct sink_counts *counts, struct err *err);

#endif
