/* Before anything is read: the mapping, the target and its tables, the program, what the sink has to know. */
#include "run/run_internal.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "migrate/migrate.h"
#include "run/lock.h"
#include "run/seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 10000 };

static int count_lines(struct run *run, struct err *err)
{
    struct str rest = run->mapping->source;
    size_t n = 1;

    for (size_t i = 0; i < rest.len; i++)
        n += rest.at[i] == '\n';
    run->mapping_lines = arena_calloc(&run->arena, n, sizeof *run->mapping_lines);
    if (!run->mapping_lines)
        return err_oom(err);
    while (rest.len) {
        const char *end = memchr(rest.at, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.at) : rest.len;

        run->mapping_lines[run->n_mapping_lines++] = str_make(rest.at, len);
        rest = str_make(rest.at + len + (end != NULL), rest.len - len - (end != NULL));
    }
    return 0;
}

static bool writes(enum run_level level)
{
    return level == RUN_LOAD || level == RUN_REHEARSE;
}

int run_require_schema(struct run *run, struct db *db, struct err *err)
{
    struct str system = run->mapping->schema.text;
    char *name = system.at ? arena_dup(&run->arena, system) : NULL;

    if (!system.at || !run->mapping->schema_version)
        return 0;
    return name ? migrate_require(db, name, run->mapping->schema_version, err) : err_oom(err);
}

static const char *level_name(enum run_level level)
{
    static const char *const names[] = {"", "parse", "types", "constraints", "rehearse"};

    return names[level];
}

/* A test build can be told not to wait that long. */
struct db_options run_db_options(const struct run *run)
{
    struct db_options options = {.read_only = !writes(run->o->level) && !run->scratch_made};

#ifdef WINDROW_FAILPOINTS
    const char *given = getenv("WINDROW_WAIT_MS");

    if (given)
        options.wait_ms = (uint32_t)strtoul(given, NULL, 10);
#endif
    return options;
}

/* The target itself for loads and rehearsals, and where only types are asked for; else a database of our own. */
static int open_target(struct run *run, struct run_result *ret)
{
    struct db_options options;
    struct err *err = &ret->failure;
    int made = 0;

    run->target = run->o->target;
    ret->summary.level = str_of(level_name(run->o->level));
    if (run->o->level == RUN_REHEARSE && sink_for(run->target) == &sink_sqlite) {
        if (scratch_copy(run, err) < 0)
            return -1;
    } else if (!writes(run->o->level) && (!run->target || run->o->level == RUN_CONSTRAINTS)) {
        made = scratch_make(run, err);
        if (made < 0)
            return -1;
        if (!made && run->o->level == RUN_CONSTRAINTS)
            ret->summary.level = str_of(level_name(RUN_TYPES));
    }
    if (!run->target)
        return 0;
    run->ops = sink_for(run->target);
    options = run_db_options(run);
    if (run->o->level == RUN_LOAD && !FAULT_FAILS("lock")) {
        run->lock_fd = lock_target(run->target, options.wait_ms ? options.wait_ms : LOCK_WAIT_MS, err);
        if (err->scope)
            return -1;
    }
    run->first = run->ops->open(run->target, &options, err);
    if (!run->first || (!made && run_require_schema(run, run->ops->db(run->first), err) < 0))
        return -1;
    return run->ops->catalog(run->first, &run->catalog, err);
}

static int make_reference(struct run *run, const struct program_column *c, struct sink_column *ret)
{
    struct sink_reference *ref = arena_calloc(&run->arena, 1, sizeof *ref);

    if (!ref)
        return -1;
    *ref = (struct sink_reference){c->ref->table, c->ref->column, c->ref->keys, c->ref->n, c->ref->optional};
    ret->reference = ref;
    return 0;
}

static int make_spec(struct run *run, const struct program_rule *rule, struct sink_spec *spec)
{
    struct sink_column *columns = arena_calloc(&run->arena, rule->n_columns + 1, sizeof *columns);
    const struct mapping_text *when = &rule->source->conflict_when;

    if (!columns)
        return -1;
    for (size_t i = 0; i < rule->n_columns; i++) {
        const struct program_column *c = &rule->columns[i];

        columns[i] = (struct sink_column){c->column, &c->type, NULL};
        if (c->ref && !c->ref->computed && make_reference(run, c, &columns[i]) < 0)
            return -1;
    }
    *spec = (struct sink_spec){.table = rule->table, .columns = columns, .n_columns = rule->n_columns, .key = rule->key,
                               .n_key = rule->n_key, .conflict = (enum sink_conflict)rule->conflict, .update = rule->update,
                               .n_update = rule->n_update};
    if (when->text.at && !(spec->when = arena_dup(&run->arena, when->text)))
        return -1;
    return 0;
}

