/* A load or a check from beginning to end, see run/run.h. */
#include "run/globals.h"
#include "run/replay.h"
#include "run/seen.h"

#include "source/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

unsigned run_jobs_wanted(const struct run *run)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return run->o->jobs ? run->o->jobs : cores > 0 ? (unsigned)cores : 1;
}

static void choose_jobs(struct run *run)
{
    run->jobs = run_jobs_wanted(run);
    if (run->hold || (run->o->fixture && run->ops->streams))    /* such workers write side by side */
        run->jobs = 1;
    if (run->ledger && run->n_units && run->n_units < run->jobs)
        run->jobs = (unsigned)run->n_units;
}

static void *thread_main(void *context)
{
    struct worker *w = context;

    worker_loop(w);
    pthread_mutex_lock(&w->run->lock);
    w->run->working--;
    pthread_cond_broadcast(&w->run->changed);
    pthread_mutex_unlock(&w->run->lock);
    return NULL;
}

/* The main thread draws while the workers work. */
static void watch(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    while (run->working) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 200000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&run->changed, &run->lock, &until);
        pthread_mutex_unlock(&run->lock);
        run_draw(run);
        pthread_mutex_lock(&run->lock);
    }
    pthread_mutex_unlock(&run->lock);
}

bool run_lacked(const struct err *err)
{
    switch (err->code) {
    case W0301:
    case W0302:
    case W0310:
    case W0601:
    case W0619:
        return true;
    default:
        return false;
    }
}

static enum summary_end end_of(const struct err *err)
{
    return run_lacked(err) || err->code == W0612 ? SUMMARY_INTERRUPTED : SUMMARY_DATABASE;
}

/* Found while the list of work was made, before anything was touched. */
static bool is_usage(const struct err *err)
{
    switch (err->code) {
    case W0101:
    case W0301:
    case W0303:
    case W0304:
    case W0606:
    case W0609:
    case W1002:
        return true;
    default:
        return false;
    }
}

static void run_workers(struct run *run)
{
    struct worker *workers = calloc(run->jobs, sizeof *workers);
    struct err e = {0};
    unsigned opened = 0;

    run->claimed = calloc(run->jobs, sizeof *run->claimed);
    if (!workers || !run->claimed) {
        err_oom(&e);
        run_fail(run, end_of(&e), &e);
        free(workers);
        return;
    }
    while (opened < run->jobs && worker_open(&workers[opened], run, opened, &e) == 0)
        opened++;
    if (opened < run->jobs) {
        run_fail(run, end_of(&e), &e);
        opened++;   /* half open: to be closed */
    } else if (run->jobs == 1) {
        worker_loop(&workers[0]);
    } else {
        for (unsigned i = 0; i < run->jobs; i++) {
            pthread_mutex_lock(&run->lock);
            run->working++;
            pthread_mutex_unlock(&run->lock);
            if (pthread_create(&workers[i].thread, NULL, thread_main, &workers[i]) != 0) {
                pthread_mutex_lock(&run->lock);
                run->working--;
                pthread_mutex_unlock(&run->lock);
                workers[i].number = UINT32_MAX;
            }
        }
        watch(run);
        for (unsigned i = 0; i < run->jobs; i++) {
            if (workers[i].number != UINT32_MAX)
                pthread_join(workers[i].thread, NULL);
        }
    }
    if (run->hold && workers[0].begun) {
        if (run->end == SUMMARY_DONE)
            run_rehearse_end(run);
        run->ops->rollback(run->first);
        pthread_mutex_unlock(&run->sink_lock);
        workers[0].begun = false;
    }
    if (run->hold)
        rehearse_end(run);
    for (unsigned i = 0; i < opened; i++)
        worker_close(&workers[i]);
    free(workers);
}

static void end_of_load(struct run *run)
{
    struct err e = {0};
    bool finished;

    if (run->end == SUMMARY_DONE && !run->failure.scope)
        run_check_percent(run, true);
    if (run->end == SUMMARY_DONE && !run->failure.scope) {
        if (run_finish(run, &finished, &e) == 0) {
            if (run->left)
                run->end = SUMMARY_INTERRUPTED;
            return;
        }
        run_fail(run, end_of(&e), &e);
    }
    run_note_end(run, run->end == SUMMARY_INTERRUPTED ? "interrupted" : run->end == SUMMARY_LIMIT ? "stopped" : "failed");
}

