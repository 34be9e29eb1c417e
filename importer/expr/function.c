/* The table of all functions, and the list of what jq has and windrow leaves out on purpose. */
#include "expr/functions.h"

#include <stdio.h>

#define STRICT(name, arity, f) {name, arity, FUNCTION_STRICT, f, NULL, NULL, NULL}
#define SPREAD(name, arity, f) {name, arity, FUNCTION_SPREAD, f, NULL, NULL, expr_regex_prepare}
#define ONE(name, arity, f) {name, arity, FUNCTION_ONE, NULL, f, NULL, NULL}
#define MANY(name, arity, f) {name, arity, FUNCTION_MANY, NULL, NULL, f, NULL}

static int prepare_select(struct checker *c, struct expr_node *n);
static int prepare_sub(struct checker *c, struct expr_node *n);

static const struct expr_function functions[] = {
    STRICT("type", 0, expr_fn_type), STRICT("not", 0, expr_fn_not), STRICT("empty", 0, expr_fn_empty),
    STRICT("error", 0, expr_fn_error), STRICT("error", 1, expr_fn_error),
    STRICT("numbers", 0, expr_fn_of_type), STRICT("strings", 0, expr_fn_of_type),
    STRICT("booleans", 0, expr_fn_of_type), STRICT("nulls", 0, expr_fn_of_type),
    STRICT("arrays", 0, expr_fn_of_type), STRICT("objects", 0, expr_fn_of_type),
    STRICT("values", 0, expr_fn_of_type), STRICT("scalars", 0, expr_fn_of_type),
    STRICT("iterables", 0, expr_fn_of_type),
    STRICT("tostring", 0, expr_fn_tostring), STRICT("tojson", 0, expr_fn_tojson),
    STRICT("tojson", 1, expr_fn_tojson_styled),
    STRICT("fromjson", 0, expr_fn_fromjson), STRICT("tonumber", 0, expr_fn_tonumber),
    STRICT("to_int", 0, expr_fn_to_int), STRICT("to_decimal", 0, expr_fn_to_decimal),
    STRICT("floor", 0, expr_fn_floor), STRICT("ceil", 0, expr_fn_ceil), STRICT("round", 0, expr_fn_round),
    STRICT("abs", 0, expr_fn_abs), STRICT("fabs", 0, expr_fn_abs),
    STRICT("idiv", 1, expr_fn_idiv), STRICT("mod", 1, expr_fn_mod), STRICT("shl", 1, expr_fn_shl),
    STRICT("shr", 1, expr_fn_shr),

    STRICT("utf8bytelength", 0, expr_fn_utf8bytelength), STRICT("utf16length", 0, expr_fn_utf16length),
    STRICT("startswith", 1, expr_fn_startswith), STRICT("endswith", 1, expr_fn_endswith),
    STRICT("ltrimstr", 1, expr_fn_ltrimstr), STRICT("rtrimstr", 1, expr_fn_rtrimstr),
    STRICT("trim", 0, expr_fn_trim), STRICT("ltrim", 0, expr_fn_ltrim), STRICT("rtrim", 0, expr_fn_rtrim),
    STRICT("ascii_downcase", 0, expr_fn_ascii_downcase), STRICT("ascii_upcase", 0, expr_fn_ascii_upcase),
    STRICT("lower", 0, expr_fn_lower), STRICT("upper", 0, expr_fn_upper),
    STRICT("explode", 0, expr_fn_explode), STRICT("implode", 0, expr_fn_implode),
    STRICT("split", 1, expr_fn_split), STRICT("join", 1, expr_fn_join), STRICT("replace", 2, expr_fn_replace),
    STRICT("indices", 1, expr_fn_indices), STRICT("index", 1, expr_fn_index), STRICT("rindex", 1, expr_fn_rindex),
    STRICT("basename", 0, expr_fn_basename), STRICT("dirname", 0, expr_fn_dirname),
    STRICT("extname", 0, expr_fn_extname), STRICT("stem", 0, expr_fn_stem),

    STRICT("length", 0, expr_fn_length), STRICT("keys", 0, expr_fn_keys),
    STRICT("keys_unsorted", 0, expr_fn_keys_unsorted), STRICT("has", 1, expr_fn_has), STRICT("in", 1, expr_fn_in),
    STRICT("contains", 1, expr_fn_contains), STRICT("inside", 1, expr_fn_inside),
    STRICT("add", 0, expr_fn_add), ONE("add", 1, expr_run_add),
    STRICT("any", 0, expr_fn_any), ONE("any", 1, expr_run_any), ONE("any", 2, expr_run_any),
    STRICT("all", 0, expr_fn_all), ONE("all", 1, expr_run_all), ONE("all", 2, expr_run_all),
    STRICT("reverse", 0, expr_fn_reverse), STRICT("flatten", 0, expr_fn_flatten),
    STRICT("flatten", 1, expr_fn_flatten), STRICT("to_entries", 0, expr_fn_to_entries),
    STRICT("from_entries", 0, expr_fn_from_entries), ONE("with_entries", 1, expr_run_with_entries),
    STRICT("first", 0, expr_fn_first), ONE("first", 1, expr_run_first),
    STRICT("last", 0, expr_fn_last), ONE("last", 1, expr_run_last),
    STRICT("nth", 1, expr_fn_nth), ONE("nth", 2, expr_run_nth),
    MANY("limit", 2, expr_run_limit), ONE("isempty", 1, expr_run_isempty),
    MANY("range", 1, expr_run_range), MANY("range", 2, expr_run_range), MANY("range", 3, expr_run_range),
    ONE("map", 1, expr_run_map), ONE("map_values", 1, expr_run_map_values),
    {"select", 1, FUNCTION_MANY, NULL, expr_run_select, expr_run_select_many, prepare_select},
    ONE("sort", 0, expr_run_sort), ONE("sort_by", 1, expr_run_sort),
    ONE("unique", 0, expr_run_unique), ONE("unique_by", 1, expr_run_unique), ONE("group_by", 1, expr_run_group),
    ONE("min", 0, expr_run_min), ONE("min_by", 1, expr_run_min), ONE("max", 0, expr_run_max),
    ONE("max_by", 1, expr_run_max),

    {"test", 1, FUNCTION_STRICT, expr_fn_test, NULL, NULL, expr_regex_prepare},
    {"test", 2, FUNCTION_STRICT, expr_fn_test, NULL, NULL, expr_regex_prepare},
    SPREAD("match", 1, expr_fn_match), SPREAD("match", 2, expr_fn_match),
    SPREAD("capture", 1, expr_fn_capture), SPREAD("capture", 2, expr_fn_capture),
    SPREAD("scan", 1, expr_fn_scan), SPREAD("scan", 2, expr_fn_scan),
    SPREAD("splits", 1, expr_fn_splits), SPREAD("splits", 2, expr_fn_splits),
    {"split", 2, FUNCTION_STRICT, expr_fn_splits, NULL, NULL, expr_regex_prepare},
    {"sub", 2, FUNCTION_ONE, NULL, expr_run_sub, NULL, prepare_sub},
    {"sub", 3, FUNCTION_ONE, NULL, expr_run_sub, NULL, prepare_sub},
    {"gsub", 2, FUNCTION_ONE, NULL, expr_run_gsub, NULL, prepare_sub},
    {"gsub", 3, FUNCTION_ONE, NULL, expr_run_gsub, NULL, prepare_sub},

    STRICT("sha256", 0, expr_fn_sha256), STRICT("sha1", 0, expr_fn_sha1), STRICT("md5", 0, expr_fn_md5),
    STRICT("hex", 0, expr_fn_hex), STRICT("unhex", 0, expr_fn_unhex),
    STRICT("uuid5", 1, expr_fn_uuid5), STRICT("uuid5", 2, expr_fn_uuid5),

    STRICT("epoch_s", 0, expr_fn_epoch_s), STRICT("epoch_ms", 0, expr_fn_epoch_ms),
    STRICT("epoch_us", 0, expr_fn_epoch_us), STRICT("to_epoch_s", 0, expr_fn_to_epoch_s),
    STRICT("to_epoch_ms", 0, expr_fn_to_epoch_ms), STRICT("to_epoch_us", 0, expr_fn_to_epoch_us),
    {"to_time", 1, FUNCTION_STRICT, expr_fn_to_time, NULL, NULL, expr_time_prepare},
    {"to_time", 2, FUNCTION_STRICT, expr_fn_to_time, NULL, NULL, expr_time_prepare},
    {"to_time", 3, FUNCTION_STRICT, expr_fn_to_time, NULL, NULL, expr_time_prepare},
    {"time_doubt", 2, FUNCTION_STRICT, expr_fn_time_doubt, NULL, NULL, expr_time_prepare},
    STRICT("gmtime", 0, expr_fn_gmtime), STRICT("mktime", 0, expr_fn_mktime),
    {"strftime", 1, FUNCTION_STRICT, expr_fn_strftime, NULL, NULL, expr_time_prepare},
    {"strptime", 1, FUNCTION_STRICT, expr_fn_strptime, NULL, NULL, expr_time_prepare},
    STRICT("todate", 0, expr_fn_todate), STRICT("todateiso8601", 0, expr_fn_todate),
    STRICT("date", 0, expr_fn_todate), STRICT("fromdate", 0, expr_fn_fromdate),
    STRICT("fromdateiso8601", 0, expr_fn_fromdate), STRICT("now", 0, expr_fn_now),
};

