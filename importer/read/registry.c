/* The table of formats: one line each. */
#include "read/reader_internal.h"

static const struct reader_ops *const readers[] = {
    &reader_json, &reader_jsonl, &reader_text, &reader_bytes, &reader_lines, &reader_markdown,
};

static const char *const names[] = {"json", "jsonl", "text", "bytes", "lines", "markdown"};

static const struct { const char *ending, *name; } endings[] = {
    {".json", "json"}, {".jsonl", "jsonl"}, {".ndjson", "jsonl"}, {".md", "markdown"}, {".mdx", "markdown"},
    {".txt", "text"}, {".log", "lines"},
};

const struct reader_ops *reader_by_name(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        if (str_is(name, readers[i]->name))
            return readers[i];
    }
    return NULL;
}

const struct reader_ops *reader_by_path(struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (str_ends(path, str_of(endings[i].ending)))
            return reader_by_name(str_of(endings[i].name));
    }
    return NULL;
}

const char *const *reader_names(size_t *n)
{
    *n = ARRAY_LEN(names);
    return names;
}
