/* Units of work and their form in the ledger. */
#include "ledger/unit.h"

#include "ledger/seal.h"

#include <stdlib.h>

/* Not in the arena, which would keep each smaller list beside the next. */
static int make_room(struct unit *u)
{
    size_t capacity = u->capacity ? u->capacity * 2 : 4;    /* most groups are one file */
    struct entry *files = capacity > SIZE_MAX / sizeof *files ? NULL : realloc(u->files, capacity * sizeof *files);

    if (!files)
        return -1;
    u->files = files;
    u->capacity = capacity;
    return 0;
}

int unit_add(struct unit *u, const struct entry *file)
{
    struct entry *copy;

    if (u->n_files == u->capacity && make_room(u) < 0)
        return -1;
    copy = &u->files[u->n_files];
    *copy = *file;
    copy->message = NULL;
    copy->path = arena_str(&u->arena, file->path);
    if (!copy->path.at)
        return -1;
    u->n_files++;
    u->bytes += file->size;
    return 0;
}

void unit_clear(struct unit *u)
{
    struct unit empty = {.arena = u->arena, .files = u->files, .capacity = u->capacity};

    arena_reset(&empty.arena);
    *u = empty;
}

void unit_forget_files(struct unit *u)
{
    arena_release(&u->arena);
    free(u->files);
    u->arena = (struct arena){0};
    u->files = NULL;
    u->n_files = u->capacity = 0;
}

void unit_release(struct unit *u)
{
    arena_release(&u->arena);
    free(u->files);
    *u = (struct unit){0};
}

void unit_move(struct unit *to, struct unit *from)
{
    unit_release(to);
    *to = *from;
    *from = (struct unit){0};
}

struct packed {
    uint64_t size;
    int64_t mtime_ns;
    uint32_t root, len;
    uint8_t kind;
} __attribute__((packed));

int unit_pack(const struct unit *u, struct buf *out)
{
    size_t start = out->len;
    int64_t seal;

    for (size_t i = 0; i < u->n_files; i++) {
        const struct entry *file = &u->files[i];
        struct packed head = {file->size, file->mtime_ns, file->root, (uint32_t)file->path.len, (uint8_t)file->kind};

        if (buf_add(out, &head, sizeof head) < 0 || buf_add_str(out, file->path) < 0)
            return -1;
    }
    if (buf_reserve(out, sizeof seal) < 0)
        return -1;
    seal = seal_of(str_make(out->at + start, out->len - start));
    return buf_add(out, &seal, sizeof seal);
}

static int damaged(struct err *err)
{
    return err_set(err, ERR_RUN, W0604, "the ledger's list of files is damaged");
}

int unit_unpack(struct unit *u, struct str bytes, struct err *err)
{
    int64_t seal;

    if (bytes.len < sizeof seal)
        return damaged(err);
    bytes.len -= sizeof seal;
    memcpy(&seal, bytes.at + bytes.len, sizeof seal);
    if (seal != seal_of(bytes))
        return damaged(err);
    while (bytes.len) {
        struct packed head;
        struct entry file = {0};

        if (bytes.len < sizeof head)
            return damaged(err);
        memcpy(&head, bytes.at, sizeof head);
        bytes = str_make(bytes.at + sizeof head, bytes.len - sizeof head);
        if (bytes.len < head.len || head.kind > ENTRY_DIRECTORY)
            return damaged(err);
        file.kind = (enum entry_kind)head.kind;
        file.root = head.root;
        file.size = head.size;
        file.mtime_ns = head.mtime_ns;
        file.path = str_make(bytes.at, head.len);
        bytes = str_make(bytes.at + head.len, bytes.len - head.len);
        if (unit_add(u, &file) < 0)
            return err_oom(err);
    }
    return 0;
}
