/* The connection of an upkeep command, and what all of them ask first: is the system there, which tables are its own. */
#include "maintain/maintain_internal.h"

#include "base/cleanup.h"
#include "migrate/history.h"
#include "migrate/migrate.h"

#include <stdlib.h>

enum { ANSWER_WAIT_MS = 7 * 24 * 3600 * 1000 };

struct db *maintain_connect(const struct maintain_options *o, const char *target, bool read_only, struct err *err)
{
    uint32_t wait_ms = o->wait_ms ? o->wait_ms : MAINTAIN_WAIT_MS;
    bool sqlite = strncmp(target, "sqlite:", 7) == 0;
    struct db_options options = {.wait_ms = sqlite ? wait_ms : ANSWER_WAIT_MS, .read_only = read_only,
                                 .application = "windrow maintain"};
    CLEANUP(buf_release) struct buf sql = BUF_INIT;
    struct db *db = db_open(target, &options, err);

    if (!db || sqlite)
        return db;
    if (buf_printf(&sql, "SET lock_timeout = %u", wait_ms) < 0)
        err_oom(err);
    else if (db_exec(db, buf_text(&sql), err) == 0)
        return db;
    db_close(db);
    return NULL;
}

/* A SQLite target that is not there would be made by opening it. */
static int refuse_absent(const struct maintain_options *o, struct err *err)
{
    if (strncmp(o->target, "sqlite:", 7) != 0 || strcmp(o->target, "sqlite::memory:") == 0 || access(o->target + 7, F_OK) == 0)
        return 0;
    return err_set(err, ERR_RUN, W0501, "there is no database '%s'", o->target + 7);
}

static int find_system(struct maintain *m, struct err *err)
{
    if (migrate_current(m->db, m->o.system, &m->version, err) < 0)
        return -1;
    if (m->version > 0)
        return 0;
    err_set(err, ERR_RUN, W0907, "%s has no tables of %s that windrow made", db_name(m->db), m->o.system);
    return err_help(err, "`windrow schema up %s` makes them, `schema baseline` takes over those that are there", m->o.system);
}

struct maintain *maintain_open(const struct maintain_options *o, struct err *err)
{
    enum db_engine engine = strncmp(o->target, "sqlite:", 7) == 0 ? DB_SQLITE : DB_POSTGRESQL;
    struct maintain *m = calloc(1, sizeof *m);

    if (!m) {
        err_oom(err);
        return NULL;
    }
    m->o = *o;
    if (plan_load(o->dir, engine, &m->plan, err) < 0 || refuse_absent(o, err) < 0)
        goto fail;
    m->db = maintain_connect(o, o->target, o->read_only, err);
    if (m->db && find_system(m, err) == 0)
        return m;
fail:
    maintain_close(m);
    return NULL;
}

void maintain_close(struct maintain *m)
{
    if (!m)
        return;
    db_close(m->db);
    plan_release(&m->plan);
    arena_release(&m->arena);
    free(m);
}

enum db_engine maintain_engine(const struct maintain *m)
{
    return db_engine(m->db);
}

const char *maintain_target(const struct maintain *m)
{
    return db_name(m->db);
}

bool maintain_cancelled(const struct maintain_options *o, const struct err *err)
{
    return db_interrupted(err) && maintain_stopped(o);
}

int maintain_known(const struct plan *plan, const char *system, const char *file, const int64_t *versions, size_t n,
                   struct err *err)
{
    if (n == 0)
        return err_set(err, ERR_RUN, W0902, "'%s' has no tables of %s that windrow made", file, system);
    for (size_t i = 0; i < n; i++) {
        if (plan_version(plan, versions[i]))
            continue;
        err_set(err, ERR_RUN, W0902, "'%s' has version %lld of %s, which this windrow does not know", file,
                (long long)versions[i], system);
        return err_help(err, "restore it with the windrow that made it, or bring that version's files to the schema directory");
    }
    return 0;
}

/* ---- tables ---- */

static bool listed(const char *const *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is(name, names[i]))
            return true;
    }
    return false;
}

static int is_there(struct db *db, struct str name, bool *ret, struct err *err)
{
    const char *sql = db_engine(db) == DB_SQLITE
                          ? "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(trim($1, '\"`[]'))"
                          : "SELECT count(*) FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p')";
    CLEANUP(db_result_release) struct db_result r = {0};
    struct db_value value = db_text(name);

    if (db_query(db, sql, &value, 1, &r, err) < 0)
        return -1;
    *ret = db_cell_int(&r, 0, 0) > 0;
    return 0;
}

static int add_table(struct maintain *m, struct str name, const char **names, size_t *n, struct err *err)
{
    bool there = false;

    if (name.len == 0 || listed(names, *n, name))
        return 0;
    if (is_there(m->db, name, &there, err) < 0)
        return -1;
    if (!there)
        return 0;
    names[*n] = arena_dup(&m->arena, name);
    if (!names[*n])
        return err_oom(err);
    (*n)++;
    return 0;
}

int maintain_tables(struct maintain *m, const char ***ret, size_t *ret_n, struct err *err)
{
    size_t n_statements = 0, n = 0;
    const char **names;

    for (size_t i = 0; i < m->plan.n; i++)
        n_statements += m->plan.versions[i].up.n;
    names = arena_calloc(&m->arena, 2 * n_statements + 1, sizeof *names);
    if (!names)
        return err_oom(err);
    for (size_t i = 0; i < m->plan.n; i++) {
        const struct script *s = &m->plan.versions[i].up;

        for (size_t k = 0; k < s->n; k++) {
            const char *text = s->statements[k].text;

            if (add_table(m, statement_created_table(text, m->plan.engine), names, &n, err) < 0 ||
                add_table(m, statement_renamed_to(text, m->plan.engine), names, &n, err) < 0)
                return -1;
        }
    }
    *ret = names;
    *ret_n = n;
    return 0;
}
