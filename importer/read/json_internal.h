/* read/json_internal.h: what the files of the JSON reader share: the linked index of a text, the parser, and
 * the small functions of its inner loop. Included by read/ (and its tests) only. */
#ifndef WINDROW_READ_JSON_INTERNAL_H
#define WINDROW_READ_JSON_INTERNAL_H

#include "base/buf.h"
#include "base/swar.h"
#include "read/json.h"
#include "read/json_simd.h"

struct json_key {
    uint32_t hash, node;
};

/* An indexed text. `pos[i]` is the place of token i, `link[i]` what the check found out about it:
 *
 *     { [      the token of the closing bracket
 *     } ]      flags of all that is inside
 *     string   its flags; a key that another one replaces has JSON_SHADOWED
 *     :        the hash of the key before it
 *
 * pos[n] and pos[n + 1] are the end of the text, so that the end of any token can be found from its successor,
 * and a walk that looks one token too far finds nothing. */
struct json_doc {
    const char *text;
    size_t len;
    const uint32_t *pos;
    uint32_t *link;
    size_t n;
    uint64_t file_byte;     /* of text[0] */
    uint32_t *roots;        /* first tokens of the values that were checked, ascending */
    size_t roots_n, roots_capacity;
    /* The value checked last, if it is an object with the keys of the one before in the same order. */
    uint32_t expected;      /* its first token; UINT32_MAX when it is not */
    uint32_t shape;         /* the same number means the same keys */
    size_t keys_n;
    const struct json_key *keys;    /* NULL when it is flat: then key i is token expected + 1 + 4 * i */
};

enum {
    JSON_SHADOWED = 16,     /* key: not to be seen, see enum json_duplicates */
    JSON_REWRITE = 32,      /* bracket: the source inside is not JSON that means the same (NaN, shadowed keys) */
    JSON_PUBLIC = VALUE_ESCAPED | VALUE_NUL | VALUE_SURROGATE,
    JSON_INSIDE = VALUE_NUL | VALUE_SURROGATE | JSON_REWRITE   /* what a container takes over from its items */
};

enum { JSON_DEPTH_DEFAULT = 512, JSON_DEPTH_MAX = 2048, JSON_KEYS_SMALL = 32 };

/* Objects repeat each other: most have the keys, in the same order, that the object in the same place of the record before had, or
 * of the item before. A key is kept as it stands, from its quote to the colon right behind its other quote, in words. The keys
 * of an object stand side by side; the one behind the last is like no text. */
enum {
    JSON_SHAPE_KEYS = JSON_KEYS_SMALL, JSON_SHAPE_WORDS = 4, JSON_SHAPE_BYTES = 8 * JSON_SHAPE_WORDS,
    JSON_SHAPES_KEYS = 512,     /* of all objects; when they are used up nothing more is learnt */
    JSON_SHAPES_LEARN = 64      /* objects in a row, without a record that was as expected: what never repeats is not worth it */
};
struct json_shape_key {
    uint64_t words[JSON_SHAPE_WORDS], masks[JSON_SHAPE_WORDS];
    size_t len;                 /* with quotes and colon; 0: it is like no text */
    uint32_t links[4];          /* of the tokens of a flat member: key, colon, value, separator */
    struct json_shape_key *inside;      /* keys of the object that is the value, or of the objects in the array that is */
};

/* A container whose end has not come yet. */
struct json_frame {
    struct json_shape_key *place;       /* whose value it is, or is in */
    struct json_shape_key *expected;    /* its next key; `none` when they are no longer those that were expected */
    uint64_t seen;          /* from then on: a bit for each hash among its keys */
    uint32_t open;
    uint32_t keys;          /* from then on: where its keys begin in json_keys */
    int flags;              /* of what is in it */
    char closer;
};

/* Keys of the open objects, innermost last, of those that are not as expected; see json_keys.c. */
struct json_keys {
    struct json_key *at;
    size_t n, capacity;
    uint32_t *table;        /* scratch for one large object */
    size_t table_capacity;
    uint64_t seed[2];
    struct buf decoded;
    /* The first key of the record that repeats an earlier one, and that one. */
    uint32_t second, first;
    bool found;
    struct json_shape_key *shapes;      /* JSON_SHAPES_KEYS; the record's own come first */
    size_t shapes_n, to_learn;
    size_t shape_members;   /* the record had: more than there are keys when one of them cannot be foretold */
    /* Places that no key leads to: the record, items of a record that is an array, what nothing is known of. */
    struct json_shape_key record, items, nowhere;
    struct json_shape_key none;         /* like no text */
};

