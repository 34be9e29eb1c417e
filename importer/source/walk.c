/* The walk over source trees: one sorted list of names for each directory on the way down, descriptors only for
 * the deepest of them. */
#include "source/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/stop.h"
#include "source/walk_internal.h"

enum { OPEN_MAX_LEVELS = 16, DIRENT_BYTES = 64 * 1024, KEEP_BYTES_MAX = 1024 * 1024 };

/* Ends in '/' when a directory, so that plain byte order is the order of the walk. */
struct name {
    uint64_t lead;      /* the first eight bytes, the first the most significant: most comparisons end here */
    size_t at;          /* in level.bytes */
    uint32_t len;
    uint8_t type;       /* DT_REG, DT_DIR, ... */
};

/* A directory between the root and the current entry. */
struct level {
    int fd;             /* -1 while it is closed to save descriptors */
    dev_t device;
    ino_t inode;
    size_t path_len;    /* with the last '/'; 0 for the root */
    struct buf bytes;
    struct name *names;
    size_t n, capacity, next;
};

struct walk {
    char **roots;
    size_t n_roots, root;       /* root: the next one to start */
    struct walk_options options;
    struct level *levels;       /* those beyond `depth` keep their memory for later */
    size_t depth, n_levels;
    struct buf path;
    char message[128];
    char dirents[DIRENT_BYTES] __attribute__((aligned(8)));
};

static const char *error_text(int number, char *out, size_t size)
{
    return strerror_r(number, out, size);
}

/* Not the fault of the entry: trying the next one would fail alike. */
static bool error_is_ours(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOMEM;
}

static int root_fails(const char *root, int number, struct err *err)
{
    char text[96];

    return err_set(err, ERR_RUN, W0304, "cannot read the source '%s': %s", root, error_text(number, text, sizeof text));
}

static int root_check(const char *root, struct err *err)
{
    struct stat st;
    int fd;

    if (stat(root, &st) < 0)
        return root_fails(root, errno, err);
    if (S_ISREG(st.st_mode))
        return 0;
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_RUN, W0304, "the source '%s' is neither a directory nor a regular file", root);
    fd = open(root, WALK_ROOT_FLAGS | O_DIRECTORY);
    if (fd < 0)
        return root_fails(root, errno, err);
    close(fd);
    return 0;
}

struct walk *walk_open(const char *const *roots, size_t n, const struct walk_options *options, struct err *err)
{
    struct walk *w = calloc(1, sizeof *w);

    if (!w || !(w->roots = calloc(n + 1, sizeof *w->roots)))
        goto oom;
    if (options)
        w->options = *options;
    for (; w->n_roots < n; w->n_roots++) {
        if (root_check(roots[w->n_roots], err) < 0)
            goto fail;
        w->roots[w->n_roots] = strdup(roots[w->n_roots]);
        if (!w->roots[w->n_roots])
            goto oom;
    }
    return w;
oom:
    err_oom(err);
fail:
    walk_close(w);
    return NULL;
}

static void level_release(struct level *level)
{
    buf_release(&level->bytes);
    free(level->names);
}

void walk_close(struct walk *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n_levels; i++) {
        if (i < w->depth && w->levels[i].fd >= 0)
            close(w->levels[i].fd);
        level_release(&w->levels[i]);
    }
    for (size_t i = 0; i < w->n_roots; i++)
        free(w->roots[i]);
    free(w->levels);
    free(w->roots);
    buf_release(&w->path);
    free(w);
}

static int names_compare(const void *one, const void *two, void *bytes)
{
    const struct name *a = one, *b = two;

    if (a->lead != b->lead)
        return a->lead < b->lead ? -1 : 1;
    return str_cmp(str_make((char *)bytes + a->at, a->len), str_make((char *)bytes + b->at, b->len));
}

static uint64_t name_lead(const char *at, size_t len)
{
    uint64_t lead = 0;

    memcpy(&lead, at, len < 8 ? len : 8);
    return __builtin_bswap64(lead);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "name_lead() puts the first byte on top by swapping");

