/* Documents: single files beside the one being read, kept parsed while memory allows. */
#include "map/lookup_internal.h"

#include "source/walk.h"

#include <stdlib.h>
#include <unistd.h>

enum { DOCUMENTS_KEPT = 8 };

static void document_free(struct lookup_document *d)
{
    if (d->reader)
        d->reader_ops->close(d->reader);
    free(d->path);
    free(d);
}

void lookup_documents_release(struct lookup *l)
{
    while (l->documents) {
        struct lookup_document *d = l->documents;

        l->documents = d->older;
        document_free(d);
    }
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
    if (got == 1) {
        d->value = record.value;
        d->held = json_memory(&record.value) ? json_memory(&record.value) : record.raw.len;
    }
    close(in.fd);
    return got < 0 ? -1 : 0;
}

/* May a value of it still be in use? */
static bool is_lent(const struct lookup *l, const struct lookup_document *d)
{
    return d->used > l->row_clock && !(l->building && d->used > l->built_from && d->used <= l->built_to);
}

static void note_use(struct lookup *l, struct lookup_document *d)
{
    if (!l->building || d->used <= l->row_clock || d->used > l->built_from)
        d->used = ++l->clock;   /* else the row lent it before the index was begun, and goes on with it afterwards */
}

/* Forget the one that was asked for longest ago. False when all are in use. */
static bool drop_oldest(struct lookup *l)
{
    struct lookup_document **oldest = NULL, *gone;

    for (struct lookup_document **link = &l->documents; *link; link = &(*link)->older) {
        if (!is_lent(l, *link) && (!oldest || (*link)->used < (*oldest)->used))
            oldest = link;
    }
    if (!oldest)
        return false;
    gone = *oldest;
    *oldest = gone->older;
    document_free(gone);
    return true;
}

/* Before another one is added that takes `more`. */
static int make_room(struct lookup *l, uint64_t more, struct err *err)
{
    for (;;) {
        uint64_t held = more;
        size_t n = 1;

        for (const struct lookup_document *d = l->documents; d; d = d->older, n++)
            held += d->held;
        if (n <= DOCUMENTS_KEPT && (!l->memory || held <= l->memory))
            return 0;
        if (drop_oldest(l))
            continue;
        if (!l->memory || held <= l->memory)
            return 0;
        err_set(err, ERR_RECORD, W0451, "the documents that one row asks for take %zu MiB of memory, more than the %zu for them",
                (size_t)(held >> 20), l->memory >> 20);
        return err_help(err, "give more --memory, or fewer --jobs");
    }
}

static struct lookup_document *find_kept(struct lookup *l, int ordinal, const struct entry *file)
{
    struct lookup_document *d = l->documents;

    while (d && !(d->ordinal == ordinal && d->root == file->root && str_is(file->path, d->path)))
        d = d->older;
    return d;
}

static void too_large(const struct program_document *source, struct err *e, struct err *err)
{
    err_set(err, ERR_RECORD, W0451, "the document $%.*s: %s", STR_ARG(source->source->name.text), e->message);
    if (e->help[0])
        err_help(err, "%s", e->help);
    err_release(e);
}

/* Read a document and keep it. One that cannot be read is kept too, as absent. */
static struct lookup_document *keep(struct lookup *l, int ordinal, const struct entry *file, struct err *err)
{
    const struct program_document *source = &l->p->documents[ordinal];
    struct lookup_document *d = calloc(1, sizeof *d);
    struct err e = {0};

    if (d)
        *d = (struct lookup_document){.path = str_dup(file->path), .ordinal = ordinal, .root = file->root};
    if (!d || !d->path) {
        err_oom(err);
        goto fail;
    }
    if (source->reader && read_document(l, source, file, d, &e) < 0) {
        if (e.scope == ERR_RUN) {
            err_move(err, &e);
            goto fail;
        }
        if (e.code == W0328) {  /* it is there and good: to go on without it would lose it */
            too_large(source, &e, err);
            goto fail;
        }
        tell_broken(l, file, &e);
        d->value = value_absent();
    }
    if (make_room(l, d->held, err) < 0)
        goto fail;
    d->older = l->documents;
    d->used = ++l->clock;
    l->documents = d;
    return d;
fail:
    if (d)
        document_free(d);
    return NULL;
}

int lookup_document(struct lookup *l, int ordinal, const struct lookup_captures *captures, struct value *ret,
                    struct err *err)
{
    const struct program_document *source = &l->p->documents[ordinal];
    struct one_file one = {.root = captures->root};
    struct lookup_document *d;

    *ret = value_absent();
    if (lookup_siblings(l, source->file, source->global, captures, remember_file, &one, err) < 0)
        return -1;
    if (one.n > 1)
        return err_set(err, ERR_RECORD, W0407, "%zu files could be the document $%.*s; the pattern must leave one", one.n,
                       STR_ARG(source->source->name.text));
    if (one.n == 0)
        return source->source->required ? err_set(err, ERR_RECORD, W0408, "the document $%.*s is missing",
                                                  STR_ARG(source->source->name.text)) : 0;
    d = find_kept(l, ordinal, one.file);
    if (d)
        note_use(l, d);
    else if (!(d = keep(l, ordinal, one.file, err)))
        return -1;
    if (d->value.type == VALUE_ABSENT && source->source->required)
        return err_set(err, ERR_RECORD, W0408, "the document $%.*s cannot be read", STR_ARG(source->source->name.text));
    *ret = d->value;
    return 0;
}