struct json_parser {
    struct json_doc doc;
    struct json_options options;
    struct json_simd *simd;
    bool whole;             /* the text was indexed in one go; else record by record into own_pos */
    uint32_t *own_pos;
    size_t own_capacity, link_capacity;
    size_t bom;             /* bytes skipped before doc.text */
    size_t at;              /* token where the next record is looked for */
    size_t from;            /* of the record before */
    size_t backslash;       /* place of the first backslash that is not before the current string */
    uint64_t line;          /* of the next record, for messages */
    struct json_frame *frames;
    struct json_keys keys;
};

/* Lines in the message and place of the next json_next() count from `line` instead of 1. */
void json_at_line(struct json_parser *p, uint64_t line);

/* --- the inner loop's functions --- */

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The first byte after token i: only white space may stand between it and the next token. */
static inline size_t json_token_end(const struct json_doc *doc, size_t i)
{
    size_t end = doc->pos[i + 1];

    if ((unsigned char)doc->text[end - 1] <= ' ') {
        while (json_is_space(doc->text[end - 1]))
            end--;
    }
    return end;
}

/* The contents of the string (or key) at token i, which has been checked. */
static inline struct str json_token_text(const struct json_doc *doc, size_t i)
{
    size_t start = doc->pos[i] + (size_t)1;

    return str_make(doc->text + start, json_token_end(doc, i) - 1 - start);
}

/* The last token of the value that begins at token i. */
static inline uint32_t json_value_end(const struct json_doc *doc, uint32_t i)
{
    char c = doc->text[doc->pos[i]];

    return c == '{' || c == '[' ? doc->link[i] : i;
}

/* A quick hash of a decoded key that only ever speeds up a comparison; 8 bytes from `at` are readable. */
static inline uint32_t json_key_hash(const char *at, size_t len)
{
    uint64_t h;

    if (len < 8) {
        h = len ? swar_load(at) & swar_first(len) : 0;
    } else {
        h = swar_load(at) ^ swar_load(at + len - 8) * 0x9e3779b97f4a7c15ULL;
        if (len > 16)
            h += swar_load(at + len / 2 - 4) * 0xd6e8feb86659fd93ULL;
    }
    h += len;
    h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9ULL;
    return (uint32_t)(h >> 32);
}

/* The same of text that may end anywhere. */
uint32_t json_key_hash_of(struct str key);

/* Do `len` bytes agree? 8 bytes from both are readable. */
static inline bool json_same_bytes(const char *a, const char *b, size_t len)
{
    if (len < 8)
        return len == 0 || (swar_load(a) ^ swar_load(b)) << (64 - 8 * len) == 0;
    if (len <= 16)
        return swar_load(a) == swar_load(b) && swar_load(a + len - 8) == swar_load(b + len - 8);
    return memcmp(a, b, len) == 0;
}

/* The type of a value in a checked text is told by its first bytes. */
static inline enum value_type json_type_at(const char *at)
{
    switch (*at) {
    case '{': return VALUE_OBJECT;
    case '[': return VALUE_ARRAY;
    case '"': return VALUE_STRING;
    case 't':
    case 'f': return VALUE_BOOL;
    case 'n':
    case 'N':
    case 'I': return VALUE_NULL;
    case '-': return at[1] == 'I' ? VALUE_NULL : VALUE_NUMBER;
    default: return VALUE_NUMBER;
    }
}

/* The value at token i of a checked text, field by field: to copy in one piece what was just stored in several,
 * as returning it would, stalls the processor. */
static inline void json_fill(const struct json_doc *doc, uint32_t i, struct value *ret)
{
    const char *at = doc->text + doc->pos[i];
    enum value_type type = json_type_at(at);

    ret->type = (uint8_t)type;
    ret->truth = *at == 't';
    ret->flags = 0;
    ret->node = i;
    ret->doc = doc;
    if (type == VALUE_STRING) {
        ret->flags = doc->link[i] & JSON_PUBLIC;
        ret->text.at = at + 1;
        ret->text.len = json_token_end(doc, i) - doc->pos[i] - 2;
    } else if (type == VALUE_ARRAY || type == VALUE_OBJECT) {
        ret->flags = doc->link[doc->link[i]] & JSON_PUBLIC;
        ret->text = str_make(NULL, 0);
    } else {
        ret->text.at = at;
        ret->text.len = json_token_end(doc, i) - doc->pos[i];
    }
}

static inline struct value json_node(const struct json_doc *doc, uint32_t i)
{
    struct value v;

    json_fill(doc, i, &v);
    return v;
}

/* Append the JSON Pointer from the value at token `root` to the one at token `i` inside it. False when out of
 * memory. */
bool json_pointer(const struct json_doc *doc, uint32_t root, uint32_t i, struct buf *out);

