/* mapping/yaml_internal.h: what mapping/yaml.c (the tree), mapping/yaml_source.c (bytes and places) and mapping/yaml_trap.c (mistakes that
 * YAML invites) share; nobody else includes it. */
#ifndef WINDROW_MAPPING_YAML_INTERNAL_H
#define WINDROW_MAPPING_YAML_INTERNAL_H

#include "base/buf.h"
#include "mapping/yaml.h"

struct yaml_source {
    struct str text;
    size_t *lines;              /* where each line starts */
    size_t n_lines;
    uint32_t line, column;      /* the place asked for last, and its offset: places mostly grow */
    size_t offset;
};

/* Check the bytes (size, encoding, characters that YAML refuses or takes for line ends) and find the lines.
 * -1 with a fault. Ends with yaml_source_release(). */
int yaml_source_init(struct yaml_source *s, struct str text, struct mapping_faults *faults);
void yaml_source_release(struct yaml_source *s);

/* The byte at a place, both counted from 0, as libyaml counts; the end when there is no such place. */
size_t yaml_source_offset(struct yaml_source *s, size_t line, size_t column);
/* The other way, from 1. */
void yaml_source_place(const struct yaml_source *s, size_t offset, uint32_t *line, uint32_t *column);
/* Characters from `offset` to `end` or the end of the line, without the blanks there; at least 1. */
uint32_t yaml_source_width(const struct yaml_source *s, size_t offset, size_t end);

/* A fault at an offset. `len` 0: one character. */
struct err *yaml_source_fault(const struct yaml_source *s, struct mapping_faults *faults, size_t offset, uint32_t len,
                              enum code code, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* What is known when libyaml refuses the text. */
struct yaml_refusal {
    const char *problem, *context;  /* libyaml's words; context may be NULL */
    size_t at, context_at;          /* offsets; context_at of where the thing began that is being read */
    bool in_flow;
    bool has_last;                  /* a scalar was read before: */
    bool last_plain, last_in_flow;
    size_t last, last_end;          /* its offsets, quotes included */
};

/* Add the fault that tells the author what to do. */
void yaml_trap_refused(const struct yaml_source *s, const struct yaml_refusal *why, struct mapping_faults *faults);

/* Does `text`, which ends at offset `end` of the source, look cut short by the ',' or ' #' that follows it? Then the
 * character that cut it, else 0. */
char yaml_trap_cut(const struct yaml_source *s, struct str text, size_t end, bool in_flow);

/* "quote this" and why, at the whole value that begins at `start`; the help shows it in quotes. */
void yaml_trap_quote(const struct yaml_source *s, struct mapping_faults *faults, size_t start, bool in_flow,
                     const char *why, ...) __attribute__((format(printf, 5, 6)));

#endif
