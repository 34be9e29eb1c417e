/* From a folder of version files to a checked list of scripts; see migrate/plan.h. */
#include "migrate/plan.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { FILE_BYTES_MAX = 16 << 20, VERSIONS_MAX = 10000, STATEMENTS_MAX = 100000 };

/* A file name taken apart. */
struct file_name {
    int64_t number;
    struct str label, name; /* "003_create_users", "create_users" */
    bool down;
};

/* The list while it grows. */
struct loading {
    struct plan *plan;
    struct version *versions;
    size_t n, capacity;
    const char *folder; /* path of the engine's folder */
    int fd;
};

const char *plan_folder(enum db_engine engine)
{
    return engine == DB_SQLITE ? "sqlite" : "postgresql";
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* NNN_name.up.sql or NNN_name.down.sql. */
static bool parse_file_name(const char *file, struct file_name *ret)
{
    struct str rest = str_of(file);
    size_t digits = strspn(file, "0123456789");
    struct str suffix;

    if (str_ends(rest, str_of(".up.sql")))
        suffix = str_of(".up.sql");
    else if (str_ends(rest, str_of(".down.sql")))
        suffix = str_of(".down.sql");
    else
        return false;
    ret->down = suffix.at[1] == 'd';
    ret->label = str_make(file, rest.len - suffix.len);
    if (digits == 0 || digits > 18 || ret->label.len < digits + 2 || file[digits] != '_')
        return false;
    ret->name = str_make(file + digits + 1, ret->label.len - digits - 1);
    for (size_t i = 0; i < ret->name.len; i++) {
        if (!is_name_char(ret->name.at[i]))
            return false;
    }
    return str_parse_int64(str_make(file, digits), &ret->number) && ret->number > 0;
}

static struct version *find_version(const struct loading *l, int64_t number)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->versions[i].number == number)
            return &l->versions[i];
    }
    return NULL;
}

static int grow(struct loading *l, struct err *err)
{
    size_t capacity = l->capacity ? 2 * l->capacity : 32;
    struct version *bigger;

    if (l->n < l->capacity)
        return 0;
    if (l->n >= VERSIONS_MAX)
        return err_set(err, ERR_RUN, W0702, "more than %d versions in '%s'", VERSIONS_MAX, l->folder);
    bigger = reallocarray(l->versions, capacity, sizeof *bigger);
    if (!bigger)
        return err_oom(err);
    l->versions = bigger;
    l->capacity = capacity;
    return 0;
}

static int read_script(struct loading *l, const char *file, struct script *s, struct err *err)
{
    CLEANUP(close_fd) int fd = openat(l->fd, file, O_RDONLY | O_CLOEXEC);
    CLEANUP(buf_release) struct buf bytes = BUF_INIT;
    struct str text;

    s->path = arena_printf(&l->plan->arena, "%s/%s", l->folder, file);
    if (!s->path)
        return err_oom(err);
    if (fd < 0) {
        err_set(err, ERR_RUN, W0301, "cannot open: %s", strerror(errno));
        return err_at(err, s->path, 0, 0);
    }
    if (buf_read_fd(&bytes, fd, FILE_BYTES_MAX, err) < 0)
        return err_at(err, s->path, 0, 0);
    text = buf_str(&bytes);
    if (str_starts(text, str_of("\xef\xbb\xbf")))
        text = str_make(text.at + 3, text.len - 3);
    s->text = arena_str(&l->plan->arena, text);
    return s->text.at ? 0 : err_oom(err);
}

static int add_file(struct loading *l, const char *file, struct err *err)
{
    struct file_name n;
    struct version *v;
    struct script *s;

    if (!parse_file_name(file, &n)) {
        err_set(err, ERR_RUN, W0702, "'%s' is not the name of a version", file);
        err_help(err, "versions are called NNN_name.up.sql and NNN_name.down.sql, for example 004_add_index.up.sql");
        return err_at(err, l->folder, 0, 0);
    }
    v = find_version(l, n.number);
    if (v && !str_eq(str_of(v->label), n.label)) {
        const char *other = v->up.path ? v->up.path : v->down.path;

        err_set(err, ERR_RUN, W0702, "two versions have the number %lld: '%s' and '%s/%s'", (long long)n.number, other,
                l->folder, file);
        err_help(err, "give one of them a number that is free");
        return err_at(err, other, 0, 0);
    }
    if (!v) {
        if (grow(l, err) < 0)
            return -1;
        v = &l->versions[l->n];
        *v = (struct version){.number = n.number,
                              .name = arena_dup(&l->plan->arena, n.name),
                              .label = arena_dup(&l->plan->arena, n.label)};
        if (!v->name || !v->label)
            return err_oom(err);
        l->n++;
    }
    s = n.down ? &v->down : &v->up;
    return read_script(l, file, s, err);
}

