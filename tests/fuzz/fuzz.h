/* tests/fuzz/fuzz.h: what the fuzz entry points share.
 *
 * Each file here is one program, built only when asked for: `cmake -DWINDROW_FUZZ=ON`. With clang it is a libFuzzer program:
 *
 *     cmake -S . -B build-fuzz -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DWINDROW_FUZZ=ON \
 *         -DWINDROW_DEVELOPER=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo
 *     ninja -C build-fuzz fuzz && build-fuzz/fuzz-json -max_total_time=60 CORPUS
 *
 * With another compiler tests/fuzz/driver.c takes the place of libFuzzer. What is found becomes a test. */
#ifndef WINDROW_TESTS_FUZZ_H
#define WINDROW_TESTS_FUZZ_H

#include "base/buf.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that was broken. */
#define MUST(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

/* What stands before the first newline, and after it. */
static inline void fuzz_split(const uint8_t *data, size_t size, struct str *first, struct str *rest)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - data) : size;

    *first = str_make((const char *)data, len);
    *rest = end ? str_make((const char *)end + 1, size - len - 1) : str_make("", 0);
}

#endif
