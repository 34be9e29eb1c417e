/* mapping/yaml.h: the YAML of a mapping as a tree, every node with its place.
 *
 * One document of UTF-8, block or flow style, at most YAML_BYTES_MAX long and YAML_DEPTH_MAX deep, keys are
 * text and stand once in their map. No anchors, aliases, tags, merge keys or directives. Every scalar stays
 * text with the style it was written in; what it means is for the reader of the tree to say. The mistakes that
 * YAML invites in paths, patterns and expressions are answered with "quote this" (W0203). */
#ifndef WINDROW_MAPPING_YAML_H
#define WINDROW_MAPPING_YAML_H

#include "mapping/mapping.h"

enum { YAML_BYTES_MAX = 1024 * 1024, YAML_DEPTH_MAX = 32 };

enum yaml_kind { YAML_TEXT = 1, YAML_LIST, YAML_MAP };

struct yaml_item {
    enum yaml_kind kind;
    bool flow;                      /* of a list or map: written with brackets */
    struct mapping_text text;       /* TEXT: itself. Otherwise only the place counts, and style is '[' or '{' */
    const struct yaml_item *key;    /* in a map: the name of this entry, a TEXT */
    const struct yaml_item *first;  /* the items of a list, the entries of a map, in their order */
    const struct yaml_item *next;
    size_t n;
};

/* NULL when the text cannot be read to its end or is empty; there is a fault then. Other faults may be added to
 * a tree that is whole. The tree lives in `a` and borrows from `source`, which must not have a byte order mark. */
const struct yaml_item *yaml_read(struct str source, struct arena *a, struct mapping_faults *faults);

/* The entry with this key, or NULL. */
const struct yaml_item *yaml_find(const struct yaml_item *map, const char *key);

/* Nothing was written, or `~`, or `null`, without quotes. */
bool yaml_is_null(const struct yaml_item *item);

#endif
