/* The names and codes of the reasons why an entry was skipped. */
#include "source/entry.h"

static const struct { const char *name; enum code code; } reasons[ENTRY_REASON_COUNT] = {
    [ENTRY_TAKEN] = {"taken", CODE_NONE},
    [ENTRY_SKIP_LIST] = {"on the skip list", CODE_NONE},
    [ENTRY_LINK] = {"symbolic link", W0306},
    [ENTRY_SPECIAL] = {"not a regular file", W0307},
    [ENTRY_UNREADABLE] = {"not readable", W0308},
    [ENTRY_TOO_DEEP] = {"path too long", W0309},
};

const char *entry_reason_name(enum entry_reason reason)
{
    return (unsigned)reason < ENTRY_REASON_COUNT ? reasons[reason].name : "unknown";
}

enum code entry_reason_code(enum entry_reason reason)
{
    return (unsigned)reason < ENTRY_REASON_COUNT ? reasons[reason].code : CODE_NONE;
}
