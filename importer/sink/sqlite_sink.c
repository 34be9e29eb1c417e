/* Chunks into a SQLite file: the statements of each table, prepared once, see sink/sink.h.
 *
 * One process writes a SQLite file at a time, so nothing is streamed: workers encode, one of them writes. OR ABORT
 * stands in every statement because it overrides an ON CONFLICT of the schema, which might replace rows in silence. */
#include "sink/sqlite_sink.h"

#include "base/cleanup.h"
#include "sink/sink_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static struct sink *sqlite_sink_open(const char *target, const struct db_options *options, struct err *err)
{
    struct sink *s = calloc(1, sizeof *s);

    if (!s)
        return err_oom(err), NULL;
    s->d = (struct sqlite_db *)db_open(target, options, err);
    if (!s->d)
        free_ptr(&s), s = NULL;
    return s;
}

static void sqlite_sink_close(struct sink *s)
{
    if (!s)
        return;
    db_close(&s->d->db);
    free(s);
}

static struct db *sqlite_sink_db(struct sink *s)
{
    return &s->d->db;
}

static int sqlite_sink_catalog(struct sink *s, struct catalog *ret, struct err *err)
{
    return sqlite_catalog_read(s->d, ret, err);
}

/* Texts of statements */

/* A statement under construction; the first failure to append is kept until it is prepared. */
struct text {
    struct buf sql;
    bool failed;
};

static void text_release(struct text *x) { buf_release(&x->sql); }

static void add(struct text *x, const char *piece)
{
    x->failed |= buf_add_text(&x->sql, piece) < 0;
}

static void add_name(struct text *x, const char *before, const char *name)
{
    add(x, before);
    x->failed |= db_quote_name(NULL, name, &x->sql) < 0;
}

static void add_numbered(struct text *x, const char *before, size_t n)
{
    x->failed |= buf_printf(&x->sql, "%s%zu", before, n) < 0;
}

static int prepare_text(struct sink_table *t, struct text *x, sqlite3_stmt **ret, struct err *err)
{
    return x->failed ? err_oom(err) : sqlite_prepare(t->d, x->sql.at, ret, err);
}

static const char *column_name(const struct sink_spec *spec, size_t ordinal)
{
    return spec->table->columns[spec->columns[ordinal].column].name;
}

static void add_columns(struct text *x, const struct sink_spec *spec)
{
    for (size_t i = 0; i < spec->n_columns; i++)
        add_name(x, i ? "," : "(", column_name(spec, i));
    add(x, ")");
}

static void add_unless_there(struct text *x, const struct sink_spec *spec)
{
    for (size_t i = 0; i < spec->n_key; i++)
        add_name(x, i ? "," : " ON CONFLICT(", column_name(spec, spec->key[i]));
    add(x, ") DO NOTHING");
}

static int prepare_insert(struct sink_table *t, bool only_new, sqlite3_stmt **ret, struct err *err)
{
    CLEANUP(text_release) struct text x = {0};

    add_name(&x, "INSERT OR ABORT INTO main.", t->spec->table->name);
    add_columns(&x, t->spec);
    for (size_t i = 0; i < t->spec->n_columns; i++)
        add_numbered(&x, i ? ",?" : " VALUES(?", i + 1);
    add(&x, ")");
    if (only_new)
        add_unless_there(&x, t->spec);
    return prepare_text(t, &x, ret, err);
}

static int prepare_fed(struct sink_table *t, bool only_new, sqlite3_stmt **ret, struct err *err)
{
    CLEANUP(text_release) struct text x = {0};

    add_name(&x, "INSERT OR ABORT INTO main.", t->spec->table->name);
    add_columns(&x, t->spec);
    for (size_t i = 0; i < t->spec->n_columns; i++)
        add_numbered(&x, i ? ",c" : " SELECT c", i);
    add_name(&x, " FROM ", t->feed.name);
    if (only_new) {
        add(&x, " WHERE true");     /* else ON would belong to FROM */
        add_unless_there(&x, t->spec);
    }
    return prepare_text(t, &x, ret, err);
}

