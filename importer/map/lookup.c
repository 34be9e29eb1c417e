/* Documents and facts of files; finding siblings by captures. Indexes are in lookup_index.c. */
#include "map/lookup_internal.h"

#include "base/digest.h"
#include "source/walk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { DOCUMENTS_KEPT = 8, FILE_BYTES_MAX = 64 << 20 };

struct lookup *lookup_new(const struct program *p, struct opener *opener, const struct evaluate_out *out, int64_t now_us,
                          struct err *err)
{
    struct lookup *l = calloc(1, sizeof *l);

    if (!l || !(l->documents = calloc(DOCUMENTS_KEPT, sizeof *l->documents))) {
        free(l);
        err_oom(err);
        return NULL;
    }
    l->p = p;
    l->opener = opener;
    l->out = out;
    l->now_us = now_us;
    return l;
}

static void document_release(struct lookup_document *d)
{
    if (d->reader)
        d->reader_ops->close(d->reader);
    free(d->path);
    *d = (struct lookup_document){0};
}

void lookup_free(struct lookup *l)
{
    if (!l)
        return;
    lookup_indexes_release(l, false);
    for (size_t i = 0; i < DOCUMENTS_KEPT; i++)
        document_release(&l->documents[i]);
    lookup_pool_release(l);
    buf_release(&l->fact_text);
    buf_release(&l->path);
    free(l->documents);
    free(l);
}

void lookup_globals(struct lookup *l, const struct entry *files, size_t n)
{
    l->globals = files;
    l->n_globals = n;
}

int lookup_group(struct lookup *l, const struct entry *files, size_t n, struct err *err)
{
    (void)err;
    lookup_indexes_release(l, true);
    for (size_t i = 0; i < DOCUMENTS_KEPT; i++)
        document_release(&l->documents[i]);
    l->files = files;
    l->n_files = n;
    l->n_told = 0;
    l->fact_path.at = NULL;
    return 0;
}