static int read_folder(struct loading *l, struct err *err)
{
    int fd = dup(l->fd);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;
    int rc = 0;

    if (!d) {
        if (fd >= 0)
            close(fd);
        err_set(err, ERR_RUN, W0301, "cannot read the directory: %s", strerror(errno));
        return err_at(err, l->folder, 0, 0);
    }
    while (rc == 0 && (e = readdir(d))) {
        if (e->d_name[0] != '.' && str_ends(str_of(e->d_name), str_of(".sql")))
            rc = add_file(l, e->d_name, err);
    }
    closedir(d);
    return rc;
}

static int compare_versions(const void *a, const void *b)
{
    int64_t x = ((const struct version *)a)->number, y = ((const struct version *)b)->number;

    return (x > y) - (x < y);
}

static int head_directive(struct str word, struct script *s, bool *irreversible, struct err *err)
{
    static const char *const words[] = {"no-transaction", "irreversible"};
    const char *near;

    if (str_is(word, words[0])) {
        s->no_transaction = true;
        return 0;
    }
    if (str_is(word, words[1])) {
        *irreversible = true;
        return 0;
    }
    err_set(err, ERR_RUN, W0702, "'%.*s' is nothing that a version can declare", STR_ARG(word));
    near = str_nearest(word, words, ARRAY_LEN(words));
    if (near)
        err_help(err, "did you mean '%s'", near);
    else
        err_help(err, "known are 'no-transaction' and 'irreversible'");
    return -1;
}

/* The comment and blank lines before the first statement. */
static int read_head(struct script *s, bool *irreversible, struct err *err)
{
    static const char mark[] = "-- windrow:";
    uint64_t line_number = 1;
    size_t at = 0;

    for (; at < s->text.len; line_number++) {
        const char *end = memchr(s->text.at + at, '\n', s->text.len - at);
        size_t len = (end ? (size_t)(end - s->text.at) : s->text.len) - at;
        struct str line = str_trim(str_make(s->text.at + at, len));

        if (line.len > 0 && !str_starts(line, str_of("--")))
            break;
        if (str_starts(line, str_of(mark))) {
            struct str word = str_trim(str_make(line.at + strlen(mark), line.len - strlen(mark)));

            if (head_directive(word, s, irreversible, err) < 0)
                return err_at(err, s->path, line_number, 1);
        }
        at += len + 1;
    }
    return 0;
}

static int check_text(const struct script *s, struct err *err)
{
    const char *nul = s->text.len ? memchr(s->text.at, '\0', s->text.len) : NULL;
    size_t bad = nul ? (size_t)(nul - s->text.at) : str_utf8_invalid_at(s->text);
    uint64_t line, column;

    if (bad >= s->text.len)
        return 0;
    scan_place(s->text, bad, &line, &column);
    err_set(err, ERR_RUN, W0701, "%s", nul ? "a NUL byte stands in the text" : "the text is not UTF-8");
    err_at_byte(err, bad);
    return err_at(err, s->path, line, column);
}

static int refuse_alone(const struct script *s, const struct statement *st, struct err *err)
{
    err_set(err, ERR_RUN, W0703, "the statement cannot run inside a transaction");
    err_label(err, "refuses a transaction");
    err_help(
        err,
        "begin the file with the line '-- windrow: no-transaction'; better, give the statement a version of its own");
    err_at_byte(err, st->at);
    return err_at(err, s->path, st->line, st->column);
}

/* After a crash the file goes on in another session, which knows nothing of an earlier SET. */
static int refuse_set(const struct script *s, const struct statement *st, struct err *err)
{
    err_set(err, ERR_RUN, W0703, "SET does not reach the statements after a crash");
    err_label(err, "in a file without a transaction");
    err_help(err, "write names with their schema instead of setting a search path");
    err_at_byte(err, st->at);
    return err_at(err, s->path, st->line, st->column);
}

static int cut_statements(struct plan *p, struct script *s, struct err *err)
{
    struct scan scan = {.sql = s->text, .engine = p->engine};
    CLEANUP(buf_release) struct buf list = BUF_INIT;
    struct scan_statement st;
    int rc;

    while ((rc = scan_statement(&scan, &st, err)) > 0) {
        struct statement one;

        if (s->n >= STATEMENTS_MAX)
            return err_set(err, ERR_RUN, W0702, "more than %d statements in '%s'", STATEMENTS_MAX, s->path);
        if (statement_of(&st, p->engine, &p->arena, &one, err) < 0)
            return err_at(err, s->path, 0, 0);
        if (!statement_in_transaction(&one) && !s->no_transaction)
            return refuse_alone(s, &one, err);
        if (s->no_transaction && scan_is(&st.words[0], "set"))
            return refuse_set(s, &one, err);
        if (buf_add(&list, &one, sizeof one) < 0)
            return err_oom(err);
        s->n++;
    }
    if (rc < 0)
        return err_at(err, s->path, 0, 0);
    s->statements = arena_calloc(&p->arena, s->n ? s->n : 1, sizeof *s->statements);
    if (!s->statements)
        return err_oom(err);
    if (list.len)
        memcpy((void *)s->statements, list.at, list.len);
    return 0;
}

