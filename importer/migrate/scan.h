/* migrate/scan.h: SQL text cut into tokens and statements, the way the server itself would read it.
 *
 * Knows what a semicolon means nothing in: strings (with PostgreSQL's E'', U&'' and $tag$ forms), quoted names,
 * comments (nested in PostgreSQL), parentheses, BEGIN ATOMIC bodies of functions, BEGIN ... END of SQLite's triggers.
 * Works on bytes in place; everything handed out is lent from the text. Never reads beyond its end. */
#ifndef WINDROW_MIGRATE_SCAN_H
#define WINDROW_MIGRATE_SCAN_H

#include "base/err.h"
#include "base/str.h"
#include "sink/db.h"

enum scan_kind {
    SCAN_WORD = 1,      /* keyword or bare name */
    SCAN_NAME,          /* quoted name, with its quotes */
    SCAN_STRING,        /* with its quotes and prefix */
    SCAN_NUMBER,
    SCAN_SIGN           /* one byte */
};

struct scan_token {
    enum scan_kind kind;
    struct str text;
    size_t at;          /* byte in the text */
};

struct scan {
    struct str sql;
    size_t at;
    enum db_engine engine;
};

/* The next token, comments and white space passed over: 1, 0 at the end, -1 for one that never ends (W0701, with
 * line, column and byte of its beginning). */
int scan_token(struct scan *s, struct scan_token *ret, struct err *err);

enum { SCAN_WORDS = 8 };

struct scan_statement {
    struct str text;                    /* from the first token up to the semicolon, which is left out */
    size_t at;
    uint64_t line, column;              /* of the first token, from 1; columns count characters */
    struct scan_token words[SCAN_WORDS];    /* the first tokens */
    size_t n_words;
};

/* The next statement that has a token at all: 1, 0 at the end, -1. */
int scan_statement(struct scan *s, struct scan_statement *ret, struct err *err);

/* Is the token this bare word, in any case? */
bool scan_is(const struct scan_token *t, const char *word);

/* Line and column (characters) of a byte. */
void scan_place(struct str sql, size_t at, uint64_t *ret_line, uint64_t *ret_column);

/* The statement with comments and layout left out: what a checksum is taken of. Appended. */
int scan_normal(struct str text, enum db_engine engine, struct buf *out, struct err *err);

#endif
