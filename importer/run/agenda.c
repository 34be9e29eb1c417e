/* What a run has to do: the survey of the source against the ledger, entered as units. */
#include "run/run_internal.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "source/walk.h"

#include <limits.h>
#include <stdlib.h>

static void on_matched(void *context, const struct entry *file, bool unchanged)
{
    struct run *run = context;
    size_t kind = account_kind_of(&run->account, file->path, file->kind == ENTRY_DIRECTORY);

    if (unchanged && kind < run->account.n_kinds)
        run->account.kinds[kind].unchanged++;
    run->matched++;
    if (!unchanged && file->kind == ENTRY_FILE) {
        run->total_files++;
        run->total_bytes += file->size;
    }
}

static void tally_entry_place(struct run *run, struct tally *t, struct str name, uint32_t root, struct str path)
{
    struct finding_place place = {.file = path, .source = run_source(run, root)};
    struct err ignored = {0};

    if (tally_add(t, name, 1, &place, &ignored) < 0)
        err_release(&ignored);
}

static void on_unmatched(void *context, const struct entry *file)
{
    struct run *run = context;

    tally_entry_place(run, &run->account.unmatched, file->path, file->root, file->path);
}

static void on_skipped(void *context, const struct entry *entry)
{
    struct run *run = context;
    struct finding f = {.code = entry_reason_code(entry->reason), .severity = FINDING_ERROR, .outcome = FINDING_REJECTED, 
                        .at = {.file = entry->path, .source = run_source(run, entry->root)}};
    struct err ignored = {0};
    char name[60];

    snprintf(name, sizeof name, "%s%s%s", entry_reason_name(entry->reason), f.code ? ", " : "", code_entry(f.code)->name);
    tally_entry_place(run, &run->account.entries, str_of(name), entry->root, entry->path);
    if (entry->reason != ENTRY_UNREADABLE && entry->reason != ENTRY_TOO_DEEP)
        return;
    f.message = str_of(entry->message ? entry->message : entry->reason == ENTRY_TOO_DEEP ? "" : "cannot be read");
    if (findings_add(&run->account.findings, &f, &ignored) < 0)
        err_release(&ignored);
}

static void on_vanished(void *context, const struct ledger_file *known)
{
    struct run *run = context;

    tally_entry_place(run, &run->account.vanished, known->path, known->root, known->path);
}

static int on_group(void *context, const struct unit *group, const struct survey_cause *cause, struct err *err)
{
    const struct run *run = context;

    return reconcile_possible(run->p, group, cause, err);
}

static int on_known(void *context, struct ledger_file *ret, struct err *err)
{
    struct run *run = context;
    int got = ledger_files_next(&run->known, ret, err);

    if (got == 1 && run->recalls_nothing_same)
        ret->size = (uint64_t)-1;
    return got;
}

/* The sources as one text: absolute paths, one a line. The same text is the same job. */
int run_source_text(const struct run *run, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < run->o->n_sources; i++) {
        char *path = realpath(run->o->sources[i], NULL);
        int added = path ? buf_add_text(out, path) : buf_add_text(out, run->o->sources[i]);

        free(path);
        if (added < 0 || buf_add_char(out, '\n') < 0)
            return err_oom(err);
    }
    return 0;
}

static int params_text(struct run *run, struct buf *out)
{
    for (size_t i = 0; i < run->p->n_params; i++) {
        if (buf_printf(out, "%s=", run->p->params[i].name) < 0 || value_json(&run->p->params[i].value, out) < 0 ||
            buf_add_char(out, '\n') < 0)
            return -1;
    }
    return 0;
}

int run_key_line(const struct program_rule *rule, struct buf *out)
{
    if (buf_add_text(out, rule->table->name) < 0)
        return -1;
    for (size_t k = 0; k < rule->n_key; k++) {
        if (buf_printf(out, "\t%s", rule->table->columns[rule->columns[rule->key[k]].column].name) < 0)
            return -1;
    }
    return buf_add_char(out, '\n');
}

/* Which columns the keys of each table are made of. */
static int keys_text(const struct run *run, struct buf *out)
{
    for (size_t i = 0; i < run->p->n_rules; i++) {
        if (run->p->rules[i].n_key && run_key_line(&run->p->rules[i], out) < 0)
            return -1;
    }
    return 0;
}

static int note_mapping(struct run *run, struct db *db, struct err *err)
{
    char *path = realpath(run->o->mapping, NULL);
    int ret = path && str_utf8_invalid_at(str_of(path)) == strlen(path)
                  ? ledger_run_mapping(db, run->id, str_of(path), err) : 0;

    free(path);
    return ret;
}

