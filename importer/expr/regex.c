/* test, match, capture, scan, splits, sub and gsub on PCRE2, with jq's flags and answers.
 *
 * Constant patterns are compiled once and shared by all threads; what a match needs besides lives only as long as
 * the call. Backtracking has limits, so that no pattern runs away. */
#include "expr/internal.h"
#include "expr/functions.h"

#include "base/cleanup.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { MATCH_LIMIT = 2000000, HEAP_LIMIT_KB = 20000, PATTERN_MAX = 20000 };

struct expr_regex {
    pcre2_code *code;
    pcre2_match_context *limits;
    bool global, skip_empty;
    uint32_t groups;
    const char **names;     /* of group 1, 2, ...; NULL when it has none */
    char *name_text;
};

/* --- compiling --------------------------------------------------------------------------------------------- */

void expr_regex_free(struct expr_regex *re)
{
    if (!re)
        return;
    pcre2_code_free(re->code);
    pcre2_match_context_free(re->limits);
    free(re->names);
    free(re);
}

static void free_regex(struct expr_regex **re) { expr_regex_free(*re); }

/* The letter that is no flag, or '\0'. */
static char read_flags(struct str flags, struct expr_regex *re, uint32_t *options)
{
    for (size_t i = 0; i < flags.len; i++) {
        switch (flags.at[i]) {
        case 'g': re->global = true; break;
        case 'n': re->skip_empty = true; break;
        case 'i': *options |= PCRE2_CASELESS; break;
        case 'x': *options |= PCRE2_EXTENDED; break;
        case 'p': *options |= PCRE2_DOTALL; break;
        case 's': break;
        default: return flags.at[i];
        }
    }
    return '\0';
}

static int read_names(struct expr_regex *re)
{
    uint32_t count = 0, size = 0;
    PCRE2_SPTR table = NULL;

    pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &re->groups);
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &table);
    re->names = calloc(re->groups + 1, sizeof *re->names);
    if (!re->names)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t group = (uint32_t)table[i * size] << 8 | table[i * size + 1];

        re->names[group - 1] = (const char *)table + i * size + 2;
    }
    return 0;
}

/* NULL with `why` and *where in the pattern; `why` is empty when out of memory. */
static struct expr_regex *regex_new(struct str pattern, struct str flags, char why[200], size_t *where)
{
    CLEANUP(free_regex) struct expr_regex *re = calloc(1, sizeof *re);
    struct expr_regex *made;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C;
    int code = 0;
    char letter;

    why[0] = '\0';
    *where = 0;
    if (!re)
        return NULL;
    letter = read_flags(flags, re, &options);
    if (letter) {
        snprintf(why, 200, "there is no flag '%c'; there are g, i, n, p, s and x",
                 letter >= ' ' && letter < 127 ? letter : '?');
        return NULL;
    }
    if (pattern.len > PATTERN_MAX) {
        snprintf(why, 200, "longer than %d bytes", PATTERN_MAX);
        return NULL;
    }
    re->code = pcre2_compile((PCRE2_SPTR)(pattern.len ? pattern.at : ""), pattern.len, options, &code, where, NULL);
    if (!re->code) {
        if (code != PCRE2_ERROR_HEAP_FAILED)
            pcre2_get_error_message(code, (PCRE2_UCHAR *)why, 200);
        return NULL;
    }
    re->limits = pcre2_match_context_create(NULL);
    if (!re->limits || read_names(re) < 0)
        return NULL;
    pcre2_set_match_limit(re->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(re->limits, HEAP_LIMIT_KB);
    pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);    /* without it, matching is only slower */
    made = re;
    re = NULL;
    return made;
}

static uint32_t flags_at(const struct expr_node *n)
{
    bool replaces = strcmp(n->function->name, "sub") == 0 || strcmp(n->function->name, "gsub") == 0;

    return replaces ? 2 : 1;
}

static bool constant_text(const struct expr_node *n, struct str *ret)
{
    if (n->op != OP_CONSTANT || n->constant.type != VALUE_STRING)
        return false;
    *ret = n->constant.text;
    return true;
}

