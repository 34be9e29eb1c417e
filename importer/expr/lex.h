/* expr/lex.h: the words of an expression, one at a time. */
#ifndef WINDROW_EXPR_LEX_H
#define WINDROW_EXPR_LEX_H

#include "base/err.h"
#include "base/str.h"

/* Single characters stand for themselves. */
enum {
    TOKEN_END = 256,
    TOKEN_WORD,         /* text: a function or keyword */
    TOKEN_NAME,         /* $text */
    TOKEN_FIELD,        /* .text */
    TOKEN_NUMBER,
    TOKEN_FORMAT,       /* @text */
    TOKEN_LEVELS,       /* text: ^, ^^, ... */
    TOKEN_QUOTE,        /* the opening quote of a string; the parser reads on with expr_lex_string() */
    TOKEN_ALTERNATIVE,  /* // */
    TOKEN_EQ, TOKEN_NE, TOKEN_LE, TOKEN_GE,
    TOKEN_ASSIGN,       /* =, |=, +=, ... : refused by the parser */
    TOKEN_RECURSE       /* .. : the same */
};

struct lexer {
    struct str text;
    size_t at;          /* behind the token */
    int token;
    uint32_t from;      /* where the token begins */
    struct str word;    /* without . $ @ */
    bool hyphens;       /* in paths: fields and names may hold - and @ */
};

/* Step to the next token. -1 with a fault (err->byte, err->map_len) on a character that begins none. */
int expr_lex_next(struct lexer *l, struct err *err);

/* Within a string, from l->at: append decoded text to `out`. 1 at \( (l->at behind it), 0 at the closing quote
 * (behind it), -1 with a fault. `out` has room for all that is left of the text. */
int expr_lex_string(struct lexer *l, char *out, size_t *len, struct err *err);

#endif
