/* windrow lint: check a mapping without data, list its SQL. */
#include "cli/cmd_run.h"
#include "cli/examples.h"

#include "base/cleanup.h"
#include "sink/sink.h"


/* The tables to compare with: the target's, if one was named. 0, or -1 after a message. */
static int target_tables(struct app *app, struct catalog *catalog, bool *there)
{
    const char *target = app_target(app, false);
    const struct sink_ops *ops = target ? sink_for(target) : NULL;
    struct db_options options = {.read_only = true};
    struct err e = {0};
    struct sink *sink;
    int ret;

    if (app->to && !target)
        return -1;
    if (!ops)
        return 0;
    sink = ops->open(target, &options, &e);
    ret = sink ? ops->catalog(sink, catalog, &e) : -1;
    if (sink)
        ops->close(sink);
    if (ret < 0)
        app_fail(&e, EXIT_DATABASE);
    err_release(&e);
    *there = ret == 0;
    return ret;
}

/* The same document as that of a run, with the faults as findings. */
static int print_json(const char *path, const struct mapping *m, const struct mapping_faults *faults, enum summary_end end)
{
    CLEANUP(findings_release) struct findings findings = {0};
    CLEANUP(buf_release) struct buf out = BUF_INIT;
    CLEANUP(err_release) struct err e = {0};
    struct summary s = {.check = true, .command = str_of("lint"), .mapping = str_of(path), .version = str_of(WINDROW_VERSION),
                        .findings = &findings, .end = end};

    if (faults->n)
        s.end_reason = str_of(faults->at[0].message);
    if (cmd_fault_findings(m, path, faults, &findings, &e) < 0 || summary_json(&s, &out) < 0)
        return EXIT_INTERNAL;
    return app_print(&out, summary_status(&s));
}

static int list_sql(const struct mapping *m)
{
    struct buf out = BUF_INIT;
    int good = 0, status = EXIT_DONE;

    for (size_t i = 0; i < m->n_rules && good == 0; i++) {
        const struct mapping_text *when = &m->rules[i].conflict_when;

        if (when->text.at)
            good = buf_printf(&out, "-- line %u: conflict condition of %.*s\n%.*s\n\n", when->line,
                              STR_ARG(m->rules[i].name.text), STR_ARG(when->text));
    }
    for (size_t i = 0; i < m->n_afters && good == 0; i++) {
        const struct mapping_after *a = &m->afters[i];

        good = buf_printf(&out, "-- line %u: after%s%.*s\n%.*s\n\n", a->sql.line ? a->sql.line : a->file.line,
                          a->engine.text.at ? ", for " : "", STR_ARG(a->engine.text), STR_ARG(a->sql.text));
    }
    if (good < 0)
        status = EXIT_INTERNAL;
    status = app_print(&out, status);
    buf_release(&out);
    return status;
}

static int run_examples(struct app *app, const struct mapping *m, const char *path, struct run_options *o)
{
    size_t ran = 0, wrong = 0;
    int status = EXIT_DONE;

    o->target = app_target(app, false);
    if (examples_run(app, m, o, &ran, &wrong) < 0)
        status = EXIT_USAGE;
    else if (wrong)
        status = EXIT_DIFFERENT;
    if (app->quiet || app->json)
        return status;
    return app_say(status, "%s: %zu rule%s, no fault; %zu example%s, %zu wrong", path, m->n_rules, m->n_rules == 1 ? "" : "s", ran,
                   ran == 1 ? "" : "s", wrong);
}

int cmd_lint(struct app *app)
{
    const char *path = app_mapping(app, app->args[0]);
    struct mapping_faults faults = {0};
    struct catalog catalog = {0};
    struct run_options o;
    struct mapping *m = NULL;
    struct program *p = NULL;
    bool there = false;
    int status = EXIT_USAGE;

    app->reads = true;
    if (!path || !app_run_options(app, &o))
        return EXIT_USAGE;
    m = mapping_open(path, &faults);
    if (m && target_tables(app, &catalog, &there) < 0)
        status = EXIT_DATABASE;
    else if (m)
        p = program_compile(m, there ? &catalog : NULL, o.sets, o.n_sets, &faults);
    if (faults.n && !app->json)
        status = cmd_print_faults(app, m, path, &faults);
    else if (p && app->sql)
        status = list_sql(m);
    else if (p)
        status = m->n_examples ? run_examples(app, m, path, &o) : EXIT_DONE;
    if (app->json && !app->sql && (p || faults.n))
        status = print_json(path, m, &faults, faults.n ? SUMMARY_USAGE : status == EXIT_DONE ? SUMMARY_DONE
                                             : status == EXIT_DIFFERENT ? SUMMARY_DIFFERENT : SUMMARY_USAGE);
    else if (p && !app->sql && !m->n_examples && !app->quiet)
        status = app_say(status, "%s: %zu rule%s, no fault", path, m->n_rules, m->n_rules == 1 ? "" : "s");
    program_free(p);
    catalog_release(&catalog);
    mapping_free(m);
    mapping_faults_release(&faults);
    return status;
}
