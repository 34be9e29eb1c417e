/* JSON Lines: a value a line, indexed a window of lines at a time. */
#include "read/json_internal.h"
#include "read/reader_internal.h"

#include <stdlib.h>

struct jsonl_reader {
    struct reader head;
    struct json_parser *parser;
    struct lines lines;
    uint64_t generation;    /* of the window that is indexed */
    uint64_t block_byte;    /* where its index begins */
    uint64_t index;
    bool utf16_checked;
};

static void jsonl_close(struct reader *reader)
{
    struct jsonl_reader *r = (struct jsonl_reader *)reader;

    if (!r)
        return;
    json_parser_free(r->parser);
    lines_release(&r->lines);
    free(r);
}

static struct reader *jsonl_open(const struct reader_options *options, struct err *err)
{
    struct jsonl_reader *r = reader_new(&reader_jsonl, sizeof *r, err);

    if (!r)
        return NULL;
    r->head.lines = &r->lines;
    lines_init(&r->lines, options);
    r->parser = json_parser_new(&options->json, err);
    if (r->parser)
        return &r->head;
    jsonl_close(&r->head);
    return NULL;
}

static int jsonl_start(struct reader *reader, const struct input *in, struct err *err)
{
    struct jsonl_reader *r = (struct jsonl_reader *)reader;

    (void)err;
    lines_start(&r->lines, in);
    r->generation = r->lines.generation;
    r->index = in->index;
    r->utf16_checked = in->from > 0;
    r->head.consumed = in->from;
    r->head.blank = 0;
    return 0;
}

static bool is_blank(struct str line)
{
    while (line.len && json_is_space(line.at[0]))
        line = str_make(line.at + 1, line.len - 1);
    return line.len == 0;
}

/* The file's first bytes: UTF-16 would make every line an error of its own. */
static int refuse_utf16(struct jsonl_reader *r, const struct line *line, struct err *err)
{
    r->utf16_checked = true;
    if (line->byte != 0 || !json_looks_like_utf16(r->lines.at, r->lines.len))
        return 0;
    err_set(err, ERR_FILE, W0325, "this looks like UTF-16; convert it to UTF-8");
    err_help(err, "iconv -f UTF-16 -t UTF-8 converts a file");
    return err_at(err, NULL, 1, 1);
}

/* The next line that is not blank: 1, 0 at the end of the part, -1. */
static int next_text(struct jsonl_reader *r, struct line *ret, struct err *err)
{
    for (;;) {
        int found;

        r->head.consumed = lines_at(&r->lines);
        if (r->head.consumed >= r->lines.in.to && !r->lines.skip_first)
            return 0;
        found = lines_next(&r->lines, ret, err);
        if (found <= 0 || ret->byte >= r->lines.in.to)
            return found < 0 ? -1 : 0;
        r->head.consumed = lines_at(&r->lines);
        if (ret->size || !is_blank(ret->text))
            return 1;
        r->head.blank++;
    }
}

static int parse(struct jsonl_reader *r, const struct line *line, struct value *ret, struct err *err)
{
    size_t from;

    if (r->generation != r->lines.generation) {
        if (json_index(r->parser, lines_block(&r->lines, line), line->byte, err) < 0)
            return -1;
        r->generation = r->lines.generation;
        r->block_byte = line->byte;
    }
    from = (size_t)(line->byte - r->block_byte);
    json_at_line(r->parser, line->line);
    return json_next(r->parser, from, from + line->text.len, ret, err);
}

static int jsonl_next(struct reader *reader, struct record *ret, struct err *err)
{
    struct jsonl_reader *r = (struct jsonl_reader *)reader;
    struct line line;
    int found = next_text(r, &line, err);

    if (found <= 0)
        return found;
    if (!r->utf16_checked && refuse_utf16(r, &line, err) < 0)
        return -1;
    *ret = (struct record){.raw = line.text, .line = line.line, .byte = line.byte, .index = r->index++};
    if (line.size)
        return reader_too_long(&line, &r->lines.limit, ret, err);
    return parse(r, &line, &ret->value, err) < 0 ? -1 : 1;
}

const struct reader_ops reader_jsonl = {"jsonl", true, jsonl_open, jsonl_start, jsonl_next, jsonl_close};
