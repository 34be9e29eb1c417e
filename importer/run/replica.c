/* Copies of a target's tables, see run/replica.h: on PostgreSQL by statements that its catalogue writes for us. */
#include "run/replica.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>

/* Statements, each with what it makes; `quiet`: what fails here is told where it is missed. */
struct group {
    const char *sql;
    bool quiet;
};

#define OURS_NAMESPACE "n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'windrow')"
#define NOT_OF_EXTENSION(catalog, oid) \
    " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = '" catalog "'::regclass AND d.objid = " oid \
    " AND d.deptype = 'e')"

static const char schemas_sql[] =
    "SELECT format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname), format('schema %I', n.nspname) FROM pg_namespace n"
    " WHERE " OURS_NAMESPACE " AND n.nspname <> 'public' ORDER BY n.nspname";

static const char extensions_sql[] =
    "SELECT format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I', e.extname, n.nspname), format('extension %I', e.extname)"
    " FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY e.oid";

/* The column with ICU's locale has had three names. */
static const char collations_sql[] =
    "SELECT format('CREATE COLLATION %I.%I (PROVIDER = %s, %s, DETERMINISTIC = %s)', n.nspname, o.collname,"
    " CASE o.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,"
    " CASE WHEN o.collprovider = 'c' THEN format('LC_COLLATE = %L, LC_CTYPE = %L', o.collcollate, o.collctype)"
    " ELSE format('LOCALE = %L', coalesce(to_jsonb(o) ->> 'colllocale', to_jsonb(o) ->> 'colliculocale', o.collcollate)) END,"
    " CASE WHEN o.collisdeterministic THEN 'true' ELSE 'false' END), format('collation %I.%I', n.nspname, o.collname) FROM pg_collation o"
    " JOIN pg_namespace n ON n.oid = o.collnamespace WHERE " OURS_NAMESPACE NOT_OF_EXTENSION("pg_collation", "o.oid")
    " ORDER BY o.oid";

static const char sequences_sql[] =
    "SELECT format('CREATE SEQUENCE %I.%I', n.nspname, c.relname), format('sequence %I.%I', n.nspname, c.relname)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND " OURS_NAMESPACE
    " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
    " AND d.deptype IN ('e', 'i')) ORDER BY c.oid";

static const char types_sql[] =
    "SELECT CASE t.typtype WHEN 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname,"
    " (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))"
    " WHEN 'r' THEN format('CREATE TYPE %I.%I AS RANGE (SUBTYPE = %s)', n.nspname, t.typname,"
    " (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid))"
    " ELSE format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname, (SELECT string_agg(format('%I %s', a.attname,"
    " format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = t.typrelid"
    " AND a.attnum > 0 AND NOT a.attisdropped)) END, format('type %I.%I', n.nspname, t.typname)"
    " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid"
    " WHERE (t.typtype IN ('e', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')) AND " OURS_NAMESPACE
    NOT_OF_EXTENSION("pg_type", "t.oid") " ORDER BY t.oid";

static const char functions_sql[] =
    "SELECT pg_get_functiondef(p.oid), format('function %I.%I', n.nspname, p.proname) FROM pg_proc p"
    " JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang"
    " WHERE p.prokind IN ('f', 'p') AND l.lanname IN ('sql', 'plpgsql') AND p.prorettype <> 'event_trigger'::regtype"
    " AND " OURS_NAMESPACE NOT_OF_EXTENSION("pg_proc", "p.oid") " ORDER BY p.oid";

static const char domains_sql[] =
    "SELECT format('CREATE DOMAIN %I.%I AS %s%s%s%s%s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod),"
    " CASE WHEN t.typcollation NOT IN (0, (SELECT b.typcollation FROM pg_type b WHERE b.oid = t.typbasetype)) THEN"
    " (SELECT format(' COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation co JOIN pg_namespace cn"
    " ON cn.oid = co.collnamespace WHERE co.oid = t.typcollation) ELSE '' END,"
    " CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END, coalesce(' DEFAULT ' || t.typdefault, ''),"
    " coalesce((SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.oid)"
    " FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '')), format('domain %I.%I', n.nspname, t.typname)"
    " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'd' AND " OURS_NAMESPACE
    NOT_OF_EXTENSION("pg_type", "t.oid") " ORDER BY t.oid";

