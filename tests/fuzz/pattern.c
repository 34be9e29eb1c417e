/* A pattern, a newline, a path: captures lie in the path, and what they are put into matches again. */
#include "fuzz.h"

#include "source/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str captures[PATTERN_CAPTURES_MAX], text, path;
    struct buf made = BUF_INIT;
    struct err err = {0};
    struct pattern *p;

    fuzz_split(data, size, &text, &path);
    p = pattern_new(text, &err);
    if (!p) {
        MUST(err.message[0] && err.has_byte && err.byte <= text.len);
        err_release(&err);
        return 0;
    }
    MUST(str_eq(pattern_text(p), text));
    pattern_match_skip(p, path);
    if (pattern_match(p, path, captures)) {
        for (size_t i = 0; i < pattern_captures(p); i++)
            MUST(captures[i].at >= path.at && captures[i].at + captures[i].len <= path.at + path.len);
        if (pattern_expand(p, captures, &made))
            MUST(str_eq(buf_str(&made), path));
    }
    buf_release(&made);
    pattern_free(p);
    return 0;
}
