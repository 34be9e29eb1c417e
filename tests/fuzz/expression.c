/* An expression, a newline, a JSON text: refused with a place, or evaluated twice with the same answer. */
#include "fuzz.h"

#include "expr/expr.h"

static enum expr_name_kind find(void *context, struct str name, int *slot)
{
    (void)context;
    *slot = 1;
    return str_is(name, "path") ? EXPR_NAME_KEYED : str_is(name, "index") || str_is(name, "^") ? EXPR_NAME_VALUE : EXPR_NAME_UNKNOWN;
}

static int variable(void *context, int slot, struct value *ret, struct err *err)
{
    (void)context, (void)slot, (void)err;
    *ret = value_number(str_of("7"));
    return 0;
}

static int keyed(void *context, int slot, struct str key, struct value *ret, struct err *err)
{
    (void)context, (void)slot, (void)err;
    *ret = value_string(key);
    return 0;
}

static int answer(const struct expr *e, const struct value *input, struct buf *out)
{
    struct arena a = {0};
    struct expr_run run = {.arena = &a, .variable = variable, .keyed = keyed, .now_us = 1700000000000000};
    struct err err = {0};
    struct value v;
    int ret = expr_eval(e, input, &run, &v, &err);

    if (ret < 0) {
        MUST(err.message[0]);
        MUST(buf_add_text(out, err.message) == 0);
    } else if (v.type != VALUE_ABSENT) {
        MUST(value_json(&v, out) == 0);
    }
    err_release(&err);
    arena_release(&a);
    return ret;
}

static void evaluate(const struct expr *e, struct str json)
{
    struct buf text = BUF_INIT, one = BUF_INIT, two = BUF_INIT;
    struct err err = {0};
    struct json_parser *p = json_parser_new(NULL, &err);
    struct value v;

    MUST(p && buf_add_str(&text, json) == 0 && buf_reserve(&text, JSON_PADDING) == 0);
    if (json_parse(p, buf_str(&text), &v, &err) < 0)
        v = value_null();
    MUST(answer(e, &v, &one) == answer(e, &v, &two) && str_eq(buf_str(&one), buf_str(&two)));
    err_release(&err);
    json_parser_free(p);
    buf_release(&text);
    buf_release(&one);
    buf_release(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct expr_names names = {.find = find};
    struct arena a = {0};
    struct err err = {0};
    struct str text, json;
    struct expr *e;

    fuzz_split(data, size, &text, &json);
    e = expr_compile(text, &names, &a, &err);
    if (e)
        evaluate(e, json);
    else
        MUST(err.message[0] && err.byte <= text.len);
    expr_release(e);
    err_release(&err);
    e = expr_compile_path(text, size % 2 == 0, &names, &a, &err);
    if (e && size % 2)
        evaluate(e, json);
    expr_release(e);
    err_release(&err);
    arena_release(&a);
    return 0;
}
