/* Places where SQLite cannot keep its promises: network file systems, and file systems without shared memory. */
#include "base/cleanup.h"
#include "sink/db.h"
#include "tap.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

static long pretended;      /* the kind of file system that statfs() tells of */

int statfs(const char *path, struct statfs *ret)
{
    (void)path;
    *ret = (struct statfs){.f_type = pretended};
    return 0;
}

static void test_refused(const char *target, enum code code, const char *text, const char *sentence)
{
    CLEANUP(err_release) struct err err = {0};
    struct db *db = db_open(target, &(struct db_options){0}, &err);

    ok(!db && err.scope == ERR_RUN && err.code == code && strstr(err.message, text), "%s: %s", sentence, err.message);
    if (db)
        db_close(db);
}

int main(void)
{
    char dir[] = "/tmp/windrow-places.XXXXXX", target[120], path[100];

    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/t.db", dir);
    snprintf(target, sizeof target, "sqlite:%s", path);
    pretended = 0x6969;
    test_refused(target, W0555, "network file system (NFS)", "a database on NFS is refused");
    ok(access(path, F_OK) != 0, "and not made there");
    pretended = 0xEF53;
    sqlite3_vfs_register(sqlite3_vfs_find("unix-dotfile"), 1);
    test_refused(target, W0558, "journal_mode is", "without shared memory there is no WAL");
    unlink(path);
    rmdir(dir);
    return done_testing();
}
