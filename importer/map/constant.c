/* Deep copies of values, for constants of a mapping and for records that are kept. */
#include "map/constant.h"

#include "base/cleanup.h"
#include "read/json.h"

#include <stdlib.h>

static int copy_members(const struct value *v, struct arena *a, struct value *ret)
{
    size_t n = value_count(v), i = 0;
    struct member *members = arena_calloc(a, n ? n : 1, sizeof *members);
    struct value_iter it = value_iter(v);
    struct value key, item;

    if (!members)
        return -1;
    while (i < n && value_iter_next(&it, &key, &item)) {
        if (key.type == VALUE_STRING) {
            if (value_text(&key, a, &members[i].key) < 0)
                return -1;
            members[i].key = arena_str(a, members[i].key);
            if (!members[i].key.at)
                return -1;
        }
        if (constant_copy(&item, a, &members[i].value) < 0)
            return -1;
        i++;
    }
    *ret = v->type == VALUE_ARRAY ? value_array(members, i) : value_object(members, i);
    ret->flags = v->flags;
    return 0;
}

int constant_copy(const struct value *v, struct arena *a, struct value *ret)
{
    struct value copy = *v;

    if (v->type == VALUE_ARRAY || v->type == VALUE_OBJECT)
        return copy_members(v, a, ret);
    copy.doc = NULL;
    copy.node = 0;
    if (v->type == VALUE_STRING || v->type == VALUE_NUMBER) {
        copy.text = arena_str(a, v->text);
        if (!copy.text.at)
            return -1;
    }
    *ret = copy;
    return 0;
}

static void free_parser(struct json_parser **p)
{
    json_parser_free(*p);
}

int constant_parse(struct str json, struct arena *a, struct value *ret, struct err *err)
{
    CLEANUP(free_parser) struct json_parser *parser = json_parser_new(&(struct json_options){0}, err);
    CLEANUP(free_ptr) char *text = calloc(1, json.len + JSON_PADDING);
    struct value v;

    if (!parser)
        return -1;
    if (!text)
        return err_oom(err);
    memcpy(text, json.at, json.len);
    if (json_parse(parser, str_make(text, json.len), &v, err) < 0)
        return -1;
    return constant_copy(&v, a, ret) < 0 ? err_oom(err) : 0;
}
