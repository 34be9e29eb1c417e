/* What a mapping says before its rules: parameters, groups, documents, indexes, and how files are read. */
#include "mapping/internal.h"
#include "read/reader.h"

enum { DEPTH_MAX = 2048 };
static const uint64_t record_bytes_max = 1ULL << 34;

/* params: */

static void read_param_type(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    static const char *const types[] = {"text", "integer", "number", "boolean", "timezone"};

    if (mapping_read_word(r, item, types, ARRAY_LEN(types)) >= 0)
        *(struct mapping_text *)into = item->text;
}

static void read_choices(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_param *p = into;
    struct mapping_text *choices = mapping_room(r, item->n, sizeof *choices);
    size_t i = 0;

    if (item->kind != YAML_LIST || item->n == 0) {
        mapping_report(r, item, W0208, "expected a list of values, found %s", item->n ? mapping_kind(item) : "none");
        return;
    }
    for (const struct yaml_item *each = item->first; each && choices; each = each->next)
        mapping_read_scalar(r, each, &choices[i++]);
    p->choices = choices;
    p->n_choices = i;
}

static const struct mapping_key param_keys[] = {
    {"default", mapping_read_constant, offsetof(struct mapping_param, fallback), false},
    {"type", read_param_type, offsetof(struct mapping_param, type), false},
    {"required", mapping_read_bool, offsetof(struct mapping_param, required), false},
    {"one_of", read_choices, 0, false},
    {"help", mapping_read_text, offsetof(struct mapping_param, help), false},
};
const struct mapping_keys mapping_param_keys = MAPPING_KEYS("param", param_keys);

static bool has_type(struct str json, struct str type)
{
    char first = json.len ? json.at[0] : '\0';
    bool number = first == '-' || (first >= '0' && first <= '9');

    if (str_is(type, "integer"))
        return number && !memchr(json.at, '.', json.len);
    if (str_is(type, "number"))
        return number;
    if (str_is(type, "boolean"))
        return first == 't' || first == 'f';
    return first == '"';
}

static bool is_choice(const struct mapping_param *p, struct str text)
{
    for (size_t i = 0; i < p->n_choices; i++) {
        if (str_eq(p->choices[i].text, text))
            return true;
    }
    return p->n_choices == 0;
}

static void check_param(struct mapping_reading *r, const struct mapping_param *p)
{
    const struct mapping_constant *fallback = &p->fallback;
    bool null = !fallback->at.text.at || str_is(fallback->json, "null");

    if (p->required && fallback->at.text.at)
        mapping_report_text(r, &p->name, W0219, "a parameter that is required cannot have a default");
    for (size_t i = 0; i < p->n_choices; i++) {
        bool number = p->choices[i].style == 'p' && mapping_plain(p->choices[i].text) == PLAIN_NUMBER;

        if (str_is(p->type.text, "integer") || str_is(p->type.text, "number") ? !number : false)
            mapping_report_text(r, &p->choices[i], W0225, "'%.*s' is not of the type %.*s", STR_ARG(p->choices[i].text),
                                STR_ARG(p->type.text));
    }
    if (null)
        return;
    if (p->type.text.at && !has_type(fallback->json, p->type.text))
        mapping_report_text(r, &fallback->at, W0225, "the default '%.*s' is not of the type %.*s",
                            STR_ARG(fallback->at.text), STR_ARG(p->type.text));
    else if (fallback->at.style == '[' || fallback->at.style == '{')
        mapping_report_text(r, &p->name, W0225, "a parameter's value is text, a number or true or false");
    else if (!is_choice(p, fallback->at.text))
        mapping_report_text(r, &fallback->at, W0225,
                            "the default '%.*s' is not among one_of:", STR_ARG(fallback->at.text));
}

