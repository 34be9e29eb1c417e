/* In libFuzzer's place, for compilers that have none: every file given, then mutations of them.
 *
 *     fuzz-json [-runs=N] [-seed=N] FILE...        the same runs for the same seed; nothing is written */
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 4096, BYTES_MAX = 4096 };

static uint64_t state = 1;

static uint64_t next(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

static void mutate(struct buf *text, const struct buf *other)
{
    static const char *const words[] = {"{", "}", "[", "]", "\"", "\\u0000", "\\", ":", ",", "\n", "\x80", "\0", "1e999", "^", "$",
                                        "|", "**", "{a:int}", "-0", "true", "null", ": ", "- ", "&a", "*a", "if ", " end", "@"};
    size_t at = text->len ? next(text->len) : 0, n = 1 + next(8);
    const char *word = words[next(sizeof words / sizeof *words)];

    switch (next(5)) {
    case 0:
        if (text->len)
            text->at[at] = (char)next(256);
        break;
    case 1:
        n = n < text->len - at ? n : text->len - at;
        memmove(text->at + at, text->at + at + n, text->len - at - n);
        text->len -= n;
        break;
    case 2:
        n = strlen(word) ? strlen(word) : 1;
        MUST(buf_reserve(text, n) == 0);
        memmove(text->at + at + n, text->at + at, text->len - at);
        memcpy(text->at + at, word, n);
        text->len += n;
        break;
    case 3:
        if (other->len) {
            size_t from = next(other->len), len = 1 + next(other->len - from);

            MUST(buf_add(text, other->at + from, len) == 0);
        }
        break;
    default:
        text->len = at;
    }
    if (text->len > BYTES_MAX)
        text->len = BYTES_MAX;
}

int main(int argc, char **argv)
{
    static struct buf files[FILES_MAX];
    size_t n = 0, runs = 0;

    for (int i = 1; i < argc; i++) {
        struct err err = {0};
        int fd;

        if (strncmp(argv[i], "-runs=", 6) == 0) {
            runs = strtoull(argv[i] + 6, NULL, 10);
            continue;
        }
        if (strncmp(argv[i], "-seed=", 6) == 0) {
            state = strtoull(argv[i] + 6, NULL, 10) * 2654435761u + 1;
            continue;
        }
        fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        if (n < FILES_MAX && fd >= 0 && buf_read_fd(&files[n], fd, 1 << 20, &err) == 0) {
            LLVMFuzzerTestOneInput((const uint8_t *)files[n].at, files[n].len);
            n++;
        }
        err_release(&err);
        if (fd >= 0)
            close(fd);
    }
    for (size_t i = 0; n && i < runs; i++) {
        const struct buf *from = &files[next(n)];
        struct buf text = BUF_INIT;

        MUST(buf_add(&text, from->at, from->len) == 0);
        for (size_t k = 1 + next(6); k-- > 0;)
            mutate(&text, &files[next(n)]);
        LLVMFuzzerTestOneInput((const uint8_t *)text.at, text.len);
        buf_release(&text);
    }
    for (size_t i = 0; i < n; i++)
        buf_release(&files[i]);
    printf("%zu files, %zu runs\n", n, runs);
    return 0;
}
