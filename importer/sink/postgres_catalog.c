/* Tables, columns, types, keys and references from pg_catalog in six statements, whatever the number of tables.
 *
 * Only what every role may read is asked. Domains are resolved to the type below them, which decides the wire format;
 * their own name is kept, so that a column declared with it refuses what the domain refuses. */
#include "sink/postgres.h"

#include "base/cleanup.h"

#include <stdlib.h>

#define OURS \
    "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND c.relkind IN ('r', 'p')" \
    " AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'windrow')"

static const char tables_sql[] =
    "SELECT c.oid, n.nspname, c.relname, row_security_active(c.oid) FROM " OURS
    " ORDER BY NOT pg_table_is_visible(c.oid), n.nspname, c.relname";

static const char columns_sql[] =
    "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),"
    " a.attnotnull OR t.typnotnull, a.atthasdef OR t.typdefault IS NOT NULL,"
    " a.attgenerated <> '' OR a.attidentity = 'a', a.attidentity <> '' OR coalesce((SELECT pg_get_expr(d.adbin,"
    " d.adrelid) LIKE 'nextval(%' FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " AND a.attgenerated = ''), false) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (SELECT c.oid FROM " OURS ")"
    " ORDER BY a.attrelid, a.attnum";

static const char types_sql[] =
    "WITH RECURSIVE used(oid) AS (SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attnum > 0"
    " AND NOT a.attisdropped AND a.attrelid IN (SELECT c.oid FROM " OURS ") UNION SELECT x.oid FROM used u"
    " JOIN pg_catalog.pg_type t ON t.oid = u.oid, LATERAL (VALUES (t.typbasetype),"
    " (CASE WHEN t.typcategory = 'A' THEN t.typelem END)) x(oid) WHERE x.oid <> 0)"
    " SELECT t.oid, t.typname, t.typtype, CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN t.typelem ELSE 0 END,"
    " t.typbasetype, t.typtypmod, t.typcategory, format_type(t.oid, t.typtypmod) FROM used u JOIN pg_catalog.pg_type t"
    " ON t.oid = u.oid ORDER BY t.oid";

static const char labels_sql[] =
    "SELECT enumtypid, enumlabel FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder";

/* A constraint that can be deferred is no conflict target, like a partial index. */
static const char keys_sql[] =
    "SELECT i.indrelid, k.relname, i.indkey, i.indnkeyatts, i.indisprimary,"
    " i.indpred IS NOT NULL OR i.indexprs IS NOT NULL OR NOT i.indimmediate FROM pg_catalog.pg_index i"
    " JOIN pg_catalog.pg_class k ON k.oid = i.indexrelid WHERE i.indisunique AND i.indisvalid AND i.indrelid IN"
    " (SELECT c.oid FROM " OURS ") ORDER BY i.indrelid, NOT i.indisprimary, k.relname";

static const char references_sql[] =
    "SELECT r.conrelid, r.confrelid, r.conkey, r.confkey, r.conname, r.condeferred FROM pg_catalog.pg_constraint r WHERE r.contype = 'f'"
    " AND r.conrelid IN (SELECT c.oid FROM " OURS ") ORDER BY r.conrelid, r.conname";

struct span {
    size_t first, end;      /* rows of an answer that belong to one table */
};

struct found {
    uint32_t oid;
    size_t ordinal;         /* in catalog->tables */
    struct span columns, keys, references;
};

struct reading {
    struct arena *arena;
    struct db_result tables, columns, types, labels, keys, references;
    struct catalog_table *out;
    struct found *by_oid;   /* sorted; calloc */
    size_t n;
};

static void reading_release(struct reading *r)
{
    db_result_release(&r->tables);
    db_result_release(&r->columns);
    db_result_release(&r->types);
    db_result_release(&r->labels);
    db_result_release(&r->keys);
    db_result_release(&r->references);
    free(r->by_oid);
}

static uint32_t cell_oid(const struct db_result *r, size_t row, size_t column)
{
    return (uint32_t)db_cell_int(r, row, column);
}

static bool cell_bool(const struct db_result *r, size_t row, size_t column)
{
    return str_is(db_cell(r, row, column), "t");
}

static const char *cell_text(struct reading *r, const struct db_result *from, size_t row, size_t column)
{
    return arena_dup(r->arena, db_cell(from, row, column));
}

/* ---- finding ---- */

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return (x->oid > y->oid) - (x->oid < y->oid);
}

static struct found *find_table(const struct reading *r, uint32_t oid)
{
    struct found key = {.oid = oid};

