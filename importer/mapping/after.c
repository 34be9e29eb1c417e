/* What follows the rules: SQL to run after the rows, and the examples that lint runs. */
#include "mapping/internal.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

enum { SQL_BYTES_MAX = 1024 * 1024 };

/* after: */

/* `directory` with its links resolved, for free(); NULL when there is none. */
static char *resolve(const char *directory, const char *below)
{
    char *path = NULL, *resolved;

    if (asprintf(&path, "%s/%s", directory, below) < 0)
        return NULL;
    resolved = realpath(path, NULL);
    free(path);
    return resolved;
}

static bool is_inside(const char *path, const char *directory)
{
    size_t len = directory ? strlen(directory) : 0;

    return len && strncmp(path, directory, len) == 0 && path[len] == '/';
}

/* The mapping's directory, for free(). */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? str_dup(str_make(path, slash == path ? 1 : (size_t)(slash - path))) : str_dup(str_of("."));
}

/* The file, if it may be read: links resolved, it lies in the mapping's directory or in ../schema. */
static int open_allowed(const char *mapping_path, const struct mapping_text *file, struct err *e)
{
    CLEANUP(free_ptr) char *directory = directory_of(mapping_path);
    CLEANUP(free_ptr) char *home = directory ? resolve(directory, ".") : NULL;
    CLEANUP(free_ptr) char *schema = directory ? resolve(directory, "../schema") : NULL;
    CLEANUP(free_ptr) char *path = directory ? resolve(directory, file->text.at) : NULL;
    struct stat st;
    int fd;

    if (file->text.at[0] == '/')
        return err_set(e, ERR_RUN, W0223, "file: is relative to the mapping's directory");
    if (!path)
        return err_set(e, ERR_RUN, W0223, "cannot open '%s': %s", file->text.at, strerror(errno));
    if (!is_inside(path, home) && !is_inside(path, schema))
        return err_set(e, ERR_RUN, W0223,
                       "'%s' lies outside the mapping's directory and the schema directory beside it", file->text.at);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        err_set(e, ERR_RUN, W0223, "cannot open '%s': %s", file->text.at,
                fd < 0 ? strerror(errno) : "not a regular file");
        close_fd(&fd);
        return -1;
    }
    return fd;
}

static int read_sql(struct mapping_reading *r, const struct mapping_text *file, struct str *ret, struct err *e)
{
    CLEANUP(close_fd) int fd = open_allowed(r->m->path, file, e);
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct err why = {0};

    if (fd < 0)
        return -1;
    if (buf_read_fd(&text, fd, SQL_BYTES_MAX, &why) < 0) {
        err_set(e, ERR_RUN, W0223, "'%s': %s", file->text.at, why.message);
        err_release(&why);
        return -1;
    }
    if (memchr(buf_text(&text), '\0', text.len) || str_utf8_invalid_at(buf_str(&text)) < text.len)
        return err_set(e, ERR_RUN, W0223, "'%s' is not UTF-8 text", file->text.at);
    *ret = arena_str(&r->m->arena, buf_str(&text));
    return ret->at ? 0 : err_oom(e);
}

static void read_file(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_after *after = into;
    struct err e = {0};

    mapping_read_text(r, item, &after->file);
    if (after->file.text.len == 0 || memchr(after->file.text.at, '\0', after->file.text.len))
        return;
    after->sql = after->file;
    if (read_sql(r, &after->file, &after->sql.text, &e) < 0)
        mapping_report(r, item, e.code, "%s", e.message);
    after->sql.raw = (struct str){0};   /* the place of all of it is that of the name */
    err_release(&e);
}

static void read_engine(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    static const char *const words[] = {"postgresql", "sqlite"};

    if (mapping_read_word(r, item, words, ARRAY_LEN(words)) >= 0)
        *(struct mapping_text *)into = item->text;
}

static const struct mapping_key after_keys[] = {
    {"sql", mapping_read_text, offsetof(struct mapping_after, sql), false},
    {"file", read_file, 0, false},
    {"for", read_engine, offsetof(struct mapping_after, engine), false},
    {"when", mapping_read_text, offsetof(struct mapping_after, when), false},
};
const struct mapping_keys mapping_after_keys = MAPPING_KEYS("after", after_keys);