static void hex_digest(struct str bytes, char ret[PLAN_DIGEST])
{
    unsigned char raw[DIGEST_SHA256];

    digest_sha256(bytes, raw);
    digest_hex(raw, sizeof raw, ret);
}

int plan_digest(struct str text, enum db_engine engine, char ret[PLAN_DIGEST], struct err *err)
{
    CLEANUP(buf_release) struct buf normal = BUF_INIT;

    if (scan_normal(text, engine, &normal, err) < 0)
        return -1;
    hex_digest(str_make(buf_text(&normal), normal.len), ret);
    return 0;
}

int plan_prefix(const struct script *s, size_t n, enum db_engine engine, char ret[PLAN_DIGEST], struct err *err)
{
    CLEANUP(buf_release) struct buf normal = BUF_INIT;

    for (size_t i = 0; i < n && i < s->n; i++) {
        if (scan_normal(str_of(s->statements[i].text), engine, &normal, err) < 0)
            return -1;
        if (buf_add_text(&normal, " ;\n") < 0)
            return err_oom(err);
    }
    hex_digest(str_make(buf_text(&normal), normal.len), ret);
    return 0;
}

static int prepare_script(struct plan *p, struct script *s, bool *irreversible, struct err *err)
{
    if (!s->path)
        return 0;
    if (check_text(s, err) < 0 || read_head(s, irreversible, err) < 0 || cut_statements(p, s, err) < 0)
        return -1;
    return plan_prefix(s, s->n, p->engine, s->checksum, err);
}

static int check_version(const struct version *v, struct err *err)
{
    if (!v->up.path) {
        err_set(err, ERR_RUN, W0702, "version %s has a down file and no up file", v->label);
        return err_at(err, v->down.path, 0, 0);
    }
    if (!v->down.path && !v->irreversible) {
        err_set(err, ERR_RUN, W0702, "version %s has no down file", v->label);
        err_help(err, "write '%s.down.sql', or begin the up file with '-- windrow: irreversible'", v->label);
        return err_at(err, v->up.path, 0, 0);
    }
    return 0;
}

static int load_all(struct loading *l, struct err *err)
{
    struct version *copy;

    if (read_folder(l, err) < 0)
        return -1;
    if (l->n > 0)
        qsort(l->versions, l->n, sizeof *l->versions, compare_versions);
    for (size_t i = 0; i < l->n; i++) {
        bool ignored = false;

        if (prepare_script(l->plan, &l->versions[i].up, &l->versions[i].irreversible, err) < 0 ||
            prepare_script(l->plan, &l->versions[i].down, &ignored, err) < 0 || check_version(&l->versions[i], err) < 0)
            return -1;
    }
    copy = arena_calloc(&l->plan->arena, l->n ? l->n : 1, sizeof *copy);
    if (!copy)
        return err_oom(err);
    if (l->n)
        memcpy(copy, l->versions, l->n * sizeof *copy);
    l->plan->versions = copy;
    l->plan->n = l->n;
    return 0;
}

static int no_folder(const char *dir, enum db_engine engine, struct err *err)
{
    const char *folder = plan_folder(engine), *other = plan_folder(engine == DB_SQLITE ? DB_POSTGRESQL : DB_SQLITE);
    CLEANUP(free_ptr) char *path = NULL;

    err_set(err, ERR_RUN, W0704, "no versions for %s: cannot open '%s/%s': %s", folder, dir, folder, strerror(errno));
    if (asprintf(&path, "%s/%s", dir, other) < 0)
        path = NULL;
    else if (access(path, R_OK) == 0)
        err_help(err, "the system has versions for %s: name such a target", other);
    return -1;
}

int plan_load(const char *dir, enum db_engine engine, struct plan *ret, struct err *err)
{
    struct plan plan = {.engine = engine};
    struct loading l = {.plan = &plan, .fd = -1};
    int rc = -1;

    l.folder = arena_printf(&plan.arena, "%s/%s", dir, plan_folder(engine));
    if (!l.folder) {
        err_oom(err);
        goto done;
    }
    l.fd = open(l.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l.fd < 0) {
        no_folder(dir, engine, err);
        goto done;
    }
    rc = load_all(&l, err);
done:
    if (l.fd >= 0)
        close(l.fd);
    free(l.versions);
    if (rc < 0)
        plan_release(&plan);
    else
        *ret = plan;
    return rc;
}

void plan_release(struct plan *p)
{
    arena_release(&p->arena);
    *p = (struct plan){0};
}

const struct version *plan_version(const struct plan *p, int64_t number)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->versions[i].number == number)
            return &p->versions[i];
    }
    return NULL;
}

int64_t plan_last(const struct plan *p)
{
    return p->n ? p->versions[p->n - 1].number : 0;
}
