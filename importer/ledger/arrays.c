/* Columns of many rows as PostgreSQL's arrays, so that one statement enters them all. */
#include "ledger/ledger_internal.h"

#include <inttypes.h>

/* An element of a bytea array. */
int arrays_add_bytes(struct buf *out, struct str bytes)
{
    static const char digits[] = "0123456789abcdef";

    if (!bytes.at)
        return buf_add_text(out, "NULL");
    if (buf_add_text(out, "\"\\\\x") < 0 || buf_reserve(out, 2 * bytes.len + 2) < 0)
        return -1;
    for (size_t i = 0; i < bytes.len; i++) {
        out->at[out->len++] = digits[(unsigned char)bytes.at[i] >> 4];
        out->at[out->len++] = digits[(unsigned char)bytes.at[i] & 15];
    }
    return buf_add_char(out, '"');
}

/* An element of a text array. */
int arrays_add_text(struct buf *out, struct str text)
{
    if (!text.at)
        return buf_add_text(out, "NULL");
    if (buf_add_char(out, '"') < 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (((text.at[i] == '"' || text.at[i] == '\\') && buf_add_char(out, '\\') < 0) || buf_add_char(out, text.at[i]) < 0)
            return -1;
    }
    return buf_add_char(out, '"');
}

int arrays_add_number(struct buf *out, bool there, int64_t n)
{
    return there ? buf_printf(out, "%" PRId64, n) : buf_add_text(out, "NULL");
}

int arrays_begin(struct arrays *c)
{
    for (size_t i = 0; i < c->n; i++) {
        buf_clear(&c->at[i]);
        if (buf_add_char(&c->at[i], '{') < 0)
            return -1;
    }
    return 0;
}

int arrays_comma(struct arrays *c, bool first)
{
    for (size_t i = 0; i < c->n && !first; i++) {
        if (buf_add_char(&c->at[i], ',') < 0)
            return -1;
    }
    return 0;
}

int arrays_end(struct arrays *c, struct db_value *params)
{
    for (size_t i = 0; i < c->n; i++) {
        if (buf_add_char(&c->at[i], '}') < 0)
            return -1;
        params[i] = db_text(buf_str(&c->at[i]));
    }
    return 0;
}

void arrays_release(struct arrays *c)
{
    for (size_t i = 0; i < c->n; i++)
        buf_release(&c->at[i]);
}
