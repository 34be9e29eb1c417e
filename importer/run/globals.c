/* A walk of its own for the few files that all groups see: only below the directory that their patterns name. */
#include "run/globals.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "source/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

/* "logs/" of "logs/{name}.log": the directories before anything that is left open. */
static struct str literal_directory(struct str pattern)
{
    size_t end = 0;

    for (size_t i = 0; i < pattern.len && !strchr("{*?\\", pattern.at[i]); i++) {
        if (pattern.at[i] == '/')
            end = i + 1;
    }
    return str_make(pattern.at, end);
}

static bool is_skipped(const struct program *p, struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        struct str part = str_make(path.at, i + 1);

        if (path.at[i] != '/' && i + 1 < path.len)
            continue;
        for (size_t k = 0; k < p->n_skip; k++) {
            if (pattern_match_skip(p->skip[k], part))
                return true;
        }
    }
    return false;
}

static int add(struct program *p, struct unit *to, const struct entry *file, struct err *err)
{
    if (file->kind != ENTRY_FILE || !program_is_global(p, file->path) || is_skipped(p, file->path))
        return 0;
    return unit_add(to, file) < 0 ? err_oom(err) : 0;
}

static int walk_below(struct program *p, const char *root, uint32_t ordinal, struct str directory, struct unit *to,
                      struct err *err)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT;
    CLEANUP(buf_release) struct buf full = BUF_INIT;
    const char *start;
    struct walk *walk;
    struct entry entry;
    struct stat there;
    int got;

    if (buf_printf(&path, "%s/%.*s", root, STR_ARG(directory)) < 0)
        return err_oom(err);
    if (stat(buf_text(&path), &there) < 0 || !S_ISDIR(there.st_mode))
        return 0;
    start = buf_text(&path);
    walk = walk_open(&start, 1, NULL, err);
    if (!walk)
        return -1;
    while ((got = walk_next(walk, &entry, err)) == 1) {
        buf_clear(&full);
        if (buf_add_str(&full, directory) < 0 || buf_add_str(&full, entry.path) < 0) {
            got = err_oom(err);
            break;
        }
        entry.path = buf_str(&full);
        entry.root = ordinal;
        if (add(p, to, &entry, err) < 0) {
            got = -1;
            break;
        }
    }
    walk_close(walk);
    return got;
}

static int compare(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;

    return a->root != b->root ? (a->root < b->root ? -1 : 1) : str_cmp(a->path, b->path);
}

/* Two patterns may have led to one file. */
static void sort(struct unit *u)
{
    size_t n = 0;

    if (u->n_files)
        qsort(u->files, u->n_files, sizeof *u->files, compare);
    for (size_t i = 0; i < u->n_files; i++) {
        if (n == 0 || compare(&u->files[n - 1], &u->files[i]) != 0)
            u->files[n++] = u->files[i];
    }
    u->n_files = n;
}

static int add_to_digest(struct program *p, const struct unit *u, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    unsigned char sha[DIGEST_SHA256];
    int failed = buf_add_text(&text, p->digest);

    for (size_t i = 0; i < u->n_files; i++)
        failed |= buf_printf(&text, "\n%u %.*s %" PRIu64 " %" PRId64, u->files[i].root, STR_ARG(u->files[i].path),
                             u->files[i].size, u->files[i].mtime_ns);
    if (failed)
        return err_oom(err);
    digest_sha256(buf_str(&text), sha);
    digest_hex(sha, sizeof sha, p->digest);
    return 0;
}

static int find_of(struct program *p, const struct pattern *pattern, const char *const *roots, size_t n,
                   struct unit *ret, struct err *err)
{
    struct str directory = literal_directory(pattern_text(pattern));

    if (directory.len && is_skipped(p, directory))
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (walk_below(p, roots[i], (uint32_t)i, directory, ret, err) < 0)
            return -1;
    }
    return 0;
}

int globals_find(struct program *p, const char *const *roots, size_t n, struct unit *ret, struct err *err)
{
    for (size_t i = 0; i < p->mapping->n_documents; i++) {
        if (p->documents[i].global && find_of(p, p->documents[i].file, roots, n, ret, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < p->mapping->n_indexes; i++) {
        if (p->indexes[i].global && find_of(p, p->indexes[i].files, roots, n, ret, err) < 0)
            return -1;
    }
    sort(ret);
    return ret->n_files ? add_to_digest(p, ret, err) : 0;
}
