/* sink/sqlite_row.h: rows on their way to SQLite, as bytes: one tag and a payload for each value.
 *
 * No input or output. What is written is what the column will hold: SQLite's affinity finds nothing left to convert,
 * and a value that the affinity would change is refused (W0557) instead. The stored forms:
 *
 *   bool           INTEGER 0 or 1; in a text column 'true' or 'false'
 *   integers       INTEGER; in a text column the digits; in a REAL column only up to 2^53
 *   numeric        in a text column the digits as they are. Elsewhere INTEGER when whole and within 64 bits, REAL when
 *                  the shortest decimal that reads back as the same double has the same digits (always so up to 15);
 *                  other numbers are refused, for SQLite would round them. 1.50 is stored as 1.5
 *   float          REAL; in a text column the shortest digits. NaN is refused: SQLite would store NULL
 *   text, enum     TEXT. In a column without text affinity (declared STRING, INET ...) a text that looks like a number
 *                  is refused unless SQLite gives the same digits back: '007' would become 7
 *   bytea          BLOB
 *   uuid           TEXT, 36 characters, lower case
 *   date           '2025-01-31'
 *   time           '10:00:00.123456'
 *   timestamptz    '2025-01-31T10:00:00.123456Z', always UTC and six digits, so that the order of texts is the order of
 *                  times; timestamp without the Z. In a DATETIME column '2025-01-31 10:00:00.123456', as ORMs write it
 *   json           the text as it is
 *   arrays         JSON text: numbers as numbers, times and uuids as above, bytes as "\\x6869"
 *
 * Years before 0 or after 9999 are refused, since their texts would not sort. */
#ifndef WINDROW_SINK_SQLITE_ROW_H
#define WINDROW_SINK_SQLITE_ROW_H

#include "base/buf.h"
#include "convert/catalog.h"
#include "convert/row.h"

enum sqlite_affinity { SQLITE_AFFINITY_BLOB = 0, SQLITE_AFFINITY_TEXT, SQLITE_AFFINITY_NUMERIC, SQLITE_AFFINITY_INTEGER,
                       SQLITE_AFFINITY_REAL };

/* By SQLite's rules for the declared type; NULL or "" is BLOB. */
enum sqlite_affinity sqlite_row_affinity(const char *declared);

/* How the cells of one column are stored. */
struct sqlite_slot {
    enum sqlite_affinity affinity;
    bool zoned;                 /* timestamps end in Z */
    bool spaced;                /* timestamps as a DATETIME column holds them */
};

/* `cell` is the type that the mapping gave, `column` that of the table; either decides about its part. */
struct sqlite_slot sqlite_row_slot(const struct type *cell, const struct type *column);

/* Append one value. -1: out of memory (ERR_RUN), or the value is refused (ERR_RECORD). */
int sqlite_row_add(const struct sqlite_slot *slot, const struct cell *cell, struct buf *out, struct err *err);

enum sqlite_kind { SQLITE_IS_NULL = 0, SQLITE_IS_INTEGER, SQLITE_IS_REAL, SQLITE_IS_TEXT, SQLITE_IS_BLOB };
struct sqlite_value {
    enum sqlite_kind kind;
    int64_t n;
    double f;
    struct str text;            /* lent by the row */
};

/* Read the value at `at`, which sqlite_row_add() wrote; the next one begins at the result. */
const char *sqlite_row_next(const char *at, struct sqlite_value *ret);

/* The shortest decimal that reads back as the same double, as PostgreSQL prints it; "Infinity", "-Infinity", "NaN". */
enum { SQLITE_DOUBLE_MAX = 32 };
size_t sqlite_row_double(double f, char out[SQLITE_DOUBLE_MAX]);

#endif