/* The columns that sqlite_image() takes. */
static void add_image(struct text *x, const struct sink_spec *spec, const char *before)
{
    const char *between = before;

    for (size_t i = 0; i < spec->table->n_columns; i++) {
        if (spec->table->columns[i].generated)
            continue;
        add_name(x, between, spec->table->columns[i].name);
        between = ", ";
    }
}

static int prepare_delete(struct sink_table *t, struct err *err)
{
    CLEANUP(text_release) struct text x = {0};

    add_name(&x, "DELETE FROM main.", t->spec->table->name);
    for (size_t i = 0; i < t->spec->n_key; i++) {
        add_name(&x, i ? " AND " : " WHERE ", column_name(t->spec, t->spec->key[i]));
        add_numbered(&x, "=?", i + 1);
    }
    add_image(&x, t->spec, " RETURNING ");
    return prepare_text(t, &x, &t->delete, err);
}

static int prepare_lookup(struct sink_table *t, const struct sink_reference *r, sqlite3_stmt **ret, struct err *err)
{
    CLEANUP(text_release) struct text x = {0};

    add_name(&x, "SELECT ", r->table->columns[r->column].name);
    add_name(&x, " FROM main.", r->table->name);
    for (size_t i = 0; i < r->n_keys; i++) {
        add_name(&x, i ? " AND " : " WHERE ", r->table->columns[r->keys[i]].name);
        add_numbered(&x, "=?", i + 1);
    }
    add(&x, " LIMIT 2");
    return prepare_text(t, &x, ret, err);
}

/* Merging */

static bool is_key(const struct sink_spec *spec, size_t ordinal)
{
    for (size_t i = 0; i < spec->n_key; i++) {
        if (spec->key[i] == ordinal)
            return true;
    }
    return false;
}

static bool is_set(const struct sink_spec *spec, enum sink_mode mode, size_t ordinal)
{
    if ((mode == SINK_RECONCILE && !sink_condition_of(spec)) || spec->n_update == 0)
        return !is_key(spec, ordinal);
    for (size_t i = 0; i < spec->n_update; i++) {
        if (spec->update[i] == ordinal)
            return true;
    }
    return false;
}

/* Bytes are compared, not what a collation takes for equal: NOCASE would hide a change of case. */
static void add_same(struct text *x, const struct sink_spec *spec, enum sink_mode mode)
{
    const char *between = "SELECT ";

    for (size_t i = 0; i < spec->n_columns; i++) {
        if (!is_set(spec, mode, i))
            continue;
        add_name(x, between, "old");
        add_name(x, ".", column_name(spec, i));
        add_name(x, " COLLATE BINARY IS new.", column_name(spec, i));
        between = " AND ";
    }
    if (*between == 'S')
        add(x, "SELECT 1");
}

static void add_key_match(struct text *x, const struct sink_spec *spec)
{
    for (size_t i = 0; i < spec->n_key; i++) {
        add_name(x, i ? " AND old." : " WHERE old.", column_name(spec, spec->key[i]));
        add_numbered(x, "=?", spec->key[i] + 1);
    }
}

/* The condition may say old.x and new.x because the tables are called so. */
static int prepare_examine(struct sink_table *t, enum sink_mode mode, struct err *err)
{
    CLEANUP(text_release) struct text x = {0};
    const struct sink_spec *spec = t->spec;
    const char *when = sink_condition_of(spec);
    struct err why = {0};

    add_same(&x, spec, mode);
    add(&x, ", ");
    add(&x, when ? "coalesce((\n" : "1");
    if (when) {
        add(&x, when);
        add(&x, "\n), 0)");
    }
    for (size_t i = 0; i < spec->table->n_columns; i++) {
        if (!spec->table->columns[i].generated)
            add_name(&x, ", old.", spec->table->columns[i].name);
    }
    for (size_t i = 0; i < spec->n_columns; i++) {
        add_numbered(&x, i ? ", ?" : " FROM (SELECT ?", i + 1);
        add_name(&x, " AS ", column_name(spec, i));
    }
    add_name(&x, ") AS new CROSS JOIN main.", spec->table->name);
    add(&x, " AS old");
    add_key_match(&x, spec);
    if (prepare_text(t, &x, &t->merges[mode].examine, &why) == 0)
        return 0;
    if (when && why.code == W0502)
        err_set(err, ERR_RUN, W0561, "condition of on_conflict for '%s': %s", spec->table->name, why.message);
    if (err && !err->scope)
        err_move(err, &why);
    err_release(&why);
    return -1;
}

