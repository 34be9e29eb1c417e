/* source/pattern_internal.h: a compiled pattern, shared by pattern.c (compiles) and pattern_match.c (matches). */
#ifndef WINDROW_SOURCE_PATTERN_INTERNAL_H
#define WINDROW_SOURCE_PATTERN_INTERNAL_H

#include "base/arena.h"
#include "source/pattern.h"

enum part_kind {
    PART_BYTES,     /* text */
    PART_ONE,       /* ? */
    PART_RUN,       /* * */
    PART_ANY,       /* ** */
    PART_FOLDERS,   /* **, '/' and the start of a name before it: nothing, or up to and with any later '/' */
    PART_NAME,      /* {name}: this and the following are captures */
    PART_INT,
    PART_WORDS,
    PART_DEEP       /* {name:**} */
};

struct part {
    enum part_kind kind;
    bool again;                 /* a capture whose name stands further left already */
    uint8_t capture;
    struct str text;            /* PART_BYTES */
    const struct str *words;    /* PART_WORDS, the shortest first */
    size_t n_words;
};

/* How the slow matcher finds the value of a name that stands twice. */
enum capture_place { CAPTURE_ONCE, CAPTURE_WHOLE, CAPTURE_LOOSE };

struct capture {
    struct str name;
    enum capture_place place;
    uint32_t segment;           /* number of '/' before its first place */
    int32_t offset;             /* bytes between that '/' and the capture; -1: not certain */
    bool certain;               /* no ** stands before it */
    bool whole;                 /* it fills a name */
    enum part_kind kind;
};

struct pattern {
    struct arena arena;
    struct str text;
    struct part parts[PATTERN_PARTS_MAX];
    size_t n_parts;
    struct capture captures[PATTERN_CAPTURES_MAX];
    size_t n_captures;
    bool directory, inner_slash, repeats;
};

static inline bool part_is_capture(const struct part *part) { return part->kind >= PART_NAME; }

/* Whether a capture of this form may have this value. */
bool part_allows(const struct part *part, struct str value);

/* The two matchers give the same answer. The quick one gives up after a number of steps that grows with the path. */
enum quick { QUICK_NO, QUICK_YES, QUICK_GAVE_UP };
enum quick pattern_match_quick(const struct pattern *p, struct str path, const struct str *bound,
                               struct str *captures);
bool pattern_match_slow(const struct pattern *p, struct str path, const struct str *bound, struct str *captures);

#endif
