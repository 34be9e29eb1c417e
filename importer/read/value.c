/* Values from JSON and built ones behind one set of functions: members, items, text, source, place. */
#include "read/json_internal.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>

struct value value_int(int64_t n, struct arena *a)
{
    char *text = arena_printf(a, "%" PRId64, n);

    return text ? value_number(str_of(text)) : value_absent();
}

const char *value_type_name(const struct value *v)
{
    switch ((enum value_type)v->type) {
    case VALUE_ABSENT: return "nothing";
    case VALUE_NULL: return "null";
    case VALUE_BOOL: return "a boolean";
    case VALUE_NUMBER:
        for (size_t i = 0; i < v->text.len; i++) {
            if (v->text.at[i] != '-' && (v->text.at[i] < '0' || v->text.at[i] > '9'))
                return "a number";
        }
        return "an integer";
    case VALUE_STRING: return "a string";
    case VALUE_ARRAY: return "an array";
    case VALUE_OBJECT: return "an object";
    }
    BUG("value type %d", v->type);
}

/* --- members and items --- */

/* Is the key at token i spelt, perhaps with escapes, like `key`? */
static bool key_is(const struct json_doc *doc, uint32_t i, struct str key)
{
    struct str raw = json_token_text(doc, i);

    if (!(doc->link[i] & VALUE_ESCAPED))
        return str_eq(raw, key);
    return json_text_cmp(raw, true, key, false) == 0;
}

static struct value doc_get(const struct json_doc *doc, uint32_t open, struct str key)
{
    uint32_t end = doc->link[open], hash = json_key_hash_of(key);

    for (uint32_t i = open + 1; i < end; i = json_value_end(doc, i + 2) + 2) {
        if (doc->link[i + 1] == hash && !(doc->link[i] & JSON_SHADOWED) && key_is(doc, i, key))
            return json_node(doc, i + 2);
    }
    return value_absent();
}

struct value value_get(const struct value *v, struct str key)
{
    if (v->type != VALUE_OBJECT)
        return value_absent();
    if (v->doc)
        return doc_get(v->doc, v->node, key);
    for (size_t i = 0; i < v->built.n; i++) {
        if (str_eq(v->built.members[i].key, key))
            return v->built.members[i].value;
    }
    return value_absent();
}

size_t value_count(const struct value *v)
{
    struct value_iter it = value_iter(v);
    struct value item;
    size_t n = 0;

    if (!v->doc)
        return v->type == VALUE_ARRAY || v->type == VALUE_OBJECT ? v->built.n : 0;
    while (value_iter_next(&it, NULL, &item))
        n++;
    return n;
}

struct value value_at(const struct value *v, int64_t index)
{
    struct value_iter it;
    struct value item;

    if (v->type != VALUE_ARRAY)
        return value_absent();
    if (index < 0)
        index += (int64_t)value_count(v);
    if (index < 0)
        return value_absent();
    if (!v->doc)
        return (uint64_t)index < v->built.n ? v->built.members[index].value : value_absent();
    for (it = value_iter(v); value_iter_next(&it, NULL, &item); index--) {
        if (index == 0)
            return item;
    }
    return value_absent();
}

struct value_iter value_iter(const struct value *v)
{
    struct value_iter it = {.of = v};

    if (v->doc && (v->type == VALUE_ARRAY || v->type == VALUE_OBJECT)) {
        it.node = v->node + 1;
        it.end = v->doc->link[v->node];
    }
    return it;
}

static bool built_next(struct value_iter *it, struct value *key, struct value *item)
{
    const struct value *v = it->of;
    const struct member *m;

    if ((v->type != VALUE_ARRAY && v->type != VALUE_OBJECT) || it->i >= v->built.n)
        return false;
    m = &v->built.members[it->i++];
    if (key)
        *key = v->type == VALUE_OBJECT ? value_string(m->key) : value_absent();
    *item = m->value;
    return true;
}

