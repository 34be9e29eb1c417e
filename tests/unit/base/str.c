/* Views of bytes: numbers, sizes, UTF-8, nearest words. */
#include "base/err.h"
#include "base/str.h"
#include "tap.h"

static const struct { const char *text; bool good; int64_t n; } integers[] = {
    {"0", true, 0}, {"-1", true, -1}, {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN}, {"9223372036854775808", false, 0}, {"", false, 0},
    {"-", false, 0}, {"1x", false, 0}, {" 1", false, 0}, {"1.0", false, 0},
};

static const struct { const char *text; bool good; uint64_t n; } sizes[] = {
    {"0", true, 0}, {"4096", true, 4096}, {"256M", true, 256ULL << 20}, {"1.5G", true, 3ULL << 29},
    {"64KiB", true, 65536}, {"64kB", true, 65536}, {"M", false, 0}, {"12X", false, 0}, {"-1", false, 0},
};

static const struct { const char *bytes; size_t len, invalid_at; } utf8[] = {
    {"abc", 3, 3}, {"\xc3\xa9", 2, 2}, {"\xf0\x9f\x8e\x89", 4, 4}, {"a\xff", 2, 1}, {"\xc0\x80", 2, 0},
    {"\xed\xa0\x80", 3, 0}, {"\xf4\x90\x80\x80", 4, 0}, {"abcdefgh\xc3", 9, 8}, {"\xe2\x82", 2, 0},
};

int main(void)
{
    static const char *const words[] = {"columns", "key", "where"};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(integers); i++) {
        int64_t n = 0;

        ok(str_parse_int64(str_of(integers[i].text), &n) == integers[i].good && n == integers[i].n, "integer '%s'",
           integers[i].text);
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint64_t n = 0;

        ok(str_parse_size(str_of(sizes[i].text), &n) == sizes[i].good && n == sizes[i].n, "size '%s'", sizes[i].text);
    }
    for (size_t i = 0; i < ARRAY_LEN(utf8); i++)
        is_int((long long)str_utf8_invalid_at(str_make(utf8[i].bytes, utf8[i].len)), (long long)utf8[i].invalid_at,
               "UTF-8 case %zu", i);
    for (size_t max = 0; max < 8; max++) {
        size_t cut = str_cut_utf8(str_of("a\xc3\xa9\xe2\x82\xac"), max);
        static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6};

        is_int((long long)cut, (long long)expected[max], "cut at %zu", max);
    }
    is_str(str_nearest(str_of("colums"), words, 3), "columns", "did you mean");
    ok(str_nearest(str_of("zzzzzz"), words, 3) == NULL, "nothing near");

    err_set(&err, ERR_RECORD, W0412, "first");
    err_set(&err, ERR_RUN, W0601, "second");
    is_str(err.message, "first", "the first failure wins");
    err_at(&err, "a", 1, 2);
    err_at(&err, "b", 3, 4);
    ok(strcmp(err.file, "a") == 0 && err.line == 1, "an outer place hides no inner one");
    err_release(&err);
    return done_testing();
}
