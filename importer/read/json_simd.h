/* read/json_simd.h: the first pass over JSON, done by simdjson with the widest instructions of the machine.
 *
 * It finds the place of every token and checks UTF-8 and control characters in strings; grammar, numbers and
 * escapes are left to json.c. The only door to C++. */
#ifndef WINDROW_READ_JSON_SIMD_H
#define WINDROW_READ_JSON_SIMD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_simd;

enum json_simd_status {
    JSON_SIMD_GOOD,
    JSON_SIMD_BAD,      /* something is wrong somewhere in the text; what and where is not known */
    JSON_SIMD_OOM
};

struct json_simd *json_simd_new(void);  /* NULL when out of memory */
void json_simd_free(struct json_simd *s);

/* The places of all { } [ ] : , and of the first byte of every string, number and word, in order; closing
 * quotes are not among them. `*ret` is followed by `len`, twice, and is lent until the next call.
 * A text of nothing but white space is good and has no places. `len` is below 4 GiB. */
enum json_simd_status json_simd_index(struct json_simd *s, const char *text, size_t len, const uint32_t **ret,
                                      size_t *ret_n);

#ifdef __cplusplus
}
#endif
#endif
