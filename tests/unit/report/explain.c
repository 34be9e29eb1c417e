/* docs/findings.md is what the codes say now. With --print, writes the page (scripts/docs-findings). */
#include "report/explain.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "report/escape.h"
#include "tap.h"

#include <stdlib.h>

/* The repository, from this file's own path. */
static void page_path(char *ret, size_t size)
{
    static const char here[] = __FILE__, tail[] = "tests/unit/report/explain.c";

    snprintf(ret, size, "%.*sdocs/findings.md", (int)(sizeof here - sizeof tail), here);
}

static void test_page(void)
{
    CLEANUP(free_ptr) char *made = NULL;
    CLEANUP(close_file) FILE *committed = NULL;
    CLEANUP(buf_release) struct buf page = BUF_INIT;
    size_t len = 0;
    FILE *out = open_memstream(&made, &len);
    char path[4096];

    ok(out && explain_markdown(out) == 0 && fclose(out) == 0, "the page is made");
    page_path(path, sizeof path);
    committed = fopen(path, "re");
    ok(committed && buf_read_fd(&page, fileno(committed), 1 << 24, NULL) == 0, "docs/findings.md is there");
    ok(str_eq(buf_str(&page), str_make(made, len)), "docs/findings.md is current (else run scripts/docs-findings)");
}

static void test_entries(void)
{
    for (int i = 1; i < CODE_COUNT; i++) {
        const struct code_entry *e = code_entry((enum code)i);
        CLEANUP(buf_release) struct buf shown = BUF_INIT;
        size_t len = strlen(e->text);

        escape_text(&shown, str_of(e->title));
        is_str(buf_text(&shown), e->title, "%s: the title is plain text", e->name);
        ok(e->title[0] && !strchr(".!;,", e->title[strlen(e->title) - 1]), "%s: the title is a phrase",
           e->name);
        ok(len > 30 && len < 4096 && strchr(".)\"", e->text[len - 1]), "%s: the explanation is in sentences", e->name);
        ok(code_by_name(e->name) == (enum code)i && code_by_name(e->name + 1) == (enum code)i, "%s: found by its name",
           e->name);
    }
}

static void test_text(void)
{
    CLEANUP(free_ptr) char *text = NULL;
    size_t len = 0, longest = 0;
    FILE *out = open_memstream(&text, &len);

    ok(out && explain_text(W0412, out) == 0 && fclose(out) == 0, "a code is explained");
    ok(strncmp(text, "W0412: value does not fit the column\n\n", 38) == 0, "name and title first");
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");

        longest = n > longest ? n : longest;
        line += n + (line[n] == '\n');
    }
    ok(longest <= 80 && longest > 60, "wrapped at 80 columns");
}

static void test_list(void)
{
    CLEANUP(free_ptr) char *text = NULL;
    size_t len = 0;
    int lines = 0;
    FILE *out = open_memstream(&text, &len);

    ok(out && explain_list(out) == 0 && fclose(out) == 0, "the codes are listed");
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    is_int(lines, CODE_COUNT - 1, "each has a line");
}

static void test_full_disk(void)
{
    FILE *full = fopen("/dev/full", "we");

    if (!full)
        return;
    setvbuf(full, NULL, _IONBF, 0);
    ok(explain_markdown(full) < 0, "a failed write is a failure");
    fclose(full);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--print") == 0)
        return explain_markdown(stdout) < 0 || fclose(stdout) != 0;
    test_page();
    test_entries();
    test_text();
    test_list();
    test_full_disk();
    return done_testing();
}