/* A sequence of its own stands for any other that gives a default. A partition that is to be attached has none. */
static const char tables_sql[] =
    "SELECT format('CREATE TABLE %I.%I (%s)%s', n.nspname, c.relname, coalesce((SELECT string_agg("
    "quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)"
    " || CASE WHEN a.attcollation NOT IN (0, t.typcollation) THEN (SELECT format(' COLLATE %I.%I', cn.nspname, co.collname)"
    " FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) ELSE '' END"
    " || CASE WHEN a.attidentity = 'a' AND NOT c.relispartition THEN ' GENERATED ALWAYS AS IDENTITY'"
    " WHEN (a.attidentity = 'd' OR pg_get_expr(k.adbin, k.adrelid) LIKE 'nextval(%') AND NOT c.relispartition"
    " THEN ' GENERATED BY DEFAULT AS IDENTITY' WHEN a.attgenerated IN ('s', 'v') THEN format(' GENERATED ALWAYS AS (%s) %s',"
    " pg_get_expr(k.adbin, k.adrelid), CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)"
    " WHEN k.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(k.adbin, k.adrelid) ELSE '' END"
    " || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY a.attnum)"
    " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef k ON k.adrelid = a.attrelid"
    " AND k.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), ''),"
    " CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END),"
    " format('table %I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND " OURS_NAMESPACE NOT_OF_EXTENSION("pg_class", "c.oid") " ORDER BY c.oid";

static const char parents_sql[] =
    "SELECT CASE WHEN c.relispartition THEN format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I %s', pn.nspname, p.relname, n.nspname,"
    " c.relname, pg_get_expr(c.relpartbound, c.oid)) ELSE format('ALTER TABLE %I.%I INHERIT %I.%I', n.nspname, c.relname,"
    " pn.nspname, p.relname) END, format('that %I.%I is part of %I.%I', n.nspname, c.relname, pn.nspname, p.relname)"
    " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE c.relkind IN ('r', 'p') AND "
    OURS_NAMESPACE NOT_OF_EXTENSION("pg_class", "c.oid") " ORDER BY i.inhparent, c.oid, i.inhseqno";

/* What a part has from the whole comes with it. */
#define CONSTRAINTS(types) \
    "SELECT format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid))," \
    " format('constraint %I of %I.%I', k.conname, n.nspname, c.relname) FROM pg_constraint k JOIN pg_class c" \
    " ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype IN (" types ")" \
    " AND k.conparentid = 0 AND k.coninhcount = 0" \
    " AND c.relkind IN ('r', 'p') AND " OURS_NAMESPACE NOT_OF_EXTENSION("pg_class", "c.oid") " ORDER BY k.oid"

static const char indexes_sql[] =
    "SELECT regexp_replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON '), format('unique index %I of %I.%I', x.relname,"
    " n.nspname, c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE i.indisunique AND (i.indisvalid OR c.relkind = 'p')"
    " AND c.relkind IN ('r', 'p') AND " OURS_NAMESPACE
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))"
    " AND NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)"
    NOT_OF_EXTENSION("pg_class", "c.oid") " ORDER BY i.indexrelid";

static const char views_sql[] =
    "SELECT format('CREATE VIEW %I.%I AS %s', n.nspname, c.relname, pg_get_viewdef(c.oid)), format('view %I.%I', n.nspname,"
    " c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND " OURS_NAMESPACE
    NOT_OF_EXTENSION("pg_class", "c.oid") " ORDER BY c.oid";

static const char triggers_sql[] =
    "SELECT pg_get_triggerdef(g.oid), format('trigger %I of %I.%I', g.tgname, n.nspname, c.relname) FROM pg_trigger g"
    " JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT g.tgisinternal"
    " AND g.tgenabled IN ('O', 'A') AND c.relkind IN ('r', 'p') AND " OURS_NAMESPACE
    " AND coalesce(to_jsonb(g) ->> 'tgparentid', '0') = '0'" NOT_OF_EXTENSION("pg_class", "c.oid") " ORDER BY g.oid";

static const char rules_sql[] =
    "SELECT pg_get_ruledef(r.oid), format('rule %I of %I.%I', r.rulename, n.nspname, c.relname) FROM pg_rewrite r"
    " JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.rulename <> '_RETURN'"
    " AND r.ev_enabled IN ('O', 'A') AND c.relkind IN ('r', 'p') AND " OURS_NAMESPACE NOT_OF_EXTENSION("pg_class", "c.oid")
    " ORDER BY r.oid";

/* What stands in one stage may need each other in any order. */
enum { STAGE_GROUPS = 9 };
static const struct group stages[][STAGE_GROUPS] = {
    {{schemas_sql, false}, {extensions_sql, true}, {collations_sql, true}, {sequences_sql, true}, {types_sql, false},
     {functions_sql, true}, {domains_sql, false}, {tables_sql, false}, {views_sql, true}},
    {{parents_sql, false}},
    {{CONSTRAINTS("'p', 'u', 'c', 'x'"), false}, {indexes_sql, false}},
    {{CONSTRAINTS("'f'"), false}, {triggers_sql, false}, {rules_sql, false}},
};

/* One statement that is to be run, and why it could not be yet. */
struct step {
    struct step *next;
    const char *sql, *what;
    const char *why;
    bool quiet;
};

