/* columns: where a value comes from (path, expr, value, uuid5 or ref) and what is done with it on its way. */
#include "mapping/internal.h"

enum { COLUMN_NAME_BYTES_MAX = 63, COLUMNS_MAX = 1600 };   /* PostgreSQL's bounds */

static const char *const sources[] = {"path", "expr", "value", "uuid5", "ref"};

static void read_uuid5(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_column *c = into;

    c->uuid5 = mapping_read_texts(r, item, &c->n_uuid5);
}

static void read_null_if(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_column *c = into;
    struct mapping_constant *values = mapping_room(r, item->n, sizeof *values);
    size_t i = 0;

    if (!values)
        return;
    if (item->kind == YAML_MAP) {
        mapping_report(r, item, W0208, "expected a value or a list of values, found a map");
        return;
    }
    if (item->kind == YAML_TEXT)
        mapping_read_constant(r, item, &values[i++]);
    for (const struct yaml_item *each = item->kind == YAML_LIST ? item->first : NULL; each; each = each->next)
        mapping_read_constant(r, each, &values[i++]);
    c->null_if = values;
    c->n_null_if = i;
}

static void read_map_else(struct mapping_reading *r, const struct yaml_item *item, struct mapping_column *c)
{
    bool plain = item->kind == YAML_TEXT && item->text.style == 'p';

    c->has_map_else = true;
    c->map_else_reject = plain && str_is(item->text.text, "reject");
    c->map_else_keep = plain && str_is(item->text.text, "keep");
    if (!c->map_else_reject && !c->map_else_keep)
        mapping_read_constant(r, item, &c->map_else);
}

/* The left side of a value table is the text of a value. Without quotes, else is the rest. */
static void read_map(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_column *c = into;
    struct mapping_pair *pairs = mapping_room(r, item->n, sizeof *pairs);
    size_t n = 0;

    if (!pairs || !mapping_is_map(r, item))
        return;
    c->map_else_reject = true;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        const struct mapping_text *key = &entry->key->text;

        if (key->style == 'p' && str_is(key->text, "else")) {
            read_map_else(r, entry, c);
            continue;
        }
        if (key->style == 'p' && (mapping_plain(key->text) == PLAIN_UNCLEAR || mapping_plain(key->text) == PLAIN_NULL))
            mapping_report_text(r, key, W0209,
                                "'%.*s' without quotes means different things to readers of YAML; quote it",
                                STR_ARG(key->text));
        pairs[n].from = *key;
        mapping_read_constant(r, entry, &pairs[n++].to);
    }
    c->map = pairs;
    c->n_map = n;
}

/* Words, or an expression over a parameter. */
static void read_policy(struct mapping_reading *r, const struct yaml_item *item, struct mapping_text *ret,
                        const char *const *words, size_t n)
{
    if (item->kind == YAML_TEXT && item->text.text.len && item->text.text.at[0] == '$')
        mapping_read_text(r, item, ret);
    else if (mapping_read_word(r, item, words, n) >= 0)
        *ret = item->text;
}

static void read_nul(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    static const char *const words[] = {"reject", "strip", "replace"};

    read_policy(r, item, into, words, ARRAY_LEN(words));
}

static void read_utf8(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    static const char *const words[] = {"reject", "replace"};

    read_policy(r, item, into, words, ARRAY_LEN(words));
}

static void read_on_error(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    static const char *const words[] = {
        [MAPPING_ON_ERROR_REJECT] = "reject", [MAPPING_ON_ERROR_STOP] = "stop", [MAPPING_ON_ERROR_NULL] = "null",
        [MAPPING_ON_ERROR_DEFAULT] = "default",
    };
    struct mapping_column *c = into;
    int word = mapping_read_word(r, item, words, ARRAY_LEN(words));

    if (word >= 0)
        c->on_error = (enum mapping_on_error)word;
}

static bool read_column_name(struct mapping_reading *r, const struct yaml_item *entry, struct mapping_text *ret)
{
    struct str s = entry->key->text.text;

    *ret = entry->key->text;
    if (entry->key->text.style == 'p' && yaml_is_null(entry) && memchr(s.at, ':', s.len)) {
        mapping_report_text(r, ret, W0203, "'%.*s': a space is missing after ':'", STR_ARG(s));
        return false;
    }
    if (s.len == 0 || s.len > COLUMN_NAME_BYTES_MAX || memchr(s.at, '\0', s.len))
        mapping_report_text(r, ret, W0216, "a column's name has 1 to %d bytes, none of them NUL",
                            COLUMN_NAME_BYTES_MAX);
    return true;
}

/* by: of a reference. */

static void read_by(struct mapping_reading *r, const struct yaml_item *item, void *into);

/* An id that another reference would give may stand among the keys of one. */
static const struct mapping_key by_keys[] = {
    {"path", mapping_read_text, offsetof(struct mapping_column, path), false},
    {"expr", mapping_read_text, offsetof(struct mapping_column, expr), false},
    {"value", mapping_read_constant, offsetof(struct mapping_column, value), false},
    {"ref", mapping_read_text, offsetof(struct mapping_column, ref), false},
    {"by", read_by, 0, false},
    {"column", mapping_read_text, offsetof(struct mapping_column, ref_column), false},
};
const struct mapping_keys mapping_by_keys = MAPPING_KEYS("by", by_keys);

