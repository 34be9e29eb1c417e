/* read/reader_internal.h: what the readers share: the head of each, whole files, and lines through a window. */
#ifndef WINDROW_READ_READER_INTERNAL_H
#define WINDROW_READ_READER_INTERNAL_H

#include "base/buf.h"
#include "read/reader.h"

#include <sys/types.h>

enum { READER_WINDOW = 256 * 1024 };

/* The first member of every reader. */
struct reader {
    const struct reader_ops *ops;
    struct lines *lines;        /* NULL for formats that have none; tests set its window */
    uint64_t consumed, blank, skipped;
};

extern const struct reader_ops reader_json, reader_jsonl, reader_text, reader_bytes, reader_lines, reader_markdown;

/* A new reader of `size` bytes, cleared, with its head filled; NULL when out of memory. */
void *reader_new(const struct reader_ops *ops, size_t size, struct err *err);

/* How large a record may be, and the --memory that this comes from: 0 when the mapping says so. */
struct reader_limit {
    size_t bytes;
    uint64_t memory;
};
struct reader_limit reader_limit(const struct reader_options *options);

/* Say what to raise so that a record of `size` bytes fits. Returns -1. */
int reader_advise(const struct reader_limit *limit, uint64_t size, struct err *err);

/* The first member of readers whose files are one record each. reader_file_start() is their `start`; reader_file_next() reads
 * the file: 1 with *ret filled but for its value, 0 when that was done, -1 on failure. JSON_PADDING bytes follow the text. */
struct file_reader {
    struct reader head;
    struct reader_limit limit;
    struct input in;
    struct buf text;        /* owned by the reader: released when it is closed */
    bool done;
};

int reader_file_start(struct reader *reader, const struct input *in, struct err *err);
int reader_file_next(struct file_reader *file, struct record *ret, struct err *err);

/* `n` bytes at `offset`, or fewer at the end of the file; -1 on failure. */
ssize_t reader_pread(int fd, char *at, size_t n, uint64_t offset, struct err *err);

/* --- lines.c: a file in lines, through a window of bounded size --- */

struct line {
    struct str text;        /* without its LF or CRLF */
    uint64_t byte, line;    /* of its first byte; line from 1 */
    uint64_t size;          /* of a line that is longer than the limit; `text` is then its first KiB. Else 0 */
};

struct lines {
    struct input in;
    struct reader_limit limit;
    size_t window;
    char *at;               /* the window; JSON_PADDING more are allocated */
    size_t capacity, len;
    size_t start;           /* of the next line */
    size_t complete;        /* behind the last line end in the window, or len at the end of the file */
    uint64_t byte;          /* of at[0] in the file */
    uint64_t line;          /* of the next line */
    uint64_t generation;    /* counts the fillings: unchanged means that the window has not moved */
    bool keeping;           /* at[keep] and what follows must stay in the window */
    size_t keep;
    bool skip_first;        /* the first line is the rest of one that begins before in.from */
};

void lines_init(struct lines *l, const struct reader_options *options);
void lines_release(struct lines *l);
void lines_start(struct lines *l, const struct input *in);

/* Step to the next line: 1, 0 at the end of the file, -1. Lent until the next call. A byte order mark at the
 * start of the file is skipped. Lines beyond in.to are given too: it is for the caller to stop. */
int lines_next(struct lines *l, struct line *ret, struct err *err);

/* Where the next line begins. */
static inline uint64_t lines_at(const struct lines *l)
{
    return l->byte + l->start;
}

/* What the window holds of whole lines from `line`, the one read last, on. */
static inline struct str lines_block(const struct lines *l, const struct line *line)
{
    return str_make(line->text.at, (size_t)(l->at + l->complete - line->text.at));
}

/* Keep what begins at `byte` in the window until lines_drop(), whatever is read meanwhile. */
void lines_keep(struct lines *l, uint64_t byte);
void lines_drop(struct lines *l);

/* Give back the line that was read last; the next call gives it again. */
void lines_unread(struct lines *l, const struct line *line);

/* The record of too long a line: fills `ret` and sets `err`. Returns -1. */
int reader_too_long(const struct line *line, const struct reader_limit *limit, struct record *ret, struct err *err);

/* --- front_matter.c --- */

/* YAML text (its first line is `line0` of the file) as a built object in `a`. ERR_RECORD with line and column. */
int front_matter_parse(struct str yaml, uint64_t line0, uint64_t byte0, struct arena *a, struct value *ret,
                       struct err *err);

#endif
