/* SQLite's catalogue: declared types with their meaning, keys, references, what the database fills in itself. */
#include "base/cleanup.h"
#include "sink/sink.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *declared;
    enum type_kind kind;
    int32_t length, precision, scale;
    bool as_text, spaced;
} types[] = {
    {"INTEGER", TYPE_INT8, 0, 0, 0, false, false},
    {"bigint", TYPE_INT8, 0, 0, 0, false, false},
    {"SMALLINT", TYPE_INT2, 0, 0, 0, false, false},
    {"BOOLEAN", TYPE_BOOL, 0, 0, 0, false, false},
    {"VARCHAR(255)", TYPE_TEXT, 255, 0, 0, false, false},
    {"character varying( 20 )", TYPE_TEXT, 20, 0, 0, false, false},
    {"CHAR(2)", TYPE_TEXT, 2, 0, 0, false, false},
    {"TEXT", TYPE_TEXT, 0, 0, 0, false, false},
    {"REAL", TYPE_FLOAT8, 0, 0, 0, false, false},
    {"double precision", TYPE_FLOAT8, 0, 0, 0, false, false},
    {"FLOAT", TYPE_FLOAT8, 0, 0, 0, false, false},
    {"NUMERIC", TYPE_NUMERIC, 0, 0, 0, false, false},
    {"DECIMAL(10, 2)", TYPE_NUMERIC, 0, 10, 2, false, false},
    {"NUMERIC(5)", TYPE_NUMERIC, 0, 5, 0, false, false},
    {"BLOB", TYPE_BYTEA, 0, 0, 0, false, false},
    {"BYTEA", TYPE_BYTEA, 0, 0, 0, false, false},
    {"UUID", TYPE_UUID, 0, 0, 0, true, false},
    {"JSON", TYPE_JSON, 0, 0, 0, true, false},
    {"JSONB", TYPE_JSONB, 0, 0, 0, true, false},
    {"DATE", TYPE_DATE, 0, 0, 0, true, false},
    {"TIME", TYPE_TIME, 0, 0, 0, true, false},
    {"TIMESTAMP", TYPE_TIMESTAMP, 0, 0, 0, true, false},
    {"TIMESTAMPTZ", TYPE_TIMESTAMPTZ, 0, 0, 0, true, false},
    {"TIMESTAMP WITH TIME ZONE", TYPE_TIMESTAMPTZ, 0, 0, 0, true, false},
    {"DATETIME", TYPE_TIMESTAMPTZ, 0, 0, 0, true, true},
    {"datetime", TYPE_TIMESTAMPTZ, 0, 0, 0, true, true},
    {"WHATEVER(3)", TYPE_TEXT, 0, 0, 0, false, false},
    {"", TYPE_TEXT, 0, 0, 0, false, false},
};

static struct db *db;
static struct catalog catalog;

static void read_catalogue(struct sink **sink, const char *schema)
{
    struct err err = {0};

    *sink = sink_sqlite.open("sqlite::memory:", &(struct db_options){0}, &err);
    db = *sink ? sink_sqlite.db(*sink) : NULL;
    if (!db || db_exec(db, schema, &err) < 0 || sink_sqlite.catalog(*sink, &catalog, &err) < 0) {
        ok(false, "%s", err.message);
        exit(1);
    }
}

static void release(struct sink *sink)
{
    arena_release(&catalog.arena);
    sink_sqlite.close(sink);
}

static const struct catalog_table *table_of(const char *name)
{
    for (size_t i = 0; i < catalog.n_tables; i++) {
        if (strcmp(catalog.tables[i].name, name) == 0)
            return &catalog.tables[i];
    }
    return NULL;
}

static void check_types(void)
{
    struct sink *sink;
    char schema[4000] = "CREATE TABLE t(";
    size_t len = strlen(schema);

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        len += (size_t)snprintf(schema + len, sizeof schema - len, "%sc%zu %s", i ? "," : "", i, types[i].declared);
    snprintf(schema + len, sizeof schema - len, ")");
    read_catalogue(&sink, schema);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const struct type *t = &table_of("t")->columns[i].type;
        const char *name = types[i].declared;

        is_int(t->kind, types[i].kind, "%s: kind", name);
        is_str(t->name, name, "%s: name", name);
        ok(t->length == types[i].length && t->precision == types[i].precision && t->scale == types[i].scale,
           "%s: limits", name);
        ok(t->stored_as_text == types[i].as_text && t->spaced_time == types[i].spaced, "%s: form", name);
    }
    release(sink);
}

