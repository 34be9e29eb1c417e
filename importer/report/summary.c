/* Totals, exit status and last line come from here alone; and the file that a report is written to. */
#include "report/summary.h"

#include "base/cleanup.h"
#include "report/out.h"
#include "report/summary_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

enum { STATUS_REJECTS = 3 };

uint64_t summary_loaded(const struct summary_table *t)
{
    return t->inserted + t->updated + t->same;
}

bool summary_balanced(const struct summary_table *t)
{
    return t->read == summary_loaded(t) + t->rejected + t->skipped;
}

bool summary_is_replay(const struct summary *s)
{
    return str_is(s->command, "rejects replay");
}

struct summary_totals summary_totals(const struct summary *s)
{
    struct summary_totals all = {.source_bytes = s->source_bytes, .balanced = true};
    uint64_t kind_bytes = 0;

    for (size_t i = 0; i < s->n_tables; i++) {
        const struct summary_table *t = &s->tables[i];

        all.read += t->read;
        all.loaded += summary_loaded(t);
        all.inserted += t->inserted;
        all.updated += t->updated;
        all.same += t->same;
        all.rejected += t->rejected;
        all.skipped += t->skipped;
        all.deleted += t->deleted;
        all.bytes += t->bytes;
        all.balanced &= summary_balanced(t);
    }
    for (size_t i = 0; i < s->n_kinds; i++) {
        all.files += s->kinds[i].files;
        all.unchanged += s->kinds[i].unchanged;
        all.failed += s->kinds[i].failed;
        all.records += s->kinds[i].records;
        kind_bytes += s->kinds[i].bytes;
    }
    if (all.source_bytes == 0)
        all.source_bytes = kind_bytes;
    return all;
}

static uint64_t errors(const struct summary *s)
{
    return s->findings ? s->findings->count[FINDING_ERROR] : 0;
}

int summary_status(const struct summary *s)
{
    static const int statuses[] = {
        [SUMMARY_DONE] = 0, [SUMMARY_INTERNAL] = 1, [SUMMARY_USAGE] = 2, [SUMMARY_LIMIT] = 4, [SUMMARY_DATABASE] = 5,
        [SUMMARY_DIFFERENT] = 6, [SUMMARY_INTERRUPTED] = 7, [SUMMARY_NOTHING] = 8,
    };
    struct summary_totals all = summary_totals(s);

    if (s->end != SUMMARY_DONE)
        return statuses[s->end];
    if (!all.balanced)
        return statuses[SUMMARY_INTERNAL];
    return all.rejected || all.failed || s->earlier_rejects || errors(s) ? STATUS_REJECTS : 0;
}

static void reason(struct out *o, const struct summary *s, const char *otherwise)
{
    if (s->end_reason.len)
        out_with(o, escape_text, s->end_reason);
    else
        out_text(o, otherwise);
}

static void clean_verdict(struct out *o, const struct summary *s, const struct summary_totals *all)
{
    if (str_is(s->command, "verify")) {
        out_text(o, "equal: ");
        out_plural(o, all->read, "row", "rows");
        out_text(o, " compared, no difference");
    } else if (s->check) {
        out_text(o, "clean: ");
        out_plural(o, all->loaded, "row", "rows");
        out_text(o, " would load, nothing would be refused");
    } else if (all->read == 0 && all->unchanged) {
        out_text(o, "done: nothing changed, ");
        out_plural(o, all->unchanged, "file is", "files are");
        out_text(o, " loaded already");
    } else {
        out_text(o, "done: ");
        out_plural(o, all->loaded, "row", "rows");
        out_text(o, " loaded, nothing refused");
    }
}

static void rejects_verdict(struct out *o, const struct summary *s, const struct summary_totals *all)
{
    out_text(o, s->check ? "findings: " : "done with rejects: ");
    out_plural(o, all->loaded, "row", "rows");
    out_text(o, s->check ? " would load, " : " loaded, ");
    out_number(o, format_count, all->rejected);
    out_text(o, s->check ? " would be rejected" : " rejected");
    if (s->earlier_rejects) {
        out_text(o, ", ");
        out_number(o, format_count, s->earlier_rejects);
        out_text(o, " before the interruption");
    }
    if (all->failed) {
        out_text(o, ", ");
        out_plural(o, all->failed, "file", "files");
        out_text(o, " not read");
    }
    if (all->rejected == 0 && all->failed == 0 && s->earlier_rejects == 0) {
        out_text(o, ", ");
        out_plural(o, errors(s), "error", "errors");
    }
}

static void replay_verdict(struct out *o, const struct summary *s)
{
    out_text(o, "; ");
    if (s->open_rejects) {
        out_plural(o, s->open_rejects, "reject", "rejects");
        out_text(o, " of run ");
        out_with(o, escape_text, s->run);
        out_text(o, s->open_rejects == 1 ? " stays open" : " stay open");
    } else {
        out_text(o, "run ");
        out_with(o, escape_text, s->run);
        out_text(o, " has no open rejects");
    }
    if (s->left_rejects) {
        out_text(o, ", ");
        out_number(o, format_count, s->left_rejects);
        out_text(o, s->left_rejects == 1 ? " has no line in the file" : " have no line in the file");
    }
}

