/* base/swar.h: eight characters at a time, in a word of the machine.
 *
 * The first of the characters is in the lowest byte. Eight bytes from `at` must be readable, whatever they are. */
#ifndef WINDROW_BASE_SWAR_H
#define WINDROW_BASE_SWAR_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t swar_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

/* The first `n` of eight bytes, 1 to 8. */
static inline uint64_t swar_first(size_t n)
{
    return ~(uint64_t)0 >> (64 - 8 * n);
}

/* The highest bit of each byte that is above `most`, which is below 0x80 and stands in all bytes. */
static inline uint64_t swar_above(uint64_t word, uint64_t most)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7f;

    return (((word & low) + (low - most)) | word) & ~low;
}

/* The digits that stand at the beginning of at[0, len). All that is read is readable when the eight bytes behind it are. */
static inline size_t swar_digits(const char *at, size_t len)
{
    for (size_t n = 0; n < len; n += 8) {
        uint64_t others = swar_above(swar_load(at + n) ^ 0x3030303030303030, 0x0909090909090909);

        if (others) {
            n += (size_t)__builtin_ctzll(others) / 8;
            return n < len ? n : len;
        }
    }
    return len;
}

/* The number that `n` digits make, 1 to 8. */
static inline uint64_t swar_number(const char *at, size_t n)
{
    uint64_t word = (swar_load(at) ^ 0x3030303030303030) << (64 - 8 * n);

    word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ff;
    word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffff;
    return (word * 10000 + (word >> 32)) & 0xffffffff;
}

#endif
