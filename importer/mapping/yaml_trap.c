/* What the author meant when YAML says "did not find expected key": paths, patterns and expressions use
 * characters that YAML takes for its own, and the answer is nearly always to quote the value. */
#include "mapping/yaml_internal.h"

#include <stdarg.h>
#include <stdio.h>

static char char_at(const struct yaml_source *s, size_t at)
{
    return at < s->text.len ? s->text.at[at] : '\n';
}

static size_t line_start(const struct yaml_source *s, size_t at)
{
    while (at > 0 && s->text.at[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(const struct yaml_source *s, size_t at)
{
    while (at < s->text.len && s->text.at[at] != '\n' && s->text.at[at] != '\r')
        at++;
    return at;
}

/* The last character before `at` on its line that is no blank, or `at` itself when there is none. */
static size_t before(const struct yaml_source *s, size_t at)
{
    size_t i = at;

    while (i > 0 && strchr(" \t", s->text.at[i - 1]))
        i--;
    return i > 0 && s->text.at[i - 1] != '\n' ? i - 1 : at;
}

static bool tab_in_indentation(const struct yaml_source *s, size_t at, size_t *tab)
{
    for (size_t i = line_start(s, at); i < s->text.len && strchr(" \t", s->text.at[i]); i++) {
        if (s->text.at[i] == '\t') {
            *tab = i;
            return true;
        }
    }
    return false;
}

/* Where the bracket that closes at `close` was opened on the same line, or `close`. */
static size_t opening(const struct yaml_source *s, size_t close)
{
    char closing = s->text.at[close], opens = closing == '}' ? '{' : '[';
    size_t start = line_start(s, close);
    int open = 0;

    for (size_t i = close + 1; i-- > start;) {
        open += s->text.at[i] == closing;
        open -= s->text.at[i] == opens;
        if (open == 0)
            return i;
    }
    return close;
}

/* Where the value that the author meant ends: at the end of the line or a comment, in flow style at a ',' or bracket
 * that is not part of it. */
static size_t meant_end(const struct yaml_source *s, size_t start, bool in_flow)
{
    size_t end = line_end(s, start), i;
    bool string = false;
    int depth = 0;

    for (i = start; i < end; i++) {
        char c = s->text.at[i];

        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (string)
            continue;
        else if (c == '#' && i > start && strchr(" \t", s->text.at[i - 1]))
            break;
        else if (strchr("([{", c))
            depth++;
        else if (strchr(")]}", c) && --depth < 0 && in_flow)
            break;
        else if (c == ',' && depth == 0 && in_flow)
            break;
    }
    i = i < end ? i : end;
    while (i > start && strchr(" \t", s->text.at[i - 1]))
        i--;
    return i;
}

/* The whole value in single quotes, when it is short enough to be read as an example. */
static void suggest(struct err *e, struct str value)
{
    char quoted[sizeof e->help - sizeof "write ''"];
    size_t n = 0;

    for (size_t i = 0; i < value.len; i++) {
        if (n + 2 >= sizeof quoted)
            return;
        if (value.at[i] == '\'')
            quoted[n++] = '\'';
        quoted[n++] = value.at[i];
    }
    quoted[n] = '\0';
    if (n)
        err_help(e, "write '%s'", quoted);
}

void yaml_trap_quote(const struct yaml_source *s, struct mapping_faults *faults, size_t start, bool in_flow,
                     const char *why, ...)
{
    size_t end = meant_end(s, start, in_flow);
    char reason[200];
    va_list args;
    struct err *e;

    va_start(args, why);
    vsnprintf(reason, sizeof reason, why, args);
    va_end(args);
    e = yaml_source_fault(s, faults, start, yaml_source_width(s, start, end), W0203, "quote this: %s", reason);
    suggest(e, str_make(s->text.at + start, end - start));
}

static bool expected_something(const struct yaml_refusal *why)
{
    return strncmp(why->problem, "did not find expected", 21) == 0 ||
           strncmp(why->problem, "could not find expected", 23) == 0;
}

/* {path: .a[0]}: in flow style the value ended at the bracket. */
static bool cut_in_flow(const struct yaml_source *s, const struct yaml_refusal *why, struct mapping_faults *faults)
{
    char c = char_at(s, why->at);
    size_t end = why->last_end;

    if (!why->has_last || !why->last_plain || !why->last_in_flow || !strchr("[]{}", c) || end > why->at)
        return false;
    while (end < why->at && strchr(" \t\r\n", s->text.at[end]))
        end++;
    if (end != why->at)
        return false;
    yaml_trap_quote(s, faults, why->last, true, "in { } and [ ] an unquoted value ends at '%c'", c);
    return true;
}

/* from: {sender}/x.json, expr: "a" + .b, expr: [.a] | join(","): the value ended where its beginning was closed. */
static bool goes_on_after_closing(const struct yaml_source *s, const struct yaml_refusal *why,
                                  struct mapping_faults *faults)
{
    bool pipe = why->context && strstr(why->context, "block scalar");   /* expr: [.a] | first */
    size_t at = pipe ? why->context_at : why->at, last = before(s, at), start;
    char c = char_at(s, last);

    if (last == at || strchr(",]}\n", char_at(s, at)))
        return false;
    if (c == '}' || c == ']') {
        start = opening(s, last);
        if (start == last)
            return false;
        yaml_trap_quote(s, faults, start, why->in_flow,
                        "a value that begins with '%c' is a %s in YAML and ends at its '%c'", s->text.at[start],
                        c == '}' ? "map" : "list", c);
        return true;
    }
    if (why->has_last && !why->last_plain && last + 1 == why->last_end && (c == '"' || c == '\'')) {
        yaml_trap_quote(s, faults, why->last, why->last_in_flow,
                        "the value begins with a quote, and YAML ends it at the next one");
        return true;
    }
    return false;
}

static bool second_colon(const struct yaml_source *s, const struct yaml_refusal *why, struct mapping_faults *faults)
{
    size_t start = line_start(s, why->at), value = start;

    if (strcmp(why->problem, "mapping values are not allowed in this context") != 0)
        return false;
    while (value < why->at && !(s->text.at[value] == ':' && strchr(" \t", char_at(s, value + 1))))
        value++;
    if (value >= why->at)
        return false;
    for (value++; strchr(" \t", char_at(s, value));)
        value++;
    yaml_trap_quote(s, faults, value, false, "': ' ends a key in YAML, also in the middle of a value");
    return true;
}

static bool bad_start(const struct yaml_source *s, const struct yaml_refusal *why, struct mapping_faults *faults)
{
    bool alias = why->context && (strstr(why->context, "alias") || strstr(why->context, "anchor") ||
                                  strstr(why->context, "tag") || strstr(why->context, "directive"));
    size_t at = alias ? why->context_at : why->at;
    char c = char_at(s, at);
    const char *meaning = c == '*' ? "an alias" : c == '&' ? "an anchor" : c == '!' ? "a tag" : "a directive";

    if (alias && c == '%' && at == line_start(s, at)) {
        yaml_source_fault(s, faults, at, 0, W0202, "no directives in a mapping");
        return true;
    }
    if (alias && strchr("*&!%", c)) {
        yaml_trap_quote(s, faults, at, why->in_flow, "a value that begins with '%c' is %s in YAML", c, meaning);
        return true;
    }
    if (strcmp(why->problem, "found character that cannot start any token") != 0 || !strchr("@`%", c))
        return false;
    yaml_trap_quote(s, faults, at, why->in_flow, "a value cannot begin with '%c' in YAML", c);
    return true;
}

/* What is not closed is shown where it was opened. */
static bool not_closed(const struct yaml_source *s, const struct yaml_refusal *why, struct mapping_faults *faults)
{
    size_t at = why->at;

    while (at < s->text.len && strchr(" \t\r\n", s->text.at[at]))
        at++;
    if (at < s->text.len || !why->context || !strchr("\"'[{", char_at(s, why->context_at)))
        return false;
    yaml_source_fault(s, faults, why->context_at, 0, W0201, "this %c is not closed", s->text.at[why->context_at]);
    return true;
}

void yaml_trap_refused(const struct yaml_source *s, const struct yaml_refusal *why, struct mapping_faults *faults)
{
    uint32_t line, column;
    size_t tab;

    if (tab_in_indentation(s, why->at, &tab)) {
        yaml_source_fault(s, faults, tab, 0, W0201, "a tab in the indentation; YAML indents with spaces only");
        return;
    }
    if (bad_start(s, why, faults) || second_colon(s, why, faults) || not_closed(s, why, faults))
        return;
    if (expected_something(why) && (cut_in_flow(s, why, faults) || goes_on_after_closing(s, why, faults)))
        return;
    if (!why->context) {
        yaml_source_fault(s, faults, why->at, 0, W0201, "not YAML: %s", why->problem);
        return;
    }
    yaml_source_place(s, why->context_at, &line, &column);
    yaml_source_fault(s, faults, why->at, 0, W0201, "not YAML: %s, %s that begins at %u:%u", why->problem, why->context,
                      line, column);
}

/* An expression whose string or parenthesis is still open. */
static bool is_open(struct str text)
{
    bool string = false;
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (string && text.at[i] == '\\')
            i++;
        else if (text.at[i] == '"')
            string = !string;
        else if (!string)
            depth += (text.at[i] == '(') - (text.at[i] == ')');
    }
    return string || depth > 0;
}

char yaml_trap_cut(const struct yaml_source *s, struct str text, size_t end, bool in_flow)
{
    size_t i = end;

    while (i < s->text.len && strchr(" \t", s->text.at[i]))
        i++;
    if (!(char_at(s, i) == ',' && in_flow) && !(char_at(s, i) == '#' && i > end))
        return 0;
    return is_open(text) ? s->text.at[i] : 0;
}
