/* migrate/plan.h: the version files of one system for one engine, read, numbered, cut into statements, checked.
 *
 * DIR/postgresql/NNN_name.up.sql and .down.sql, DIR/sqlite/... the same. Numbers order the versions; gaps are fine, the
 * same number twice is an error. The comment lines before the first statement are the file's head and may declare
 *
 *     -- windrow: no-transaction      statements that refuse a transaction; run one by one, resumed after a crash
 *     -- windrow: irreversible        (up file) there is no way back, so no down file is needed
 */
#ifndef WINDROW_MIGRATE_PLAN_H
#define WINDROW_MIGRATE_PLAN_H

#include "base/digest.h"
#include "migrate/statement.h"

/* SHA-256 in hexadecimal and a NUL. */
enum { PLAN_DIGEST = 2 * DIGEST_SHA256 + 1 };

struct script {
    const char *path;               /* NULL: there is no such file */
    struct str text;
    bool no_transaction;
    const struct statement *statements;
    size_t n;
    char checksum[PLAN_DIGEST];     /* of the statements; comments and layout do not count */
};

struct version {
    int64_t number;
    const char *name;               /* "create_users" */
    const char *label;              /* "003_create_users" */
    bool irreversible;
    struct script up, down;
};

struct plan {
    struct arena arena;
    enum db_engine engine;
    const struct version *versions; /* ascending */
    size_t n;
};

/* Read DIR for an engine. -1: W0701 (cannot be scanned), W0702 (names, numbers, missing files), W0703 (a statement
 * that has no place in a version), all with file, line and column. */
int plan_load(const char *dir, enum db_engine engine, struct plan *ret, struct err *err);
void plan_release(struct plan *p);

/* By number; NULL when the disk has none. */
const struct version *plan_version(const struct plan *p, int64_t number);
/* The highest number; 0 when there are no versions. */
int64_t plan_last(const struct plan *p);

/* The digest of the first `n` statements of a script: what a half-done version has behind it. */
int plan_prefix(const struct script *s, size_t n, enum db_engine engine, char ret[PLAN_DIGEST], struct err *err);

/* The digest of a text without its comments and its layout. */
int plan_digest(struct str text, enum db_engine engine, char ret[PLAN_DIGEST], struct err *err);

/* "postgresql" or "sqlite": the folder of an engine. */
const char *plan_folder(enum db_engine engine);

#endif
