/* convert/row.h: a row on its way to the database: cells that are already exact and checked.
 *
 * The kind of a cell follows the kind of its column's type (convert/catalog.h), so a sink needs no conversion, only
 * its wire format. Text and bytes are lent until the row has been encoded. */
#ifndef WINDROW_CONVERT_ROW_H
#define WINDROW_CONVERT_ROW_H

#include "base/str.h"

enum cell_kind {
    CELL_NULL = 0,
    CELL_BOOL,      /* n: 0 or 1 */
    CELL_INT,       /* n, within the range of the column */
    CELL_FLOAT,     /* f */
    CELL_NUMERIC,   /* text: sign, digits, point, as stored; or "NaN" */
    CELL_TEXT,      /* text: valid UTF-8 without NUL, within the column's length; also enum labels, OTHER */
    CELL_BYTES,     /* text: any bytes */
    CELL_UUID,      /* text: 16 bytes */
    CELL_DATE,      /* n: days since 1970-01-01 */
    CELL_TIME,      /* n: microseconds since midnight */
    CELL_TIMESTAMP, /* n: microseconds since 1970-01-01 00:00; UTC for timestamptz */
    CELL_JSON,      /* text: JSON */
    CELL_ARRAY      /* items */
};

struct cell {
    enum cell_kind kind;
    union {
        int64_t n;
        double f;
        struct str text;
        struct {
            const struct cell *at;
            size_t n;
        } items;
    };
};

#endif
