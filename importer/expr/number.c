/* Exact decimals: 64-bit integers take a short way, everything else goes through GMP's mpn on the stack.
 *
 * A number is digits and a scale, value = digits / 10^scale. At most 1,000 digits stand before the point and
 * 1,000 behind it, so every array below has a fixed size and nothing is allocated but the result. */
#include "expr/internal.h"

#include <gmp.h>

enum {
    SIDE_MAX = 1000,                    /* digits before the point, and behind it */
    DIGITS_MAX = 4 * SIDE_MAX + 100,    /* of a product, and of a padded dividend */
    LIMBS_MAX = DIGITS_MAX * 10 / 3 / 64 + 4,
    EXACT_DIGITS = 40,                  /* a quotient that ends within so many further digits is exact */
    ROUNDED_DIGITS = 34                 /* others keep this many */
};

struct decimal {
    bool negative;
    int scale;              /* never below 0 after decimal_read() */
    int len;                /* 0: zero */
    unsigned char digits[DIGITS_MAX];   /* 0 to 9, the first is not 0 */
};

struct limbs {
    mp_size_t n;
    mp_limb_t at[LIMBS_MAX];
};

bool expr_number_fast(struct str s, int64_t *ret)
{
    size_t i = s.len > 0 && s.at[0] == '-';
    int64_t n = 0;

    if (s.len == i || s.len > 20)
        return false;
    for (size_t at = i; at < s.len; at++) {
        unsigned digit = (unsigned char)s.at[at] - '0';

        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *ret = i ? -n : n;
    return true;
}

bool expr_number_valid(struct str s)
{
    size_t i = s.len > 0 && s.at[0] == '-', from = i;

    while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
        i++;
    if (i == from || (s.at[from] == '0' && i > from + 1))
        return false;
    if (i < s.len && s.at[i] == '.') {
        from = ++i;
        while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    if (i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        i += i < s.len && (s.at[i] == '+' || s.at[i] == '-');
        from = i;
        while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9')
            i++;
        if (i == from)
            return false;
    }
    return i == s.len;
}

/* Drop zeros at both ends; those before the point stay. */
static void tidy(struct decimal *d)
{
    int zeros = 0;

    while (zeros < d->len && d->digits[zeros] == 0)
        zeros++;
    if (zeros) {
        memmove(d->digits, d->digits + zeros, (size_t)(d->len - zeros));
        d->len -= zeros;
    }
    while (d->len > 0 && d->scale > 0 && d->digits[d->len - 1] == 0) {
        d->len--;
        d->scale--;
    }
    if (d->len == 0) {
        d->scale = 0;
        d->negative = false;
    }
}

static bool fits(const struct decimal *d)
{
    return d->scale <= SIDE_MAX && d->len - d->scale <= SIDE_MAX;
}

/* False when the number is beyond the bounds. */
static bool decimal_read(struct str s, struct decimal *d)
{
    size_t i = s.len > 0 && s.at[0] == '-';
    int64_t exponent = 0, scale = 0;
    bool fraction = false;

    d->negative = i == 1;
    d->len = 0;
    for (; i < s.len && s.at[i] != 'e' && s.at[i] != 'E'; i++) {
        if (s.at[i] == '.') {
            fraction = true;
            continue;
        }
        if (d->len > 0 || s.at[i] != '0') {
            if (d->len > 2 * SIDE_MAX)
                return false;
            d->digits[d->len++] = (unsigned char)(s.at[i] - '0');
        }
        scale += fraction;
    }
    if (i < s.len &&
        !str_parse_int64(str_make(s.at + i + 1 + (s.at[i + 1] == '+'), s.len - i - 1 - (s.at[i + 1] == '+')),
                         &exponent))
        exponent = s.at[i + 1] == '-' ? -1000000000 : 1000000000;
    if (d->len == 0) {
        tidy(d);
        d->scale = 0;
        return true;
    }
    while (scale > exponent && d->len > 0 && d->digits[d->len - 1] == 0) {
        d->len--;
        scale--;
    }
    scale -= exponent;
    if (scale > SIDE_MAX || d->len - scale > SIDE_MAX)
        return false;
    for (; scale < 0; scale++)
        d->digits[d->len++] = 0;
    d->scale = (int)scale;
    tidy(d);
    return true;
}

static int decimal_write(struct run *r, const struct expr_node *n, struct decimal *d, struct value *ret)
{
    char *out, *p;

    tidy(d);
    if (!fits(d))
        return expr_fail(r, n, W0434, NULL, "the result has more than %d digits before or behind its point", SIDE_MAX);
    out = p = expr_alloc(r, n, (size_t)(d->len > d->scale ? d->len : d->scale) + 4);
    if (!p)
        return -1;
    if (d->negative)
        *p++ = '-';
    if (d->len <= d->scale)
        *p++ = '0';
    for (int i = d->len > d->scale ? 0 : d->len - d->scale; i < d->len; i++) {
        if (i == d->len - d->scale)
            *p++ = '.';
        *p++ = (char)('0' + (i < 0 ? 0 : d->digits[i]));
    }
    *ret = value_number(str_make(out, (size_t)(p - out)));
    return 0;
}

/* digits * 10^zeros */
static void to_limbs(const struct decimal *d, int zeros, struct limbs *out)
{
    unsigned char digits[DIGITS_MAX];

    memcpy(digits, d->digits, (size_t)d->len);
    memset(digits + d->len, 0, (size_t)zeros);
    out->n = d->len == 0 ? 0 : mpn_set_str(out->at, digits, (size_t)(d->len + zeros), 10);
}

static void from_limbs(struct limbs *l, struct decimal *d)
{
    while (l->n > 0 && l->at[l->n - 1] == 0)
        l->n--;
    d->len = l->n == 0 ? 0 : (int)mpn_get_str(d->digits, 10, l->at, l->n);
}

static int compare_limbs(const struct limbs *a, const struct limbs *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    return a->n == 0 ? 0 : mpn_cmp(a->at, b->at, a->n);
}

static void decimal_add(const struct decimal *a, const struct decimal *b, bool subtract, struct decimal *ret)
{
    bool b_negative = b->negative != subtract;
    struct limbs x, y, *big = &x, *small = &y;
    int scale = a->scale > b->scale ? a->scale : b->scale;

    to_limbs(a, scale - a->scale, &x);
    to_limbs(b, scale - b->scale, &y);
    if (compare_limbs(&x, &y) < 0) {
        big = &y;
        small = &x;
    }
    ret->negative = big == &x ? a->negative : b_negative;
    if (small->n == 0) {
        from_limbs(big, ret);
    } else if (a->negative == b_negative) {
        mp_limb_t carry = mpn_add(big->at, big->at, big->n, small->at, small->n);

        if (carry)
            big->at[big->n++] = carry;
        from_limbs(big, ret);
    } else {
        mpn_sub(big->at, big->at, big->n, small->at, small->n);
        from_limbs(big, ret);
    }
    ret->scale = scale;
}

static void decimal_multiply(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    struct limbs x, y, product;

    to_limbs(a, 0, &x);
    to_limbs(b, 0, &y);
    product.n = 0;
    if (x.n && y.n) {
        product.n = x.n + y.n;
        if (x.n >= y.n)
            mpn_mul(product.at, x.at, x.n, y.at, y.n);
        else
            mpn_mul(product.at, y.at, y.n, x.at, x.n);
    }
    from_limbs(&product, ret);
    ret->scale = a->scale + b->scale;
    ret->negative = a->negative != b->negative;
}

/* Integers q, r with a * 10^zeros = q * b + r; the signs are the caller's. b is not 0. */
static void divide_limbs(const struct decimal *a, int zeros, const struct decimal *b, int b_zeros, struct limbs *q,
                         struct limbs *rest)
{
    struct limbs x, y;

    to_limbs(a, zeros, &x);
    to_limbs(b, b_zeros, &y);
    if (x.n < y.n) {
        q->n = 0;
        *rest = x;
        return;
    }
    q->n = x.n - y.n + 1;
    rest->n = y.n;
    mpn_tdiv_qr(q->at, rest->at, 0, x.at, x.n, y.at, y.n);
    while (rest->n > 0 && rest->at[rest->n - 1] == 0)
        rest->n--;
}

/* Half to even; `more` says that the value lies a little beyond its digits. */
static void round_digits(struct decimal *d, int keep, bool more)
{
    int at = keep, dropped = d->len - keep;
    bool up;

    if (dropped <= 0)
        return;
    for (int i = keep + 1; i < d->len; i++)
        more |= d->digits[i] != 0;
    up = d->digits[keep] > 5 || (d->digits[keep] == 5 && (more || d->digits[keep - 1] % 2 == 1));
    memset(d->digits + keep, 0, (size_t)dropped);
    while (up && at > 0 && ++d->digits[at - 1] == 10)
        d->digits[--at] = 0;
    if (up && at == 0) {
        memmove(d->digits + 1, d->digits, (size_t)d->len++);
        d->digits[0] = 1;
    }
}

static void pad_scale(struct decimal *d)
{
    while (d->scale < 0 && d->len < DIGITS_MAX) {
        d->digits[d->len++] = 0;
        d->scale++;
    }
}

static void decimal_divide(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    struct limbs q, rest;
    int zeros = EXACT_DIGITS + (b->scale > a->scale ? b->scale - a->scale : 0);

    divide_limbs(a, zeros, b, 0, &q, &rest);
    if (rest.n != 0) {
        zeros = ROUNDED_DIGITS + 1 + b->len - a->len;
        if (zeros < 0)
            zeros = 0;
        divide_limbs(a, zeros, b, 0, &q, &rest);
    }
    from_limbs(&q, ret);
    ret->scale = a->scale - b->scale + zeros;
    if (rest.n != 0)
        round_digits(ret, ROUNDED_DIGITS, true);
    pad_scale(ret);
    ret->negative = a->negative != b->negative;
}

/* The whole quotient (towards zero, or down) or what is left of it. Both sides may have fractions. */
static void decimal_whole(const struct decimal *a, const struct decimal *b, bool down, bool modulo, struct decimal *ret)
{
    static const struct decimal one = {.len = 1, .digits = {1}};
    int scale = a->scale > b->scale ? a->scale : b->scale;
    struct decimal t;
    struct limbs q, rest;
    bool step;

    divide_limbs(a, scale - a->scale, b, scale - b->scale, &q, &rest);
    step = down && rest.n != 0 && a->negative != b->negative;
    if (modulo) {
        from_limbs(&rest, ret);
        ret->scale = scale;
        ret->negative = a->negative;
        if (step) {
            t = *ret;
            decimal_add(&t, b, false, ret);
        }
        return;
    }
    from_limbs(&q, ret);
    ret->scale = 0;
    ret->negative = a->negative != b->negative;
    if (step) {
        t = *ret;
        decimal_add(&t, &one, true, ret);
    }
}

int expr_number_make(struct run *r, const struct expr_node *n, int64_t i, struct value *ret)
{
    uint64_t rest = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    char *end = expr_alloc(r, n, 24), *p;

    if (!end)
        return -1;
    p = end += 24;
    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (i < 0)
        *--p = '-';
    *ret = value_number(str_make(p, (size_t)(end - p)));
    return 0;
}

/* True when both sides and the result are of 64 bits. */
static bool fast_op(enum number_op op, int64_t a, int64_t b, int64_t *ret)
{
    int64_t rest;

    switch (op) {
    case NUMBER_ADD: return !__builtin_add_overflow(a, b, ret);
    case NUMBER_SUB: return !__builtin_sub_overflow(a, b, ret);
    case NUMBER_MUL: return !__builtin_mul_overflow(a, b, ret);
    default: break;
    }
    rest = a % b;       /* b is not 0, and a is never INT64_MIN: see expr_number_fast() */
    if (op == NUMBER_DIV && rest != 0)
        return false;
    *ret = a / b;
    if (op == NUMBER_MOD)
        *ret = rest;
    else if (op == NUMBER_IDIV)
        *ret -= rest != 0 && (a < 0) != (b < 0);
    else if (op == NUMBER_FLOORMOD)
        *ret = rest != 0 && (a < 0) != (b < 0) ? rest + b : rest;
    return true;
}

static int too_large(struct run *r, const struct expr_node *n, const struct value *v)
{
    return expr_fail(r, n, W0434, v, "a number to calculate with has at most %d digits before and behind its point",
                     SIDE_MAX);
}

int expr_number_op(struct run *r, const struct expr_node *n, enum number_op op, const struct value *a,
                   const struct value *b, struct value *ret)
{
    struct decimal x, y, z;
    int64_t i, j, k;
    bool divides = op >= NUMBER_DIV, fast = expr_number_fast(a->text, &i) && expr_number_fast(b->text, &j);

    if (fast && (!divides || j != 0) && fast_op(op, i, j, &k))
        return expr_number_make(r, n, k, ret);
    if (expr_charge(r, n, (a->text.len + b->text.len) / 32) < 0)
        return -1;
    if (!decimal_read(a->text, &x))
        return too_large(r, n, a);
    if (!decimal_read(b->text, &y))
        return too_large(r, n, b);
    if (divides && y.len == 0)
        return expr_fail(r, n, W0440, a, "%.*s cannot be divided by zero", a->text.len < 40 ? (int)a->text.len : 40,
                         a->text.at);
    if (op == NUMBER_MOD && (x.scale > 0 || y.scale > 0)) {
        expr_fail(r, n, W0431, x.scale > 0 ? a : b, "'%%' is for whole numbers");
        return expr_help(r, "'floor' makes one; 'mod(n)' takes fractions");
    }
    switch (op) {
    case NUMBER_ADD: case NUMBER_SUB: decimal_add(&x, &y, op == NUMBER_SUB, &z); break;
    case NUMBER_MUL: decimal_multiply(&x, &y, &z); break;
    case NUMBER_DIV: decimal_divide(&x, &y, &z); break;
    case NUMBER_MOD: decimal_whole(&x, &y, false, true, &z); break;
    case NUMBER_IDIV: decimal_whole(&x, &y, true, false, &z); break;
    case NUMBER_FLOORMOD: decimal_whole(&x, &y, true, true, &z); break;
    }
    return decimal_write(r, n, &z, ret);
}

int expr_number_round(struct run *r, const struct expr_node *n, enum number_round how, const struct value *v,
                      struct value *ret)
{
    static const struct decimal one = {.len = 1, .digits = {1}};
    struct decimal d, whole;
    bool up;
    int64_t i;

    if ((how <= NUMBER_NEAREST || (how == NUMBER_PLAIN && v->text.at[0] != '-')) && expr_number_fast(v->text, &i)) {
        *ret = *v;
        return 0;
    }
    if (!decimal_read(v->text, &d))
        return too_large(r, n, v);
    if (how == NUMBER_NEGATE || how == NUMBER_ABS)
        d.negative = how == NUMBER_NEGATE && !d.negative;
    if (how >= NUMBER_NEGATE || d.scale == 0)
        return decimal_write(r, n, &d, ret);
    whole = d;
    whole.len = d.len > d.scale ? d.len - d.scale : 0;
    whole.scale = 0;
    up = how == NUMBER_CEIL ? !d.negative : d.negative;
    if (how == NUMBER_NEAREST)
        up = d.len >= d.scale && d.digits[d.len - d.scale] >= 5;
    if (!up)
        return decimal_write(r, n, &whole, ret);
    if (whole.len == 0) {
        whole = one;
        whole.negative = d.negative;
        return decimal_write(r, n, &whole, ret);
    }
    decimal_add(&whole, &one, d.negative, &d);
    return decimal_write(r, n, &d, ret);
}

static void power_of_two(int64_t bits, struct decimal *ret)
{
    struct limbs l = {.n = bits / 64 + 1};

    memset(l.at, 0, sizeof l.at);
    l.at[bits / 64] = (mp_limb_t)1 << (bits % 64);
    from_limbs(&l, ret);
    ret->scale = 0;
    ret->negative = false;
}

int expr_number_shift(struct run *r, const struct expr_node *n, const struct value *v, int64_t bits, struct value *ret)
{
    struct decimal x, p, z;
    int64_t i;

    if (bits < -3000 || bits > 3000)
        return expr_fail(r, n, W0434, NULL, "a shift goes over at most 3000 bits");
    if (bits <= 0 && expr_number_fast(v->text, &i))
        return expr_number_make(r, n, bits < -62 ? (i < 0 ? -1 : 0) : i >> -bits, ret);
    if (!decimal_read(v->text, &x))
        return too_large(r, n, v);
    if (x.scale > 0)
        return expr_fail(r, n, W0431, v, "a shift needs a whole number");
    power_of_two(bits < 0 ? -bits : bits, &p);
    if (bits < 0)
        decimal_whole(&x, &p, true, false, &z);
    else
        decimal_multiply(&x, &p, &z);
    return decimal_write(r, n, &z, ret);
}

/* -1, 0 and 1 as strcmp(): is the whole part beyond 64 bits? Then *ret is the nearest end. */
static bool whole_part(const struct decimal *d, int64_t *ret)
{
    uint64_t n = 0;

    *ret = d->negative ? INT64_MIN : INT64_MAX;
    if (d->len - d->scale > 19)
        return false;
    for (int i = 0; i < d->len - d->scale; i++) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, d->digits[i], &n))
            return false;
    }
    if (n > (uint64_t)INT64_MAX + d->negative)
        return false;
    *ret = d->negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

