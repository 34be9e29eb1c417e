/* The table behind base/code.h, made from the files in base/codes/. */
#include "base/code.h"

#include <stddef.h>
#include <strings.h>

static const struct code_entry entries[CODE_COUNT] = {
    [CODE_NONE] = {"", "", ""},
#define CODE(name, title, text) [name] = {#name, title, text},
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
};

const struct code_entry *code_entry(enum code code)
{
    return &entries[code < CODE_COUNT ? code : CODE_NONE];
}

enum code code_by_name(const char *name)
{
    for (int i = 1; i < CODE_COUNT; i++) {
        if (strcasecmp(entries[i].name, name) == 0 || strcasecmp(entries[i].name + 1, name) == 0)
            return (enum code)i;
    }
    return CODE_NONE;
}
