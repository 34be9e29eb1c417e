/* What stands beside the file being read: finding siblings by captures, opening them, telling what is wrong with them. */
#include "map/lookup_internal.h"

#include "source/walk.h"

#include <stdlib.h>

struct lookup *lookup_new(const struct program *p, struct opener *opener, const struct evaluate_out *out, struct evaluate_clock clock,
                          size_t memory, struct err *err)
{
    struct lookup *l = calloc(1, sizeof *l);

    if (!l) {
        err_oom(err);
        return NULL;
    }
    l->p = p;
    l->opener = opener;
    l->out = out;
    l->now = clock;
    l->memory = memory;
    return l;
}

void lookup_free(struct lookup *l)
{
    if (!l)
        return;
    lookup_indexes_release(l, false);
    lookup_documents_release(l);
    lookup_pool_release(l);
    buf_release(&l->fact_text);
    buf_release(&l->path);
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
    lookup_documents_release(l);
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

int lookup_open(struct lookup *l, const struct entry *file, struct input *in, struct err *err)
{
    int64_t mtime;

    *in = (struct input){.line = 1};
    in->fd = opener_open(l->opener, file->root, file->path, &in->size, &mtime, err);
    in->to = in->size;
    return in->fd < 0 ? -1 : 0;
}
