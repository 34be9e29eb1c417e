/* Failures of a running expression, kept apart from `struct err` because most of them are caught again. */
#include "expr/internal.h"

#include <stdarg.h>
#include <stdio.h>

static void fault_begin(struct run *r, const struct expr_node *n, enum code code, const struct value *culprit)
{
    r->fault.code = code;
    r->fault.fatal = r->fault.thrown_given = false;
    r->fault.at = n ? n->at : 0;
    r->fault.len = n ? n->len : 0;
    r->fault.culprit = culprit ? *culprit : value_absent();
    r->fault.message[0] = r->fault.help[0] = '\0';
}

static void cut(char *text, size_t size)
{
    if (strlen(text) == size - 1)
        text[str_cut_utf8(str_make(text, size - 1), size - 1)] = '\0';
}

int expr_fail(struct run *r, const struct expr_node *n, enum code code, const struct value *culprit, const char *fmt,
              ...)
{
    va_list args;

    fault_begin(r, n, code, culprit);
    if (r->quiet)
        return -1;
    va_start(args, fmt);
    vsnprintf(r->fault.message, sizeof r->fault.message, fmt, args);
    va_end(args);
    cut(r->fault.message, sizeof r->fault.message);
    return -1;
}

int expr_fatal(struct run *r, const struct expr_node *n, enum code code, const char *fmt, ...)
{
    va_list args;

    fault_begin(r, n, code, NULL);
    r->fault.fatal = true;
    va_start(args, fmt);
    vsnprintf(r->fault.message, sizeof r->fault.message, fmt, args);
    va_end(args);
    cut(r->fault.message, sizeof r->fault.message);
    return -1;
}

/* *err says it already. */
int expr_carried(struct run *r)
{
    fault_begin(r, NULL, CODE_NONE, NULL);
    r->fault.fatal = true;
    return -1;
}

int expr_oom(struct run *r)
{
    err_oom(r->err);
    return expr_carried(r);
}

int expr_help(struct run *r, const char *fmt, ...)
{
    va_list args;

    if (r->quiet)
        return -1;
    va_start(args, fmt);
    vsnprintf(r->fault.help, sizeof r->fault.help, fmt, args);
    va_end(args);
    return -1;
}

const char *expr_show(struct run *r, const struct value *v, struct expr_shown *out)
{
    enum { SHOWN_BYTES = 40 };
    struct expr_fault kept = r->fault;
    struct text t = {.r = r};
    uint16_t flags = 0;
    struct str s;

    if (r->quiet) {
        out->text[0] = '\0';
        return out->text;
    }
    snprintf(out->text, sizeof out->text, "%s", value_type_name(v));
    if (v->type == VALUE_NULL || v->type == VALUE_ABSENT || v->type == VALUE_ARRAY || v->type == VALUE_OBJECT)
        return out->text;
    if (expr_put_json(&t, v, &flags) < 0) {
        r->fault = kept;
        return out->text;
    }
    s = text_str(&t);
    if (s.len <= SHOWN_BYTES)
        snprintf(out->text, sizeof out->text, "%s (%.*s)", value_type_name(v), STR_ARG(s));
    else
        snprintf(out->text, sizeof out->text, "%s (%.*s...)", value_type_name(v), (int)str_cut_utf8(s, SHOWN_BYTES),
                 s.at);
    return out->text;
}

int expr_out_of_steps(struct run *r, const struct expr_node *n)
{
    return expr_fatal(r, n, W0433, "the expression takes more than %d steps", EXPR_STEPS_MAX);
}

int expr_charge(struct run *r, const struct expr_node *n, size_t steps)
{
    if (steps > EXPR_STEPS_MAX || (r->steps += (uint32_t)steps) > EXPR_STEPS_MAX)
        return expr_out_of_steps(r, n);
    return 0;
}
