/* source/entry.h: one file or directory of a source, as the walk hands it on. */
#ifndef WINDROW_SOURCE_ENTRY_H
#define WINDROW_SOURCE_ENTRY_H

#include "base/code.h"
#include "base/str.h"

enum entry_kind { ENTRY_FILE, ENTRY_DIRECTORY, ENTRY_SKIPPED };

/* Why an entry was skipped, or 0. */
enum entry_reason {
    ENTRY_TAKEN = 0,
    ENTRY_SKIP_LIST,        /* the mapping's skip: */
    ENTRY_LINK,             /* a symbolic link: never followed */
    ENTRY_SPECIAL,          /* FIFO, socket, device */
    ENTRY_UNREADABLE,       /* permission, I/O error, vanished or changed meanwhile: `message` says which */
    ENTRY_TOO_DEEP,         /* the path is longer than PATTERN_PATH_MAX */
    ENTRY_REASON_COUNT
};
/* "symbolic link", "not readable", ...: for summaries. */
const char *entry_reason_name(enum entry_reason reason);
/* The code of the finding; CODE_NONE for what was taken or is on the skip list. */
enum code entry_reason_code(enum entry_reason reason);

/* A group may be millions of these. */
struct entry {
    enum entry_kind kind : 8;
    enum entry_reason reason : 8;
    uint32_t root;          /* ordinal of the SOURCE argument */
    struct str path;        /* relative to its root, '/' between names; a directory ends in '/' */
    uint64_t size;          /* this and the following: 0 for what was skipped */
    int64_t mtime_ns;
    const char *message;    /* of ENTRY_UNREADABLE; else NULL */
};

#endif
