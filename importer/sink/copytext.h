/* sink/copytext.h: a row in the text form of COPY, for tables with a type that has no exact binary form here. */
#ifndef WINDROW_SINK_COPYTEXT_H
#define WINDROW_SINK_COPYTEXT_H

#include "base/buf.h"
#include "convert/catalog.h"
#include "convert/row.h"

/* Append one line. types[i] is the type of cells[i]. On failure nothing is appended; ERR_RECORD (W0516, W0521) when
 * a cell cannot be written, else out of memory. */
int copytext_row(const struct type *const *types, size_t n, const struct cell *cells, struct buf *out,
                 struct err *err);

/* Append a text as it stands in such a line. -1 when out of memory. */
int copytext_escape(struct str text, struct buf *out);

#endif
