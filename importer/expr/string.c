/* Functions over strings, counted in code points. */
#include "expr/internal.h"
#include "expr/functions.h"

#include <utf8proc.h>

static int text_of(struct run *r, const struct expr_node *n, const struct value *v, struct str *ret)
{
    return expr_text(r, n, v, n->function->name, ret);
}

static int part(struct run *r, const struct value *of, struct str s, struct value *ret)
{
    (void)r;
    *ret = expr_string(s, of->flags);
    return 0;
}

int expr_fn_utf8bytelength(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                           struct value *ret)
{
    struct str s;

    (void)args;
    if (expr_bytes(r, n, in, n->function->name, &s) < 0)
        return -1;
    return expr_number_make(r, n, (int64_t)s.len, ret);
}

int expr_fn_utf16length(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                        struct value *ret)
{
    struct str s;
    size_t units = 0;

    (void)args;
    if (text_of(r, n, in, &s) < 0)
        return -1;
    for (size_t i = 0; i < s.len; i++)
        units += ((s.at[i] & 0xc0) != 0x80) + ((unsigned char)s.at[i] >= 0xf0);
    return expr_number_make(r, n, (int64_t)units, ret);
}

/* --- beginnings and ends ----------------------------------------------------------------------------------- */

static int starts_or_ends(struct run *r, const struct expr_node *n, const struct value *in, const struct value *with,
                          bool end, struct value *ret)
{
    struct str s, w;

    if (expr_bytes(r, n, in, n->function->name, &s) < 0 || expr_bytes(r, n, with, n->function->name, &w) < 0)
        return -1;
    *ret = value_bool(end ? str_ends(s, w) : str_starts(s, w));
    return 0;
}

int expr_fn_startswith(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                       struct value *ret)
{
    return starts_or_ends(r, n, in, &args[0], false, ret);
}

int expr_fn_endswith(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    return starts_or_ends(r, n, in, &args[0], true, ret);
}

/* jq leaves everything that is no string, or does not match, as it is. */
static int cut_off(struct run *r, const struct expr_node *n, const struct value *in, const struct value *off, bool end,
                   struct value *ret)
{
    struct str s, w;

    *ret = *in;
    if (in->type != VALUE_STRING || off->type != VALUE_STRING)
        return 0;
    if (expr_bytes(r, n, in, "", &s) < 0 || expr_bytes(r, n, off, "", &w) < 0)
        return -1;
    if (!(end ? str_ends(s, w) : str_starts(s, w)))
        return 0;
    return part(r, in, end ? str_make(s.at, s.len - w.len) : str_make(s.at + w.len, s.len - w.len), ret);
}

int expr_fn_ltrimstr(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    return cut_off(r, n, in, &args[0], false, ret);
}

int expr_fn_rtrimstr(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    return cut_off(r, n, in, &args[0], true, ret);
}