int expr_regex_prepare(struct checker *c, struct expr_node *n)
{
    struct str pattern, flags = {"", 0};
    bool spreads = n->function->kind == FUNCTION_SPREAD, constant_flags = n->n <= flags_at(n);
    char why[200];
    size_t where;

    if (!constant_flags)
        constant_flags = constant_text(n->kids[flags_at(n)], &flags);
    if (spreads && !n->kids[0]->many && constant_flags && !(flags.len && memchr(flags.at, 'g', flags.len)) &&
        strcmp(n->function->name, "splits") != 0 && strcmp(n->function->name, "scan") != 0)
        n->many = false;
    if (!constant_flags || !expr_known_text(n->kids[0], &pattern))
        return 0;
    n->regex = regex_new(pattern, flags, why, &where);
    if (n->regex)
        return expr_hold(c, n);
    if (!why[0])
        return err_oom(c->err);
    if (n->kids[0]->op != OP_CONSTANT)      /* it may never be asked for */
        return 0;
    expr_bad(c->err, n->kids[0]->at, n->kids[0]->len, W0235, "%s", why);
    return err_help(c->err, "at character %zu of the regular expression",
                    expr_rune_count(str_make(pattern.at, where)) + 1);
}

/* The compiled expression: the prepared one, or one made for this call, which *own then holds. */
static const struct expr_regex *regex_of(struct run *r, const struct expr_node *n, const struct value *pattern,
                                         const struct value *flags, struct expr_regex **own)
{
    struct str p, f = {"", 0};
    char why[200];
    size_t where;

    if (n->regex)
        return n->regex;
    if (expr_text(r, n, pattern, "a regular expression", &p) < 0 ||
        (flags && flags->type != VALUE_NULL && expr_text(r, n, flags, "a flag", &f) < 0) || expr_charge(r, n, 50) < 0)
        return NULL;
    *own = regex_new(p, f, why, &where);
    if (!*own && why[0])
        expr_fail(r, n, W0437, pattern, "%s, at character %zu of the regular expression", why,
                  expr_rune_count(str_make(p.at, where)) + 1);
    else if (!*own)
        expr_oom(r);
    return *own;
}

/* --- matching ---------------------------------------------------------------------------------------------- */

struct matches {
    struct run *r;
    const struct expr_node *n;
    const struct expr_regex *re;
    pcre2_match_data *data;
    struct str s;
    const struct value *in;
    size_t next;            /* where the search goes on; beyond s.len: nowhere */
    size_t *ends;           /* from, to of every group; PCRE2_UNSET */
    size_t seen, runes;     /* code points before byte `seen` */
};

static int matches_start(struct matches *m, struct run *r, const struct expr_node *n, const struct expr_regex *re,
                         const struct value *in)
{
    *m = (struct matches){.r = r, .n = n, .re = re, .in = in};
    if (expr_text(r, n, in, n->function->name, &m->s) < 0)
        return -1;
    if (!m->s.at)
        m->s.at = "";
    m->data = pcre2_match_data_create_from_pattern(re->code, NULL);
    if (!m->data)
        return expr_oom(r);
    m->ends = pcre2_get_ovector_pointer(m->data);
    return 0;
}

static void matches_end(struct matches *m)
{
    pcre2_match_data_free(m->data);
}

static int run_match(struct matches *m)
{
    uint32_t options = PCRE2_NO_UTF_CHECK | (m->re->skip_empty ? PCRE2_NOTEMPTY : 0);
    int rc = pcre2_match(m->re->code, (PCRE2_SPTR)m->s.at, m->s.len, m->next, options, m->data, m->re->limits);

    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(m->re->code, (PCRE2_SPTR)m->s.at, m->s.len, m->next, options | PCRE2_NO_JIT, m->data,
                         m->re->limits);
    return rc;
}

/* 1 with m->ends, 0 when there is no further match, -1 on failure. */
static int matches_next(struct matches *m)
{
    int rc;

    if (m->next > m->s.len)
        return 0;
    if (expr_charge(m->r, m->n, 20 + (m->s.len - m->next) / 64) < 0)
        return -1;
    rc = run_match(m);
    if (rc == PCRE2_ERROR_NOMATCH) {
        m->next = m->s.len + 1;
        return 0;
    }
    if (rc == PCRE2_ERROR_NOMEMORY)
        return expr_oom(m->r);
    if (rc < 0) {
        expr_fail(m->r, m->n, W0437, m->in, "the regular expression gave up on this text: it needs too many attempts");
        return expr_help(m->r, "nested repetitions such as (a+)+ are the usual reason");
    }
    if (m->ends[0] > m->ends[1])        /* \K beyond the end */
        m->ends[0] = m->ends[1];
    if (!m->re->global)
        m->next = m->s.len + 1;
    else if (m->ends[1] > m->ends[0])
        m->next = m->ends[1];
    else
        m->next = m->ends[1] < m->s.len ? expr_rune_next(m->s, m->ends[1], NULL) : m->s.len + 1;
    return 1;
}

