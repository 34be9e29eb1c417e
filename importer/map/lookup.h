/* map/lookup.h: the files beside the one being read: documents, indexes, facts of a file.
 *
 * Belongs to one evaluator. Everything it remembers ends with the group. Documents are kept parsed, the last ones asked for,
 * as many as fit into `memory`; those of one row have to fit, else the row is refused (W0451). An index keeps for each entry
 * its key and where it stands, and reads the entry again when it is asked for, so that a large sibling file costs memory for
 * its keys only; when these take more than half of `memory`, they go to a temporary file. */
#ifndef WINDROW_MAP_LOOKUP_H
#define WINDROW_MAP_LOOKUP_H

#include "map/evaluate.h"

struct lookup;

struct lookup *lookup_new(const struct program *p, struct opener *opener, const struct evaluate_out *out, struct evaluate_clock clock,
                          size_t memory, struct err *err);
void lookup_free(struct lookup *l);

/* Files outside of every group; lent as long as `l` lives. Indexes over them are kept from group to group where no capture
 * of the group decides what is in them; their orphans are not told, since other workers may have asked. */
void lookup_globals(struct lookup *l, const struct entry *files, size_t n);
/* Begin a group; tells the orphans of the one before. */
int lookup_group(struct lookup *l, const struct entry *files, size_t n, struct err *err);

/* The captures of the record's file by which siblings are found. */
struct lookup_captures {
    const struct pattern *pattern;
    uint32_t root;              /* documents are looked for below this root */
    struct str group;           /* siblings are files of this group */
    struct str at[PATTERN_CAPTURES_MAX];
};

/* Values below are lent until lookup_row() is called for the next row. ABSENT when there is no such file or entry. */
int lookup_document(struct lookup *l, int ordinal, const struct lookup_captures *captures, struct value *ret,
                    struct err *err);
int lookup_entry(struct lookup *l, int ordinal, const struct lookup_captures *captures, struct str key,
                 struct value *ret, struct err *err);
/* The index as one object: key -> entry, in order of keys; built in `a`. */
int lookup_whole(struct lookup *l, int ordinal, const struct lookup_captures *captures, struct arena *a,
                 struct value *ret, struct err *err);
void lookup_row(struct lookup *l);

/* A fact: path, name, stem, ext, dir, size, mtime, sha256, text, root, kind. */
int lookup_fact(struct lookup *l, const struct entry *file, struct str name, struct arena *a, struct value *ret,
                struct err *err);

#endif
