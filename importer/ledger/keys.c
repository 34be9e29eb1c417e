/* Packed lists of keys. Numbers are written seven bits a byte, lines as differences. */
#include "ledger/keys.h"

enum { NUMBER_BYTES = 10 };

/* Where there is room; the end of what was written. */
static char *put_number(char *at, uint64_t n)
{
    for (; n > 0x7f; n >>= 7)
        *at++ = (char)(n | 0x80);
    *at++ = (char)n;
    return at;
}

static char *put_text(char *at, struct str text)
{
    at = put_number(at, text.len);
    if (text.len)
        memcpy(at, text.at, text.len);
    return at + text.len;
}

static bool get_number(struct str *from, uint64_t *ret)
{
    uint64_t n = 0;

    for (unsigned shift = 0; from->len && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)from->at[0];

        *from = str_make(from->at + 1, from->len - 1);
        n |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret = n;
            return true;
        }
    }
    return false;
}

static bool get_text(struct str *from, struct str *ret)
{
    uint64_t len;

    if (!get_number(from, &len) || len > from->len)
        return false;
    *ret = str_make(from->at, len);
    *from = str_make(from->at + len, from->len - len);
    return true;
}

/* Signed to unsigned, small numbers small. */
static uint64_t fold(int64_t n)
{
    return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

static int64_t unfold(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

/* An item begins with file + 1; 0 begins a section with its table's name. */
int keys_add(struct keys_writer *w, const struct keys_item *item)
{
    bool section = w->bytes.len == 0 || !str_eq(w->table, item->table);
    char *at;

    if (buf_reserve(&w->bytes, 5 * NUMBER_BYTES + (section ? item->table.len : 0) + item->key.len) < 0)
        return -1;
    at = w->bytes.at + w->bytes.len;
    if (section) {
        at = put_text(put_number(at, 0), item->table);
        w->table = item->table;
        w->last_line = 0;
    }
    at = put_number(at, (uint64_t)item->file + 1);
    at = put_number(at, fold((int64_t)(item->line - w->last_line)));
    at = put_text(at, item->key);
    *at = '\0';
    w->bytes.len = (size_t)(at - w->bytes.at);
    w->last_line = item->line;
    return 0;
}

int keys_next(struct keys_reader *r, struct keys_item *ret, struct err *err)
{
    uint64_t n, line;

    while (r->rest.len) {
        if (!get_number(&r->rest, &n))
            break;
        if (n == 0) {
            if (!get_text(&r->rest, &r->table))
                break;
            r->last_line = 0;
            continue;
        }
        if (!get_number(&r->rest, &line) || !get_text(&r->rest, &ret->key))
            break;
        r->last_line += (uint64_t)unfold(line);
        ret->file = (uint32_t)(n - 1);
        ret->line = r->last_line;
        ret->table = r->table;
        return 1;
    }
    return r->rest.len ? err_set(err, ERR_RUN, W0604, "the ledger's list of keys is damaged") : 0;
}
