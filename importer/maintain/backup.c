/* Backup and restore, whatever the engine. */
#include "maintain/maintain_internal.h"

#include <stdlib.h>

int maintain_backup(struct maintain *m, const char *out, struct maintain_backup *ret, struct err *err)
{
    *ret = (struct maintain_backup){.version = m->version};
    if (out && !*out)
        return err_set(err, ERR_RUN, W0101, "--out needs the name of a file or a directory");
    return db_engine(m->db) == DB_SQLITE ? sqlite_backup(m, out, ret, err) : postgres_backup(m, out, ret, err);
}

void maintain_backup_release(struct maintain_backup *b)
{
    free(b->path);
    *b = (struct maintain_backup){0};
}

int maintain_restore(const struct maintain_options *o, const char *file, const char *yes, struct maintain_restore *ret,
                     struct err *err)
{
    *ret = (struct maintain_restore){0};
    if (strncmp(o->target, "sqlite:", 7) == 0)
        return sqlite_restore(o, file, yes, ret, err);
    return postgres_restore(o, file, yes, ret, err);
}

void maintain_restore_release(struct maintain_restore *r)
{
    free(r->aside);
    *r = (struct maintain_restore){0};
}
