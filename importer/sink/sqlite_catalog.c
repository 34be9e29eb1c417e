/* Tables of a SQLite file as windrow's catalogue: what a declared type means although SQLite does not enforce it.
 *
 * SQLite keeps VARCHAR(20), UUID or TIMESTAMPTZ as mere words. Here they mean what they mean in PostgreSQL, and the
 * conversion of values checks them; how they are stored stands in sink/sqlite_row.h. */
#include "sink/sqlite_internal.h"

#include "base/cleanup.h"
#include "convert/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct reading {
    struct sqlite_db *d;
    struct arena *arena;
    bool without_rowid;
};

static const struct { const char *word; enum type_kind kind; } words[] = {
    {"INTEGER", TYPE_INT8},   {"INT", TYPE_INT8},         {"BIGINT", TYPE_INT8},      {"INT8", TYPE_INT8},
    {"MEDIUMINT", TYPE_INT8}, {"INT4", TYPE_INT4},        {"SMALLINT", TYPE_INT2},    {"INT2", TYPE_INT2},
    {"TINYINT", TYPE_INT2},   {"BOOLEAN", TYPE_BOOL},     {"BOOL", TYPE_BOOL},        {"REAL", TYPE_FLOAT8},
    {"DOUBLE", TYPE_FLOAT8},  {"DOUBLE PRECISION", TYPE_FLOAT8}, {"FLOAT", TYPE_FLOAT8}, {"FLOAT8", TYPE_FLOAT8},
    {"NUMERIC", TYPE_NUMERIC}, {"DECIMAL", TYPE_NUMERIC}, {"BLOB", TYPE_BYTEA},       {"BYTEA", TYPE_BYTEA},
    {"UUID", TYPE_UUID},      {"JSON", TYPE_JSON},        {"JSONB", TYPE_JSONB},      {"DATE", TYPE_DATE},
    {"TIME", TYPE_TIME},      {"TIMESTAMP", TYPE_TIMESTAMP}, {"TIMESTAMPTZ", TYPE_TIMESTAMPTZ},
    {"DATETIME", TYPE_TIMESTAMPTZ}, {"TIMESTAMP WITH TIME ZONE", TYPE_TIMESTAMPTZ},
    {"TIMESTAMP WITHOUT TIME ZONE", TYPE_TIMESTAMP}, {"TEXT", TYPE_TEXT}, {"CLOB", TYPE_TEXT},
    {"VARCHAR", TYPE_TEXT},   {"CHARACTER VARYING", TYPE_TEXT}, {"CHAR", TYPE_TEXT}, {"CHARACTER", TYPE_TEXT},
    {"NVARCHAR", TYPE_TEXT},  {"NCHAR", TYPE_TEXT},       {"VARYING CHARACTER", TYPE_TEXT},
};

static bool is_stored_as_text(enum type_kind kind)
{
    return kind == TYPE_UUID || kind == TYPE_JSON || kind == TYPE_JSONB || kind == TYPE_DATE || kind == TYPE_TIME ||
           kind == TYPE_TIMESTAMP || kind == TYPE_TIMESTAMPTZ || kind == TYPE_ARRAY;
}

static enum type_kind kind_of_word(struct str word)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strlen(words[i].word) == word.len && strncasecmp(words[i].word, word.at, word.len) == 0)
            return words[i].kind;
    }
    return TYPE_UNKNOWN;
}

/* The numbers in "(10, 2)"; what does not fit 32 bits is no limit anybody meant. */
static void read_limits(struct str s, int32_t ret[2])
{
    size_t i = 0;

    for (const char *at = s.at, *end = s.at + s.len; at < end && i < 2; i++) {
        const char *stop = memchr(at, ',', (size_t)(end - at));
        int64_t n;

        if (str_parse_int64(str_trim(str_make(at, (size_t)((stop ? stop : end) - at))), &n) && n >= 0 && n <= INT32_MAX)
            ret[i] = (int32_t)n;
        at = stop ? stop + 1 : end;
    }
}

/* Words of ours, else those of windrow's own types (text[], citext ...), else text without a limit. */
static struct type declared_type(struct reading *r, const char *declared)
{
    struct str all = str_trim(str_of(declared));
    const char *open = all.len ? memchr(all.at, '(', all.len) : NULL;
    const char *close = open ? memchr(open, ')', (size_t)(all.at + all.len - open)) : NULL;
    struct str word = str_trim(open ? str_make(all.at, (size_t)(open - all.at)) : all);
    struct type type = {.kind = kind_of_word(word)};
    int32_t limits[2] = {0};

    if (open && close)
        read_limits(str_make(open + 1, (size_t)(close - open - 1)), limits);
    if (type.kind == TYPE_TEXT) {
        type.length = limits[0];
    } else if (type.kind == TYPE_NUMERIC) {
        type.precision = limits[0];
        type.scale = limits[1];
    } else if (type.kind == TYPE_UNKNOWN) {
        if (!catalog_type_parse(all, r->arena, &type) || type.kind == TYPE_OTHER || type.kind == TYPE_ENUM)
            type = (struct type){.kind = TYPE_TEXT};
    }
    type.stored_as_text = is_stored_as_text(type.kind);
    type.spaced_time = word.len == 8 && strncasecmp(word.at, "DATETIME", 8) == 0;
    type.name = arena_dup(r->arena, all);
    return type;
}

