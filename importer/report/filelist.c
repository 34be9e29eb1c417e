/* A sorted array: files come nearly in order, so most of them are put at its end or are behind it. */
#include "report/filelist.h"

#include <stdlib.h>

static int order(const struct summary_file *a, const struct summary_file *b)
{
    int by_source = str_cmp(a->source, b->source);

    return by_source ? by_source : str_cmp(a->path, b->path);
}

/* Where `file` stands or belongs. */
static size_t find(const struct filelist *l, const struct summary_file *file, bool *found)
{
    size_t low = 0, high = l->n;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int compared = order(file, &l->files[middle]);

        if (compared == 0) {
            *found = true;
            return middle;
        }
        if (compared < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int grow(struct filelist *l, struct err *err)
{
    size_t capacity = l->capacity ? l->capacity * 4 : 16;
    struct summary_file *files = reallocarray(l->files, capacity, sizeof *files);

    if (!files)
        return err_oom(err);
    l->files = files;
    l->capacity = capacity;
    return 0;
}

static int insert(struct filelist *l, size_t at, const struct summary_file *file, struct err *err)
{
    char *path;

    if (l->n == l->capacity && l->n < FILELIST_MAX && grow(l, err) < 0)
        return -1;
    path = str_dup(file->path);
    if (!path)
        return err_oom(err);
    if (l->n == FILELIST_MAX) {
        free((char *)l->files[--l->n].path.at);
        l->trimmed = true;
    }
    memmove(l->files + at + 1, l->files + at, (l->n - at) * sizeof *l->files);
    l->files[at] = *file;
    l->files[at].path = str_make(path, file->path.len);
    l->n++;
    return 0;
}

int filelist_add(struct filelist *l, const struct summary_file *file, struct err *err)
{
    struct summary_file *there;
    bool found;
    size_t at = find(l, file, &found);

    if (!found && (at == FILELIST_MAX || (l->trimmed && at == l->n))) {
        l->trimmed = true;
        return 0;
    }
    if (!found)
        return insert(l, at, file, err);
    there = &l->files[at];
    there->bytes += file->bytes;
    there->records += file->records;
    there->rejected += file->rejected;
    if (file->state != SUMMARY_LOADED)
        there->state = file->state;
    return 0;
}

int filelist_merge(struct filelist *to, const struct filelist *from, struct err *err)
{
    for (size_t i = 0; i < from->n; i++) {
        if (filelist_add(to, &from->files[i], err) < 0)
            return -1;
    }
    to->trimmed = to->trimmed || from->trimmed;
    return 0;
}

void filelist_release(struct filelist *l)
{
    for (size_t i = 0; i < l->n; i++)
        free((char *)l->files[i].path.at);
    free(l->files);
    *l = (struct filelist){0};
}
