/* ledger/unit.h: a unit of work: what one transaction loads. Some groups of small files, one large group, or one part of
 * a large file. */
#ifndef WINDROW_LEDGER_UNIT_H
#define WINDROW_LEDGER_UNIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "source/entry.h"

/* How the rows of a unit meet what earlier runs wrote of its files. */
enum unit_mode {
    UNIT_NEW = 0,               /* nothing was loaded of them, or (parts of a file that grew) not these bytes */
    UNIT_CHANGED,               /* loaded before in another state: rows are brought to the new one by key */
    UNIT_AFRESH,                /* the same, after --fresh: rows without a key are inserted */
    UNIT_GONE,                  /* the files have vanished: their rows are deleted (--prune) */
};

struct unit {
    struct arena arena;         /* of the paths */
    struct entry *files;        /* owned; sorted by root and path; directories too when the mapping wants them */
    size_t n_files, capacity;
    uint64_t bytes;
    uint64_t from, to;          /* of the only file, when `part` */
    bool part;
    enum unit_mode mode;
    int64_t id, gen;            /* in the ledger */
    int64_t load;               /* part: the unit that was the file's first part; 0 in that one, until it is entered */
};

/* Copy an entry in. */
int unit_add(struct unit *u, const struct entry *file);
void unit_clear(struct unit *u);
/* All but the list of files. */
void unit_forget_files(struct unit *u);
void unit_release(struct unit *u);
/* Move; *from is empty afterwards. */
void unit_move(struct unit *to, struct unit *from);

/* The list of files as bytes, for the ledger. unit_unpack fails on damaged bytes (ERR_RUN). */
int unit_pack(const struct unit *u, struct buf *out);
int unit_unpack(struct unit *u, struct str bytes, struct err *err);

#endif
