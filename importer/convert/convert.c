/* The type of the column decides who converts; refusals, arrays and the words for what is expected are here. */
#include "convert/convert.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "convert/internal.h"

static const struct convert_options no_options;

/* The value as the source shows it, for the finding. */
static struct str shown(const struct value *v)
{
    if (v->type == VALUE_NUMBER || v->type == VALUE_STRING)
        return v->text;
    if (v->type == VALUE_BOOL)
        return str_of(v->truth ? "true" : "false");
    return value_raw(v);
}

/* What would help depends on what was met rather than on what was wanted. */
static void add_help(struct conversion *c)
{
    enum type_kind kind = c->type->kind;
    bool number = kind >= TYPE_INT2 && kind <= TYPE_FLOAT8;

    if (c->options->coerce)
        return;
    if (c->v->type == VALUE_STRING && (number || kind == TYPE_BOOL))
        err_help(c->err, "this is a string; `coerce: true` takes what stands in the quotes, exactly or not at all");
    else if (c->v->type == VALUE_NUMBER && kind >= TYPE_INT2 && kind <= TYPE_INT8)
        err_help(c->err,
                 "an integer has neither point nor exponent; `coerce: true` takes 1.0 and 1e3, which are whole");
    else if ((c->v->type == VALUE_NUMBER || c->v->type == VALUE_BOOL) && kind == TYPE_TEXT)
        err_help(c->err, "this is %s; `coerce: true` takes it as it is written", value_type_name(c->v));
    else if (c->v->type == VALUE_NUMBER && kind >= TYPE_DATE && kind <= TYPE_TIMESTAMPTZ)
        err_help(c->err, "seconds since 1970 need `format: epoch_s`, milliseconds `format: epoch_ms`");
}

static int refuse(struct conversion *c, enum code code, const char *label)
{
    struct str value = shown(c->v);

    err_set(c->err, ERR_RECORD, code, "%s", code == W0412 ? "value does not fit the column" : code_entry(code)->title);
    err_label(c->err, "%s", label);
    if (value.at)
        err_value(c->err, value);
    return -1;
}

int convert_refuse(struct conversion *c)
{
    char label[sizeof c->err->label];

    snprintf(label, sizeof label, "expected %s", convert_expected(c->type, c->arena));
    refuse(c, W0412, label);
    add_help(c);
    return -1;
}

int convert_refuse_as(struct conversion *c, enum code code, const char *label, ...)
{
    char text[2 * sizeof c->err->label];
    va_list args;

    va_start(args, label);
    vsnprintf(text, sizeof text, label, args);
    va_end(args);
    return refuse(c, code, text);
}

static int to_bool(struct conversion *c)
{
    struct str text;
    bool truth;

    if (c->v->type == VALUE_BOOL) {
        truth = c->v->truth;
    } else if (c->v->type == VALUE_STRING && c->options->coerce) {
        if (convert_text(c, &text) < 0)
            return -1;
        truth = str_is(text, "true");
        if (!truth && !str_is(text, "false"))
            return convert_refuse(c);
    } else {
        return convert_refuse(c);
    }
    *c->ret = (struct cell){.kind = CELL_BOOL, .n = truth};
    return 0;
}

static int convert(struct conversion *c);

/* PostgreSQL's arrays are rectangular. */
static int check_rectangular(struct conversion *c, const struct cell *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].kind != CELL_ARRAY || items[i].items.n != items[0].items.n)
            return convert_refuse_as(c, W0412, "expected inner arrays of equal length");
    return 0;
}

/* Recursion is as deep as the type, which has at most six dimensions. */
static int to_array(struct conversion *c)
{
    struct conversion inner = *c;
    struct value element;
    struct value_iter it;
    struct cell *items;
    size_t n, i = 0;

    if (c->v->type != VALUE_ARRAY)
        return convert_refuse(c);
    n = value_count(c->v);
    items = arena_calloc(c->arena, n, sizeof *items);
    if (!items)
        return err_oom(c->err);
    inner.type = c->type->element;
    for (it = value_iter(c->v); i < n && value_iter_next(&it, NULL, &element); i++) {
        inner.v = &element;
        inner.ret = &items[i];
        if (element.type != VALUE_NULL && element.type != VALUE_ABSENT && convert(&inner) < 0) {
            value_place(&element, c->err);
            return -1;
        }
    }
    c->did = inner.did;
    *c->ret = (struct cell){.kind = CELL_ARRAY, .items = {items, n}};
    return c->type->element->kind == TYPE_ARRAY ? check_rectangular(c, items, n) : 0;
}