void mapping_read_params(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct mapping_param *params = mapping_room(r, item->n, sizeof *params);

    if (!params || !mapping_is_named(r, item))
        return;
    m->params = params;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        struct mapping_param *p = &params[m->n_params++];

        mapping_read_name(r, entry, &p->name);
        if (entry->kind == YAML_TEXT)
            mapping_read_constant(r, entry, &p->fallback);
        else if (!mapping_read_map(r, entry, &mapping_param_keys, p))
            continue;
        check_param(r, p);
    }
}

/* source: */

static const struct mapping_key skip_keys[] = {
    {"pattern", mapping_read_text, offsetof(struct mapping_skip, pattern), true},
    {"when", mapping_read_text, offsetof(struct mapping_skip, when), false},
};
const struct mapping_keys mapping_skip_keys = MAPPING_KEYS("skip", skip_keys);

static void read_skip(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct mapping_skip *skip = mapping_room(r, item->kind == YAML_LIST ? item->n : 1, sizeof *skip);

    if (!skip)
        return;
    m->skip = skip;
    if (item->kind == YAML_LIST && item->n == 0)
        mapping_report(r, item, W0208, "expected a pattern or a list of patterns, found none");
    for (const struct yaml_item *each = item->kind == YAML_LIST ? item->first : item; each; each = each->next) {
        if (each->kind == YAML_MAP && (yaml_find(each, "pattern") || yaml_find(each, "when")))
            mapping_read_map(r, each, &mapping_skip_keys, &skip[m->n_skip]);
        else
            mapping_read_text(r, each, &skip[m->n_skip].pattern);
        m->n_skip++;
        if (item->kind != YAML_LIST)
            break;
    }
}

static const struct mapping_key source_keys[] = {
    {"group", mapping_read_text, offsetof(struct mapping, group), false},
    {"skip", read_skip, 0, false},
};
const struct mapping_keys mapping_source_keys = MAPPING_KEYS("source", source_keys);

void mapping_read_source(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    mapping_read_map(r, item, &mapping_source_keys, into);
}

/* read: */

static void read_format(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    const char *words[16] = {"none"};
    size_t n;
    const char *const *formats = reader_names(&n);

    for (size_t i = 0; i < n; i++)
        words[i] = formats[i];
    words[n] = "none";
    if (mapping_read_word(r, item, words, n + 1) >= 0)
        *(struct mapping_text *)into = item->text;
}

static void read_unmatched(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    static const char *const words[] = {"reject", "skip", "append"};

    if (mapping_read_word(r, item, words, ARRAY_LEN(words)) >= 0)
        *(struct mapping_text *)into = item->text;
}

static void read_duplicate_keys(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    static const char *const words[] = {"reject", "first", "last"};

    if (mapping_read_word(r, item, words, ARRAY_LEN(words)) >= 0)
        *(struct mapping_text *)into = item->text;
}

static void read_depth(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    uint64_t n;

    if (mapping_read_number(r, item, 1, DEPTH_MAX, false, &n))
        *(uint32_t *)into = (uint32_t)n;
}

static void read_max_bytes(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    mapping_read_number(r, item, 1, record_bytes_max, true, into);
}

static const struct mapping_key read_keys[] = {
    {"format", read_format, offsetof(struct mapping_read, format), false},
    {"pattern", mapping_read_text, offsetof(struct mapping_read, pattern), false},
    {"unmatched", read_unmatched, offsetof(struct mapping_read, unmatched), false},
    {"duplicates", read_duplicate_keys, offsetof(struct mapping_read, duplicates), false},
    {"nonfinite", mapping_read_bool, offsetof(struct mapping_read, nonfinite), false},
    {"depth", read_depth, offsetof(struct mapping_read, depth), false},
    {"max_bytes", read_max_bytes, offsetof(struct mapping_read, max_bytes), false},
    {"secret", mapping_read_bool, offsetof(struct mapping_read, secret), false},
};
const struct mapping_keys mapping_read_keys = MAPPING_KEYS("read", read_keys);

