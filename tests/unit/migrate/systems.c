/* Every system that ships: each version goes up, down and up to the same schema on each engine it has, nothing is left
 * at the bottom, and the variants of one system have the same tables, columns, keys and checks. */
#include "fixture.h"

#include <ctype.h>
#include <dirent.h>

/* tests/unit/migrate/systems.c -> schema */
static void schema_dir(const char *system, char *out, size_t size)
{
    static const char here[] = __FILE__, tail[] = "tests/unit/migrate/systems.c";

    snprintf(out, size, "%.*sschema/%s", (int)(sizeof here - sizeof tail), here, system);
}

static bool take(struct fixture *f, struct describe *ret)
{
    struct db *db = db_open(f->target, &(struct db_options){0}, NULL);
    bool good = db && describe_database(db, ret, NULL) == 0;

    db_close(db);
    return good;
}

static const struct describe_object *object_of(const struct describe *d, const char *kind, const char *name)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->objects[i].kind, kind) == 0 && strcmp(d->objects[i].name, name) == 0)
            return &d->objects[i];
    }
    return NULL;
}

static bool same(const struct describe *a, const struct describe *b)
{
    bool good = a->n == b->n;

    for (size_t i = 0; i < a->n; i++) {
        const struct describe_object *o = object_of(b, a->objects[i].kind, a->objects[i].name);

        if (o && strcmp(o->definition, a->objects[i].definition) == 0)
            continue;
        printf("# %s %s: %s\n#   now: %s\n", a->objects[i].kind, a->objects[i].name, a->objects[i].definition,
               o ? o->definition : "gone");
        good = false;
    }
    return good;
}

static void test_versions(struct fixture *f, const char *system)
{
    char dir[512];
    CLEANUP(err_release) struct err err = {0};
    CLEANUP(describe_release) struct describe bottom = {0};
    CLEANUP(describe_release) struct describe end = {0};
    struct plan plan = {0};

    schema_dir(system, dir, sizeof dir);
    f->o.dir = dir;
    f->o.system = system;
    ok(plan_load(dir, f->engine, &plan, &err) == 0 && plan.n > 0, "%s, %s: versions load (%s)", system, f->name,
       err.message);
    /* The history itself is windrow's and not described. */
    ok(take(f, &bottom), "%s, %s: a look at the empty database", system, f->name);
    for (size_t i = 0; i < plan.n; i++) {
        CLEANUP(describe_release) struct describe before = {0};
        CLEANUP(describe_release) struct describe after = {0};
        CLEANUP(describe_release) struct describe back = {0};
        CLEANUP(describe_release) struct describe again = {0};
        struct migrate_range one = {.count = 1};

        take(f, &before);
        ok(fixture_go(f, MIGRATE_UP, one, &err) == 1 && take(f, &after), "%s, %s: up to %s (%s)", system, f->name,
           plan.versions[i].label, err.message);
        ok(fixture_go(f, MIGRATE_DOWN, one, &err) == 1 && take(f, &back) && same(&before, &back),
           "%s, %s: down from %s to what was before (%s)", system, f->name, plan.versions[i].label, err.message);
        ok(fixture_go(f, MIGRATE_UP, one, &err) == 1 && take(f, &again) && same(&after, &again),
           "%s, %s: up to %s again, the same (%s)", system, f->name, plan.versions[i].label, err.message);
    }
    is_int(fixture_verify(f, true), 0, "%s, %s: no drift", system, f->name);
    ok(fixture_go(f, MIGRATE_DOWN, (struct migrate_range){.all = true}, &err) == (int)plan.n && take(f, &end) &&
           same(&bottom, &end),
       "%s, %s: all the way down, nothing is left", system, f->name);
    is_int(fixture_up(f, &err), (int)plan.n, "%s, %s: all the way up (%s)", system, f->name, err.message);
    plan_release(&plan);
}

/* ---- the same on both engines ---- */

/* Every string literal of a CHECK, in order: the list of allowed values. */
static void literals(const char *definition, struct buf *out)
{
    struct scan s = {.sql = str_of(definition), .engine = DB_POSTGRESQL};
    struct scan_token t;

    while (scan_token(&s, &t, NULL) > 0) {
        if (t.kind == SCAN_STRING && t.text.at[t.text.len - 1] == '\'' && buf_add_str(out, t.text) < 0)
            abort();
    }
}

