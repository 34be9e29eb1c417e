/* mapping/internal.h: what the files of the mapping's reader share: mapping/mapping.c (the file, its top level, faults),
 * mapping/keys.c (strict maps), mapping/value.c (texts, words, numbers, constants), mapping/place.c (carets),
 * mapping/source.c (parameters, documents, indexes), mapping/rule.c, mapping/column.c, mapping/after.c (SQL and
 * examples). The keys of each kind of map are a table; mappings/windrow.schema.json is compared with the tables. */
#ifndef WINDROW_MAPPING_INTERNAL_H
#define WINDROW_MAPPING_INTERNAL_H

#include "mapping/yaml.h"

struct mapping_reading {
    struct mapping *m;
    struct mapping_faults *faults;
};

/* One key of a map: `read` stores the value at `into`, which is the struct being filled plus `offset`. Readers
 * report what is wrong and go on. */
struct mapping_key {
    const char *name;
    void (*read)(struct mapping_reading *r, const struct yaml_item *value, void *into);
    size_t offset;
    bool required;
};

struct mapping_keys {
    const char *name;               /* of the definition in the JSON Schema */
    const struct mapping_key *at;
    size_t n;
};
#define MAPPING_KEYS(name, table) {name, table, ARRAY_LEN(table)}

extern const struct mapping_keys mapping_top_keys, mapping_schema_keys, mapping_source_keys, mapping_skip_keys,
    mapping_param_keys, mapping_read_keys, mapping_document_keys, mapping_index_keys, mapping_rule_keys, mapping_conflict_keys,
    mapping_column_keys, mapping_by_keys, mapping_after_keys, mapping_example_keys;

/* mapping/keys.c */

/* Read a map strictly: unknown and missing keys are faults. False when it is no map at all. */
bool mapping_read_map(struct mapping_reading *r, const struct yaml_item *item, const struct mapping_keys *keys,
                      void *into);
/* Is there an unknown key that was probably meant to be `name`? Then nobody needs to hear that it is missing. */
bool mapping_is_misspelt(const struct yaml_item *map, const struct mapping_keys *keys, const char *name);
/* A fault at an item: at its text, or at its key where the value is no text or empty. The error is lent for help. */
struct err *mapping_report(struct mapping_reading *r, const struct yaml_item *item, enum code code, const char *fmt,
                           ...) __attribute__((format(printf, 4, 5)));
struct err *mapping_report_text(struct mapping_reading *r, const struct mapping_text *at, enum code code,
                                const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* ", did you mean 'x'?" or "", into `out`. */
const char *mapping_did_you_mean(struct str word, const char *const *words, size_t n, char *out, size_t size);
/* The item is a map; false with a fault when it is none. */
bool mapping_is_map(struct mapping_reading *r, const struct yaml_item *item);
/* A map of things with names of the author's own. Names are compared with each other, so there is a bound. */
enum { MAPPING_NAMED_MAX = 1000 };
bool mapping_is_named(struct mapping_reading *r, const struct yaml_item *item);
/* The key of an entry as a name: W0216 when it is none. */
bool mapping_read_name(struct mapping_reading *r, const struct yaml_item *entry, struct mapping_text *ret);
/* The same for names that stand after '$' alone: not one of windrow's own. */
bool mapping_read_variable(struct mapping_reading *r, const struct yaml_item *entry, struct mapping_text *ret);
/* "a list", "a map", "nothing", "text". */
const char *mapping_kind(const struct yaml_item *item);
/* Room for n items in the mapping's arena, cleared; NULL with a fault. */
void *mapping_room(struct mapping_reading *r, size_t n, size_t size);

/* mapping/value.c: all readers have the form that struct mapping_key wants. */

void mapping_read_text(struct mapping_reading *r, const struct yaml_item *item, void *into);       /* mapping_text */
void mapping_read_bool(struct mapping_reading *r, const struct yaml_item *item, void *into);       /* bool */
void mapping_read_constant(struct mapping_reading *r, const struct yaml_item *item, void *into); /* mapping_constant */
/* A whole number between the bounds; false with a fault. Sizes take suffixes. */
bool mapping_read_number(struct mapping_reading *r, const struct yaml_item *item, uint64_t min, uint64_t max, bool size,
                         uint64_t *ret);
/* The ordinal of the word among `words`, or -1 with a fault. */
int mapping_read_word(struct mapping_reading *r, const struct yaml_item *item, const char *const *words, size_t n);
/* One text or a list of them; *n is 0 with a fault. */
const struct mapping_text *mapping_read_texts(struct mapping_reading *r, const struct yaml_item *item, size_t *n);
/* Texts that are values and may be numbers: as written. */
bool mapping_read_scalar(struct mapping_reading *r, const struct yaml_item *item, struct mapping_text *ret);
/* Several expressions as one that gives an array of their values. */
bool mapping_join(struct mapping_reading *r, const struct mapping_text *parts, size_t n, struct mapping_text *ret);

/* What an unquoted scalar is. */
enum plain_kind { PLAIN_TEXT, PLAIN_NULL, PLAIN_BOOL, PLAIN_NUMBER, PLAIN_UNCLEAR };
enum plain_kind mapping_plain(struct str text);

/* The parts of a mapping. */
void mapping_read_params(struct mapping_reading *r, const struct yaml_item *item, void *into); /* into: the mapping */
void mapping_read_source(struct mapping_reading *r, const struct yaml_item *item, void *into);
void mapping_read_documents(struct mapping_reading *r, const struct yaml_item *item, void *into);
void mapping_read_indexes(struct mapping_reading *r, const struct yaml_item *item, void *into);
void mapping_read_shared(struct mapping_reading *r, const struct yaml_item *item, void *into);
void mapping_read_rules(struct mapping_reading *r, const struct yaml_item *item, void *into);
void mapping_read_afters(struct mapping_reading *r, const struct yaml_item *item, void *into);
void mapping_read_examples(struct mapping_reading *r, const struct yaml_item *item, void *into);
void mapping_read_read(struct mapping_reading *r, const struct yaml_item *item, void *into);       /* mapping_read */

/* The columns of a rule; those it has already (from like:) are replaced where named again, removed where null. */
void mapping_read_columns(struct mapping_reading *r, const struct yaml_item *item, struct mapping_rule *rule);
/* Is there a column of this name? */
bool mapping_has_column(const struct mapping_rule *rule, struct str name);

/* Checks that need the whole. */
void mapping_check_variables(struct mapping_reading *r);
void mapping_check_examples(struct mapping_reading *r, const struct yaml_item *examples);

#endif