/* PRAGMA table_xinfo: cid, name, type, notnull, dflt_value, pk, hidden. */
enum { INFO_NAME = 1, INFO_TYPE, INFO_NOT_NULL, INFO_DEFAULT, INFO_PK, INFO_HIDDEN };

static int ask(struct reading *r, const char *pragma, const char *argument, struct db_result *ret, struct err *err)
{
    char sql[120];
    struct db_value value = db_text(str_of(argument));

    snprintf(sql, sizeof sql, "SELECT * FROM %s($1)", pragma);
    return db_query(&r->d->db, sql, &value, 1, ret, err);
}

static size_t primary_key_size(const struct db_result *info)
{
    size_t n = 0;

    for (size_t i = 0; i < info->n_rows; i++)
        n += db_cell_int(info, i, INFO_PK) > 0;
    return n;
}

static int read_columns(struct reading *r, struct catalog_table *t, const struct db_result *info, struct err *err)
{
    struct catalog_column *columns = arena_calloc(r->arena, info->n_rows + 1, sizeof *columns);
    bool single = primary_key_size(info) == 1;

    if (!columns)
        return err_oom(err);
    for (size_t i = 0; i < info->n_rows; i++) {
        struct catalog_column *c = &columns[i];
        bool primary = db_cell_int(info, i, INFO_PK) > 0;
        struct str declared = db_cell(info, i, INFO_TYPE);

        c->name = arena_dup(r->arena, db_cell(info, i, INFO_NAME));
        c->type = declared_type(r, declared.at ? declared.at : "");
        c->identity = primary && single && !r->without_rowid && declared.len == 7 &&
                      strncasecmp(declared.at, "INTEGER", 7) == 0;
        c->not_null = primary || db_cell_int(info, i, INFO_NOT_NULL) != 0;
        c->has_default = db_cell(info, i, INFO_DEFAULT).at != NULL;
        c->generated = db_cell_int(info, i, INFO_HIDDEN) > 1;
        if (!c->name || !c->type.name)
            return err_oom(err);
    }
    t->columns = columns;
    t->n_columns = info->n_rows;
    return 0;
}

static int primary_key(struct reading *r, const struct db_result *info, struct catalog_key *key, struct err *err)
{
    size_t n = primary_key_size(info);
    uint16_t *columns = arena_calloc(r->arena, n + 1, sizeof *columns);

    if (!columns)
        return err_oom(err);
    for (size_t i = 0; i < info->n_rows; i++) {
        int64_t place = db_cell_int(info, i, INFO_PK);

        if (place > 0 && (size_t)place <= n)
            columns[place - 1] = (uint16_t)i;
    }
    *key = (struct catalog_key){.name = "primary key", .columns = columns, .n = n, .primary = true};
    return 0;
}

/* PRAGMA index_xinfo: seqno, cid, name, desc, coll, key; cid is -2 for an expression, -1 for the rowid. */
static int index_key(struct reading *r, const char *name, bool partial, struct catalog_key *key, struct err *err)
{
    CLEANUP(db_result_release) struct db_result info = {0};
    uint16_t *columns;
    size_t n = 0;

    if (ask(r, "pragma_index_xinfo", name, &info, err) < 0)
        return -1;
    columns = arena_calloc(r->arena, info.n_rows + 1, sizeof *columns);
    if (!columns)
        return err_oom(err);
    for (size_t i = 0; i < info.n_rows; i++) {
        int64_t column = db_cell_int(&info, i, 1);

        if (db_cell_int(&info, i, 5) == 0)
            continue;
        if (column < 0)
            partial = true;
        else
            columns[n++] = (uint16_t)column;
    }
    *key = (struct catalog_key){.name = arena_dup(r->arena, str_of(name)), .columns = columns, .n = n,
                                .partial = partial};
    return key->name ? 0 : err_oom(err);
}

/* PRAGMA index_list: seq, name, unique, origin (c, u or pk), partial. */
static int read_keys(struct reading *r, struct catalog_table *t, const struct db_result *info, struct err *err)
{
    CLEANUP(db_result_release) struct db_result list = {0};
    struct catalog_key *keys;
    size_t n = 0;

    if (ask(r, "pragma_index_list", t->name, &list, err) < 0)
        return -1;
    keys = arena_calloc(r->arena, list.n_rows + 1, sizeof *keys);
    if (!keys)
        return err_oom(err);
    if (primary_key_size(info) && primary_key(r, info, &keys[n++], err) < 0)
        return -1;
    for (size_t i = 0; i < list.n_rows; i++) {
        if (db_cell_int(&list, i, 2) == 0 || str_is(db_cell(&list, i, 3), "pk"))
            continue;
        if (index_key(r, db_cell(&list, i, 1).at, db_cell_int(&list, i, 4) != 0, &keys[n++], err) < 0)
            return -1;
    }
    t->keys = keys;
    t->n_keys = n;
    return 0;
}

