/* What + - * / % and [a:b] mean for each pair of types, as jq defines it. */
#include "expr/internal.h"

/* --- code points ------------------------------------------------------------------------------------------- */

size_t expr_rune_next(struct str s, size_t i, uint32_t *rune)
{
    const unsigned char *p = (const unsigned char *)s.at + i;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

    if (i + n > s.len)
        n = 1;
    if (rune) {
        *rune = n == 1 ? p[0] : n == 2 ? p[0] & 0x1fu : n == 3 ? p[0] & 0xfu : p[0] & 0x7u;
        for (size_t k = 1; k < n; k++)
            *rune = *rune << 6 | (p[k] & 0x3fu);
    }
    return i + n;
}

size_t expr_rune_write(char out[4], uint32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[n == 1 ? 0 : n] | c);
    return n;
}

size_t expr_rune_at(struct str s, size_t count)
{
    size_t i = 0;

    while (count-- > 0 && i < s.len)
        i = expr_rune_next(s, i, NULL);
    return i;
}

size_t expr_rune_count(struct str s)
{
    return str_utf8_count(s);
}

/* --- arithmetic -------------------------------------------------------------------------------------------- */

static int cannot(struct run *r, const struct expr_node *n, const char *verb, const struct value *a,
                  const struct value *b)
{
    struct expr_shown one, two;

    return expr_fail(r, n, W0431, a->type == VALUE_NULL ? b : a, "cannot %s %s and %s", verb, expr_show(r, a, &one),
                     expr_show(r, b, &two));
}

static int concatenate(struct run *r, const struct expr_node *n, const struct value *a, const struct value *b,
                       struct value *ret)
{
    struct str x, y;
    char *out;

    if (expr_bytes(r, n, a, "'+'", &x) < 0 || expr_bytes(r, n, b, "'+'", &y) < 0)
        return -1;
    out = expr_alloc(r, n, x.len + y.len + 1);
    if (!out)
        return -1;
    if (x.len)
        memcpy(out, x.at, x.len);
    if (y.len)
        memcpy(out + x.len, y.at, y.len);
    *ret = expr_string(str_make(out, x.len + y.len), a->flags | b->flags);
    return 0;
}

static int join_lists(struct run *r, const struct expr_node *n, const struct value *a, const struct value *b,
                      struct value *ret)
{
    struct list l = {.r = r, .node = n};

    if (expr_list_add_all(&l, a) < 0 || expr_list_add_all(&l, b) < 0)
        return -1;
    return a->type == VALUE_ARRAY ? expr_list_array(&l, ret) : expr_list_object(&l, ret);
}

static int add(struct run *r, const struct expr_node *n, const struct value *a, const struct value *b,
               struct value *ret)
{
    if (a->type == VALUE_NULL || b->type == VALUE_NULL) {
        *ret = a->type == VALUE_NULL ? *b : *a;
        return 0;
    }
    if (a->type == b->type) {
        if (a->type == VALUE_STRING)
            return concatenate(r, n, a, b, ret);
        if (a->type == VALUE_NUMBER)
            return expr_number_op(r, n, NUMBER_ADD, a, b, ret);
        if (a->type >= VALUE_ARRAY)
            return join_lists(r, n, a, b, ret);
    }
    cannot(r, n, "add", a, b);
    if (a->type == VALUE_STRING || b->type == VALUE_STRING)
        expr_help(r, "\"\\(...)\" puts any value into a string");
    return -1;
}

static int subtract(struct run *r, const struct expr_node *n, const struct value *a, const struct value *b,
                    struct value *ret)
{
    struct list l = {.r = r, .node = n}, without;
    struct value_iter it;
    struct value key, item;

    if (a->type == VALUE_NUMBER && b->type == VALUE_NUMBER)
        return expr_number_op(r, n, NUMBER_SUB, a, b, ret);
    if (a->type != VALUE_ARRAY || b->type != VALUE_ARRAY)
        return cannot(r, n, "subtract", a, b);
    if (expr_list_of(r, n, b, &without) < 0)
        return -1;
    for (it = value_iter(a); value_iter_next(&it, &key, &item);) {
        size_t i = 0;

        while (i < without.n && expr_compare(&item, &without.members[i].value) != 0)
            i++;
        if (expr_charge(r, n, i + 1) < 0 || (i == without.n && expr_list_add(&l, &item) < 0))
            return -1;
    }
    return expr_list_array(&l, ret);
}

