/* Flat records: a tight loop over four tokens a member, in which all is as it was in the record before but the values. */
#include "read/json_internal.h"

/* A string without escapes, a plain number or a word, from `at` to the separator at `end`, no white space between? */
static inline bool is_plain_value(const char *at, const char *end, const char *backslash)
{
    size_t len = (size_t)(end - at);

    switch (*at) {
    case '"': return len >= 2 && end[-1] == '"' && end <= backslash;
    case 't': return len == 4 && memcmp(at, "true", 4) == 0;
    case 'f': return len == 5 && memcmp(at, "false", 5) == 0;
    case 'n': return len == 4 && memcmp(at, "null", 4) == 0;
    case '-': return json_is_plain_number(at + 1, len - 1);
    default: return json_is_plain_number(at, len);
    }
}

/* Are these the tokens of an object with as many members, all of them before `to`? */
static bool has_members(const struct json_doc *doc, uint32_t first, size_t members, size_t to)
{
    const uint32_t *pos = doc->pos + first, *last = pos + 4 * members;

    return first + 4 * members < doc->n && last[0] < to && last[1] >= to && doc->text[pos[0]] == '{' &&
           doc->text[last[0]] == '}' && json_token_end(doc, first + 4 * members) <= to;
}

bool json_walk_flat(struct json_parser *p, uint32_t first, size_t to, uint32_t *ret)
{
    const char *text = p->doc.text, *backslash;
    size_t members = p->keys.shape_members;
    const uint32_t *pos = p->doc.pos + first;
    uint32_t *link = p->doc.link + first, last = first + 4 * (uint32_t)members;
    char before = '{';

    if (members == 0 || members > JSON_SHAPE_KEYS || !has_members(&p->doc, first, members, to))
        return false;
    json_find_backslash(p, pos[0]);
    backslash = text + p->backslash;
    for (const struct json_shape_key *key = p->keys.shapes, *end = key + members; key < end; key++, pos += 4, link += 4) {
        if (text[pos[0]] != before || !json_key_stands(text + pos[1], key) ||
            !is_plain_value(text + pos[3], text + pos[4], backslash))
            return false;
        memcpy(link + 1, key->links, sizeof key->links);
        before = ',';
    }
    p->doc.link[first] = last;
    p->doc.expected = first;
    p->doc.keys = NULL;
    p->doc.keys_n = members;
    *ret = last + 1;
    return true;
}

bool json_flat(const struct value *root, struct json_flat *ret)
{
    const struct json_doc *doc = root->doc;

    if (!doc || doc->keys || doc->expected != root->node)
        return false;
    ret->text = doc->text;
    ret->values = doc->pos + root->node + 3;
    ret->members = doc->keys_n;
    ret->shape = doc->shape;
    return true;
}
