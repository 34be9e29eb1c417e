/* What a SQLite database holds. SQLite keeps only the text of each CREATE, and ALTER and table rebuilds leave it in
 * other words and layout; so a table's text is taken apart into columns and constraints, each brought to one form. */
#include "migrate/migrate_internal.h"

#include "base/cleanup.h"

#include <stdio.h>

struct filling {
    struct describe *d;
    size_t capacity;
};

/* A part of a statement, by its tokens. */
struct part {
    struct str sql;
    size_t from, to;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_plain_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return s.len > 0;
}

/* Bare words and quoted names that need no quotes read the same: lower case, no quotes. */
static int add_token(struct buf *out, const struct scan_token *t)
{
    struct str inner = str_make(t->text.at + 1, t->text.len >= 2 ? t->text.len - 2 : 0);
    bool name = t->kind == SCAN_NAME && is_plain_name(inner);
    struct str text = name ? inner : t->text;

    if (out->len && buf_add_char(out, ' ') < 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (buf_add_char(out, name || t->kind == SCAN_WORD ? lower(text.at[i]) : text.at[i]) < 0)
            return -1;
    }
    return 0;
}

static int canonical(struct part p, struct buf *out, struct err *err)
{
    struct scan s = {.sql = str_make(p.sql.at, p.to), .at = p.from, .engine = DB_SQLITE};
    struct scan_token t;
    int rc;

    while ((rc = scan_token(&s, &t, err)) > 0) {
        if (add_token(out, &t) < 0)
            return err_oom(err);
    }
    return rc;
}

static bool is_sign(const struct scan_token *t, char c)
{
    return t->kind == SCAN_SIGN && t->text.at[0] == c;
}

static bool begins_constraint(const struct scan_token *t)
{
    static const char *const words[] = {"constraint", "primary", "unique", "check", "foreign"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (scan_is(t, words[i]))
            return true;
    }
    return false;
}

/* One element between the commas of CREATE TABLE (...). */
static int add_element(struct filling *f, const char *table, struct part p, struct err *err)
{
    struct scan s = {.sql = str_make(p.sql.at, p.to), .at = p.from, .engine = DB_SQLITE};
    CLEANUP(buf_release) struct buf name = BUF_INIT;
    CLEANUP(buf_release) struct buf full = BUF_INIT;
    CLEANUP(buf_release) struct buf definition = BUF_INIT;
    struct scan_token t;
    bool constraint;

    if (scan_token(&s, &t, err) <= 0)
        return 0;
    constraint = begins_constraint(&t);
    if (constraint && scan_is(&t, "constraint") && scan_token(&s, &t, err) <= 0)
        return 0;
    if (constraint && (t.kind == SCAN_WORD && begins_constraint(&t)))
        s.at = p.from;
    else if (add_token(&name, &t) < 0)
        return err_oom(err);
    if (canonical((struct part){p.sql, s.at, p.to}, &definition, err) < 0)
        return -1;
    if (buf_printf(&full, "%s.%s", table, name.len ? buf_text(&name) : buf_text(&definition)) < 0)
        return err_oom(err);
    return describe_add(
        f->d, &f->capacity,
        (struct describe_object){constraint ? "constraint" : "column", buf_text(&full), buf_text(&definition), table},
        err);
}

/* Find the parentheses of CREATE TABLE name (...): false for CREATE TABLE ... AS and virtual tables. */
static bool find_body(struct str sql, struct scan *s, struct scan_token *t)
{
    *s = (struct scan){.sql = sql, .engine = DB_SQLITE};
    while (scan_token(s, t, NULL) > 0) {
        if (scan_is(t, "virtual"))
            return false;
        if (is_sign(t, '('))
            return true;
    }
    return false;
}

static int add_table(struct filling *f, const char *table, struct str sql, struct err *err)
{
    CLEANUP(buf_release) struct buf options = BUF_INIT;
    struct scan s;
    struct scan_token t;
    size_t depth = 1, from;
    int rc = 1;

    if (!find_body(sql, &s, &t)) {
        if (canonical((struct part){sql, 0, sql.len}, &options, err) < 0)
            return -1;
        return describe_add(f->d, &f->capacity, (struct describe_object){"table", table, buf_text(&options), NULL},
                            err);
    }
    from = s.at;
    while (depth > 0 && (rc = scan_token(&s, &t, err)) > 0) {
        depth += is_sign(&t, '(');
        depth -= is_sign(&t, ')');
        if (depth == 0 || (depth == 1 && is_sign(&t, ','))) {
            if (add_element(f, table, (struct part){sql, from, t.at}, err) < 0)
                return -1;
            from = s.at;
        }
    }
    if (rc < 0 || canonical((struct part){sql, s.at, sql.len}, &options, err) < 0)
        return -1;
    return describe_add(f->d, &f->capacity, (struct describe_object){"table", table, buf_text(&options), NULL}, err);
}

static int add_row(void *context, const struct db_value *values, size_t n, struct err *err)
{
    struct filling *f = context;
    CLEANUP(arena_release) struct arena a = {0};
    CLEANUP(buf_release) struct buf definition = BUF_INIT;
    const char *kind = arena_dup(&a, values[0].text), *name = arena_dup(&a, values[1].text);
    const char *owner = arena_dup(&a, values[2].text);

    (void)n;
    if (!kind || !name || !owner)
        return err_oom(err);
    if (strcmp(kind, "table") == 0)
        return add_table(f, name, values[3].text, err);
    if (canonical((struct part){values[3].text, 0, values[3].text.len}, &definition, err) < 0)
        return -1;
    if (strcmp(kind, "view") == 0)
        owner = NULL;
    return describe_add(f->d, &f->capacity, (struct describe_object){kind, name, buf_text(&definition), owner}, err);
}

int describe_sqlite(struct db *db, struct describe *ret, struct err *err)
{
    struct filling f = {.d = ret};

    return db_stream(db,
                     "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
                     " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'windrow\\_%' ESCAPE '\\'",
                     NULL, 0, add_row, &f, err);
}
