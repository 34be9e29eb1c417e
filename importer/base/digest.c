/* Digests by libcrypto and xxHash, see base/digest.h.
 *
 * The plain functions of libcrypto, not its EVP layer: they allocate nothing, and EVP crashes when memory ends in its
 * first call. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include "base/stop.h"

#include <errno.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

/* Made once at random; part of every id that windrow derives, so it must never change. */
static const unsigned char windrow_space[UUID_BYTES] = {0x6b, 0x0d, 0x5f, 0x1e, 0x94, 0x3c, 0x4d, 0x52,
                                                        0x8e, 0x71, 0x2a, 0xf0, 0x55, 0x9b, 0xc3, 0x17};

void digest_sha256(struct str bytes, unsigned char ret[DIGEST_SHA256])
{
    SHA256_CTX context;

    SHA256_Init(&context);
    SHA256_Update(&context, bytes.at, bytes.len);
    SHA256_Final(ret, &context);
}

int digest_sha256_fd(int fd, unsigned char ret[DIGEST_SHA256])
{
    char *block = malloc(1 << 16);
    SHA256_CTX context;
    ssize_t n = 1;

    if (!block) {
        errno = ENOMEM;
        return -1;
    }
    SHA256_Init(&context);
    while (n > 0) {
        n = read(fd, block, 1 << 16);
        if (stop_now())
            n = -1, errno = ECANCELED;
        if (n > 0)
            SHA256_Update(&context, block, (size_t)n);
        else if (n < 0 && errno == EINTR)
            n = 1;
    }
    free(block);
    if (n < 0)
        return -1;
    SHA256_Final(ret, &context);
    return 0;
}

void digest_sha1(struct str bytes, unsigned char ret[DIGEST_SHA1])
{
    SHA_CTX context;

    SHA1_Init(&context);
    SHA1_Update(&context, bytes.at, bytes.len);
    SHA1_Final(ret, &context);
}

void digest_md5(struct str bytes, unsigned char ret[DIGEST_MD5])
{
    MD5_CTX context;

    MD5_Init(&context);
    MD5_Update(&context, bytes.at, bytes.len);
    MD5_Final(ret, &context);
}

void digest_content(struct str bytes, unsigned char ret[16])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.at ? bytes.at : "", bytes.len));
    memcpy(ret, canonical.digest, 16);
}

void digest_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

/* A name of usual length is joined with its namespace on the stack. */
int uuid5(const unsigned char space[UUID_BYTES], struct str name, unsigned char ret[UUID_BYTES])
{
    char small[512], *joined = name.len > sizeof small - UUID_BYTES ? malloc(UUID_BYTES + name.len) : small;
    unsigned char hash[DIGEST_SHA1];

    if (!joined)
        return -1;
    memcpy(joined, space, UUID_BYTES);
    if (name.len)
        memcpy(joined + UUID_BYTES, name.at, name.len);
    digest_sha1(str_make(joined, UUID_BYTES + name.len), hash);
    if (joined != small)
        free(joined);
    memcpy(ret, hash, UUID_BYTES);
    ret[6] = (unsigned char)((ret[6] & 0x0f) | 0x50);
    ret[8] = (unsigned char)((ret[8] & 0x3f) | 0x80);
    return 0;
}

int uuid5_space(struct str mapping_name, unsigned char ret[UUID_BYTES])
{
    return uuid5(windrow_space, mapping_name, ret);
}

void uuid_print(const unsigned char id[UUID_BYTES], char out[UUID_TEXT + 1])
{
    char hex[2 * UUID_BYTES + 1];
    size_t from = 0;

    digest_hex(id, UUID_BYTES, hex);
    for (int i = 0; i < UUID_TEXT; i++)
        out[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : hex[from++];
    out[UUID_TEXT] = '\0';
}
