/* read/reader.h: files to records.
 *
 * To add a format: one file, one `struct reader_ops`, one line in registry.c. A broken record is a failure of
 * scope ERR_RECORD after which next() goes on with the following one; a broken file is ERR_FILE. */
#ifndef WINDROW_READ_READER_H
#define WINDROW_READ_READER_H

#include "read/json.h"
#include "read/value.h"

enum { READER_RECORD_MAX = 64 * 1024 * 1024 };

struct reader_options {
    struct json_options json;
    struct str pattern;         /* lines: a PCRE2 regular expression with named groups; empty: the whole line */
    struct str unmatched;       /* lines: "reject" (default), "skip" or "append" (continuation of the record before) */
    size_t record_max;          /* bytes of one record, document or file in memory; 0: READER_RECORD_MAX */
    uint64_t limited_by;        /* the --memory that record_max comes from, for advice; 0: it is the mapping's */
};

/* Where the bytes come from. For jsonl and lines, [from, to) may be a part of the file: records that start in
 * [from, to) are read, to their ends even beyond `to`; when from > 0 the record that is cut by `from` is not.
 * The other formats read the whole file. */
struct input {
    int fd;                     /* read with pread(); belongs to the caller */
    uint64_t size;              /* as of fstat */
    uint64_t from, to;          /* to = size for all of it */
    uint64_t line, index;       /* of the first line that begins in the part, from 1; of its first record, from 0 */
};

struct record {
    struct value value;         /* json: any; jsonl: any; text: string; bytes: string with VALUE_BYTES;
                                   lines: an object of the named groups, or a string; markdown: {front, body} */
    struct str raw;             /* the record as it stands in the file (for rejects) */
    uint64_t line;              /* of its first byte, from 1 */
    uint64_t byte;              /* of its first byte in the file */
    uint64_t index;             /* ordinal among the file's non-blank records, from 0 */
};

struct reader;
struct reader_ops {
    const char *name;
    bool splits;                /* can read a part of a file that starts at a line */
    struct reader *(*open)(const struct reader_options *options, struct err *err);
    /* Start on a file. A reader is opened once and used for many files. */
    int (*start)(struct reader *r, const struct input *in, struct err *err);
    /* 1, 0, -1; lent until the next call. After an ERR_RECORD all of *ret but the value is filled, so that
     * the original bytes can be kept; of a line beyond record_max `raw` is the first KiB. */
    int (*next)(struct reader *r, struct record *ret, struct err *err);
    void (*close)(struct reader *r);
};

/* json, jsonl, text, bytes, lines, markdown; NULL when there is no such format. */
const struct reader_ops *reader_by_name(struct str name);
/* By the ending of a path: .json json, .jsonl .ndjson jsonl, .md .mdx markdown, .txt text, .log lines;
 * NULL when it says nothing. */
const struct reader_ops *reader_by_path(struct str path);
const char *const *reader_names(size_t *n);

/* The part of the file so far consumed, for the ledger: the first byte after the last record given out. */
uint64_t reader_consumed(const struct reader *r);
/* Records that were blank lines, so far. */
uint64_t reader_blank(const struct reader *r);
/* Lines passed over because they do not match and the mapping says `unmatched: skip`, so far. */
uint64_t reader_skipped(const struct reader *r);

/* The column (characters, from 1) and line of `byte`, counted from (line, byte0) over `raw`. For findings. */
void reader_place(struct str raw, uint64_t byte0, uint64_t line0, uint64_t byte, uint64_t *line, uint64_t *column);

#endif
