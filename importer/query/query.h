/* query/query.h: files of SQL with parameters: the reports of a system, schema/SYSTEM/queries/NAME.sql, and its rules of
 * upkeep, schema/SYSTEM/maintain/NAME.sql; or NAME.postgresql.sql and NAME.sqlite.sql where the engines differ.
 *
 * A file is SQL with :names for parameters. Its comments say what it is for, which parameters it takes and how its
 * statements are called; docs/reports.md has the form. Parameters are always bound, never put into the text. */
#ifndef WINDROW_QUERY_QUERY_H
#define WINDROW_QUERY_QUERY_H

#include "base/arena.h"
#include "base/err.h"
#include "sink/db.h"

enum { QUERY_NOW, QUERY_ENGINE, QUERY_OWN, QUERY_PARAMS_MAX = 32 };

enum query_type { QUERY_TEXT = 0, QUERY_INTEGER, QUERY_NUMBER, QUERY_DAY, QUERY_MONTH, QUERY_TIME,
                  QUERY_DAYS /* an age: bound as the time so many days before now */ };

struct query_param {
    const char *name;
    enum query_type type;
    const char *fallback;       /* as written; NULL: must be given */
    const char *help;           /* NULL: none */
    uint64_t line;
    const char *value;          /* by query_settle(); as it is bound */
};

struct query_section {
    const char *title;          /* NULL: none was given */
    const char *sql;            /* with $1, $2 ... for parameters */
    uint16_t of[QUERY_PARAMS_MAX];      /* $k is params[of[k - 1]] */
    size_t n_of;
    uint64_t line;
};

struct query {
    const char *path;
    const char *about;          /* the first lines of its comments */
    struct query_param params[QUERY_PARAMS_MAX];    /* the first are always QUERY_NOW and QUERY_ENGINE */
    size_t n_params;
    struct query_section *sections;
    size_t n_sections;
};

/* The names of all files in a directory, sorted; none when there is no such directory. */
int query_names(const char *dir, struct arena *a, const char ***ret, size_t *ret_n, struct err *err);

/* Is NAME there for this engine? Its path, or NULL. */
const char *query_path(const char *dir, const char *name, enum db_engine engine, struct arena *a);

/* Read and check a file; everything lives in `a`. Faults have their line (W0104). */
int query_load(const char *path, enum db_engine engine, struct arena *a, struct query *ret, struct err *err);

/* Give every parameter its value: from `set` ("NAME=VALUE"), else its default. Faults are ERR_RUN, W0101. */
int query_settle(struct query *q, const char *const *set, size_t n_set, enum db_engine engine, int64_t clock_us,
                 struct arena *a, struct err *err);

/* Does any of the parameters have this name? For files that share one list of settings. */
bool query_has_param(const struct query *q, struct str name);
/* The first parameter that has no default and was not given; NULL when there is none. */
const struct query_param *query_missing(const struct query *q, const char *const *set, size_t n_set);
/* query_settle() without its complaint about names that the file does not have. */
int query_settle_known(struct query *q, const char *const *set, size_t n_set, enum db_engine engine, int64_t clock_us,
                       struct arena *a, struct err *err);

const char *query_type_name(enum query_type type);

#endif
