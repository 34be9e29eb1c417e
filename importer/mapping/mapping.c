/* A mapping file from its bytes to the checked tree of settings: opening, the top level, the list of faults. */
#include "mapping/internal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { LANGUAGE_VERSION = 1 };

/* Faults. */

struct err *mapping_fault(struct mapping_faults *faults)
{
    struct err *at;

    if (faults->n < faults->capacity && faults->n < MAPPING_FAULTS_MAX)
        return &faults->at[faults->n++];
    err_release(&faults->spare);
    if (faults->n >= MAPPING_FAULTS_MAX)
        return &faults->spare;
    at = realloc(faults->at, (faults->capacity + 16) * sizeof *at);
    if (!at)
        return &faults->spare;
    memset(at + faults->capacity, 0, 16 * sizeof *at);
    faults->at = at;
    faults->capacity += 16;
    return &faults->at[faults->n++];
}

void mapping_faults_release(struct mapping_faults *faults)
{
    for (size_t i = 0; i < faults->n; i++)
        err_release(&faults->at[i]);
    err_release(&faults->spare);
    free(faults->at);
    *faults = (struct mapping_faults){0};
}

static int compare_places(const struct err *a, const struct err *b)
{
    if (a->map_line != b->map_line)
        return a->map_line < b->map_line ? -1 : 1;
    return (a->map_column > b->map_column) - (a->map_column < b->map_column);
}

static bool same_fault(const struct err *a, const struct err *b)
{
    return compare_places(a, b) == 0 && a->code == b->code && strcmp(a->message, b->message) == 0;
}

static void drop_repeated(struct mapping_faults *faults, size_t from)
{
    size_t kept = from;

    for (size_t i = from; i < faults->n; i++) {
        bool again = false;

        for (size_t k = kept; k-- > from && !again && compare_places(&faults->at[k], &faults->at[i]) == 0;)
            again = same_fault(&faults->at[k], &faults->at[i]);
        if (again) {
            err_release(&faults->at[i]);
            continue;
        }
        if (kept < i) {
            faults->at[kept] = faults->at[i];
            faults->at[i] = (struct err){0};
        }
        kept++;
    }
    faults->n = kept;
}

/* What was found first stays first. There are few, and mostly in order already. */
void mapping_faults_tidy(struct mapping_faults *faults, size_t from)
{
    for (size_t i = from + 1; i < faults->n; i++) {
        struct err e = faults->at[i];
        size_t k = i;

        for (; k > from && compare_places(&faults->at[k - 1], &e) > 0; k--)
            faults->at[k] = faults->at[k - 1];
        faults->at[k] = e;
    }
    drop_repeated(faults, from);
}

/* The top level. */

static void read_version(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    (void)r, (void)item, (void)into;    /* checked before anything else */
}

static bool check_version(struct mapping_reading *r, const struct yaml_item *root)
{
    const struct yaml_item *version = yaml_find(root, "windrow");

    if (!version) {
        mapping_report(r, root, W0207, "'windrow' is missing: a mapping begins with windrow: %d", LANGUAGE_VERSION);
        return true;
    }
    if (version->kind == YAML_TEXT && str_is(version->text.text, "1"))
        return true;
    if (version->kind == YAML_TEXT && version->text.text.len)
        mapping_report(r, version, W0218, "this windrow reads version %d of the language, not %.*s", LANGUAGE_VERSION,
                       STR_ARG(version->text.text));
    else
        mapping_report(r, version, W0218, "this windrow reads version %d of the language", LANGUAGE_VERSION);
    return false;
}

/* A system is a directory of schema/, so its name must not lead elsewhere. */
static void read_system(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct str s;

    mapping_read_text(r, item, &m->schema);
    s = m->schema.text;
    for (size_t i = 0; i < s.len; i++) {
        bool good = (s.at[i] >= '0' && s.at[i] <= '9') || (s.at[i] >= 'a' && s.at[i] <= 'z') ||
                    (s.at[i] >= 'A' && s.at[i] <= 'Z') || (i && strchr("-_", s.at[i]));

        if (!good) {
            mapping_report(r, item, W0216, "'%.*s' is no name of a system: letters, digits, '-' and '_'", STR_ARG(s));
            return;
        }
    }
}

