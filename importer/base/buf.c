/* Growing bytes, see base/buf.h. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int buf_reserve(struct buf *b, size_t more)
{
    size_t need, capacity;
    char *at;

    if (__builtin_add_overflow(b->len, more, &need) || __builtin_add_overflow(need, 1, &need))
        return -1;
    if (need <= b->capacity)
        return 0;
    capacity = b->capacity < 64 ? 64 : b->capacity + b->capacity / 2;
    if (capacity < need)
        capacity = need;
    at = realloc(b->at, capacity);
    if (!at)
        return -1;
    b->at = at;
    b->capacity = capacity;
    return 0;
}

int buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (buf_reserve(b, len) < 0)
        return -1;
    if (len)
        memcpy(b->at + b->len, bytes, len);
    b->len += len;
    b->at[b->len] = '\0';
    return 0;
}

int buf_add_str(struct buf *b, struct str s)
{
    return buf_add(b, s.at, s.len);
}

int buf_add_text(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

int buf_add_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || buf_reserve(b, (size_t)n) < 0)
        return -1;
    va_start(args, fmt);
    vsnprintf(b->at + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
    return 0;
}

int buf_read_fd(struct buf *b, int fd, size_t max, struct err *err)
{
    size_t total = 0;

    for (;;) {
        ssize_t n;

        if (buf_reserve(b, 64 * 1024) < 0)
            return err_oom(err);
        n = read(fd, b->at + b->len, b->capacity - b->len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_FILE, W0302, "cannot read: %s", strerror(errno));
        if (n == 0)
            break;
        b->len += (size_t)n;
        total += (size_t)n;
        if (total > max)
            return err_set(err, ERR_FILE, W0303, "larger than the limit of %zu bytes", max);
    }
    b->at[b->len] = '\0';
    return 0;
}

struct buf buf_take(struct buf *b)
{
    struct buf taken = *b;

    *b = (struct buf)BUF_INIT;
    return taken;
}

void buf_release(struct buf *b)
{
    free(b->at);
    *b = (struct buf)BUF_INIT;
}
