/* Functions over arrays and objects whose arguments are plain values. */
#include "expr/internal.h"
#include "expr/functions.h"

#include <stdlib.h>

static int needs(struct run *r, const struct expr_node *n, const struct value *v, const char *what)
{
    struct expr_shown shown;

    return expr_fail(r, n, W0431, v, "%s needs %s, not %s", n->function->name, what, expr_show(r, v, &shown));
}

static bool is_list(const struct value *v) { return v->type == VALUE_ARRAY || v->type == VALUE_OBJECT; }

int expr_fn_length(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    struct expr_shown shown;
    struct str s;

    (void)args;
    switch ((enum value_type)in->type) {
    case VALUE_ABSENT: case VALUE_NULL:
        return expr_number_make(r, n, 0, ret);
    case VALUE_NUMBER:
        return expr_number_round(r, n, NUMBER_ABS, in, ret);
    case VALUE_STRING:
        if (expr_text(r, n, in, "length", &s) < 0 || expr_charge(r, n, s.len / 256) < 0)
            return -1;
        return expr_number_make(r, n, (int64_t)expr_rune_count(s), ret);
    case VALUE_ARRAY: case VALUE_OBJECT:
        return expr_number_make(r, n, (int64_t)value_count(in), ret);
    case VALUE_BOOL:
        break;
    }
    return expr_fail(r, n, W0431, in, "%s has no length", expr_show(r, in, &shown));
}

