/* Functions that turn one kind of value into another, and those that answer what a value is. */
#include "expr/internal.h"
#include "expr/functions.h"

static const char *type_word(const struct value *v)
{
    switch ((enum value_type)v->type) {
    case VALUE_BOOL: return "boolean";
    case VALUE_NUMBER: return "number";
    case VALUE_STRING: return "string";
    case VALUE_ARRAY: return "array";
    case VALUE_OBJECT: return "object";
    default: return "null";
    }
}

int expr_fn_type(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    (void)r, (void)n, (void)args;
    *ret = value_string(str_of(type_word(in)));
    return 0;
}

/* numbers, strings, ...: the value itself when it is of the type. */
int expr_fn_of_type(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    const char *name = n->function->name, *type = type_word(in);
    bool list = in->type >= VALUE_ARRAY, keep;

    (void)r, (void)args;
    if (strcmp(name, "values") == 0)
        keep = in->type > VALUE_NULL;
    else if (strcmp(name, "scalars") == 0)
        keep = !list;
    else if (strcmp(name, "iterables") == 0)
        keep = list;
    else
        keep = strncmp(name, type, strlen(type)) == 0 && strlen(name) == strlen(type) + 1;
    *ret = keep ? *in : value_absent();
    return 0;
}

int expr_fn_not(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    (void)r, (void)n, (void)args;
    *ret = value_bool(!expr_true(in));
    return 0;
}

int expr_fn_empty(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    (void)r, (void)n, (void)in, (void)args;
    *ret = value_absent();
    return 0;
}

int expr_fn_error(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    const struct value *what = n->n ? &args[0] : in;
    struct text t = {.r = r, .node = n};
    uint16_t flags = 0;

    (void)ret;
    if (expr_put_tostring(&t, what, &flags) < 0)
        return -1;
    expr_fail(r, n, W0432, in, "%.*s", (int)str_cut_utf8(text_str(&t), 240), text_str(&t).at);
    r->fault.thrown_given = true;
    r->fault.thrown = *what;
    return -1;
}

/* --- strings and JSON -------------------------------------------------------------------------------------- */

int expr_fn_tostring(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    struct text t = {.r = r, .node = n};
    uint16_t flags = 0;

    (void)args;
    *ret = *in;
    if (in->type == VALUE_STRING)
        return 0;
    if (expr_put_json(&t, in, &flags) < 0)
        return -1;
    *ret = expr_string(text_str(&t), flags);
    return 0;
}

int expr_fn_tojson(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    struct text t = {.r = r, .node = n};
    uint16_t flags = 0;

    (void)args;
    if (expr_put_json(&t, in, &flags) < 0)
        return -1;
    *ret = expr_string(text_str(&t), flags);
    return 0;
}

int expr_fn_fromjson(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    struct str s;

    (void)args;
    if (expr_text(r, n, in, "fromjson", &s) < 0)
        return -1;
    return expr_json_parse(r, n, s, ret);
}

/* --- numbers ----------------------------------------------------------------------------------------------- */

static int not_a_number(struct run *r, const struct expr_node *n, const struct value *v, const char *what)
{
    struct expr_shown shown;

    return expr_fail(r, n, W0435, v, "%s is not %s", expr_show(r, v, &shown), what);
}

int expr_fn_tonumber(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                     struct value *ret)
{
    struct str s;

    (void)args;
    *ret = *in;
    if (in->type == VALUE_NUMBER)
        return 0;
    if (in->type != VALUE_STRING || expr_bytes(r, n, in, "tonumber", &s) < 0)
        return not_a_number(r, n, in, "a number");
    s = str_trim(s);
    if (!expr_number_valid(s))
        return not_a_number(r, n, in, "a number as JSON spells it");
    *ret = value_number(s);
    return 0;
}

/* Of a number or of text: an optional sign, digits with zeros in front if need be, and with `point` a fraction and
 * an exponent. */
static int read_number(struct run *r, const struct expr_node *n, const struct value *in, const char *what,
                       struct value *ret)
{
    struct text t = {.r = r, .node = n};
    size_t sign, zeros;
    struct str s;

