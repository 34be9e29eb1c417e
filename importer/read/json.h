/* read/json.h: strict JSON over text in memory, in place.
 *
 * RFC 8259, nothing more: every byte is checked, also of values nobody asks for. Refused, with the place:
 * invalid UTF-8, raw control characters and NUL, trailing garbage, nesting beyond `depth_max`, and a key that
 * stands twice in one object (unless `duplicates` says first or last), also when spelt with escapes. A UTF-8
 * byte order mark is skipped at offset 0 of a file only; UTF-16 is refused with a hint. \u0000 and lone
 * surrogates are valid JSON: the value and all that contain it carry a flag and the column decides.
 *
 * The text is indexed once with SIMD (json_simd.cpp: the positions of all tokens), then checked and linked by
 * one walk, after which every value is reachable in place. A structure error is found again by a slow scan
 * for its exact place and reason. */
#ifndef WINDROW_READ_JSON_H
#define WINDROW_READ_JSON_H

#include "read/value.h"

enum json_duplicates { JSON_DUPLICATES_REJECT = 0, JSON_DUPLICATES_FIRST, JSON_DUPLICATES_LAST };

struct json_options {
    uint32_t depth_max;                 /* 0: the default, 512; capped at 2,048 */
    enum json_duplicates duplicates;
    bool allow_nonfinite;               /* Infinity, -Infinity and NaN read as null */
    uint64_t memory_max;                /* for one text and what is found out about it; 0: no bound */
};

/* Bytes that must be readable (any content) after the end of every text given to this module. */
enum { JSON_PADDING = 64 };

/* A text being read. Its arrays belong to the parser; values lend from it until the next json_index(). */
struct json_doc;
struct json_parser;
struct json_parser *json_parser_new(const struct json_options *options, struct err *err);
void json_parser_free(struct json_parser *p);

/* Index `text`, which holds one or many values (lines). `file_byte` is the place of text[0] in its file,
 * for value_byte(). The text is lent and must outlive the values. Never refuses content: a text that cannot
 * be indexed as a whole is indexed value by value in json_next(). Fails only for want of memory. */
int json_index(struct json_parser *p, struct str text, uint64_t file_byte, struct err *err);

/* Check the one value that occupies text[from, to), white space around it allowed, and make it reachable.
 * Calls for one indexed text go from left to right. On failure scope is ERR_RECORD, err->byte is the byte in
 * the file, and err->line/column count from text[from] (line 1 = the line of `from`). */
int json_next(struct json_parser *p, size_t from, size_t to, struct value *ret, struct err *err);

/* Bytes of memory behind a value of a text: the text, and what was found out about it. 0 for a built one. */
uint64_t json_memory(const struct value *v);

/* The three steps for a whole small text at once. */
int json_parse(struct json_parser *p, struct str text, struct value *ret, struct err *err);

/* A set of paths, walked together: one pass over the objects and arrays that they need fills all slots. */
struct json_paths;
enum json_step_kind { JSON_STEP_KEY, JSON_STEP_INDEX };
struct json_step {
    enum json_step_kind kind;
    struct str key;
    int64_t index;
};
struct json_paths *json_paths_new(struct err *err);
/* Add a path (no steps: the value itself); its slot number is the return value, counted from 0; a path that
 * is there already gives the same slot. -1 when out of memory. Steps are copied. */
int json_paths_add(struct json_paths *paths, const struct json_step *steps, size_t n);
/* A path that is only marked as read, for coverage: everything below it counts as read. */
int json_paths_cover(struct json_paths *paths, const struct json_step *steps, size_t n);
size_t json_paths_count(const struct json_paths *paths);
void json_paths_free(struct json_paths *paths);

/* Fill slots[0..count). A path through a missing key or null is ABSENT; through any other value that is not an
 * object (or array) it is ABSENT too, except that `*misfit` (if not NULL) then gets the first such value.
 * `unread` (may be NULL) is told of every key that no path reads, at the topmost level where it is unread. */
struct json_unread {
    void (*key)(void *context, const struct value *object, struct str key_raw, const struct value *item);
    void *context;
};
void json_select(const struct json_paths *paths, const struct value *root, struct value *slots,
                 struct value *misfit, const struct json_unread *unread);

/* The same, with a memory of where keys were found: records that have the keys of the one before in the same order
 * need no search. `= {0}` to begin with; it serves one parser at a time, and must not outlive it. */
enum { JSON_MEMO_KEYS = 32 };
struct json_memo {
    const struct json_paths *paths;
    const struct json_doc *doc;
    uint32_t shape;
    const void *found[JSON_MEMO_KEYS];
};
void json_select_again(const struct json_paths *paths, const struct value *root, struct value *slots,
                       struct value *misfit, const struct json_unread *unread, struct json_memo *memo);

/* A flat record is an object with at most 32 keys, which are those of the record before it in the same order, and no value of
 * which is a container, has an escape or an exponent, or white space between it and the comma: most records of most files.
 * Its members are known by their number and need no search, and their values need no struct value. */
struct json_flat {
    const char *text;
    const uint32_t *values;     /* value i begins at values[4 * i] and ends at values[4 * i + 1] */
    size_t members;
    uint32_t shape;             /* of two flat records of one parser with the same number, all keys are the same */
};

/* False: `root`, a value that json_next() gave last, is not one, or was not read as one. Lent as the value is. */
bool json_flat(const struct value *root, struct json_flat *ret);

/* A value as it stands in the text, quotes included. */
static inline struct str json_flat_token(const struct json_flat *flat, size_t member)
{
    const uint32_t *value = flat->values + 4 * member;

    return str_make(flat->text + value[0], value[1] - value[0]);
}

/* Find for each slot of the paths the member that it gets in a flat record: `ret` has room for json_paths_count(). False when
 * that is not all: a path goes on below a member, or, with `all`, some key is not on any. */
enum { JSON_FLAT_ABSENT = -1, JSON_FLAT_WHOLE = -2 };   /* no member; the record itself */
bool json_flat_members(const struct json_paths *paths, const struct value *root, bool all, int32_t *ret);

#endif
