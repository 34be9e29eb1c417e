/* mapping/mapping.h: a mapping file as it was written: a tree of settings, each with its place in the YAML.
 *
 * Reading checks everything that can be known without a database: YAML, keys, kinds of values, names that
 * refer to each other. Expressions stay text here; map/program.h compiles them. Everything lives as long as
 * the mapping and is never written again. */
#ifndef WINDROW_MAPPING_MAPPING_H
#define WINDROW_MAPPING_MAPPING_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A piece of text from the YAML and its place. at = NULL: not given. */
struct mapping_text {
    struct str text;
    uint32_t line, column;      /* of the first character of the text itself (after a quote), from 1 */
    uint32_t len;               /* characters on that line, for the caret */
    char style;                 /* 'p' plain, 's' single-quoted, 'd' double-quoted, '|' literal, '>' folded;
                                   '[' and '{' a list or map, of which text is the JSON */
    uint32_t indent;            /* of a block: column of its text */
    struct str raw;             /* as it stands in the YAML, without the quotes or the line with the '|' */
    const struct mapping_text *parts;   /* of a joined text, "[(A\n), (B\n)]": A, B; see mapping_join() */
    size_t n_parts;
};

/* The place of byte `offset` of the text, for a caret inside it. Exact for every style, also behind escapes and
 * folded lines; white space that YAML folded has the place where it began. */
void mapping_place(const struct mapping_text *t, size_t offset, uint32_t *line, uint32_t *column);

/* A value given in the mapping itself (default:, value:, map: right sides): the scalar as written, typed by YAML's
 * core rules for null, true, false and numbers when plain; quoted is text; or a list or map of these, as JSON. */
struct mapping_constant {
    struct mapping_text at;     /* at.text.at == NULL: not given; "" is given, and so is null */
    struct str json;            /* the same as JSON text, digits as written */
};

struct mapping_param {
    struct mapping_text name, help;
    struct mapping_constant fallback;   /* default: */
    bool required;
    struct mapping_text type;           /* text (default), integer, number, boolean, timezone */
    const struct mapping_text *choices; /* one_of: */
    size_t n_choices;
};

struct mapping_read {
    struct mapping_text format;     /* json, jsonl, ... ; not given: by the ending of the path */
    struct mapping_text pattern;    /* lines: */
    struct mapping_text unmatched;  /* lines: reject, skip, append */
    struct mapping_text duplicates; /* json: reject, first, last */
    bool nonfinite;                 /* json: Infinity and NaN read as null */
    uint32_t depth;                 /* json: nesting; 0: default */
    uint64_t max_bytes;             /* of a record or document; 0: default */
    bool secret;                    /* its bytes are neither shown nor kept */
};

struct mapping_document {
    struct mapping_text name, file;
    struct mapping_read read;
    bool required;                  /* a record whose document is missing is rejected; default false */
};

struct mapping_index {
    struct mapping_text name;
    struct mapping_text of;         /* records of an array or object in a document: $manifest.files */
    struct mapping_text files;      /* or: of all files that match */
    struct mapping_read read;
    struct mapping_text each;       /* several entries of one record */
    struct mapping_text where;
    struct mapping_text by;         /* the key: an expression; a list is joined to one that gives an array */
    struct mapping_text value;      /* what is kept; default the record itself */
    const struct mapping_text *prefer;  /* expressions, the first that tells two apart wins; true and greater first */
    size_t n_prefer;
    enum {
        MAPPING_DUPLICATE_LAST = 0,
        MAPPING_DUPLICATE_FIRST,
        MAPPING_DUPLICATE_REJECT,
        MAPPING_DUPLICATE_ALL
    } duplicates;
    bool orphans;                   /* entries nobody asked for are counted and listed; default true */
};

struct mapping_pair {               /* an entry of map: */
    struct mapping_text from;
    struct mapping_constant to;
};

enum mapping_on_error {
    MAPPING_ON_ERROR_REJECT = 0, MAPPING_ON_ERROR_STOP, MAPPING_ON_ERROR_NULL, MAPPING_ON_ERROR_DEFAULT
};

struct mapping_column {
    struct mapping_text name;
    struct mapping_text path;       /* exactly one of path, expr, value, uuid5, ref */
    struct mapping_text expr;
    struct mapping_constant value;
    const struct mapping_text *uuid5;   /* columns of this row that make the id */
    size_t n_uuid5;
    struct mapping_text ref;        /* table */
    struct mapping_text ref_column; /* column: of the referenced table; default its primary key */
    const struct mapping_column *by;    /* name: column of the referenced table; path, expr, value or ref: what it equals */
    size_t n_by;

