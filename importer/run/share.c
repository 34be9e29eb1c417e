/* How --memory is shared out: what the run itself needs, then an equal share for each worker, and of that the record being
 * read and what is kept of the files beside it. */
#include "run/run_internal.h"

/* Connections, pages of the ledger and rows on their way: what does not depend on the input. */
enum { OWN_BYTES = 32 << 20, OWN_PART = 4 };
/* A record is held as text, as a row and as the database is told it, and JSON has to be looked into: for most of it this is
 * enough, and what needs more is refused when its values have been counted. A document is no row. */
enum { RECORD_PART = 8, BESIDE_PART = 16 };
/* The list of a group's files is held, packed for the ledger, and sent. */
enum { GROUP_PART = 10 };

static uint64_t share_of_worker(const struct run *run)
{
    uint64_t own = run->o->memory / OWN_PART < OWN_BYTES ? run->o->memory / OWN_PART : OWN_BYTES;

    return (run->o->memory - own) / run->jobs;
}

static bool looks_beside(const struct program *p)
{
    return p->mapping->n_documents + p->mapping->n_indexes > 0;
}

static void limit_record(struct reader_options *read, uint64_t most, uint64_t memory_max, uint64_t memory)
{
    read->json.memory_max = memory_max;
    if (read->record_max && read->record_max <= most)
        return;
    read->record_max = (size_t)most;
    read->limited_by = memory;
}

void share_limit_records(struct run *run)
{
    struct program *p = run->p;
    uint64_t share = share_of_worker(run), records = looks_beside(p) ? share / 2 : share;

    for (size_t i = 0; i < p->n_rules; i++)
        limit_record(&p->rules[i].read, records / RECORD_PART, records, run->o->memory);
    for (size_t i = 0; i < p->mapping->n_documents; i++)
        limit_record(&p->documents[i].read, share / BESIDE_PART, share / 2, run->o->memory);
    for (size_t i = 0; i < p->mapping->n_indexes; i++)
        limit_record(&p->indexes[i].read, share / BESIDE_PART, share / 4, run->o->memory);
}

uint64_t share_of_group(const struct run *run)
{
    return run->o->memory / GROUP_PART;
}

uint64_t share_beside(const struct run *run)
{
    return share_of_worker(run) / 4;
}