static int prepare_update(struct sink_table *t, enum sink_mode mode, struct err *err)
{
    CLEANUP(text_release) struct text x = {0};
    const char *between = " AS old SET ";

    add_name(&x, "UPDATE OR ABORT main.", t->spec->table->name);
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        if (!is_set(t->spec, mode, i))
            continue;
        add_name(&x, between, column_name(t->spec, i));
        add_numbered(&x, "=?", i + 1);
        between = ", ";
    }
    add_key_match(&x, t->spec);
    return *between == ',' ? prepare_text(t, &x, &t->merges[mode].update, err) : 0;
}

int sqlite_sink_merge(struct sink_table *t, enum sink_mode mode, struct err *err)
{
    if (t->merges[mode].examine)
        return 0;
    return prepare_examine(t, mode, err) < 0 || prepare_update(t, mode, err) < 0 ? -1 : 0;
}

/* Checks */

static bool key_matches(const struct catalog_key *key, const struct sink_spec *spec)
{
    if (key->partial || key->n != spec->n_key)
        return false;
    for (size_t i = 0; i < key->n; i++) {
        size_t k = 0;

        while (k < spec->n_key && spec->columns[spec->key[k]].column != key->columns[i])
            k++;
        if (k == spec->n_key)
            return false;
    }
    return true;
}

static bool has_unique_key(const struct sink_spec *spec)
{
    for (size_t i = 0; i < spec->table->n_keys; i++) {
        if (spec->n_key && key_matches(&spec->table->keys[i], spec))
            return true;
    }
    return false;
}

static int check_spec(const struct sink_table *t, struct err *err)
{
    const struct sink_spec *spec = t->spec;

    if (t->d->read_only)
        return err_set(err, ERR_RUN, W0504, "'%s' was opened for reading only", t->d->path);
    if (spec->n_columns == 0)
        return err_set(err, ERR_RUN, W0520, "no column of table '%s' is given a value", spec->table->name);
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (spec->table->columns[spec->columns[i].column].generated)
            return err_set(err, ERR_RUN, W0520, "column '%s.%s' is generated and takes no value", spec->table->name,
                           column_name(spec, i));
    }
    if (spec->conflict != SINK_CONFLICT_ERROR && !t->key_unique)
        return err_set(err, ERR_RUN, W0519, "the key of table '%s' in the mapping has no unique index",
                       spec->table->name);
    return 0;
}

static bool looks_up_itself(const struct sink_spec *spec)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (spec->columns[i].reference && strcasecmp(spec->columns[i].reference->table->name, spec->table->name) == 0)
            return true;
    }
    return false;
}

/* Preparing */

static int make_slots(struct sink_table *t, struct err *err)
{
    const struct sink_spec *spec = t->spec;
    size_t n = 0;

    for (size_t i = 0; i < spec->n_columns; i++)
        n += spec->columns[i].reference ? spec->columns[i].reference->n_keys : 1;
    t->slots = calloc(n + 1, sizeof *t->slots);
    t->key_slots = calloc(spec->n_key + 1, sizeof *t->key_slots);
    t->cells = calloc(n + 1, sizeof *t->cells);
    t->values = calloc(spec->n_columns + 1, sizeof *t->values);
    t->lookups = calloc(spec->n_columns + 1, sizeof *t->lookups);
    if (!t->slots || !t->key_slots || !t->cells || !t->values || !t->lookups)
        return err_oom(err);
    for (size_t i = 0; i < spec->n_columns; i++) {
        const struct sink_column *c = &spec->columns[i];

        for (size_t k = 0; c->reference && k < c->reference->n_keys; k++) {
            const struct type *type = &c->reference->table->columns[c->reference->keys[k]].type;

            t->slots[t->n_slots++] = sqlite_row_slot(type, type);
        }
        if (!c->reference)
            t->slots[t->n_slots++] = sqlite_row_slot(c->type, &spec->table->columns[c->column].type);
        t->references |= c->reference != NULL;
    }
    for (size_t i = 0; i < spec->n_key; i++) {
        const struct sink_column *c = &spec->columns[spec->key[i]];
        const struct type *column = &spec->table->columns[c->column].type;

        t->key_slots[i] = sqlite_row_slot(c->reference ? column : c->type, column);
    }
    return 0;
}

