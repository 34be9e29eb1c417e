/* tests/unit/expr/try.h: compile and run one expression over one JSON text, for the tests of expressions. */
#ifndef WINDROW_TESTS_EXPR_TRY_H
#define WINDROW_TESTS_EXPR_TRY_H

#include "base/cleanup.h"
#include "expr/expr.h"
#include "tap.h"

#include <fcntl.h>

/* $path is keyed (its keys answer themselves; "gone" is absent), $index is 7, $doc is {"a":{"b":1}}, ^ is {"id":42}. */
enum { SLOT_PATH = 3, SLOT_INDEX, SLOT_DOC, SLOT_UP };

struct try {
    struct arena compiled, results;
    struct json_parser *parser, *extra;
    struct buf input, doc, up, out;
    struct value doc_value, up_value;
    struct err err;
    size_t n;           /* results of the last run */
};

static struct value try_parse(struct json_parser *p, struct buf *b, const char *text)
{
    struct value v = value_absent();
    struct err err = {0};

    buf_clear(b);
    buf_add_text(b, text);
    buf_reserve(b, JSON_PADDING);
    if (json_parse(p, buf_str(b), &v, &err) < 0)
        ok(false, "test input %s: %s", text, err.message);
    err_release(&err);
    return v;
}

/* A file of the project, named from its root. */
__attribute__((unused)) static bool try_read_file(const char *name, struct buf *text)
{
    static const char here[] = "tests/unit/expr/try.h";
    char path[4096];
    int fd, rc = -1;

    snprintf(path, sizeof path, "%.*s%s", (int)(strlen(__FILE__) - strlen(here)), __FILE__, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        rc = buf_read_fd(text, fd, 1 << 20, NULL);
        close(fd);
    }
    return rc == 0;
}

static enum expr_name_kind try_find(void *context, struct str name, int *slot)
{
    static const char *const known[] = {"path", "index", "doc", "^"};

    (void)context;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        *slot = SLOT_PATH + (int)i;
        if (str_is(name, known[i]))
            return *slot == SLOT_PATH ? EXPR_NAME_KEYED : EXPR_NAME_VALUE;
    }
    return EXPR_NAME_UNKNOWN;
}

static int try_check_key(void *context, int slot, struct str key, struct err *err)
{
    (void)context, (void)slot;
    return str_is(key, "wrong") ? err_set(err, ERR_RUN, W0233, "there is no key 'wrong'") : 0;
}

static int try_variable(void *context, int slot, struct value *ret, struct err *err)
{
    const struct try *t = context;

    (void)err;
    *ret = slot == SLOT_INDEX ? value_number(str_of("7")) : slot == SLOT_DOC ? t->doc_value : t->up_value;
    return 0;
}

static int try_keyed(void *context, int slot, struct str key, struct value *ret, struct err *err)
{
    (void)context, (void)slot;
    if (str_is(key, "broken"))
        return err_set(err, ERR_FILE, W0302, "the index cannot be read");
    *ret = str_is(key, "gone") ? value_absent() : value_string(key);
    return 0;
}

static const char *const try_names[] = {"path", "index", "doc"};

/* What a key of $path answers is known beforehand if it begins with a capital letter or a bracket. */
static struct value try_known(void *context, int slot, struct str key)
{
    (void)context;
    return slot == SLOT_PATH && key.len && (key.at[0] < 'a' || key.at[0] == '[') ? value_string(key) : value_absent();
}

__attribute__((unused)) static struct expr_names try_names_of(struct try *t)
{
    return (struct expr_names){try_find, try_check_key, try_known, try_names, ARRAY_LEN(try_names), t};
}

__attribute__((unused)) static void try_start(struct try *t)
{
    *t = (struct try){.parser = json_parser_new(NULL, NULL), .extra = json_parser_new(NULL, NULL)};
    t->doc_value = try_parse(t->extra, &t->doc, "[{\"a\":{\"b\":1}},{\"id\":42}]");
    t->up_value = value_at(&t->doc_value, 1);
    t->doc_value = value_at(&t->doc_value, 0);
}

__attribute__((unused)) static void try_end(struct try *t)
{
    json_parser_free(t->parser);
    json_parser_free(t->extra);
    buf_release(&t->input);
    buf_release(&t->doc);
    buf_release(&t->up);
    buf_release(&t->out);
    arena_release(&t->compiled);
    arena_release(&t->results);
    err_release(&t->err);
}

static int try_put(void *context, const struct value *v, struct err *err)
{
    struct try *t = context;

    (void)err;
    if (t->n++ && buf_add_char(&t->out, ' ') < 0)
        return -1;
    return value_json(v, &t->out);
}

static void try_clear(struct try *t)
{
    err_release(&t->err);
    arena_reset(&t->compiled);
    arena_reset(&t->results);
    buf_clear(&t->out);
    buf_add_text(&t->out, "");
    t->n = 0;
}

static struct expr_run try_run_of(struct try *t)
{
    return (struct expr_run){&t->results, try_variable, try_keyed, t, 1700000000123456LL, NULL};
}

/* All results, one blank between; t->err holds the failure, if there was one. */
__attribute__((unused)) static const char *try_expr(struct try *t, const char *text, const char *input)
{
    struct expr_names names = try_names_of(t);
    struct expr_run run = try_run_of(t);
    struct expr *e;
    struct value v;

    try_clear(t);
    v = try_parse(t->parser, &t->input, input);
    e = expr_compile(str_of(text), &names, &t->compiled, &t->err);
    if (e)
        expr_each(e, &v, &run, try_put, t, &t->err);
    expr_release(e);
    return buf_text(&t->out);
}

#endif