static int compare_members(const void *a, const void *b)
{
    return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static int keys(struct run *r, const struct expr_node *n, const struct value *in, bool sorted, struct value *ret)
{
    struct list l = {.r = r, .node = n}, members;

    if (!is_list(in))
        return needs(r, n, in, "an object or array");
    if (expr_list_of(r, n, in, &members) < 0)
        return -1;
    if (sorted && in->type == VALUE_OBJECT && members.n > 1)
        qsort(members.members, members.n, sizeof *members.members, compare_members);
    for (size_t i = 0; i < members.n; i++) {
        struct value key = expr_string(members.members[i].key, 0);

        if (in->type == VALUE_ARRAY && expr_number_make(r, n, (int64_t)i, &key) < 0)
            return -1;
        if (expr_list_add(&l, &key) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

int expr_fn_keys(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    (void)args;
    return keys(r, n, in, true, ret);
}

int expr_fn_keys_unsorted(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                          struct value *ret)
{
    (void)args;
    return keys(r, n, in, false, ret);
}

static int has(struct run *r, const struct expr_node *n, const struct value *in, const struct value *key,
               struct value *ret)
{
    struct expr_shown one, two;
    struct value item;
    struct str text;

    if (in->type == VALUE_OBJECT && key->type == VALUE_STRING) {
        if (expr_bytes(r, n, key, "has", &text) < 0)
            return -1;
        item = value_get(in, text);
        *ret = value_bool(item.type != VALUE_ABSENT);
        return 0;
    }
    if (in->type == VALUE_ARRAY && key->type == VALUE_NUMBER) {
        int64_t i = expr_number_floor64(key);

        *ret = value_bool(i >= 0 && (uint64_t)i < value_count(in));
        return 0;
    }
    return expr_fail(r, n, W0431, in, "%s cannot have the key %s", expr_show(r, in, &one), expr_show(r, key, &two));
}

int expr_fn_has(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    return has(r, n, in, &args[0], ret);
}

int expr_fn_in(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
               struct value *ret)
{
    return has(r, n, &args[0], in, ret);
}

/* The depth is that of the values, which is bounded. */
static int contains(struct run *r, const struct expr_node *n, const struct value *a, const struct value *b, bool *ret)
{
    struct value_iter outer, inner;
    struct value key, item, other_key, other;
    struct str s, t;

    if (expr_charge(r, n, 1) < 0)
        return -1;
    *ret = true;
    if (a->type == VALUE_OBJECT && b->type == VALUE_OBJECT) {
        for (outer = value_iter(b); *ret && value_iter_next(&outer, &key, &item);) {
            if (expr_key_text(r, &key, &s) < 0)
                return -1;
            other = value_get(a, s);
            if (other.type == VALUE_ABSENT)
                *ret = false;
            else if (contains(r, n, &other, &item, ret) < 0)
                return -1;
        }
        return 0;
    }
    if (a->type == VALUE_ARRAY && b->type == VALUE_ARRAY) {
        for (outer = value_iter(b); *ret && value_iter_next(&outer, &key, &item);) {
            *ret = false;
            for (inner = value_iter(a); !*ret && value_iter_next(&inner, &other_key, &other);) {
                if (other.type == item.type && contains(r, n, &other, &item, ret) < 0)
                    return -1;
            }
        }
        return 0;
    }
    if (a->type == VALUE_STRING && b->type == VALUE_STRING) {
        if (expr_bytes(r, n, a, "contains", &s) < 0 || expr_bytes(r, n, b, "contains", &t) < 0)
            return -1;
        *ret = t.len == 0 || (s.len >= t.len && memmem(s.at, s.len, t.at, t.len));
        return expr_charge(r, n, s.len / 256);
    }
    *ret = expr_compare(a, b) == 0;
    return 0;
}

static int contains_top(struct run *r, const struct expr_node *n, const struct value *a, const struct value *b,
                        struct value *ret)
{
    struct expr_shown one, two;
    bool yes;

    if (a->type != b->type)
        return expr_fail(r, n, W0431, a, "cannot look for %s in %s", expr_show(r, b, &two), expr_show(r, a, &one));
    if (contains(r, n, a, b, &yes) < 0)
        return -1;
    *ret = value_bool(yes);
    return 0;
}

int expr_fn_contains(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    return contains_top(r, n, in, &args[0], ret);
}

int expr_fn_inside(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    return contains_top(r, n, &args[0], in, ret);
}

/* --- sums -------------------------------------------------------------------------------------------------- */

/* Strings and arrays are gathered in one go, everything else pair by pair. */
int expr_add_all(struct run *r, const struct expr_node *n, const struct list *items, struct value *ret)
{
    struct text t = {.r = r, .node = n};
    struct list l = {.r = r, .node = n};
    bool strings = items->n > 1, arrays = items->n > 1;
    uint16_t flags = 0;

    for (size_t i = 0; i < items->n; i++) {
        strings &= items->members[i].value.type == VALUE_STRING;
        arrays &= items->members[i].value.type == VALUE_ARRAY;
    }
    *ret = value_null();
    for (size_t i = 0; i < items->n; i++) {
        const struct value *item = &items->members[i].value;
        struct value sum = *ret;

        if (expr_charge(r, n, 1) < 0)
            return -1;
        if (strings ? expr_put_tostring(&t, item, &flags) < 0
            : arrays ? expr_list_add_all(&l, item) < 0 : expr_arithmetic(r, n, OP_ADD, &sum, item, ret) < 0)
            return -1;
    }
    if (strings)
        *ret = expr_string(text_str(&t), flags);
    return arrays ? expr_list_array(&l, ret) : 0;
}

int expr_fn_add(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    struct list items;

    (void)args;
    if (!is_list(in))
        return needs(r, n, in, "an array or object");
    if (expr_list_of(r, n, in, &items) < 0)
        return -1;
    return expr_add_all(r, n, &items, ret);
}

static int any_or_all(struct run *r, const struct expr_node *n, const struct value *in, bool any, struct value *ret)
{
    struct value_iter it;
    struct value key, item;

    if (!is_list(in))
        return needs(r, n, in, "an array");
    *ret = value_bool(!any);
    for (it = value_iter(in); value_iter_next(&it, &key, &item);) {
        if (expr_true(&item) == any) {
            *ret = value_bool(any);
            return 0;
        }
    }
    return 0;
}

int expr_fn_any(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    (void)args;
    return any_or_all(r, n, in, true, ret);
}

int expr_fn_all(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    (void)args;
    return any_or_all(r, n, in, false, ret);
}

/* --- order ------------------------------------------------------------------------------------------------- */

int expr_fn_reverse(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct text t = {.r = r, .node = n};
    struct list l = {.r = r, .node = n}, items;
    struct str s;

    (void)args;
    if (in->type == VALUE_STRING) {
        if (expr_text(r, n, in, "reverse", &s) < 0)
            return -1;
        for (size_t end = s.len; end > 0;) {
            size_t from = end - 1;

            while (from > 0 && (s.at[from] & 0xc0) == 0x80)
                from--;
            if (expr_put(&t, s.at + from, end - from) < 0)
                return -1;
            end = from;
        }
        *ret = expr_string(text_str(&t), in->flags);
        return 0;
    }
    if (in->type != VALUE_ARRAY && in->type > VALUE_NULL)
        return needs(r, n, in, "an array or string");
    if (expr_list_of(r, n, in, &items) < 0)
        return -1;
    for (size_t i = items.n; i-- > 0;) {
        if (expr_list_add(&l, &items.members[i].value) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

static int flatten(struct run *r, const struct expr_node *n, const struct value *in, int64_t depth, struct list *l)
{
    struct value_iter it = value_iter(in);
    struct value key, item;

    while (value_iter_next(&it, &key, &item)) {
        if (item.type == VALUE_ARRAY && depth > 0) {
            if (expr_charge(r, n, 1) < 0 || flatten(r, n, &item, depth - 1, l) < 0)
                return -1;
        } else if (expr_list_add(l, &item) < 0) {
            return -1;
        }
    }
    return 0;
}

int expr_fn_flatten(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct list l = {.r = r, .node = n};
    int64_t depth = INT64_MAX;

    if (!is_list(in))
        return needs(r, n, in, "an array");
    if (n->n && args[0].type != VALUE_NUMBER)
        return needs(r, n, &args[0], "a number");
    if (n->n && (depth = expr_number_floor64(&args[0])) < 0)
        return expr_fail(r, n, W0431, &args[0], "flatten takes no negative depth");
    if (flatten(r, n, in, depth, &l) < 0)
        return -1;
    return expr_list_array(&l, ret);
}

/* --- entries ----------------------------------------------------------------------------------------------- */

int expr_entry(struct run *r, const struct expr_node *n, const struct value *key, const struct value *item,
               struct value *ret)
{
    struct list entry = {.r = r, .node = n};

    if (expr_list_set(&entry, str_of("key"), key) < 0 || expr_list_set(&entry, str_of("value"), item) < 0)
        return -1;
    return expr_list_object(&entry, ret);
}

int expr_fn_to_entries(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                       struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct value_iter it;
    struct value key, item, entry;
    struct str name;

    (void)args;
    if (!is_list(in))
        return needs(r, n, in, "an object");
    for (it = value_iter(in); value_iter_next(&it, &key, &item);) {
        struct value text;

        if (expr_charge(r, n, 1) < 0 ||
            (in->type == VALUE_ARRAY ? expr_number_make(r, n, (int64_t)l.n, &text) : expr_key_text(r, &key, &name)) < 0)
            return -1;
        if (in->type == VALUE_OBJECT)
            text = expr_string(name, key.flags);
        if (expr_entry(r, n, &text, &item, &entry) < 0 || expr_list_add(&l, &entry) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

/* The first of these members that is neither null nor false; else the first that is there. */
static struct value member_named(const struct value *entry, const char *const *names)
{
    struct value found = value_absent();

    for (; *names; names++) {
        struct value v = value_get(entry, str_of(*names));

        if (expr_true(&v))
            return v;
        if (found.type == VALUE_ABSENT)
            found = v;
    }
    return found;
}

int expr_add_entry(struct run *r, const struct expr_node *n, const struct value *entry, struct list *object)
{
    static const char *const key_names[] = {"key", "k", "name", "Name", "Key", "K", NULL};
    static const char *const value_names[] = {"value", "v", "Value", "V", NULL};
    struct value key, value;
    struct text t = {.r = r, .node = n};
    uint16_t flags = 0;

    if (entry->type != VALUE_OBJECT)
        return needs(r, n, entry, "objects with key and value");
    key = member_named(entry, key_names);
    value = member_named(entry, value_names);
    if (key.type == VALUE_NUMBER || key.type == VALUE_BOOL) {
        if (expr_put_tostring(&t, &key, &flags) < 0)
            return -1;
        key = value_string(text_str(&t));
    } else if (key.type != VALUE_STRING) {
        return needs(r, n, &key, "a string as the key of each entry");
    }
    if (expr_bytes(r, n, &key, "a key", &key.text) < 0)
        return -1;
    return expr_list_set(object, key.text, &value);
}

int expr_fn_from_entries(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                         struct value *ret)
{
    struct list object = {.r = r, .node = n};
    struct value_iter it;
    struct value key, entry;

    (void)args;
    if (!is_list(in))
        return needs(r, n, in, "an array");
    for (it = value_iter(in); value_iter_next(&it, &key, &entry);) {
        if (expr_charge(r, n, 1) < 0 || expr_add_entry(r, n, &entry, &object) < 0)
            return -1;
    }
    return expr_list_object(&object, ret);
}

/* --- first, last, nth -------------------------------------------------------------------------------------- */

static int item_at(struct run *r, const struct expr_node *n, const struct value *in, int64_t index, struct value *ret)
{
    if (in->type != VALUE_ARRAY && in->type > VALUE_NULL)
        return needs(r, n, in, "an array");
    *ret = value_at(in, index);
    if (ret->type == VALUE_ABSENT)
        *ret = value_null();
    return 0;
}

int expr_fn_first(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    (void)args;
    return item_at(r, n, in, 0, ret);
}

int expr_fn_last(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    (void)args;
    return item_at(r, n, in, -1, ret);
}

int expr_fn_nth(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    return expr_index(r, n, in, &args[0], ret);
}
