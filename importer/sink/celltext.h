/* sink/celltext.h: a cell in the words that PostgreSQL's input functions read. Pure; no session setting matters.
 *
 * Times are ISO 8601 with six digits of a second ("2025-01-31T10:00:00.000000Z"; without Z for a time that has no
 * zone), dates "2025-01-31", years before 1 in PostgreSQL's way with " BC". Floats have the digits that read back
 * equal. Bytes are hex with \x, arrays PostgreSQL's literals. */
#ifndef WINDROW_SINK_CELLTEXT_H
#define WINDROW_SINK_CELLTEXT_H

#include "base/buf.h"
#include "convert/catalog.h"
#include "convert/row.h"

enum { CELLTEXT_DIMENSIONS_MAX = 6 };  /* PostgreSQL's own limit for arrays */

/* Append the text of a cell that is not CELL_NULL; `type` is the cell's. -1 when out of memory, or when arrays are
 * nested deeper than CELLTEXT_DIMENSIONS_MAX (ERR_RECORD, W0521). */
int celltext_add(const struct cell *cell, const struct type *type, struct buf *out, struct err *err);

#endif
