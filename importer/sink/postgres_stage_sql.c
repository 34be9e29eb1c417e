/* The statements between the stage and the table, see sink/postgres_stage.h. */
#include "sink/postgres_stage.h"

#include <stdio.h>

static bool is_key(const struct sink_table *t, size_t i)
{
    for (size_t k = 0; k < t->spec->n_key; k++) {
        if (t->spec->key[k] == i)
            return true;
    }
    return false;
}

static bool is_staged(const struct staged *w, size_t i)
{
    return !w->keys_only || is_key(w->t, i);
}

static bool is_looked_up(const struct staged *w, size_t i)
{
    return is_staged(w, i) && w->t->spec->columns[i].reference;
}

/* The condition that reference `i` finds its row. */
static int add_join(const struct sink_table *t, size_t i, struct buf *out)
{
    const struct sink_reference *ref = t->spec->columns[i].reference;

    if (buf_add_text(out, " LEFT JOIN ") < 0 || postgres_add_table(out, ref->table) < 0 ||
        buf_printf(out, " AS w_r%zu ON (", i) < 0)
        return -1;
    for (size_t k = 0; k < ref->n_keys; k++) {
        char alias[32];

        snprintf(alias, sizeof alias, "%sw_r%zu", k ? " AND " : "", i);
        if (postgres_add_name(out, alias, ref->table->columns[ref->keys[k]].name) < 0 ||
            buf_printf(out, " = w_s.k%zu_%zu", i, k) < 0)
            return -1;
    }
    return buf_add_char(out, ')');
}

static int add_joins(const struct staged *w, struct buf *out)
{
    for (size_t i = 0; i < w->t->spec->n_columns; i++) {
        if (is_looked_up(w, i) && add_join(w->t, i, out) < 0)
            return -1;
    }
    return 0;
}

/* Reference `i` has a key and finds no row. */
static int add_nowhere(const struct sink_table *t, size_t i, struct buf *out)
{
    const struct sink_reference *ref = t->spec->columns[i].reference;
    char alias[32];

    if (buf_add_text(out, "(coalesce(") < 0)
        return -1;
    for (size_t k = 0; k < ref->n_keys; k++) {
        if (buf_printf(out, "%sw_s.k%zu_%zu::pg_catalog.text", k ? ", " : "", i, k) < 0)
            return -1;
    }
    snprintf(alias, sizeof alias, ") IS NOT NULL AND w_r%zu", i);
    if (postgres_add_name(out, alias, ref->table->columns[ref->keys[0]].name) < 0)
        return -1;
    return buf_add_text(out, " IS NULL)");
}

/* Any reference leads nowhere; "false" when there are none. */
static int add_any_nowhere(const struct staged *w, struct buf *out)
{
    bool any = false;

    for (size_t i = 0; i < w->t->spec->n_columns; i++) {
        if (!is_looked_up(w, i) || w->t->spec->columns[i].reference->optional)
            continue;
        if ((any && buf_add_text(out, " OR ") < 0) || add_nowhere(w->t, i, out) < 0)
            return -1;
        any = true;
    }
    return any ? 0 : buf_add_text(out, "false");
}

int postgres_stage_source(const struct staged *w, size_t first, size_t n, struct buf *out)
{
    const struct sink_table *t = w->t;

    if (buf_add_text(out, "(SELECT w_s.seq AS w_seq") < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const struct sink_reference *ref = t->spec->columns[i].reference;
        char alias[32];

        if (!is_staged(w, i))
            continue;
        snprintf(alias, sizeof alias, "w_r%zu", i);
        if (ref ? buf_add_text(out, ", ") < 0 ||
                      postgres_add_name(out, alias, ref->table->columns[ref->column].name) < 0
                : buf_printf(out, ", w_s.c%zu", i) < 0)
            return -1;
        if (buf_add_text(out, " AS ") < 0 || postgres_add_name(out, NULL, postgres_column(t, i)->name) < 0)
            return -1;
    }
    if (buf_printf(out, " FROM %s AS w_s", w->stage->name) < 0 || add_joins(w, out) < 0 ||
        buf_printf(out, " WHERE w_s.seq >= %zu AND w_s.seq < %zu AND w_s.turn = %d AND w_s.again = %u AND NOT (",
                   first, first + n, w->turn, w->again) < 0 ||
        add_any_nowhere(w, out) < 0)
        return -1;
    return buf_add_text(out, ")) AS w_new");
}

