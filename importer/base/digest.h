/* base/digest.h: digests of bytes, and the ids and names made of them. */
#ifndef WINDROW_BASE_DIGEST_H
#define WINDROW_BASE_DIGEST_H

#include "base/str.h"

enum { DIGEST_SHA256 = 32, DIGEST_SHA1 = 20, DIGEST_MD5 = 16, UUID_BYTES = 16, UUID_TEXT = 36 };

void digest_sha256(struct str bytes, unsigned char ret[DIGEST_SHA256]);
void digest_sha1(struct str bytes, unsigned char ret[DIGEST_SHA1]);
void digest_md5(struct str bytes, unsigned char ret[DIGEST_MD5]);

/* The same over everything that can still be read from `fd`, in little memory. -1 with errno, or ENOMEM. */
int digest_sha256_fd(int fd, unsigned char ret[DIGEST_SHA256]);

/* Identity of content, fast and not cryptographic (XXH3, 128 bits). */
void digest_content(struct str bytes, unsigned char ret[16]);

/* Lower-case hexadecimal; `out` has room for 2 * len + 1. */
void digest_hex(const unsigned char *bytes, size_t len, char *out);

/* RFC 4122, version 5: the id of `name` within a namespace. -1 when out of memory. */
int uuid5(const unsigned char space[UUID_BYTES], struct str name, unsigned char ret[UUID_BYTES]);
/* The namespace of a mapping: uuid5 of its name within windrow's own namespace. */
int uuid5_space(struct str mapping_name, unsigned char ret[UUID_BYTES]);
/* 36 characters and a NUL. */
void uuid_print(const unsigned char id[UUID_BYTES], char out[UUID_TEXT + 1]);

#endif