static bool in_unique_key(const struct catalog_table *t, uint16_t column)
{
    for (size_t i = 0; i < t->n_keys; i++) {
        for (size_t k = 0; k < t->keys[i].n && !t->keys[i].partial; k++) {
            if (t->keys[i].columns[k] == column)
                return true;
        }
    }
    return false;
}

/* What tells rows apart: what the ledger keeps of them; without a ledger everything that has to be unique. */
static int make_identity(struct run *run, const struct program_rule *rule, struct sink_spec *spec)
{
    uint16_t *identity = arena_calloc(&run->arena, rule->n_columns + 1, sizeof *identity);

    if (!identity)
        return -1;
    spec->identity = identity;
    for (size_t i = 0; i < rule->n_columns && !run->ledger; i++) {
        if (in_unique_key(rule->table, rule->columns[i].column))
            identity[spec->n_identity++] = (uint16_t)i;
    }
    if (spec->n_identity == 0) {
        spec->identity = rule->key;
        spec->n_identity = rule->n_key;
    }
    return 0;
}

static int make_identities(struct run *run, struct err *err)
{
    for (size_t i = 0; run->ops && i < run->p->n_rules; i++) {
        if (make_identity(run, &run->p->rules[i], &run->specs[i]) < 0)
            return err_oom(err);
    }
    return 0;
}

static int make_specs(struct run *run, struct err *err)
{
    run->specs = arena_calloc(&run->arena, run->p->n_rules + 1, sizeof *run->specs);
    if (!run->specs)
        return err_oom(err);
    for (size_t i = 0; i < run->p->n_rules; i++) {
        if (make_spec(run, &run->p->rules[i], &run->specs[i]) < 0)
            return err_oom(err);
    }
    return 0;
}

static int check_sql(struct run *run, struct run_result *ret)
{
    const struct mapping *m = run->mapping;
    const struct mapping_text *at = m->n_afters ? m->afters[0].sql.line ? &m->afters[0].sql : &m->afters[0].file : NULL;

    for (size_t i = 0; !at && i < m->n_rules; i++) {
        if (m->rules[i].conflict_when.text.at)
            at = &m->rules[i].conflict_when;
    }
    if (!run->o->no_sql || !at)
        return 0;
    err_set(mapping_fault(&ret->faults), ERR_RUN, W0269, "the mapping holds SQL, and --no-sql refuses that");
    err_mapping(&ret->faults.at[0], at->line, at->column, at->len);
    return -1;
}

int run_prepare(struct run *run, struct run_result *ret)
{
    struct err *err = &ret->failure;

    run->mapping = mapping_open(run->o->mapping, &ret->faults);
    if (!run->mapping || check_sql(run, ret) < 0)
        return -1;
    if (count_lines(run, err) < 0 || open_target(run, ret) < 0)
        return -1;
    if (run->o->fixture && run->o->fixture->mapping(run->o->fixture->context, run->ops->db(run->first), &run->catalog, run->mapping, err) < 0)
        return -1;
    run->p = program_compile(run->mapping, run->first ? &run->catalog : NULL, run->o->sets, run->o->n_sets, &ret->faults);
    if (!run->p)
        return -1;
    if (run->first && make_specs(run, err) < 0)
        return -1;
    if (run->o->level == RUN_PARSE || run->o->level == RUN_TYPES ||
        (run->o->level == RUN_CONSTRAINTS && !run->scratch_made)) {
        if (run->first)
            run->ops->close(run->first);    /* its tables are known; nothing will be written */
        run->first = NULL;
        run->ops = NULL;
    }
    run->ledger = run->o->level == RUN_LOAD || (run->o->level == RUN_REHEARSE && run->scratch_made);
    run->hold = run->o->level == RUN_REHEARSE && !run->scratch_made;
    run->recalls = run->ledger;
    if (run->hold && rehearse_begin(run, err) < 0)
        return -1;
    if (make_identities(run, err) < 0 || seen_open(run, err) < 0)
        return -1;
    if (account_init(&run->account, run->p, run->o->hide_values, err) < 0)
        return -1;
    return findings_merge(&run->account.findings, &run->notes, err);
}

void run_unprepare(struct run *run)
{
    for (size_t i = 0; run->sequences && i < run->p->n_rules; i++)
        db_result_release(&run->sequences[i]);
    account_release(&run->account);
    if (run->first)
        run->ops->close(run->first);
    run->first = NULL;
    close_fd(&run->lock_fd);
    seen_close(run);
    scratch_remove(run);
    findings_release(&run->notes);
    program_free(run->p);
    catalog_release(&run->catalog);
    mapping_free(run->mapping);
    arena_release(&run->arena);
}
