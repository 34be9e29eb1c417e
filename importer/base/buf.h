/* base/buf.h: `struct buf` owns bytes, NULs included, and grows.
 *
 * `= BUF_INIT` or `= {0}` is an empty buffer. Appending returns 0, or -1 when out of memory (the contents
 * are then unchanged). After any successful append `at[len]` is NUL, so text can be lent as a C string. */
#ifndef WINDROW_BASE_BUF_H
#define WINDROW_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *at;
    size_t len, capacity;
};
#define BUF_INIT {0}

/* Room for `more` bytes and a NUL beyond len; pointers into the buffer may move. */
int buf_reserve(struct buf *b, size_t more);

int buf_add(struct buf *b, const void *bytes, size_t len);
int buf_add_str(struct buf *b, struct str s);
int buf_add_text(struct buf *b, const char *text);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Read from `fd` to its end; more than `max` bytes is a failure that names the limit (scope ERR_FILE). */
int buf_read_fd(struct buf *b, int fd, size_t max, struct err *err);

/* Lent until the buffer changes. buf_text() never returns NULL. */
static inline struct str buf_str(const struct buf *b) { return str_make(b->at, b->len); }
static inline const char *buf_text(const struct buf *b) { return b->at ? b->at : ""; }

/* Forget the contents, keep the memory. */
static inline void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->at)
        b->at[0] = '\0';
}

/* Move the contents out; *b is empty afterwards and usable. */
struct buf buf_take(struct buf *b);
void buf_release(struct buf *b);

#endif
