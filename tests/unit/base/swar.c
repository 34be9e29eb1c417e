/* Eight characters at a time are what they are one by one. */
#include "base/swar.h"

#include "tap.h"

#include <stdlib.h>

static size_t digits_one_by_one(const char *at, size_t len)
{
    size_t n = 0;

    while (n < len && at[n] >= '0' && at[n] <= '9')
        n++;
    return n;
}

/* Each character at each place among digits. */
static void test_digits(void)
{
    size_t wrong = 0;

    for (size_t place = 0; place < 20; place++) {
        for (unsigned c = 0; c < 256; c++) {
            char text[32];

            memset(text, '5', sizeof text);
            text[place] = (char)c;
            for (size_t len = 0; len <= 20; len++)
                wrong += swar_digits(text, len) != digits_one_by_one(text, len);
        }
    }
    ok(wrong == 0, "digits end where a character is none");
}

static void test_numbers(void)
{
    static const char *const texts[] = {"00000000", "99999999", "12345678", "90000001", "08070605", "10203040"};
    size_t wrong = 0;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t n = 1; n <= 8; n++) {
            char text[16] = "";

            memcpy(text, texts[i], n);
            wrong += swar_number(text, n) != strtoull(text, NULL, 10);
            memset(text + n, '9', 8);
            wrong += swar_number(text, n) != swar_number(text, n) % 100000000;
        }
    }
    ok(wrong == 0, "digits make the number that they spell, whatever stands behind them");
}

static void test_above(void)
{
    size_t wrong = 0;

    for (unsigned c = 0; c < 256; c++) {
        for (unsigned most = 0; most < 128; most++) {
            for (unsigned place = 0; place < 8; place++) {
                uint64_t word = (uint64_t)c << 8 * place, all = 0x0101010101010101 * (uint64_t)most;

                wrong += (swar_above(word, all) >> (8 * place + 7) & 1) != (c > most);
                wrong += (swar_above(word, all) & ~((uint64_t)0xff << 8 * place)) != 0;
            }
        }
    }
    ok(wrong == 0, "each byte is compared with its own");
    ok(swar_first(1) == 0xff && swar_first(8) == UINT64_MAX, "the first of eight");
}

int main(void)
{
    test_digits();
    test_numbers();
    test_above();
    return done_testing();
}