    struct mapping_text type, format, timezone;
    bool required, trim, coerce;
    struct mapping_constant fallback;       /* default: for absent and null */
    const struct mapping_constant *null_if;
    size_t n_null_if;
    const struct mapping_pair *map;         /* map: */
    size_t n_map;
    bool has_map_else;
    bool map_else_keep;                     /* else: keep */
    bool map_else_reject;                   /* else: reject, and the default when there is a map: */
    struct mapping_constant map_else;
    struct mapping_text nul, utf8;          /* words or an expression over $param, such as $param.nul */
    struct mapping_text check;              /* a condition over `.` (the value); false: rejected */
    enum mapping_on_error on_error;
};

struct mapping_skip {
    struct mapping_text pattern, when;  /* when: over $param alone */
};

enum mapping_conflict { MAPPING_CONFLICT_ERROR = 0, MAPPING_CONFLICT_SKIP, MAPPING_CONFLICT_UPDATE };

struct mapping_let {
    struct mapping_text name, expr;
};

/* One rule: which records become rows of which table. A table may have several. */
struct mapping_rule {
    struct mapping_text name;
    struct mapping_text into;       /* the table; default the name */
    const struct mapping_text *from;    /* patterns; all with the same capture names */
    size_t n_from;
    struct mapping_read read;
    struct mapping_text when;       /* over $param alone: the rule is on */
    struct mapping_text each, where;
    const struct mapping_text *warns;   /* expressions: a text that one gives is a warning */
    size_t n_warns;
    const struct mapping_let *lets; /* named expressions, in order; each sees the ones before; those of `like:` first */
    size_t n_lets, n_like_lets;     /* the first n_like_lets stand in the earlier rule */
    const struct mapping_column *columns;   /* those of `like:` first, replaced where named again */
    size_t n_columns;
    const struct mapping_text *key; /* columns */
    size_t n_key;
    enum mapping_conflict conflict;
    struct mapping_text conflict_when;      /* SQL over old.COLUMN and new.COLUMN */
    const struct mapping_text *conflict_columns;    /* update only these; default all given but the key */
    size_t n_conflict_columns;
    struct mapping_text mark;       /* the rule's name again, as a place */
};

struct mapping_after {
    struct mapping_text sql;        /* text of the statements, also when they came from a file: */
    struct mapping_text file;
    struct mapping_text engine;     /* for: postgresql or sqlite; not given: both */
    struct mapping_text when;
};

struct mapping_example {            /* examples: lint writes `files`, runs the mapping, compares rows */
    struct mapping_text name;
    const struct mapping_pair *files; /* path: content, which to.at.text holds ready to be written; "x/" a directory */
    size_t n_files;
    const struct mapping_pair *params;
    size_t n_params;
    struct mapping_constant rows;   /* JSON: {table: [row, ...]} ; rows may leave columns out */
    struct mapping_constant rejects;    /* JSON: number, or a list of codes */
};

struct mapping {
    struct arena arena;
    char *path;                     /* as it was opened */
    struct str source;              /* the whole file, for carets */
    char digest[65];                /* SHA-256 of the file, hex */
    struct mapping_text name;
    struct mapping_text schema;     /* system in schema/; not given: none */
    uint32_t schema_version;        /* 0: any */
    const struct mapping_param *params;
    size_t n_params;
    struct mapping_text group;      /* not given: by the rules of map/program.h */
    const struct mapping_skip *skip;
    size_t n_skip;
    const struct mapping_let *lets; /* for all rules; each sees the ones before */
    size_t n_lets;
    const struct mapping_document *documents;
    size_t n_documents;
    const struct mapping_index *indexes;
    size_t n_indexes;
    const struct mapping_rule *rules;
    size_t n_rules;
    const struct mapping_after *afters;
    size_t n_afters;
    const struct mapping_example *examples;
    size_t n_examples;
};

/* Faults found in one go, in the order of their places; each is an ERR_RUN with its place in the mapping.
 * `= {0}` is an empty list. */
enum { MAPPING_FAULTS_MAX = 200 };  /* the rest is left out: it mostly follows from the first ones */
struct mapping_faults {
    struct err *at;
    size_t n, capacity;
    struct err spare;           /* written to when there is no room; says "out of memory" when that is why */
};
/* A new, empty one, to be filled at once. Never NULL: what has no room goes to the spare and is lost. */
struct err *mapping_fault(struct mapping_faults *faults);
void mapping_faults_release(struct mapping_faults *faults);
/* From `from` on: in the order of their places, and what was found twice (a rule and those that are `like` it) once. */
void mapping_faults_tidy(struct mapping_faults *faults, size_t from);

/* Read a mapping file. NULL when it has faults (`faults` may hold others already). Ends with mapping_free(). */
struct mapping *mapping_open(const char *path, struct mapping_faults *faults);
/* The same from text; `path` is only for messages and for after: file: (relative to its directory). */
struct mapping *mapping_parse(struct str text, const char *path, struct mapping_faults *faults);
void mapping_free(struct mapping *m);

#endif
