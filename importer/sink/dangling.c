/* Foreign keys against the rows that are there: what leads nowhere, and what hangs on that. */
#include "sink/dangling.h"

#include "base/cleanup.h"
#include "sink/db_internal.h"

#include <strings.h>

enum { COLUMNS_MAX = 32 };

/* A foreign key by ordinals of the spec: the rows' own columns, and where it leads back to their table those of the parent. */
struct path {
    const struct catalog_reference *to;
    size_t ours[COLUMNS_MAX], theirs[COLUMNS_MAX];
    bool own;
};

/* The ordinal in the spec of a column of the table; n_columns when the rows do not bring its value. */
static size_t filled(const struct sink_spec *spec, size_t column)
{
    size_t i = 0;

    while (i < spec->n_columns && (spec->columns[i].column != column || spec->columns[i].reference))
        i++;
    return i;
}

static bool same_name(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

static bool leads_back(const struct sink_spec *spec, const struct catalog_reference *r)
{
    bool sqlite = !spec->table->schema;

    return sqlite ? strcasecmp(r->table, spec->table->name) == 0
                  : same_name(r->table, spec->table->name) && same_name(r->schema, spec->table->schema);
}

static bool find_path(const struct dangling *d, size_t reference, struct path *ret)
{
    const struct sink_spec *spec = d->spec;
    const struct catalog_reference *r = &spec->table->references[reference];

    if (r->n == 0 || r->n > COLUMNS_MAX || (!d->all && !r->deferred))
        return false;
    *ret = (struct path){.to = r, .own = leads_back(spec, r)};
    for (size_t i = 0; i < r->n; i++) {
        int column = catalog_column(spec->table, str_of(r->their_columns[i]));

        ret->ours[i] = filled(spec, r->columns[i]);
        if (ret->ours[i] == spec->n_columns)
            return false;
        ret->theirs[i] = !ret->own || column < 0 ? spec->n_columns : filled(spec, (size_t)column);
        ret->own = ret->own && ret->theirs[i] < spec->n_columns;
    }
    return true;
}

static int add_table(const char *schema, const char *name, struct buf *sql)
{
    if (schema ? db_quote_name(NULL, schema, sql) < 0 : buf_add_text(sql, "main") < 0)
        return -1;
    return buf_add_char(sql, '.') < 0 ? -1 : db_quote_name(NULL, name, sql);
}

/* before."name" */
static int add_column(const char *before, const char *name, struct buf *sql)
{
    return buf_add_text(sql, before) < 0 ? -1 : db_quote_name(NULL, name, sql);
}

static const char *column_name(const struct sink_spec *spec, size_t ordinal)
{
    return spec->table->columns[spec->columns[ordinal].column].name;
}

static int add_nowhere(const struct path *p, struct buf *sql)
{
    for (size_t i = 0; i < p->to->n; i++) {
        if (buf_printf(sql, "%sw_s.c%zu IS NOT NULL", i ? " AND " : "(", p->ours[i]) < 0)
            return -1;
    }
    if (buf_add_text(sql, " AND NOT EXISTS (SELECT 1 FROM ") < 0 || add_table(p->to->schema, p->to->table, sql) < 0)
        return -1;
    for (size_t i = 0; i < p->to->n; i++) {
        if (add_column(i ? " AND w_p." : " AS w_p WHERE w_p.", p->to->their_columns[i], sql) < 0 ||
            buf_printf(sql, " = w_s.c%zu", p->ours[i]) < 0)
            return -1;
    }
    return buf_add_text(sql, "))");
}

/* The row that stands under the key of w_s refers to the same: it may be another one that kept w_s out. */
static int add_stands(const struct dangling *d, const struct path *p, struct buf *sql)
{
    const struct sink_spec *spec = d->spec;

    for (size_t i = 0; i < spec->n_key; i++) {
        if (spec->columns[spec->key[i]].reference)
            return 0;
    }
    if (d->fresh || spec->n_key == 0)
        return 0;
    if (buf_add_text(sql, " AND EXISTS (SELECT 1 FROM ") < 0 || add_table(spec->table->schema, spec->table->name, sql) < 0)
        return -1;
    for (size_t i = 0; i < spec->n_key; i++) {
        if (add_column(i ? " AND w_t." : " AS w_t WHERE w_t.", column_name(spec, spec->key[i]), sql) < 0 ||
            buf_printf(sql, " = w_s.c%zu", (size_t)spec->key[i]) < 0)
            return -1;
    }
    for (size_t i = 0; i < p->to->n; i++) {
        if (add_column(" AND w_t.", column_name(spec, p->ours[i]), sql) < 0 || buf_printf(sql, " = w_s.c%zu", p->ours[i]) < 0)
            return -1;
    }
    return buf_add_char(sql, ')');
}

static int add_hanging(const struct dangling *d, size_t reference, const struct path *p, struct buf *sql)
{
    if (buf_printf(sql, " UNION SELECT w_s.seq, %zu FROM w_gone JOIN %s AS w_p ON w_p.seq = w_gone.seq JOIN %s AS w_s ON",
                   reference, d->stage, d->stage) < 0)
        return -1;
    for (size_t i = 0; i < p->to->n; i++) {
        if (buf_printf(sql, "%s w_s.c%zu = w_p.c%zu", i ? " AND" : "", p->ours[i], p->theirs[i]) < 0)
            return -1;
    }
    return 0;
}

static int add_first(const struct dangling *d, size_t *asked, struct buf *sql)
{
    struct path p;

    for (size_t i = 0; i < d->spec->table->n_references; i++) {
        if (!find_path(d, i, &p))
            continue;
        if (buf_printf(sql, "%s SELECT w_s.seq, %zu FROM %s AS w_s WHERE ", *asked ? " UNION ALL" : "", i, d->stage) < 0 ||
            add_nowhere(&p, sql) < 0 || add_stands(d, &p, sql) < 0)
            return -1;
        ++*asked;
    }
    return 0;
}

/* PostgreSQL wants all that recurses in one member. */
static int add_all_hanging(const struct dangling *d, struct buf *sql)
{
    struct path p;

    for (size_t i = 0; d->fresh && i < d->spec->table->n_references; i++) {
        if (find_path(d, i, &p) && p.own)
            return add_hanging(d, i, &p, sql);
    }
    return 0;
}

int dangling_ask(const struct dangling *d, struct buf *sql)
{
    size_t start = sql->len, asked = 0;

    if (buf_add_text(sql, "WITH RECURSIVE w_first(seq, path) AS (") < 0 || add_first(d, &asked, sql) < 0 ||
        buf_add_text(sql, "), w_gone(seq, path) AS (SELECT seq, path FROM w_first") < 0 || add_all_hanging(d, sql) < 0 ||
        buf_add_text(sql, ") SELECT seq, min(path) FROM w_gone GROUP BY seq ORDER BY seq") < 0)
        return -1;
    if (asked)
        return 0;
    sql->len = start;
    return 1;
}

void dangling_tell(const struct dangling *d, const struct db_result *answer, const char *sqlstate, const struct sink_write *how)
{
    const struct catalog_table *t = d->spec->table;

    for (size_t i = 0; i < answer->n_rows; i++) {
        const struct catalog_reference *r = &t->references[db_cell_int(answer, i, 1)];
        CLEANUP(err_release) struct err why = {0};

        err_set(&why, ERR_RECORD, W0513, "%s.%s%s refers to a row of %s that is not there", t->name,
                t->columns[r->columns[0]].name, r->n > 1 ? ", ..." : "", r->table);
        db_set_state(&why, sqlstate);
        how->refused(how->context, (size_t)db_cell_int(answer, i, 0), &why);
    }
}