static int level_add(struct level *level, const char *text, uint8_t type)
{
    size_t len = strlen(text), at = level->bytes.len;

    if (level->n == level->capacity) {
        size_t capacity = level->capacity ? level->capacity * 2 : 16;
        struct name *names = reallocarray(level->names, capacity, sizeof *names);

        if (!names)
            return -1;
        level->names = names;
        level->capacity = capacity;
    }
    if (buf_reserve(&level->bytes, len + 2) < 0)
        return -1;
    buf_add(&level->bytes, text, len);
    if (type == DT_DIR) {
        buf_add_char(&level->bytes, '/');
        len++;
    }
    buf_add_char(&level->bytes, '\0');
    level->names[level->n++] = (struct name){
        .lead = name_lead(level->bytes.at + at, len), .at = at, .len = (uint32_t)len, .type = type,
    };
    return 0;
}

static uint8_t type_of_mode(mode_t mode)
{
    return S_ISREG(mode) ? DT_REG : S_ISDIR(mode) ? DT_DIR : S_ISLNK(mode) ? DT_LNK : DT_FIFO;
}

/* File systems that do not say what an entry is. One that is gone already stays DT_REG and is told of later. */
static uint8_t type_ask(int fd, const char *name)
{
    struct stat st;

    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? type_of_mode(st.st_mode) : DT_REG;
}

/* A directory that changes while it is read can show a name twice. */
static void level_unique(struct level *level)
{
    size_t kept = 0;

    for (size_t i = 0; i < level->n; i++)
        if (i == 0 || names_compare(&level->names[i], &level->names[kept - 1], level->bytes.at) != 0)
            level->names[kept++] = level->names[i];
    level->n = kept;
}

/* 0, or the errno; ENOMEM is ours. */
static int level_read(struct walk *w, struct level *level)
{
    for (;;) {
        ssize_t got = getdents64(level->fd, w->dirents, sizeof w->dirents);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            break;
        for (ssize_t at = 0; at < got; ) {
            const struct dirent64 *d = (const struct dirent64 *)(w->dirents + at);

            at += d->d_reclen;
            if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
                continue;
            if (level_add(level, d->d_name, d->d_type == DT_UNKNOWN ? type_ask(level->fd, d->d_name) : d->d_type) < 0)
                return ENOMEM;
        }
    }
    if (level->n > 1)
        qsort_r(level->names, level->n, sizeof *level->names, names_compare, level->bytes.at);
    level_unique(level);
    return 0;
}

static struct level *top(struct walk *w)
{
    return &w->levels[w->depth - 1];
}

/* A new level in the array, not yet one of the walk. */
static struct level *level_spare(struct walk *w)
{
    struct level *level;

    if (w->depth == w->n_levels) {
        size_t n = w->n_levels ? w->n_levels * 2 : 16;
        struct level *levels = reallocarray(w->levels, n, sizeof *levels);

        if (!levels)
            return NULL;
        memset(levels + w->n_levels, 0, (n - w->n_levels) * sizeof *levels);
        w->levels = levels;
        w->n_levels = n;
    }
    level = &w->levels[w->depth];
    if (level->bytes.capacity > KEEP_BYTES_MAX) {
        level_release(level);
        *level = (struct level){0};
    }
    level->n = level->next = 0;
    buf_clear(&level->bytes);
    return level;
}

/* Take `fd` as the next level and read it. 0, or the errno, `fd` being closed then. */
static int push(struct walk *w, int fd, struct stat *st)
{
    struct level *level = level_spare(w);
    int number = level ? 0 : ENOMEM;

    if (level) {
        level->fd = fd;
        level->path_len = w->path.len;
        number = fstat(fd, st) < 0 ? errno : level_read(w, level);
    }
    if (number) {
        close(fd);
        return number;
    }
    level->device = st->st_dev;
    level->inode = st->st_ino;
    w->depth++;
    if (w->depth > OPEN_MAX_LEVELS && w->levels[w->depth - 1 - OPEN_MAX_LEVELS].fd >= 0) {
        close(w->levels[w->depth - 1 - OPEN_MAX_LEVELS].fd);
        w->levels[w->depth - 1 - OPEN_MAX_LEVELS].fd = -1;
    }
    return 0;
}

