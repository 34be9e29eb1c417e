/* Which statements need care, read off their first tokens; see migrate/statement.h. */
#include "migrate/statement.h"

/* A walk over the tokens of one statement. Errors cannot occur: the scanner has been over the text before. */
struct walk {
    struct scan scan;
    struct scan_token t;
    bool more;
};

static void walk_next(struct walk *w)
{
    w->more = scan_token(&w->scan, &w->t, NULL) > 0;
}

static struct walk walk_from(struct str text, enum db_engine engine)
{
    struct walk w = {.scan = {.sql = text, .engine = engine}};

    walk_next(&w);
    return w;
}

/* Step over a word if it stands here. */
static bool walk_word(struct walk *w, const char *word)
{
    if (!w->more || !scan_is(&w->t, word))
        return false;
    walk_next(w);
    return true;
}

static bool walk_sign(struct walk *w, char c)
{
    if (!w->more || w->t.kind != SCAN_SIGN || w->t.text.at[0] != c)
        return false;
    walk_next(w);
    return true;
}

static void walk_if_exists(struct walk *w)
{
    if (walk_word(w, "if")) {
        walk_word(w, "not");
        walk_word(w, "exists");
    }
}

/* A name, perhaps qualified, as written; empty when none stands here. */
static struct str walk_name(struct walk *w)
{
    const char *start = w->t.text.at, *end;

    if (!w->more || (w->t.kind != SCAN_WORD && w->t.kind != SCAN_NAME))
        return str_make(NULL, 0);
    do {
        end = w->t.text.at + w->t.text.len;
        walk_next(w);
    } while (walk_sign(w, '.') && w->more);
    return str_make(start, (size_t)(end - start));
}

/* `index` in the schema of `table`: PostgreSQL puts an index where its table is. */
static const char *index_beside(struct str index, struct str table, enum db_engine engine, struct arena *a)
{
    struct walk w = walk_from(table, engine);
    struct str first = w.t.text;

    walk_next(&w);
    if (!walk_sign(&w, '.'))
        return arena_dup(a, index);
    return arena_printf(a, "%.*s.%.*s", STR_ARG(first), STR_ARG(index));
}

static int refuse(const struct scan_statement *st, struct err *err, const char *what, const char *help)
{
    err_set(err, ERR_RUN, W0703, "%s", what);
    err_at(err, NULL, st->line, st->column);
    err_at_byte(err, st->at);
    err_value(err, st->text);
    err_label(err, "not in a version");
    return err_help(err, "%s", help);
}

static bool controls_transaction(const struct scan_statement *st)
{
    static const char *const words[] = {"begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (scan_is(&st->words[0], words[i]))
            return true;
    }
    return scan_is(&st->words[0], "prepare") && st->n_words > 1 && scan_is(&st->words[1], "transaction");
}

/* COPY t FROM STDIN waits for data that a version file cannot give. */
static bool copies_from_client(struct walk w)
{
    if (!walk_word(&w, "copy"))
        return false;
    for (; w.more; walk_next(&w)) {
        if (scan_is(&w.t, "stdin") || scan_is(&w.t, "stdout"))
            return true;
    }
    return false;
}