/* An option of one format beside another format would do nothing. */
static void check_read(struct mapping_reading *r, const struct yaml_item *item, struct str format)
{
    static const struct { const char *key, *format, *other; } belongs[] = {
        {"pattern", "lines", "lines"}, {"unmatched", "lines", "lines"}, {"duplicates", "json", "jsonl"},
        {"nonfinite", "json", "jsonl"}, {"depth", "json", "jsonl"},
    };

    for (size_t i = 0; i < ARRAY_LEN(belongs) && format.at; i++) {
        const struct yaml_item *entry = yaml_find(item, belongs[i].key);

        if (entry && !str_is(format, belongs[i].format) && !str_is(format, belongs[i].other))
            mapping_report_text(r, &entry->key->text, W0219, "'%s' belongs to format %s, not to %.*s", belongs[i].key,
                                belongs[i].format, STR_ARG(format));
    }
}

void mapping_read_read(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_read *ret = into;

    *ret = (struct mapping_read){0};
    if (item->kind == YAML_TEXT)
        read_format(r, item, &ret->format);
    else if (mapping_read_map(r, item, &mapping_read_keys, ret))
        check_read(r, item, ret->format.text);
}

/* documents: */

static const struct mapping_key document_keys[] = {
    {"file", mapping_read_text, offsetof(struct mapping_document, file), true},
    {"read", mapping_read_read, offsetof(struct mapping_document, read), false},
    {"required", mapping_read_bool, offsetof(struct mapping_document, required), false},
};
const struct mapping_keys mapping_document_keys = MAPPING_KEYS("document", document_keys);

/* {sender}/x.json written without quotes is a map of nothing but names. */
static bool is_pattern_in_braces(const struct yaml_item *item)
{
    return item->kind == YAML_MAP && item->flow && item->n == 1 && item->first->kind == YAML_TEXT &&
           item->first->text.style == 'p' && item->first->text.text.len == 0;
}

void mapping_read_documents(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct mapping_document *documents = mapping_room(r, item->n, sizeof *documents);

    if (!documents || !mapping_is_named(r, item))
        return;
    m->documents = documents;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        struct mapping_document *d = &documents[m->n_documents++];

        mapping_read_variable(r, entry, &d->name);
        if (entry->kind == YAML_TEXT || is_pattern_in_braces(entry))
            mapping_read_text(r, entry, &d->file);
        else
            mapping_read_map(r, entry, &mapping_document_keys, d);
    }
}

/* indexes: */

static void read_by(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    size_t n;
    const struct mapping_text *parts = mapping_read_texts(r, item, &n);

    if (parts && n)
        mapping_join(r, parts, n, into);
}

static void read_prefer(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping_index *index = into;

    index->prefer = mapping_read_texts(r, item, &index->n_prefer);
}

static void read_duplicates(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    static const char *const words[] = {
        [MAPPING_DUPLICATE_LAST] = "last", [MAPPING_DUPLICATE_FIRST] = "first",
        [MAPPING_DUPLICATE_REJECT] = "reject", [MAPPING_DUPLICATE_ALL] = "all",
    };
    struct mapping_index *index = into;
    int word = mapping_read_word(r, item, words, ARRAY_LEN(words));

    if (word >= 0)
        index->duplicates = word;
}

static const struct mapping_key index_keys[] = {
    {"of", mapping_read_text, offsetof(struct mapping_index, of), false},
    {"files", mapping_read_text, offsetof(struct mapping_index, files), false},
    {"read", mapping_read_read, offsetof(struct mapping_index, read), false},
    {"each", mapping_read_text, offsetof(struct mapping_index, each), false},
    {"where", mapping_read_text, offsetof(struct mapping_index, where), false},
    {"by", read_by, offsetof(struct mapping_index, by), true},
    {"value", mapping_read_text, offsetof(struct mapping_index, value), false},
    {"prefer", read_prefer, 0, false},
    {"duplicates", read_duplicates, 0, false},
    {"orphans", mapping_read_bool, offsetof(struct mapping_index, orphans), false},
};
const struct mapping_keys mapping_index_keys = MAPPING_KEYS("index", index_keys);

