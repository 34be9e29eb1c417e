/* Digests, UUIDs and the ways to write bytes as text. */
#include "expr/internal.h"
#include "expr/functions.h"

#include "base/digest.h"

static const char hex_digits[] = "0123456789abcdef";

static void put_hex(char *out, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex_digits[bytes[i] >> 4];
        out[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
}

static int digest(struct run *r, const struct expr_node *n, const struct value *in,
                  void (*how)(struct str bytes, unsigned char *ret), size_t len, struct value *ret)
{
    unsigned char md[DIGEST_SHA256];
    struct str s;
    char *out;

    if (expr_bytes(r, n, in, n->function->name, &s) < 0 || expr_charge(r, n, 10 + s.len / 64) < 0)
        return -1;
    how(s, md);
    out = expr_alloc(r, n, 2 * len);
    if (!out)
        return -1;
    put_hex(out, md, len);
    *ret = value_string(str_make(out, 2 * len));
    return 0;
}

int expr_fn_sha256(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    (void)args;
    return digest(r, n, in, digest_sha256, DIGEST_SHA256, ret);
}

int expr_fn_sha1(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    (void)args;
    return digest(r, n, in, digest_sha1, DIGEST_SHA1, ret);
}

int expr_fn_md5(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    (void)args;
    return digest(r, n, in, digest_md5, DIGEST_MD5, ret);
}

/* --- hexadecimal ------------------------------------------------------------------------------------------- */

int expr_fn_hex(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                struct value *ret)
{
    struct str s;
    char *out;

    (void)args;
    if (expr_bytes(r, n, in, "hex", &s) < 0 || !(out = expr_alloc(r, n, 2 * s.len + 1)))
        return -1;
    put_hex(out, (const unsigned char *)s.at, s.len);
    *ret = value_string(str_make(out, 2 * s.len));
    return 0;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int expr_fn_unhex(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    struct str s;
    char *out;

    (void)args;
    if (expr_bytes(r, n, in, "unhex", &s) < 0 || !(out = expr_alloc(r, n, s.len / 2 + 1)))
        return -1;
    if (s.len % 2)
        return expr_fail(r, n, W0439, in, "an odd number of hexadecimal digits");
    for (size_t i = 0; i < s.len; i += 2) {
        int high = hex_value(s.at[i]), low = hex_value(s.at[i + 1]);

        if (high < 0 || low < 0)
            return expr_fail(r, n, W0439, in, "no hexadecimal digit at byte %zu", i + (high >= 0));
        out[i / 2] = (char)(high << 4 | low);
    }
    *ret = expr_string(str_make(out, s.len / 2), VALUE_BYTES);
    return 0;
}

/* --- UUID -------------------------------------------------------------------------------------------------- */

int expr_uuid5(const uint8_t namespace_bytes[16], struct str name, char out[37])
{
    unsigned char id[UUID_BYTES];

    if (uuid5(namespace_bytes, name, id) < 0)
        return -1;
    uuid_print(id, out);
    return 0;
}

/* A UUID in text, or one of RFC 4122's names. */
static bool namespace_of(struct str s, uint8_t out[16])
{
    static const char *const names[] = {"dns", "url", "oid", "x500"};
    static const uint8_t last[] = {0x10, 0x11, 0x12, 0x14};
    static const uint8_t common[16] = {0x6b, 0xa7, 0xb8, 0, 0x9d, 0xad, 0x11, 0xd1,
                                       0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    size_t digits = 0;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is(s, names[i])) {
            memcpy(out, common, 16);
            out[3] = last[i];
            return true;
        }
    }
    if (s.len != 36)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        int digit = hex_value(s.at[i]);

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s.at[i] != '-')
                return false;
            continue;
        }
        if (digit < 0)
            return false;
        out[digits / 2] = (uint8_t)(digits % 2 ? out[digits / 2] | digit : digit << 4);
        digits++;
    }
    return true;
}

