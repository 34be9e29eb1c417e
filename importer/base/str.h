/* base/str.h: `struct str`, a borrowed view of bytes. Never freed, may hold NULs, need not end in one. */
#ifndef WINDROW_BASE_STR_H
#define WINDROW_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *at;
    size_t len;
};

/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).at
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline struct str str_make(const char *at, size_t len) { return (struct str){at, len}; }
static inline struct str str_of(const char *text) { return (struct str){text, text ? strlen(text) : 0}; }

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool str_is(struct str a, const char *text) { return str_eq(a, str_of(text)); }

/* Bytewise order; a prefix comes first. */
int str_cmp(struct str a, struct str b);

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);

/* The whole of `s` as a decimal integer; false, and *ret untouched, if it is none or does not fit. */
bool str_parse_int64(struct str s, int64_t *ret);
bool str_parse_uint64(struct str s, uint64_t *ret);

/* "256M", "1.5G", "4096": bytes. Suffixes k M G T and their lower case, powers of 1024, optional iB or B. */
bool str_parse_size(struct str s, uint64_t *ret);

/* A copy that ends in NUL, for free(). NULL when out of memory. */
char *str_dup(struct str s);

/* The length of the longest prefix of at most `max` bytes that does not end inside a UTF-8 character. */
size_t str_cut_utf8(struct str s, size_t max);

/* The first byte that does not begin or continue valid UTF-8 (overlong, surrogates and above U+10FFFF are
 * invalid), or s.len. */
size_t str_utf8_invalid_at(struct str s);

/* Code points in valid UTF-8. */
size_t str_utf8_count(struct str s);

/* The candidate nearest to `word` by edit distance, for "did you mean"; NULL when none is near. */
const char *str_nearest(struct str word, const char *const *candidates, size_t n);

/* FNV-1a, for hash tables over names. */
uint64_t str_hash(struct str s);

#endif