/* `allowed` is the first n of sources[]. */
static void check_one_source(struct mapping_reading *r, const struct yaml_item *item, const struct mapping_keys *keys,
                             size_t allowed, const char *list)
{
    const struct yaml_item *first = NULL;
    bool misspelt = false;

    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        for (size_t i = 0; i < allowed; i++) {
            if (!str_is(entry->key->text.text, sources[i]))
                continue;
            if (first && first != entry)
                mapping_report_text(r, &entry->key->text, W0219, "'%s' and '%.*s' exclude each other", sources[i],
                                    STR_ARG(first->key->text.text));
            else
                first = entry;
        }
    }
    for (size_t i = 0; i < allowed && !first; i++)
        misspelt = misspelt || mapping_is_misspelt(item, keys, sources[i]);
    if (!first && !misspelt)
        mapping_report(r, item, W0207, "one of %s is missing", list);
}

static void check_reference(struct mapping_reading *r, const struct yaml_item *item)
{
    const struct yaml_item *ref = yaml_find(item, "ref"), *by = yaml_find(item, "by"),
                           *column = yaml_find(item, "column");

    if (ref && !by)
        mapping_report_text(r, &ref->key->text, W0219, "'ref' needs 'by' beside it");
    if (!ref && by)
        mapping_report_text(r, &by->key->text, W0219, "'by' needs 'ref' beside it");
    if (!ref && column)
        mapping_report_text(r, &column->key->text, W0219, "'column' needs 'ref' beside it");
}

static void read_by(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_column *c = into, *by = mapping_room(r, item->n, sizeof *by);

    if (!by || !mapping_is_map(r, item))
        return;
    if (item->n == 0)
        mapping_report(r, item, W0207, "by: names at least one column of the other table");
    c->by = by;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        struct mapping_column *each = &by[c->n_by++];

        if (!read_column_name(r, entry, &each->name))
            continue;
        if (entry->kind == YAML_TEXT)
            mapping_read_text(r, entry, &each->path);
        else if (mapping_read_map(r, entry, &mapping_by_keys, each)) {
            check_one_source(r, entry, &mapping_by_keys, ARRAY_LEN(sources), "path, expr, value, ref");
            check_reference(r, entry);
        }
    }
}

static const struct mapping_key column_keys[] = {
    {"path", mapping_read_text, offsetof(struct mapping_column, path), false},
    {"expr", mapping_read_text, offsetof(struct mapping_column, expr), false},
    {"value", mapping_read_constant, offsetof(struct mapping_column, value), false},
    {"uuid5", read_uuid5, 0, false},
    {"ref", mapping_read_text, offsetof(struct mapping_column, ref), false},
    {"by", read_by, 0, false},
    {"column", mapping_read_text, offsetof(struct mapping_column, ref_column), false},
    {"type", mapping_read_text, offsetof(struct mapping_column, type), false},
    {"format", mapping_read_text, offsetof(struct mapping_column, format), false},
    {"timezone", mapping_read_text, offsetof(struct mapping_column, timezone), false},
    {"required", mapping_read_bool, offsetof(struct mapping_column, required), false},
    {"default", mapping_read_constant, offsetof(struct mapping_column, fallback), false},
    {"null_if", read_null_if, 0, false},
    {"map", read_map, 0, false},
    {"trim", mapping_read_bool, offsetof(struct mapping_column, trim), false},
    {"coerce", mapping_read_bool, offsetof(struct mapping_column, coerce), false},
    {"nul", read_nul, offsetof(struct mapping_column, nul), false},
    {"utf8", read_utf8, offsetof(struct mapping_column, utf8), false},
    {"check", mapping_read_text, offsetof(struct mapping_column, check), false},
    {"on_error", read_on_error, 0, false},
};
const struct mapping_keys mapping_column_keys = MAPPING_KEYS("column", column_keys);

static void read_column(struct mapping_reading *r, const struct yaml_item *entry, struct mapping_column *c)
{
    if (entry->kind == YAML_TEXT) {
        mapping_read_text(r, entry, &c->path);
        return;
    }
    if (!mapping_read_map(r, entry, &mapping_column_keys, c))
        return;
    check_one_source(r, entry, &mapping_column_keys, ARRAY_LEN(sources), "path, expr, value, uuid5, ref");
    check_reference(r, entry);
    if (c->on_error == MAPPING_ON_ERROR_DEFAULT && !yaml_find(entry, "default"))
        mapping_report(r, yaml_find(entry, "on_error"), W0219, "on_error: default needs 'default' beside it");
}

static size_t column_index(const struct mapping_column *columns, size_t n, struct str name)
{
    size_t i = 0;

    while (i < n && !str_eq(columns[i].name.text, name))
        i++;
    return i;
}

bool mapping_has_column(const struct mapping_rule *rule, struct str name)
{
    return column_index(rule->columns, rule->n_columns, name) < rule->n_columns;
}

void mapping_read_columns(struct mapping_reading *r, const struct yaml_item *item, struct mapping_rule *rule)
{
    size_t base = rule->n_columns, n = base;
    struct mapping_column *columns;

    if (!mapping_is_map(r, item))
        return;
    if (item->n == 0 || base + item->n > COLUMNS_MAX) {
        mapping_report(r, item, item->n ? W0224 : W0207, "a rule has 1 to %d columns", COLUMNS_MAX);
        return;
    }
    columns = mapping_room(r, base + item->n, sizeof *columns);
    if (!columns)
        return;
    if (base)
        memcpy(columns, rule->columns, base * sizeof *columns);
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        size_t i = column_index(columns, base, entry->key->text.text);
        struct mapping_column c = {0};

        if (!read_column_name(r, entry, &c.name))
            continue;
        if (yaml_is_null(entry) && i < base) {
            memmove(&columns[i], &columns[i + 1], (n - i - 1) * sizeof *columns);
            base--;
            n--;
            continue;
        }
        read_column(r, entry, &c);
        columns[i < base ? i : n++] = c;
    }
    if (n == 0 && rule->n_columns)
        mapping_report(r, item, W0207, "no column is left of the rule that like: names");
    rule->columns = columns;
    rule->n_columns = n;
}