static void check_columns(void)
{
    static const struct { const char *name; bool not_null, has_default, generated, identity; } columns[] = {
        {"id", true, false, false, true}, {"a", true, false, false, false}, {"b", false, true, false, false},
        {"c", false, false, true, false}, {"d", false, false, true, false},
    };
    const struct catalog_table *t;
    struct sink *sink;

    read_catalogue(&sink, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT DEFAULT 7, c INT AS (b + 1),"
                          "               d INT AS (b + 2) STORED);"
                          "CREATE TABLE w(id INTEGER PRIMARY KEY) WITHOUT ROWID; CREATE TABLE x(id INT PRIMARY KEY);"
                          "CREATE VIEW v AS SELECT 1; CREATE TABLE y(id INTEGER PRIMARY KEY AUTOINCREMENT)");
    t = table_of("t");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        const struct catalog_column *c = &t->columns[i];

        is_str(c->name, columns[i].name, "column %zu", i);
        ok(c->not_null == columns[i].not_null && c->has_default == columns[i].has_default &&
               c->generated == columns[i].generated && c->identity == columns[i].identity, "%s: properties", c->name);
    }
    ok(!table_of("w")->columns[0].identity && !table_of("x")->columns[0].identity, "no rowid, no numbering");
    ok(table_of("y")->columns[0].identity, "AUTOINCREMENT numbers");
    is_int((long long)catalog.n_tables, 4, "neither views nor SQLite's own tables");
    is_str(catalog.engine, "sqlite", "engine");
    release(sink);
}

static void check_keys(void)
{
    static const char schema[] =
        "CREATE TABLE t(a INT, b INT, c TEXT UNIQUE, d INT, PRIMARY KEY(b, a));"
        "CREATE UNIQUE INDEX partly ON t(d) WHERE d > 0; CREATE UNIQUE INDEX computed ON t(d, lower(c));"
        "CREATE INDEX plain ON t(a)";
    const struct catalog_table *t;
    struct sink *sink;
    int whole = 0, partial = 0;

    read_catalogue(&sink, schema);
    t = table_of("t");
    ok(t->n_keys == 4 && t->keys[0].primary && t->keys[0].n == 2, "the primary key comes first");
    ok(t->keys[0].columns[0] == 1 && t->keys[0].columns[1] == 0, "in its own order of columns");
    for (size_t i = 1; i < t->n_keys; i++) {
        const struct catalog_key *k = &t->keys[i];

        ok(!k->primary, "%s is not primary", k->name);
        partial += k->partial;
        whole += !k->partial && k->n == 1 && k->columns[0] == 2;
    }
    is_int(partial, 2, "indexes with WHERE or expressions are partial");
    is_int(whole, 1, "UNIQUE of a column");
    release(sink);
}

static const struct catalog_reference *reference_to(const struct catalog_table *t, const char *table)
{
    for (size_t i = 0; i < t->n_references; i++) {
        if (strcmp(t->references[i].table, table) == 0)
            return &t->references[i];
    }
    return NULL;
}

static void check_references(void)
{
    static const char schema[] =
        "CREATE TABLE Parent(x INT, y INT, PRIMARY KEY(y, x)); CREATE TABLE other(id INTEGER PRIMARY KEY);"
        "CREATE TABLE t(a INT, b INT, c INT REFERENCES other, d INT REFERENCES missing(id),"
        "               FOREIGN KEY(b, a) REFERENCES parent)";
    const struct catalog_reference *r;
    struct sink *sink;

    read_catalogue(&sink, schema);
    is_int((long long)table_of("t")->n_references, 3, "three references");
    r = reference_to(table_of("t"), "other");
    ok(r && r->n == 1 && r->columns[0] == 2 && strcmp(r->their_columns[0], "id") == 0, "to the primary key, unnamed");
    r = reference_to(table_of("t"), "Parent");
    ok(r && r->n == 2 && r->columns[0] == 1 && r->columns[1] == 0, "of two columns, to the name as it was declared");
    ok(r && strcmp(r->their_columns[0], "y") == 0 && strcmp(r->their_columns[1], "x") == 0, "in the order of the key");
    r = reference_to(table_of("t"), "missing");
    ok(r && strcmp(r->their_columns[0], "id") == 0, "to a table that is not there");
    release(sink);
}

int main(void)
{
    check_types();
    check_columns();
    check_keys();
    check_references();
    return done_testing();
}
