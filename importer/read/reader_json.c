/* A file that is one JSON document. */
#include "read/reader_internal.h"

#include <stdlib.h>

struct json_reader {
    struct reader head;
    struct json_parser *parser;
    struct reader_limit limit;
    struct input in;
    struct buf text;
    bool done;
};

static void json_close(struct reader *reader)
{
    struct json_reader *r = (struct json_reader *)reader;

    if (!r)
        return;
    json_parser_free(r->parser);
    buf_release(&r->text);
    free(r);
}

static struct reader *json_open(const struct reader_options *options, struct err *err)
{
    struct json_reader *r = reader_new(&reader_json, sizeof *r, err);

    if (!r)
        return NULL;
    r->limit = reader_limit(options);
    r->parser = json_parser_new(&options->json, err);
    if (r->parser)
        return &r->head;
    json_close(&r->head);
    return NULL;
}

static int json_start(struct reader *reader, const struct input *in, struct err *err)
{
    struct json_reader *r = (struct json_reader *)reader;

    (void)err;
    r->in = *in;
    r->done = false;
    r->head.consumed = 0;
    return 0;
}

static int json_read(struct reader *reader, struct record *ret, struct err *err)
{
    struct json_reader *r = (struct json_reader *)reader;
    struct err reason = {0};

    if (r->done)
        return 0;
    r->done = true;
    if (reader_whole(&r->in, &r->limit, &r->text, err) < 0)
        return -1;
    r->head.consumed = r->in.size;
    *ret = (struct record){.raw = buf_str(&r->text), .line = 1};
    if (json_parse(r->parser, ret->raw, &ret->value, &reason) == 0)
        return 1;
    if (reason.code == W0324 && (reason.line > 1 || memchr(r->text.at, '\n', r->text.len)))
        err_help(&reason, "several values in one file: it may be JSON Lines, which the mapping reads with read: jsonl");
    if (err)
        err_move(err, &reason);
    err_release(&reason);
    return -1;
}

const struct reader_ops reader_json = {"json", false, json_open, json_start, json_read, json_close};