static void read_schema_version(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    uint64_t n;

    if (mapping_read_number(r, item, 1, INT32_MAX, false, &n))
        m->schema_version = (uint32_t)n;
}

static const struct mapping_key schema_keys[] = {
    {"system", read_system, 0, true},
    {"version", read_schema_version, 0, false},
};
const struct mapping_keys mapping_schema_keys = MAPPING_KEYS("schema", schema_keys);

static void read_schema(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    if (item->kind == YAML_TEXT)
        read_system(r, item, into);
    else
        mapping_read_map(r, item, &mapping_schema_keys, into);
}

static const struct mapping_key top_keys[] = {
    {"windrow", read_version, 0, false},
    {"name", mapping_read_text, offsetof(struct mapping, name), true},
    {"schema", read_schema, 0, false},
    {"params", mapping_read_params, 0, false},
    {"source", mapping_read_source, 0, false},
    {"documents", mapping_read_documents, 0, false},
    {"indexes", mapping_read_indexes, 0, false},
    {"let", mapping_read_shared, 0, false},
    {"tables", mapping_read_rules, 0, true},
    {"after", mapping_read_afters, 0, false},
    {"examples", mapping_read_examples, 0, false},
};
const struct mapping_keys mapping_top_keys = MAPPING_KEYS("mapping", top_keys);

static void read_top(struct mapping_reading *r, const struct yaml_item *root)
{
    if (!mapping_is_map(r, root) || !check_version(r, root))
        return;
    mapping_read_map(r, root, &mapping_top_keys, r->m);
    mapping_check_variables(r);
    mapping_check_examples(r, yaml_find(root, "examples"));
}

/* The file. */

static struct mapping *mapping_new(struct str text, const char *path)
{
    struct mapping *m = calloc(1, sizeof *m);
    unsigned char digest[DIGEST_SHA256];

    if (!m)
        return NULL;
    m->path = strdup(path);
    m->source = arena_str(&m->arena, text);
    if (!m->path || !m->source.at) {
        mapping_free(m);
        return NULL;
    }
    digest_sha256(text, digest);
    digest_hex(digest, sizeof digest, m->digest);
    return m;
}

static struct str without_mark(struct str s)
{
    return str_starts(s, str_of("\xEF\xBB\xBF")) ? str_make(s.at + 3, s.len - 3) : s;
}

struct mapping *mapping_parse(struct str text, const char *path, struct mapping_faults *faults)
{
    struct mapping *m = mapping_new(text, path);
    struct mapping_reading r = {.m = m, .faults = faults};
    size_t before = faults->n;
    const struct yaml_item *root;

    if (!m) {
        err_oom(mapping_fault(faults));
        return NULL;
    }
    root = yaml_read(without_mark(m->source), &m->arena, faults);
    if (root)
        read_top(&r, root);
    mapping_faults_tidy(faults, before);
    if (faults->n > before || faults->spare.scope) {
        mapping_free(m);
        return NULL;
    }
    return m;
}

struct mapping *mapping_open(const char *path, struct mapping_faults *faults)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct err why = {0};

    if (fd < 0) {
        err_set(mapping_fault(faults), ERR_RUN, W0222, "cannot open '%s': %s", path, strerror(errno));
        return NULL;
    }
    if (buf_read_fd(&text, fd, YAML_BYTES_MAX, &why) < 0) {
        err_set(mapping_fault(faults), ERR_RUN, why.code == W0303 ? W0205 : W0222, "'%s': %s", path, why.message);
        err_release(&why);
        return NULL;
    }
    return mapping_parse(buf_str(&text), path, faults);
}

void mapping_free(struct mapping *m)
{
    if (!m)
        return;
    arena_release(&m->arena);
    free(m->path);
    free(m);
}
