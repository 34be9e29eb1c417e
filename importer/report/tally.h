/* report/tally.h: how often each name was met, and where first; bounded, and the same whatever the order.
 *
 * For keys that no path read, files that no pattern matched, reasons of skipping, values that were mended.
 * Of too many names the lowest (bytewise) stay, with exact counts; the others are one number. One thread at
 * a time: workers keep their own, tally_merge() brings them together, tally_sort() before reading. */
#ifndef WINDROW_REPORT_TALLY_H
#define WINDROW_REPORT_TALLY_H

#include "report/finding.h"

enum { TALLY_NAMES_MAX = 1000 };

struct tally_entry {
    struct str name;            /* owned, cut to 1,000 bytes */
    uint64_t count;
    struct finding_place first; /* in source order (file, line, byte); owned; empty file: unknown */
};

/* `= {0}` is empty. */
struct tally {
    struct tally_entry *entries;    /* in no order; see tally_sort() */
    uint32_t *slots;                /* hash table of ordinals + 1 */
    size_t n, n_slots, max;         /* max 0 is TALLY_NAMES_MAX */
    bool trimmed;                   /* names were dropped; none above that of entries[highest] is taken */
    size_t highest;
    uint64_t others, total;         /* counts of names not kept; of all */
};

/* Count `n` more of `name`; `first` may be NULL. -1 when out of memory. */
int tally_add(struct tally *t, struct str name, uint64_t n, const struct finding_place *first, struct err *err);

/* Add all of `from`, which stays as it is. */
int tally_merge(struct tally *to, const struct tally *from, struct err *err);

/* Drop the names beyond `max` and put the entries in order: highest count first, then by name. */
void tally_sort(struct tally *t);

void tally_release(struct tally *t);

#endif