    return r->n ? bsearch(&key, r->by_oid, r->n, sizeof key, compare_found) : NULL;
}

/* Both the answer and the tables are in order of oid. */
static void spread(struct reading *r, const struct db_result *from, size_t offset)
{
    size_t row = 0;

    for (size_t i = 0; i < r->n; i++) {
        struct span *span = (struct span *)((char *)&r->by_oid[i] + offset);

        while (row < from->n_rows && cell_oid(from, row, 0) < r->by_oid[i].oid)
            row++;
        span->first = row;
        while (row < from->n_rows && cell_oid(from, row, 0) == r->by_oid[i].oid)
            row++;
        span->end = row;
    }
}

/* In order of oid as well. */
static long find_type(const struct reading *r, uint32_t oid)
{
    size_t low = 0, high = r->types.n_rows;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (cell_oid(&r->types, middle, 0) < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->types.n_rows && cell_oid(&r->types, low, 0) == oid ? (long)low : -1;
}

/* ---- types ---- */

enum type_column { TYPE_OID, TYPE_NAME, TYPE_TYPE, TYPE_ELEM, TYPE_BASE, TYPE_MOD, TYPE_CATEGORY, TYPE_FORMAT };

static enum type_kind kind_of(const struct reading *r, size_t row)
{
    static const struct {
        uint32_t oid;
        enum type_kind kind;
    } kinds[] = {
        {16, TYPE_BOOL}, {17, TYPE_BYTEA}, {19, TYPE_TEXT}, {20, TYPE_INT8}, {21, TYPE_INT2}, {23, TYPE_INT4},
        {25, TYPE_TEXT}, {114, TYPE_JSON}, {700, TYPE_FLOAT4}, {701, TYPE_FLOAT8}, {1042, TYPE_TEXT},
        {1043, TYPE_TEXT}, {1082, TYPE_DATE}, {1083, TYPE_TIME}, {1114, TYPE_TIMESTAMP}, {1184, TYPE_TIMESTAMPTZ},
        {1700, TYPE_NUMERIC}, {2950, TYPE_UUID}, {3802, TYPE_JSONB},
    };
    uint32_t oid = cell_oid(&r->types, row, TYPE_OID);

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (kinds[i].oid == oid)
            return kinds[i].kind;
    }
    if (str_is(db_cell(&r->types, row, TYPE_TYPE), "e"))
        return TYPE_ENUM;
    if (str_is(db_cell(&r->types, row, TYPE_CATEGORY), "S") && str_is(db_cell(&r->types, row, TYPE_NAME), "citext"))
        return TYPE_TEXT;
    return cell_oid(&r->types, row, TYPE_ELEM) ? TYPE_ARRAY : TYPE_OTHER;
}

/* What is in the brackets behind the type: length, precision and scale, digits of a second. */
static void apply_modifier(struct type *t, uint32_t base, int32_t mod)
{
    if (base == 19)
        t->length = 63;
    if (mod < 0)
        return;
    if (t->kind == TYPE_TEXT && mod >= 4) {
        t->length = mod - 4;
    } else if (t->kind == TYPE_NUMERIC && mod >= 4) {
        t->precision = ((mod - 4) >> 16) & 0xffff;
        t->scale = (((mod - 4) & 0x7ff) ^ 1024) - 1024;
    } else if ((t->kind == TYPE_TIME || t->kind == TYPE_TIMESTAMP || t->kind == TYPE_TIMESTAMPTZ) && mod < 6) {
        t->precision = 1;
        t->scale = mod;
    }
}

static int fill_labels(struct reading *r, uint32_t oid, struct type *t)
{
    const struct db_result *from = &r->labels;
    size_t first = 0, end;
    const char **labels;

    while (first < from->n_rows && cell_oid(from, first, 0) != oid)
        first++;
    for (end = first; end < from->n_rows && cell_oid(from, end, 0) == oid;)
        end++;
    labels = arena_calloc(r->arena, end - first + 1, sizeof *labels);
    if (!labels)
        return -1;
    for (size_t i = first; i < end; i++) {
        if (!(labels[i - first] = cell_text(r, from, i, 1)))
            return -1;
    }
    t->labels = labels;
    t->n_labels = end - first;
    return 0;
}

