/* Any bytes as JSON: refused with a place inside them, or a value that is the same when it is written and read again. */
#include "fuzz.h"

#include "read/json.h"

static void walk(const struct value *v, unsigned depth)
{
    struct value_iter it = value_iter(v);
    struct value key, item;
    size_t n = 0;

    while (value_iter_next(&it, &key, &item)) {
        n++;
        MUST(depth < 2048);
        walk(&item, depth + 1);
    }
    MUST(n == value_count(v));
}

static int parse(struct json_parser *p, struct buf *text, struct value *ret, struct err *err)
{
    MUST(buf_reserve(text, JSON_PADDING) == 0);
    return json_parse(p, buf_str(text), ret, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_options options = {.duplicates = size ? data[0] % 3 : 0, .allow_nonfinite = size && (data[0] & 64)};
    struct buf text = BUF_INIT, again = BUF_INIT;
    struct err err = {0};
    struct json_parser *p = json_parser_new(&options, &err), *q = json_parser_new(&options, &err);
    struct value v, w;

    MUST(p && q && buf_add(&text, data, size) == 0);
    if (parse(p, &text, &v, &err) < 0) {
        MUST(err.scope == ERR_RECORD && err.message[0] && err.has_byte && err.byte <= size && err.line >= 1 && err.column >= 1);
    } else {
        walk(&v, 0);
        MUST(value_json(&v, &again) == 0);
        MUST(parse(q, &again, &w, &err) == 0);
        MUST(value_cmp(&v, &w) == 0);
    }
    err_release(&err);
    json_parser_free(p);
    json_parser_free(q);
    buf_release(&text);
    buf_release(&again);
    return 0;
}
