/* Builds the values that expressions answer: strings, growing text, arrays and objects, all in the run's arena. */
#include "expr/internal.h"

#include <stdio.h>

/* Flags of a value's content, which stay true of what is made from it. */
enum { CONTENT = VALUE_SURROGATE | VALUE_BYTES };

void *expr_alloc(struct run *r, const struct expr_node *n, size_t size)
{
    void *p;

    if (size > EXPR_BYTES_MAX || r->bytes + size > EXPR_BYTES_MAX) {
        expr_fatal(r, n, W0433, "the expression makes more than %d MB", EXPR_BYTES_MAX >> 20);
        return NULL;
    }
    r->bytes += size;
    p = arena_alloc(r->arena, size);
    if (!p)
        expr_oom(r);
    return p;
}

int expr_bytes(struct run *r, const struct expr_node *n, const struct value *v, const char *what, struct str *ret)
{
    struct expr_shown shown;

    if (v->type != VALUE_STRING) {
        expr_fail(r, n, W0431, v, "%s needs a string, not %s", what, expr_show(r, v, &shown));
        if (v->type == VALUE_NUMBER)
            expr_help(r, "'tostring' makes a string of it");
        return -1;
    }
    if (!(v->flags & VALUE_ESCAPED)) {
        *ret = v->text;
        return 0;
    }
    if (value_text(v, r->arena, ret) < 0)
        return expr_oom(r);
    r->bytes += ret->len;
    return 0;
}

int expr_text(struct run *r, const struct expr_node *n, const struct value *v, const char *what, struct str *ret)
{
    size_t bad;

    if (expr_bytes(r, n, v, what, ret) < 0)
        return -1;
    if (!(v->flags & VALUE_BYTES))
        return 0;
    if (expr_charge(r, n, ret->len / 256) < 0)
        return -1;
    bad = str_utf8_invalid_at(*ret);
    if (bad < ret->len)
        return expr_fail(r, n, W0436, v, "%s needs text, and byte %zu of this is not valid UTF-8", what, bad);
    return 0;
}

struct value expr_string(struct str s, uint16_t from)
{
    struct value v = value_string(s);

    v.flags = (uint16_t)(from & CONTENT);
    if (s.len && memchr(s.at, '\0', s.len))
        v.flags |= VALUE_NUL;
    return v;
}

/* --- text -------------------------------------------------------------------------------------------------- */

static int text_room(struct text *t, size_t more)
{
    size_t capacity = t->capacity ? t->capacity * 2 : 64;
    char *at;

    if (t->capacity - t->len >= more)
        return 0;
    if (more > EXPR_BYTES_MAX)
        return expr_fatal(t->r, t->node, W0433, "the expression makes more than %d MB", EXPR_BYTES_MAX >> 20);
    if (capacity < t->len + more)
        capacity = t->len + more;
    /* Often nothing was allocated since: then the text grows in place. */
    if (t->at && t->at + ((t->capacity + 7) & ~(size_t)7) == t->r->arena->at &&
        ((capacity - t->capacity + 7) & ~(size_t)7) <= (size_t)(t->r->arena->end - t->r->arena->at)) {
        size_t grow = (capacity - t->capacity + 7) & ~(size_t)7;

        t->capacity = ((t->capacity + 7) & ~(size_t)7) + grow;
        return expr_alloc(t->r, t->node, grow) ? 0 : -1;
    }
    at = expr_alloc(t->r, t->node, capacity);
    if (!at)
        return -1;
    if (t->len)
        memcpy(at, t->at, t->len);
    t->at = at;
    t->capacity = capacity;
    return 0;
}

int expr_put(struct text *t, const char *at, size_t len)
{
    if (text_room(t, len) < 0)
        return -1;
    if (len)
        memcpy(t->at + t->len, at, len);
    t->len += len;
    return 0;
}

int expr_put_char(struct text *t, char c)
{
    return expr_put(t, &c, 1);
}

int expr_put_rune(struct text *t, uint32_t c)
{
    char out[4];

    return expr_put(t, out, expr_rune_write(out, c));
}

