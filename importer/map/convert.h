/* map/convert.h: a value becomes a cell of a column, exactly, or is refused with its reason.
 *
 * No conversion is silent: "12" is no integer, 1.5 none either, 300 characters do not fit varchar(255), a time
 * needs its zone. What the mapping allows beyond that stands in the options. No input or output here. */
#ifndef WINDROW_MAP_CONVERT_H
#define WINDROW_MAP_CONVERT_H

#include "map/catalog.h"
#include "map/row.h"
#include "read/value.h"

struct zone;

enum convert_nul { CONVERT_NUL_REJECT = 0, CONVERT_NUL_STRIP, CONVERT_NUL_REPLACE };
enum convert_utf8 { CONVERT_UTF8_REJECT = 0, CONVERT_UTF8_REPLACE };

/* What was mended on request, counted by the caller. */
enum { CONVERT_DID_NUL = 1, CONVERT_DID_UTF8 = 2, CONVERT_DID_TRIM = 4 };

struct convert_options {
    bool trim;
    bool coerce;                    /* `coerce: true`: "12" -> 12, 12 -> "12", "true" -> true, exactly or not at all */
    enum convert_nul nul;
    enum convert_utf8 utf8;         /* invalid bytes and lone surrogates */
    const char *format;             /* time: rfc3339 (default, NULL), epoch_s, epoch_ms, epoch_us, or strptime's letters;
                                       bytea: raw (default), hex, base64 */
    const struct zone *zone;        /* for times without one; NULL: such a time is refused */
};

/* `v` is neither ABSENT nor NULL. Decoded text and arrays are put into `a`. On failure ERR_RECORD, mostly W0412,
 * with label ("expected integer") and value; the caller adds the places. */
int convert_value(const struct value *v, const struct type *type, const struct convert_options *options,
                  struct arena *a, struct cell *ret, unsigned *did, struct err *err);

/* "integer", "text of at most 255 characters", "one of 'a', 'b'": for messages. In `a`. */
const char *convert_expected(const struct type *type, struct arena *a);

#endif