/* of: begins with the name of a document. */
static void check_of(struct mapping_reading *r, const struct mapping_index *index)
{
    struct str of = index->of.text, name;
    size_t n = 1;

    if (of.len == 0)
        return;
    while (n < of.len && !strchr(".[? |", of.at[n]))
        n++;
    name = str_make(of.at + 1, n - 1);
    if (of.at[0] != '$') {
        mapping_report_text(r, &index->of, W0221, "of: begins with a document, such as $manifest.files");
        return;
    }
    for (size_t i = 0; i < r->m->n_documents; i++) {
        if (str_eq(r->m->documents[i].name.text, name))
            return;
    }
    mapping_report_text(r, &index->of, W0221, "there is no document '%.*s'", STR_ARG(name));
}

static void check_not_document(struct mapping_reading *r, const struct mapping_text *name)
{
    for (size_t i = 0; i < r->m->n_documents; i++) {
        if (str_eq(r->m->documents[i].name.text, name->text))
            mapping_report_text(r, name, W0217, "'%.*s' is a document already, on line %u", STR_ARG(name->text),
                                r->m->documents[i].name.line);
    }
}

static void check_not_index(struct mapping_reading *r, const struct mapping_text *name)
{
    for (size_t i = 0; i < r->m->n_indexes; i++) {
        if (str_eq(r->m->indexes[i].name.text, name->text))
            mapping_report_text(r, name, W0217, "'%.*s' is an index already, on line %u", STR_ARG(name->text),
                                r->m->indexes[i].name.line);
    }
}

void mapping_check_variables(struct mapping_reading *r)
{
    for (size_t i = 0; i < r->m->n_indexes; i++) {
        check_of(r, &r->m->indexes[i]);
        check_not_document(r, &r->m->indexes[i].name);
    }
    for (size_t i = 0; i < r->m->n_lets; i++) {
        check_not_document(r, &r->m->lets[i].name);
        check_not_index(r, &r->m->lets[i].name);
    }
    for (size_t i = 0; i < r->m->n_rules; i++) {
        const struct mapping_rule *rule = &r->m->rules[i];

        for (size_t k = rule->n_like_lets; k < rule->n_lets; k++) {
            check_not_document(r, &rule->lets[k].name);
            check_not_index(r, &rule->lets[k].name);
        }
    }
}

static void check_index(struct mapping_reading *r, const struct yaml_item *item)
{
    const struct yaml_item *of = yaml_find(item, "of"), *files = yaml_find(item, "files"),
                           *read = yaml_find(item, "read");

    if (!of && !files)
        mapping_report(r, item, W0207, "'of' or 'files' is missing");
    else if (of && files)
        mapping_report_text(r, &files->key->text, W0219, "'files' and 'of' exclude each other");
    if (of && read)
        mapping_report_text(r, &read->key->text, W0219, "'read' belongs to 'files'; the document says how it is read");
}

/* let: of the mapping, for all rules. */
void mapping_read_shared(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct mapping_let *lets = mapping_room(r, item->n, sizeof *lets);

    if (!lets || !mapping_is_named(r, item))
        return;
    m->lets = lets;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        mapping_read_variable(r, entry, &lets[m->n_lets].name);
        mapping_read_text(r, entry, &lets[m->n_lets++].expr);
    }
}

void mapping_read_indexes(struct mapping_reading *r, const struct yaml_item *item, void *into)
{
    struct mapping *m = into;
    struct mapping_index *indexes = mapping_room(r, item->n, sizeof *indexes);

    if (!indexes || !mapping_is_named(r, item))
        return;
    m->indexes = indexes;
    for (const struct yaml_item *entry = item->first; entry; entry = entry->next) {
        struct mapping_index *index = &indexes[m->n_indexes++];

        index->orphans = true;
        mapping_read_variable(r, entry, &index->name);
        if (mapping_read_map(r, entry, &mapping_index_keys, index))
            check_index(r, entry);
    }
}
