/* The statements of the sieve, see sink/postgres_sieve.h: most of a rule is written by the server itself, from its catalogue. */
#include "sink/postgres_sieve.h"

#include "base/cleanup.h"
#include "sink/db_internal.h"

#define PG "pg_catalog."

/* ---- rules ---- */

/* The columns that the rows have, with their numbers. */
static int add_given(const struct sink_table *t, struct buf *out)
{
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        if (buf_printf(out, "%s(%zu, ", i ? ", " : "", i) < 0 ||
            db_quote_text(NULL, str_of(postgres_column(t, i)->name), out) < 0 || buf_add_char(out, ')') < 0)
            return -1;
    }
    return 0;
}

/* Of a unique index, whoever made it: also one over expressions, or of some rows only. */
static const char unique_sql[] =
    "SELECT 'u', x.keys, x.names, x.match, " PG "pg_get_expr(i.indpred, i.indrelid), w_t.name, ARRAY(SELECT k::int4 FROM"
    " " PG "unnest(i.indkey::int2[]) k WHERE k <> 0 UNION SELECT d.refobjsubid FROM " PG "pg_depend d WHERE d.classid ="
    " '" PG "pg_class'::" PG "regclass AND d.objid = i.indexrelid AND d.refclassid = d.classid AND d.refobjid = i.indrelid AND"
    " d.refobjsubid > 0) FROM w_t, " PG "pg_index i JOIN " PG "pg_class c ON c.oid = i.indexrelid, LATERAL (SELECT"
    " " PG "string_agg(" PG "format('(%s) AS w_k%s', " PG "pg_get_indexdef(c.oid, k, false), k), ', ') AS keys,"
    " " PG "string_agg(" PG "format('w_k%s', k), ', ') AS names,"
    " " PG "string_agg(" PG "format('(%s) = w_new.w_k%s', " PG "pg_get_indexdef(c.oid, k, false), k), ' AND ') AS match"
    " FROM " PG "generate_series(1, i.indnkeyatts) k) x"
    " WHERE i.indrelid = w_t.oid AND i.indisunique AND w_t.state = '23505' AND c.relname = w_t.hurt";

/* References to the table itself can lead to rows of the same write. */
static const char reference_sql[] =
    "SELECT 'f', x.keys, x.names, x.match, NULL, c.confrelid::" PG "regclass::text, c.conkey::int4[] FROM w_t, " PG "pg_constraint c,"
    " LATERAL (SELECT " PG "string_agg(" PG "format('%I AS w_k%s', a.attname, k.i), ', ') AS keys,"
    " " PG "string_agg(" PG "format('w_k%s', k.i), ', ') AS names,"
    " " PG "string_agg(" PG "format('w_old.%I = w_new.w_k%s', o.attname, k.i), ' AND ') AS match FROM"
    " ROWS FROM (" PG "unnest(c.conkey), " PG "unnest(c.confkey)) WITH ORDINALITY k(a, o, i)"
    " JOIN " PG "pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.a"
    " JOIN " PG "pg_attribute o ON o.attrelid = c.confrelid AND o.attnum = k.o) x"
    " WHERE c.conrelid = w_t.oid AND c.contype = 'f' AND c.confrelid <> c.conrelid AND c.confmatchtype = 's' AND"
    " w_t.state = '23503' AND c.conname = w_t.hurt";

static const char check_sql[] =
    "SELECT 'c', NULL, NULL, NULL, " PG "format('NOT (%s)', " PG "pg_get_expr(c.conbin, c.conrelid)), NULL, c.conkey::int4[] FROM w_t,"
    " " PG "pg_constraint c WHERE c.conrelid = w_t.oid AND c.contype = 'c' AND w_t.state = '23514' AND c.conname = w_t.hurt";

static const char null_sql[] =
    "SELECT 'n', NULL, NULL, NULL, " PG "format('%I IS NULL', a.attname), NULL, ARRAY[a.attnum::int4] FROM w_t,"
    " " PG "pg_attribute a WHERE a.attrelid = w_t.oid AND a.attnotnull AND w_t.state = '23502' AND a.attname = w_t.hurt";