static bool same_name(const char *a, struct str b)
{
    return strlen(a) == b.len && strncasecmp(a, b.at, b.len) == 0;
}

static int column_by_name(const struct catalog_table *t, struct str name)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        if (same_name(t->columns[i].name, name))
            return (int)i;
    }
    return -1;
}

/* PRAGMA foreign_key_list: id, seq, table, from, to, ...; `to` is null when the parent's primary key is meant. */
static int read_references(struct reading *r, struct catalog_table *t, struct err *err)
{
    CLEANUP(db_result_release) struct db_result list = {0};
    struct catalog_reference *references;
    size_t n = 0;

    if (ask(r, "pragma_foreign_key_list", t->name, &list, err) < 0)
        return -1;
    references = arena_calloc(r->arena, list.n_rows + 1, sizeof *references);
    if (!references)
        return err_oom(err);
    for (size_t i = 0; i < list.n_rows;) {
        size_t first = i;
        uint16_t *columns;
        const char **theirs;

        while (i < list.n_rows && db_cell_int(&list, i, 0) == db_cell_int(&list, first, 0))
            i++;
        columns = arena_calloc(r->arena, i - first, sizeof *columns);
        theirs = arena_calloc(r->arena, i - first, sizeof *theirs);
        if (!columns || !theirs)
            return err_oom(err);
        for (size_t k = first; k < i; k++) {
            int column = column_by_name(t, db_cell(&list, k, 3));
            struct str to = db_cell(&list, k, 4);

            columns[k - first] = column < 0 ? 0 : (uint16_t)column;
            if (to.at && !(theirs[k - first] = arena_dup(r->arena, to)))
                return err_oom(err);
        }
        references[n++] = (struct catalog_reference){.columns = columns, .table = arena_dup(r->arena, db_cell(&list, first, 2)),
                                                     .their_columns = theirs, .n = i - first};
        if (!references[n - 1].table)
            return err_oom(err);
    }
    t->references = references;
    t->n_references = n;
    return 0;
}

static int read_table(struct reading *r, struct catalog_table *t, struct err *err)
{
    CLEANUP(db_result_release) struct db_result info = {0};

    if (ask(r, "pragma_table_xinfo", t->name, &info, err) < 0 || read_columns(r, t, &info, err) < 0 ||
        read_keys(r, t, &info, err) < 0)
        return -1;
    return read_references(r, t, err);
}

static const struct catalog_table *table_by_name(const struct catalog_table *tables, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(tables[i].name, name) == 0)
            return &tables[i];
    }
    return NULL;
}

static const struct catalog_key *primary_of(const struct catalog_table *t)
{
    return t && t->n_keys && t->keys[0].primary ? &t->keys[0] : NULL;
}

/* REFERENCES parent without columns means its primary key. A parent in another case is spelt as it was declared; one
 * that is missing leaves the reference as it is: SQLite refuses the first row then. */
static void complete_reference(struct catalog_reference *ref, const struct catalog_table *tables, size_t n)
{
    const struct catalog_table *parent = table_by_name(tables, n, ref->table);
    const struct catalog_key *key = primary_of(parent);
    const char **theirs = (const char **)ref->their_columns;

    if (parent)
        ref->table = parent->name;
    for (size_t i = 0; i < ref->n; i++) {
        if (!theirs[i])
            theirs[i] = key && i < key->n ? parent->columns[key->columns[i]].name : "";
    }
}

int sqlite_catalog_read(struct sqlite_db *d, struct catalog *ret, struct err *err)
{
    static const char list[] = "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
                               "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    CLEANUP(db_result_release) struct db_result names = {0};
    struct catalog catalog = {.engine = "sqlite"};
    struct reading r = {.d = d, .arena = &catalog.arena};
    struct catalog_table *tables;

    if (db_query(&d->db, list, NULL, 0, &names, err) < 0)
        return -1;
    tables = arena_calloc(&catalog.arena, names.n_rows + 1, sizeof *tables);
    if (!tables)
        goto fail;
    for (size_t i = 0; i < names.n_rows; i++) {
        tables[i].name = arena_dup(&catalog.arena, db_cell(&names, i, 0));
        r.without_rowid = db_cell_int(&names, i, 1) != 0;
        if (!tables[i].name || read_table(&r, &tables[i], err) < 0)
            goto fail;
    }
    for (size_t i = 0; i < names.n_rows; i++) {
        for (size_t k = 0; k < tables[i].n_references; k++)
            complete_reference((struct catalog_reference *)&tables[i].references[k], tables, names.n_rows);
    }
    catalog.tables = tables;
    catalog.n_tables = names.n_rows;
    *ret = catalog;
    return 0;
fail:
    err_oom(err);   /* unless the reason is known */
    arena_release(&catalog.arena);
    return -1;
}