/* Domains may stand on domains; an element is never an array itself, so there are at most two rounds. */
static int fill_type(struct reading *r, uint32_t oid, int32_t mod, bool is_element, struct type *ret)
{
    struct type t = {.oid = oid, .kind = TYPE_OTHER, .name = ret->name};
    long row = find_type(r, oid);

    while (row >= 0 && str_is(db_cell(&r->types, (size_t)row, TYPE_TYPE), "d")) {
        mod = (int32_t)db_cell_int(&r->types, (size_t)row, TYPE_MOD);
        row = find_type(r, cell_oid(&r->types, (size_t)row, TYPE_BASE));
    }
    if (row < 0) {
        *ret = t;
        return 0;
    }
    t.kind = kind_of(r, (size_t)row);
    apply_modifier(&t, cell_oid(&r->types, (size_t)row, TYPE_OID), mod);
    if (t.kind == TYPE_ENUM && fill_labels(r, cell_oid(&r->types, (size_t)row, TYPE_OID), &t) < 0)
        return -1;
    if (t.kind == TYPE_ARRAY && is_element)
        t.kind = TYPE_OTHER;
    if (t.kind == TYPE_ARRAY) {
        struct type *element = arena_calloc(r->arena, 1, sizeof *element);
        uint32_t element_oid = cell_oid(&r->types, (size_t)row, TYPE_ELEM);
        long element_row = find_type(r, element_oid);

        if (!element || element_row < 0 ||
            !(element->name = cell_text(r, &r->types, (size_t)element_row, TYPE_FORMAT)) ||
            fill_type(r, element_oid, mod, true, element) < 0)
            return -1;
        t.element = element;
    }
    *ret = t;
    return 0;
}

/* ---- tables ---- */

static int fill_columns(struct reading *r, const struct found *f)
{
    struct catalog_table *table = &r->out[f->ordinal];
    size_t n = f->columns.end - f->columns.first;
    struct catalog_column *columns = arena_calloc(r->arena, n + 1, sizeof *columns);

    if (!columns)
        return -1;
    for (size_t i = 0; i < n; i++) {
        size_t row = f->columns.first + i;
        struct catalog_column *c = &columns[i];

        c->name = cell_text(r, &r->columns, row, 2);
        c->type.name = cell_text(r, &r->columns, row, 5);
        c->not_null = cell_bool(&r->columns, row, 6);
        c->generated = cell_bool(&r->columns, row, 8);
        c->identity = cell_bool(&r->columns, row, 9);
        c->has_default = cell_bool(&r->columns, row, 7) || c->identity;
        if (!c->name || !c->type.name || fill_type(r, cell_oid(&r->columns, row, 3),
                                                  (int32_t)db_cell_int(&r->columns, row, 4), false, &c->type) < 0)
            return -1;
    }
    table->columns = columns;
    table->n_columns = n;
    return 0;
}

/* The next whole number in `text`, which is moved behind it; -1 when there is none. */
static int next_number(struct str *text)
{
    int n = 0;

    while (text->len && (text->at[0] < '0' || text->at[0] > '9'))
        *text = str_make(text->at + 1, text->len - 1);
    if (!text->len)
        return -1;
    while (text->len && text->at[0] >= '0' && text->at[0] <= '9' && n < 10000) {
        n = n * 10 + (text->at[0] - '0');
        *text = str_make(text->at + 1, text->len - 1);
    }
    return n;
}

static int ordinal_of(const struct reading *r, const struct found *f, int attnum)
{
    for (size_t row = f->columns.first; row < f->columns.end; row++) {
        if (db_cell_int(&r->columns, row, 1) == attnum)
            return (int)(row - f->columns.first);
    }
    return -1;
}

/* Ordinals for the first `max` numbers of "1 2" or "{1,2}". Numbers of expressions (0) and others that are no column
 * are left out. */
static int take_ordinals(struct reading *r, const struct found *f, struct str numbers, size_t max,
                         const uint16_t **ret, size_t *ret_n)
{
    uint16_t *ordinals = arena_calloc(r->arena, max + 1, sizeof *ordinals);
    size_t n = 0;
    int attnum;

    if (!ordinals)
        return -1;
    for (size_t i = 0; i < max && (attnum = next_number(&numbers)) >= 0; i++) {
        int ordinal = ordinal_of(r, f, attnum);

        if (ordinal >= 0)
            ordinals[n++] = (uint16_t)ordinal;
    }
    *ret = ordinals;
    *ret_n = n;
    return 0;
}

