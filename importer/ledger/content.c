/* Hashes over ranges of files, piece by piece: each piece is hashed together with the hash of what stands before it. */
#include "ledger/content.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/stop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 256 << 10 };

static int read_piece(int fd, uint64_t from, char *piece, size_t want, struct err *err)
{
    size_t have = 0;

    while (have < want) {
        ssize_t n = pread(fd, piece + have, want - have, (off_t)(from + have));

        if (stop_now())
            return stop_fail(err);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_FILE, W0302, "cannot read: %s", strerror(errno));
        if (n == 0)
            return err_set(err, ERR_FILE, W0605, "the file became shorter while it was being read");
        have += (size_t)n;
    }
    return 0;
}

int content_hash(int fd, uint64_t from, uint64_t to, unsigned char ret[CONTENT_HASH], struct err *err)
{
    size_t most = to - from < PIECE ? (size_t)(to - from) : PIECE;
    CLEANUP(free_ptr) char *piece = malloc(CONTENT_HASH + most);
    unsigned char hash[CONTENT_HASH] = {0};

    if (!piece)
        return err_oom(err);
    while (from < to) {
        size_t want = to - from < PIECE ? (size_t)(to - from) : PIECE;

        memcpy(piece, hash, CONTENT_HASH);
        if (read_piece(fd, from, piece + CONTENT_HASH, want, err) < 0)
            return -1;
        digest_content(str_make(piece, CONTENT_HASH + want), hash);
        from += want;
    }
    memcpy(ret, hash, CONTENT_HASH);
    return 0;
}