static int prepare_statements(struct sink_table *t, struct err *err)
{
    const struct sink_spec *spec = t->spec;

    if (prepare_insert(t, false, &t->insert, err) < 0)
        return -1;
    if (!t->references && prepare_fed(t, false, &t->fed, err) < 0)
        return -1;
    if (spec->n_key && prepare_delete(t, err) < 0)
        return -1;
    if (t->key_unique && prepare_insert(t, true, &t->insert_new, err) < 0)
        return -1;
    if (t->key_unique && !t->references && prepare_fed(t, true, &t->fed_new, err) < 0)
        return -1;
    if (spec->conflict == SINK_CONFLICT_UPDATE && sqlite_sink_merge(t, SINK_FRESH, err) < 0)
        return -1;
    for (size_t i = 0; i < spec->n_columns; i++) {
        const struct sink_reference *r = spec->columns[i].reference;

        if (r && prepare_lookup(t, r, &t->lookups[i].statement, err) < 0)
            return -1;
    }
    return 0;
}

static void sqlite_sink_release(struct sink_table *t)
{
    if (!t)
        return;
    for (struct sink_table **at = &t->sink->tables; *at; at = &(*at)->next) {
        if (*at == t) {
            *at = t->next;
            break;
        }
    }
    t->sink->n_tangled -= t->tangled;
    for (size_t i = 0; t->lookups && i < t->spec->n_columns; i++) {
        sqlite3_finalize(t->lookups[i].statement);
        buf_release(&t->lookups[i].key);
        buf_release(&t->lookups[i].text);
    }
    sqlite3_finalize(t->insert);
    sqlite3_finalize(t->insert_new);
    sqlite3_finalize(t->fed);
    sqlite3_finalize(t->fed_new);
    sqlite3_finalize(t->delete);
    for (size_t i = 0; i < ARRAY_LEN(t->merges); i++) {
        sqlite3_finalize(t->merges[i].examine);
        sqlite3_finalize(t->merges[i].update);
    }
    sqlite_feed_release(&t->feed);
    free(t->slots);
    free(t->key_slots);
    free(t->cells);
    free(t->values);
    free(t->lookups);
    free(t);
}

static struct sink_table *sqlite_sink_prepare(struct sink *s, const struct sink_spec *spec, struct err *err)
{
    struct sink_table *t = calloc(1, sizeof *t);

    if (!t)
        return err_oom(err), NULL;
    t->d = s->d;
    t->sink = s;
    t->spec = spec;
    t->key_unique = has_unique_key(spec);
    t->looks_up_itself = looks_up_itself(spec);
    if (check_spec(t, err) < 0 || make_slots(t, err) < 0 ||
        sqlite_feed_init(&t->feed, s->d, s->serial++, t->n_slots, err) < 0 || sqlite_tangle_find(t, err) < 0 ||
        prepare_statements(t, err) < 0) {
        sqlite_sink_release(t);
        return NULL;
    }
    t->next = s->tables;
    s->tables = t;
    s->schema_version = -1;
    return t;
}

/* Rows */

static int encode_cells(const struct sqlite_slot *slots, size_t n, const struct cell *cells, struct sink_rows *rows,
                        struct err *err)
{
    size_t start = rows->bytes.len;

    for (size_t i = 0; i < n; i++) {
        if (sqlite_row_add(&slots[i], &cells[i], &rows->bytes, err) < 0) {
            rows->bytes.len = start;
            return -1;
        }
    }
    return sink_rows_end(rows, start, err);
}

static int sqlite_sink_encode(const struct sink_table *t, const struct cell *cells, struct sink_rows *rows,
                              struct err *err)
{
    return encode_cells(t->slots, t->n_slots, cells, rows, err);
}

