/* A connection string taken apart, so that another program gets it without what nobody may see in a list of processes. */
#include "sink/postgres_internal.h"

#include <ctype.h>

static void finish_options(PQconninfoOption **options) { PQconninfoFree(*options); }

static PQconninfoOption *parse(const char *target, struct err *err)
{
    char *ignored = NULL;       /* it may have the password in it */
    PQconninfoOption *options = PQconninfoParse(target, &ignored);

    PQfreemem(ignored);
    if (!options)
        err_set(err, ERR_RUN, W0503, "connection string cannot be read");
    return options;
}

/* keyword='value', as libpq reads it: quotes and backslashes behind a backslash. */
static int add_keyword(struct buf *out, const PQconninfoOption *o)
{
    if (buf_printf(out, "%s%s='", out->len ? " " : "", o->keyword) < 0)
        return -1;
    for (const char *at = o->val; *at; at++) {
        if ((*at == '\'' || *at == '\\') && buf_add_char(out, '\\') < 0)
            return -1;
        if (buf_add_char(out, *at) < 0)
            return -1;
    }
    return buf_add_char(out, '\'');
}

int db_target_database(const char *target, struct buf *ret, struct err *err)
{
    CLEANUP(finish_options) PQconninfoOption *options = parse(target, err);
    const char *name = getenv("PGDATABASE");

    if (!options)
        return -1;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (strcmp(o->keyword, "dbname") == 0 && o->val && *o->val)
            name = o->val;
    }
    if (!name || !*name)
        return err_set(err, ERR_RUN, W0503, "the connection string does not say which database is meant");
    return buf_add_text(ret, name) < 0 ? err_oom(err) : 0;
}

int db_target_elsewhere(const char *target, const char *database, struct buf *ret, struct err *err)
{
    CLEANUP(finish_options) PQconninfoOption *options = parse(target, err);

    if (!options)
        return -1;
    for (PQconninfoOption *o = options; o->keyword; o++) {
        bool named = strcmp(o->keyword, "dbname") == 0;
        PQconninfoOption other = {.keyword = o->keyword, .val = (char *)(uintptr_t)database};

        if ((named || (o->val && *o->val)) && add_keyword(ret, named ? &other : o) < 0)
            return err_oom(err);
    }
    return 0;
}

int db_target_apart(const char *target, struct buf *ret, struct buf *ret_password, struct err *err)
{
    CLEANUP(finish_options) PQconninfoOption *options = parse(target, err);

    if (!options)
        return -1;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        bool secret = o->dispchar[0] == '*';

        if (!o->val || !*o->val)
            continue;
        if (secret && strcmp(o->keyword, "password") != 0)
            return err_set(err, ERR_RUN, W0503, "%s cannot be passed on; keep it in a service file", o->keyword);
        if (secret ? buf_add_text(ret_password, o->val) < 0 : add_keyword(ret, o) < 0)
            return err_oom(err);
    }
    return 0;
}

static int add_encoded(struct buf *out, const char *text)
{
    for (; *text; text++) {
        bool plain = isalnum((unsigned char)*text) || strchr("-._~/:", *text);

        if ((plain ? buf_add_char(out, *text) : buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text)) < 0)
            return -1;
    }
    return 0;
}

int db_target_uri(const char *target, struct buf *ret, struct err *err)
{
    CLEANUP(finish_options) PQconninfoOption *options = parse(target, err);
    char before = '?';
    int good = options ? buf_add_text(ret, "postgresql:///") : -1;

    for (const PQconninfoOption *o = options; good == 0 && o && o->keyword; o++) {
        if (strcmp(o->keyword, "dbname") == 0 && o->val)
            good = add_encoded(ret, o->val);
    }
    for (const PQconninfoOption *o = options; good == 0 && o && o->keyword; o++) {
        if (!o->val || !*o->val || o->dispchar[0] == '*' || strcmp(o->keyword, "dbname") == 0)
            continue;
        good = buf_printf(ret, "%c%s=", before, o->keyword) < 0 ? -1 : add_encoded(ret, o->val);
        before = '&';
    }
    return good == 0 || !options ? good : err_oom(err);
}
