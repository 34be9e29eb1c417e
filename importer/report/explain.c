/* The entries of base/codes/, laid out; the hundreds have the names that their files open with. */
#include "report/explain.h"

#include "base/str.h"

#include <string.h>

enum { COLUMNS = 80 };

static const char *const hundreds[] = {
    "", "The command line and the target", "The mapping file", "The source, its files and formats", "Values and rows",
    "The database", "The run and its ledger", "Schema versions", "Coverage: what nothing read",
};

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
    for (int i = 1; i < CODE_COUNT; i++)
        fprintf(out, "%s  %s\n", code_entry((enum code)i)->name, code_entry((enum code)i)->title);
    return ferror(out) ? -1 : 0;
}

/* Which hundred a code belongs to, from its name. */
static size_t hundred(int code)
{
    size_t n = (size_t)(code_entry((enum code)code)->name[2] - '0');

    return n < ARRAY_LEN(hundreds) ? n : 0;
}

/* Text of the table: no character of ours may be taken for markup. */
static void plain(const char *text, const char *special, FILE *out)
{
    bool code = false;

    for (; *text; text++) {
        if (*text == '`')
            code = !code;
        if (!code && strchr(special, *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void table(FILE *out)
{
    fputs("| code | meaning |\n|---|---|\n", out);
    for (int i = 1; i < CODE_COUNT; i++) {
        const struct code_entry *e = code_entry((enum code)i);
        char anchor[8];
        size_t n = 0;

        for (; e->name[n] && n + 1 < sizeof anchor; n++)
            anchor[n] = (char)(e->name[n] == 'W' ? 'w' : e->name[n]);
        anchor[n] = '\0';
        fprintf(out, "| [%s](#%s) | ", e->name, anchor);
        plain(e->title, "|<>*_", out);
        fputs(" |\n", out);
    }
}

int explain_markdown(FILE *out)
{
    size_t shown = 0;

    fputs("# Findings\n\nEvery complaint of windrow carries one of these codes. A code is never renumbered and never "
          "reused.\n`windrow explain CODE` prints the same text. This page is generated from `importer/base/codes/`: "
          "`scripts/docs-findings` writes it anew.\n\n", out);
    table(out);
    for (int i = 1; i < CODE_COUNT; i++) {
        const struct code_entry *e = code_entry((enum code)i);

        if (hundred(i) != shown) {
            shown = hundred(i);
            fprintf(out, "\n## %s\n", hundreds[shown]);
        }
        fprintf(out, "\n### %s\n\n**", e->name);
        plain(e->title, "<>*_", out);
        fputs("**\n\n", out);
        for (const char *text = e->text; *text;) {
            size_t len = strcspn(text, "\n");
            char paragraph[4096];

            if (len >= sizeof paragraph)
                len = sizeof paragraph - 1;
            memcpy(paragraph, text, len);
            paragraph[len] = '\0';
            plain(paragraph, "<>*_", out);
            fputs("\n", out);
            text += len;
            text += strspn(text, "\n");
            if (*text)
                fputc('\n', out);
        }
    }
    return ferror(out) ? -1 : 0;
}