static bool ends_with(const char *text, const char *end)
{
    return str_ends(str_of(text), str_of(end));
}

static bool starts_with_word(const char *definition, const char *word)
{
    return strncasecmp(definition, word, strlen(word)) == 0;
}

/* Unique and foreign keys by their columns: the definition without case, blanks and quotes, up to what only one engine
 * says. */
static void key_text(const char *definition, struct buf *out)
{
    for (const char *p = definition; *p; p++) {
        if (isspace((unsigned char)*p) || *p == '"')
            continue;
        if (buf_add_char(out, (char)tolower((unsigned char)*p)) < 0)
            abort();
    }
}

static const char *owner_kind(const struct describe_object *o)
{
    return starts_with_word(o->definition, "check") ? "check" : "key";
}

static bool same_constraint(const struct describe_object *p, const struct describe_object *s)
{
    CLEANUP(buf_release) struct buf a = BUF_INIT;
    CLEANUP(buf_release) struct buf b = BUF_INIT;
    bool check = strcmp(owner_kind(p), "check") == 0;

    if (!s)
        return false;
    if (check) {
        if (strchr(p->definition, '~'))
            return true; /* a pattern: the engines have other languages for it */
        literals(p->definition, &a);
        literals(s->definition, &b);
    } else {
        key_text(p->definition, &a);
        key_text(s->definition, &b);
    }
    return strcmp(buf_text(&a), buf_text(&b)) == 0;
}

/* SQLite numbers rows by INTEGER PRIMARY KEY, which is no constraint of its own. */
static bool is_row_number(const struct describe *sqlite, const struct describe_object *p)
{
    char name[200];
    const struct describe_object *id;

    snprintf(name, sizeof name, "%s.id", p->owner);
    id = object_of(sqlite, "column", name);
    return starts_with_word(p->definition, "primary key (id)") && id &&
           strcmp(id->definition, "integer primary key") == 0;
}

static bool not_null(const struct describe_object *o)
{
    return strstr(o->definition, "not null") || strstr(o->definition, "primary key");
}

static bool has_default(const struct describe_object *o)
{
    return strstr(o->definition, "default") || strstr(o->definition, "primary key") ||
           strstr(o->definition, "identity");
}

/* The type of a column: what its definition begins with, on each engine. */
static bool same_type(const struct describe_object *p, const struct describe_object *s)
{
    static const char *const types[][2] = {
        {"text[]", "text"},       {"text", "text"},   {"integer", "integer"}, {"bigint", "integer"}, {"uuid", "uuid"},
        {"boolean", "boolean"},   {"jsonb", "json"},  {"json", "json"},       {"double precision", "real"},
        {"numeric", "numeric"},   {"date", "date"},   {"bytea", "blob"},
        {"timestamp with time zone", "timestamptz"},  {"timestamp with time zone", "datetime"},
    };
    unsigned length, other;

    if (sscanf(p->definition, "character varying(%u)", &length) == 1)
        return sscanf(s->definition, "varchar ( %u )", &other) == 1 && other == length;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        size_t a = strlen(types[i][0]), b = strlen(types[i][1]);

        if (strncmp(p->definition, types[i][0], a) == 0 && (!p->definition[a] || p->definition[a] == ' ') &&
            strncmp(s->definition, types[i][1], b) == 0 && (!s->definition[b] || s->definition[b] == ' '))
            return true;
    }
    return false;
}

/* SQLite does not keep to a declared length; a check does. */
static bool keeps_length(const struct describe *sqlite, const struct describe_object *p)
{
    const struct describe_object *check;
    const char *column = strrchr(p->name, '.') + 1;
    char name[200], end[60];
    unsigned length;

    if (sscanf(p->definition, "character varying(%u)", &length) != 1)
        return true;
    snprintf(name, sizeof name, "%s.%s_%s_length", p->owner, p->owner, column);
    snprintf(end, sizeof end, "length ( %s ) < = %u )", column, length);
    check = object_of(sqlite, "constraint", name);
    if (check && ends_with(check->definition, end))
        return true;
    check = object_of(sqlite, "column", p->name);
    if (check && strstr(check->definition, end))
        return true;
    /* A list of values that are short enough says it too. */
    snprintf(name, sizeof name, "%s.%s_%s_check", p->owner, p->owner, column);
    check = object_of(sqlite, "constraint", name);
    return check && strstr(check->definition, " in (");
}