static const struct { const char *name, *why; } left_out[] = {
    {"def", "name values with 'as $x |'"}, {"import", ""}, {"include", ""}, {"label", "use first(...) or limit(...)"},
    {"break", ""}, {"recurse", "use .[] once for each level"}, {"recurse_down", ""}, {"walk", ""},
    {"env", "use a parameter: $param.NAME"}, {"input", ""}, {"inputs", ""}, {"input_line_number", "use $index"},
    {"input_filename", "use $file.path"}, {"debug", ""}, {"stderr", ""}, {"halt", ""}, {"halt_error", "use error(...)"},
    {"path", "write the path itself"}, {"paths", ""}, {"leaf_paths", ""}, {"getpath", "write the path itself"},
    {"setpath", "make a new value, as in . + {a: 1}"}, {"delpaths", "use with_entries(select(.key != \"a\"))"},
    {"del", "use with_entries(select(.key != \"a\"))"}, {"pick", "use {a, b}"},
    {"tostream", ""}, {"fromstream", ""}, {"truncate_stream", ""}, {"until", "use reduce over range(...)"},
    {"while", "use reduce over range(...)"}, {"repeat", "use reduce over range(...)"}, {"builtins", ""},
    {"infinite", "numbers are exact here"}, {"nan", "numbers are exact here"}, {"isinfinite", "numbers are exact here"},
    {"isnan", "numbers are exact here"}, {"isnormal", "numbers are exact here"}, {"finites", "use numbers"},
    {"normals", "use numbers"}, {"sqrt", "numbers are exact here"},
    {"pow", "use *"}, {"log", "numbers are exact here"}, {"log2", "numbers are exact here"},
    {"log10", "numbers are exact here"}, {"exp", "numbers are exact here"}, {"exp2", "use shl(n)"},
    {"exp10", "numbers are exact here"}, {"sin", ""}, {"cos", ""}, {"localtime", "use to_time(format; zone)"},
    {"strflocaltime", "use strftime(format)"}, {"dateadd", "add seconds to a number"},
    {"datesub", "subtract numbers of seconds"}, {"combinations", "use two 'as' loops"}, {"transpose", ""},
    {"bsearch", "use index(x)"}, {"ascii", "use [.] | implode"},
    {"modulemeta", ""}, {"get_search_list", ""}, {"IN", "use index(x) or any(...)"},
    {"INDEX", "use an index of the mapping: indexes:"}, {"GROUP_BY", "use group_by(f)"},
    {"UNIQUE_BY", "use unique_by(f)"},
    {"have_literal_numbers", ""}, {"have_decnum", ""},
};

