/* The names of types, in every spelling, and looking up tables and columns. */
#include "convert/catalog.h"
#include "tap.h"

static const struct {
    const char *text;
    enum type_kind kind;
    const char *name;       /* NULL: no type */
    int32_t length, precision, scale;
} types[] = {
    {"bool", TYPE_BOOL, "boolean", 0, 0, 0},
    {"BOOLEAN", TYPE_BOOL, "boolean", 0, 0, 0},
    {"smallint", TYPE_INT2, "smallint", 0, 0, 0},
    {"int2", TYPE_INT2, "smallint", 0, 0, 0},
    {"smallserial", TYPE_INT2, "smallint", 0, 0, 0},
    {"integer", TYPE_INT4, "integer", 0, 0, 0},
    {"int", TYPE_INT4, "integer", 0, 0, 0},
    {"Int4", TYPE_INT4, "integer", 0, 0, 0},
    {"serial", TYPE_INT4, "integer", 0, 0, 0},
    {"bigint", TYPE_INT8, "bigint", 0, 0, 0},
    {"int8", TYPE_INT8, "bigint", 0, 0, 0},
    {"bigserial", TYPE_INT8, "bigint", 0, 0, 0},
    {"numeric", TYPE_NUMERIC, "numeric", 0, 0, 0},
    {"numeric(10)", TYPE_NUMERIC, "numeric(10,0)", 0, 10, 0},
    {"numeric(10,2)", TYPE_NUMERIC, "numeric(10,2)", 0, 10, 2},
    {"decimal ( 10 , 2 )", TYPE_NUMERIC, "numeric(10,2)", 0, 10, 2},
    {"numeric(3,-2)", TYPE_NUMERIC, "numeric(3,-2)", 0, 3, -2},
    {"numeric(3,5)", TYPE_NUMERIC, "numeric(3,5)", 0, 3, 5},
    {"real", TYPE_FLOAT4, "real", 0, 0, 0},
    {"float4", TYPE_FLOAT4, "real", 0, 0, 0},
    {"double  precision", TYPE_FLOAT8, "double precision", 0, 0, 0},
    {"double", TYPE_FLOAT8, "double precision", 0, 0, 0},
    {"float", TYPE_FLOAT8, "double precision", 0, 0, 0},
    {"float(24)", TYPE_FLOAT4, "real", 0, 0, 0},
    {"float(25)", TYPE_FLOAT8, "double precision", 0, 0, 0},
    {"text", TYPE_TEXT, "text", 0, 0, 0},
    {" text ", TYPE_TEXT, "text", 0, 0, 0},
    {"citext", TYPE_TEXT, "citext", 0, 0, 0},
    {"varchar", TYPE_TEXT, "character varying", 0, 0, 0},
    {"varchar(20)", TYPE_TEXT, "character varying(20)", 20, 0, 0},
    {"CHARACTER VARYING(255)", TYPE_TEXT, "character varying(255)", 255, 0, 0},
    {"char(3)", TYPE_TEXT, "character(3)", 3, 0, 0},
    {"character", TYPE_TEXT, "character(1)", 1, 0, 0},
    {"bytea", TYPE_BYTEA, "bytea", 0, 0, 0},
    {"BLOB", TYPE_BYTEA, "bytea", 0, 0, 0},
    {"uuid", TYPE_UUID, "uuid", 0, 0, 0},
    {"date", TYPE_DATE, "date", 0, 0, 0},
    {"time", TYPE_TIME, "time without time zone", 0, 0, 0},
    {"timestamp", TYPE_TIMESTAMP, "timestamp without time zone", 0, 0, 0},
    {"timestamp(3)", TYPE_TIMESTAMP, "timestamp(3) without time zone", 0, 1, 3},
    {"timestamp(0) without time zone", TYPE_TIMESTAMP, "timestamp(0) without time zone", 0, 1, 0},
    {"timestamptz", TYPE_TIMESTAMPTZ, "timestamp with time zone", 0, 0, 0},
    {"Timestamp With Time Zone", TYPE_TIMESTAMPTZ, "timestamp with time zone", 0, 0, 0},
    {"timestamp(6) with time zone", TYPE_TIMESTAMPTZ, "timestamp(6) with time zone", 0, 1, 6},
    {"datetime", TYPE_TIMESTAMPTZ, "datetime", 0, 0, 0},
    {"json", TYPE_JSON, "json", 0, 0, 0},
    {"jsonb", TYPE_JSONB, "jsonb", 0, 0, 0},
    {"inet", TYPE_OTHER, "inet", 0, 0, 0},
    {"interval", TYPE_OTHER, "interval", 0, 0, 0},
    {"text[]", TYPE_ARRAY, "text[]", 0, 0, 0},
    {"integer [ ]", TYPE_ARRAY, "integer[]", 0, 0, 0},
    {"int[3][]", TYPE_ARRAY, "integer[][]", 0, 0, 0},
    {"varchar(20)[]", TYPE_ARRAY, "character varying(20)[]", 0, 0, 0},
    {"", 0, NULL, 0, 0, 0},
    {"  ", 0, NULL, 0, 0, 0},
    {"string", 0, NULL, 0, 0, 0},
    {"varchar(0)", 0, NULL, 0, 0, 0},
    {"varchar(20,1)", 0, NULL, 0, 0, 0},
    {"varchar()", 0, NULL, 0, 0, 0},
    {"varchar(20", 0, NULL, 0, 0, 0},
    {"varchar(20)(3)", 0, NULL, 0, 0, 0},
    {"varchar(99999999999999999999)", 0, NULL, 0, 0, 0},
    {"text(5)", 0, NULL, 0, 0, 0},
    {"integer(4)", 0, NULL, 0, 0, 0},
    {"numeric(0)", 0, NULL, 0, 0, 0},
    {"numeric(1001)", 0, NULL, 0, 0, 0},
    {"numeric(1,2,3)", 0, NULL, 0, 0, 0},
    {"timestamp(7)", 0, NULL, 0, 0, 0},
    {"float(54)", 0, NULL, 0, 0, 0},
    {"[]", 0, NULL, 0, 0, 0},
    {"text[", 0, NULL, 0, 0, 0},
    {"text[x]", 0, NULL, 0, 0, 0},
    {"text[]x", 0, NULL, 0, 0, 0},
    {"text[][][][][][][]", 0, NULL, 0, 0, 0},
    {"text; drop table x", 0, NULL, 0, 0, 0},
};

