/* source/pattern.h: path patterns with named captures.
 *
 *     {sender}/batches/{batch}/{name}_{kind:output|error}.jsonl
 *
 * {name}           one or more bytes other than '/'
 * {name:int}       decimal digits
 * {name:a|b|c}     one of the words
 * {name:**}        any bytes, '/' too, one or more; at most one in a pattern
 * {name:*}         as {name}
 * * and ?          any run of bytes, one byte, never '/'; `**` any bytes, `**` + '/' also none
 * \x               the byte x itself, when it is one of {}*?\
 * A pattern that ends in '/' matches directories, any other one files. A capture name that stands twice must
 * match the same bytes. Captures match as little as they can, from left to right, where there is a choice.
 * Matching takes time linear in path times pattern, never more. Names are bytes. */
#ifndef WINDROW_SOURCE_PATTERN_H
#define WINDROW_SOURCE_PATTERN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { PATTERN_CAPTURES_MAX = 16 };

struct pattern;

/* NULL on failure: ERR_RUN, code W0210, err->byte = offset of the fault in `text`. Ends with pattern_free(). */
struct pattern *pattern_new(struct str text, struct err *err);
void pattern_free(struct pattern *p);

struct str pattern_text(const struct pattern *p);
bool pattern_is_directory(const struct pattern *p);
size_t pattern_captures(const struct pattern *p);
struct str pattern_capture_name(const struct pattern *p, size_t i);
/* The index of the capture with this name, or -1. */
int pattern_capture_index(const struct pattern *p, struct str name);

/* captures[i] is lent from `path`. A path with a trailing '/' is a directory's. */
bool pattern_match(const struct pattern *p, struct str path, struct str captures[PATTERN_CAPTURES_MAX]);

/* A skip list entry: without '/' (other than a last one) it is matched against the last name only, in any
 * directory; with one, against the whole path. */
bool pattern_match_skip(const struct pattern *p, struct str path);

/* The same, but with the given captures (by index; at = NULL where free) fixed beforehand. */
bool pattern_match_bound(const struct pattern *p, struct str path, const struct str bound[PATTERN_CAPTURES_MAX],
                         struct str captures[PATTERN_CAPTURES_MAX]);

/* Append the one path that the pattern gives with these captures; false when a wildcard is left open. */
bool pattern_expand(const struct pattern *p, const struct str captures[PATTERN_CAPTURES_MAX], struct buf *out);

#endif