static int put_quoted(struct text *t, struct str s)
{
    static const char names[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    size_t from = 0;

    if (expr_put_char(t, '"') < 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        const char *name;
        char escape[8];

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        name = c ? strchr(names, c) : NULL;
        if (name)
            snprintf(escape, sizeof escape, "\\%c", letters[name - names]);
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        if (expr_put(t, s.at + from, i - from) < 0 || expr_put(t, escape, strlen(escape)) < 0)
            return -1;
        from = i + 1;
    }
    return expr_put(t, s.at + from, s.len - from) < 0 || expr_put_char(t, '"') < 0 ? -1 : 0;
}

static int put_json_string(struct text *t, const struct value *v, uint16_t *flags)
{
    struct str s;

    if (expr_bytes(t->r, t->node, v, "JSON", &s) < 0)
        return -1;
    *flags |= v->flags & CONTENT;
    return put_quoted(t, s);
}

/* The depth is bounded by the reader for values that were read, and by EXPR_BUILT_DEPTH_MAX for built ones. */
static int put_items(struct text *t, const struct value *v, uint16_t *flags)
{
    bool object = v->type == VALUE_OBJECT, first = true;
    struct value_iter it = value_iter(v);
    struct value key, item;

    if (expr_put_char(t, object ? '{' : '[') < 0)
        return -1;
    while (value_iter_next(&it, &key, &item)) {
        if (!first && expr_put_char(t, ',') < 0)
            return -1;
        first = false;
        if (object && (put_json_string(t, &key, flags) < 0 || expr_put_char(t, ':') < 0))
            return -1;
        if (expr_put_json(t, &item, flags) < 0)
            return -1;
    }
    return expr_put_char(t, object ? '}' : ']');
}

int expr_put_json(struct text *t, const struct value *v, uint16_t *flags)
{
    if (expr_charge(t->r, t->node, 1) < 0)
        return -1;
    switch ((enum value_type)v->type) {
    case VALUE_ABSENT: case VALUE_NULL:
        return expr_put(t, "null", 4);
    case VALUE_BOOL:
        return v->truth ? expr_put(t, "true", 4) : expr_put(t, "false", 5);
    case VALUE_NUMBER:
        return expr_put(t, v->text.at, v->text.len);
    case VALUE_STRING:
        return put_json_string(t, v, flags);
    case VALUE_ARRAY: case VALUE_OBJECT:
        return put_items(t, v, flags);
    }
    return 0;
}

int expr_put_tostring(struct text *t, const struct value *v, uint16_t *flags)
{
    struct str s;

    if (v->type != VALUE_STRING)
        return expr_put_json(t, v, flags);
    if (expr_bytes(t->r, t->node, v, "text", &s) < 0)
        return -1;
    *flags |= v->flags & CONTENT;
    return expr_put(t, s.at, s.len);
}

/* --- arrays and objects ------------------------------------------------------------------------------------ */

static int list_room(struct list *l, size_t more)
{
    size_t capacity = l->capacity ? l->capacity * 2 : 4;
    struct member *members;

    if (l->capacity - l->n >= more)
        return 0;
    if (capacity < l->n + more)
        capacity = l->n + more;
    if (expr_charge(l->r, l->node, capacity / 8) < 0)
        return -1;
    members = expr_alloc(l->r, l->node, capacity * sizeof *members);
    if (!members)
        return -1;
    if (l->n)
        memcpy(members, l->members, l->n * sizeof *members);
    l->members = members;
    l->capacity = capacity;
    return 0;
}

int expr_list_add(struct list *l, const struct value *item)
{
    if (list_room(l, 1) < 0)
        return -1;
    l->members[l->n].key = str_make(NULL, 0);
    l->members[l->n].value = *item;
    if (item->type == VALUE_ABSENT)
        l->members[l->n].value = value_null();
    l->n++;
    return 0;
}

enum { HASH_FROM = 12 };

static uint32_t *hash_place(const struct list *l, struct str key)
{
    size_t i = str_hash(key) & (l->n_hashed - 1);

    while (l->hashed[i] && !str_eq(l->members[l->hashed[i] - 1].key, key))
        i = (i + 1) & (l->n_hashed - 1);
    return &l->hashed[i];
}

static int rehash(struct list *l)
{
    size_t n = l->n_hashed ? l->n_hashed * 4 : 64;

    l->hashed = expr_alloc(l->r, l->node, n * sizeof *l->hashed);
    if (!l->hashed)
        return -1;
    memset(l->hashed, 0, n * sizeof *l->hashed);
    l->n_hashed = n;
    for (size_t i = 0; i < l->n; i++)
        *hash_place(l, l->members[i].key) = (uint32_t)i + 1;
    return 0;
}

int expr_list_set(struct list *l, struct str key, const struct value *item)
{
    uint32_t *place = NULL;
    size_t i;

    if (l->n >= HASH_FROM) {
        if (l->n * 2 >= l->n_hashed && rehash(l) < 0)
            return -1;
        place = hash_place(l, key);
        i = *place ? *place - 1 : l->n;
    } else {
        for (i = 0; i < l->n && !str_eq(l->members[i].key, key); i++)
            ;
    }
    if (i == l->n) {
        if (expr_list_add(l, item) < 0)
            return -1;
        l->members[i].key = key;
        if (place)
            *place = (uint32_t)l->n;
        return 0;
    }
    l->members[i].value = item->type == VALUE_ABSENT ? value_null() : *item;
    return 0;
}

int expr_key_text(struct run *r, const struct value *key, struct str *ret)
{
    if (!(key->flags & VALUE_ESCAPED)) {
        *ret = key->text;
        return 0;
    }
    return value_text(key, r->arena, ret) < 0 ? expr_oom(r) : 0;
}

int expr_list_add_all(struct list *l, const struct value *from)
{
    struct value_iter it = value_iter(from);
    struct value key, item;
    struct str name;

    while (value_iter_next(&it, &key, &item)) {
        if (expr_charge(l->r, l->node, 1) < 0)
            return -1;
        if (from->type == VALUE_ARRAY) {
            if (expr_list_add(l, &item) < 0)
                return -1;
        } else if (expr_key_text(l->r, &key, &name) < 0 || expr_list_set(l, name, &item) < 0) {
            return -1;
        }
    }
    return 0;
}

/* `node` is free in built values; it holds how deep they nest, so that no walk over them goes too deep. */
static int list_finish(struct list *l, struct value v, struct value *ret)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct value *item = &l->members[i].value;

        v.flags |= item->flags & (VALUE_NUL | VALUE_SURROGATE);
        if (item->type >= VALUE_ARRAY && !item->doc && item->node >= v.node)
            v.node = item->node + 1;
    }
    if (v.node >= EXPR_BUILT_DEPTH_MAX)
        return expr_fatal(l->r, l->node, W0433, "the expression makes a value that nests deeper than %d",
                          EXPR_BUILT_DEPTH_MAX);
    *ret = v;
    return 0;
}

int expr_list_array(struct list *l, struct value *ret)
{
    return list_finish(l, value_array(l->members, l->n), ret);
}

int expr_list_object(struct list *l, struct value *ret)
{
    return list_finish(l, value_object(l->members, l->n), ret);
}

int expr_list_of(struct run *r, const struct expr_node *n, const struct value *array, struct list *ret)
{
    *ret = (struct list){.r = r, .node = n};
    return expr_list_add_all(ret, array);
}
