/* tests/unit/base/digest.c: digests of text and of files, ids made of names. */
#include "base/cleanup.h"
#include "base/digest.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const struct { const char *text, *hex; } cases[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
};

static void check_text(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char sha[DIGEST_SHA256];
        char hex[2 * DIGEST_SHA256 + 1];

        digest_sha256(str_of(cases[i].text), sha);
        digest_hex(sha, sizeof sha, hex);
        is_str(hex, cases[i].hex, "SHA-256 of '%s'", cases[i].text);
    }
}

/* More than one block, and no multiple of one. */
static void check_file(void)
{
    enum { SIZE = (3 << 16) + 17 };
    char path[] = "/tmp/windrow-digest.XXXXXX";
    CLEANUP(close_fd) int fd = mkstemp(path);
    CLEANUP(free_ptr) char *bytes = malloc(SIZE);
    unsigned char of_text[DIGEST_SHA256], of_file[DIGEST_SHA256];

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 % 251);
    ok(fd >= 0 && write(fd, bytes, SIZE) == SIZE && lseek(fd, 0, SEEK_SET) == 0, "a file of %d bytes", (int)SIZE);
    unlink(path);
    digest_sha256(str_make(bytes, SIZE), of_text);
    ok(digest_sha256_fd(fd, of_file) == 0, "is read");
    ok(memcmp(of_text, of_file, sizeof of_text) == 0, "and has the digest of its text");
    ok(digest_sha256_fd(-1, of_file) < 0, "what cannot be read has none");
}

static void check_uuid(void)
{
    unsigned char space[UUID_BYTES], id[UUID_BYTES];
    char text[UUID_TEXT + 1], again[UUID_TEXT + 1];

    ok(uuid5_space(str_of("shop"), space) == 0 && uuid5(space, str_of("a"), id) == 0, "an id");
    uuid_print(id, text);
    ok(text[14] == '5' && strchr("89ab", text[19]), "of version 5: %s", text);
    uuid5(space, str_of("b"), id);
    uuid_print(id, again);
    ok(strcmp(text, again) != 0, "another name, another id");
}

int main(void)
{
    check_text();
    check_file();
    check_uuid();
    return done_testing();
}
