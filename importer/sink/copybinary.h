/* sink/copybinary.h: a row in the binary form of COPY. Pure: no connection, no setting.
 *
 * Each column has a field, made once from the types of the column and of its cells. A pair without an exact binary
 * form (inet, interval, a text that the server shall read as an integer ...) has none; the whole table is then
 * written with copytext.h. */
#ifndef WINDROW_SINK_COPYBINARY_H
#define WINDROW_SINK_COPYBINARY_H

#include "base/buf.h"
#include "convert/catalog.h"
#include "convert/row.h"

enum copybinary_form {
    COPYBINARY_BOOL = 1, COPYBINARY_INT2, COPYBINARY_INT4, COPYBINARY_INT8, COPYBINARY_FLOAT4, COPYBINARY_FLOAT8,
    COPYBINARY_NUMERIC,     /* of a CELL_NUMERIC or CELL_INT */
    COPYBINARY_BYTES,       /* text, bytea, json, enum: the bytes of the cell */
    COPYBINARY_JSONB, COPYBINARY_UUID, COPYBINARY_DATE, COPYBINARY_TIME, COPYBINARY_TIMESTAMP,
    COPYBINARY_ARRAY,
    COPYBINARY_SPELLED      /* a column of text, its cell spelled as celltext.h does */
};

struct copybinary_field {
    enum copybinary_form form;
    enum copybinary_form element;   /* ARRAY */
    uint32_t element_oid;           /* ARRAY */
    const struct type *cell;        /* lent; SPELLED */
};

/* False when cells of type `cell` have no exact binary form in a column of type `column`. `cell` must live as long as
 * the field. */
bool copybinary_field(const struct type *column, const struct type *cell, struct copybinary_field *ret);

/* What stands before the first row and after the last. */
extern const char copybinary_header[19];
extern const char copybinary_trailer[2];

/* Append one row. On failure nothing is appended; ERR_RECORD (W0516, W0521) when a cell cannot be written, else out of
 * memory. Every cell is null or of the kind that its field was made for. */
int copybinary_row(const struct copybinary_field *fields, size_t n, const struct cell *cells, struct buf *out,
                   struct err *err);

#endif
