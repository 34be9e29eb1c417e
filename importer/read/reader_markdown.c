/* Markdown with front matter: {front, body}, the front being what stands between two lines of --- at the top. */
#include "read/reader_internal.h"

#include <stdlib.h>

struct markdown_reader {
    struct file_reader file;
    struct arena arena;
    struct member members[2];
};

static void markdown_close(struct reader *reader)
{
    struct markdown_reader *r = (struct markdown_reader *)reader;

    if (!r)
        return;
    buf_release(&r->file.text);
    arena_release(&r->arena);
    free(r);
}

static struct reader *markdown_open(const struct reader_options *options, struct err *err)
{
    struct markdown_reader *r = reader_new(&reader_markdown, sizeof *r, err);

    if (!r)
        return NULL;
    r->file.limit = reader_limit(options);
    return &r->file.head;
}

/* Cut the first line off *rest. */
static struct str take_line(struct str *rest)
{
    const char *lf = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;
    size_t len = lf ? (size_t)(lf - rest->at) + 1 : rest->len;
    struct str line = str_make(rest->at, len);

    *rest = str_make(rest->at + len, rest->len - len);
    return line;
}

/* `---`, at the start of its line; white space may follow. */
static bool is_fence(struct str line)
{
    return line.len >= 3 && memcmp(line.at, "---", 3) == 0 && str_trim(line).len == 3;
}

/* Split a text that begins with a fence: -1 when no second one follows. */
static int split(struct str text, struct str *ret_yaml, struct str *ret_body)
{
    struct str rest = text, line;
    const char *yaml;

    take_line(&rest);
    yaml = rest.at;
    while (rest.len) {
        line = take_line(&rest);
        if (is_fence(line)) {
            *ret_yaml = str_make(yaml, (size_t)(line.at - yaml));
            *ret_body = rest;
            return 0;
        }
    }
    return -1;
}

static int build(struct markdown_reader *r, struct str text, struct value *ret, struct err *err)
{
    struct str rest = text, yaml, body = text;
    struct value front = value_object(NULL, 0);

    if (is_fence(take_line(&rest))) {
        if (split(text, &yaml, &body) < 0) {
            err_set(err, ERR_RECORD, W0331, "front matter begins with --- but no line of --- ends it");
            err_at(err, NULL, 1, 1);
            return err_at_byte(err, (uint64_t)(text.at - r->file.text.at));
        }
        if (front_matter_parse(yaml, 2, (uint64_t)(yaml.at - r->file.text.at), &r->arena, &front, err) < 0)
            return -1;
    }
    r->members[0] = (struct member){str_of("front"), front};
    r->members[1] = (struct member){str_of("body"), value_string(body)};
    r->members[1].value.flags = VALUE_BYTES | (body.len && memchr(body.at, '\0', body.len) ? VALUE_NUL : 0);
    *ret = value_object(r->members, 2);
    ret->flags = (front.flags | r->members[1].value.flags) & VALUE_NUL;
    return 0;
}

static int markdown_next(struct reader *reader, struct record *ret, struct err *err)
{
    struct markdown_reader *r = (struct markdown_reader *)reader;
    int got = reader_file_next(&r->file, ret, err);
    struct str text = ret->raw;

    if (got != 1)
        return got;
    arena_reset(&r->arena);
    if (str_starts(text, str_of("\xef\xbb\xbf")))
        text = str_make(text.at + 3, text.len - 3);
    return build(r, text, &ret->value, err) < 0 ? -1 : 1;
}

const struct reader_ops reader_markdown = {"markdown", false, markdown_open, reader_file_start, markdown_next,
                                           markdown_close};
