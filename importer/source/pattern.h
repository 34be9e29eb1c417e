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
 * \x               the byte x itself, when it is one of {}*?\ (in a word also |)
 *
 * A pattern that ends in '/' matches directories, any other one files. A capture name that stands twice must
 * match the same bytes; its first place must be certain: a whole name between two '/', or (for one name of the
 * pattern) a part of a name, at most 1,024 bytes, that has only plain bytes and ? before it, and no `**` before
 * either.
 * Captures and wildcards match as little as they can, from left to right, where there is a choice.
 * Matching takes time linear in the length of the path, whatever the path. Names are bytes. */
#ifndef WINDROW_SOURCE_PATTERN_H
#define WINDROW_SOURCE_PATTERN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum {
    PATTERN_CAPTURES_MAX = 16,
    PATTERN_PARTS_MAX = 64,             /* captures, wildcards and the runs of plain bytes between them */
    PATTERN_PATH_MAX = 256 * 1024       /* a longer path matches nothing; a walk gives out none */
};

struct pattern;

/* NULL on failure: ERR_RUN, code W0210 (how it is written), W0211 (a name in it) or W0212 (a limit),
 * err->byte = offset of the fault in `text`. Ends with pattern_free(). */
struct pattern *pattern_new(struct str text, struct err *err);
void pattern_free(struct pattern *p);

struct str pattern_text(const struct pattern *p);
bool pattern_is_directory(const struct pattern *p);
size_t pattern_captures(const struct pattern *p);
struct str pattern_capture_name(const struct pattern *p, size_t i);
/* The index of the capture with this name, or -1. */
int pattern_capture_index(const struct pattern *p, struct str name);

/* captures[i] is lent from `path`. A path with a trailing '/' is a directory's. Without a match the captures
 * are unspecified. */
bool pattern_match(const struct pattern *p, struct str path, struct str captures[PATTERN_CAPTURES_MAX]);

/* A skip list entry: without '/' (other than a last one) it is matched against the last name only, in any
 * directory; with one, against the whole path. One that does not end in '/' skips directories too. */
bool pattern_match_skip(const struct pattern *p, struct str path);

/* The same, but with the given captures (by index; at = NULL where free) fixed beforehand. */
bool pattern_match_bound(const struct pattern *p, struct str path, const struct str bound[PATTERN_CAPTURES_MAX],
                         struct str captures[PATTERN_CAPTURES_MAX]);

/* Append the one path that the pattern gives with these captures; false, and nothing appended, when a wildcard
 * or capture is left open, when a capture is not of its form ('/' in {name}), or when out of memory. */
bool pattern_expand(const struct pattern *p, const struct str captures[PATTERN_CAPTURES_MAX], struct buf *out);

#endif
