/* convert/catalog.h: what the target's tables look like. Filled by sink/ from the database's own catalogue,
 * read by the compiler of mappings and by the conversion of values. */
#ifndef WINDROW_CONVERT_CATALOG_H
#define WINDROW_CONVERT_CATALOG_H

#include "base/arena.h"
#include "base/str.h"

enum type_kind {
    TYPE_UNKNOWN = 0,
    TYPE_BOOL, TYPE_INT2, TYPE_INT4, TYPE_INT8, TYPE_NUMERIC, TYPE_FLOAT4, TYPE_FLOAT8,
    TYPE_TEXT,          /* text, varchar(n), char(n), citext, name */
    TYPE_BYTEA, TYPE_UUID, TYPE_DATE, TYPE_TIME, TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ,
    TYPE_JSON, TYPE_JSONB, TYPE_ENUM, TYPE_ARRAY,
    TYPE_OTHER          /* written as text, the database reads it with its own input function */
};

struct type {
    enum type_kind kind;
    const char *name;               /* as the database spells it, "character varying(255)" */
    uint32_t oid;                   /* PostgreSQL */
    int32_t length;                 /* TEXT: characters at most; 0 without a limit */
    int32_t precision, scale;       /* NUMERIC: precision 0 without a limit. Times: precision 1 when only
                                       `scale` digits of a second fit, else 0 */
    const struct type *element;     /* ARRAY */
    const char *const *labels;      /* ENUM */
    size_t n_labels;
    bool stored_as_text;            /* SQLite: uuid, times, json, arrays live in a TEXT column */
    bool spaced_time;               /* SQLite DATETIME: "2025-01-31 10:00:00.000000", else ISO 8601 with T and Z */
};

struct catalog_column {
    const char *name;
    struct type type;
    bool not_null;
    bool has_default;
    bool generated;                 /* GENERATED ALWAYS AS ... or an identity that takes no value */
    bool identity;                  /* serial, identity, INTEGER PRIMARY KEY: the database can number it */
};

struct catalog_key {
    const char *name;
    const uint16_t *columns;        /* ordinals */
    size_t n;
    bool primary;
    bool partial;                   /* has a WHERE or an expression: no use as a conflict target */
};

struct catalog_reference {
    const uint16_t *columns;
    const char *table;
    const char *const *their_columns;
    size_t n;
    const char *schema;             /* of the table; NULL for SQLite */
    const char *name;               /* of the constraint; NULL for SQLite */
    bool deferred;                  /* checked at the commit; SQLite does not tell */
};

struct catalog_table {
    const char *schema;             /* NULL for SQLite */
    const char *name;
    const struct catalog_column *columns;
    size_t n_columns;
    const struct catalog_key *keys;
    size_t n_keys;
    const struct catalog_reference *references;
    size_t n_references;
    bool row_security;              /* COPY is refused there */
};

struct catalog {
    struct arena arena;
    const char *engine;             /* "postgresql", "sqlite" */
    const struct catalog_table *tables;
    size_t n_tables;
};

/* By name ("t" or "schema.t"; in any case for SQLite); NULL when there is none. */
const struct catalog_table *catalog_table(const struct catalog *c, struct str name);
/* The ordinal, or -1. */
int catalog_column(const struct catalog_table *t, struct str name);
void catalog_release(struct catalog *c);

/* The type that a mapping's `type:` names ("integer", "varchar(20)", "text[]", "timestamptz" ...), in `a`, in
 * any case, by PostgreSQL's spellings and "blob", "double" and "datetime" (a timestamptz with spaced_time). Its name
 * is that of format_type(). False when it is none, or when out of memory. */
bool catalog_type_parse(struct str text, struct arena *a, struct type *ret);

#endif