static uint64_t cpu_ns(const struct rusage *usage)
{
    return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000000u +
           (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * 1000u;
}

static const char *started_text(struct arena *a, int64_t us)
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    char text[40];

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_dup(a, str_of(text));
}

static void fill_summary(struct run *run, struct run_result *ret)
{
    struct summary *s = &ret->summary;
    struct rusage usage;
    struct str *sources = arena_calloc(&ret->arena, run->o->n_sources + 1, sizeof *sources);
    struct err ignored = {0};

    for (size_t i = 0; sources && i < run->o->n_sources; i++)
        sources[i] = str_of(run->o->sources[i]);
    s->sources = sources;
    s->n_sources = sources ? run->o->n_sources : 0;
    s->check = run->o->level != RUN_LOAD;
    s->command = str_of(run->o->replay ? "rejects replay" : s->check ? "check" : "load");
    s->mapping = str_of(run->o->mapping);
    s->version = str_of(WINDROW_VERSION);
    s->end = run->end;
    if (run->p)
        s->mapping_digest = str_make(run->p->digest, 64);
    if (run->account.ready && account_summary(&run->account, &ret->arena, s, &ignored) < 0)
        err_release(&ignored);
    if (run->checked)
        s->target = str_of(arena_dup(&ret->arena, str_of(run->checked)));
    else if (run->first && !run->scratch_made)
        s->target = str_of(arena_dup(&ret->arena, str_of(db_name(run->ops->db(run->first)))));
    if (run->id && !s->check)
        s->run = str_of(arena_printf(&ret->arena, "%lld", (long long)run->id));
    s->started = str_of(started_text(&ret->arena, run->started_us));
    s->wall_ns = run_now_ns() - run->start_ns;
    getrusage(RUSAGE_SELF, &usage);
    s->cpu_ns = cpu_ns(&usage);
    s->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
    s->jobs = run->jobs;
    s->retries = run->retries;
    samples_end(&run->samples, s->wall_ns, run->account.bytes, run->account.rows);
    s->samples = &run->samples;
    s->earlier_rejects = run->all_rejects > (int64_t)run->account.rejects ? (uint64_t)run->all_rejects - run->account.rejects : 0;
    s->undone_rejects = run->undone_rejects;
    s->open_rejects = run->open_rejects;
    s->left_rejects = run->left_rejects;
    s->reject_limit = run->o->has_max_rejects ? run->o->max_rejects : UINT64_MAX;
    if (run->ledger && run->id && run->account.rejects && run->end == SUMMARY_DONE && !s->check)
        s->next = str_of(arena_printf(&ret->arena, "windrow rejects show %lld --to '%.*s'", (long long)run->id, STR_ARG(s->target)));
}

static void start(struct run *run, const struct run_options *o)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    run->o = o;
    run->started_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    run->clock = (struct evaluate_clock){o->fixture ? o->fixture->now_us : run->started_us, o->fixture != NULL};
    run->start_ns = run_now_ns();
    run->lines = lines_new();
    pthread_mutex_init(&run->lock, NULL);
    pthread_mutex_init(&run->sink_lock, NULL);
    pthread_mutex_init(&run->claim_lock, NULL);
    pthread_cond_init(&run->changed, NULL);
    progress_init(&run->progress, o->progress, STDERR_FILENO, run->start_ns);
    run->jobs = 1;
    run->lock_fd = -1;
}

static enum summary_end end_of_prepare(const struct run_result *ret)
{
    switch (ret->failure.code) {
    case CODE_NONE:
    case W0302:
    case W0304:
    case W0503:
    case W0717:
        return SUMMARY_USAGE;
    default:
        return end_of(&ret->failure);
    }
}

