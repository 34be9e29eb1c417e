/* Looking up tables and columns, and the names that PostgreSQL gives to types. */
#include "convert/catalog.h"

#include <stdio.h>
#include <strings.h>

enum { TYPE_TEXT_MAX = 128, DIMENSIONS_MAX = 6 };

static bool name_is(const struct catalog *c, const char *name, struct str wanted)
{
    if (c->engine && strcmp(c->engine, "sqlite") == 0)
        return strlen(name) == wanted.len && strncasecmp(name, wanted.at, wanted.len) == 0;
    return str_is(wanted, name);
}

static bool is_qualified(const struct catalog *c, const struct catalog_table *t, struct str name)
{
    size_t len = t->schema ? strlen(t->schema) : 0;

    return len > 0 && name.len > len && name.at[len] == '.' && memcmp(name.at, t->schema, len) == 0 &&
           name_is(c, t->name, str_make(name.at + len + 1, name.len - len - 1));
}

const struct catalog_table *catalog_table(const struct catalog *c, struct str name)
{
    for (size_t i = 0; i < c->n_tables; i++)
        if (name_is(c, c->tables[i].name, name))
            return &c->tables[i];
    for (size_t i = 0; i < c->n_tables; i++)
        if (is_qualified(c, &c->tables[i], name))
            return &c->tables[i];
    return NULL;
}

int catalog_column(const struct catalog_table *t, struct str name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (str_is(name, t->columns[i].name))
            return (int)i;
    return -1;
}

void catalog_release(struct catalog *c)
{
    arena_release(&c->arena);
    *c = (struct catalog){0};
}

/* What may follow a name in parentheses. */
enum arguments { ARGUMENTS_NONE, ARGUMENTS_LENGTH, ARGUMENTS_NUMERIC, ARGUMENTS_SECONDS, ARGUMENTS_FLOAT };

/* `full` is the spelling of format_type(); "%s" is where the arguments go when they are not last. */
static const struct spelling {
    const char *name;
    enum type_kind kind;
    enum arguments arguments;
    const char *full;
} spellings[] = {
    {"bool", TYPE_BOOL, ARGUMENTS_NONE, "boolean"},
    {"boolean", TYPE_BOOL, ARGUMENTS_NONE, "boolean"},
    {"smallint", TYPE_INT2, ARGUMENTS_NONE, "smallint"},
    {"int2", TYPE_INT2, ARGUMENTS_NONE, "smallint"},
    {"smallserial", TYPE_INT2, ARGUMENTS_NONE, "smallint"},
    {"serial2", TYPE_INT2, ARGUMENTS_NONE, "smallint"},
    {"integer", TYPE_INT4, ARGUMENTS_NONE, "integer"},
    {"int", TYPE_INT4, ARGUMENTS_NONE, "integer"},
    {"int4", TYPE_INT4, ARGUMENTS_NONE, "integer"},
    {"serial", TYPE_INT4, ARGUMENTS_NONE, "integer"},
    {"serial4", TYPE_INT4, ARGUMENTS_NONE, "integer"},
    {"bigint", TYPE_INT8, ARGUMENTS_NONE, "bigint"},
    {"int8", TYPE_INT8, ARGUMENTS_NONE, "bigint"},
    {"bigserial", TYPE_INT8, ARGUMENTS_NONE, "bigint"},
    {"serial8", TYPE_INT8, ARGUMENTS_NONE, "bigint"},
    {"numeric", TYPE_NUMERIC, ARGUMENTS_NUMERIC, "numeric"},
    {"decimal", TYPE_NUMERIC, ARGUMENTS_NUMERIC, "numeric"},
    {"dec", TYPE_NUMERIC, ARGUMENTS_NUMERIC, "numeric"},
    {"real", TYPE_FLOAT4, ARGUMENTS_NONE, "real"},
    {"float4", TYPE_FLOAT4, ARGUMENTS_NONE, "real"},
    {"double precision", TYPE_FLOAT8, ARGUMENTS_NONE, "double precision"},
    {"double", TYPE_FLOAT8, ARGUMENTS_NONE, "double precision"},
    {"float8", TYPE_FLOAT8, ARGUMENTS_NONE, "double precision"},
    {"float", TYPE_FLOAT8, ARGUMENTS_FLOAT, "double precision"},
    {"text", TYPE_TEXT, ARGUMENTS_NONE, "text"},
    {"citext", TYPE_TEXT, ARGUMENTS_NONE, "citext"},
    {"name", TYPE_TEXT, ARGUMENTS_NONE, "name"},
    {"varchar", TYPE_TEXT, ARGUMENTS_LENGTH, "character varying"},
    {"character varying", TYPE_TEXT, ARGUMENTS_LENGTH, "character varying"},
    {"char varying", TYPE_TEXT, ARGUMENTS_LENGTH, "character varying"},
    {"char", TYPE_TEXT, ARGUMENTS_LENGTH, "character"},
    {"character", TYPE_TEXT, ARGUMENTS_LENGTH, "character"},
    {"bpchar", TYPE_TEXT, ARGUMENTS_NONE, "bpchar"},
    {"bytea", TYPE_BYTEA, ARGUMENTS_NONE, "bytea"},
    {"blob", TYPE_BYTEA, ARGUMENTS_NONE, "bytea"},
    {"uuid", TYPE_UUID, ARGUMENTS_NONE, "uuid"},
    {"date", TYPE_DATE, ARGUMENTS_NONE, "date"},
    {"time", TYPE_TIME, ARGUMENTS_SECONDS, "time%s without time zone"},
    {"time without time zone", TYPE_TIME, ARGUMENTS_SECONDS, "time%s without time zone"},
    {"timestamp", TYPE_TIMESTAMP, ARGUMENTS_SECONDS, "timestamp%s without time zone"},
    {"timestamp without time zone", TYPE_TIMESTAMP, ARGUMENTS_SECONDS, "timestamp%s without time zone"},
    {"timestamptz", TYPE_TIMESTAMPTZ, ARGUMENTS_SECONDS, "timestamp%s with time zone"},
    {"timestamp with time zone", TYPE_TIMESTAMPTZ, ARGUMENTS_SECONDS, "timestamp%s with time zone"},
    {"datetime", TYPE_TIMESTAMPTZ, ARGUMENTS_NONE, "datetime"},
    {"json", TYPE_JSON, ARGUMENTS_NONE, "json"},
    {"jsonb", TYPE_JSONB, ARGUMENTS_NONE, "jsonb"},
    {"interval", TYPE_OTHER, ARGUMENTS_NONE, "interval"},
    {"inet", TYPE_OTHER, ARGUMENTS_NONE, "inet"},
    {"cidr", TYPE_OTHER, ARGUMENTS_NONE, "cidr"},
    {"macaddr", TYPE_OTHER, ARGUMENTS_NONE, "macaddr"},
    {"money", TYPE_OTHER, ARGUMENTS_NONE, "money"},
    {"xml", TYPE_OTHER, ARGUMENTS_NONE, "xml"},
    {"timetz", TYPE_OTHER, ARGUMENTS_NONE, "time with time zone"},
    {"time with time zone", TYPE_OTHER, ARGUMENTS_NONE, "time with time zone"},
    {"tsvector", TYPE_OTHER, ARGUMENTS_NONE, "tsvector"},
    {"point", TYPE_OTHER, ARGUMENTS_NONE, "point"},
};

