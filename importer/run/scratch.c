/* A throw-away database for checks: built from a system's schema, or from what a target has, never in the target. */
#include "run/run_internal.h"

#include "base/cleanup.h"
#include "base/tempfile.h"
#include "migrate/migrate.h"
#include "run/replica.h"
#include "run/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void run_note(struct run *run, enum code code, enum finding_severity severity, const char *fmt, ...)
{
    struct finding f = {.code = code, .severity = severity};
    struct err ignored = {0};
    char text[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    f.message = str_of(text);
    if (findings_add(&run->notes, &f, &ignored) < 0)
        err_release(&ignored);
}

static void on_missing(void *context, struct str what, const char *why)
{
    run_note(context, W0616, FINDING_ERROR, "not checked: %.*s (%s)", STR_ARG(what), why);
}

/* In a directory that nobody else can look into. */
static struct db *make_file(struct run *run, struct err *err)
{
    struct db_options options = {0};

    if (!run->scratch && tempdir_make(&run->dir, tempfile_directory(), geteuid(), getegid(), err) < 0)
        return NULL;
    run->scratch = arena_printf(&run->arena, "%s/database", run->dir.path);
    run->target = run->scratch ? arena_printf(&run->arena, "sqlite:%s", run->scratch) : NULL;
    if (!run->target) {
        err_oom(err);
        return NULL;
    }
    return db_open(run->target, &options, err);
}

static struct db *make_server(struct run *run, const char *text, const char *otherwise, struct err *err)
{
    const struct server_options server = {.name = "windrow_check", .text = text, .otherwise = otherwise};
    struct db_options options = {0};

    if (!run->server && !(run->server = server_start(&server, err)))
        return NULL;
    run->target = server_target(run->server);
    return db_open(run->target, &options, err);
}

/* What a database takes, folds and compares depends on its encoding and locale. */
static const char text_sql[] =
    "SELECT format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype)"
    " || CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', l.name)"
    " WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', l.name) ELSE '' END,"
    " CASE WHEN d.encoding = 6 THEN '' ELSE format('ENCODING %L LC_COLLATE ''C'' LC_CTYPE ''C''', pg_encoding_to_char(d.encoding)) END,"
    " coalesce(l.name, d.datctype) FROM pg_database d,"
    " LATERAL (SELECT coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')) l (name)"
    " WHERE d.datname = current_database()";

static struct db *make_server_like(struct run *run, struct db *target, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    CLEANUP(arena_release) struct arena a = {0};
    const char *text, *otherwise;
    struct db *db;

    if (db_query(target, text_sql, NULL, 0, &r, err) < 0)
        return NULL;
    text = arena_dup(&a, db_cell(&r, 0, 0));
    otherwise = arena_dup(&a, db_cell(&r, 0, 1));
    if (!text || !otherwise) {
        err_oom(err);
        return NULL;
    }
    db = make_server(run, text, otherwise, err);
    if (db && server_other_text(run->server))
        run_note(run, W0616, FINDING_WARNING, "the locale %.*s of %s is not installed here: texts were ordered and their case was"
                 " folded without it", STR_ARG(db_cell(&r, 0, 2)), run->checked);
    return db;
}

/* Of the system's versions for one engine. 1, 0 when it has none, -1. */
static int from_schema(struct run *run, enum db_engine engine, struct err *err)
{
    struct str system = run->mapping->schema.text;
    char *dir = arena_printf(&run->arena, "%s/%.*s", run->o->schema_dir, STR_ARG(system));
    char *folder = dir ? arena_printf(&run->arena, "%s/%s", dir, plan_folder(engine)) : NULL;
    struct plan plan = {0};
    struct db *db;
    int ret;

    if (!folder)
        return err_oom(err);
    if (access(folder, R_OK) < 0)
        return 0;
    if (engine == DB_POSTGRESQL && !server_available()) {
        run_note(run, W0616, FINDING_ERROR, "%.*s has tables for PostgreSQL alone, and the programs of its server are not "
                 "installed here: only values were checked, not keys, references and constraints", STR_ARG(system));
        return 0;
    }
    db = engine == DB_SQLITE ? make_file(run, err) : make_server(run, NULL, NULL, err);
    ret = db && plan_load(dir, engine, &plan, err) == 0 && migrate_build(db, &plan, 0, err) == 0 ? 1 : -1;
    plan_release(&plan);
    db_close(db);
    return ret;
}

static int catalog_of(const char *target, struct catalog *ret, struct err *err)
{
    struct db_options options = {.read_only = true};
    const struct sink_ops *ops = sink_for(target);
    struct sink *sink = ops->open(target, &options, err);
    int got = sink ? ops->catalog(sink, ret, err) : -1;

    if (sink)
        ops->close(sink);
    return got;
}

/* PostgreSQL's tables in SQLite: the second best. */
static int from_catalog(struct run *run, const char *target, const struct replica_out *out, struct err *err)
{
    CLEANUP(catalog_release) struct catalog catalog = {0};
    struct db *db;
    int ret;

    if (catalog_of(target, &catalog, err) < 0)
        return -1;
    db = make_file(run, err);
    ret = db ? replica_from_catalog(&catalog, db, out, err) : -1;
    db_close(db);
    return ret < 0 ? -1 : 1;
}

static int from_target(struct run *run, struct err *err)
{
    const char *target = run->o->target;
    const struct replica_out out = {run, on_missing};
    struct db_options options = {.read_only = true};
    CLEANUP(err_release) struct err why = {0};
    struct db *from = db_open(target, &options, err), *to = NULL;
    bool postgres = from && db_engine(from) == DB_POSTGRESQL;
    int ret = from ? run_require_schema(run, from, err) : -1;

    if (ret == 0 && !(run->checked = arena_dup(&run->arena, str_of(db_name(from)))))
        ret = err_oom(err);
    if (ret == 0 && postgres && !(to = make_server_like(run, from, &why))) {
        if (stop_requested()) {
            err_move(err, &why);
            db_close(from);
            return -1;
        }
        run_note(run, W0616, FINDING_ERROR, "of %s only types, NOT NULL, keys, references and labels of enums were checked, not CHECK"
                 " constraints, domains, triggers and other things that need a server: %s", run->checked, why.message);
        db_close(from);
        return from_catalog(run, target, &out, err);
    }
    if (ret == 0 && !postgres && !(to = make_file(run, err)))
        ret = -1;
    if (ret == 0)
        ret = replica_build(from, to, &out, err);
    db_close(to);
    db_close(from);
    return ret < 0 ? -1 : 1;
}

/* A table for each rule, its columns typed as the mapping says; a column without a type takes any value. */
static int invent(struct run *run, struct catalog *c)
{
    const struct mapping *m = run->mapping;
    struct catalog_table *tables = arena_calloc(&c->arena, m->n_rules + 1, sizeof *tables);

    for (size_t i = 0; tables && i < m->n_rules; i++) {
        const struct mapping_rule *rule = &m->rules[i];
        struct str name = rule->into.text.at ? rule->into.text : rule->name.text;
        struct catalog_column *columns = arena_calloc(&c->arena, rule->n_columns + 1, sizeof *columns);
        uint16_t *key = arena_calloc(&c->arena, rule->n_columns + 1, sizeof *key);
        struct catalog_key *keys = arena_calloc(&c->arena, 1, sizeof *keys);
        struct catalog_table *t = &tables[c->n_tables];

        *t = (struct catalog_table){.name = arena_dup(&c->arena, name), .columns = columns, .n_columns = rule->n_columns, .keys = keys};
        if (!columns || !key || !keys || !t->name)
            return -1;
        for (size_t k = 0; k < rule->n_columns; k++) {
            columns[k].name = arena_dup(&c->arena, rule->columns[k].name.text);
            if (!columns[k].name)
                return -1;
            if (!rule->columns[k].type.text.at || !catalog_type_parse(rule->columns[k].type.text, &c->arena, &columns[k].type))
                columns[k].type = (struct type){.kind = TYPE_JSON, .name = "json"};
        }
        for (size_t k = 0; k < rule->n_key && k < rule->n_columns; k++) {
            int column = catalog_column(t, rule->key[k].text);

            if (column >= 0)
                key[keys->n++] = (uint16_t)column;
        }
        keys->columns = key;
        keys->primary = true;
        t->n_keys = keys->n > 0;
        c->tables = tables;
        if (catalog_table(c, name) == NULL)
            c->n_tables++;
    }
    return tables ? 0 : -1;
}

static int from_mapping(struct run *run, struct err *err)
{
    CLEANUP(catalog_release) struct catalog catalog = {.engine = "sqlite"};
    const struct replica_out out = {run, on_missing};
    struct db *db;
    int ret;

    if (invent(run, &catalog) < 0)
        return err_oom(err);
    db = make_file(run, err);
    ret = db ? replica_from_catalog(&catalog, db, &out, err) : -1;
    db_close(db);
    return ret < 0 ? -1 : 1;
}

int scratch_make(struct run *run, struct err *err)
{
    int made;

    if (run->o->target)
        made = from_target(run, err);
    else if (!run->mapping->schema.text.at)
        made = 0;
    else if ((made = from_schema(run, DB_SQLITE, err)) == 0)
        made = from_schema(run, DB_POSTGRESQL, err);
    if (made == 0 && run->o->examples)
        made = from_mapping(run, err);
    run->scratch_made = made == 1;
    if (made == 0 && run->o->level == RUN_CONSTRAINTS && run->notes.n == 0)
        run_note(run, W0616, FINDING_WARNING, "no tables are known (%s): keys, references and constraints were not checked",
                 run->mapping->schema.text.at ? "the schema that the mapping names is not found; see --schema-dir"
                                              : "the mapping names no schema:, and no --to was given");
    return made;
}

int scratch_copy(struct run *run, struct err *err)
{
    struct db_options options = {.read_only = true};
    struct db *from = db_open(run->o->target, &options, err), *to = NULL;
    int ret = -1;

    if (from && (run->checked = arena_dup(&run->arena, str_of(db_name(from)))) && (to = make_file(run, err))) {
        db_close(to);
        ret = db_copy_file(from, run->scratch, NULL, err);
    } else if (from) {
        err_oom(err);
    }
    db_close(from);
    if (ret < 0)
        return -1;
    run->scratch_made = true;
    return 0;
}

void scratch_remove(struct run *run)
{
    tempdir_remove(&run->dir);
    run->scratch = NULL;
    server_stop(run->server);
    run->server = NULL;
}