static int sqlite_sink_encode_key(const struct sink_table *t, const struct cell *key_cells, struct sink_rows *rows,
                                  struct err *err)
{
    return encode_cells(t->key_slots, t->spec->n_key, key_cells, rows, err);
}

/* SQLite deletes all rows of the statement before it gives the first of them. */
static int delete_key(struct sink_table *t, const struct sink_write *how, size_t key, uint64_t *deleted, struct err *err)
{
    int rc, failed = 0;

    while ((rc = sqlite3_step(t->delete)) == SQLITE_ROW && !failed) {
        CLEANUP(buf_release) struct buf json = BUF_INIT;

        ++*deleted;
        if (how->before)
            failed = sqlite_image(t, t->delete, 0, &json) < 0 ? err_oom(err) : how->before(how->context, key, buf_str(&json), err);
    }
    if (!failed && rc != SQLITE_DONE)
        failed = sqlite_fail(t->d, rc, err);
    sqlite3_reset(t->delete);
    return failed ? -1 : 0;
}

static int sqlite_sink_delete_keys(struct sink_table *t, const struct sink_rows *keys, const struct sink_write *how,
                                   uint64_t *deleted, struct err *err)
{
    *deleted = 0;

    if (!t->delete)
        return err_set(err, ERR_RUN, W0519, "rows of table '%s' have no key to delete them by", t->spec->table->name);
    for (size_t i = 0; i < keys->n; i++) {
        const char *at = keys->bytes.at + sink_rows_start_of(keys, i);

        for (size_t k = 0; k < t->spec->n_key; k++)
            at = sqlite_row_next(at, &t->values[k]);
        if (sqlite_lookup_bind(t, t->delete, t->values, t->spec->n_key, err) < 0 || delete_key(t, how, i, deleted, err) < 0)
            return -1;
    }
    return 0;
}

static int check_columns(const struct sink_table *t, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value name = db_text(str_of(t->spec->table->name));

    if (db_query(&t->d->db, "SELECT group_concat(name || ' ' || trim(type), char(10)) FROM pragma_table_xinfo($1)", &name, 1,
                 &r, err) < 0)
        return -1;
    return sink_check_columns(t->spec->table, db_cell(&r, 0, 0), err);
}

/* Cells were made for the types that the columns had. */
static int check_tables(struct sink *s, struct err *err)
{
    CLEANUP(db_result_release) struct db_result r = {0};

    if (!s->tables)
        return 0;
    if (db_query(&s->d->db, "PRAGMA schema_version", NULL, 0, &r, err) < 0)
        return -1;
    if (s->schema_version == db_cell_int(&r, 0, 0))
        return 0;
    for (const struct sink_table *t = s->tables; t; t = t->next) {
        if (check_columns(t, err) < 0)
            return -1;
    }
    s->schema_version = db_cell_int(&r, 0, 0);
    return 0;
}

static enum db_outcome sqlite_sink_commit(struct sink *s, struct err *err)
{
    return check_tables(s, err) < 0 ? DB_NOT_COMMITTED : sqlite_tangle_commit(s, err);
}

static void sqlite_sink_rollback(struct sink *s)
{
    db_rollback(&s->d->db);
}

static bool sqlite_sink_whole(const struct sink_table *t)
{
    return t->looks_up_itself;
}

const struct sink_ops sink_sqlite = {
    .name = "sqlite",
    .streams = false,
    .open = sqlite_sink_open,
    .close = sqlite_sink_close,
    .db = sqlite_sink_db,
    .catalog = sqlite_sink_catalog,
    .prepare = sqlite_sink_prepare,
    .release = sqlite_sink_release,
    .encode = sqlite_sink_encode,
    .begin = sqlite_tangle_begin,
    .write = sqlite_write,
    .whole = sqlite_sink_whole,
    .encode_key = sqlite_sink_encode_key,
    .delete_keys = sqlite_sink_delete_keys,
    .commit = sqlite_sink_commit,
    .rollback = sqlite_sink_rollback,
    .mark = sqlite_tangle_mark,
    .back = sqlite_tangle_back,
    .dangling = sqlite_tangle_dangling,
    .identity = sqlite_identity,
    .key_identity = sqlite_key_identity,
    .rival = sqlite_rival,
    .cell = sqlite_cell,
};
