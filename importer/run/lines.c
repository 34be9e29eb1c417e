/* Line counts at block boundaries of files, see run/lines.h. */
#include "run/lines.h"

#include "base/stop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK = 8 << 20, PIECE = 256 << 10 };

/* State of the count at a byte: complete lines before it, and what the unfinished line is like. */
struct count {
    uint64_t newlines, filled;  /* filled: lines with something other than white space */
    bool line_filled;           /* the line that the byte stands in has had such a character */
};

struct file_lines {
    struct file_lines *older;
    uint32_t root;
    char *path;
    size_t path_len;
    struct count *at;           /* at[k]: before byte k * BLOCK */
    size_t n;
};

struct lines {
    pthread_mutex_t lock;
    struct file_lines *files;
    char *piece;
};

struct lines *lines_new(void)
{
    struct lines *l = calloc(1, sizeof *l);

    if (l && !(l->piece = malloc(PIECE))) {
        free(l);
        return NULL;
    }
    if (l)
        pthread_mutex_init(&l->lock, NULL);
    return l;
}

void lines_free(struct lines *l)
{
    if (!l)
        return;
    while (l->files) {
        struct file_lines *older = l->files->older;

        free(l->files->path);
        free(l->files->at);
        free(l->files);
        l->files = older;
    }
    pthread_mutex_destroy(&l->lock);
    free(l->piece);
    free(l);
}

static void count_bytes(struct count *c, const char *bytes, size_t n)
{
    const char *end = bytes + n;

    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = newline ? newline : end;

        for (; !c->line_filled && bytes < stop; bytes++)
            c->line_filled = *bytes != ' ' && *bytes != '\t' && *bytes != '\r';
        if (!newline)
            return;
        c->newlines++;
        c->filled += c->line_filled;
        c->line_filled = false;
        bytes = newline + 1;
    }
}

static int count_range(struct lines *l, int fd, uint64_t from, uint64_t to, struct count *c, struct err *err)
{
    while (from < to) {
        size_t want = to - from < PIECE ? (size_t)(to - from) : PIECE;
        ssize_t n = pread(fd, l->piece, want, (off_t)from);

        if (stop_now())
            return stop_fail(err);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_FILE, W0302, "cannot read: %s", strerror(errno));
        if (n == 0)
            return err_set(err, ERR_FILE, W0605, "the file became shorter while it was being read");
        count_bytes(c, l->piece, (size_t)n);
        from += (uint64_t)n;
    }
    return 0;
}

static struct file_lines *file_of(struct lines *l, uint32_t root, struct str path)
{
    struct file_lines *f = l->files;

    while (f && (f->root != root || !str_eq(str_make(f->path, f->path_len), path)))
        f = f->older;
    if (f || !(f = calloc(1, sizeof *f)))
        return f;
    *f = (struct file_lines){.older = l->files, .root = root, .path = str_dup(path), .path_len = path.len,
                             .at = calloc(1, sizeof(struct count)), .n = 1};
    if (!f->path || !f->at) {
        free(f->path);
        free(f->at);
        free(f);
        return NULL;
    }
    l->files = f;
    return f;
}

static int count_blocks(struct lines *l, struct file_lines *f, int fd, size_t blocks, struct err *err)
{
    while (f->n <= blocks) {
        struct count *at = realloc(f->at, (f->n + 1) * sizeof *at);

        if (!at)
            return err_oom(err);
        f->at = at;
        at[f->n] = at[f->n - 1];
        if (count_range(l, fd, (f->n - 1) * (uint64_t)BLOCK, f->n * (uint64_t)BLOCK, &at[f->n], err) < 0)
            return -1;
        f->n++;
    }
    return 0;
}

/* The line that `from` cuts is counted as one before; whether it is blank may show only after `from`. */
static int finish_line(struct lines *l, int fd, uint64_t from, struct count *c, struct err *err)
{
    char last = '\n';

    if (from && pread(fd, &last, 1, (off_t)from - 1) != 1)
        return err_set(err, ERR_FILE, W0302, "cannot read: %s", strerror(errno));
    while (last != '\n') {
        ssize_t n = pread(fd, l->piece, PIECE, (off_t)from);
        const char *newline = n > 0 ? memchr(l->piece, '\n', (size_t)n) : NULL;
        size_t used = newline ? (size_t)(newline - l->piece) + 1 : n > 0 ? (size_t)n : 0;

        if (n < 0)
            return err_set(err, ERR_FILE, W0302, "cannot read: %s", strerror(errno));
        count_bytes(c, l->piece, used);
        from += used;
        if (newline || n == 0)
            last = '\n';
    }
    return 0;
}

int lines_before(struct lines *l, uint32_t root, struct str path, int fd, uint64_t from, uint64_t *line, uint64_t *index,
                 struct err *err)
{
    struct file_lines *f;
    struct count c;
    int ret = -1;

    pthread_mutex_lock(&l->lock);
    f = file_of(l, root, path);
    if (!f)
        err_oom(err);
    else if (count_blocks(l, f, fd, from / BLOCK, err) == 0) {
        c = f->at[from / BLOCK];
        ret = count_range(l, fd, from / BLOCK * BLOCK, from, &c, err);
        if (ret == 0)
            ret = finish_line(l, fd, from, &c, err);
    }
    pthread_mutex_unlock(&l->lock);
    if (ret < 0)
        return -1;
    *line = c.newlines + 1;
    *index = c.filled;
    return 0;
}