    *ret = *in;
    if (in->type == VALUE_NUMBER)
        return 0;
    if (in->type != VALUE_STRING || expr_bytes(r, n, in, what, &s) < 0)
        return not_a_number(r, n, in, what);
    s = str_trim(s);
    sign = s.len && (s.at[0] == '-' || s.at[0] == '+');
    for (zeros = sign; zeros + 1 < s.len && s.at[zeros] == '0' && s.at[zeros + 1] >= '0' && s.at[zeros + 1] <= '9';)
        zeros++;
    if ((sign && s.at[0] == '-' && expr_put_char(&t, '-') < 0) || expr_put(&t, s.at + zeros, s.len - zeros) < 0)
        return -1;
    if (!expr_number_valid(text_str(&t)))
        return not_a_number(r, n, in, what);
    *ret = value_number(text_str(&t));
    return 0;
}

int expr_fn_to_int(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    struct value v, whole;

    (void)args;
    if (read_number(r, n, in, "a whole number", &v) < 0 || expr_number_round(r, n, NUMBER_FLOOR, &v, &whole) < 0)
        return -1;
    if (expr_compare(&v, &whole) != 0)
        return not_a_number(r, n, in, "a whole number");
    return expr_number_round(r, n, NUMBER_PLAIN, &whole, ret);
}

int expr_fn_to_decimal(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                       struct value *ret)
{
    struct value v;

    (void)args;
    if (read_number(r, n, in, "a number", &v) < 0)
        return -1;
    return expr_number_round(r, n, NUMBER_PLAIN, &v, ret);
}

static int needs_number(struct run *r, const struct expr_node *n, const struct value *v)
{
    struct expr_shown shown;

    if (v->type == VALUE_NUMBER)
        return 0;
    expr_fail(r, n, W0431, v, "%s needs a number, not %s", n->function->name, expr_show(r, v, &shown));
    if (v->type == VALUE_STRING)
        expr_help(r, "'to_int' or 'to_decimal' makes a number of text");
    return -1;
}

static int rounded(struct run *r, const struct expr_node *n, const struct value *in, enum number_round how,
                   struct value *ret)
{
    return needs_number(r, n, in) < 0 ? -1 : expr_number_round(r, n, how, in, ret);
}

int expr_fn_floor(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    (void)args;
    return rounded(r, n, in, NUMBER_FLOOR, ret);
}

int expr_fn_ceil(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    (void)args;
    return rounded(r, n, in, NUMBER_CEIL, ret);
}

int expr_fn_round(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    (void)args;
    return rounded(r, n, in, NUMBER_NEAREST, ret);
}

int expr_fn_abs(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    (void)args;
    return rounded(r, n, in, NUMBER_ABS, ret);
}

static int divided(struct run *r, const struct expr_node *n, const struct value *in, const struct value *by,
                   enum number_op op, struct value *ret)
{
    if (needs_number(r, n, in) < 0 || needs_number(r, n, by) < 0)
        return -1;
    return expr_number_op(r, n, op, in, by, ret);
}

int expr_fn_idiv(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    return divided(r, n, in, &args[0], NUMBER_IDIV, ret);
}

int expr_fn_mod(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    return divided(r, n, in, &args[0], NUMBER_FLOORMOD, ret);
}

static int shifted(struct run *r, const struct expr_node *n, const struct value *in, const struct value *by, bool left,
                   struct value *ret)
{
    int64_t bits;

    if (needs_number(r, n, in) < 0 || needs_number(r, n, by) < 0)
        return -1;
    if (!expr_number_int64(by, &bits) || bits < 0)
        return not_a_number(r, n, by, "a number of bits");
    return expr_number_shift(r, n, in, left ? bits : -bits, ret);
}

int expr_fn_shl(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    return shifted(r, n, in, &args[0], true, ret);
}

int expr_fn_shr(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    return shifted(r, n, in, &args[0], false, ret);
}
