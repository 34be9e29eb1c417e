/* The order of values, with numbers compared as the decimals they are. */
#include "read/json_internal.h"

#include <stdlib.h>

/* --- numbers --- */

/* +-0.DIGITS times ten to the power of `exponent`; the digits are those of `text` between first and last
 * significant one, a point among them. n = 0: the number is zero. */
struct decimal {
    bool negative;
    const char *at;
    size_t n;               /* bytes at `at` */
    __int128 exponent;
};

enum { EXPONENT_DIGITS_MAX = 36 };

static __int128 exponent_of(struct str s)
{
    bool negative = s.len && s.at[0] == '-';
    __int128 n = 0;

    if (s.len && (s.at[0] == '-' || s.at[0] == '+'))
        s = str_make(s.at + 1, s.len - 1);
    while (s.len && s.at[0] == '0')
        s = str_make(s.at + 1, s.len - 1);
    if (s.len > EXPONENT_DIGITS_MAX)        /* further away than any text has digits: all alike */
        s = str_make("999999999999999999999999999999999999", EXPONENT_DIGITS_MAX);
    for (size_t i = 0; i < s.len; i++)
        n = n * 10 + (s.at[i] - '0');
    return negative ? -n : n;
}

static struct decimal decimal_of(struct str s)
{
    struct decimal d = {0};
    const char *end, *point, *last;

    if (s.len && s.at[0] == '-') {
        d.negative = true;
        s = str_make(s.at + 1, s.len - 1);
    }
    for (end = s.at; end < s.at + s.len && (*end | 0x20) != 'e'; end++)
        ;
    if (end < s.at + s.len)
        d.exponent = exponent_of(str_make(end + 1, (size_t)(s.at + s.len - end - 1)));
    point = memchr(s.at, '.', (size_t)(end - s.at));
    for (d.at = s.at; d.at < end && (*d.at == '0' || *d.at == '.'); d.at++)
        ;
    for (last = end; last > d.at && (last[-1] == '0' || last[-1] == '.'); last--)
        ;
    d.n = (size_t)(last - d.at);
    if (!point)
        point = end;
    d.exponent += d.at < point ? point - d.at : -(d.at - point - 1);
    if (d.n == 0)
        d.negative = false;
    return d;
}

static int digits_cmp(const struct decimal *a, const struct decimal *b)
{
    size_t i = 0, j = 0;

    for (;;) {
        i += i < a->n && a->at[i] == '.';
        j += j < b->n && b->at[j] == '.';
        if (i >= a->n || j >= b->n)
            return (i < a->n) - (j < b->n);
        if (a->at[i] != b->at[j])
            return a->at[i] < b->at[j] ? -1 : 1;
        i++;
        j++;
    }
}

static int number_cmp(struct str left, struct str right)
{
    struct decimal a = decimal_of(left), b = decimal_of(right);
    int sign = a.negative ? -1 : 1;

    if (a.negative != b.negative)
        return b.negative ? 1 : -1;
    if (a.n == 0 || b.n == 0)
        return sign * ((a.n > 0) - (b.n > 0));
    if (a.exponent != b.exponent)
        return a.exponent < b.exponent ? -sign : sign;
    return sign * digits_cmp(&a, &b);
}

/* --- objects: first the sorted keys, then the values in the order of the keys --- */

struct pair {
    struct value key, item;
};

static int key_cmp(const struct value *a, const struct value *b)
{
    return json_text_cmp(a->text, a->flags & VALUE_ESCAPED, b->text, b->flags & VALUE_ESCAPED);
}

static int pair_cmp(const void *a, const void *b)
{
    return key_cmp(&((const struct pair *)a)->key, &((const struct pair *)b)->key);
}

static struct pair *sorted_pairs(const struct value *v, size_t n)
{
    struct pair *pairs = calloc(n ? n : 1, sizeof *pairs);
    struct value_iter it = value_iter(v);

    if (!pairs)
        return NULL;
    for (size_t i = 0; i < n && value_iter_next(&it, &pairs[i].key, &pairs[i].item); i++)
        ;
    qsort(pairs, n, sizeof *pairs, pair_cmp);
    return pairs;
}

/* The least key of `v` above `*key` (any, if `key` is absent), into *key and *item. Slow, needs no memory. */
static bool next_pair(const struct value *v, struct pair *at)
{
    struct value_iter it = value_iter(v);
    struct pair candidate, best = {0};

    while (value_iter_next(&it, &candidate.key, &candidate.item)) {
        if (at->key.type != VALUE_ABSENT && key_cmp(&candidate.key, &at->key) <= 0)
            continue;
        if (best.key.type == VALUE_ABSENT || key_cmp(&candidate.key, &best.key) < 0)
            best = candidate;
    }
    *at = best;
    return best.key.type != VALUE_ABSENT;
}

static int object_cmp_slowly(const struct value *a, const struct value *b)
{
    for (int values = 0; values < 2; values++) {
        struct pair x = {0}, y = {0};

        while (next_pair(a, &x) | next_pair(b, &y)) {
            int c;

            if (x.key.type == VALUE_ABSENT || y.key.type == VALUE_ABSENT)
                return x.key.type == VALUE_ABSENT ? -1 : 1;
            c = values ? value_cmp(&x.item, &y.item) : key_cmp(&x.key, &y.key);
            if (c)
                return c;
        }
    }
    return 0;
}

static int pairs_cmp(const struct pair *x, size_t x_n, const struct pair *y, size_t y_n)
{
    int c = 0;

    for (size_t i = 0; i < x_n && i < y_n && c == 0; i++)
        c = key_cmp(&x[i].key, &y[i].key);
    if (c == 0)
        c = (x_n > y_n) - (x_n < y_n);
    for (size_t i = 0; i < x_n && c == 0; i++)
        c = value_cmp(&x[i].item, &y[i].item);
    return c;
}

static int object_cmp(const struct value *a, const struct value *b)
{
    size_t a_n = value_count(a), b_n = value_count(b);
    struct pair *x = sorted_pairs(a, a_n), *y = sorted_pairs(b, b_n);
    int c = x && y ? pairs_cmp(x, a_n, y, b_n) : object_cmp_slowly(a, b);

    free(x);
    free(y);
    return c;
}

static int array_cmp(const struct value *a, const struct value *b)
{
    struct value_iter i = value_iter(a), j = value_iter(b);
    struct value x, y;

    for (;;) {
        bool left = value_iter_next(&i, NULL, &x), right = value_iter_next(&j, NULL, &y);
        int c;

        if (!left || !right)
            return left - right;
        c = value_cmp(&x, &y);
        if (c)
            return c;
    }
}

static int rank(const struct value *v)
{
    return v->type == VALUE_BOOL ? 2 + v->truth : v->type + (v->type > VALUE_BOOL);
}

/* Recursion ends at the depth of the values, see value_json(). */
int value_cmp(const struct value *a, const struct value *b)
{
    if (rank(a) != rank(b))
        return rank(a) < rank(b) ? -1 : 1;
    switch ((enum value_type)a->type) {
    case VALUE_NUMBER: return number_cmp(a->text, b->text);
    case VALUE_STRING: return key_cmp(a, b);
    case VALUE_ARRAY: return array_cmp(a, b);
    case VALUE_OBJECT: return object_cmp(a, b);
    default: return 0;
    }
}