static int add_columns(const struct sink_table *t, const char *prefix, struct buf *out)
{
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        if ((i && buf_add_text(out, ", ") < 0) || postgres_add_name(out, prefix, postgres_column(t, i)->name) < 0)
            return -1;
    }
    return 0;
}

int postgres_stage_key(const struct sink_table *t, const char *prefix, struct buf *out)
{
    for (size_t i = 0; i < t->spec->n_key; i++) {
        if ((i && buf_add_text(out, ", ") < 0) ||
            postgres_add_name(out, prefix, postgres_column(t, t->spec->key[i])->name) < 0)
            return -1;
    }
    return 0;
}

int postgres_stage_match(const struct sink_table *t, const char *left, const char *right, struct buf *out)
{
    for (size_t i = 0; i < t->spec->n_key; i++) {
        const char *name = postgres_column(t, t->spec->key[i])->name;

        if ((i && buf_add_text(out, " AND ") < 0) || postgres_add_name(out, left, name) < 0 ||
            buf_add_text(out, " = ") < 0 || postgres_add_name(out, right, name) < 0)
            return -1;
    }
    return 0;
}

static bool is_updated(const struct staged *w, size_t i)
{
    const struct sink_spec *spec = w->t->spec;

    if (is_key(w->t, i))
        return false;
    if ((w->how->mode == SINK_RECONCILE && !sink_condition_of(spec)) || spec->n_update == 0)
        return true;
    for (size_t k = 0; k < spec->n_update; k++) {
        if (spec->update[k] == i)
            return true;
    }
    return false;
}

size_t postgres_stage_count_updated(const struct staged *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->t->spec->n_columns; i++)
        n += is_updated(w, i);
    return n;
}

static int add_updated(const struct staged *w, const char *prefix, struct buf *out)
{
    size_t n = 0;

    if (buf_add_text(out, "ROW(") < 0)
        return -1;
    for (size_t i = 0; i < w->t->spec->n_columns; i++) {
        if (is_updated(w, i) && ((n++ && buf_add_text(out, ", ") < 0) ||
                                 postgres_add_name(out, prefix, postgres_column(w->t, i)->name) < 0))
            return -1;
    }
    return buf_add_char(out, ')');
}

/* Compared is what is stored: 1.0 and 1.00 differ, 'a' and 'A' in citext too, and types without equality (json) can be
 * compared as well. */
int postgres_stage_differs(const struct staged *w, const char *new_name, struct buf *out)
{
    if (buf_add_text(out, "pg_catalog.record_image_ne(") < 0 || add_updated(w, "w_old", out) < 0 ||
        buf_add_text(out, ", ") < 0 || add_updated(w, new_name, out) < 0)
        return -1;
    return buf_add_char(out, ')');
}

bool postgres_stage_has_condition(const struct staged *w)
{
    return sink_condition_of(w->t->spec) != NULL;
}