static int start_run(struct run *run, struct db *db, struct err *err)
{
    struct buf params = BUF_INIT, identity = BUF_INIT, keys = BUF_INIT;
    int ret = -1;

    if (params_text(run, &params) < 0 || keys_text(run, &keys) < 0)
        err_oom(err);
    else if (failover_text(run, db, &identity, err) == 0)
        ret = ledger_start_run(db, run->job, str_of(run->p->digest), str_of(buf_text(&params)),
                               str_of(buf_text(&keys)), str_of(buf_text(&identity)), &run->id, err);
    if (ret == 0)
        ret = note_mapping(run, db, err);
    buf_release(&keys);
    buf_release(&params);
    buf_release(&identity);
    return ret;
}

static int enter_units(struct run *run, struct db *db, struct err *err)
{
    CLEANUP(ledger_done_release) struct ledger_done done = {0};
    struct unit unit = {0};
    int64_t load = 0;       /* of the file whose parts are being entered */
    int got = 0;

    if (run->id && ledger_done_open(&done, db, run->job, run->id, err) < 0)
        return -1;
    while (!run_stopping(run) && (got = survey_next(run->survey, &unit, err)) == 1) {
        if (!run->id && start_run(run, db, err) < 0)
            got = -1;
        if (unit.part && !unit.load && unit.from > 0)
            unit.load = load;
        if (got == 1 && (ledger_done_check(&done, &unit, err) < 0 || ledger_add_unit(db, run->job, run->id, &unit, err) < 0))
            got = -1;
        if (got < 0)
            break;
        load = unit.load;
        run->n_units++;
    }
    unit_release(&unit);
    return got;
}

static int survey(struct run *run, struct err *err)
{
    const struct survey_options options = {run->o->rehash, run->o->prune, run_jobs_wanted(run) > 1,
                                            share_of_group(run)};

    run->survey_out = (struct survey_out){run, on_matched, on_unmatched, on_skipped, on_vanished,
                                          run->recalls ? on_group : NULL, run->recalls ? on_known : NULL, run->recalls ? standing_compare : NULL};
    if (run->recalls && !(run->opener = opener_new(run->o->sources, run->o->n_sources, err)))
        return -1;
    run->survey = survey_open(run->p, run->o->sources, run->o->n_sources, &run->survey_out, &options, err);
    return run->survey ? 0 : -1;
}

/* --fresh in a table that has rows would double those of rules without a key. */
static int check_empty(struct run *run, struct db *db, struct err *err)
{
    for (size_t i = 0; i < run->p->n_rules; i++) {
        const struct program_rule *rule = &run->p->rules[i];
        struct buf sql = BUF_INIT;
        struct db_result r = {0};
        int ret;

        if (!rule->on || rule->n_key)
            continue;
        if (buf_add_text(&sql, "SELECT 1 FROM ") < 0 ||
            (rule->table->schema && (db_quote_name(db, rule->table->schema, &sql) < 0 || buf_add_char(&sql, '.') < 0)) ||
            db_quote_name(db, rule->table->name, &sql) < 0 || buf_add_text(&sql, " LIMIT 1") < 0)
            ret = err_oom(err);
        else
            ret = db_query(db, buf_text(&sql), NULL, 0, &r, err);
        buf_release(&sql);
        if (ret == 0 && r.n_rows) {
            err_set(err, ERR_RUN, W0609, "%s is not empty, and the rule %.*s has no key", rule->table->name,
                    STR_ARG(rule->source->name.text));
            ret = err_help(err, "give the rule a key:, or empty the table first");
        }
        db_result_release(&r);
        if (ret < 0)
            return -1;
    }
    return 0;
}

/* May this run go on where the last one stopped? *again: everything is to be loaded again. */
static int settle_with_last(struct run *run, struct db *db, bool *again, struct err *err)
{
    struct ledger_run last;
    int there = ledger_last_run(db, run->job, &last, err);
    bool same = there == 1 && strcmp(last.digest, run->p->digest) == 0;

    if (there < 0)
        return -1;
    *again = run->o->fresh || (there == 1 && !same);
    if (there == 0)
        return 0;
    if (run->o->fresh && check_empty(run, db, err) < 0)
        return -1;
    if (run->o->fresh)
        return ledger_unfinished(&last) ? ledger_run_state(db, last.id, "abandoned", err) : 0;
    if (!ledger_unfinished(&last))
        return 0;
    if (same) {
        failover_compare(run, &last);
        run->id = last.id;
        return 0;
    }
    err_set(err, ERR_RUN, W0606, "run %lld of this mapping is not finished, and the mapping or its parameters have changed since",
            (long long)last.id);
    return err_help(err, "give the old mapping again to finish it, or start over with --fresh");
}