static bool concerns_server(struct walk w)
{
    static const char *const things[] = {"database", "tablespace", "system", "subscription"};

    if (!walk_word(&w, "create") && !walk_word(&w, "drop") && !walk_word(&w, "alter"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(things); i++) {
        if (w.more && scan_is(&w.t, things[i]))
            return true;
    }
    return false;
}

static int create_index(struct walk *w, const struct scan_statement *st, enum db_engine engine, struct arena *a,
                        struct statement *ret, struct err *err)
{
    struct str index, table;

    ret->builds_index = true;
    if (!walk_word(w, "concurrently"))
        return 0;
    ret->kind = STATEMENT_CREATE_INDEX;
    walk_if_exists(w);
    if (w->more && scan_is(&w->t, "on"))
        return refuse(st, err, "an index that is built concurrently needs a name",
                      "without a name nobody can find the half-built index that a crash leaves behind");
    index = walk_name(w);
    walk_word(w, "on");
    walk_word(w, "only");
    table = walk_name(w);
    ret->index = index_beside(index, table, engine, a);
    return ret->index ? 0 : err_oom(err);
}

static int drop_index(struct walk *w, const struct scan_statement *st, struct arena *a, struct statement *ret,
                      struct err *err)
{
    if (!walk_word(w, "concurrently"))
        return 0;
    ret->kind = STATEMENT_DROP_INDEX;
    walk_if_exists(w);
    ret->index = arena_dup(a, walk_name(w));
    if (!ret->index)
        return err_oom(err);
    return w->more && walk_sign(w, ',') ? refuse(st, err, "one index at a time can be dropped concurrently",
                                                 "write one statement for each index")
                                        : 0;
}

static bool has_word(struct walk w, const char *word)
{
    for (; w.more; walk_next(&w)) {
        if (scan_is(&w.t, word))
            return true;
    }
    return false;
}

static int postgresql_kind(struct walk w, const struct scan_statement *st, enum db_engine engine, struct arena *a,
                           struct statement *ret, struct err *err)
{
    if (walk_word(&w, "create")) {
        walk_word(&w, "unique");
        return walk_word(&w, "index") ? create_index(&w, st, engine, a, ret, err) : 0;
    }
    if (walk_word(&w, "drop"))
        return walk_word(&w, "index") ? drop_index(&w, st, a, ret, err) : 0;
    if (walk_word(&w, "vacuum") || (walk_word(&w, "cluster") && !w.more)) {
        ret->kind = STATEMENT_REPEATABLE;
    } else if (walk_word(&w, "reindex")) {
        ret->builds_index = true;
        if (has_word(w, "concurrently") || has_word(w, "database") || has_word(w, "system"))
            ret->kind = STATEMENT_REINDEX;
    } else if (walk_word(&w, "alter") && walk_word(&w, "table") && has_word(w, "detach") &&
               (has_word(w, "concurrently") || has_word(w, "finalize"))) {
        ret->kind = STATEMENT_DETACH;
    }
    return 0;
}

static int sqlite_kind(struct walk w, const struct scan_statement *st, struct statement *ret, struct err *err)
{
    if (walk_word(&w, "vacuum")) {
        ret->kind = STATEMENT_REPEATABLE;
    } else if (walk_word(&w, "pragma")) {
        if (w.more && (scan_is(&w.t, "foreign_keys") || scan_is(&w.t, "synchronous")))
            return refuse(st, err, "this pragma is windrow's own business",
                          "foreign keys are off while a version runs and are checked before it commits");
        if (w.more && (scan_is(&w.t, "journal_mode") || scan_is(&w.t, "auto_vacuum")))
            ret->kind = STATEMENT_REPEATABLE;
    }
    return 0;
}

int statement_of(const struct scan_statement *st, enum db_engine engine, struct arena *a, struct statement *ret,
                 struct err *err)
{
    struct walk w = walk_from(st->text, engine);

    *ret = (struct statement){.at = st->at, .line = st->line, .column = st->column};
    if (st->text.at[0] == '\\')
        return refuse(st, err, "commands of psql are not SQL", "write SQL that the server understands by itself");
    if (controls_transaction(st))
        return refuse(st, err, "a version holds no transaction control",
                      "windrow runs the file in one transaction, together with its entry in the history");
    if (concerns_server(w) || walk_word(&w, "attach") || (engine == DB_SQLITE && walk_word(&w, "detach")))
        return refuse(st, err, "the statement reaches beyond this database", "run it by hand, outside the versions");
    if (engine == DB_POSTGRESQL && copies_from_client(w))
        return refuse(st, err, "COPY from or to the client has no data in a version",
                      "write INSERT statements, or load the rows with windrow load");
    ret->text = arena_dup(a, st->text);
    if (!ret->text)
        return err_oom(err);
    if (engine == DB_SQLITE)
        return sqlite_kind(w, st, ret, err);
    return postgresql_kind(w, st, engine, a, ret, err);
}

const char *statement_without_concurrently(const struct statement *s, struct arena *a)
{
    struct walk w = walk_from(str_of(s->text), DB_POSTGRESQL);

    while (w.more && !scan_is(&w.t, "concurrently"))
        walk_next(&w);
    if (!w.more)
        return s->text;
    return arena_printf(a, "%.*s%s", (int)w.t.at, s->text, s->text + w.t.at + w.t.text.len);
}

typedef int lost_function(void *context, struct str name, bool is_schema);

static int alter_table_losses(struct walk *w, lost_function *lost, void *context)
{
    static const char *const harmless[] = {"constraint", "default", "not", "identity", "expression"};
    struct str name;

    walk_if_exists(w);
    walk_word(w, "only");
    name = walk_name(w);
    while (w->more) {
        if (!walk_word(w, "drop")) {
            walk_next(w);
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
            if (w->more && scan_is(&w->t, harmless[i]))
                goto next;
        }
        return lost(context, name, false);
    next:;
    }
    return 0;
}

int statement_losses(const char *text, enum db_engine engine, lost_function *lost, void *context)
{
    struct walk w = walk_from(str_of(text), engine);
    bool schema = false;
    int rc = 0;

    if (walk_word(&w, "alter"))
        return walk_word(&w, "table") ? alter_table_losses(&w, lost, context) : 0;
    if (walk_word(&w, "delete") && walk_word(&w, "from")) {
        walk_word(&w, "only");
        return lost(context, walk_name(&w), false);
    }
    if (walk_word(&w, "drop") || walk_word(&w, "truncate")) {
        schema = walk_word(&w, "schema");
        if (!schema && !walk_word(&w, "table") && !(text[0] == 't' || text[0] == 'T'))
            return 0;
        walk_if_exists(&w);
        do {
            walk_word(&w, "only");
            rc = lost(context, walk_name(&w), schema);
        } while (rc == 0 && walk_sign(&w, ','));
    }
    return rc;
}

struct str statement_renamed_to(const char *text, enum db_engine engine)
{
    struct walk w = walk_from(str_of(text), engine);

    if (walk_word(&w, "alter") && walk_word(&w, "table")) {
        walk_if_exists(&w);
        walk_name(&w);
        if (walk_word(&w, "rename") && walk_word(&w, "to"))
            return walk_name(&w);
    }
    return str_make(NULL, 0);
}

struct str statement_created_table(const char *text, enum db_engine engine)
{
    struct walk w = walk_from(str_of(text), engine);

    if (walk_word(&w, "create")) {
        walk_word(&w, "unlogged");
        if (walk_word(&w, "table")) {
            walk_if_exists(&w);
            return walk_name(&w);
        }
    }
    return str_make(NULL, 0);
}