static int convert(struct conversion *c)
{
    switch (c->type->kind) {
    case TYPE_BOOL: return to_bool(c);
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8: return convert_to_integer(c);
    case TYPE_NUMERIC: return convert_to_numeric(c);
    case TYPE_FLOAT4:
    case TYPE_FLOAT8: return convert_to_float(c);
    case TYPE_TEXT: return convert_to_text(c);
    case TYPE_BYTEA: return convert_to_bytes(c);
    case TYPE_UUID: return convert_to_uuid(c);
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ: return convert_to_time(c);
    case TYPE_JSON:
    case TYPE_JSONB: return convert_to_json(c);
    case TYPE_ENUM: return convert_to_enum(c);
    case TYPE_ARRAY: return to_array(c);
    case TYPE_UNKNOWN:
    case TYPE_OTHER: return convert_to_other(c);
    }
    BUG("type kind %d", c->type->kind);
}

int convert_value(const struct value *v, const struct type *type, const struct convert_options *options,
                  struct arena *a, struct cell *ret, unsigned *did, struct err *err)
{
    struct cell cell;
    struct conversion c = {
        .v = v, .type = type, .options = options ? options : &no_options, .arena = a, .ret = &cell, .err = err,
    };

    if (convert(&c) < 0)
        return -1;
    *ret = cell;
    if (did)
        *did |= c.did;
    return 0;
}

static const char *expected_labels(const struct type *type, struct arena *a)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const char *copy = NULL;

    for (size_t i = 0; i < type->n_labels && text.len < 400; i++)
        buf_printf(&text, "%s'%s'", i ? ", " : "one of ", type->labels[i]);
    if (text.len)
        copy = arena_dup(a, buf_str(&text));
    return copy ? copy : "one of the type's labels";
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

const char *convert_expected(const struct type *type, struct arena *a)
{
    switch (type->kind) {
    case TYPE_BOOL: return "boolean";
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8: return "integer";
    case TYPE_NUMERIC:
    case TYPE_FLOAT4:
    case TYPE_FLOAT8: return "number";
    case TYPE_TEXT:
        return type->length ? or_else(arena_printf(a, "text of at most %d characters", type->length), "text") : "text";
    case TYPE_BYTEA: return "bytes, as text";
    case TYPE_UUID: return "uuid";
    case TYPE_DATE: return "a date, such as 2025-01-31";
    case TYPE_TIME: return "a time of day, such as 10:00:00";
    case TYPE_TIMESTAMP: return "a time without zone, such as 2025-01-31T10:00:00";
    case TYPE_TIMESTAMPTZ: return "a time with its zone, such as 2025-01-31T10:00:00Z";
    case TYPE_JSON:
    case TYPE_JSONB: return "JSON";
    case TYPE_ENUM: return expected_labels(type, a);
    case TYPE_ARRAY: return or_else(arena_printf(a, "array of %s", convert_expected(type->element, a)), "array");
    case TYPE_UNKNOWN:
    case TYPE_OTHER: break;
    }
    return type->name ? or_else(arena_printf(a, "the text of a value of type %s", type->name), "text") : "text";
}

int convert_format_check(const char *format, const struct type *type, struct err *err)
{
    long fault = 0;

    while (type->kind == TYPE_ARRAY)
        type = type->element;
    if (type->kind >= TYPE_DATE && type->kind <= TYPE_TIMESTAMPTZ)
        fault = convert_format_fault(format);
    else if (type->kind == TYPE_BYTEA && convert_bytes_format(format))
        fault = -1;
    if (fault < 0)
        return 0;
    if (type->kind == TYPE_BYTEA)
        err_set(err, ERR_RUN, W0414, "a bytea's format is raw, hex, base64 or base64url");
    else if (type->kind >= TYPE_DATE && type->kind <= TYPE_TIMESTAMPTZ)
        err_set(err, ERR_RUN, W0414, "not a format for times");
    else
        err_set(err, ERR_RUN, W0414, "a format is for times and bytea, this column is %s",
                type->name ? type->name : "neither");
    err_help(err, "times: rfc3339, epoch_s, epoch_ms, epoch_us, or %%Y-%%m-%%d %%H:%%M:%%S and other letters; "
             "see `windrow explain W0414`");
    return err_at_byte(err, (uint64_t)fault);
}
