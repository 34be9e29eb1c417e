/* docs/expressions.md promises results: every box of it is run, and every function must stand in it. */
#include "try.h"
#include "expr/internal.h"

/* One example: lines of the expression, then `< input`, then `> result` each, or `! failure`. */
struct example {
    struct buf expr, input, expected;
    bool fails;
};

static void add_line(struct example *x, struct str line)
{
    char mark = line.len > 1 && line.at[1] == ' ' ? line.at[0] : '\0';
    struct buf *to = mark == '<' ? &x->input : mark == '>' || mark == '!' ? &x->expected : &x->expr;

    x->fails |= mark == '!';
    if (to->len)
        buf_add_char(to, to == &x->expr ? '\n' : ' ');
    if (to != &x->expr)
        line = str_make(line.at + 2, line.len - 2);
    buf_add_str(to, line);
}

static void run_example(struct try *t, struct example *x)
{
    const char *got = try_expr(t, buf_text(&x->expr), buf_text(&x->input));

    is_str(x->fails ? t->err.message : got, buf_text(&x->expected), "%s over %s", buf_text(&x->expr),
           buf_text(&x->input));
    if (!x->fails && t->err.scope)
        diag_text("failure", t->err.message);
    buf_release(&x->expr);
    buf_release(&x->input);
    buf_release(&x->expected);
    *x = (struct example){0};
}

static size_t run_boxes(struct try *t, struct str text)
{
    struct example x = {0};
    bool inside = false;
    size_t n = 0;

    while (text.len) {
        const char *end = memchr(text.at, '\n', text.len);
        struct str line = str_make(text.at, end ? (size_t)(end - text.at) : text.len);

        text.at += line.len + (end != NULL);
        text.len -= line.len + (end != NULL);
        if (inside && (line.len == 0 || str_is(line, "```"))) {
            n += x.expr.len > 0;
            if (x.expr.len)
                run_example(t, &x);
            inside = line.len == 0;
        } else if (inside) {
            add_line(&x, line);
        } else {
            inside = str_is(line, "```expression");
        }
    }
    return n;
}

static bool mentions(const struct buf *text, const char *name)
{
    char plain[64], call[64];

    snprintf(plain, sizeof plain, "`%s`", name);
    snprintf(call, sizeof call, "`%s(", name);
    return strstr(text->at, plain) || strstr(text->at, call);
}

int main(void)
{
    struct buf text = BUF_INIT;
    struct try t;
    const char *name;

    try_start(&t);
    if (ok(try_read_file("docs/expressions.md", &text), "docs/expressions.md can be read")) {
        ok(run_boxes(&t, buf_str(&text)) >= 25, "there are examples");
        for (size_t i = 0; (name = expr_function_name(i)); i++)
            ok(mentions(&text, name), "%s stands in docs/expressions.md", name);
    }
    buf_release(&text);
    try_end(&t);
    return done_testing();
}
