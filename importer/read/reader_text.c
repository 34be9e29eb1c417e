/* A file that is one value: its bytes, as text or as they are. */
#include "read/reader_internal.h"

#include <stdlib.h>

static void text_close(struct reader *reader)
{
    struct file_reader *r = (struct file_reader *)reader;

    if (!r)
        return;
    buf_release(&r->text);
    free(r);
}

static struct reader *open_as(const struct reader_ops *ops, const struct reader_options *options, struct err *err)
{
    struct file_reader *r = reader_new(ops, sizeof *r, err);

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

static int text_next(struct reader *reader, struct record *ret, struct err *err)
{
    int got = reader_file_next((struct file_reader *)reader, ret, err);

    if (got != 1)
        return got;
    ret->value = value_string(ret->raw);
    ret->value.flags = VALUE_BYTES | (memchr(ret->raw.at, '\0', ret->raw.len) ? VALUE_NUL : 0);
    return 1;
}

const struct reader_ops reader_text = {"text", false, text_open, reader_file_start, text_next, text_close};
const struct reader_ops reader_bytes = {"bytes", false, bytes_open, reader_file_start, text_next, text_close};
