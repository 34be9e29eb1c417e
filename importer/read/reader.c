/* What all readers do alike: heads, limits, whole files, and places for messages. */
#include "read/reader_internal.h"

#include "base/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

void *reader_new(const struct reader_ops *ops, size_t size, struct err *err)
{
    struct reader *r = calloc(1, size);

    if (!r)
        err_oom(err);
    else
        r->ops = ops;
    return r;
}

struct reader_limit reader_limit(const struct reader_options *options)
{
    return (struct reader_limit){options->record_max ? options->record_max : READER_RECORD_MAX, options->limited_by};
}

int reader_advise(const struct reader_limit *limit, uint64_t size, struct err *err)
{
    double memory = (double)limit->memory * (double)size / (double)limit->bytes;

    if (!limit->memory)
        return err_help(err, "raise max_bytes of the mapping, and --memory if it is too small for it");
    return err_help(err, "--memory %" PRIu64 "M would be enough for it, or less with fewer --jobs",
                    (uint64_t)(memory / (1 << 20)) + 1);
}

uint64_t reader_consumed(const struct reader *r)
{
    return r->consumed;
}

uint64_t reader_blank(const struct reader *r)
{
    return r->blank;
}

uint64_t reader_skipped(const struct reader *r)
{
    return r->skipped;
}

ssize_t reader_pread(int fd, char *at, size_t n, uint64_t offset, struct err *err)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = pread(fd, at + done, n - done, (off_t)(offset + done));

        if (stop_now())
            return stop_fail(err);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, ERR_FILE, W0302, "cannot read at byte %" PRIu64 ": %s", offset + done,
                           strerror(errno));
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* The whole file into *ret (cleared first) with JSON_PADDING behind it. A file beyond the limit is ERR_FILE. */
static int whole(const struct input *in, const struct reader_limit *limit, struct buf *ret, struct err *err)
{
    ssize_t got;

    buf_clear(ret);
    if (in->size > limit->bytes) {
        err_set(err, ERR_FILE, W0328, "the file has %" PRIu64 " bytes, more than the limit of %zu for one that is read whole",
                in->size, limit->bytes);
        return reader_advise(limit, in->size, err);
    }
    if (buf_reserve(ret, (size_t)in->size + JSON_PADDING) < 0)
        return err_oom(err);
    got = reader_pread(in->fd, ret->at, (size_t)in->size, 0, err);
    if (got < 0)
        return -1;
    if ((uint64_t)got < in->size)
        return err_set(err, ERR_FILE, W0332, "the file ends at byte %zd, but had %" PRIu64 " bytes before", got,
                       in->size);
    ret->len = (size_t)got;
    memset(ret->at + ret->len, 0, JSON_PADDING);
    return 0;
}

int reader_file_start(struct reader *reader, const struct input *in, struct err *err)
{
    struct file_reader *file = (struct file_reader *)reader;

    (void)err;
    file->in = *in;
    file->done = false;
    file->head.consumed = 0;
    return 0;
}

int reader_file_next(struct file_reader *file, struct record *ret, struct err *err)
{
    if (file->done)
        return 0;
    file->done = true;
    if (whole(&file->in, &file->limit, &file->text, err) < 0)
        return -1;
    file->head.consumed = file->in.size;
    *ret = (struct record){.raw = buf_str(&file->text), .line = 1};
    return 1;
}

void reader_place(struct str raw, uint64_t byte0, uint64_t line0, uint64_t byte, uint64_t *line, uint64_t *column)
{
    size_t n = byte > byte0 ? (size_t)(byte - byte0) : 0, start = 0;
    const char *lf;

    if (n > raw.len)
        n = raw.len;
    *line = line0;
    while (start < n && (lf = memchr(raw.at + start, '\n', n - start))) {
        start = (size_t)(lf - raw.at) + 1;
        ++*line;
    }
    *column = 1 + str_utf8_count(str_make(raw.at + start, n - start));
}
