/* Does what earlier runs loaded of a file still stand? The survey asks where size and time do not tell. */
#include "run/run_internal.h"

#include "base/cleanup.h"
#include "ledger/content.h"
#include "source/walk.h"

struct standing {
    int fd;
    const struct entry *file;
    struct survey_missing *missing;
    uint64_t reached;           /* where the parts seen so far end */
    size_t parts;
    bool differs;
};

static int same_range(struct standing *s, uint64_t from, uint64_t to, struct str hash, struct err *err)
{
    unsigned char now[CONTENT_HASH];

    if (hash.len != CONTENT_HASH || to > s->file->size) {
        s->differs = true;
        return 0;
    }
    if (content_hash(s->fd, from, to, now, err) < 0)
        return -1;
    s->differs |= memcmp(now, hash.at, CONTENT_HASH) != 0;
    return 0;
}

/* Parts come in order of bytes; what lies between them is missing. */
static int on_part(void *context, uint64_t from, uint64_t to, struct str hash, struct err *err)
{
    struct standing *s = context;

    s->parts++;
    if (s->differs)
        return 0;
    if (from > s->reached && survey_missing_add(s->missing, s->reached, from) < 0)
        return err_oom(err);
    if (to > s->reached)
        s->reached = to;
    return same_range(s, from, to, hash, err);
}

/* The file has grown: only after a line's end may one go on, else the last line that was loaded is another one now. */
static bool ends_in_newline(int fd, uint64_t at)
{
    char last;

    return at == 0 || (pread(fd, &last, 1, (off_t)at - 1) == 1 && last == '\n');
}

static int compare_parts(struct run *run, struct standing *s, const struct ledger_file *known, struct err *err)
{
    int64_t load = known->unit < 0 ? -known->unit : known->unit;

    if (ledger_parts(run->ops->db(run->first), run->job, load, s->file, on_part, s, err) < 0)
        return -1;
    if (s->parts == 0 || s->differs)
        return 0;
    if (s->reached < s->file->size) {
        if (s->reached == (uint64_t)known->size && !ends_in_newline(s->fd, s->reached))
            return 0;
        if (survey_missing_add(s->missing, s->reached, s->file->size) < 0)
            return err_oom(err);
    }
    return 1;
}

static int compare(struct run *run, struct standing *s, const struct ledger_file *known, struct err *err)
{
    if (known->hash.len == CONTENT_HASH) {
        if (known->size != (int64_t)s->file->size)
            return 0;
        return same_range(s, 0, s->file->size, known->hash, err) < 0 ? -1 : !s->differs;
    }
    return compare_parts(run, s, known, err);
}

int standing_compare(void *context, const struct entry *file, const struct ledger_file *known,
                     struct survey_missing *missing, struct err *err)
{
    struct run *run = context;
    struct standing s = {.file = file, .missing = missing};
    struct err e = {0};
    uint64_t size;
    int64_t mtime;
    int same;

    if (file->kind == ENTRY_DIRECTORY)
        return 1;
    s.fd = opener_open(run->opener, file->root, file->path, &size, &mtime, &e);
    same = s.fd < 0 ? -1 : compare(run, &s, known, &e);
    close_fd(&s.fd);
    if (same < 0 && e.scope == ERR_FILE) {     /* who reads it will say so */
        err_release(&e);
        same = 0;
    }
    if (same == 1 && missing->n == 0 && known->mtime_ns != file->mtime_ns && run->ledger)
        return ledger_touch_file(run->ops->db(run->first), run->job, file, err) < 0 ? -1 : 1;
    if (same < 0)
        err_move(err, &e);
    return same;
}
