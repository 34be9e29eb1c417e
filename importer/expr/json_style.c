/* tojson(style): the same JSON spelt as another program spells it, so that a digest which that program took can be
 * computed again. */
#include "expr/functions.h"
#include "expr/internal.h"

#include <stdio.h>

struct style {
    bool ascii, spaced;
};

static int style_of(struct run *r, const struct expr_node *n, const struct value *v, struct style *ret)
{
    struct str s;

    *ret = (struct style){0};
    if (expr_text(r, n, v, "tojson(style)", &s) < 0)
        return -1;
    while (s.len) {
        const char *blank = memchr(s.at, ' ', s.len);
        struct str word = str_make(s.at, blank ? (size_t)(blank - s.at) : s.len);

        if (str_is(word, "ascii"))
            ret->ascii = true;
        else if (str_is(word, "spaced"))
            ret->spaced = true;
        else
            return expr_fail(r, n, W0431, v, "a style of tojson consists of the words 'ascii' and 'spaced'");
        s = str_make(s.at + word.len + (blank != NULL), s.len - word.len - (blank != NULL));
    }
    return 0;
}

static int put_escaped(struct text *out, uint32_t rune)
{
    char escaped[16];
    int len = rune < 0x10000 ? snprintf(escaped, sizeof escaped, "\\u%04x", rune)
                             : snprintf(escaped, sizeof escaped, "\\u%04x\\u%04x", 0xd800 + ((rune - 0x10000) >> 10),
                                        0xdc00 + ((rune - 0x10000) & 0x3ff));

    return expr_put(out, escaped, (size_t)len);
}

/* `json` is compact and valid: outside strings a comma or colon is always a separator. */
static int restyle(struct text *out, struct str json, const struct style *style)
{
    bool inside = false;
    size_t at = 0;

    while (at < json.len) {
        size_t from = at;
        uint32_t rune;
        int failed;

        at = expr_rune_next(json, at, &rune);
        if (inside && rune == '\\' && at < json.len)
            at++;
        else if (rune == '"')
            inside = !inside;
        if (style->ascii && rune >= 0x7f)
            failed = put_escaped(out, rune);
        else
            failed = expr_put(out, json.at + from, at - from);
        if (!failed && style->spaced && !inside && (rune == ',' || rune == ':'))
            failed = expr_put_char(out, ' ');
        if (failed)
            return -1;
    }
    return 0;
}

int expr_fn_tojson_styled(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                          struct value *ret)
{
    struct text plain = {.r = r, .node = n}, out = {.r = r, .node = n};
    struct style style;
    uint16_t flags = 0;

    if (style_of(r, n, &args[0], &style) < 0 || expr_put_json(&plain, in, &flags) < 0 ||
        restyle(&out, text_str(&plain), &style) < 0)
        return -1;
    *ret = expr_string(text_str(&out), style.ascii ? 0 : flags);
    return 0;
}