static size_t rune_offset(struct matches *m, size_t byte)
{
    if (byte < m->seen)
        m->seen = m->runes = 0;
    m->runes += expr_rune_count(str_make(m->s.at + m->seen, byte - m->seen));
    m->seen = byte;
    return m->runes;
}

static bool group_set(const struct matches *m, uint32_t group)
{
    return m->ends[2 * group] != PCRE2_UNSET;
}

static struct value group_text(const struct matches *m, uint32_t group)
{
    size_t from = m->ends[2 * group], to = m->ends[2 * group + 1];

    if (!group_set(m, group))
        return value_null();
    return expr_string(str_make(m->s.at + from, to - from), m->in->flags);
}

static int set_number(struct list *l, const char *key, int64_t i)
{
    struct value v;

    return expr_number_make(l->r, l->node, i, &v) < 0 ? -1 : expr_list_set(l, str_of(key), &v);
}

/* offset, length, string and, for a group, name. */
static int add_place(struct matches *m, uint32_t group, struct list *l)
{
    struct value text = group_text(m, group);
    bool set = group_set(m, group);
    size_t offset = set ? rune_offset(m, m->ends[2 * group]) : 0;

    if (set_number(l, "offset", set ? (int64_t)offset : -1) < 0 ||
        set_number(l, "length", set ? (int64_t)expr_rune_count(text.text) : 0) < 0)
        return -1;
    return expr_list_set(l, str_of("string"), &text);
}

/* The name of a group, which belongs to the compiled pattern; that may be gone before the value is. */
static int group_name(struct matches *m, uint32_t group, struct str *ret)
{
    *ret = str_of(m->re->names[group - 1]);
    if (!m->n->regex)
        *ret = arena_str(m->r->arena, *ret);
    return ret->at ? 0 : expr_oom(m->r);
}

static int make_match(struct matches *m, struct value *ret)
{
    struct list match = {.r = m->r, .node = m->n}, captures = {.r = m->r, .node = m->n};
    struct value list;

    if (add_place(m, 0, &match) < 0)
        return -1;
    for (uint32_t i = 1; i <= m->re->groups; i++) {
        struct list group = {.r = m->r, .node = m->n};
        struct value v = value_null();

        if (m->re->names[i - 1]) {
            v = value_string(str_make("", 0));
            if (group_name(m, i, &v.text) < 0)
                return -1;
        }
        if (add_place(m, i, &group) < 0 || expr_list_set(&group, str_of("name"), &v) < 0 ||
            expr_list_object(&group, &v) < 0 || expr_list_add(&captures, &v) < 0)
            return -1;
    }
    if (expr_list_array(&captures, &list) < 0 || expr_list_set(&match, str_of("captures"), &list) < 0)
        return -1;
    return expr_list_object(&match, ret);
}

static int make_capture(struct matches *m, struct value *ret)
{
    struct list l = {.r = m->r, .node = m->n};

    for (uint32_t i = 1; i <= m->re->groups; i++) {
        struct value text = group_text(m, i);
        struct str name;

        if (m->re->names[i - 1] && (group_name(m, i, &name) < 0 || expr_list_set(&l, name, &text) < 0))
            return -1;
    }
    return expr_list_object(&l, ret);
}

static int make_scan(struct matches *m, struct value *ret)
{
    struct list l = {.r = m->r, .node = m->n};

    if (m->re->groups == 0) {
        *ret = group_text(m, 0);
        return 0;
    }
    for (uint32_t i = 1; i <= m->re->groups; i++) {
        struct value text = group_text(m, i);

        if (expr_list_add(&l, &text) < 0)
            return -1;
    }
    return expr_list_array(&l, ret);
}

/* --- functions --------------------------------------------------------------------------------------------- */

/* The array of what `make` makes of each match; `all` as if the flag g was given. */
static int gather(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args, bool all,
                  int (*make)(struct matches *m, struct value *ret), struct value *ret)
{
    CLEANUP(free_regex) struct expr_regex *own = NULL;
    const struct expr_regex *re = regex_of(r, n, &args[0], n->n > 1 ? &args[1] : NULL, &own);
    struct expr_regex global;
    struct list l = {.r = r, .node = n};
    struct matches m;
    struct value v;
    int rc = -1;

    if (!re)
        return -1;
    global = *re;
    global.global |= all;
    if (matches_start(&m, r, n, &global, in) < 0)
        return -1;
    while ((rc = matches_next(&m)) > 0) {
        if (make(&m, &v) < 0 || expr_list_add(&l, &v) < 0) {
            rc = -1;
            break;
        }
    }
    matches_end(&m);
    return rc < 0 ? -1 : expr_list_array(&l, ret);
}

