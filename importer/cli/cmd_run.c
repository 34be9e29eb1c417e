/* The end of load and check: findings, summary, reports, exit status. */
#include "cli/cmd_run.h"

#include "base/cleanup.h"
#include "base/stop.h"
#include "report/escape.h"
#include "report/render.h"
#include "report/summary.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FINISHING "windrow: finishing what is begun; a second signal rolls it back at once\n"

static struct str line_of(struct str text, uint32_t line)
{
    for (uint32_t at = 1; text.len; at++) {
        const char *end = memchr(text.at, '\n', text.len);
        size_t len = end ? (size_t)(end - text.at) : text.len;

        if (at == line)
            return str_make(text.at, len);
        text = str_make(text.at + len + (end != NULL), text.len - len - (end != NULL));
    }
    return (struct str){0};
}

int cmd_fault_findings(const struct mapping *m, const char *path, const struct mapping_faults *faults, struct findings *ret,
                       struct err *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    CLEANUP(err_release) struct err ignored = {0};
    CLEANUP(close_fd) int fd = m ? -1 : open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0)
        buf_read_fd(&text, fd, 2 << 20, &ignored);
    for (size_t i = 0; i < faults->n; i++) {
        struct finding f = finding_of(&faults->at[i]);

        f.outcome = FINDING_STOPPED;
        f.mapping_file = str_of(path);
        f.mapping_text = line_of(m ? m->source : buf_str(&text), f.mapping_line);
        if (findings_add(ret, &f, err) < 0)
            return -1;
    }
    return 0;
}

int cmd_print_faults(struct app *app, const struct mapping *m, const char *path, const struct mapping_faults *faults)
{
    struct render_options render = {.color = app_color(app, STDERR_FILENO)};
    struct buf out = BUF_INIT, text = BUF_INIT;
    struct err ignored = {0};
    CLEANUP(close_fd) int fd = m ? -1 : open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && buf_read_fd(&text, fd, 2 << 20, &ignored) < 0)
        err_release(&ignored);
    for (size_t i = 0; i < faults->n; i++) {
        const struct err *e = &faults->at[i];
        struct finding f = finding_of(e);

        f.mapping_file = str_of(path);
        f.mapping_text = line_of(m ? m->source : buf_str(&text), e->map_line);
        if (render_finding(&out, &f, &render) < 0 || buf_add_char(&out, '\n') < 0)
            break;
    }
    if (buf_printf(&out, "%s: %zu fault%s, nothing was touched\n", path, faults->n, faults->n == 1 ? "" : "s") == 0)
        fwrite(out.at, 1, out.len, stderr);
    buf_release(&out);
    buf_release(&text);
    return EXIT_USAGE;
}

static int write_reports(struct app *app, const struct summary *s, int status)
{
    for (size_t i = 0; i < app->n_summary; i++) {
        struct err e = {0};

        if (summary_write(s, app->summary[i], &e) < 0) {
            app_fail(&e, 0);
            err_release(&e);
            if (status == EXIT_DONE || status == EXIT_REJECTS)
                status = EXIT_INTERNAL;
        }
    }
    return status;
}

static const struct { const char *name; size_t at; } lists[] = {
    {"unmatched", offsetof(struct summary, unmatched)}, {"unread", offsetof(struct summary, unread)},
    {"orphans", offsetof(struct summary, orphans)},     {"unfilled", offsetof(struct summary, unfilled)},
    {"vanished", offsetof(struct summary, vanished)},   {"mended", offsetof(struct summary, mended)},
    {"idle", offsetof(struct summary, idle)},
};

/* False for a name that --show does not know. */
static bool find_list(const char *name, const struct summary *s, const struct tally **ret)
{
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (strcmp(lists[i].name, name) != 0)
            continue;
        if (s)
            memcpy(ret, (const char *)s + lists[i].at, sizeof *ret);
        return true;
    }
    return false;
}

static int add_list(const char *name, const struct tally *list, struct buf *out)
{
    for (size_t i = 0; i < list->n; i++) {
        if (buf_printf(out, "%s: ", name) < 0 || escape_text(out, list->entries[i].name) < 0 ||
            buf_printf(out, " (%llu)\n", (unsigned long long)list->entries[i].count) < 0)
            return -1;
    }
    return list->others ? buf_printf(out, "%s: others (%llu)\n", name, (unsigned long long)list->others) : 0;
}

/* What a person reads of the findings: all, or where nothing was begun what kept the run from it. */
static int add_findings(const struct findings *all, bool begun, const struct render_options *render, struct buf *out)
{
    if (begun)
        return render_findings(out, all, render);
    for (size_t i = 0; i < all->n && all->groups[i].examples[0]->outcome == FINDING_STOPPED; i++) {
        if (render_group(out, &all->groups[i], render) < 0)
            return -1;
    }
    return 0;
}

static int print_result(struct app *app, struct run_result *r, int status)
{
    struct render_options render = {.color = app_color(app, r->summary.check ? STDOUT_FILENO : STDERR_FILENO)};
    const struct tally *list = NULL;
    CLEANUP(buf_release) struct buf findings = BUF_INIT;
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    bool begun = !r->failure.scope || (status != EXIT_USAGE && r->summary.n_tables > 0);
    bool result = begun && r->summary.check;    /* of a dry run the findings are the result */
    int good = 0;

    if (app->json) {
        good = summary_json(&r->summary, &out);
    } else {
        good = add_findings(r->summary.findings, begun, &render, result ? &out : &findings);
        fwrite(buf_text(&findings), 1, findings.len, stderr);
        if (app->show && find_list(app->show, &r->summary, &list) && list && good == 0)
            good = add_list(app->show, list, &out);
        if (good == 0 && !app->quiet && begun)
            good = summary_account(&r->summary, &out);
    }
    return app_print(&out, good < 0 ? EXIT_INTERNAL : status);
}

/* What could not be built for the check may be why the mapping does not fit. */
static void print_notes(struct app *app, const struct findings *all)
{
    struct render_options render = {.color = app_color(app, STDERR_FILENO)};
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    for (size_t i = 0; i < all->n; i++) {
        if (all->groups[i].examples[0]->outcome == FINDING_NONE && render_group(&out, &all->groups[i], &render) < 0)
            return;
    }
    fwrite(buf_text(&out), 1, out.len, stderr);
}

/* The same faults in the reports, and on stdout where a program reads it. */
static int report_faults(struct app *app, struct run_result *r)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    int status = write_reports(app, &r->summary, EXIT_USAGE);

    if (app->json && summary_json(&r->summary, &out) < 0)
        status = EXIT_INTERNAL;
    return app_print(&out, status);
}

int cmd_run(struct app *app, const struct run_options *o)
{
    struct run_result r;
    int status;

    if (app->show && !find_list(app->show, NULL, NULL))
        return app_usage("--show %s: it is unmatched, unread, orphans, unfilled, vanished, mended or idle", app->show);
    if (o->level == RUN_LOAD && !app->quiet)
        stop_say(isatty(STDERR_FILENO) ? "\n" FINISHING : FINISHING);
    run_execute(o, &r);
    status = summary_status(&r.summary);
    if (r.faults.n) {
        print_notes(app, r.summary.findings);
        cmd_print_faults(app, r.mapping, o->mapping, &r.faults);
        status = report_faults(app, &r);
    } else {
        status = write_reports(app, &r.summary, status);
        status = print_result(app, &r, status);
    }
    run_result_release(&r);
    return status;
}