/* Tables with rules of their own mean something else by INSERT than by COPY. */
static const char answer_sql[] =
    "SELECT r.*, (SELECT " PG "string_agg(CASE WHEN a.attnum = ANY (r.used) THEN '1' ELSE '0' END, '' ORDER BY g.i) FROM w_given"
    " g JOIN " PG "pg_attribute a ON a.attrelid = w_t.oid AND a.attname = g.name) FROM w_t, w_rule r WHERE w_t.plain AND NOT"
    " EXISTS (SELECT FROM " PG "unnest(r.used) u WHERE u NOT IN (SELECT a.attnum FROM w_given g JOIN " PG "pg_attribute a ON"
    " a.attrelid = w_t.oid AND a.attname = g.name))";

static const char *hurt(const struct postgres_refusal *refusal)
{
    return refusal->constraint[0] ? refusal->constraint : refusal->column;
}

int postgres_sieve_ask_rule(const struct sink_table *t, const struct postgres_refusal *refusal, struct buf *out)
{
    const char *const kinds[] = {unique_sql, reference_sql, check_sql, null_sql};

    if (buf_add_text(out, "WITH w_given(i, name) AS (VALUES ") < 0 || add_given(t, out) < 0 ||
        buf_add_text(out, "), w_t AS (SELECT c.oid, c.oid::" PG "regclass::text AS name, c.relkind IN ('r', 'p') AND NOT"
                     " c.relhasrules AS plain, ") < 0 || db_quote_text(NULL, str_of(refusal->sqlstate), out) < 0 ||
        buf_add_text(out, "::text AS state, ") < 0 || db_quote_text(NULL, str_of(hurt(refusal)), out) < 0 ||
        buf_add_text(out, "::text AS hurt FROM " PG "pg_class c WHERE c.oid = ") < 0 ||
        db_quote_text(NULL, str_of(t->name), out) < 0 ||
        buf_add_text(out, "::" PG "regclass), w_rule(kind, keys, names, match, forbidden, other, used) AS (") < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if ((i && buf_add_text(out, " UNION ALL ") < 0) || buf_add_text(out, kinds[i]) < 0)
            return -1;
    }
    return buf_add_text(out, ") ") < 0 ? -1 : buf_add_text(out, answer_sql);
}

int postgres_sieve_read_rule(struct sink_table *t, const struct postgres_refusal *refusal, const struct db_result *answer,
                             struct sieve_rule *ret)
{
    struct arena *a = &t->sieve.arena;
    struct str used = db_cell(answer, 0, 7);
    bool *columns = arena_calloc(a, t->spec->n_columns, sizeof *columns);
    const char **const texts[] = {&ret->keys, &ret->names, &ret->match, &ret->where, &ret->other};

    *ret = (struct sieve_rule){.kind = db_cell(answer, 0, 0).at[0], .name = arena_dup(a, str_of(hurt(refusal))),
                               .columns = columns};
    if (!columns || !ret->name)
        return -1;
    for (size_t i = 0; i < used.len && i < t->spec->n_columns; i++)
        columns[i] = used.at[i] == '1';
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str text = db_cell(answer, 0, i + 1);

        if (!text.at)
            continue;
        *texts[i] = arena_dup(a, text);
        if (!*texts[i])
            return -1;
    }
    return 0;
}

/* ---- questions ---- */

int postgres_sieve_copy(struct sink_table *t, struct buf *out)
{
    bool *wanted = t->sieve.wanted;

    if (postgres_add_copy(t->stage.name, out) < 0 || buf_add_text(out, "seq") < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        wanted[i] = false;
        for (size_t k = 0; k < t->sieve.n_rules; k++)
            wanted[i] = wanted[i] || t->sieve.rules[k].columns[i];
        if (wanted[i] && buf_printf(out, ", c%zu", i) < 0)
            return -1;
    }
    return postgres_add_copy_end(&t->row, out);
}

/* The rows that a rule asks about, with its keys. */
static int add_keys(const struct staged *w, const struct sieve_rule *r, size_t n, struct buf *out)
{
    if (buf_printf(out, "(SELECT w_seq, %s FROM ", r->keys) < 0 || postgres_stage_source(w, 0, n, out) < 0)
        return -1;
    return r->where ? buf_printf(out, " WHERE %s) AS w_new", r->where) : buf_add_text(out, ") AS w_new");
}

/* And how many have the same up to there. No join: nobody has told the planner how many rows there are in the stage. */
static int add_numbered_keys(const struct staged *w, const struct sieve_rule *r, size_t n, struct buf *out)
{
    if (buf_printf(out, "(SELECT *, " PG "row_number() OVER (PARTITION BY %s ORDER BY w_seq) AS w_n FROM ", r->names) < 0 ||
        add_keys(w, r, n, out) < 0)
        return -1;
    return buf_add_text(out, ") AS w_new");
}

