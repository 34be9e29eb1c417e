/* A file that is one value: its bytes, as text or as they are. */
#include "read/reader_internal.h"

#include <stdlib.h>

struct text_reader {
    struct reader head;
    struct reader_limit limit;
    struct input in;
    struct buf text;
    bool done;
};

static void text_close(struct reader *reader)
{
    struct text_reader *r = (struct text_reader *)reader;

    if (!r)
        return;
    buf_release(&r->text);
    free(r);
}

static struct reader *open_as(const struct reader_ops *ops, const struct reader_options *options, struct err *err)
{
    struct text_reader *r = reader_new(ops, sizeof *r, err);

    if (!r)
        return NULL;
    r->limit = reader_limit(options);
    return &r->head;
}

static struct reader *text_open(const struct reader_options *options, struct err *err)
{
    return open_as(&reader_text, options, err);
}

static struct reader *bytes_open(const struct reader_options *options, struct err *err)
{
    return open_as(&reader_bytes, options, err);
}

static int text_start(struct reader *reader, const struct input *in, struct err *err)
{
    struct text_reader *r = (struct text_reader *)reader;

    (void)err;
    r->in = *in;
    r->done = false;
    r->head.consumed = 0;
    return 0;
}

static int text_next(struct reader *reader, struct record *ret, struct err *err)
{
    struct text_reader *r = (struct text_reader *)reader;

    if (r->done)
        return 0;
    r->done = true;
    if (reader_whole(&r->in, &r->limit, &r->text, err) < 0)
        return -1;
    r->head.consumed = r->in.size;
    *ret = (struct record){.raw = buf_str(&r->text), .line = 1};
    ret->value = value_string(ret->raw);
    ret->value.flags = VALUE_BYTES | (memchr(r->text.at, '\0', r->text.len) ? VALUE_NUL : 0);
    return 1;
}

const struct reader_ops reader_text = {"text", false, text_open, text_start, text_next, text_close};
const struct reader_ops reader_bytes = {"bytes", false, bytes_open, text_start, text_next, text_close};