const struct expr_function *expr_function_find(struct str name, size_t arity, const struct expr_function **any)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (!str_is(name, functions[i].name))
            continue;
        if (functions[i].arity == arity)
            return &functions[i];
        *any = &functions[i];
    }
    return NULL;
}

const char *expr_function_name(size_t i)
{
    return i < ARRAY_LEN(functions) ? functions[i].name : NULL;
}

void expr_function_arities(struct str name, char *out, size_t size)
{
    size_t len = 0;
    int last = 0;

    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (!str_is(name, functions[i].name))
            continue;
        last = functions[i].arity;
        len += (size_t)snprintf(out + len, size - len, "%s%d", len ? " or " : "", last);
        if (len >= size)
            return;
    }
    if (last == 0)
        snprintf(out, size, "no arguments");
    else
        snprintf(out + len, size - len, " argument%s", last == 1 ? "" : "s");
}

const char *expr_function_nearest(struct str name)
{
    static const char *const words[] = {"if", "then", "else", "end", "reduce", "foreach", "try", "catch", "null",
                                        "true", "false"};
    const char *names[ARRAY_LEN(functions) + ARRAY_LEN(words)];

    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        names[i] = functions[i].name;
    memcpy(names + ARRAY_LEN(functions), words, sizeof words);
    return str_nearest(name, names, ARRAY_LEN(names));
}

const char *expr_function_left_out(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(left_out); i++) {
        if (str_is(name, left_out[i].name))
            return left_out[i].why;
    }
    return NULL;
}

/* select(f) gives at most one value unless f gives many. */
static int prepare_select(struct checker *c, struct expr_node *n)
{
    (void)c;
    n->many = n->kids[0]->many;
    return 0;
}

static int prepare_sub(struct checker *c, struct expr_node *n)
{
    for (uint32_t i = 0; i < n->n; i++) {
        if (n->kids[i]->many)
            return expr_bad(c->err, n->kids[i]->at, n->kids[i]->len, W0237,
                            "this may give many values, and '%s' takes one here", n->function->name);
    }
    return expr_regex_prepare(c, n);
}