static int repeat(struct run *r, const struct expr_node *n, const struct value *text, const struct value *times,
                  struct value *ret)
{
    static const struct value one = {.type = VALUE_NUMBER, .text = {"1", 1}};
    static const struct value zero = {.type = VALUE_NUMBER, .text = {"0", 1}};
    struct text t = {.r = r, .node = n};
    int64_t count = expr_number_floor64(times);
    struct str s;

    if (expr_compare(times, &zero) <= 0) {
        *ret = value_null();
        return 0;
    }
    if (expr_compare(times, &one) < 0)
        count = 1;
    if (expr_bytes(r, n, text, "'*'", &s) < 0)
        return -1;
    if (s.len && count > EXPR_BYTES_MAX / (int64_t)s.len)
        return expr_fatal(r, n, W0433, "the expression makes more than %d MB", EXPR_BYTES_MAX >> 20);
    for (int64_t i = 0; i < count && s.len; i++) {
        if (expr_put(&t, s.at, s.len) < 0 || expr_charge(r, n, 1) < 0)
            return -1;
    }
    *ret = expr_string(text_str(&t), text->flags);
    return 0;
}

/* Objects within objects are merged, everything else is taken from the right. The depth is that of the values. */
static int merge(struct run *r, const struct expr_node *n, const struct value *a, const struct value *b,
                 struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct value_iter it = value_iter(b);
    struct value key, item;
    struct str name;

    if (expr_list_add_all(&l, a) < 0)
        return -1;
    while (value_iter_next(&it, &key, &item)) {
        struct value old, merged;

        if (expr_key_text(r, &key, &name) < 0)
            return -1;
        old = value_get(a, name);
        if (old.type == VALUE_OBJECT && item.type == VALUE_OBJECT) {
            if (merge(r, n, &old, &item, &merged) < 0)
                return -1;
            item = merged;
        }
        if (expr_list_set(&l, name, &item) < 0)
            return -1;
    }
    return expr_list_object(&l, ret);
}

static int multiply(struct run *r, const struct expr_node *n, const struct value *a, const struct value *b,
                    struct value *ret)
{
    if (a->type == VALUE_NUMBER && b->type == VALUE_NUMBER)
        return expr_number_op(r, n, NUMBER_MUL, a, b, ret);
    if (a->type == VALUE_STRING && b->type == VALUE_NUMBER)
        return repeat(r, n, a, b, ret);
    if (a->type == VALUE_NUMBER && b->type == VALUE_STRING)
        return repeat(r, n, b, a, ret);
    if (a->type == VALUE_OBJECT && b->type == VALUE_OBJECT)
        return merge(r, n, a, b, ret);
    return cannot(r, n, "multiply", a, b);
}

int expr_arithmetic(struct run *r, const struct expr_node *n, enum expr_op op, const struct value *a,
                    const struct value *b, struct value *ret)
{
    switch (op) {
    case OP_ADD:
        return add(r, n, a, b, ret);
    case OP_SUB:
        return subtract(r, n, a, b, ret);
    case OP_MUL:
        return multiply(r, n, a, b, ret);
    case OP_DIV:
        if (a->type == VALUE_STRING && b->type == VALUE_STRING)
            return expr_split(r, n, a, b, ret);
        break;
    case OP_MOD:
        break;
    default:
        BUG("operator %d gives no value by itself", op);
    }
    if (a->type != VALUE_NUMBER || b->type != VALUE_NUMBER)
        return cannot(r, n, "divide", a, b);
    return expr_number_op(r, n, op == OP_DIV ? NUMBER_DIV : NUMBER_MOD, a, b, ret);
}

/* --- parts ------------------------------------------------------------------------------------------------- */

