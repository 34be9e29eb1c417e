/* tables: which records become rows. A rule can be like: an earlier one and says then only what differs. */
#include "mapping/internal.h"

#include <stdlib.h>

enum { KEY_COLUMNS_MAX = 32 };

static void read_from(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_rule *rule = into;

    rule->from = mapping_read_texts(r, item, &rule->n_from);
}

static void read_key(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_rule *rule = into;

    rule->key = mapping_read_texts(r, item, &rule->n_key);
    if (rule->n_key > KEY_COLUMNS_MAX)
        mapping_report(r, item, W0224, "a key has at most %d columns", KEY_COLUMNS_MAX);
}

/* "t" or "schema.t". */
static void read_table(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_text *ret = into;
    struct str s;
    const char *dot;

    mapping_read_text(r, item, ret);
    s = ret->text;
    dot = s.len ? memchr(s.at, '.', s.len) : NULL;
    if (dot && (dot == s.at || dot + 1 == s.at + s.len || memchr(dot + 1, '.', (size_t)(s.at + s.len - dot - 1))))
        mapping_report(r, item, W0216, "'%.*s' is no table: write table or schema.table", STR_ARG(s));
}

/* let: the earlier rule's first, replaced where named again. */
static void read_lets(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_rule *rule = into;
    struct mapping_let *lets = mapping_room(r, rule->n_lets + item->n, sizeof *lets);

    if (!lets || !mapping_is_named(r, item))
        return;
    if (rule->n_lets)
        memcpy(lets, rule->lets, rule->n_lets * sizeof *lets);
    rule->lets = lets;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        struct mapping_let let = {0};
        size_t i = 0;

        mapping_read_variable(r, entry, &let.name);
        mapping_read_text(r, entry, &let.expr);
        while (i < rule->n_like_lets && !str_eq(lets[i].name.text, let.name.text))
            i++;
        lets[i < rule->n_like_lets ? i : rule->n_lets++] = let;
    }
}

/* on_conflict: */

static const char *const conflicts[] = {
    [MAPPING_CONFLICT_ERROR] = "error", [MAPPING_CONFLICT_SKIP] = "skip", [MAPPING_CONFLICT_UPDATE] = "update",
};

static void read_conflict_update(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_rule *rule = into;

    rule->conflict = MAPPING_CONFLICT_UPDATE;
    if (item->kind == YAML_TEXT && str_is(item->text.text, "all"))
        return;
    rule->conflict_columns = mapping_read_texts(r, item, &rule->n_conflict_columns);
}

static void read_conflict_skip(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_rule *rule = into;
    bool skip = false;

    mapping_read_bool(r, item, &skip);
    rule->conflict = skip ? MAPPING_CONFLICT_SKIP : MAPPING_CONFLICT_ERROR;
}

static const struct mapping_key conflict_keys[] = {
    {"update", read_conflict_update, 0, false},
    {"when", mapping_read_text, offsetof(struct mapping_rule, conflict_when), false},
    {"skip", read_conflict_skip, 0, false},
};
const struct mapping_keys mapping_conflict_keys = MAPPING_KEYS("conflict", conflict_keys);

static void read_conflict(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_rule *rule = into;
    const struct yaml_item *update, *skip, *when;
    int word;

    rule->conflict_when = (struct mapping_text){0};
    rule->n_conflict_columns = 0;
    if (item->kind == YAML_TEXT) {
        word = mapping_read_word(r, item, conflicts, ARRAY_LEN(conflicts));
        if (word >= 0)
            rule->conflict = (enum mapping_conflict)word;
        return;
    }
    if (!mapping_read_map(r, item, &mapping_conflict_keys, rule))
        return;
    update = yaml_find(item, "update");
    skip = yaml_find(item, "skip");
    when = yaml_find(item, "when");
    if (!update == !skip && !mapping_is_misspelt(item, &mapping_conflict_keys, "update"))
        mapping_report(r, item, W0219, "on_conflict takes one of update and skip");
    if (when && !update)
        mapping_report_text(r, &when->key->text, W0219, "'when' needs 'update' beside it");
}

static void read_like(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_text like;

    (void)into;     /* taken over before the other keys are read */
    mapping_read_text(r, item, &like);
}

static void read_columns(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    mapping_read_columns(r, item, into);
}

static void read_warns(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_rule *rule = into;

    rule->warns = mapping_read_texts(r, item, &rule->n_warns);
}

static const struct mapping_key rule_keys[] = {
    {"into", read_table, offsetof(struct mapping_rule, into), false},
    {"like", read_like, 0, false},
    {"from", read_from, 0, true},
    {"read", mapping_read_read, offsetof(struct mapping_rule, read), false},
    {"when", mapping_read_text, offsetof(struct mapping_rule, when), false},
    {"each", mapping_read_text, offsetof(struct mapping_rule, each), false},
    {"where", mapping_read_text, offsetof(struct mapping_rule, where), false},
    {"let", read_lets, 0, false},
    {"warn", read_warns, 0, false},
    {"key", read_key, 0, false},
    {"on_conflict", read_conflict, 0, false},
    {"columns", read_columns, 0, false},
};
const struct mapping_keys mapping_rule_keys = MAPPING_KEYS("rule", rule_keys);

