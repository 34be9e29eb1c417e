/* Values as bytes: a head, then the text, or the members each with its key. Nesting is bounded by the JSON reader. */
#include "map/packed.h"

struct head {
    uint64_t n;             /* bytes of text, or members */
    uint16_t flags;
    uint8_t type;
    bool truth;
};

static bool has_members(const struct value *v)
{
    return v->type == VALUE_ARRAY || v->type == VALUE_OBJECT;
}

static bool has_text(const struct value *v)
{
    return v->type == VALUE_STRING || v->type == VALUE_NUMBER;
}

static int add_text(struct str s, struct buf *out)
{
    return buf_add(out, &s.len, sizeof s.len) < 0 ? -1 : buf_add_str(out, s);
}

static struct str take_text(struct str *from, size_t len)
{
    struct str ret = str_make(from->at, len);

    *from = str_make(from->at + len, from->len - len);
    return ret;
}

static int add_key(const struct value *key, struct buf *out)
{
    struct arena a = {0};
    struct str text = {0};
    int ret = key->type == VALUE_STRING && value_text(key, &a, &text) < 0 ? -1 : add_text(text, out);

    arena_release(&a);
    return ret;
}

static int add_members(const struct value *v, struct buf *out)
{
    struct value_iter it = value_iter(v);
    struct value key, item;

    while (value_iter_next(&it, &key, &item)) {
        if (add_key(&key, out) < 0 || packed_add(&item, out) < 0)
            return -1;
    }
    return 0;
}

int packed_add(const struct value *v, struct buf *out)
{
    struct head head = {has_members(v) ? value_count(v) : has_text(v) ? v->text.len : 0, v->flags, v->type, v->truth};

    if (buf_add(out, &head, sizeof head) < 0)
        return -1;
    if (has_members(v))
        return add_members(v, out);
    return has_text(v) ? buf_add_str(out, v->text) : 0;
}

static int take_members(struct str *from, struct arena *a, size_t n, struct value *ret)
{
    struct member *members = arena_calloc(a, n ? n : 1, sizeof *members);

    if (!members)
        return -1;
    for (size_t i = 0; i < n; i++) {
        size_t len;

        memcpy(&len, take_text(from, sizeof len).at, sizeof len);
        members[i].key = take_text(from, len);
        if (packed_take(from, a, &members[i].value) < 0)
            return -1;
    }
    *ret = ret->type == VALUE_ARRAY ? value_array(members, n) : value_object(members, n);
    return 0;
}

int packed_take(struct str *from, struct arena *a, struct value *ret)
{
    struct head head;

    memcpy(&head, take_text(from, sizeof head).at, sizeof head);
    *ret = (struct value){.type = head.type, .truth = head.truth};
    if (has_members(ret) && take_members(from, a, head.n, ret) < 0)
        return -1;
    if (has_text(ret))
        ret->text = take_text(from, head.n);
    ret->flags = head.flags;
    return 0;
}