/* One end of a slice as a position in 0..n: null is the given end, negative counts from the end. */
static int slice_end(struct run *r, const struct expr_node *n, const struct value *v, size_t count, bool end,
                     size_t *ret)
{
    struct expr_shown shown;
    int64_t i;

    if (v->type == VALUE_NULL) {
        *ret = end ? count : 0;
        return 0;
    }
    if (v->type != VALUE_NUMBER)
        return expr_fail(r, n, W0431, v, "a slice goes from number to number, not to %s", expr_show(r, v, &shown));
    i = expr_number_floor64(v);
    if (end && i < INT64_MAX && !expr_number_int64(v, &i))
        i++;
    if (i < 0)
        i = i < -(int64_t)count ? 0 : i + (int64_t)count;
    *ret = (uint64_t)i > count ? count : (size_t)i;
    return 0;
}

int expr_slice(struct run *r, const struct expr_node *n, const struct value *target, const struct value *from,
               const struct value *to, struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct expr_shown shown;
    size_t count, first, last;
    struct str s;

    *ret = value_null();
    if (target->type == VALUE_NULL)
        return 0;
    if (target->type != VALUE_STRING && target->type != VALUE_ARRAY)
        return expr_fail(r, n, W0431, target, "cannot take a slice of %s", expr_show(r, target, &shown));
    if (target->type == VALUE_STRING && expr_text(r, n, target, "a slice", &s) < 0)
        return -1;
    count = target->type == VALUE_STRING ? expr_rune_count(s) : value_count(target);
    if (slice_end(r, n, from, count, false, &first) < 0 || slice_end(r, n, to, count, true, &last) < 0)
        return -1;
    if (last < first)
        last = first;
    if (expr_charge(r, n, target->type == VALUE_STRING ? s.len / 64 : last - first) < 0)
        return -1;
    if (target->type == VALUE_STRING) {
        size_t begin = expr_rune_at(s, first);

        s = str_make(s.at + begin, s.len - begin);
        *ret = expr_string(str_make(s.at, expr_rune_at(s, last - first)), target->flags);
        return 0;
    }
    for (size_t i = first; i < last; i++) {
        struct value item = value_at(target, (int64_t)i);

        if (expr_list_add(&l, &item) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

/* Where the items of `what` stand one after the other in `in`. */
int expr_subsequences(struct run *r, const struct expr_node *n, const struct value *in, const struct value *what,
                      struct value *ret)
{
    struct list l = {.r = r, .node = n}, items, wanted;

    if (value_count(what) == 0)
        return expr_list_array(&l, ret);
    if (expr_list_of(r, n, in, &items) < 0 || expr_list_of(r, n, what, &wanted) < 0)
        return -1;
    for (size_t i = 0; i + wanted.n <= items.n; i++) {
        struct value place;
        size_t k = 0;

        while (k < wanted.n && expr_compare(&items.members[i + k].value, &wanted.members[k].value) == 0)
            k++;
        if (expr_charge(r, n, k + 1) < 0)
            return -1;
        if (k == wanted.n && (expr_number_make(r, n, (int64_t)i, &place) < 0 || expr_list_add(&l, &place) < 0))
            return -1;
    }
    return expr_list_array(&l, ret);
}

int expr_split(struct run *r, const struct expr_node *n, const struct value *in, const struct value *by,
               struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct str s, separator;
    struct value part;
    size_t from = 0;

    if (expr_text(r, n, in, "split", &s) < 0 || expr_text(r, n, by, "split", &separator) < 0)
        return -1;
    while (from < s.len || (from == s.len && s.len && separator.len)) {
        size_t at = s.len, next = s.len + 1;
        const char *hit = separator.len ? memmem(s.at + from, s.len - from, separator.at, separator.len) : NULL;

        if (hit) {
            at = (size_t)(hit - s.at);
            next = at + separator.len;
        } else if (separator.len == 0) {
            at = next = expr_rune_next(s, from, NULL);
        }
        part = expr_string(str_make(s.at + from, at - from), in->flags);
        if (expr_list_add(&l, &part) < 0 || expr_charge(r, n, 1) < 0)
            return -1;
        from = next;
    }
    return expr_list_array(&l, ret);
}