static void test_types(void)
{
    struct arena a = {0};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct type t = {0};
        bool good = catalog_type_parse(str_of(types[i].text), &a, &t);

        if (!good || !types[i].name) {
            ok(!good && !types[i].name, "'%s' is no type", types[i].text);
            continue;
        }
        is_str(t.name, types[i].name, "'%s'", types[i].text);
        ok(t.kind == types[i].kind && t.length == types[i].length && t.precision == types[i].precision &&
           t.scale == types[i].scale,
           "'%s': kind and limits", types[i].text);
        ok((t.kind == TYPE_ARRAY) == (t.element != NULL), "'%s': element", types[i].text);
    }
    arena_release(&a);
}

static void test_tables(void)
{
    static const struct catalog_column columns[] = {{.name = "id"}, {.name = "Name"}};
    static const struct catalog_table tables[] = {
        {.schema = "public", .name = "users", .columns = columns, .n_columns = 2}, {.schema = "audit", .name = "users"},
        {.schema = "public", .name = "odd.name"}, {.name = "Plain"},
    };
    struct catalog c = {.engine = "postgresql", .tables = tables, .n_tables = 4};

    ok(catalog_table(&c, str_of("users")) == &tables[0], "by name: the first");
    ok(catalog_table(&c, str_of("audit.users")) == &tables[1], "by schema and name");
    ok(catalog_table(&c, str_of("odd.name")) == &tables[2], "a name with a dot");
    ok(!catalog_table(&c, str_of("Users")) && !catalog_table(&c, str_of("other.users")) &&
       !catalog_table(&c, str_of("")), "none");
    is_int(catalog_column(&tables[0], str_of("Name")), 1, "a column");
    is_int(catalog_column(&tables[0], str_of("name")), -1, "its name is exact");
    c.engine = "sqlite";
    ok(catalog_table(&c, str_of("plain")) == &tables[3], "SQLite does not tell cases apart");
    catalog_release(&c);
    ok(c.n_tables == 0, "released");
}

int main(void)
{
    test_types();
    test_tables();
    return done_testing();
}