static void read_after(struct mapping_reading *r, const struct yaml_item *item, struct mapping_after *after)
{
    const struct yaml_item *sql, *file;

    if (item->kind == YAML_TEXT) {
        mapping_read_text(r, item, &after->sql);
        return;
    }
    if (!mapping_read_map(r, item, &mapping_after_keys, after))
        return;
    sql = yaml_find(item, "sql");
    file = yaml_find(item, "file");
    if (!sql && !file && !mapping_is_misspelt(item, &mapping_after_keys, "sql") &&
        !mapping_is_misspelt(item, &mapping_after_keys, "file"))
        mapping_report(r, item, W0207, "one of sql, file is missing");
    if (sql && file)
        mapping_report_text(r, &file->key->text, W0219, "'file' and 'sql' exclude each other");
}

void mapping_read_afters(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct mapping_after *afters = mapping_room(r, item->n, sizeof *afters);

    if (!afters)
        return;
    if (item->kind != YAML_LIST) {
        mapping_report(r, item, W0208, "expected a list of SQL statements, found %s", mapping_kind(item));
        return;
    }
    m->afters = afters;
    for (const struct yaml_item *each = item->first; each; each = each->next)
        read_after(r, each, &afters[m->n_afters++]);
}

/* examples: */

/* Inside the tree that lint makes: no way out of it. */
static bool is_path_inside(struct str s)
{
    size_t from = 0;

    if (s.len == 0 || s.at[0] == '/' || memchr(s.at, '\0', s.len))
        return false;
    for (size_t i = 0; i <= s.len; i++) {
        struct str part = str_make(s.at + from, i - from);

        if (i < s.len && s.at[i] != '/')
            continue;
        if (str_is(part, "..") || str_is(part, ".") || (part.len == 0 && i < s.len))
            return false;
        from = i + 1;
    }
    return true;
}

/* A list under *.jsonl: one line for each item. */
static bool read_lines(struct mapping_reading *r, const struct yaml_item *item, struct buf *out)
{
    bool failed = false;

    for (const struct yaml_item *each = item->first; each && !failed; each = each->next) {
        struct mapping_constant line = {0};

        mapping_read_constant(r, each, &line);
        failed = buf_add_str(out, line.json) < 0 || buf_add_char(out, '\n') < 0;
    }
    return !failed;
}

static void read_content(struct mapping_reading *r, const struct yaml_item *item, struct mapping_pair *pair)
{
    CLEANUP(buf_release) struct buf content = BUF_INIT;
    bool lines = item->kind == YAML_LIST &&
                 (str_ends(pair->from.text, str_of(".jsonl")) || str_ends(pair->from.text, str_of(".ndjson")));

    if (lines) {
        pair->to.at = item->text;
        pair->to.json = str_of("null");
        if (read_lines(r, item, &content))
            pair->to.at.text = arena_str(&r->m->arena, buf_str(&content));
        if (!pair->to.at.text.at)
            err_oom(mapping_fault(r->faults));
        return;
    }
    mapping_read_constant(r, item, &pair->to);
    if (item->kind == YAML_TEXT && item->text.style == 'p' && mapping_plain(item->text.text) == PLAIN_BOOL)
        pair->to.at.text = pair->to.json;
}

static void read_files(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_example *example = into;
    struct mapping_pair *files = mapping_room(r, item->n, sizeof *files);

    if (!files || !mapping_is_map(r, item))
        return;
    example->files = files;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        struct mapping_pair *pair = &files[example->n_files++];
        struct str path = entry->key->text.text;
        bool directory = path.len && path.at[path.len - 1] == '/';

        pair->from = entry->key->text;
        if (!is_path_inside(path))
            mapping_report_text(r, &pair->from, W0226, "'%.*s' is no path inside the source", STR_ARG(path));
        if (directory != yaml_is_null(entry))
            mapping_report(r, entry, W0226,
                           directory ? "a directory has no content: write ~" : "the file's content is missing");
        else
            read_content(r, entry, pair);
    }
}

static void read_example_params(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_example *example = into;
    struct mapping_pair *params = mapping_room(r, item->n, sizeof *params);

    if (!params || !mapping_is_map(r, item))
        return;
    example->params = params;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        params[example->n_params].from = entry->key->text;
        mapping_read_constant(r, entry, &params[example->n_params++].to);
    }
}

