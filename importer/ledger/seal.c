/* Seals of rows: each column's digest is folded into that of the columns before it. */
#include "ledger/seal.h"

#include "base/digest.h"

void seal_text(struct seal *s, struct str text)
{
    unsigned char both[33];

    memcpy(both, s->state, 16);
    memset(both + 16, 0, 16);
    both[32] = text.at != NULL;
    if (text.at)
        digest_content(text, both + 16);
    digest_content(str_make((const char *)both, sizeof both), s->state);
}

void seal_number(struct seal *s, int64_t n)
{
    seal_text(s, str_make((const char *)&n, sizeof n));
}

int64_t seal_end(const struct seal *s)
{
    int64_t ret;

    memcpy(&ret, s->state, sizeof ret);
    return ret;
}

int64_t seal_of(struct str bytes)
{
    struct seal s = {0};

    seal_text(&s, bytes);
    return seal_end(&s);
}

int64_t seal_row(struct str packed)
{
    struct seal s;

    digest_content(packed, s.state);
    return seal_end(&s);
}
