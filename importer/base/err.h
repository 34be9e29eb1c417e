/* base/err.h: what failed, how much must stop, and where.
 *
 * One type carries every failure, from a bad digit to a lost server. `struct err e = {0}` is ready to use.
 * Whoever detects a failure sets scope, code and message; callers add the place they know and pass it on;
 * only run/ acts on the scope. */
#ifndef WINDROW_BASE_ERR_H
#define WINDROW_BASE_ERR_H

#include "base/code.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum err_scope { ERR_RECORD = 1, ERR_FILE, ERR_RUN };

struct err {
    enum err_scope scope;   /* 0 while nothing has failed */
    enum code code;
    uint64_t line, column;  /* in the data, from 1; 0 when unknown. Columns count characters */
    uint64_t byte;          /* in the data, from 0; meaningful when has_byte */
    bool has_byte;
    uint32_t map_line, map_column, map_len; /* in the mapping, from 1; 0 when unknown */
    char *file, *pointer;   /* owned; pointer is a JSON Pointer such as /lines/2/qty */
    char *value;            /* owned; the offending value, cut, still unescaped; NULL when there is none */
    char sqlstate[6];       /* set by sink/ when the server gave one */
    char label[80];         /* the text beside the caret, such as "expected integer" */
    char message[320];      /* inline, so "out of memory" can be said; cut between characters */
    char help[240];         /* what to do; empty when there is nothing to say */
};

/* Record a failure; the first one wins, later calls change nothing. Always returns -1. `err` may be NULL. */
int err_set(struct err *err, enum err_scope scope, enum code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Out of memory: an ERR_RUN. Always returns -1. */
int err_oom(struct err *err);

/* Memory ended while something was to be added: half an address would pass for a whole one, so the failure is that of memory now.
 * The functions below do this themselves. Always returns -1. */
int err_incomplete(struct err *err);

/* Add the place. All fill only what is still empty, so an outer layer never hides an inner one. Return -1. */
int err_at(struct err *err, const char *file, uint64_t line, uint64_t column);
int err_at_byte(struct err *err, uint64_t byte);
int err_in(struct err *err, const char *pointer);
int err_mapping(struct err *err, uint32_t line, uint32_t column, uint32_t len);

/* Add the value in question (cut to a bound), the text beside the caret, the way out. Return -1. */
int err_value(struct err *err, struct str value);
int err_label(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_help(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Make it as if nothing had failed; free what is owned. */
void err_release(struct err *err);

/* Move *from into *to (released first); *from is empty afterwards. */
void err_move(struct err *to, struct err *from);

/* Our own mistakes: print and abort, in every build. No input, however strange, may reach it. */
#define BUG(...) err_bug(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void err_bug(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