static int fill_keys(struct reading *r, const struct found *f)
{
    struct catalog_table *table = &r->out[f->ordinal];
    size_t n = f->keys.end - f->keys.first;
    struct catalog_key *keys = arena_calloc(r->arena, n + 1, sizeof *keys);

    if (!keys)
        return -1;
    for (size_t i = 0; i < n; i++) {
        size_t row = f->keys.first + i;

        keys[i].name = cell_text(r, &r->keys, row, 1);
        keys[i].primary = cell_bool(&r->keys, row, 4);
        keys[i].partial = cell_bool(&r->keys, row, 5);
        if (!keys[i].name || take_ordinals(r, f, db_cell(&r->keys, row, 2), (size_t)db_cell_int(&r->keys, row, 3),
                                           &keys[i].columns, &keys[i].n) < 0)
            return -1;
    }
    table->keys = keys;
    table->n_keys = n;
    return 0;
}

static int fill_reference(struct reading *r, const struct found *f, size_t row, struct catalog_reference *ref)
{
    const struct found *other = find_table(r, cell_oid(&r->references, row, 1));
    const uint16_t *theirs;
    const char **names;
    size_t n;

    ref->table = other ? r->out[other->ordinal].name : "";
    ref->schema = other ? r->out[other->ordinal].schema : NULL;
    ref->name = cell_text(r, &r->references, row, 4);
    ref->deferred = cell_bool(&r->references, row, 5);
    if (!ref->name)
        return -1;
    if (take_ordinals(r, f, db_cell(&r->references, row, 2), 32, &ref->columns, &ref->n) < 0)
        return -1;
    names = arena_calloc(r->arena, 33, sizeof *names);
    if (!names)
        return -1;
    ref->their_columns = names;
    if (!other) {
        ref->n = 0;
        return 0;
    }
    if (take_ordinals(r, other, db_cell(&r->references, row, 3), 32, &theirs, &n) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        names[i] = r->out[other->ordinal].columns[theirs[i]].name;
    return 0;
}

static int fill_references(struct reading *r, const struct found *f)
{
    struct catalog_table *table = &r->out[f->ordinal];
    size_t n = f->references.end - f->references.first;
    struct catalog_reference *references = arena_calloc(r->arena, n + 1, sizeof *references);

    if (!references)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (fill_reference(r, f, f->references.first + i, &references[i]) < 0)
            return -1;
    }
    table->references = references;
    table->n_references = n;
    return 0;
}

static int fill_tables(struct reading *r)
{
    r->n = r->tables.n_rows;
    r->out = arena_calloc(r->arena, r->n + 1, sizeof *r->out);
    r->by_oid = calloc(r->n + 1, sizeof *r->by_oid);
    if (!r->out || !r->by_oid)
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        r->by_oid[i] = (struct found){.oid = cell_oid(&r->tables, i, 0), .ordinal = i};
        r->out[i].schema = cell_text(r, &r->tables, i, 1);
        r->out[i].name = cell_text(r, &r->tables, i, 2);
        r->out[i].row_security = cell_bool(&r->tables, i, 3);
        if (!r->out[i].schema || !r->out[i].name)
            return -1;
    }
    qsort(r->by_oid, r->n, sizeof *r->by_oid, compare_found);
    spread(r, &r->columns, offsetof(struct found, columns));
    spread(r, &r->keys, offsetof(struct found, keys));
    spread(r, &r->references, offsetof(struct found, references));
    for (size_t i = 0; i < r->n; i++) {
        if (fill_columns(r, &r->by_oid[i]) < 0 || fill_keys(r, &r->by_oid[i]) < 0)
            return -1;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (fill_references(r, &r->by_oid[i]) < 0)
            return -1;
    }
    return 0;
}

int postgres_catalog(struct db *db, struct catalog *ret, struct err *err)
{
    struct postgres *p = postgres_of(db);
    struct catalog catalog = {.engine = "postgresql"};
    CLEANUP(reading_release) struct reading r = {.arena = &catalog.arena};

    if (postgres_run(p, tables_sql, &r.tables, err) != 0 || postgres_run(p, columns_sql, &r.columns, err) != 0 ||
        postgres_run(p, types_sql, &r.types, err) != 0 || postgres_run(p, labels_sql, &r.labels, err) != 0 ||
        postgres_run(p, keys_sql, &r.keys, err) != 0 || postgres_run(p, references_sql, &r.references, err) != 0)
        return -1;
    if (fill_tables(&r) < 0) {
        arena_release(&catalog.arena);
        return err_oom(err);
    }
    catalog.tables = r.out;
    catalog.n_tables = r.n;
    *ret = catalog;
    return 0;
}
