/* Hashes over ranges of files: the same bytes, the same hash, wherever the pieces fall; any other byte, another one. */
#include "tap.h"

#include "ledger/content.h"

#include <stdlib.h>
#include <unistd.h>

enum { BYTES = 600000 };    /* more than two pieces */

static int file_of(const char *at, size_t len)
{
    char name[] = "/tmp/content-XXXXXX";
    int fd = mkstemp(name);

    unlink(name);
    return fd >= 0 && write(fd, at, len) == (ssize_t)len ? fd : -1;
}

static bool equal(int a, uint64_t from_a, int b, uint64_t from_b, uint64_t len)
{
    unsigned char x[CONTENT_HASH], y[CONTENT_HASH];
    struct err err = {0};

    return content_hash(a, from_a, from_a + len, x, &err) == 0 && content_hash(b, from_b, from_b + len, y, &err) == 0 &&
           memcmp(x, y, sizeof x) == 0;
}

int main(void)
{
    static const size_t places[] = {0, 1, 262143, 262144, 262145, 524287, 524288, BYTES - 1};
    char *at = malloc(BYTES + 1);
    unsigned char hash[CONTENT_HASH];
    struct err err = {0};
    int whole, shifted, other;
    unsigned noticed = 0;

    if (!at)
        return 1;
    for (size_t i = 0; i < BYTES; i++)
        at[i] = (char)(i * 2654435761u >> 13);
    whole = file_of(at, BYTES);
    memmove(at + 1, at, BYTES);
    shifted = file_of(at, BYTES + 1);
    memmove(at, at + 1, BYTES);
    ok(whole >= 0 && equal(whole, 0, shifted, 1, BYTES), "a range is known by its bytes, not by its place");
    ok(!equal(whole, 0, shifted, 0, BYTES), "another range is another");
    ok(equal(whole, 7, shifted, 8, 0), "empty ranges are the same");
    ok(!equal(whole, 0, whole, 1, BYTES - 1), "the same bytes from another place on are others");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        at[places[i]] ^= 1;
        other = file_of(at, BYTES);
        noticed += !equal(whole, 0, other, 0, BYTES);
        close(other);
        at[places[i]] ^= 1;
    }
    ok(noticed == sizeof places / sizeof *places, "a changed bit is seen at the edges of all pieces");
    ok(content_hash(whole, 0, BYTES + 1, hash, &err) < 0 && err.code == W0605 && err.scope == ERR_FILE, "a file that is shorter");
    err_release(&err);
    ok(content_hash(-1, 0, 5, hash, &err) < 0 && err.code == W0302 && err.scope == ERR_FILE, "one that cannot be read");
    err_release(&err);
    close(whole);
    close(shifted);
    free(at);
    return done_testing();
}