int expr_fn_uuid5(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    const uint8_t *space = r->outer->uuid_namespace ? r->outer->uuid_namespace : (const uint8_t *)EXPR_UUID_NAMESPACE;
    const struct value *name = &args[n->n - 1];
    uint8_t given[16];
    struct str s;
    char *out;

    (void)in;
    if (n->n == 2) {
        if (expr_text(r, n, &args[0], "uuid5", &s) < 0)
            return -1;
        if (!namespace_of(s, given))
            return expr_fail(r, n, W0439, &args[0], "the namespace is neither a UUID nor one of dns, url, oid, x500");
        space = given;
    }
    if (expr_bytes(r, n, name, "uuid5", &s) < 0 || !(out = expr_alloc(r, n, 37)) || expr_charge(r, n, 20) < 0)
        return -1;
    if (expr_uuid5(space, s, out) < 0)
        return expr_oom(r);
    *ret = value_string(str_make(out, 36));
    return 0;
}

/* --- formats ----------------------------------------------------------------------------------------------- */

/* What a format is given, as text: strings as they are, anything else as JSON. */
static int source(struct text *t, const struct value *v, uint16_t *flags, struct str *ret)
{
    struct text json = {.r = t->r, .node = t->node};

    if (v->type == VALUE_STRING)
        return expr_bytes(t->r, t->node, v, "", ret);
    if (expr_put_json(&json, v, flags) < 0)
        return -1;
    *ret = text_str(&json);
    return 0;
}

static int add_base64(struct text *t, const struct value *v, uint16_t *flags)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct str s;

    if (source(t, v, flags, &s) < 0)
        return -1;
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t bits = (uint32_t)(unsigned char)s.at[i] << 16;
        char four[4];

        if (n > 1)
            bits |= (uint32_t)(unsigned char)s.at[i + 1] << 8;
        if (n > 2)
            bits |= (unsigned char)s.at[i + 2];
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= n ? letters[bits >> (18 - 6 * k) & 63] : '=';
        if (expr_put(t, four, 4) < 0)
            return -1;
    }
    return expr_charge(t->r, t->node, s.len / 64);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static int add_base64d(struct text *t, const struct value *v, uint16_t *flags)
{
    uint32_t bits = 0;
    size_t n = 0;
    struct str s;

    if (source(t, v, flags, &s) < 0)
        return -1;
    *flags |= VALUE_BYTES;
    while (s.len && s.at[s.len - 1] == '=')
        s.len--;
    for (size_t i = 0; i < s.len; i++) {
        int six = base64_value(s.at[i]);

        if (six < 0 && strchr("\r\n", s.at[i]) && s.at[i])
            continue;
        if (six < 0)
            return expr_fail(t->r, t->node, W0439, v, "not base64: byte %zu is no letter of it", i);
        bits = bits << 6 | (uint32_t)six;
        if (++n % 4 != 1 && expr_put_char(t, (char)(bits >> (n % 4 == 2 ? 4 : n % 4 == 3 ? 2 : 0))) < 0)
            return -1;
    }
    if (n % 4 == 1)
        return expr_fail(t->r, t->node, W0439, v, "not base64: one letter is left over");
    return expr_charge(t->r, t->node, s.len / 64);
}

static int add_uri(struct text *t, const struct value *v, uint16_t *flags)
{
    struct str s;

    if (source(t, v, flags, &s) < 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i], code[3] = {'%', "0123456789ABCDEF"[(unsigned char)c >> 4], "0123456789ABCDEF"[c & 15]};
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr("-_.~", c));

        if (expr_put(t, plain ? &c : code, plain ? 1 : 3) < 0)
            return -1;
    }
    return expr_charge(t->r, t->node, s.len / 64);
}

static int add_html(struct text *t, const struct value *v, uint16_t *flags)
{
    struct str s;

    if (source(t, v, flags, &s) < 0)
        return -1;
    *flags |= v->flags & VALUE_SURROGATE;
    for (size_t i = 0; i < s.len; i++) {
        const char *code = s.at[i] == '<' ? "&lt;" : s.at[i] == '>' ? "&gt;" : s.at[i] == '&' ? "&amp;"
                           : s.at[i] == '"' ? "&quot;" : s.at[i] == '\'' ? "&#39;" : NULL;

        if (code ? expr_put(t, code, strlen(code)) < 0 : expr_put_char(t, s.at[i]) < 0)
            return -1;
    }
    return expr_charge(t->r, t->node, s.len / 64);
}

const struct expr_format *expr_format_find(struct str name)
{
    static const struct expr_format formats[] = {
        {"text", expr_put_tostring}, {"json", expr_put_json}, {"base64", add_base64},
        {"base64d", add_base64d}, {"uri", add_uri}, {"html", add_html},
    };

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (str_is(name, formats[i].name))
            return &formats[i];
    }
    return NULL;
}