struct copying {
    struct db *scratch;
    const struct replica_out *out;
    struct arena arena;         /* of the steps */
    struct step *steps, **last;
    bool quiet;
};

/* 1 made, 0 refused; a failure of the connection ends it all. */
static int try_step(struct copying *c, struct step *step, struct err *err)
{
    CLEANUP(err_release) struct err why = {0};

    if (db_exec(c->scratch, step->sql, &why) == 0)
        return 1;
    if (!db_alive(c->scratch)) {
        err_move(err, &why);
        return -1;
    }
    step->why = arena_dup(&c->arena, str_of(why.message));
    return step->why ? 0 : err_oom(err);
}

/* As long as something succeeds; then what is left is told. */
static int run_steps(struct copying *c, struct err *err)
{
    bool progress = true;

    while (progress && c->steps) {
        progress = false;
        for (struct step **at = &c->steps; *at;) {
            int done = try_step(c, *at, err);

            if (done < 0)
                return -1;
            progress |= done == 1;
            if (done)
                *at = (*at)->next;
            else
                at = &(*at)->next;
        }
    }
    for (const struct step *s = c->steps; s; s = s->next) {
        if (!s->quiet)
            c->out->missing(c->out->context, str_of(s->what), s->why);
    }
    c->steps = NULL;
    c->last = &c->steps;
    arena_reset(&c->arena);
    return 0;
}

static int add_step(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct copying *c = context;
    struct step *step = arena_calloc(&c->arena, 1, sizeof *step);

    (void)n;
    if (!step || !(step->sql = arena_dup(&c->arena, values[0].text)) || !(step->what = arena_dup(&c->arena, values[1].text)))
        return err_oom(err);
    step->quiet = c->quiet;
    *c->last = step;
    c->last = &step->next;
    return 0;
}

static int run_stage(struct db *target, const struct group *groups, struct copying *c, struct err *err)
{
    for (size_t i = 0; i < STAGE_GROUPS && groups[i].sql; i++) {
        c->quiet = groups[i].quiet;
        if (db_stream(target, groups[i].sql, NULL, 0, add_step, c, err) < 0)
            return -1;
    }
    return run_steps(c, err);
}

/* The names of schemas as they are: "$user" would be somebody else there. */
static const char path_sql[] =
    "SELECT 'ALTER ROLE CURRENT_USER SET search_path = ' || coalesce(string_agg(quote_ident(s), ', ' ORDER BY i), '''''')"
    " FROM unnest(current_schemas(false)) WITH ORDINALITY AS p (s, i)";

/* Names are written out with their schemas, because nothing is in the path while the target is asked. */
static int build_postgres(struct db *target, struct copying *c, struct err *err)
{
    CLEANUP(db_result_release) struct db_result path = {0};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    int ret = 0;

    if (db_query(target, path_sql, NULL, 0, &path, err) < 0)
        return -1;
    if (db_exec(c->scratch, "SET check_function_bodies = off", err) < 0 ||
        db_exec(target, "BEGIN READ ONLY; SET LOCAL search_path = pg_catalog", err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(stages) && ret == 0; i++)
        ret = run_stage(target, stages[i], c, err);
    db_rollback(target);
    if (ret == 0 && buf_add_str(&sql, db_cell(&path, 0, 0)) < 0)
        ret = err_oom(err);
    return ret == 0 ? db_exec(c->scratch, buf_text(&sql), err) : -1;
}

/* Full-text and other virtual tables keep their own shadow tables. */
static const struct group sqlite_stage[STAGE_GROUPS] = {{
    "SELECT sql, type || ' ' || name FROM sqlite_schema WHERE sql IS NOT NULL"
    " AND name NOT LIKE 'windrow\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'windrow\\_%' ESCAPE '\\'"
    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE type IN ('shadow', 'virtual'))"
    " ORDER BY type = 'trigger', type = 'index', rowid", false}};

int replica_build(struct db *target, struct db *scratch, const struct replica_out *out, struct err *err)
{
    struct copying c = {.scratch = scratch, .out = out};
    int ret;

    c.last = &c.steps;
    ret = db_engine(target) == DB_POSTGRESQL ? build_postgres(target, &c, err) : run_stage(target, sqlite_stage, &c, err);
    arena_release(&c.arena);
    return ret;
}

/* From a catalogue */