/* The whole token is a number in JSON's spelling. */
bool json_is_number(struct str token);

/* The same for the most frequent kind: digits, perhaps a point and digits. False says nothing. */
static inline bool json_is_plain_number(const char *at, size_t len)
{
    size_t whole = swar_digits(at, len), fraction = len - whole - 1;

    if (whole == 0 || (*at == '0' && whole > 1))
        return false;
    return whole == len || (at[whole] == '.' && fraction > 0 && swar_digits(at + whole + 1, fraction) == fraction);
}

/* See p->backslash: bring it up to `from`. In most texts the next one is far away, so that strings need not be looked at one
 * by one. */
void json_find_backslash(struct json_parser *p, size_t from);

/* --- json_flat.c: records that are like the one before and have no parts --- */

/* Check the value that begins at token `first` and ends before `to`, if it is a flat record (see json.h): true with *ret the token
 * behind it. False says nothing, and nothing is noted that the long way would not note again. */
bool json_walk_flat(struct json_parser *p, uint32_t first, size_t to, uint32_t *ret);

/* --- json_text.c: escapes --- */

/* Flags of a string with escapes, -1 if one of them is wrong. */
int json_escapes_check(const char *at, size_t len);

/* The index of the first wrong escape's backslash, or len. */
size_t json_escapes_wrong_at(const char *at, size_t len);

/* Decode checked escapes; `out` has room for `len` bytes. The length is returned. A lone surrogate becomes
 * U+FFFD, or with `keep` the three bytes that UTF-8 would have for it, so that different keys stay different. */
size_t json_decode(const char *at, size_t len, char *out, bool keep);

/* Order by code points of two strings, each perhaps with escapes. */
int json_text_cmp(struct str a, bool a_escaped, struct str b, bool b_escaped);

/* --- json_keys.c: keys that stand twice --- */

int json_keys_init(struct json_keys *k);
void json_keys_release(struct json_keys *k);
int json_keys_grow(struct json_keys *k);

/* The hash of a key with escapes; -1 when out of memory. */
int json_keys_hash_escaped(struct json_keys *k, struct str raw, uint32_t *ret);

/* Note a key of the innermost object; -1 when out of memory. */
static inline int json_keys_push(struct json_keys *k, uint32_t node, uint32_t hash)
{
    if (k->n == k->capacity && json_keys_grow(k) < 0)
        return -1;
    k->at[k->n].hash = hash;
    k->at[k->n++].node = node;
    return 0;
}

/* Does the key noted last repeat one of the object whose keys begin at `base`? Flags of the object. Says nothing
 * beyond JSON_KEYS_SMALL keys: json_keys_close() does then. */
int json_keys_compare(struct json_parser *p, size_t base);

/* Remember the `n` keys of the record's outermost object, which are noted from the first on and differ; all else is forgotten. */
void json_keys_learn(struct json_parser *p, size_t n);

/* Remember those of an object inside it, noted from `base` on. */
void json_keys_learn_inside(struct json_parser *p, struct json_shape_key *place, size_t base);

/* Does this key stand at `at`, where a token begins? Then it has been checked: it has no escapes, the quote behind it is its
 * end, and the colon behind that the next token. */
static inline bool json_key_stands(const char *at, const struct json_shape_key *key)
{
    uint64_t differ = ((swar_load(at) & key->masks[0]) ^ key->words[0]) | ((swar_load(at + 8) & key->masks[1]) ^ key->words[1]);

    if (key->len > 16)
        differ |= ((swar_load(at + 16) & key->masks[2]) ^ key->words[2]) |
                  ((swar_load(at + 24) & key->masks[3]) ^ key->words[3]);
    return differ == 0;
}

/* Look for repetitions among the many keys from `base` on; flags of the object, or -1 when out of memory. */
int json_keys_close(struct json_parser *p, size_t base);

/* --- json_scan.c: the slow scan --- */

struct json_fault {
    enum code code;
    size_t at;              /* place of the offending byte; len when the text ends too early */
    size_t end;             /* and behind it, for the value shown */
    char message[120];
    const char *label, *help;
};

struct json_scan {
    uint32_t depth_max;
    bool allow_nonfinite;
    bool file_start;        /* text[0] is the first byte of a file: look for UTF-16 */
};

/* True when text[0, len) is one JSON value; else *ret tells the first thing wrong. With `pos` (room for
 * len + 1 places) it makes the same index as json_simd_index(). */
bool json_scan(const struct json_scan *how, const char *text, size_t len, struct json_fault *ret, uint32_t *pos,
               size_t *n);

/* Does a file that begins like this hold UTF-16: a byte order mark, or every second byte NUL? */
bool json_looks_like_utf16(const char *text, size_t len);

#endif
