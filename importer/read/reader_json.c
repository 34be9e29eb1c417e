/* A file that is one JSON document. */
#include "read/reader_internal.h"

#include <stdlib.h>

struct json_reader {
    struct file_reader file;
    struct json_parser *parser;
};

static void json_close(struct reader *reader)
{
    struct json_reader *r = (struct json_reader *)reader;

    if (!r)
        return;
    json_parser_free(r->parser);
    buf_release(&r->file.text);
    free(r);
}

static struct reader *json_open(const struct reader_options *options, struct err *err)
{
    struct json_reader *r = reader_new(&reader_json, sizeof *r, err);

    if (!r)
        return NULL;
    r->file.limit = reader_limit(options);
    r->parser = json_parser_new(&options->json, err);
    if (r->parser)
        return &r->file.head;
    json_close(&r->file.head);
    return NULL;
}

static int json_read(struct reader *reader, struct record *ret, struct err *err)
{
    struct json_reader *r = (struct json_reader *)reader;
    struct err reason = {0};
    int got = reader_file_next(&r->file, ret, err);

    if (got != 1)
        return got;
    if (json_parse(r->parser, ret->raw, &ret->value, &reason) == 0)
        return 1;
    if (reason.code == W0324 && (reason.line > 1 || memchr(ret->raw.at, '\n', ret->raw.len)))
        err_help(&reason, "several values in one file: it may be JSON Lines, which the mapping reads with read: jsonl");
    if (err)
        err_move(err, &reason);
    err_release(&reason);
    return -1;
}

const struct reader_ops reader_json = {"json", false, json_open, reader_file_start, json_read, json_close};