static bool is_blank(uint32_t c)
{
    return c == ' ' || (c >= 0x9 && c <= 0xd) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static int trim(struct run *r, const struct expr_node *n, const struct value *in, bool left, bool right,
                struct value *ret)
{
    struct str s;
    size_t from = 0, to;
    uint32_t c;

    if (text_of(r, n, in, &s) < 0)
        return -1;
    while (left && from < s.len) {
        size_t next = expr_rune_next(s, from, &c);

        if (!is_blank(c))
            break;
        from = next;
    }
    to = s.len;
    while (right && to > from) {
        size_t last = to - 1;

        while (last > from && (s.at[last] & 0xc0) == 0x80)
            last--;
        expr_rune_next(s, last, &c);
        if (!is_blank(c))
            break;
        to = last;
    }
    return part(r, in, str_make(s.at + from, to - from), ret);
}

int expr_fn_trim(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    (void)args;
    return trim(r, n, in, true, true, ret);
}

int expr_fn_ltrim(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    (void)args;
    return trim(r, n, in, true, false, ret);
}

int expr_fn_rtrim(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    (void)args;
    return trim(r, n, in, false, true, ret);
}

/* --- case -------------------------------------------------------------------------------------------------- */

static int ascii_case(struct run *r, const struct expr_node *n, const struct value *in, char from, struct value *ret)
{
    struct str s;
    char *out;

    if (expr_bytes(r, n, in, n->function->name, &s) < 0 || !(out = expr_alloc(r, n, s.len + 1)))
        return -1;
    for (size_t i = 0; i < s.len; i++)
        out[i] = (char)(s.at[i] >= from && s.at[i] <= from + 25 ? s.at[i] ^ 0x20 : s.at[i]);
    return part(r, in, str_make(out, s.len), ret);
}

int expr_fn_ascii_downcase(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                           struct value *ret)
{
    (void)args;
    return ascii_case(r, n, in, 'A', ret);
}

int expr_fn_ascii_upcase(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                         struct value *ret)
{
    (void)args;
    return ascii_case(r, n, in, 'a', ret);
}

static int unicode_case(struct run *r, const struct expr_node *n, const struct value *in,
                        utf8proc_int32_t (*map)(utf8proc_int32_t c), struct value *ret)
{
    struct text t = {.r = r, .node = n};
    struct str s;
    uint32_t c;

    if (text_of(r, n, in, &s) < 0 || expr_charge(r, n, s.len / 64) < 0)
        return -1;
    for (size_t i = 0; i < s.len;) {
        i = expr_rune_next(s, i, &c);
        if (expr_put_rune(&t, (uint32_t)map((utf8proc_int32_t)c)) < 0)
            return -1;
    }
    return part(r, in, text_str(&t), ret);
}

int expr_fn_lower(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    (void)args;
    return unicode_case(r, n, in, utf8proc_tolower, ret);
}

int expr_fn_upper(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    (void)args;
    return unicode_case(r, n, in, utf8proc_toupper, ret);
}

/* --- taking apart and putting together --------------------------------------------------------------------- */

int expr_fn_explode(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct value number;
    struct str s;
    uint32_t c;

    (void)args;
    if (text_of(r, n, in, &s) < 0)
        return -1;
    for (size_t i = 0; i < s.len;) {
        i = expr_rune_next(s, i, &c);
        if (expr_number_make(r, n, c, &number) < 0 || expr_list_add(&l, &number) < 0 || expr_charge(r, n, 1) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

int expr_fn_implode(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct text t = {.r = r, .node = n};
    struct expr_shown shown;
    struct value_iter it;
    struct value key, item;
    int64_t c;

    (void)args;
    if (in->type != VALUE_ARRAY)
        return expr_fail(r, n, W0431, in, "implode needs an array of code points, not %s", expr_show(r, in, &shown));
    for (it = value_iter(in); value_iter_next(&it, &key, &item);) {
        if (!expr_number_int64(&item, &c) || c < 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return expr_fail(r, n, W0431, &item, "%s is not a code point", expr_show(r, &item, &shown));
        if (expr_put_rune(&t, (uint32_t)c) < 0 || expr_charge(r, n, 1) < 0)
            return -1;
    }
    return part(r, in, text_str(&t), ret);
}

int expr_fn_split(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    return expr_split(r, n, in, &args[0], ret);
}

int expr_fn_join(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    struct text t = {.r = r, .node = n};
    struct expr_shown shown;
    struct value_iter it;
    struct value key, item;
    uint16_t flags = 0;
    struct str separator;
    bool first = true;

    if (in->type != VALUE_ARRAY)
        return expr_fail(r, n, W0431, in, "join needs an array, not %s", expr_show(r, in, &shown));
    *ret = value_string(str_make("", 0));
    if (value_count(in) == 0)
        return 0;
    if (expr_bytes(r, n, &args[0], "join", &separator) < 0)
        return -1;
    for (it = value_iter(in); value_iter_next(&it, &key, &item);) {
        if (!first && expr_put(&t, separator.at, separator.len) < 0)
            return -1;
        first = false;
        if (item.type >= VALUE_ARRAY)
            return expr_fail(r, n, W0431, &item, "join takes strings, numbers and booleans, not %s",
                             expr_show(r, &item, &shown));
        if (item.type > VALUE_NULL && expr_put_tostring(&t, &item, &flags) < 0)
            return -1;
        if (expr_charge(r, n, 1) < 0)
            return -1;
    }
    *ret = expr_string(text_str(&t), flags | args[0].flags);
    return 0;
}

int expr_fn_replace(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct text t = {.r = r, .node = n};
    struct str s, from, to;
    size_t at = 0;

    if (text_of(r, n, in, &s) < 0 || text_of(r, n, &args[0], &from) < 0 || text_of(r, n, &args[1], &to) < 0)
        return -1;
    if (from.len == 0)
        return expr_fail(r, n, W0431, &args[0], "replace needs something to look for");
    for (;;) {
        const char *hit = s.len - at ? memmem(s.at + at, s.len - at, from.at, from.len) : NULL;

        if (!hit)
            break;
        if (expr_put(&t, s.at + at, (size_t)(hit - s.at) - at) < 0 || expr_put(&t, to.at, to.len) < 0 ||
            expr_charge(r, n, 1) < 0)
            return -1;
        at = (size_t)(hit - s.at) + from.len;
    }
    if (expr_put(&t, s.at + at, s.len - at) < 0)
        return -1;
    *ret = expr_string(text_str(&t), in->flags | args[1].flags);
    return 0;
}

/* --- places ------------------------------------------------------------------------------------------------ */

/* Where `what` stands in a string, counted in code points. */
static int places(struct run *r, const struct expr_node *n, const struct value *in, const struct value *what,
                  struct value *ret)
{
    struct list l = {.r = r, .node = n};
    struct str s, w;
    size_t from = 0, runes = 0;

    if (text_of(r, n, in, &s) < 0 || text_of(r, n, what, &w) < 0)
        return -1;
    while (w.len && from + w.len <= s.len) {
        const char *hit = memmem(s.at + from, s.len - from, w.at, w.len);
        struct value place;
        size_t at;

        if (!hit)
            break;
        at = (size_t)(hit - s.at);
        runes += expr_rune_count(str_make(s.at + from, at - from));
        if (expr_number_make(r, n, (int64_t)runes, &place) < 0 || expr_list_add(&l, &place) < 0 ||
            expr_charge(r, n, 1) < 0)
            return -1;
        from = expr_rune_next(s, at, NULL);
        runes++;
    }
    return expr_list_array(&l, ret);
}

int expr_fn_indices(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct expr_shown one, two;
    struct member single = {.value = args[0]};
    struct value list = value_array(&single, 1);

    *ret = value_null();
    if (in->type == VALUE_NULL)
        return 0;
    if (in->type == VALUE_ARRAY)
        return expr_subsequences(r, n, in, args[0].type == VALUE_ARRAY ? &args[0] : &list, ret);
    if (in->type == VALUE_STRING && args[0].type == VALUE_STRING)
        return places(r, n, in, &args[0], ret);
    return expr_fail(r, n, W0431, in, "cannot look for %s in %s", expr_show(r, &args[0], &one),
                     expr_show(r, in, &two));
}

static int one_place(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     int64_t which, struct value *ret)
{
    struct value all;

    if (expr_fn_indices(r, n, in, args, &all) < 0)
        return -1;
    *ret = value_at(&all, which);
    if (ret->type == VALUE_ABSENT)
        *ret = value_null();
    return 0;
}

int expr_fn_index(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    return one_place(r, n, in, args, 0, ret);
}

int expr_fn_rindex(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    return one_place(r, n, in, args, -1, ret);
}

/* --- paths of files ---------------------------------------------------------------------------------------- */

/* The last part, without slashes at its end. */
static struct str base_of(struct str s)
{
    size_t from;

    while (s.len > 1 && s.at[s.len - 1] == '/')
        s.len--;
    for (from = s.len; from > 0 && s.at[from - 1] != '/'; from--)
        ;
    if (s.len == 1)
        from = 0;
    return str_make(s.at + from, s.len - from);
}

/* Where the extension of a base name begins; a dot in front or at the end makes none. */
static size_t dot_of(struct str base)
{
    for (size_t i = base.len; i-- > 1;) {
        if (base.at[i] == '.')
            return i + 1 == base.len ? base.len : i;
    }
    return base.len;
}

int expr_fn_basename(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    struct str s;

    (void)args;
    return text_of(r, n, in, &s) < 0 ? -1 : part(r, in, base_of(s), ret);
}

int expr_fn_dirname(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct str s, base;
    size_t len;

    (void)args;
    if (text_of(r, n, in, &s) < 0)
        return -1;
    base = base_of(s);
    len = s.len ? (size_t)(base.at - s.at) : 0;
    while (len > 1 && s.at[len - 1] == '/')
        len--;
    if (len == 0)
        return part(r, in, str_of(s.len && s.at[0] == '/' ? "/" : "."), ret);
    return part(r, in, str_make(s.at, len), ret);
}

int expr_fn_extname(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    struct str s, base;
    size_t dot;

    (void)args;
    if (text_of(r, n, in, &s) < 0)
        return -1;
    base = base_of(s);
    dot = dot_of(base);
    return part(r, in, str_make(base.at + dot, base.len - dot), ret);
}

int expr_fn_stem(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    struct str s, base;

    (void)args;
    if (text_of(r, n, in, &s) < 0)
        return -1;
    base = base_of(s);
    return part(r, in, str_make(base.at, dot_of(base)), ret);
}