/* By what it is, not by its name: that of a domain means nothing to SQLite. */
static int add_type(const struct type *t, struct buf *sql)
{
    static const char *const names[] = {
        [TYPE_BOOL] = "boolean", [TYPE_INT2] = "smallint", [TYPE_INT4] = "int4", [TYPE_INT8] = "bigint", [TYPE_FLOAT4] = "real",
        [TYPE_FLOAT8] = "double precision", [TYPE_BYTEA] = "blob", [TYPE_UUID] = "uuid", [TYPE_DATE] = "date",
        [TYPE_TIME] = "time", [TYPE_TIMESTAMP] = "timestamp", [TYPE_TIMESTAMPTZ] = "timestamptz", [TYPE_JSON] = "json",
        [TYPE_JSONB] = "jsonb"};

    if (t->kind == TYPE_TEXT && t->length > 0)
        return buf_printf(sql, " varchar(%d)", t->length);
    if (t->kind == TYPE_NUMERIC && t->precision > 0)
        return buf_printf(sql, " numeric(%d, %d)", t->precision, t->scale);
    if (t->kind == TYPE_NUMERIC)
        return buf_add_text(sql, " numeric");
    if (t->kind == TYPE_ARRAY)
        return buf_printf(sql, " %s", t->name);
    return buf_printf(sql, " %s", (size_t)t->kind < ARRAY_LEN(names) && names[t->kind] ? names[t->kind] : "text");
}

static int add_column(const struct db *db, const struct catalog_column *c, struct buf *sql)
{
    if (db_quote_name(db, c->name, sql) < 0 || add_type(&c->type, sql) < 0 ||
        (c->not_null && !c->has_default && !c->identity && !c->generated && buf_add_text(sql, " NOT NULL") < 0))
        return -1;
    if (c->type.kind != TYPE_ENUM || c->type.n_labels == 0)
        return 0;
    if (buf_add_text(sql, " CHECK (") < 0 || db_quote_name(db, c->name, sql) < 0 || buf_add_text(sql, " IN (") < 0)
        return -1;
    for (size_t i = 0; i < c->type.n_labels; i++) {
        if ((i && buf_add_text(sql, ", ") < 0) || db_quote_text(db, str_of(c->type.labels[i]), sql) < 0)
            return -1;
    }
    return buf_add_text(sql, "))");
}

static int add_names(const struct db *db, const struct catalog_table *t, const uint16_t *columns, size_t n, struct buf *sql)
{
    for (size_t i = 0; i < n; i++) {
        if (buf_add_text(sql, i ? ", " : " (") < 0 || db_quote_name(db, t->columns[columns[i]].name, sql) < 0)
            return -1;
    }
    return buf_add_char(sql, ')');
}

static int add_reference(const struct db *db, const struct catalog_table *t, const struct catalog_reference *r, struct buf *sql)
{
    if (buf_add_text(sql, ", FOREIGN KEY") < 0 || add_names(db, t, r->columns, r->n, sql) < 0 ||
        buf_add_text(sql, " REFERENCES ") < 0 || db_quote_name(db, r->table, sql) < 0)
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        if (buf_add_text(sql, i ? ", " : " (") < 0 || db_quote_name(db, r->their_columns[i], sql) < 0)
            return -1;
    }
    return buf_add_char(sql, ')');
}

static int table_statement(const struct db *db, const struct catalog *c, const struct catalog_table *t,
                           const struct replica_out *out, struct buf *sql)
{
    buf_clear(sql);
    if (buf_add_text(sql, "CREATE TABLE ") < 0 || db_quote_name(db, t->name, sql) < 0 || buf_add_text(sql, " (") < 0)
        return -1;
    for (size_t i = 0; i < t->n_columns; i++) {
        if ((i && buf_add_text(sql, ", ") < 0) || add_column(db, &t->columns[i], sql) < 0)
            return -1;
    }
    for (size_t i = 0; i < t->n_keys; i++) {
        const struct catalog_key *k = &t->keys[i];

        if (k->partial) {
            out->missing(out->context, str_of(k->name), "it is a unique index with a condition or an expression");
            continue;
        }
        if (buf_add_text(sql, k->primary ? ", PRIMARY KEY" : ", UNIQUE") < 0 || add_names(db, t, k->columns, k->n, sql) < 0)
            return -1;
    }
    for (size_t i = 0; i < t->n_references; i++) {
        if (t->references[i].n && catalog_table(c, str_of(t->references[i].table)) &&
            add_reference(db, t, &t->references[i], sql) < 0)
            return -1;
    }
    return buf_add_char(sql, ')');
}

int replica_from_catalog(const struct catalog *c, struct db *scratch, const struct replica_out *out, struct err *err)
{
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    CLEANUP(err_release) struct err why = {0};

    for (size_t i = 0; i < c->n_tables; i++) {
        const struct catalog_table *t = &c->tables[i];

        if (catalog_table(c, str_of(t->name)) != t || t->n_columns == 0)
            continue;   /* another of this name comes first in the search path */
        if (table_statement(scratch, c, t, out, &sql) < 0)
            return err_oom(err);
        if (db_exec(scratch, buf_text(&sql), &why) == 0)
            continue;
        out->missing(out->context, str_of(t->name), why.message);
        err_release(&why);
    }
    return 0;
}