static void unbalanced_verdict(struct out *o, const struct summary_totals *all)
{
    out_text(o, "internal error: the account does not balance: read ");
    out_number(o, format_count, all->read);
    out_text(o, ", loaded + rejected + skipped ");
    out_number(o, format_count, all->loaded + all->rejected + all->skipped);
}

static void done_verdict(struct out *o, const struct summary *s, const struct summary_totals *all)
{
    if (!all->balanced)
        unbalanced_verdict(o, all);
    else if (summary_status(s) == 0)
        clean_verdict(o, s, all);
    else
        rejects_verdict(o, s, all);
    if (all->balanced && summary_is_replay(s))
        replay_verdict(o, s);
}

static void limit_verdict(struct out *o, const struct summary *s, const struct summary_totals *all)
{
    out_text(o, "stopped: ");
    out_plural(o, all->rejected + s->undone_rejects, "row", "rows");
    out_text(o, s->check ? " would be rejected" : " rejected");
    if (s->reject_limit && s->reject_limit != UINT64_MAX) {
        out_text(o, ", the limit is ");
        out_number(o, format_count, s->reject_limit);
    }
    if (s->end_reason.len) {
        out_text(o, ": ");
        out_with(o, escape_text, s->end_reason);
    }
    if (!s->check) {
        out_text(o, "; ");
        out_plural(o, all->loaded, "row stays", "rows stay");
        out_text(o, " loaded");
    }
}

int summary_verdict(const struct summary *s, struct buf *ret)
{
    struct summary_totals all = summary_totals(s);
    struct out o = {ret, false};

    switch (s->end) {
    case SUMMARY_DONE:
        done_verdict(&o, s, &all);
        break;
    case SUMMARY_INTERNAL:
        out_text(&o, "internal error: ");
        reason(&o, s, "unknown");
        break;
    case SUMMARY_USAGE:
        out_text(&o, "nothing was touched: ");
        reason(&o, s, "usage or mapping is wrong");
        break;
    case SUMMARY_LIMIT:
        limit_verdict(&o, s, &all);
        break;
    case SUMMARY_DATABASE:
        out_text(&o, "database: ");
        reason(&o, s, "unreachable or refused");
        break;
    case SUMMARY_DIFFERENT:
        out_text(&o, "different: ");
        reason(&o, s, "the database is not what the source says");
        break;
    case SUMMARY_INTERRUPTED:
        out_text(&o, "interrupted: ");
        if (s->end_reason.len) {
            reason(&o, s, "");
            out_text(&o, "; ");
        }
        out_plural(&o, all.loaded, "row is", "rows are");
        out_text(&o, s->check ? " checked" : " loaded; run the same command again to go on");
        break;
    case SUMMARY_NOTHING:
        out_text(&o, "nothing matched: ");
        reason(&o, s, "no file of the source is one that the mapping reads");
        break;
    }
    return out_end(&o);
}

static const struct { const char *ending; int (*write)(const struct summary *s, struct buf *ret); } writers[] = {
    {".txt", summary_text}, {".json", summary_json}, {".html", summary_html}, {".xml", summary_xml},
};

static size_t writer_for(const char *path)
{
    size_t i = 0;

    while (i < ARRAY_LEN(writers) && !str_ends(str_of(path), str_of(writers[i].ending)))
        i++;
    return i;
}

int summary_check_path(const char *path, struct err *err)
{
    if (writer_for(path) < ARRAY_LEN(writers))
        return 0;
    err_set(err, ERR_RUN, W0101, "'%s' is no report that can be written", path);
    return err_help(err, "let the name end in .txt, .json, .html or .xml");
}

static int write_all(int fd, const struct buf *text, const char *path, struct err *err)
{
    size_t at = 0;

    while (at < text->len) {
        ssize_t n = write(fd, text->at + at, text->len - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_RUN, W0103, "cannot write '%s': %s", path, strerror(errno));
        at += (size_t)n;
    }
    if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        return err_set(err, ERR_RUN, W0103, "cannot write '%s': %s", path, strerror(errno));
    return 0;
}

/* A name that nobody else uses now, in the same directory. */
static int open_beside(const char *path, struct buf *name, struct err *err)
{
    int fd;

    if (buf_printf(name, "%s.%ld.XXXXXX", path, (long)getpid()) < 0) {
        err_oom(err);
        return -1;
    }
    fd = mkostemp(name->at, O_CLOEXEC);     /* mode 0600 */
    if (fd < 0)
        err_set(err, ERR_RUN, W0103, "cannot write '%s': %s", path, strerror(errno));
    return fd;
}

int summary_write(const struct summary *s, const char *path, struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(buf_release) struct buf name = BUF_INIT;
    CLEANUP(close_fd) int fd = -1;
    size_t writer = writer_for(path);

    if (summary_check_path(path, err) < 0)
        return -1;
    if (writers[writer].write(s, &text) < 0)
        return err_oom(err);
    fd = open_beside(path, &name, err);
    if (fd < 0)
        return -1;
    if (write_all(fd, &text, path, err) < 0)
        goto undo;
    if (rename(name.at, path) < 0) {
        err_set(err, ERR_RUN, W0103, "cannot write '%s': %s", path, strerror(errno));
        goto undo;
    }
    return 0;
undo:
    unlink(name.at);
    return -1;
}
