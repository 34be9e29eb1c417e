/* Maps are strict: every key is known, every key that is needed is there, and a fault says what was meant. */
#include "mapping/internal.h"

#include <stdarg.h>
#include <stdio.h>

enum { KEYS_MAX = 40 };

static struct err *report(struct mapping_reading *r, const struct mapping_text *at, enum code code, const char *fmt,
                          va_list args)
{
    struct err *e = mapping_fault(r->faults);
    char message[sizeof e->message];

    vsnprintf(message, sizeof message, fmt, args);
    err_set(e, ERR_RUN, code, "%s", message);
    err_mapping(e, at->line, at->column, at->len ? at->len : 1);
    return e;
}

struct err *mapping_report_text(struct mapping_reading *r, const struct mapping_text *at, enum code code,
                                const char *fmt, ...)
{
    va_list args;
    struct err *e;

    va_start(args, fmt);
    e = report(r, at, code, fmt, args);
    va_end(args);
    return e;
}

static const struct mapping_text *place_of(const struct yaml_item *item)
{
    bool itself = item->kind == YAML_TEXT ? item->text.text.len > 0 || item->text.style != 'p' : item->flow;

    return itself || !item->key ? &item->text : &item->key->text;
}

struct err *mapping_report(struct mapping_reading *r, const struct yaml_item *item, enum code code, const char *fmt,
                           ...)
{
    va_list args;
    struct err *e;

    va_start(args, fmt);
    e = report(r, place_of(item), code, fmt, args);
    va_end(args);
    return e;
}

const char *mapping_did_you_mean(struct str word, const char *const *words, size_t n, char *out, size_t size)
{
    const char *nearest = word.len > 2 ? str_nearest(word, words, n) : NULL;    /* everything is near to "a" */

    out[0] = '\0';
    if (nearest)
        snprintf(out, size, ", did you mean '%s'?", nearest);
    return out;
}

const char *mapping_kind(const struct yaml_item *item)
{
    if (item->kind != YAML_TEXT)
        return item->kind == YAML_LIST ? "a list" : "a map";
    return yaml_is_null(item) ? "nothing" : "text";
}

void *mapping_room(struct mapping_reading *r, size_t n, size_t size)
{
    void *room = arena_calloc(&r->m->arena, n ? n : 1, size);

    if (!room)
        err_oom(mapping_fault(r->faults));
    return room;
}

/* `a:b` without a space is one word to YAML. */
static bool lacks_space(const struct yaml_item *item, struct str text)
{
    return item->kind == YAML_TEXT && item->text.style == 'p' && memchr(text.at, ':', text.len);
}

bool mapping_is_map(struct mapping_reading *r, const struct yaml_item *item)
{
    if (item->kind == YAML_MAP)
        return true;
    if (lacks_space(item, item->text.text))
        mapping_report(r, item, W0203, "expected a map: a space is missing after ':'");
    else
        mapping_report(r, item, W0208, "expected a map, found %s", mapping_kind(item));
    return false;
}

bool mapping_is_named(struct mapping_reading *r, const struct yaml_item *item)
{
    if (!mapping_is_map(r, item))
        return false;
    if (item->n > MAPPING_NAMED_MAX)
        mapping_report(r, item, W0224, "%zu entries; at most %d are possible here", item->n, MAPPING_NAMED_MAX);
    return item->n <= MAPPING_NAMED_MAX;
}

static void unknown_key(struct mapping_reading *r, const struct yaml_item *entry, const struct mapping_keys *keys)
{
    const struct mapping_text *key = &entry->key->text;
    const char *names[KEYS_MAX];
    char hint[80], list[240] = "";
    size_t used = 0;
    struct err *e;

    for (size_t i = 0; i < keys->n && i < KEYS_MAX; i++) {
        names[i] = keys->at[i].name;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    if (yaml_is_null(entry) && lacks_space(entry->key, key->text)) {
        mapping_report_text(r, key, W0203, "unknown key '%.*s': a space is missing after ':'", STR_ARG(key->text));
        return;
    }
    if (str_is(key->text, "<<")) {
        mapping_report_text(r, key, W0202, "no merge keys in a mapping: a rule takes over another with like:");
        return;
    }
    e = mapping_report_text(r, key, W0206, "unknown key '%.*s'%s", STR_ARG(key->text),
                            mapping_did_you_mean(key->text, names, keys->n, hint, sizeof hint));
    err_help(e, "known here: %s", list);
}

static const struct mapping_key *find_key(const struct mapping_keys *keys, struct str name)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (str_is(name, keys->at[i].name))
            return &keys->at[i];
    }
    return NULL;
}

bool mapping_is_misspelt(const struct yaml_item *map, const struct mapping_keys *keys, const char *name)
{
    const char *names[KEYS_MAX];

    for (size_t i = 0; i < keys->n && i < KEYS_MAX; i++)
        names[i] = keys->at[i].name;
    for (const struct yaml_item *entry = map->first; entry; entry = entry->next) {
        const char *nearest =
            find_key(keys, entry->key->text.text) ? NULL : str_nearest(entry->key->text.text, names, keys->n);

        if (nearest && strcmp(nearest, name) == 0)
            return true;
    }
    return false;
}

bool mapping_read_map(struct mapping_reading *r, const struct yaml_item *item, const struct mapping_keys *keys,
                      void *into)
{
    if (!mapping_is_map(r, item))
        return false;
    for (size_t i = 0; i < keys->n; i++) {
        if (keys->at[i].required && !yaml_find(item, keys->at[i].name) &&
            !mapping_is_misspelt(item, keys, keys->at[i].name))
            mapping_report(r, item, W0207, "'%s' is missing", keys->at[i].name);
    }
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        const struct mapping_key *key = find_key(keys, entry->key->text.text);

        if (key)
            key->read(r, entry, (char *)into + key->offset);
        else
            unknown_key(r, entry, keys);
    }
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_name(struct str s)
{
    if (s.len == 0 || !is_letter(s.at[0]))
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if (!is_letter(s.at[i]) && !(s.at[i] >= '0' && s.at[i] <= '9') && s.at[i] != '-')
            return false;
    }
    return true;
}

bool mapping_read_name(struct mapping_reading *r, const struct yaml_item *entry, struct mapping_text *ret)
{
    const struct mapping_text *key = &entry->key->text;

    *ret = *key;
    if (is_name(key->text))
        return true;
    if (yaml_is_null(entry) && lacks_space(entry->key, key->text))
        mapping_report_text(r, key, W0203, "'%.*s': a space is missing after ':'", STR_ARG(key->text));
    else
        mapping_report_text(r, key, W0216,
                            "'%.*s' is no name: letters, digits, '_' and '-', not beginning with a digit or '-'",
                            STR_ARG(key->text));
    return false;
}

bool mapping_read_variable(struct mapping_reading *r, const struct yaml_item *entry, struct mapping_text *ret)
{
    static const char *const own[] = {"path", "file", "index", "row", "param", "line", "key", "root", "parent"};

    if (!mapping_read_name(r, entry, ret))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (str_is(ret->text, own[i])) {
            mapping_report_text(r, ret, W0216, "the name '%s' is taken: $%s has a meaning of its own", own[i], own[i]);
            return false;
        }
    }
    return true;
}