static void test_parity(struct fixture *postgresql, struct fixture *sqlite, const char *system)
{
    CLEANUP(describe_release) struct describe p = {0};
    CLEANUP(describe_release) struct describe s = {0};
    bool columns = true, types = true, lengths = true, constraints = true, unique = true, extra = true;

    ok(take(postgresql, &p) && take(sqlite, &s), "%s: a look at both variants", system);
    for (size_t i = 0; i < p.n; i++) {
        const struct describe_object *o = &p.objects[i], *other = object_of(&s, o->kind, o->name);
        bool good = true;

        if (strcmp(o->kind, "table") == 0)
            good = other != NULL;
        else if (strcmp(o->kind, "column") == 0) {
            columns &= good = other && not_null(o) == not_null(other) && has_default(o) == has_default(other);
            types &= other && same_type(o, other);
            lengths &= keeps_length(&s, o);
            good = good && same_type(o, other) && keeps_length(&s, o);
        } else if (strcmp(o->kind, "constraint") == 0)
            constraints &= good = same_constraint(o, other) || is_row_number(&s, o);
        else if (strcmp(o->kind, "index") == 0 && strstr(o->definition, "UNIQUE"))
            unique &= good = other && strstr(other->definition, "unique");
        if (!good)
            printf("# %s %s: %s\n#   in SQLite: %s\n", o->kind, o->name, o->definition,
                   other ? other->definition : "none");
    }
    for (size_t i = 0; i < s.n; i++) {
        const struct describe_object *o = &s.objects[i];
        bool own = strcmp(o->kind, "constraint") == 0 && (ends_with(o->name, "_length") || ends_with(o->name, "_form"));

        if (own ||
            (strcmp(o->kind, "table") != 0 && strcmp(o->kind, "column") != 0 && strcmp(o->kind, "constraint") != 0))
            continue;
        if (!object_of(&p, o->kind, o->name)) {
            printf("# only in SQLite: %s %s\n", o->kind, o->name);
            extra = false;
        }
    }
    ok(columns, "%s: the same columns, required and with defaults alike", system);
    ok(types, "%s: of the same types", system);
    ok(lengths, "%s: and lengths", system);
    ok(unique, "%s: the same unique indexes", system);
    ok(constraints, "%s: the same keys, references and lists", system);
    ok(extra, "%s: SQLite has nothing more but lengths and forms", system);
}

static bool has_engine(const char *system, enum db_engine engine)
{
    char dir[512], path[600];

    schema_dir(system, dir, sizeof dir);
    snprintf(path, sizeof path, "%s/%s", dir, plan_folder(engine));
    return access(path, R_OK) == 0;
}

static void test_system(const char *system)
{
    struct fixture sqlite, postgresql;
    bool s = has_engine(system, DB_SQLITE) && fixture_open(&sqlite, DB_SQLITE);
    bool p = has_engine(system, DB_POSTGRESQL) && fixture_open(&postgresql, DB_POSTGRESQL);

    if (s)
        test_versions(&sqlite, system);
    if (p)
        test_versions(&postgresql, system);
    if (s && p)
        test_parity(&postgresql, &sqlite, system);
    if (s)
        fixture_close(&sqlite);
    if (p)
        fixture_close(&postgresql);
}

int main(void)
{
    char dir[512];
    struct dirent *e;
    DIR *d;

    schema_dir("", dir, sizeof dir);
    d = opendir(dir);
    ok(d != NULL, "the systems are in %s", dir);
    while (d && (e = readdir(d))) {
        if (e->d_name[0] != '.')
            test_system(e->d_name);
    }
    if (d)
        closedir(d);
    return done_testing();
}