static bool is_table(const struct mapping *m, struct str name)
{
    for (size_t i = 0; i < m->n_rules; i++) {
        if (str_eq(m->rules[i].into.text, name))
            return true;
    }
    return m->n_rules == 0;
}

static void read_rows(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    if (!mapping_is_map(r, item))
        return;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        if (entry->kind != YAML_LIST)
            mapping_report(r, entry, W0226, "expected a list of rows, found %s", mapping_kind(entry));
        for (const struct yaml_item *row = entry->first; row && entry->kind == YAML_LIST; row = row->next) {
            if (row->kind != YAML_MAP)
                mapping_report(r, row, W0226, "expected a row such as {id: 1}, found %s", mapping_kind(row));
        }
    }
    mapping_read_constant(r, item, into);
}

static void check_code(struct mapping_reading *r, const struct yaml_item *item)
{
    bool form = item->kind == YAML_TEXT && item->text.text.len == 5 && item->text.text.at[0] == 'W';

    if (!form || code_by_name(item->text.text.at) == CODE_NONE)
        mapping_report(r, item, W0226, "expected a code such as W0412, found %.*s",
                       item->kind == YAML_TEXT && item->text.text.len ? (int)item->text.text.len : 7,
                       item->kind == YAML_TEXT && item->text.text.len ? item->text.text.at : "nothing");
}

static void read_rejects(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    uint64_t n;

    if (item->kind == YAML_MAP) {
        mapping_report(r, item, W0208, "expected a number or a list of codes, found a map");
        return;
    }
    if (item->kind == YAML_TEXT)
        mapping_read_number(r, item, 0, UINT32_MAX, false, &n);
    for (const struct yaml_item *each = item->kind == YAML_LIST ? item->first : NULL; each; each = each->next)
        check_code(r, each);
    mapping_read_constant(r, item, into);
}

static const struct mapping_key example_keys[] = {
    {"name", mapping_read_text, offsetof(struct mapping_example, name), true},
    {"params", read_example_params, 0, false},
    {"files", read_files, 0, true},
    {"rows", read_rows, offsetof(struct mapping_example, rows), false},
    {"rejects", read_rejects, offsetof(struct mapping_example, rejects), false},
};
const struct mapping_keys mapping_example_keys = MAPPING_KEYS("example", example_keys);

/* Tables and parameters that the example names; rules may stand further down than it. */
static void check_example(struct mapping_reading *r, const struct yaml_item *item)
{
    const struct yaml_item *rows = yaml_find(item, "rows"), *params = yaml_find(item, "params");

    if (!rows && !yaml_find(item, "rejects"))
        mapping_report(r, item, W0207, "'rows' or 'rejects' is missing");
    for (const struct yaml_item *entry = rows && rows->kind == YAML_MAP ? rows->first : NULL; entry;
         entry = entry->next) {
        if (!is_table(r->m, entry->key->text.text))
            mapping_report_text(r, &entry->key->text, W0226, "no rule fills the table '%.*s'",
                                STR_ARG(entry->key->text.text));
    }
    for (const struct yaml_item *entry = params && params->kind == YAML_MAP ? params->first : NULL; entry;
         entry = entry->next) {
        size_t i = 0;

        while (i < r->m->n_params && !str_eq(r->m->params[i].name.text, entry->key->text.text))
            i++;
        if (i == r->m->n_params)
            mapping_report_text(r, &entry->key->text, W0221, "there is no parameter '%.*s'",
                                STR_ARG(entry->key->text.text));
    }
}

void mapping_read_examples(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct mapping_example *examples = mapping_room(r, item->n, sizeof *examples);

    if (!examples)
        return;
    if (item->kind != YAML_LIST) {
        mapping_report(r, item, W0208, "expected a list of examples, found %s", mapping_kind(item));
        return;
    }
    m->examples = examples;
    for (const struct yaml_item *each = item->first; each; each = each->next)
        mapping_read_map(r, each, &mapping_example_keys, &examples[m->n_examples++]);
}

void mapping_check_examples(struct mapping_reading *r, const struct yaml_item *examples)
{
    if (!examples || examples->kind != YAML_LIST)
        return;
    for (const struct yaml_item *each = examples->first; each; each = each->next) {
        if (each->kind == YAML_MAP)
            check_example(r, each);
    }
}