bool expr_number_int64(const struct value *v, int64_t *ret)
{
    struct decimal d;
    int64_t n;

    if (v->type != VALUE_NUMBER)
        return false;
    if (expr_number_fast(v->text, ret))
        return true;
    if (!decimal_read(v->text, &d) || d.scale > 0 || !whole_part(&d, &n))
        return false;
    *ret = n;
    return true;
}

int64_t expr_number_floor64(const struct value *v)
{
    struct decimal d;
    int64_t n;

    if (expr_number_fast(v->text, &n))
        return n;
    if (!decimal_read(v->text, &d))
        return v->text.at[0] == '-' ? INT64_MIN : INT64_MAX;
    if (whole_part(&d, &n) && d.scale > 0 && d.negative && n > INT64_MIN)
        n--;
    return n;
}

int expr_number_scaled(struct run *r, const struct expr_node *n, int64_t i, int places, struct value *ret)
{
    struct decimal d;
    struct value whole;

    if (expr_number_make(r, n, i, &whole) < 0)
        return -1;
    decimal_read(whole.text, &d);
    d.scale = places;
    return decimal_write(r, n, &d, ret);
}

bool expr_number_unscaled(const struct value *v, int places, int64_t *ret)
{
    struct decimal d;
    int64_t n;

    if (expr_number_fast(v->text, &n)) {
        for (int i = 0; i < places; i++) {
            if (__builtin_mul_overflow(n, 10, &n))
                return false;
        }
        *ret = n;
        return true;
    }
    if (!decimal_read(v->text, &d) || d.scale > places)
        return false;
    while (d.scale < places) {
        if (d.len)
            d.digits[d.len++] = 0;
        d.scale++;
    }
    d.scale = 0;
    if (!whole_part(&d, &n))
        return false;
    *ret = n;
    return true;
}