static int agenda_in_transaction(struct run *run, struct db *db, struct err *err)
{
    int64_t held = 0;
    bool again;

    if (ledger_lock_job(db, run->job, err) < 0 || ledger_check(db, run->job, err) < 0 || settle_with_last(run, db, &again, err) < 0 ||
        ledger_drop_open(db, run->job, &held, err) < 0)
        return -1;
    if (held && again) {
        err_set(err, ERR_RUN, W0610, "another windrow is loading this source, and this one would start over");
        return err_help(err, "wait until it has ended, or stop it");
    }
    if (held)
        return 0;   /* others are at work on it: join them */
    if (again && ledger_forget_states(db, run->job, run->o->fresh, err) < 0)
        return -1;
    if (ledger_files_open(&run->known, db, run->job, err) < 0 || survey(run, err) < 0 || enter_units(run, db, err) < 0)
        return -1;
    FAULT("after_survey");
    return run->id ? ledger_run_state(db, run->id, "running", err) : 0;
}

static int begin_fixture(struct run *run, struct db *db, struct err *err)
{
    const struct run_fixture *fixture = run->o->fixture;

    return fixture ? fixture->begin(fixture->context, db, run->p, err) : 0;
}

static int agenda_once(struct run *run, struct err *err)
{
    struct db *db = run->ops->db(run->first);
    struct buf source = BUF_INIT;
    int ret = -1;

    if (ledger_create(db, err) == 0 && failover_begin(run, db, err) == 0 && run_source_text(run, &source, err) == 0 &&
        db_begin(db, err) == 0) {
        ret = begin_fixture(run, db, err);
        if (ret == 0)
            ret = ledger_job(db, run->mapping->name.text, buf_str(&source), &run->job, err);
        if (ret == 0)
            ret = agenda_in_transaction(run, db, err);
        if (ret == 0 && db_commit(db, err) != DB_COMMITTED)
            ret = err_set(err, ERR_RUN, W0501, "the list of work could not be committed");
        if (ret < 0)
            db_rollback(db);
    }
    buf_release(&source);
    ledger_files_release(&run->known);
    survey_close(run->survey);
    run->survey = NULL;
    opener_free(run->opener);
    run->opener = NULL;
    return ret;
}

/* As before the first try. What may have been committed all the same is work that nobody has claimed: the next try drops it. */
static void forget_agenda(struct run *run)
{
    account_clear(&run->account);
    run->job = run->id = 0;
    run->n_units = run->matched = run->total_files = run->total_bytes = 0;
}

/* Where there is no connection to lose (SQLite), whoever holds the file has been waited for already. */
static int agenda_of_ledger(struct run *run, struct err *err)
{
    struct patience patience = {0};

    while (run_connected(run, err) < 0 || agenda_once(run, err) < 0) {
        if (!run->ops->streams || run_stopping(run) || !patience_again(&patience, err))
            return -1;
        err_release(err);
        forget_agenda(run);
    }
    return 0;
}

/* A rehearsal only reads the ledger: files that are loaded already are left out, as a load would. */
static int recall(struct run *run, struct err *err)
{
    struct db *db = run->ops->db(run->first);
    struct buf source = BUF_INIT;
    struct ledger_run last;
    int there = ledger_exists(db, err);

    if (there == 1)
        there = run_source_text(run, &source, err) < 0 ? -1
                : ledger_find_job(db, run->mapping->name.text, buf_str(&source), &run->job, err);
    if (there == 1 && (there = ledger_last_run(db, run->job, &last, err)) == 1) {
        run->recalls = true;
        run->recalls_nothing_same = strcmp(last.digest, run->p->digest) != 0;
        there = ledger_check(db, run->job, err) < 0 ? -1 : ledger_files_open(&run->known, db, run->job, err);
    }
    buf_release(&source);
    return there < 0 ? -1 : 0;
}

int run_agenda(struct run *run, struct err *err)
{
    if (run->ledger)
        return agenda_of_ledger(run, err);
    return run->hold && recall(run, err) < 0 ? -1 : survey(run, err);
}
