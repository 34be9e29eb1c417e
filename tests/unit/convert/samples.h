/* tests/unit/convert/samples.h: "this value into this type gives this cell", for the tests of conversion. */
#ifndef WINDROW_TESTS_CONVERT_SAMPLES_H
#define WINDROW_TESTS_CONVERT_SAMPLES_H

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "convert/convert.h"
#include "convert/zone.h"
#include "read/json.h"
#include "tap.h"

static struct json_parser *parser;
static struct arena arena;
static struct zone *berlin, *utc;

/* `options` are words: coerce trim strip replace utf8 berlin utc, and after format= all the rest. */
struct sample {
    const char *type, *options, *json, *cell;
    const char *label;      /* the beginning of it, when refused */
    enum code code;         /* W0412 when 0 */
};

static struct convert_options options_of(const char *text)
{
    struct convert_options o = {0};
    const char *format = strstr(text, "format=");
    size_t len = format ? (size_t)(format - text) : strlen(text);
    char words[64] = "";

    memcpy(words, text, len);
    o.coerce = strstr(words, "coerce") != NULL;
    o.trim = strstr(words, "trim") != NULL;
    o.nul = strstr(words, "replace") ? CONVERT_NUL_REPLACE : CONVERT_NUL_REJECT;
    o.nul = strstr(words, "strip") ? CONVERT_NUL_STRIP : o.nul;
    o.utf8 = strstr(words, "utf8") ? CONVERT_UTF8_REPLACE : CONVERT_UTF8_REJECT;
    o.zone = strstr(words, "berlin") ? berlin : strstr(words, "utc") ? utc : NULL;
    o.format = format ? format + 7 : NULL;
    return o;
}

static const char *const labels[] = {"draft", "posted", "it's"};

static bool type_of(const char *text, struct type *ret)
{
    if (strcmp(text, "enum") == 0) {
        *ret = (struct type){.kind = TYPE_ENUM, .name = "state", .labels = labels, .n_labels = 3};
        return true;
    }
    return catalog_type_parse(str_of(text), &arena, ret);
}

static void show_time(int64_t us, struct buf *out)
{
    int64_t seconds = us / 1000000 - (us % 1000000 < 0);
    time_t t = (time_t)seconds;
    struct tm tm;

    gmtime_r(&t, &tm);
    buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d.%06d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
               tm.tm_min, tm.tm_sec, (int)(us - seconds * 1000000));
}

static void show_hex(struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", (unsigned char)bytes.at[i]);
}

static void show(const struct cell *c, struct buf *out)
{
    switch (c->kind) {
    case CELL_NULL: buf_add_text(out, "null"); break;
    case CELL_BOOL: buf_add_text(out, c->n ? "true" : "false"); break;
    case CELL_INT: buf_printf(out, "%" PRId64, c->n); break;
    case CELL_FLOAT: buf_printf(out, "%.17g", c->f); break;
    case CELL_NUMERIC:
    case CELL_TEXT:
    case CELL_JSON: buf_add_str(out, c->text); break;
    case CELL_BYTES:
    case CELL_UUID: show_hex(c->text, out); break;
    case CELL_DATE: show_time(c->n * 86400000000, out); out->at[out->len -= 16] = '\0'; break;
    case CELL_TIME: buf_printf(out, "%" PRId64, c->n); break;
    case CELL_TIMESTAMP: show_time(c->n, out); break;
    case CELL_ARRAY:
        buf_add_char(out, '[');
        for (size_t i = 0; i < c->items.n; i++) {
            buf_add_text(out, i ? "," : "");
            show(&c->items.at[i], out);
        }
        buf_add_char(out, ']');
    }
}

/* JSON text with the padding that the parser asks for; it lives as long as the arena. */
static bool parse(const char *json, struct value *ret)
{
    char *text = arena_alloc(&arena, strlen(json) + JSON_PADDING + 1);
    struct err err = {0};
    bool good;

    memset(text, 0, strlen(json) + JSON_PADDING + 1);
    memcpy(text, json, strlen(json));
    good = json_parse(parser, str_make(text, strlen(json)), ret, &err) == 0;
    if (!good)
        printf("# %s: %s\n", json, err.message);
    err_release(&err);
    return good;
}

static unsigned taken_quickly;

/* The short way takes nothing that the long one refuses, and makes the same of what it takes. */
static bool same_quickly(const struct sample *s, const struct value *v, const struct type *type,
                         const struct convert_options *options)
{
    CLEANUP(buf_release) struct buf got = BUF_INIT;
    struct cell cell = {0};

    struct convert_quick how = convert_quick(type, options, false);

    if (!convert_quickly(v, &how, &cell))
        return true;
    taken_quickly++;
    show(&cell, &got);
    return s->cell && strcmp(buf_text(&got), s->cell) == 0;
}

__attribute__((unused)) static void run(const struct sample *s)
{
    CLEANUP(buf_release) struct buf got = BUF_INIT;
    CLEANUP(err_release) struct err err = {0};
    struct convert_options options = options_of(s->options);
    struct value v;
    struct type type;
    struct cell cell = {0};

    if (!type_of(s->type, &type) || !parse(s->json, &v)) {
        ok(false, "%s: %.60s", s->type, s->json);
        return;
    }
    if (!same_quickly(s, &v, &type, &options))
        ok(false, "%s %s: %.60s the short way", s->type, s->options, s->json);
    if (convert_value(&v, &type, &options, &arena, &cell, NULL, &err) == 0) {
        show(&cell, &got);
        is_str(buf_text(&got), s->cell, "%s %s: %.60s", s->type, s->options, s->json);
        return;
    }
    if (s->cell)
        is_str(err.label, s->cell, "%s %s: %.60s", s->type, s->options, s->json);
    else
        ok(s->label ? strncmp(err.label, s->label, strlen(s->label)) == 0 : err.label[0] != '\0',
           "%s %s: %.60s is refused (%s)", s->type,
           s->options, s->json, err.label);
    if (!ok(err.scope == ERR_RECORD && err.code == (s->code ? s->code : W0412), "%s: scope and code", s->type))
        printf("# %s: %s\n", code_entry(err.code)->name, err.message);
    arena_reset(&arena);
}

#define NO(label) NULL, label, 0
#define CODED(code, label) NULL, label, code
#define IS(cell) cell, NULL, 0

/* False when the test must be skipped. */
static bool samples_begin(void)
{
    berlin = zone_open(str_of("Europe/Berlin"), NULL);
    utc = zone_open(str_of("UTC"), NULL);
    parser = json_parser_new(&(struct json_options){0}, NULL);
    if (!berlin || !utc || !parser)
        printf("1..0 # SKIP tzdata is not installed\n");
    return berlin && utc && parser;
}

static void samples_end(void)
{
    json_parser_free(parser);
    arena_release(&arena);
    zone_close(berlin);
    zone_close(utc);
}

#endif