static void work(struct run *run, struct run_result *ret)
{
    struct progress_state last = {0};
    struct err e = {0};

    if (globals_find(run->p, run->o->sources, run->o->n_sources, &run->globals, &e) < 0) {
        run_fail(run, e.code == W0601 ? SUMMARY_INTERRUPTED : SUMMARY_USAGE, &e);
    } else if (run->o->replay) {
        share_limit_records(run);
        run->id = run->o->replay;
        run->job = run->o->replay_job;
        if (run_replay(run, &e) < 0)
            run_fail(run, e.code == W0614 ? SUMMARY_USAGE : end_of(&e), &e);
    } else if (run_agenda(run, &e) < 0) {
        run_fail(run, is_usage(&e) ? SUMMARY_USAGE : end_of(&e), &e);
    } else {
        choose_jobs(run);
        share_limit_records(run);
        if (!run->ledger || run->n_units || !run->matched)
            run_workers(run);
        else if (run->id)
            run_workers(run);
    }
    if (run->ledger && !run->o->replay)
        end_of_load(run);
    failover_tell(run);
    if (run->end == SUMMARY_DONE && !run->failure.scope && !run->matched && !run->id)
        run->end = SUMMARY_NOTHING;
    if (run->end != SUMMARY_INTERRUPTED)
        seen_settle(run);
    last.bytes = run->account.bytes;
    last.rows = run->account.rows;
    last.files = run->account.files;
    last.rejects = run->account.rejects;
    progress_end(&run->progress, run_now_ns(), &last);
    survey_close(run->survey);
    run->survey = NULL;
    ledger_files_release(&run->known);
    opener_free(run->opener);
    run->opener = NULL;
    err_move(&ret->failure, &run->failure);
}

/* What stopped the run, or keeps it from beginning, is a finding like any other in the reports. */
static void tell_failure(struct run *run, const struct err *e)
{
    struct finding f = finding_of(e);
    struct err ignored = {0};

    f.outcome = FINDING_STOPPED;
    f.mapping_file = str_of(run->o->mapping);
    if (f.mapping_line && f.mapping_line <= run->n_mapping_lines)
        f.mapping_text = run->mapping_lines[f.mapping_line - 1];
    if (findings_add(&run->account.findings, &f, &ignored) < 0)
        err_release(&ignored);
}

void run_execute(const struct run_options *o, struct run_result *ret)
{
    struct run *run = calloc(1, sizeof *run);
    struct err ignored = {0};

    *ret = (struct run_result){.run = run};
    if (!run) {
        err_oom(&ret->failure);
        ret->summary.end = end_of(&ret->failure);
        return;
    }
    start(run, o);
    if (run_prepare(run, ret) < 0)
        run->end = end_of_prepare(ret);
    else
        work(run, ret);
    fill_summary(run, ret);
    if (ret->failure.scope) {
        tell_failure(run, &ret->failure);
        ret->summary.end_reason = str_of(ret->failure.message);
    } else if (ret->faults.n) {
        if (findings_merge(&run->account.findings, &run->notes, &ignored) < 0)
            err_release(&ignored);
        for (size_t i = 0; i < ret->faults.n; i++)
            tell_failure(run, &ret->faults.at[i]);
        ret->summary.end_reason = str_of(ret->faults.at[0].message);
    } else if (run->left && run->end == SUMMARY_INTERRUPTED && !stop_requested()) {
        ret->summary.end_reason = str_of("parts of the source are not loaded: another process has them, or gave them up");
    }
    ret->summary.findings = &run->account.findings;
    ret->mapping = run->mapping;
}

const char *run_scratch(const struct run_result *r)
{
    return r->run && r->run->scratch_made ? r->run->target : NULL;
}

void run_result_release(struct run_result *r)
{
    struct run *run = r->run;

    if (run) {
        unit_release(&run->globals);
        run_unprepare(run);
        lines_free(run->lines);
        free(run->claimed);
        free(run->failover.units);
        buf_release(&run->failover.server);
        err_release(&run->failure);
        pthread_mutex_destroy(&run->lock);
        pthread_mutex_destroy(&run->sink_lock);
        pthread_mutex_destroy(&run->claim_lock);
        pthread_cond_destroy(&run->changed);
        free(run);
    }
    mapping_faults_release(&r->faults);
    err_release(&r->failure);
    arena_release(&r->arena);
}
