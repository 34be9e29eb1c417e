/* convert/convert.h: a value becomes a cell of a column, exactly, or is refused with its reason.
 *
 * No conversion is silent: "12" is no integer, 1.5 none either, 300 characters do not fit varchar(255), a time
 * needs its zone. What the mapping allows beyond that stands in the options. No input or output here.
 *
 *     column          takes                                               with coerce also
 *     bool            true, false                                         "true", "false"
 *     integers        digits, within the range of the type                1.0, 1e3; "12", "1e3"
 *     numeric         any number within precision and scale, never rounded "1.50"
 *     float           any number; neither overflow nor underflow to 0     "1.5"
 *     text            strings of at most `length` code points             numbers as written, true, false
 *     bytea           strings: raw, hex, base64, base64url
 *     uuid            32 hexadecimal digits, with hyphens in the usual places or without any
 *     date            2025-01-31
 *     time            10:00:00, 10:00:00.5
 *     timestamp       2025-01-31T10:00:00 (or a blank for T), fraction of at most six digits
 *     timestamptz     the same with Z or +02:00 (RFC 3339), or without when options->zone is set
 *     json, jsonb     any value, as it stands in the source; jsonb no number beyond the range of numeric
 *     enum            one of the labels
 *     array           arrays, null elements included
 *     others          strings, numbers, true, false; the database reads the text
 *
 * Years are 0001 to 9999, there is no second 60. A format makes times of other text, and of numbers (epoch_s,
 * epoch_ms, epoch_us: exact to the microsecond; with coerce of digits in a string too). An instant goes into a
 * timestamp, and into a date or time, only when options->zone says whose wall clock is meant; a date takes no time
 * of day but midnight. */
#ifndef WINDROW_CONVERT_CONVERT_H
#define WINDROW_CONVERT_CONVERT_H

#include "convert/catalog.h"
#include "convert/row.h"
#include "read/value.h"

struct zone;

enum convert_nul { CONVERT_NUL_REJECT = 0, CONVERT_NUL_STRIP, CONVERT_NUL_REPLACE };
enum convert_utf8 { CONVERT_UTF8_REJECT = 0, CONVERT_UTF8_REPLACE };

/* What was mended on request, counted by the caller; and times without zone that a change of the clock makes
 * ambiguous (the earlier was taken) or skips (the time after the gap was taken). */
enum {
    CONVERT_DID_NUL = 1, CONVERT_DID_UTF8 = 2, CONVERT_DID_TRIM = 4, CONVERT_DID_AMBIGUOUS = 8, CONVERT_DID_GAP = 16
};

struct convert_options {
    bool trim;                      /* ASCII white space at both ends of strings */
    bool coerce;                    /* `coerce: true`: "12" -> 12, 12 -> "12", "true" -> true, exactly or not at all */
    enum convert_nul nul;
    enum convert_utf8 utf8;         /* invalid bytes and lone surrogates */
    const char *format;             /* time: rfc3339 (default, NULL), epoch_s, epoch_ms, epoch_us, or strptime's letters
                                       %Y %m %d %H %M %S %f (fraction) %z %b %B %a %A %y %j %p %I %s %%, in which
                                       a blank stands for one or more; bytea: raw (default), hex, base64, base64url */
    const struct zone *zone;        /* for times without one; NULL: such a time is refused */
};

/* `v` is neither ABSENT nor NULL; `options` may be NULL. Decoded text and arrays are put into `a`, other text is
 * lent from `v`. On success what was mended is added to *did (may be NULL). On failure ERR_RECORD (ERR_RUN when
 * out of memory or for a format that convert_format_check() refuses), mostly W0412, with label ("expected
 * integer"), value and help; for an element of an array also its pointer and byte. The caller adds the places. */
int convert_value(const struct value *v, const struct type *type, const struct convert_options *options,
                  struct arena *a, struct cell *ret, unsigned *did, struct err *err);

/* The same for the values that most records are made of, without options, messages or memory. What that takes of a column is
 * found out once. */
enum convert_way {
    CONVERT_LONG_WAY = 0, CONVERT_BOOL, CONVERT_INT, CONVERT_NUMERIC, CONVERT_TEXT, CONVERT_INSTANT
};
struct convert_quick {
    enum convert_way way;
    bool nullable;                  /* null is a cell like another */
    uint64_t most;                  /* int: the largest number; text: bytes */
    size_t whole, fraction;         /* numeric: digits */
};
struct convert_quick convert_quick(const struct type *type, const struct convert_options *options, bool nullable);

/* `token` is a value as it stands in a checked JSON text, JSON_PADDING bytes readable behind it; a string has its quotes and
 * no escapes. True with *ret filled when there is nothing to decide, to mend or to refuse; it lends from the token. False says
 * nothing: convert_value() knows. */
bool convert_token(struct str token, const struct convert_quick *how, struct cell *ret);

/* The same for any value that is there. */
bool convert_quickly(const struct value *v, const struct convert_quick *how, struct cell *ret);

/* "integer", "text of at most 255 characters", "one of 'a', 'b'": for messages. In `a`; never NULL. */
const char *convert_expected(const struct type *type, struct arena *a);

/* Whether `format` can be used for a column of this type (for an array: its elements): 0, or -1 with ERR_RUN,
 * W0414 and err->byte = the place of the fault in `format`. */
int convert_format_check(const char *format, const struct type *type, struct err *err);

#endif
