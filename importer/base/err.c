/* The one type of failure, see base/err.h. Text is cut between UTF-8 characters, never inside one. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_BYTES_MAX = 400 };

static void format_into(char *out, size_t size, const char *fmt, va_list args)
{
    int n = vsnprintf(out, size, fmt, args);

    if (n >= 0 && (size_t)n >= size)
        out[str_cut_utf8(str_make(out, size - 1), size - 1)] = '\0';
}

int err_set(struct err *err, enum err_scope scope, enum code code, const char *fmt, ...)
{
    va_list args;

    if (!err || err->scope)
        return -1;
    err->scope = scope;
    err->code = code;
    va_start(args, fmt);
    format_into(err->message, sizeof err->message, fmt, args);
    va_end(args);
    return -1;
}

int err_oom(struct err *err)
{
    return err_set(err, ERR_RUN, W0601, "out of memory");
}

int err_incomplete(struct err *err)
{
    if (!err)
        return -1;
    err->scope = 0;
    err->label[0] = err->help[0] = '\0';
    return err_oom(err);
}

/* Fill *at unless it is known already. */
static void keep(struct err *err, char **at, struct str text)
{
    if (*at)
        return;
    *at = str_dup(text);
    if (!*at)
        err_incomplete(err);
}

int err_at(struct err *err, const char *file, uint64_t line, uint64_t column)
{
    if (!err)
        return -1;
    if (file)
        keep(err, &err->file, str_of(file));
    if (line && !err->line) {
        err->line = line;
        err->column = column;
    }
    return -1;
}

int err_at_byte(struct err *err, uint64_t byte)
{
    if (err && !err->has_byte) {
        err->byte = byte;
        err->has_byte = true;
    }
    return -1;
}

int err_in(struct err *err, const char *pointer)
{
    if (err && pointer)
        keep(err, &err->pointer, str_of(pointer));
    return -1;
}

int err_mapping(struct err *err, uint32_t line, uint32_t column, uint32_t len)
{
    if (err && line && !err->map_line) {
        err->map_line = line;
        err->map_column = column;
        err->map_len = len;
    }
    return -1;
}

int err_value(struct err *err, struct str value)
{
    if (err)
        keep(err, &err->value, str_make(value.at, str_cut_utf8(value, VALUE_BYTES_MAX)));
    return -1;
}

int err_label(struct err *err, const char *fmt, ...)
{
    va_list args;

    if (!err || err->label[0])
        return -1;
    va_start(args, fmt);
    format_into(err->label, sizeof err->label, fmt, args);
    va_end(args);
    return -1;
}

int err_help(struct err *err, const char *fmt, ...)
{
    va_list args;

    if (!err || err->help[0])
        return -1;
    va_start(args, fmt);
    format_into(err->help, sizeof err->help, fmt, args);
    va_end(args);
    return -1;
}

void err_release(struct err *err)
{
    free(err->file);
    free(err->pointer);
    free(err->value);
    *err = (struct err){0};
}

void err_move(struct err *to, struct err *from)
{
    err_release(to);
    *to = *from;
    *from = (struct err){0};
}

_Noreturn void err_bug(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "windrow: bug at %s:%d: ", file, line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}