int expr_fn_match(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                  struct value *ret)
{
    return gather(r, n, in, args, false, make_match, ret);
}

int expr_fn_capture(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                    struct value *ret)
{
    return gather(r, n, in, args, false, make_capture, ret);
}

int expr_fn_scan(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    return gather(r, n, in, args, true, make_scan, ret);
}

int expr_fn_test(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                 struct value *ret)
{
    CLEANUP(free_regex) struct expr_regex *own = NULL;
    const struct expr_regex *re = regex_of(r, n, &args[0], n->n > 1 ? &args[1] : NULL, &own);
    struct matches m;
    int rc;

    if (!re || matches_start(&m, r, n, re, in) < 0)
        return -1;
    rc = matches_next(&m);
    matches_end(&m);
    *ret = value_bool(rc > 0);
    return rc < 0 ? -1 : 0;
}

/* The text between the matches. */
int expr_fn_splits(struct run *r, const struct expr_node *n, const struct value *in, const struct value *args,
                   struct value *ret)
{
    CLEANUP(free_regex) struct expr_regex *own = NULL;
    const struct expr_regex *re = regex_of(r, n, &args[0], n->n > 1 ? &args[1] : NULL, &own);
    struct expr_regex global;
    struct list l = {.r = r, .node = n};
    struct matches m;
    struct value part;
    size_t from = 0;
    int rc;

    if (!re)
        return -1;
    global = *re;
    global.global = true;
    if (matches_start(&m, r, n, &global, in) < 0)
        return -1;
    while ((rc = matches_next(&m)) > 0) {
        part = expr_string(str_make(m.s.at + from, m.ends[0] - from), in->flags);
        from = m.ends[1];
        if (expr_list_add(&l, &part) < 0) {
            rc = -1;
            break;
        }
    }
    matches_end(&m);
    part = expr_string(str_make(m.s.at + from, m.s.len - from), in->flags);
    if (rc < 0 || expr_list_add(&l, &part) < 0)
        return -1;
    return expr_list_array(&l, ret);
}

/* What stands in place of one match. */
static int replacement(struct matches *m, const struct expr_node *with, struct text *out, uint16_t *flags)
{
    struct expr_shown shown;
    struct value captured, v;

    if (with->op == OP_CONSTANT)
        v = with->constant;
    else if (make_capture(m, &captured) < 0 || expr_one(m->r, with, &captured, &v) < 0)
        return -1;
    if (v.type != VALUE_STRING)
        return expr_fail(m->r, m->n, W0431, &v, "%s puts strings in, not %s", m->n->function->name,
                         expr_show(m->r, &v, &shown));
    return expr_put_tostring(out, &v, flags);
}

static int substitute(struct run *r, const struct expr_node *n, const struct value *in, const struct expr_regex *re,
                      struct value *ret)
{
    struct text out = {.r = r, .node = n};
    uint16_t flags = in->flags;
    struct matches m;
    size_t from = 0;
    int rc;

    if (matches_start(&m, r, n, re, in) < 0)
        return -1;
    while ((rc = matches_next(&m)) > 0) {
        size_t end = m.ends[1];

        if (expr_put(&out, m.s.at + from, m.ends[0] - from) < 0 || replacement(&m, n->kids[1], &out, &flags) < 0) {
            rc = -1;
            break;
        }
        from = end;
    }
    matches_end(&m);
    if (rc < 0)
        return -1;
    *ret = *in;
    if (from == 0 && out.len == 0)
        return 0;
    if (expr_put(&out, m.s.at + from, m.s.len - from) < 0)
        return -1;
    *ret = expr_string(text_str(&out), flags);
    return 0;
}

static int run_substitute(struct run *r, const struct expr_node *n, const struct value *in, bool all, struct value *ret)
{
    CLEANUP(free_regex) struct expr_regex *own = NULL;
    const struct expr_regex *re;
    struct expr_regex how;
    struct value pattern = value_null(), flags = value_null();

    if (!n->regex &&
        (expr_one(r, n->kids[0], in, &pattern) < 0 || (n->n > 2 && expr_one(r, n->kids[2], in, &flags) < 0)))
        return -1;
    re = regex_of(r, n, &pattern, n->n > 2 ? &flags : NULL, &own);
    if (!re)
        return -1;
    how = *re;
    how.global |= all;
    return substitute(r, n, in, &how, ret);
}

int expr_run_sub(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    return run_substitute(r, n, in, false, ret);
}

int expr_run_gsub(struct run *r, const struct expr_node *n, const struct value *in, struct value *ret)
{
    return run_substitute(r, n, in, true, ret);
}
