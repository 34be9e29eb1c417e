/* A connection string taken apart, so that another program gets it without what nobody may see in a list of processes. */
#include "sink/postgres_internal.h"

static void finish_options(PQconninfoOption **options) { PQconninfoFree(*options); }

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

int db_target_apart(const char *target, struct buf *ret, struct buf *ret_password, struct err *err)
{
    char *ignored = NULL;
    CLEANUP(finish_options) PQconninfoOption *options = PQconninfoParse(target, &ignored);

    PQfreemem(ignored);
    if (!options)
        return err_set(err, ERR_RUN, W0503, "connection string cannot be read");
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
