/* tests/tap.h: the Test Anything Protocol for C tests. One test file is one program; prove runs it. */
#ifndef WINDROW_TESTS_TAP_H
#define WINDROW_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool ok(bool good, const char *name, ...)
{
    va_list args;

    printf("%sok %d - ", good ? "" : "not ", ++tap_count);
    va_start(args, name);
    vprintf(name, args);
    va_end(args);
    putchar('\n');
    tap_failed += !good;
    return good;
}

__attribute__((unused)) static void diag_text(const char *label, const char *text)
{
    printf("#   %s: ", label);
    for (; *text; text++) {
        putchar(*text);
        if (*text == '\n')
            printf("#   ");
    }
    putchar('\n');
}

/* Equal C strings, either may be NULL. */
__attribute__((format(printf, 3, 4), unused)) static bool is_str(const char *got, const char *expected,
                                                               const char *name, ...)
{
    bool good = got && expected ? strcmp(got, expected) == 0 : got == expected;
    va_list args;

    printf("%sok %d - ", good ? "" : "not ", ++tap_count);
    va_start(args, name);
    vprintf(name, args);
    va_end(args);
    putchar('\n');
    if (!good) {
        diag_text("     got", got ? got : "(null)");
        diag_text("expected", expected ? expected : "(null)");
    }
    tap_failed += !good;
    return good;
}

__attribute__((format(printf, 3, 4), unused)) static bool is_int(long long got, long long expected, const char *name, ...)
{
    va_list args;

    printf("%sok %d - ", got == expected ? "" : "not ", ++tap_count);
    va_start(args, name);
    vprintf(name, args);
    va_end(args);
    putchar('\n');
    if (got != expected)
        printf("#        got: %lld\n#   expected: %lld\n", got, expected);
    tap_failed += got != expected;
    return got == expected;
}

__attribute__((unused)) static int done_testing(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed ? 1 : 0;
}

#endif