/* The first file of (root, path) or after it. */
static size_t lower_bound(const struct lookup *l, uint32_t root, struct str path)
{
    size_t low = 0, high = l->n_files;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct entry *file = &l->files[middle];

        if (file->root < root || (file->root == root && str_cmp(file->path, path) < 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The captures of `pattern` that are known from the asking file. */
static void bind(const struct pattern *pattern, const struct lookup_captures *captures,
                 struct str bound[PATTERN_CAPTURES_MAX])
{
    for (size_t i = 0; i < PATTERN_CAPTURES_MAX; i++)
        bound[i] = (struct str){0};
    for (size_t i = 0; captures->pattern && i < pattern_captures(pattern); i++) {
        int k = pattern_capture_index(captures->pattern, pattern_capture_name(pattern, i));

        if (k >= 0)
            bound[i] = captures->at[k];
    }
}

/* There are few, and any root will do. */
static int global_siblings(struct lookup *l, const struct pattern *pattern, const struct str *bound,
                           int (*found)(void *context, const struct entry *file, const struct str *captures,
                                        struct err *err),
                           void *context, struct err *err)
{
    struct str got[PATTERN_CAPTURES_MAX];

    for (size_t i = 0; i < l->n_globals; i++) {
        if (pattern_match_bound(pattern, l->globals[i].path, bound, got) && found(context, &l->globals[i], got, err) < 0)
            return -1;
    }
    return 0;
}

int lookup_siblings(struct lookup *l, const struct pattern *pattern, bool global, const struct lookup_captures *captures,
                    int (*found)(void *context, const struct entry *file, const struct str *captures, struct err *err),
                    void *context, struct err *err)
{
    struct str bound[PATTERN_CAPTURES_MAX], got[PATTERN_CAPTURES_MAX];
    bool whole = l->p->whole_source;
    size_t from = whole ? 0 : lower_bound(l, captures->root, captures->group);

    bind(pattern, captures, bound);
    if (global)
        return global_siblings(l, pattern, bound, found, context, err);
    buf_clear(&l->path);
    if (l->n_files && pattern_expand(pattern, bound, &l->path)) {
        for (uint32_t root = l->files[0].root; root <= l->files[l->n_files - 1].root; root++) {
            if (!whole && root != captures->root)
                continue;
            from = lower_bound(l, root, buf_str(&l->path));
            if (from < l->n_files && l->files[from].root == root && str_eq(l->files[from].path, buf_str(&l->path)) &&
                found(context, &l->files[from], bound, err) < 0)
                return -1;
        }
        return 0;
    }
    for (; from < l->n_files; from++) {
        if (!whole && (l->files[from].root != captures->root || !str_starts(l->files[from].path, captures->group)))
            break;
        if ((l->files[from].kind == ENTRY_DIRECTORY) == pattern_is_directory(pattern) &&
            pattern_match_bound(pattern, l->files[from].path, bound, got) &&
            found(context, &l->files[from], got, err) < 0)
            return -1;
    }
    return 0;
}

struct one_file {
    uint32_t root;
    const struct entry *file;
    size_t n;
};

static int remember_file(void *context, const struct entry *file, const struct str *captures, struct err *err)
{
    struct one_file *one = context;

    (void)captures;
    (void)err;
    if (file->root == one->root && one->n++ == 0)
        one->file = file;
    return 0;
}

void lookup_tell(struct lookup *l, struct err *e)
{
    uint64_t place = str_hash(str_of(e->file ? e->file : "")) ^ (e->line << 20) ^ (e->column << 8) ^ (uint64_t)e->code;

    for (size_t i = 0; i < l->n_told; i++) {
        if (l->told[i] == place) {
            err_release(e);
            return;
        }
    }
    if (l->n_told < LOOKUP_TOLD)
        l->told[l->n_told++] = place;
    l->out->sibling(l->out->context, e);
    err_release(e);
}

bool lookup_is_read(const struct lookup *l, const struct entry *file)
{
    struct str captures[PATTERN_CAPTURES_MAX];

    for (size_t i = 0; i < l->p->n_rules; i++) {
        const struct program_rule *rule = &l->p->rules[i];

        for (size_t k = 0; rule->on && rule->reader && k < rule->n_from; k++) {
            if (!pattern_is_directory(rule->from[k]) && pattern_match(rule->from[k], file->path, captures))
                return true;
        }
    }
    return false;
}

/* A sibling that cannot be read counts as absent; it is reported once, here or by the rule that reads it. */
static void tell_broken(struct lookup *l, const struct entry *file, struct err *e)
{
    char *path = str_dup(file->path);

    if (path)
        err_at(e, path, e->line, e->column);
    free(path);
    if (!lookup_is_read(l, file))
        lookup_tell(l, e);
    err_release(e);
}

int lookup_open(struct lookup *l, const struct entry *file, struct input *in, struct err *err)
{
    int64_t mtime;

    *in = (struct input){.line = 1};
    in->fd = opener_open(l->opener, file->root, file->path, &in->size, &mtime, err);
    in->to = in->size;
    return in->fd < 0 ? -1 : 0;
}

static int read_document(struct lookup *l, const struct program_document *source, const struct entry *file,
                         struct lookup_document *d, struct err *err)
{
    struct input in;
    struct record record;
    int got;

    if (lookup_open(l, file, &in, err) < 0)
        return -1;
    d->reader_ops = source->reader;
    d->reader = source->reader->open(&source->read, err);
    got = d->reader && source->reader->start(d->reader, &in, err) == 0 ? source->reader->next(d->reader, &record, err) : -1;
    if (got == 1)
        d->value = record.value;
    close(in.fd);
    return got < 0 ? -1 : 0;
}

static struct lookup_document *document_slot(struct lookup *l)
{
    struct lookup_document *oldest = &l->documents[0];

    for (size_t i = 1; i < DOCUMENTS_KEPT; i++) {
        if (l->documents[i].used < oldest->used)
            oldest = &l->documents[i];
    }
    document_release(oldest);
    return oldest;
}

int lookup_document(struct lookup *l, int ordinal, const struct lookup_captures *captures, struct value *ret,
                    struct err *err)
{
    const struct program_document *source = &l->p->documents[ordinal];
    struct one_file one = {.root = captures->root};
    struct lookup_document *d;
    struct err e = {0};

    *ret = value_absent();
    if (lookup_siblings(l, source->file, source->global, captures, remember_file, &one, err) < 0)
        return -1;
    if (one.n > 1)
        return err_set(err, ERR_RECORD, W0407, "%zu files could be the document $%.*s; the pattern must leave one", one.n,
                       STR_ARG(source->source->name.text));
    if (one.n == 0)
        return source->source->required ? err_set(err, ERR_RECORD, W0408, "the document $%.*s is missing",
                                                  STR_ARG(source->source->name.text)) : 0;
    for (size_t i = 0; i < DOCUMENTS_KEPT; i++) {
        d = &l->documents[i];
        if (d->path && d->ordinal == ordinal && d->root == one.file->root && str_is(one.file->path, d->path)) {
            d->used = ++l->clock;
            *ret = d->value;
            return 0;
        }
    }
    d = document_slot(l);
    d->path = str_dup(one.file->path);
    d->ordinal = ordinal;
    d->root = one.file->root;
    d->used = ++l->clock;
    if (!d->path)
        return err_oom(err);
    if (source->reader && read_document(l, source, one.file, d, &e) < 0) {
        if (e.scope == ERR_RUN) {
            err_move(err, &e);
            return -1;
        }
        tell_broken(l, one.file, &e);
        d->value = value_absent();
    }
    if (d->value.type == VALUE_ABSENT && source->source->required)
        return err_set(err, ERR_RECORD, W0408, "the document $%.*s cannot be read", STR_ARG(source->source->name.text));
    *ret = d->value;
    return 0;
}

/* Facts */

static int file_text(struct lookup *l, const struct entry *file, struct err *err)
{
    struct input in;
    int read;

    if (l->fact_path.at == file->path.at && l->fact_root == file->root)
        return 0;
    l->fact_path.at = NULL;
    if (lookup_open(l, file, &in, err) < 0)
        return -1;
    buf_clear(&l->fact_text);
    read = buf_read_fd(&l->fact_text, in.fd, FILE_BYTES_MAX, err);
    close(in.fd);
    if (read < 0)
        return -1;
    l->fact_path = file->path;
    l->fact_root = file->root;
    return 0;
}

static struct str last_name(struct str path)
{
    size_t end = path.len && path.at[path.len - 1] == '/' ? path.len - 1 : path.len, start = end;

    while (start > 0 && path.at[start - 1] != '/')
        start--;
    return str_make(path.at + start, end - start);
}

/* From the last dot; a leading dot begins a name, not an ending. */
static size_t ending_at(struct str name)
{
    for (size_t i = name.len; i-- > 1;) {
        if (name.at[i] == '.')
            return i;
    }
    return name.len;
}

static struct value text_value(struct str text)
{
    struct value v = value_string(text);

    v.flags = VALUE_BYTES;
    if (text.len && memchr(text.at, 0, text.len))
        v.flags |= VALUE_NUL;
    return v;
}

static int time_fact(int64_t mtime_ns, struct arena *a, struct value *ret)
{
    int64_t us = mtime_ns / 1000 - (mtime_ns % 1000 < 0);
    time_t seconds = (time_t)(us / 1000000 - (us % 1000000 < 0));
    struct tm tm;
    char *text = arena_alloc(a, 40);
    size_t n;

    if (!text || !gmtime_r(&seconds, &tm))
        return -1;
    n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, 40 - n, ".%06dZ", (int)(us - (int64_t)seconds * 1000000));
    *ret = value_string(str_make(text, n));
    return 0;
}

/* A failure costs the row that asked. */
static int record_failed(struct err *err)
{
    if (err->scope == ERR_FILE)
        err->scope = ERR_RECORD;
    return -1;
}

/* Of the text that is there already, else block by block: a large file needs no memory for its digest. */
static int file_digest(struct lookup *l, const struct entry *file, unsigned char sha[DIGEST_SHA256], struct err *err)
{
    struct input in;
    int ret;

    if (l->fact_path.at == file->path.at && l->fact_root == file->root) {
        digest_sha256(buf_str(&l->fact_text), sha);
        return 0;
    }
    if (lookup_open(l, file, &in, err) < 0)
        return -1;
    ret = digest_sha256_fd(in.fd, sha);
    if (ret < 0)
        err_set(err, errno == ENOMEM ? ERR_RUN : ERR_FILE, W0302, "cannot read: %s", strerror(errno));
    close(in.fd);
    return ret;
}

static int text_fact(struct lookup *l, const struct entry *file, struct value *ret, struct err *err)
{
    *ret = value_null();
    if (file->kind == ENTRY_DIRECTORY)
        return 0;
    if (file_text(l, file, err) < 0)
        return record_failed(err);
    *ret = text_value(buf_str(&l->fact_text));
    return 0;
}

static int digest_fact(struct lookup *l, const struct entry *file, struct arena *a, struct value *ret, struct err *err)
{
    unsigned char sha[DIGEST_SHA256];
    char *hex = arena_alloc(a, 2 * DIGEST_SHA256 + 1);

    *ret = value_null();
    if (file->kind == ENTRY_DIRECTORY)
        return 0;
    if (!hex)
        return err_oom(err);
    if (file_digest(l, file, sha, err) < 0)
        return record_failed(err);
    digest_hex(sha, sizeof sha, hex);
    *ret = value_string(str_make(hex, 2 * DIGEST_SHA256));
    return 0;
}

int lookup_fact(struct lookup *l, const struct entry *file, struct str name, struct arena *a, struct value *ret,
                struct err *err)
{
    struct str last = last_name(file->path);
    size_t ending = ending_at(last);
    struct str parent = str_make(file->path.at, (size_t)(last.at - file->path.at));

    if (str_is(name, "path"))
        *ret = text_value(file->path);
    else if (str_is(name, "name"))
        *ret = text_value(last);
    else if (str_is(name, "stem"))
        *ret = text_value(str_make(last.at, ending));
    else if (str_is(name, "ext"))
        *ret = text_value(str_make(last.at + ending, last.len - ending));
    else if (str_is(name, "dir"))
        *ret = text_value(parent);
    else if (str_is(name, "size"))
        *ret = value_int((int64_t)file->size, a);
    else if (str_is(name, "root"))
        *ret = value_int((int64_t)file->root, a);
    else if (str_is(name, "kind"))
        *ret = value_string(str_of(file->kind == ENTRY_DIRECTORY ? "directory" : "file"));
    else if (str_is(name, "mtime"))
        return time_fact(file->mtime_ns, a, ret) < 0 ? err_oom(err) : 0;
    else if (str_is(name, "sha256") || str_is(name, "text"))
        return str_is(name, "sha256") ? digest_fact(l, file, a, ret, err) : text_fact(l, file, ret, err);
    else
        *ret = value_null();
    return ret->type == VALUE_ABSENT ? err_oom(err) : 0;
}