static bool is_level(int fd, const struct level *level)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_dev == level->device && st.st_ino == level->inode;
}

/* The name of the directory below `level` that the walk is in. */
static const char *level_current(const struct level *level)
{
    return level->bytes.at + level->names[level->next - 1].at;
}

/* Down again from the root, in case the way up does not lead there. */
static int reopen_from_root(struct walk *w)
{
    int fd = open(w->roots[w->root - 1], WALK_ROOT_FLAGS | O_DIRECTORY);

    for (size_t i = 0; fd >= 0 && i + 1 < w->depth; i++) {
        int below = openat(fd, level_current(&w->levels[i]), WALK_DIRECTORY_FLAGS);

        close(fd);
        fd = below;
    }
    return fd;
}

/* Open the directory at the top again; `child` was opened from it. What the way leads to must be the same one. */
static int reopen(struct walk *w, int child)
{
    struct level *level = top(w);
    int fd = openat(child, "..", WALK_DIRECTORY_FLAGS);

    if (fd >= 0 && is_level(fd, level))
        return fd;
    if (fd >= 0)
        close(fd);
    fd = reopen_from_root(w);
    if (fd >= 0 && is_level(fd, level))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void entry_fill(struct walk *w, struct entry *ret, enum entry_kind kind, enum entry_reason reason)
{
    *ret = (struct entry){
        .kind = kind, .reason = reason, .root = (uint32_t)(w->root - 1), .path = buf_str(&w->path),
    };
}

static int entry_skip(struct walk *w, struct entry *ret, enum entry_reason reason)
{
    entry_fill(w, ret, ENTRY_SKIPPED, reason);
    return 1;
}

static int entry_take(struct walk *w, struct entry *ret, enum entry_kind kind, const struct stat *st)
{
    entry_fill(w, ret, kind, ENTRY_TAKEN);
    ret->size = st->st_size > 0 && kind == ENTRY_FILE ? (uint64_t)st->st_size : 0;
    ret->mtime_ns = walk_mtime_ns(st);
    return 1;
}

static int entry_unreadable(struct walk *w, struct entry *ret, const char *what, int number)
{
    char text[96];

    snprintf(w->message, sizeof w->message, "%s%s%s", what, number ? ": " : "",
             number ? error_text(number, text, sizeof text) : "");
    entry_fill(w, ret, ENTRY_SKIPPED, ENTRY_UNREADABLE);
    ret->message = w->message;
    return 1;
}

/* Leave the directory at the top. 1 with an entry when the one above cannot be entered again. */
static int pop(struct walk *w, struct entry *ret)
{
    int child = top(w)->fd, answer = 0;

    w->depth--;
    if (w->depth > 0 && top(w)->fd < 0 && top(w)->next < top(w)->n) {
        top(w)->fd = reopen(w, child);
        if (top(w)->fd < 0) {
            top(w)->next = top(w)->n;
            w->path.len = top(w)->path_len;
            answer = entry_unreadable(w, ret, "moved or replaced while it was walked; the rest of it is missing", 0);
        }
    } else if (w->depth > 0 && top(w)->fd < 0) {
        /* Nothing is left to read there; the descriptor only leads further up. */
        top(w)->fd = openat(child, "..", WALK_DIRECTORY_FLAGS);
    }
    if (child >= 0)
        close(child);
    return answer;
}

static bool is_skipped(const struct walk *w)
{
    for (size_t i = 0; i < w->options.n_skip; i++)
        if (pattern_match_skip(w->options.skip[i], buf_str(&w->path)))
            return true;
    return false;
}

static int run_fails(struct walk *w, int number, struct err *err)
{
    char text[96];

    if (number == ENOMEM)
        return err_oom(err);
    err_set(err, ERR_RUN, W0301, "cannot open a directory: %s", error_text(number, text, sizeof text));
    return err_at(err, buf_text(&w->path), 0, 0);
}

/* 1 with an entry, 0 to go on inside, -1. */
static int enter(struct walk *w, const char *name, struct entry *ret, struct err *err)
{
    struct stat st;
    int fd = openat(top(w)->fd, name, WALK_DIRECTORY_FLAGS), number = fd < 0 ? errno : push(w, fd, &st);

    if (error_is_ours(number))
        return run_fails(w, number, err);
    if (fd < 0 && number == ELOOP)
        return entry_skip(w, ret, ENTRY_LINK);
    if (number)
        return entry_unreadable(w, ret, "cannot read the directory", number);
    return w->options.directories ? entry_take(w, ret, ENTRY_DIRECTORY, &st) : 0;
}

static int take_file(struct walk *w, const char *name, struct entry *ret)
{
    struct stat st;

    if (fstatat(top(w)->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return entry_unreadable(w, ret, errno == ENOENT ? "vanished while the source was walked" : "cannot stat",
                                errno == ENOENT ? 0 : errno);
    if (S_ISLNK(st.st_mode))
        return entry_skip(w, ret, ENTRY_LINK);
    if (S_ISDIR(st.st_mode))
        return entry_unreadable(w, ret, "became a directory while the source was walked", 0);
    if (!S_ISREG(st.st_mode))
        return entry_skip(w, ret, ENTRY_SPECIAL);
    return entry_take(w, ret, ENTRY_FILE, &st);
}

/* The next name of the directory at the top: 1 with an entry, 0 to go on, -1. */
static int visit(struct walk *w, struct entry *ret, struct err *err)
{
    struct level *level = top(w);
    const struct name *name = &level->names[level->next++];
    char *text = level->bytes.at + name->at;

    w->path.len = level->path_len;
    if (w->path.len + name->len > PATTERN_PATH_MAX)
        return entry_skip(w, ret, ENTRY_TOO_DEEP);
    if (buf_add(&w->path, text, name->len) < 0)
        return err_oom(err);
    if (is_skipped(w))
        return entry_skip(w, ret, ENTRY_SKIP_LIST);
    switch (name->type) {
    case DT_REG: return take_file(w, text, ret);
    case DT_LNK: return entry_skip(w, ret, ENTRY_LINK);
    case DT_DIR: break;
    default: return entry_skip(w, ret, ENTRY_SPECIAL);
    }
    text[name->len - 1] = '\0';     /* with the '/' a link put in its place would be followed */
    return enter(w, text, ret, err);
}

/* 1 with the entry of a root that is a file, 0 to go on inside, -1. */
static int start_root(struct walk *w, struct entry *ret, struct err *err)
{
    const char *root = w->roots[w->root++];
    struct stat st;
    int fd, number;

    buf_clear(&w->path);
    if (stat(root, &st) < 0)
        return root_fails(root, errno, err);
    if (S_ISREG(st.st_mode)) {
        if (buf_add_text(&w->path, walk_file_name(root)) < 0)
            return err_oom(err);
        return entry_take(w, ret, ENTRY_FILE, &st);
    }
    fd = open(root, WALK_ROOT_FLAGS | O_DIRECTORY);
    number = fd < 0 ? errno : push(w, fd, &st);
    return number == ENOMEM ? err_oom(err) : number ? root_fails(root, number, err) : 0;
}

int walk_next(struct walk *w, struct entry *ret, struct err *err)
{
    int answer = 0;

    while (answer == 0) {
        if (stop_requested())   /* nothing is in hand that would have to be finished */
            return stop_fail(err);
        if (w->depth == 0 && w->root == w->n_roots)
            return 0;
        if (w->depth == 0)
            answer = start_root(w, ret, err);
        else if (top(w)->next == top(w)->n)
            answer = pop(w, ret);
        else
            answer = visit(w, ret, err);
    }
    return answer;
}
