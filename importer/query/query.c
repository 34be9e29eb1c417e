/* Files of SQL: which there are, what their comments declare, their statements with numbered placeholders. */
#include "query/query.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "migrate/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { QUERY_BYTES_MAX = 1 << 20, NAMES_MAX = 1000, SECTIONS_MAX = 64 };

static const char *const endings[] = {".postgresql.sql", ".sqlite.sql", ".sql"};
static const char *const type_names[] = {"text", "integer", "number", "day", "month", "time", "days"};

const char *query_type_name(enum query_type type)
{
    return type_names[type];
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return s.len > 0 && s.len <= 100 && s.at[0] != '-';
}

/* Which reports there are */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool known(const char *const *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is(name, names[i]))
            return true;
    }
    return false;
}

static struct str without_ending(const char *file)
{
    struct str s = str_of(file);

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (str_ends(s, str_of(endings[i])))
            return str_make(s.at, s.len - strlen(endings[i]));
    }
    return (struct str){0};
}

int query_names(const char *dir, struct arena *a, const char ***ret, size_t *ret_n, struct err *err)
{
    const char **names = arena_calloc(a, NAMES_MAX, sizeof *names);
    DIR *d = opendir(dir);
    struct dirent *entry;
    size_t n = 0;

    if (!names) {
        if (d)
            closedir(d);
        return err_oom(err);
    }
    while (d && n < NAMES_MAX && (entry = readdir(d))) {
        struct str name = without_ending(entry->d_name);

        if (!is_name(name) || known(names, n, name))
            continue;
        names[n] = arena_dup(a, name);
        if (!names[n++]) {
            closedir(d);
            return err_oom(err);
        }
    }
    if (d)
        closedir(d);
    qsort(names, n, sizeof *names, by_name);
    *ret = names;
    *ret_n = n;
    return 0;
}

const char *query_path(const char *dir, const char *name, enum db_engine engine, struct arena *a)
{
    const char *own = engine == DB_SQLITE ? endings[1] : endings[0];
    const char *path;

    if (!is_name(str_of(name)))
        return NULL;
    path = arena_printf(a, "%s/%s%s", dir, name, own);
    if (path && access(path, R_OK) == 0)
        return path;
    path = arena_printf(a, "%s/%s.sql", dir, name);
    return path && access(path, R_OK) == 0 ? path : NULL;
}

/* What comments declare */

struct file {
    struct query *q;
    struct arena *a;
    struct str text;
    enum db_engine engine;
};

static int bad(const struct file *f, uint64_t line, struct err *err, const char *what, struct str word)
{
    err_set(err, ERR_RUN, W0104, word.at ? "%s '%.*s'" : "%s", what, STR_ARG(word));
    return err_at(err, f->q->path, line, 1);
}

static struct str next_word(struct str *rest)
{
    struct str word;
    size_t n = 0;

    *rest = str_trim(*rest);
    while (n < rest->len && rest->at[n] != ' ' && rest->at[n] != '\t')
        n++;
    word = str_make(rest->at, n);
    *rest = str_trim(str_make(rest->at + n, rest->len - n));
    return word;
}

bool query_has_param(const struct query *q, struct str name)
{
    for (size_t i = 0; i < q->n_params; i++) {
        if (str_is(name, q->params[i].name))
            return true;
    }
    return false;
}

static struct query_param *find_param(struct query *q, struct str name)
{
    for (size_t i = 0; i < q->n_params; i++) {
        if (str_is(name, q->params[i].name))
            return &q->params[i];
    }
    return NULL;
}

/* NAME [TYPE] [= DEFAULT] [-- HELP] */
static int declare(const struct file *f, struct str rest, uint64_t line, struct err *err)
{
    const char *mark = memmem(rest.at, rest.len, "--", 2);
    struct str help = mark ? str_trim(str_make(mark + 2, rest.len - (size_t)(mark + 2 - rest.at))) : (struct str){0};
    struct str name, word;
    struct query_param p = {.line = line};

    if (mark)
        rest.len = (size_t)(mark - rest.at);
    name = next_word(&rest);
    if (!is_name(name) || memchr(name.at, '-', name.len))
        return bad(f, line, err, "no name of a parameter:", name);
    if (find_param(f->q, name))
        return bad(f, line, err, "declared already:", name);
    if (f->q->n_params == QUERY_PARAMS_MAX)
        return bad(f, line, err, "too many parameters", (struct str){0});
    if (rest.len && rest.at[0] != '=') {
        size_t type = 0;

        word = next_word(&rest);
        while (type < ARRAY_LEN(type_names) && !str_is(word, type_names[type]))
            type++;
        if (type == ARRAY_LEN(type_names))
            return bad(f, line, err, "a parameter is text, integer, number, day, month, time or days, not", word);
        p.type = (enum query_type)type;
    }
    if (rest.len && rest.at[0] == '=')
        p.fallback = arena_dup(f->a, str_trim(str_make(rest.at + 1, rest.len - 1)));
    else if (rest.len)
        return bad(f, line, err, "expected = and a default, found", rest);
    p.name = arena_dup(f->a, name);
    p.help = help.len ? arena_dup(f->a, help) : NULL;
    if (!p.name || (rest.len && !p.fallback))
        return err_oom(err);
    f->q->params[f->q->n_params++] = p;
    return 0;
}

static struct str take_line(struct str *rest)
{
    const char *end = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;
    struct str line = str_make(rest->at, end ? (size_t)(end - rest->at) : rest->len);

    *rest = str_make(rest->at + line.len + (end != NULL), rest->len - line.len - (end != NULL));
    return line;
}

