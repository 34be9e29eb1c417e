/* tests/unit/read/texts.h: texts with the padding that the JSON reader asks for, and files to read from. */
#ifndef TESTS_TEXTS_H
#define TESTS_TEXTS_H

#include "read/json.h"
#include "read/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A copy in a block of exactly len + JSON_PADDING bytes, so that the address sanitizer sees any step beyond. */
__attribute__((unused)) static char *padded(const char *text, size_t len)
{
    char *copy = malloc(len + JSON_PADDING);

    memcpy(copy, text, len);
    memset(copy + len, '7', JSON_PADDING);      /* what is taken for a digit if anybody looks */
    return copy;
}

/* A file in memory; close() it. */
__attribute__((unused)) static int file_of(const char *text, size_t len)
{
    int fd = memfd_create("text", MFD_CLOEXEC);

    if (fd < 0 || write(fd, text, len) != (ssize_t)len)
        abort();
    return fd;
}

__attribute__((unused)) static struct input input_of(int fd, size_t size)
{
    return (struct input){.fd = fd, .size = size, .to = size, .line = 1};
}

/* The same numbers for the same seed, everywhere. */
__attribute__((unused)) static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*state >> 33);
}

#endif