bool value_iter_next(struct value_iter *it, struct value *key, struct value *item)
{
    const struct json_doc *doc = it->of->doc;
    uint32_t at;

    if (!doc)
        return built_next(it, key, item);
    if (it->of->type == VALUE_OBJECT) {
        while (it->node < it->end && (doc->link[it->node] & JSON_SHADOWED))
            it->node = json_value_end(doc, it->node + 2) + 2;
    }
    if (it->node >= it->end)
        return false;
    at = it->node;
    if (it->of->type == VALUE_OBJECT) {
        if (key)
            json_fill(doc, at, key);
        at += 2;
    } else if (key) {
        *key = value_absent();
    }
    json_fill(doc, at, item);
    it->node = json_value_end(doc, at) + 2;
    return true;
}

/* --- text --- */

int value_text(const struct value *v, struct arena *a, struct str *ret)
{
    char *out;

    if (!(v->flags & VALUE_ESCAPED)) {
        *ret = v->text;
        return 0;
    }
    out = arena_alloc(a, v->text.len + 1);
    if (!out)
        return -1;
    *ret = str_make(out, json_decode(v->text.at, v->text.len, out, false));
    return 0;
}

struct str value_raw(const struct value *v)
{
    const struct json_doc *doc = v->doc;
    size_t start;

    if (!doc || v->type == VALUE_ABSENT)
        return str_make(NULL, 0);
    start = doc->pos[v->node];
    if (v->type == VALUE_ARRAY || v->type == VALUE_OBJECT)
        return str_make(doc->text + start, doc->pos[doc->link[v->node]] + (size_t)1 - start);
    return str_make(doc->text + start, json_token_end(doc, v->node) - start);
}

bool value_is_source(const struct value *v)
{
    if (!v->doc || v->type == VALUE_ABSENT || v->type == VALUE_NULL)
        return false;
    return (v->type != VALUE_ARRAY && v->type != VALUE_OBJECT) || !(v->doc->link[v->doc->link[v->node]] & JSON_REWRITE);
}

static int add_escape(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"': return buf_add_text(out, "\\\"");
    case '\\': return buf_add_text(out, "\\\\");
    case '\b': return buf_add_text(out, "\\b");
    case '\f': return buf_add_text(out, "\\f");
    case '\n': return buf_add_text(out, "\\n");
    case '\r': return buf_add_text(out, "\\r");
    case '\t': return buf_add_text(out, "\\t");
    default: return buf_printf(out, "\\u%04x", c);
    }
}

/* Bytes that are not UTF-8 (only in strings with VALUE_BYTES) become U+FFFD one by one. */
static int add_quoted(struct buf *out, struct str s)
{
    size_t invalid = str_utf8_invalid_at(s), plain = 0;

    if (buf_add_char(out, '"') < 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (c >= 0x20 && c != '"' && c != '\\' && i != invalid)
            continue;
        if (buf_add(out, s.at + plain, i - plain) < 0)
            return -1;
        if ((i == invalid ? buf_add_text(out, "\xef\xbf\xbd") : add_escape(out, c)) < 0)
            return -1;
        plain = i + 1;
        if (i == invalid)
            invalid = plain + str_utf8_invalid_at(str_make(s.at + plain, s.len - plain));
    }
    if (buf_add(out, s.at + plain, s.len - plain) < 0)
        return -1;
    return buf_add_char(out, '"');
}

static int add_string(struct buf *out, const struct value *v)
{
    if (!(v->flags & VALUE_ESCAPED))
        return add_quoted(out, v->text);
    if (buf_add_char(out, '"') < 0 || buf_add_str(out, v->text) < 0)
        return -1;
    return buf_add_char(out, '"');
}