/* The comments in front of a statement; `title` is what they call it. */
static int read_comments(const struct file *f, size_t from, size_t to, const char **title, struct err *err)
{
    struct str rest = str_make(f->text.at + from, to - from), line;
    struct buf about = BUF_INIT;
    uint64_t at, column;
    bool head = from == 0;
    int ret = 0;

    scan_place(f->text, from, &at, &column);
    for (; rest.len && ret == 0; at++) {
        struct str word;

        line = str_trim(take_line(&rest));
        if (!str_starts(line, str_of("--"))) {
            head &= about.len == 0;
            continue;
        }
        line = str_trim(str_make(line.at + 2, line.len - 2));
        if (!str_starts(line, str_of("windrow:"))) {
            if (head && line.len && buf_printf(&about, "%s%.*s", about.len ? " " : "", STR_ARG(line)) < 0)
                ret = err_oom(err);
            head &= line.len > 0 || about.len == 0;
            continue;
        }
        head = false;
        line = str_make(line.at + 8, line.len - 8);
        word = next_word(&line);
        if (str_is(word, "param"))
            ret = declare(f, line, at, err);
        else if (!str_is(word, "section"))
            ret = bad(f, at, err, "this is param or section, not", word);
        else if (!(*title = arena_dup(f->a, line)))
            ret = err_oom(err);
    }
    if (ret == 0 && about.len && !f->q->about && !(f->q->about = arena_dup(f->a, buf_str(&about))))
        ret = err_oom(err);
    buf_release(&about);
    return ret;
}

/* Statements */

/* Number k for params[which], the next one when the statement has not used it yet. */
static size_t placeholder(struct query_section *s, size_t which)
{
    for (size_t k = 0; k < s->n_of; k++) {
        if (s->of[k] == which)
            return k + 1;
    }
    s->of[s->n_of++] = (uint16_t)which;
    return s->n_of;
}

/* Every :name that follows no other colon becomes $1, $2 ... */
static int number_params(const struct file *f, const struct scan_statement *st, struct query_section *s, struct err *err)
{
    struct scan scan = {.sql = st->text, .engine = f->engine};
    struct scan_token token, before = {0};
    struct buf out = BUF_INIT;
    size_t copied = 0, colons = 0;
    int got, ret = 0;

    while (ret == 0 && (got = scan_token(&scan, &token, err)) != 0) {
        bool adjacent = before.text.at && before.at + before.text.len == token.at;
        struct query_param *p;

        if (got < 0) {
            ret = -1;
            break;
        }
        if (token.kind == SCAN_SIGN && str_is(token.text, ":")) {
            colons = adjacent && colons ? colons + 1 : 1;
        } else {
            if (token.kind == SCAN_WORD && colons == 1 && adjacent) {
                p = find_param(f->q, token.text);
                if (!p)
                    ret = bad(f, st->line, err, "no parameter of this file is called", token.text);
                else if (buf_add(&out, st->text.at + copied, token.at - 1 - copied) < 0 ||
                         buf_printf(&out, "$%zu", placeholder(s, (size_t)(p - f->q->params))) < 0)
                    ret = err_oom(err);
                copied = token.at + token.text.len;
            }
            colons = 0;
        }
        before = token;
    }
    if (ret == 0 && buf_add(&out, st->text.at + copied, st->text.len - copied) < 0)
        ret = err_oom(err);
    if (ret == 0 && !(s->sql = arena_dup(f->a, buf_str(&out))))
        ret = err_oom(err);
    buf_release(&out);
    return ret;
}

static int read_statements(const struct file *f, struct err *err)
{
    struct scan scan = {.sql = f->text, .engine = f->engine};
    struct scan_statement st;
    size_t end = 0;
    int got;

    f->q->sections = arena_calloc(f->a, SECTIONS_MAX, sizeof *f->q->sections);
    if (!f->q->sections)
        return err_oom(err);
    while ((got = scan_statement(&scan, &st, err)) == 1) {
        struct query_section *s = &f->q->sections[f->q->n_sections];

        if (f->q->n_sections == SECTIONS_MAX)
            return bad(f, st.line, err, "more than 64 statements", (struct str){0});
        s->line = st.line;
        if (read_comments(f, end, st.at, &s->title, err) < 0 || number_params(f, &st, s, err) < 0)
            return -1;
        f->q->n_sections++;
        end = scan.at;
    }
    if (got == 0 && f->q->n_sections == 0)
        return bad(f, 1, err, "there is no statement in it", (struct str){0});
    return got;
}

int query_load(const char *path, enum db_engine engine, struct arena *a, struct query *ret, struct err *err)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct file f = {.q = ret, .a = a, .engine = engine};

    *ret = (struct query){.path = path};
    ret->params[QUERY_NOW] = (struct query_param){.name = "now", .type = QUERY_TIME, .fallback = "now"};
    ret->params[QUERY_ENGINE] = (struct query_param){.name = "engine", .fallback = engine == DB_SQLITE ? "SQLite" : "PostgreSQL"};
    ret->n_params = QUERY_OWN;
    if (fd < 0)
        return err_set(err, ERR_RUN, W0104, "cannot open '%s': %s", path, strerror(errno));
    if (buf_read_fd(&text, fd, QUERY_BYTES_MAX, err) < 0)
        return err_at(err, path, 0, 0);
    f.text = arena_str(a, buf_str(&text));
    if (!f.text.at)
        return err_oom(err);
    if (read_statements(&f, err) == 0)
        return 0;
    return err_at(err, path, 0, 0);
}
