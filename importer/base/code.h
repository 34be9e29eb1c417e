/* base/code.h: the stable codes of findings, W0101 and on.
 *
 * A code is never renumbered and never reused. `windrow explain` and docs/findings.md are made from the
 * same entries. To add one: a line in the file of its hundred,
 *
 *     CODE(W0412, "value does not fit the column", "What it means, why it matters, what to do.")
 */
#ifndef WINDROW_BASE_CODE_H
#define WINDROW_BASE_CODE_H

enum code {
    CODE_NONE = 0,
#define CODE(name, title, text) name,
#include "base/codes/01_command.def"
#include "base/codes/02_mapping.def"
#include "base/codes/03_source.def"
#include "base/codes/04_value.def"
#include "base/codes/05_database.def"
#include "base/codes/06_run.def"
#include "base/codes/07_schema.def"
#include "base/codes/08_coverage.def"
#include "base/codes/09_maintain.def"
#include "base/codes/10_fixture.def"
#undef CODE
    CODE_COUNT
};

struct code_entry {
    const char *name;   /* "W0412" */
    const char *title;  /* one lower-case phrase */
    const char *text;   /* a paragraph or more, for `explain` */
};

/* The entry of a code; that of CODE_NONE has the name "" . */
const struct code_entry *code_entry(enum code code);

/* The code with this name in any case, with or without the W; CODE_NONE if there is none. */
enum code code_by_name(const char *name);

#endif
