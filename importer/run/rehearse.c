/* What a rehearsal in PostgreSQL costs, told by name: locks, triggers, and the sequences that do not go back. */
#include "run/run_internal.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TEXT_MAX = 300 };

/* Of one table: its triggers. */
static const char triggers_sql[] =
    "SELECT coalesce(pg_catalog.string_agg(g.tgname, ', ' ORDER BY g.tgname), '') FROM pg_catalog.pg_trigger g"
    " WHERE g.tgrelid = $1::pg_catalog.regclass AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')";

/* The sequences behind its columns, and how far they are; null before the first number, or when that may not be read. */
static const char sequences_sql[] =
    "SELECT pg_catalog.format('%I.%I', n.nspname, s.relname),"
    " CASE WHEN pg_catalog.has_sequence_privilege(s.oid, 'SELECT') THEN coalesce(pg_catalog.pg_sequence_last_value(s.oid), 0) END"
    " FROM pg_catalog.pg_class s JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace WHERE s.relkind = 'S' AND s.oid IN ("
    "SELECT d.objid FROM pg_catalog.pg_depend d WHERE d.refobjid = $1::pg_catalog.regclass AND d.deptype IN ('a', 'i') UNION"
    " SELECT d.refobjid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef a ON a.oid = d.objid"
    " WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND a.adrelid = $1::pg_catalog.regclass) ORDER BY 1";

static struct db *db_of(const struct run *run)
{
    return run->ops->db(run->first);
}

static int quoted(const struct run *run, const struct catalog_table *t, struct buf *out)
{
    if (t->schema && (db_quote_name(db_of(run), t->schema, out) < 0 || buf_add_char(out, '.') < 0))
        return -1;
    return db_quote_name(db_of(run), t->name, out);
}

/* Is this the first rule that writes to its table? */
static bool is_first(const struct run *run, size_t rule)
{
    for (size_t i = 0; i < rule; i++) {
        if (run->p->rules[i].on && run->p->rules[i].table == run->p->rules[rule].table)
            return false;
    }
    return run->p->rules[rule].on;
}

static int ask(struct run *run, const char *sql, size_t rule, struct db_result *ret, struct err *err)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    if (quoted(run, run->p->rules[rule].table, &name) < 0)
        return err_oom(err);
    return db_query(db_of(run), sql, (struct db_value[]){db_text(buf_str(&name))}, 1, ret, err);
}

int rehearse_begin(struct run *run, struct err *err)
{
    CLEANUP(buf_release) struct buf tables = BUF_INIT;

    run->sequences = arena_calloc(&run->arena, run->p->n_rules + 1, sizeof *run->sequences);
    if (!run->sequences)
        return err_oom(err);
    for (size_t i = 0; i < run->p->n_rules; i++) {
        CLEANUP(db_result_release) struct db_result triggers = {0};

        if (!is_first(run, i))
            continue;
        if (buf_printf(&tables, "%s%s", tables.len ? ", " : "", run->p->rules[i].table->name) < 0)
            return err_oom(err);
        if (ask(run, triggers_sql, i, &triggers, err) < 0 || ask(run, sequences_sql, i, &run->sequences[i], err) < 0)
            return -1;
        if (db_cell(&triggers, 0, 0).len)
            run_note(run, W0618, FINDING_NOTE, "triggers of %s fire: %.*s", run->p->rules[i].table->name,
                     (int)str_cut_utf8(db_cell(&triggers, 0, 0), TEXT_MAX), db_cell(&triggers, 0, 0).at);
    }
    run_note(run, W0618, FINDING_NOTE, "the locks of a load are held until the end, on %.*s; its rows are rolled back",
             (int)str_cut_utf8(buf_str(&tables), TEXT_MAX), buf_text(&tables));
    return 0;
}

static void tell_sequences(struct run *run, const struct db_result *before, const struct db_result *after)
{
    for (size_t i = 0; i < before->n_rows && i < after->n_rows; i++) {
        struct str was = db_cell(before, i, 1), is = db_cell(after, i, 1), name = db_cell(after, i, 0);

        if (!str_eq(db_cell(before, i, 0), name) || (is.at && str_eq(was, is)))
            continue;
        if (is.at)
            run_note(run, W0618, FINDING_NOTE, "the sequence %.*s went from %.*s to %.*s, and stays there", STR_ARG(name),
                     STR_ARG(was), STR_ARG(is));
        else
            run_note(run, W0618, FINDING_NOTE, "numbers of the sequence %.*s may be used up; this role may not look", STR_ARG(name));
    }
}

void rehearse_end(struct run *run)
{
    for (size_t i = 0; run->sequences && i < run->p->n_rules; i++) {
        CLEANUP(db_result_release) struct db_result after = {0};
        CLEANUP(err_release) struct err ignored = {0};

        if (run->sequences[i].n_rows && ask(run, sequences_sql, i, &after, &ignored) == 0)
            tell_sequences(run, &run->sequences[i], &after);
        db_result_release(&run->sequences[i]);
    }
    findings_merge(&run->account.findings, &run->notes, NULL);
}