/* Columns, let, warn, key, on_conflict and read of the earlier rule. */
static void take_over(struct mapping_reading *r, const struct yaml_item *like, const struct yaml_item *tables,
                      struct mapping_rule *rule)
{
    struct str name = like->text.text;
    const struct mapping_rule *from = NULL;

    for (size_t i = 0; i < r->m->n_rules && like->kind == YAML_TEXT && !from; i++) {
        if (&r->m->rules[i] != rule && str_eq(r->m->rules[i].name.text, name))
            from = &r->m->rules[i];
    }
    if (from) {
        *rule = (struct mapping_rule){
            .name = rule->name, .mark = rule->mark, .into = rule->into, .read = from->read, .lets = from->lets,
            .n_lets = from->n_lets, .n_like_lets = from->n_lets, .warns = from->warns,
            .n_warns = from->n_warns, .columns = from->columns, .n_columns = from->n_columns, .key = from->key,
            .n_key = from->n_key, .conflict = from->conflict, .conflict_when = from->conflict_when,
            .conflict_columns = from->conflict_columns, .n_conflict_columns = from->n_conflict_columns,
        };
        return;
    }
    if (like->kind != YAML_TEXT || name.len == 0)
        return;     /* said when the key is read */
    for (const struct yaml_item *entry = tables->first; entry; entry = entry->next) {
        if (str_eq(entry->key->text.text, name)) {
            mapping_report(r, like, W0221, "like: takes an earlier rule; '%.*s' does not stand above this one",
                           STR_ARG(name));
            return;
        }
    }
    mapping_report(r, like, W0221, "there is no rule '%.*s'", STR_ARG(name));
}

/* Every name in a list is a column, and stands once. */
static void check_columns_exist(struct mapping_reading *r, const struct mapping_rule *rule,
                                const struct mapping_text *names, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        if (names[i].text.len && !mapping_has_column(rule, names[i].text)) {
            const char **all = malloc((rule->n_columns + 1) * sizeof *all);
            char hint[80] = "";

            for (size_t k = 0; all && k < rule->n_columns; k++)
                all[k] = rule->columns[k].name.text.at;
            if (all)
                mapping_did_you_mean(names[i].text, all, rule->n_columns, hint, sizeof hint);
            free(all);
            mapping_report_text(r, &names[i], W0220, "%s: '%.*s' is not a column of rule '%.*s'%s", what,
                                STR_ARG(names[i].text), STR_ARG(rule->name.text), hint);
        }
        for (size_t k = 0; k < i && n <= KEY_COLUMNS_MAX; k++) {
            if (str_eq(names[k].text, names[i].text)) {
                mapping_report_text(r, &names[i], W0217, "%s: '%.*s' stands twice", what, STR_ARG(names[i].text));
                break;
            }
        }
    }
}

static void check_rule(struct mapping_reading *r, const struct yaml_item *item, const struct mapping_rule *rule)
{
    const struct yaml_item *conflict = yaml_find(item, "on_conflict");

    if (!yaml_find(item, "columns") && !yaml_find(item, "like") &&
        !mapping_is_misspelt(item, &mapping_rule_keys, "columns"))
        mapping_report(r, item, W0207, "'columns' is missing");
    if (conflict && rule->conflict != MAPPING_CONFLICT_ERROR && rule->n_key == 0 && !yaml_find(item, "key"))
        mapping_report_text(r, &conflict->key->text, W0219, "on_conflict: %s needs 'key'", conflicts[rule->conflict]);
    if (rule->n_columns == 0)
        return;
    check_columns_exist(r, rule, rule->key, rule->n_key, "key");
    check_columns_exist(r, rule, rule->conflict_columns, rule->n_conflict_columns, "update");
    for (size_t i = 0; i < rule->n_columns; i++) {
        const struct mapping_column *c = &rule->columns[i];

        check_columns_exist(r, rule, c->uuid5, c->n_uuid5, "uuid5");
        for (size_t k = 0; k < c->n_uuid5; k++) {
            if (str_eq(c->uuid5[k].text, c->name.text))
                mapping_report_text(r, &c->uuid5[k], W0220, "uuid5: an id cannot be made of itself");
        }
    }
}

void mapping_read_rules(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct mapping_rule *rules = mapping_room(r, item->n, sizeof *rules);

    if (!rules || !mapping_is_named(r, item))
        return;
    if (item->n == 0)
        mapping_report(r, item, W0207, "a mapping needs at least one rule in tables:");
    m->rules = rules;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        struct mapping_rule *rule = &rules[m->n_rules];
        const struct yaml_item *like = entry->kind == YAML_MAP ? yaml_find(entry, "like") : NULL;

        mapping_read_name(r, entry, &rule->name);
        rule->mark = rule->into = rule->name;
        if (like)
            take_over(r, like, item, rule);
        m->n_rules++;
        if (mapping_read_map(r, entry, &mapping_rule_keys, rule))
            check_rule(r, entry, rule);
    }
}