/* A type's text taken apart: the words without what stands in parentheses, in lower case, single blanks. */
struct parts {
    char name[TYPE_TEXT_MAX + 1];
    size_t name_len;
    long arguments[2];
    int n_arguments;    /* -1: no parentheses */
    int dimensions;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(struct str text, size_t i)
{
    while (i < text.len && is_blank(text.at[i]))
        i++;
    return i;
}

static bool parse_number(struct str text, size_t *at, long *ret)
{
    size_t i = skip_blanks(text, *at), start;
    bool negative = i < text.len && text.at[i] == '-';
    long n = 0;

    for (start = i += negative; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++) {
        n = n * 10 + (text.at[i] - '0');
        if (n > 100 * 1000 * 1000)
            return false;
    }
    if (i == start)
        return false;
    *at = skip_blanks(text, i);
    *ret = negative ? -n : n;
    return true;
}

/* From behind '(' to behind ')'. */
static bool parse_arguments(struct str text, size_t *at, struct parts *p)
{
    if (p->n_arguments >= 0 || p->name_len == 0)
        return false;
    p->n_arguments = 0;
    do {
        if (p->n_arguments == 2 || !parse_number(text, at, &p->arguments[p->n_arguments++]) || *at >= text.len)
            return false;
    } while (text.at[(*at)++] == ',');
    return text.at[*at - 1] == ')';
}

/* From behind '[' to behind ']'; a length there means nothing to PostgreSQL either. */
static bool parse_dimension(struct str text, size_t *at, struct parts *p)
{
    size_t i = skip_blanks(text, *at);
    long length;

    if (p->name_len == 0 || ++p->dimensions > DIMENSIONS_MAX)
        return false;
    if (i < text.len && text.at[i] != ']' && !parse_number(text, &i, &length))
        return false;
    if (i >= text.len || text.at[i] != ']')
        return false;
    *at = i + 1;
    return true;
}

static bool parts_parse(struct str text, struct parts *p)
{
    bool blank = false;

    if (text.len > TYPE_TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.len; ) {
        char c = text.at[i++];

        if (is_blank(c)) {
            blank = true;
        } else if (c == '(') {
            if (!parse_arguments(text, &i, p))
                return false;
            blank = true;
        } else if (c == '[') {
            if (!parse_dimension(text, &i, p))
                return false;
        } else {
            if (p->dimensions > 0)
                return false;
            if (blank && p->name_len > 0 && p->name_len < TYPE_TEXT_MAX)
                p->name[p->name_len++] = ' ';
            blank = false;
            if (p->name_len < TYPE_TEXT_MAX)
                p->name[p->name_len++] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
        }
    }
    return p->name_len > 0;
}

static bool take_length(const struct spelling *s, const struct parts *p, struct type *ret)
{
    if (p->n_arguments > 1 || (p->n_arguments == 1 && (p->arguments[0] < 1 || p->arguments[0] > 10485760)))
        return false;
    if (p->n_arguments == 1)
        ret->length = (int32_t)p->arguments[0];
    else if (strcmp(s->full, "character") == 0)
        ret->length = 1;
    return true;
}

static bool take_numeric(const struct parts *p, struct type *ret)
{
    if (p->n_arguments < 1)
        return true;
    if (p->arguments[0] < 1 || p->arguments[0] > 1000)
        return false;
    ret->precision = (int32_t)p->arguments[0];
    if (p->n_arguments == 2) {
        if (p->arguments[1] < -1000 || p->arguments[1] > 1000)
            return false;
        ret->scale = (int32_t)p->arguments[1];
    }
    return true;
}

static bool take_seconds(const struct parts *p, struct type *ret)
{
    if (p->n_arguments < 1)
        return true;
    if (p->n_arguments > 1 || p->arguments[0] < 0 || p->arguments[0] > 6)
        return false;
    ret->precision = 1;
    ret->scale = (int32_t)p->arguments[0];
    return true;
}

static bool take_float(const struct parts *p, struct type *ret)
{
    if (p->n_arguments < 1)
        return true;
    if (p->n_arguments > 1 || p->arguments[0] < 1 || p->arguments[0] > 53)
        return false;
    ret->kind = p->arguments[0] <= 24 ? TYPE_FLOAT4 : TYPE_FLOAT8;
    return true;
}

static bool take_arguments(const struct spelling *s, const struct parts *p, struct type *ret)
{
    if (p->n_arguments == 0)
        return false;
    switch (s->arguments) {
    case ARGUMENTS_LENGTH: return take_length(s, p, ret);
    case ARGUMENTS_NUMERIC: return take_numeric(p, ret);
    case ARGUMENTS_SECONDS: return take_seconds(p, ret);
    case ARGUMENTS_FLOAT: return take_float(p, ret);
    default: return p->n_arguments < 0;
    }
}

/* As format_type() would spell it. */
static const char *full_name(const struct spelling *s, const struct type *t, struct arena *a)
{
    char arguments[32] = "";
    const char *gap = strstr(s->full, "%s");

    if (s->arguments == ARGUMENTS_LENGTH && t->length)
        snprintf(arguments, sizeof arguments, "(%d)", t->length);
    else if (s->arguments == ARGUMENTS_NUMERIC && t->precision)
        snprintf(arguments, sizeof arguments, "(%d,%d)", t->precision, t->scale);
    else if (s->arguments == ARGUMENTS_SECONDS && t->precision)
        snprintf(arguments, sizeof arguments, "(%d)", t->scale);
    if (gap)
        return arena_printf(a, "%.*s%s%s", (int)(gap - s->full), s->full, arguments, gap + 2);
    if (s->arguments == ARGUMENTS_FLOAT)
        return t->kind == TYPE_FLOAT4 ? "real" : s->full;
    return arena_printf(a, "%s%s", s->full, arguments);
}

/* `inner` becomes the element of an array. */
static bool wrap(struct type *inner, struct arena *a)
{
    struct type *element = arena_alloc(a, sizeof *element);

    if (!element)
        return false;
    *element = *inner;
    *inner = (struct type){.kind = TYPE_ARRAY, .element = element, .name = arena_printf(a, "%s[]", element->name)};
    return inner->name != NULL;
}

bool catalog_type_parse(struct str text, struct arena *a, struct type *ret)
{
    struct parts p = {.n_arguments = -1};
    struct type type = {0};

    if (!parts_parse(text, &p))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        const struct spelling *s = &spellings[i];

        if (!str_is(str_make(p.name, p.name_len), s->name))
            continue;
        type.kind = s->kind;
        type.spaced_time = strcmp(s->name, "datetime") == 0;
        if (!take_arguments(s, &p, &type) || !(type.name = full_name(s, &type, a)))
            return false;
        for (int d = 0; d < p.dimensions; d++)
            if (!wrap(&type, a))
                return false;
        *ret = type;
        return true;
    }
    return false;
}
