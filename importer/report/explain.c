/* The entries of base/codes/, laid out; the hundreds have the names that their files open with. */
#include "report/explain.h"

#include "base/str.h"

#include <string.h>

enum { COLUMNS = 80 };

static const char *const hundreds[] = {
    "", "The command line and the target", "The mapping file", "The source, its files and formats", "Values and rows",
    "The database", "The run and its ledger", "Schema versions", "Coverage: what nothing read",
    "Upkeep", "Fixtures",
};

/* The codes by name: files of codes grow in the order in which people think of them. */
static void by_name(enum code order[CODE_COUNT])
{
    for (int i = 1; i < CODE_COUNT; i++) {
        int at = i;

        for (; at > 1 && strcmp(code_entry(order[at - 1])->name, code_entry((enum code)i)->name) > 0; at--)
            order[at] = order[at - 1];
        order[at] = (enum code)i;
    }
}

/* Words wrapped at COLUMNS; a line end in the text is a paragraph's end. Words are never broken. */
static void wrap(const char *text, FILE *out)
{
    size_t column = 0;

    while (*text) {
        size_t len = strcspn(text, " \n");

        if (column && column + 1 + len > COLUMNS) {
            fputc('\n', out);
            column = 0;
        }
        if (column && len) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, len, out);
        column += len;
        text += len;
        if (*text == '\n') {
            fputs("\n\n", out);
            column = 0;
            text += strspn(text, "\n ");
        }
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

int explain_text(enum code code, FILE *out)
{
    const struct code_entry *e = code_entry(code);

    fprintf(out, "%s: %s\n\n", e->name, e->title);
    wrap(e->text, out);
    return ferror(out) ? -1 : 0;
}

int explain_list(FILE *out)
{
    enum code order[CODE_COUNT];

    by_name(order);
    for (int i = 1; i < CODE_COUNT; i++)
        fprintf(out, "%s  %s\n", code_entry(order[i])->name, code_entry(order[i])->title);
    return ferror(out) ? -1 : 0;
}

/* Which hundred a code belongs to, from its name. */
static size_t hundred(enum code code)
{
    const char *name = code_entry(code)->name;
    size_t n = (size_t)(10 * (name[1] - '0') + name[2] - '0');

    return n < ARRAY_LEN(hundreds) ? n : 0;
}

/* Text of the table: no character of ours may be taken for markup. */
static void plain(const char *text, size_t len, const char *special, FILE *out)
{
    bool code = false;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '`')
            code = !code;
        if (!code && strchr(special, text[i]))
            fputc('\\', out);
        fputc(text[i], out);
    }
}

static void table(const enum code *order, FILE *out)
{
    fputs("| code | meaning |\n|---|---|\n", out);
    for (int i = 1; i < CODE_COUNT; i++) {
        const struct code_entry *e = code_entry(order[i]);

        fprintf(out, "| [%s](#w%s) | ", e->name, e->name + 1);
        plain(e->title, strlen(e->title), "|<>*_", out);
        fputs(" |\n", out);
    }
}

/* Line ends in the text part paragraphs. */
static void paragraphs(const char *text, FILE *out)
{
    for (; *text; text++) {
        size_t len = strcspn(text, "\n");

        plain(text, len, "<>*_", out);
        fputs(text[len] ? "\n\n" : "\n", out);
        text += len;
        if (!*text)
            break;
    }
}

int explain_markdown(FILE *out)
{
    enum code order[CODE_COUNT];
    size_t shown = 0;

    by_name(order);
    fputs("# Findings\n\nEvery complaint of windrow carries one of these codes. A code is never renumbered and never "
          "reused.\n`windrow explain CODE` prints the same text. This page is generated from `importer/base/codes/`: "
          "`scripts/docs-findings` writes it anew.\n\n", out);
    table(order, out);
    for (int i = 1; i < CODE_COUNT; i++) {
        const struct code_entry *e = code_entry(order[i]);

        if (hundred(order[i]) != shown) {
            shown = hundred(order[i]);
            fprintf(out, "\n## %s\n", hundreds[shown]);
        }
        fprintf(out, "\n### %s\n\n**", e->name);
        plain(e->title, strlen(e->title), "<>*_", out);
        fputs("**\n\n", out);
        paragraphs(e->text, out);
    }
    return ferror(out) ? -1 : 0;
}