/* Looked up key by key: the table may be large, the rows are few. */
static int add_look(const struct sieve_rule *r, struct buf *out)
{
    if (buf_printf(out, "(SELECT true FROM %s AS w_old WHERE %s", r->other, r->match) < 0 ||
        (r->where && buf_printf(out, " AND (%s)", r->where) < 0))
        return -1;
    return buf_add_text(out, " LIMIT 1)");
}

static int add_question(const struct staged *w, const struct sieve_rule *r, size_t n, struct buf *out)
{
    if (buf_add_text(out, "SELECT w_seq FROM ") < 0)
        return -1;
    switch (r->kind) {
    case 'u':
        if (add_numbered_keys(w, r, n, out) < 0 || buf_printf(out, " WHERE (%s) IS NOT NULL AND (w_n > 1 OR ", r->names) < 0 ||
            add_look(r, out) < 0)
            return -1;
        return buf_add_char(out, ')');
    case 'f':
        if (add_keys(w, r, n, out) < 0 || buf_printf(out, " WHERE (%s) IS NOT NULL AND ", r->names) < 0 || add_look(r, out) < 0)
            return -1;
        return buf_add_text(out, " IS NULL");
    default:
        if (postgres_stage_source(w, 0, n, out) < 0)
            return -1;
        return buf_printf(out, " WHERE %s", r->where);
    }
}

int postgres_sieve_suspects(const struct sink_table *t, size_t n, struct buf *out)
{
    const struct staged w = {.t = (struct sink_table *)t, .stage = (struct stage *)&t->stage};

    if (buf_add_text(out, "SET LOCAL jit = off; SELECT DISTINCT w_seq FROM (") < 0)
        return -1;
    for (size_t i = 0; i < t->sieve.n_rules; i++) {
        if ((i && buf_add_text(out, " UNION ALL ") < 0) || add_question(&w, &t->sieve.rules[i], n, out) < 0)
            return -1;
    }
    return buf_add_text(out, ") AS w_all ORDER BY w_seq");
}

/* ---- verdicts ---- */

static int add_function_name(const struct sink_table *t, struct buf *out)
{
    return buf_printf(out, "pg_temp.windrow_try_%s()", strrchr(t->stage.name, '_') + 1);
}

/* COPY takes values for identity columns as they are; INSERT has to be told. */
static int add_insert(const struct sink_table *t, struct buf *out)
{
    if (buf_printf(out, "INSERT INTO %s (", t->name) < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        if ((i && buf_add_text(out, ", ") < 0) || postgres_add_name(out, NULL, postgres_column(t, i)->name) < 0)
            return -1;
    }
    if (buf_add_text(out, ") OVERRIDING SYSTEM VALUE VALUES (") < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        if (buf_printf(out, "%sw_row.c%zu", i ? ", " : "", i) < 0)
            return -1;
    }
    return buf_add_text(out, "); ");
}

int postgres_sieve_function(const struct sink_table *t, struct buf *out)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT;

    if (buf_printf(&body, "#variable_conflict use_column\nDECLARE w_row record; w_n int8; BEGIN"
                   " FOR w_row IN SELECT * FROM %s ORDER BY seq LOOP BEGIN ", t->stage.name) < 0 ||
        add_insert(t, &body) < 0 ||
        buf_add_text(&body, "GET DIAGNOSTICS w_n = ROW_COUNT; IF w_n = 0 THEN w_seq := w_row.seq; w_state := NULL; RETURN NEXT;"
                            " END IF; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS w_state = RETURNED_SQLSTATE,"
                            " w_message = MESSAGE_TEXT, w_detail = PG_EXCEPTION_DETAIL, w_hint = PG_EXCEPTION_HINT,"
                            " w_hurt = CONSTRAINT_NAME; w_seq := w_row.seq; RETURN NEXT; END; END LOOP; END") < 0)
        return -1;
    if (buf_add_text(out, "CREATE FUNCTION ") < 0 || add_function_name(t, out) < 0 ||
        buf_add_text(out, " RETURNS TABLE (w_seq int4, w_state text, w_message text, w_detail text, w_hint text, w_hurt text)"
                     " LANGUAGE plpgsql AS ") < 0)
        return -1;
    return db_quote_text(NULL, buf_str(&body), out);
}

int postgres_sieve_try(const struct sink_table *t, struct buf *out)
{
    if (buf_add_text(out, "SELECT * FROM ") < 0)
        return -1;
    return add_function_name(t, out);
}