static int add_conflict(const struct staged *w, struct buf *out)
{
    const struct sink_table *t = w->t;
    size_t n = 0;

    if (buf_add_text(out, " ON CONFLICT (") < 0 || postgres_stage_key(t, NULL, out) < 0)
        return -1;
    if (!w->updates)
        return buf_add_text(out, ") DO NOTHING");
    if (buf_add_text(out, ") DO UPDATE SET ") < 0)
        return -1;
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const char *name = postgres_column(t, i)->name;

        if (is_updated(w, i) && ((n++ && buf_add_text(out, ", ") < 0) || postgres_add_name(out, NULL, name) < 0 ||
                                 buf_add_text(out, " = ") < 0 || postgres_add_name(out, "excluded", name) < 0))
            return -1;
    }
    if (buf_add_text(out, " WHERE ") < 0 || postgres_stage_differs(w, "excluded", out) < 0)
        return -1;
    if (!postgres_stage_has_condition(w))
        return 0;
    if (buf_add_text(out, " AND (") < 0 ||
        sink_condition(str_of(t->spec->when), "w_old", "excluded", out) < 0)
        return -1;
    return buf_add_text(out, "\n)");    /* the condition may end in a comment */
}

int postgres_stage_insert(const struct staged *w, size_t first, size_t n, struct buf *out)
{
    const struct sink_table *t = w->t;

    if (buf_printf(out, "INSERT INTO %s AS w_old (", t->name) < 0 || add_columns(t, NULL, out) < 0 ||
        buf_add_text(out, ") SELECT ") < 0 || add_columns(t, "w_new", out) < 0 || buf_add_text(out, " FROM ") < 0 ||
        postgres_stage_source(w, first, n, out) < 0 || buf_add_text(out, " ORDER BY w_new.w_seq") < 0)
        return -1;
    return w->updates || w->nothing ? add_conflict(w, out) : 0;
}

int postgres_stage_take_turn(const struct staged *w, int turn, struct buf *out)
{
    if (buf_printf(out, "UPDATE %s AS w_t SET turn = %d FROM (SELECT w_s.seq FROM %s AS w_s", w->stage->name, turn,
                   w->stage->name) < 0 ||
        add_joins(w, out) < 0 || buf_add_text(out, " WHERE w_s.turn = -1 AND NOT (") < 0 || add_any_nowhere(w, out) < 0)
        return -1;
    return buf_add_text(out, ")) AS w_x WHERE w_x.seq = w_t.seq");
}

/* WHEN ... THEN for each reference: its number, or the text of its key. */
static int add_cases(const struct staged *w, bool keys, struct buf *out)
{
    if (buf_add_text(out, "CASE WHEN false THEN NULL") < 0)
        return -1;
    for (size_t i = 0; i < w->t->spec->n_columns; i++) {
        const struct sink_reference *ref = w->t->spec->columns[i].reference;

        if (!is_looked_up(w, i) || ref->optional)
            continue;
        if (buf_add_text(out, " WHEN ") < 0 || add_nowhere(w->t, i, out) < 0 || buf_add_text(out, " THEN ") < 0)
            return -1;
        if (!keys && buf_printf(out, "%zu", i) < 0)
            return -1;
        for (size_t k = 0; keys && k < ref->n_keys; k++) {
            if (buf_printf(out, "%scoalesce(pg_catalog.left(w_s.k%zu_%zu::pg_catalog.text, 100), 'null')",
                           k ? " || ', ' || " : "", i, k) < 0)
                return -1;
        }
    }
    return buf_add_text(out, " END");
}

int postgres_stage_drop_nowhere(const struct staged *w, struct buf *out)
{
    if (buf_printf(out, "DELETE FROM %s AS w_t USING (SELECT w_s.seq, ", w->stage->name) < 0 ||
        add_cases(w, false, out) < 0 || buf_add_text(out, " AS which, ") < 0 || add_cases(w, true, out) < 0 ||
        buf_printf(out, " AS key FROM %s AS w_s", w->stage->name) < 0 || add_joins(w, out) < 0 ||
        buf_printf(out, " WHERE w_s.turn = %d AND (", w->turn) < 0 || add_any_nowhere(w, out) < 0)
        return -1;
    return buf_add_text(out, ")) AS w_x WHERE w_x.seq = w_t.seq RETURNING w_x.seq, w_x.which, w_x.key");
}