/* Recursion ends at the depth of the value: built ones are as deep as an expression, read ones JSON_DEPTH_MAX. */
static int add_container(struct buf *out, const struct value *v)
{
    struct value_iter it = value_iter(v);
    struct value key, item;
    bool object = v->type == VALUE_OBJECT, first = true;

    if (buf_add_char(out, object ? '{' : '[') < 0)
        return -1;
    while (value_iter_next(&it, &key, &item)) {
        if (!first && buf_add_char(out, ',') < 0)
            return -1;
        first = false;
        if (object && (add_string(out, &key) < 0 || buf_add_char(out, ':') < 0))
            return -1;
        if (value_json(&item, out) < 0)
            return -1;
    }
    return buf_add_char(out, object ? '}' : ']');
}

int value_json(const struct value *v, struct buf *out)
{
    switch ((enum value_type)v->type) {
    case VALUE_ABSENT:
    case VALUE_NULL: return buf_add_text(out, "null");
    case VALUE_BOOL: return buf_add_text(out, v->truth ? "true" : "false");
    case VALUE_NUMBER: return buf_add_str(out, v->text);
    case VALUE_STRING: return add_string(out, v);
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        if (value_is_source(v))
            return buf_add_str(out, value_raw(v));
        return add_container(out, v);
    }
    BUG("value type %d", v->type);
}

/* --- places --- */

bool value_byte(const struct value *v, uint64_t *ret)
{
    if (!v->doc || v->type == VALUE_ABSENT)
        return false;
    *ret = v->doc->file_byte + v->doc->pos[v->node];
    return true;
}

/* One step of a JSON Pointer from a key as it stands in the source. */
static int add_step(struct buf *out, const struct json_doc *doc, uint32_t key)
{
    struct str raw = json_token_text(doc, key);
    size_t start;

    if (buf_add_char(out, '/') < 0 || buf_reserve(out, 3 * raw.len) < 0)
        return -1;
    start = out->len + 2 * raw.len;     /* behind all that a step of this key can become */
    if (doc->link[key] & VALUE_ESCAPED)
        raw = str_make(out->at + start, json_decode(raw.at, raw.len, out->at + start, false));
    for (size_t i = 0; i < raw.len; i++) {
        int failed = raw.at[i] == '~' ? buf_add_text(out, "~0") : raw.at[i] == '/' ? buf_add_text(out, "~1") : 0;

        if (failed < 0)
            return -1;
        if (raw.at[i] != '~' && raw.at[i] != '/' && buf_add_char(out, raw.at[i]) < 0)
            return -1;
    }
    return 0;
}

bool json_pointer(const struct json_doc *doc, uint32_t root, uint32_t i, struct buf *out)
{
    uint32_t at = root;

    if (i > json_value_end(doc, root))
        return false;
    while (at != i) {
        bool object = doc->text[doc->pos[at]] == '{';
        size_t index = 0;

        for (at++; i > json_value_end(doc, object ? at + 2 : at); index++)
            at = json_value_end(doc, object ? at + 2 : at) + 2;
        if (object ? add_step(out, doc, at) < 0 : buf_printf(out, "/%zu", index) < 0)
            return false;
        if (object && i == at)      /* the key itself: the place of its value */
            return true;
        at += object ? 2 : 0;
    }
    return true;
}

int value_pointer(const struct value *v, struct buf *out)
{
    const struct json_doc *doc = v->doc;
    size_t low = 0, high;

    if (!doc || v->type == VALUE_ABSENT)
        return 0;
    for (high = doc->roots_n; low < high;) {
        size_t middle = low + (high - low) / 2;

        if (doc->roots[middle] <= v->node)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    return json_pointer(doc, doc->roots[low - 1], v->node, out) ? 1 : -1;
}

void value_place(const struct value *v, struct err *err)
{
    CLEANUP(buf_release) struct buf pointer = BUF_INIT;
    uint64_t byte;
    int found;

    if (!err || !value_byte(v, &byte))
        return;
    err_at_byte(err, byte);
    if (err->pointer)
        return;
    found = value_pointer(v, &pointer);
    if (found < 0)
        err_incomplete(err);
    else if (found > 0)
        err_in(err, buf_text(&pointer));
}
