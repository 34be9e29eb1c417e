/* read/value.h: any value that a record, a document or an expression can hold.
 *
 * A value is a small struct, copied freely. What it points to is lent: by the record's text (until the
 * reader's next record) or by an arena. Absent, null and empty are three things.
 *
 * A value that was read from JSON knows where it stands (`doc`, `node`) and is not decoded until asked:
 * numbers keep their digits, strings their escapes, arrays and objects are walked in place. A built value
 * (made by an expression, a log line, a file) has no place. The functions below treat both alike. */
#ifndef WINDROW_READ_VALUE_H
#define WINDROW_READ_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum value_type {
    VALUE_ABSENT = 0,
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_NUMBER,   /* text: a JSON number, digits as written */
    VALUE_STRING,   /* text: the contents; still escaped when VALUE_ESCAPED */
    VALUE_ARRAY,
    VALUE_OBJECT
};

enum {
    VALUE_ESCAPED = 1,      /* string: `text` is JSON source between the quotes and has a backslash in it */
    VALUE_NUL = 2,          /* somewhere inside: \u0000 or a NUL byte */
    VALUE_SURROGATE = 4,    /* somewhere inside: a lone surrogate escape */
    VALUE_BYTES = 8         /* string: bytes of a file or line, UTF-8 not checked */
};

struct json_doc;
struct member;

struct value {
    uint8_t type;           /* enum value_type */
    bool truth;             /* of a VALUE_BOOL */
    uint16_t flags;
    uint32_t node;          /* of `doc` */
    const struct json_doc *doc; /* NULL: built */
    union {
        struct str text;
        struct {
            const struct member *members;   /* built arrays and objects; array members have no key */
            size_t n;
        } built;
    };
};

/* The key is decoded text. */
struct member {
    struct str key;
    struct value value;
};

static inline struct value value_absent(void) { return (struct value){.type = VALUE_ABSENT}; }
static inline struct value value_null(void) { return (struct value){.type = VALUE_NULL}; }
static inline struct value value_bool(bool b) { return (struct value){.type = VALUE_BOOL, .truth = b}; }
static inline struct value value_string(struct str s) { return (struct value){.type = VALUE_STRING, .text = s}; }
static inline struct value value_number(struct str s) { return (struct value){.type = VALUE_NUMBER, .text = s}; }
struct value value_int(int64_t n, struct arena *a); /* ABSENT when out of memory */
static inline struct value value_array(const struct member *members, size_t n)
{
    return (struct value){.type = VALUE_ARRAY, .built = {members, n}};
}
static inline struct value value_object(const struct member *members, size_t n)
{
    return (struct value){.type = VALUE_OBJECT, .built = {members, n}};
}

/* "null", "a boolean", "an integer", "a number", "a string", ...: for messages. */
const char *value_type_name(const struct value *v);

/* The member of an object (key given decoded), the item of an array (negative: from the end); ABSENT when
 * there is none or `v` is of another type. */
struct value value_get(const struct value *v, struct str key);
struct value value_at(const struct value *v, int64_t index);
size_t value_count(const struct value *v);  /* members or items; 0 for other types */

/* Walk members or items in the order of the text.
 *     struct value_iter it = value_iter(&v);
 *     while (value_iter_next(&it, &key, &item)) ...
 * `key` is the raw key (possibly escaped, decode with value_text on the string it is made of); for arrays it
 * is ABSENT. */
struct value_iter {
    const struct value *of;
    uint32_t node, end;
    size_t i;
};
struct value_iter value_iter(const struct value *v);
bool value_iter_next(struct value_iter *it, struct value *key, struct value *item);

/* The decoded text of a string. Lone surrogates come out as U+FFFD. `a` is used only when escaped. */
int value_text(const struct value *v, struct arena *a, struct str *ret);

/* JSON text: value_raw() lends the source of a value that has a place; value_json() appends the source as it
 * stands for those, compact JSON for built ones. */
struct str value_raw(const struct value *v);
/* Is its source what value_json() would give? So it is of most values that have a place. */
bool value_is_source(const struct value *v);
int value_json(const struct value *v, struct buf *out);

/* Where the value stands in its file: the byte, and the JSON Pointer appended to `out` (from the root of the
 * record). False, and 0, when it has no place; the pointer may also fail for memory (-1). */
bool value_byte(const struct value *v, uint64_t *ret);
int value_pointer(const struct value *v, struct buf *out);

/* Add both to the failure. */
void value_place(const struct value *v, struct err *err);

/* jq's order (null, false, true, numbers, strings by code point, arrays, objects) and equality; numbers are
 * compared exactly, as decimals. */
int value_cmp(const struct value *a, const struct value *b);

#endif
