/* map/program.h: a mapping compiled against a target: what to read, and how a record becomes rows.
 *
 * A program is made once and never written again, so workers share it. Whatever is wrong with the mapping, or
 * does not fit the target's tables, is found here, in one list, before the first file is read. */
#ifndef WINDROW_MAP_PROGRAM_H
#define WINDROW_MAP_PROGRAM_H

#include "convert/catalog.h"
#include "convert/convert.h"
#include "expr/expr.h"
#include "mapping/mapping.h"
#include "read/reader.h"
#include "source/pattern.h"

enum { PROGRAM_LEVELS_MAX = 9 };    /* the record and eight nested each: */

/* What a name in an expression stands for: kind << 16 | ordinal. */
enum slot_kind {
    SLOT_LEVEL = 1,     /* ^ is 1, ^^ is 2 ... levels up */
    SLOT_PATH, SLOT_FILE, SLOT_ROW, SLOT_PARAM, SLOT_INDEX, SLOT_LINE, SLOT_KEY,
    SLOT_DOCUMENT,      /* program.documents[ordinal] */
    SLOT_TABLE,         /* program.indexes[ordinal] */
    SLOT_LET            /* rule.lets[ordinal] */
};
static inline enum slot_kind slot_kind(int slot) { return (enum slot_kind)(slot >> 16); }
static inline int slot_ordinal(int slot) { return slot & 0xffff; }

/* An expression with the place it was written at. */
struct program_expr {
    struct expr *expr;                  /* NULL: not given */
    const struct mapping_text *text;
};

/* `ref:`: the row of `table` whose `keys` equal the values of `by`. */
struct program_ref {
    const struct catalog_table *table;
    uint16_t column;
    uint16_t *keys;
    struct program_column *by;          /* one for each key */
    size_t n;
    bool computed;                      /* that column is a uuid5 of just these keys: no look-up is needed */
    bool optional;                      /* on_error: null; NULL when there is no such row */
};

enum column_kind { COLUMN_SLOT, COLUMN_EXPR, COLUMN_VALUE, COLUMN_UUID5, COLUMN_REF };

struct program_map {
    struct str from;
    struct value to;
};

struct program_column {
    const struct mapping_column *source;
    enum column_kind kind;
    int slot;                           /* COLUMN_SLOT: of the rule's paths */
    struct program_expr expr;
    struct value constant;
    uint16_t *id_of;                    /* COLUMN_UUID5: ordinals among the rule's columns */
    size_t n_id_of;
    struct program_ref *ref;

    uint16_t column;                    /* of the target table */
    uint16_t cell;                      /* its first cell in a row */
    struct type type;
    struct type narrow;                 /* what `type:` demands beyond that; TYPE_UNKNOWN: nothing */
    bool not_null;
    bool plain;                         /* nothing stands between the value and its conversion */
    struct convert_options convert;
    struct convert_quick quick;         /* of a plain path; else the long way */
    struct value fallback;              /* ABSENT: none */
    struct value *null_if;
    size_t n_null_if;
    struct program_map *map;
    size_t n_map;
    struct value map_else;
    struct program_expr check;
};

/* One [] of each:, from the level above. */
struct program_each {
    struct program_expr path;           /* of the array or object */
};

struct program_rule {
    const struct mapping_rule *source;
    const struct catalog_table *table;
    struct pattern **from;              /* all with the same capture names */
    size_t n_from;
    const struct reader_ops *reader;    /* NULL: directories, or files that are not read */
    struct reader_options read;
    bool on;                            /* `when:` holds for these parameters */
    struct program_each *each;
    size_t n_each;
    struct program_expr where;
    struct program_expr *lets;          /* its own, then those of the mapping that it uses */
    size_t n_lets;
    uint16_t *shared;                   /* by let of the mapping: its ordinal here + 1; 0: not used */
    struct program_expr *warns;
    size_t n_warns;
    struct json_paths *paths;           /* from the innermost level; without each: all that is read of the record */
    struct json_paths *coverage;        /* with each: all that is read of the record, apart from `paths` */
    struct program_column *columns;     /* in the order of the cells */
    uint16_t *order;                    /* in the order of evaluation */
    size_t n_columns, n_cells;
    uint16_t *key;                      /* ordinals among columns */
    size_t n_key;
    enum mapping_conflict conflict;
    uint16_t *update;
    size_t n_update;
    bool uses_index;                    /* $index or $line: a part of a file must know how much stands before it */
    bool uses_siblings;                 /* documents or indexes */
};

struct program_document {
    const struct mapping_document *source;
    struct pattern *file;
    bool global;                        /* outside of every group, see program_is_global() */
    const struct reader_ops *reader;
    struct reader_options read;
};

struct program_index {
    const struct mapping_index *source;
    struct pattern *files;              /* NULL: `of` */
    bool global;
    const struct reader_ops *reader;
    struct reader_options read;
    struct program_expr of, each, where, value;
    struct program_expr by;
    bool where_by_path;                 /* where: asks only for the file's path and parameters */
    struct program_expr *prefer;
    size_t n_prefer;
};

struct program_param {
    const char *name;
    struct value value;
};

struct program {
    const struct mapping *mapping;
    const struct catalog *catalog;
    struct arena arena;
    struct program_param *params;
    size_t n_params;
    struct pattern *group;              /* NULL: every file is a group, or with whole_source the whole source is one */
    bool whole_source;
    struct pattern **skip;
    size_t n_skip;
    struct program_document *documents;
    struct program_index *indexes;
    struct program_rule *rules;         /* in the order of loading: parents first */
    size_t n_rules;
    bool *after_on;                     /* by after: in the mapping: `when:` holds */
    bool directories;                   /* some pattern matches directories */
    unsigned char space[16];            /* for uuid5 */
    char digest[65];                    /* of the mapping and the parameters, hex */
    struct expr **exprs;                /* all of them, to be released */
    size_t n_exprs, exprs_capacity;
    struct zone **zones;                /* opened for columns */
    size_t n_zones;
    const char **assumed_zones;         /* zones that a parameter's default supplied: "timezone=UTC" */
    size_t n_assumed_zones;
};

/* A parameter as given: --set NAME=VALUE. */
struct program_set {
    struct str name, value;
};

/* NULL when there are faults. `catalog` may be NULL (lint without a target): then tables and types are taken from
 * the mapping alone. Mapping and catalogue must outlive the program. Ends with program_free(). */
struct program *program_compile(const struct mapping *mapping, const struct catalog *catalog,
                                const struct program_set *sets, size_t n_sets, struct mapping_faults *faults);
void program_free(struct program *p);

/* Which rules read this path? Fills `rules` with ordinals (room for n_rules), returns their number. *used says whether a
 * document or index reads it. */
size_t program_match(const struct program *p, struct str path, bool directory, uint16_t *rules, bool *used);
/* Is it a file that documents or indexes of every group may read, because their pattern does not begin with that of
 * the groups? program_match() does not know such files. */
bool program_is_global(const struct program *p, struct str path);
/* The group of a path: the part that the group pattern matches, the path itself, or nothing for the whole source. */
struct str program_group(const struct program *p, struct str path);

#endif
