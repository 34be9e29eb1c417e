/* Files in lines: one window slides over the file with pread(), so a bigger file takes no more memory. */
#include "read/reader_internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { HEAD_BYTES = 1024, BEYOND_BYTES = 64 * 1024 };

void lines_init(struct lines *l, const struct reader_options *options)
{
    *l = (struct lines){.limit = reader_limit(options), .window = READER_WINDOW};
}

void lines_release(struct lines *l)
{
    free(l->at);
}

void lines_start(struct lines *l, const struct input *in)
{
    l->in = *in;
    l->start = l->len = l->complete = 0;
    l->skip_first = in->from > 0;
    l->byte = in->from - l->skip_first;
    l->line = in->line ? in->line : 1;
    l->keeping = false;
    l->generation++;
}

void lines_keep(struct lines *l, uint64_t byte)
{
    l->keeping = true;
    l->keep = (size_t)(byte - l->byte);
}

void lines_drop(struct lines *l)
{
    l->keeping = false;
}

void lines_unread(struct lines *l, const struct line *line)
{
    l->start = (size_t)(line->byte - l->byte);
    l->line = line->line;
}

/* Move what is not read (or to be kept) to the front of the window. */
static void slide(struct lines *l)
{
    size_t from = l->keeping && l->keep < l->start ? l->keep : l->start;

    if (l->len > from)
        memmove(l->at, l->at + from, l->len - from);
    l->byte += from;
    l->start -= from;
    l->len -= from;
    l->keep -= l->keeping ? from : 0;
}

static int make_room(struct lines *l, size_t more)
{
    size_t need = l->len + more + JSON_PADDING, capacity = l->capacity ? l->capacity : l->window + JSON_PADDING;
    char *at;

    if (need <= l->capacity)
        return 0;
    if (capacity < need)
        capacity += capacity / 2;
    if (capacity < need)
        capacity = need;
    at = realloc(l->at, capacity);
    if (!at)
        return -1;
    l->at = at;
    l->capacity = capacity;
    return 0;
}

/* How much to read next: up to the part's end in windows, beyond it only the rest of a record. */
static size_t read_size(const struct lines *l)
{
    uint64_t at = l->byte + l->len, end = l->in.size, n = l->window;

    if (at < l->in.to && l->in.to - at < n)
        n = l->in.to - at;
    else if (at >= l->in.to && n > BEYOND_BYTES)
        n = BEYOND_BYTES;
    return end - at < n ? (size_t)(end - at) : (size_t)n;
}

/* Read once more behind what is there: 1, 0 when the file is read, -1. */
static int read_more(struct lines *l, struct err *err)
{
    size_t n = read_size(l);
    ssize_t got;

    if (n == 0)
        return 0;
    if (make_room(l, n) < 0)
        return err_oom(err);
    got = reader_pread(l->in.fd, l->at + l->len, n, l->byte + l->len, err);
    if (got < 0)
        return -1;
    if (got == 0)
        return err_set(err, ERR_FILE, W0332, "the file ends at byte %" PRIu64 ", but had %" PRIu64 " bytes before",
                       l->byte + l->len, l->in.size);
    l->len += (size_t)got;
    return 1;
}

static void skip_bom(struct lines *l)
{
    if (l->byte == 0 && l->start == 0 && l->len >= 3 && memcmp(l->at, "\xef\xbb\xbf", 3) == 0)
        l->start = 3;
}

/* Read until the window holds the end of a line: 1, 0 at the end of the file; 2 when the line that begins at
 * `start` is longer than the limit and has no end yet. */
static int fill(struct lines *l, struct err *err)
{
    const char *last = NULL;
    int more = 1;

    slide(l);
    l->generation++;
    while (more && !last) {
        size_t before = l->len;

        if (before - l->start > l->limit.bytes)
            return 2;
        more = read_more(l, err);
        if (more < 0)
            return -1;
        last = more ? memrchr(l->at + before, '\n', l->len - before) : NULL;
    }
    skip_bom(l);
    l->complete = last ? (size_t)(last - l->at) + 1 : l->len;
    return l->start < l->complete;
}

/* The line at `start` is too long: read on to its end, keeping only its beginning. */
static int skip_long(struct lines *l, struct line *ret, struct err *err)
{
    size_t head = l->limit.bytes < HEAD_BYTES ? l->limit.bytes : HEAD_BYTES;
    uint64_t size = 0;
    const char *end;
    int more = 1;

    lines_drop(l);
    slide(l);
    ret->byte = l->byte;
    for (;;) {
        end = memchr(l->at + head, '\n', l->len - head);
        if (end || !more)
            break;
        size += l->len - head;
        l->byte += l->len - head;
        l->len = head;
        more = read_more(l, err);
        if (more < 0)
            return -1;
    }
    l->start = end ? (size_t)(end - l->at) + 1 : l->len;
    l->complete = l->start;     /* what follows is looked at by complete_in_window() */
    ret->size = size + (end ? (size_t)(end - l->at) : l->len);
    ret->text = str_make(l->at, head);
    ret->line = l->line++;
    return 1;
}

/* Bytes that a skip left unseen may hold whole lines already. */
static bool complete_in_window(struct lines *l)
{
    const char *last = l->len > l->complete ? memrchr(l->at + l->complete, '\n', l->len - l->complete) : NULL;

    if (!last)
        return false;
    slide(l);
    l->generation++;
    last = memrchr(l->at, '\n', l->len);
    l->complete = (size_t)(last - l->at) + 1;
    return true;
}

static int next_line(struct lines *l, struct line *ret, struct err *err)
{
    const char *end;
    size_t len;

    if (l->start >= l->complete && !complete_in_window(l)) {
        int filled = fill(l, err);

        if (filled == 2)
            return skip_long(l, ret, err);
        if (filled <= 0)
            return filled;
    }
    end = memchr(l->at + l->start, '\n', l->complete - l->start);
    len = (end ? (size_t)(end - l->at) : l->complete) - l->start;
    *ret = (struct line){.text = {l->at + l->start, len}, .byte = l->byte + l->start, .line = l->line++};
    l->start += len + (end != NULL);
    if (len > l->limit.bytes)
        ret->size = len;
    if (len && ret->text.at[len - 1] == '\r')
        ret->text.len--;
    if (ret->size && ret->text.len > HEAD_BYTES)
        ret->text.len = HEAD_BYTES;
    return 1;
}

int lines_next(struct lines *l, struct line *ret, struct err *err)
{
    int found;

    if (l->skip_first) {
        l->skip_first = false;
        found = next_line(l, ret, err);
        if (found <= 0)
            return found;
        l->line--;
    }
    return next_line(l, ret, err);
}

int reader_too_long(const struct line *line, const struct reader_limit *limit, struct record *ret, struct err *err)
{
    ret->raw = line->text;
    err_set(err, ERR_RECORD, W0328, "a line of %" PRIu64 " bytes is longer than the limit of %zu", line->size, limit->bytes);
    err_label(err, "too long a line");
    reader_advise(limit, line->size, err);
    err_at(err, NULL, line->line, 1);
    return err_at_byte(err, line->byte);
}
