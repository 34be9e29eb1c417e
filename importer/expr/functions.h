/* expr/functions.h: the functions behind the table in expr/function.c, by the file that has them. */
#ifndef WINDROW_EXPR_FUNCTIONS_H
#define WINDROW_EXPR_FUNCTIONS_H

#include "expr/internal.h"

typedef int expr_single(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret);
typedef int expr_stream(struct run *r, const struct expr_node *n, const struct value *in, struct emit *out);

/* expr/value.c */
expr_strict expr_fn_type, expr_fn_of_type, expr_fn_not, expr_fn_empty, expr_fn_error, expr_fn_tostring, expr_fn_tojson,
    expr_fn_fromjson, expr_fn_tonumber, expr_fn_to_int, expr_fn_to_decimal, expr_fn_floor, expr_fn_ceil, expr_fn_round,
    expr_fn_abs, expr_fn_idiv, expr_fn_mod, expr_fn_shl, expr_fn_shr;

/* expr/json_style.c */
expr_strict expr_fn_tojson_styled;

/* expr/string.c */
expr_strict expr_fn_utf8bytelength, expr_fn_utf16length, expr_fn_startswith, expr_fn_endswith, expr_fn_ltrimstr,
    expr_fn_rtrimstr, expr_fn_trim, expr_fn_ltrim, expr_fn_rtrim, expr_fn_ascii_downcase, expr_fn_ascii_upcase,
    expr_fn_lower, expr_fn_upper, expr_fn_explode, expr_fn_implode, expr_fn_split, expr_fn_join, expr_fn_replace,
    expr_fn_indices, expr_fn_index, expr_fn_rindex, expr_fn_basename, expr_fn_dirname, expr_fn_extname, expr_fn_stem;

/* expr/array.c */
expr_strict expr_fn_length, expr_fn_keys, expr_fn_keys_unsorted, expr_fn_has, expr_fn_in, expr_fn_contains,
    expr_fn_inside, expr_fn_add, expr_fn_any, expr_fn_all, expr_fn_reverse, expr_fn_flatten, expr_fn_to_entries,
    expr_fn_from_entries, expr_fn_first, expr_fn_last, expr_fn_nth;
int expr_add_all(struct run *r, const struct expr_node *n, const struct list *items, struct value *ret);
int expr_entry(struct run *r, const struct expr_node *n, const struct value *key, const struct value *item,
               struct value *ret);
int expr_add_entry(struct run *r, const struct expr_node *n, const struct value *entry, struct list *object);

/* expr/stream.c */
expr_single expr_run_map, expr_run_map_values, expr_run_select, expr_run_with_entries, expr_run_first, expr_run_last,
    expr_run_nth, expr_run_isempty, expr_run_add, expr_run_any, expr_run_all, expr_run_sort, expr_run_unique,
    expr_run_group, expr_run_min, expr_run_max;
expr_stream expr_run_select_many, expr_run_limit, expr_run_range;

/* expr/regex.c */
expr_strict expr_fn_match, expr_fn_capture, expr_fn_scan, expr_fn_test, expr_fn_splits;
expr_single expr_run_sub, expr_run_gsub;

/* expr/digest.c */
expr_strict expr_fn_sha256, expr_fn_sha1, expr_fn_md5, expr_fn_hex, expr_fn_unhex, expr_fn_uuid5;

/* expr/time.c */
expr_strict expr_fn_epoch_s, expr_fn_epoch_ms, expr_fn_epoch_us, expr_fn_to_epoch_s, expr_fn_to_epoch_ms,
    expr_fn_to_epoch_us, expr_fn_to_time, expr_fn_time_doubt, expr_fn_gmtime, expr_fn_mktime, expr_fn_strftime, expr_fn_todate,
    expr_fn_strptime, expr_fn_fromdate, expr_fn_now;
int expr_time_prepare(struct checker *c, struct expr_node *n);

#endif
