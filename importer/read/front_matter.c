/* YAML at the head of a Markdown file: libyaml's events become a built value. */
#include "read/json_internal.h"
#include "read/reader_internal.h"

#include "base/cleanup.h"

#include <yaml.h>

enum { DEPTH_MAX = 32, KEYS_MAX = 4096, YAML_BYTES_MAX = 1024 * 1024 };

struct front {
    yaml_parser_t parser;
    struct arena *arena;
    struct str yaml;
    uint64_t line0, byte0;
};

/* Members of a container that is still open. */
struct members {
    struct member *at;
    size_t n, capacity;
};

/* A mark counts characters, a place bytes. */
static size_t byte_of(struct str yaml, size_t characters)
{
    size_t i = 0;

    for (; i < yaml.len; i++) {
        if ((yaml.at[i] & 0xc0) != 0x80 && characters-- == 0)
            break;
    }
    return i;
}

static int at_mark(const struct front *f, const yaml_mark_t *mark, struct err *err)
{
    err_at(err, NULL, f->line0 + mark->line, mark->column + 1);
    return err_at_byte(err, f->byte0 + byte_of(f->yaml, mark->index));
}

static int refuse(const struct front *f, const yaml_event_t *event, const char *why, struct err *err)
{
    err_set(err, ERR_RECORD, W0331, "front matter: %s", why);
    return at_mark(f, &event->start_mark, err);
}

/* libyaml refuses bytes that are not UTF-8, and control characters. */
static int unreadable(const struct front *f, struct err *err)
{
    size_t invalid = str_utf8_invalid_at(f->yaml);
    bool utf8 = invalid == f->yaml.len;
    size_t at = utf8 ? f->parser.problem_offset : invalid;
    uint64_t line, column;

    reader_place(f->yaml, 0, f->line0, at, &line, &column);
    if (utf8)
        err_set(err, ERR_RECORD, W0331, "front matter is not YAML: %s", f->parser.problem);
    else
        err_set(err, ERR_RECORD, W0321, "front matter: invalid UTF-8, byte 0x%02x", (unsigned char)f->yaml.at[at]);
    err_at(err, NULL, line, column);
    return err_at_byte(err, f->byte0 + at);
}

static int next_event(struct front *f, yaml_event_t *ret, struct err *err)
{
    const yaml_parser_t *p = &f->parser;

    if (yaml_parser_parse(&f->parser, ret))
        return 0;
    if (p->error == YAML_MEMORY_ERROR)
        return err_oom(err);
    if (p->error == YAML_READER_ERROR)
        return unreadable(f, err);
    err_set(err, ERR_RECORD, W0331, "front matter is not YAML: %s%s%s", p->problem ? p->problem : "unknown reason",
            p->context ? " " : "", p->context ? p->context : "");
    if (p->context && byte_of(f->yaml, p->problem_mark.index) >= f->yaml.len)
        return at_mark(f, &p->context_mark, err);   /* what was opened tells more than the end does */
    return at_mark(f, &p->problem_mark, err);
}

static bool is_one_of(struct str s, const char *const *words)
{
    for (; *words; words++) {
        if (str_is(s, *words))
            return true;
    }
    return false;
}

/* The core schema of YAML 1.2, except that a number must be one in JSON too: 0777 and 0x1f stay text. */
static struct value plain(struct str s)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};

    if (is_one_of(s, nulls))
        return value_null();
    if (is_one_of(s, trues))
        return value_bool(true);
    if (is_one_of(s, falses))
        return value_bool(false);
    return json_is_number(s) ? value_number(s) : value_string(s);
}

static int scalar(struct front *f, const yaml_event_t *event, struct value *ret, struct err *err)
{
    struct str s = str_make((const char *)event->data.scalar.value, event->data.scalar.length);

    if (event->data.scalar.anchor || event->data.scalar.tag)
        return refuse(f, event, "anchors and tags are not read", err);
    s = arena_str(f->arena, s);
    if (!s.at)
        return err_oom(err);
    *ret = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain(s) : value_string(s);
    if (ret->type == VALUE_STRING && s.len && memchr(s.at, '\0', s.len))
        ret->flags |= VALUE_NUL;
    return 0;
}

static int add_member(struct front *f, struct members *m, const struct member *member, struct err *err)
{
    if (m->n == m->capacity) {
        size_t capacity = m->capacity ? 2 * m->capacity : 8;
        struct member *at = arena_calloc(f->arena, capacity, sizeof *at);

        if (!at)
            return err_oom(err);
        if (m->n)
            memcpy(at, m->at, m->n * sizeof *at);
        m->at = at;
        m->capacity = capacity;
    }
    m->at[m->n++] = *member;
    return 0;
}

static int node(struct front *f, const yaml_event_t *event, int depth, struct value *ret, struct err *err);

static int next_node(struct front *f, int depth, struct value *ret, struct err *err)
{
    CLEANUP(yaml_event_delete) yaml_event_t event = {0};

    if (next_event(f, &event, err) < 0)
        return -1;
    return node(f, &event, depth, ret, err);
}

static int read_key(struct front *f, const yaml_event_t *event, const struct members *m, struct str *ret,
                    struct err *err)
{
    struct value key;

    if (event->type != YAML_SCALAR_EVENT)
        return refuse(f, event, "a key is text, not a list or mapping", err);
    if (scalar(f, event, &key, err) < 0)
        return -1;
    *ret = arena_str(f->arena, str_make((const char *)event->data.scalar.value, event->data.scalar.length));
    if (!ret->at)
        return err_oom(err);
    if (m->n == KEYS_MAX)
        return refuse(f, event, "more than 4096 keys", err);
    for (size_t i = 0; i < m->n; i++) {
        if (str_eq(m->at[i].key, *ret))
            return refuse(f, event, "a key stands twice", err);
    }
    return 0;
}

static int container(struct front *f, const yaml_event_t *start, int depth, struct value *ret, struct err *err)
{
    bool object = start->type == YAML_MAPPING_START_EVENT;
    struct members m = {0};
    uint16_t flags = 0;

    if (depth == DEPTH_MAX)
        return refuse(f, start, "nested deeper than 32 levels", err);
    if (object ? start->data.mapping_start.anchor || start->data.mapping_start.tag
               : start->data.sequence_start.anchor || start->data.sequence_start.tag)
        return refuse(f, start, "anchors and tags are not read", err);
    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        struct member member = {0};

        if (next_event(f, &event, err) < 0)
            return -1;
        if (event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT)
            break;
        if (object && read_key(f, &event, &m, &member.key, err) < 0)
            return -1;
        if ((object ? next_node(f, depth + 1, &member.value, err) : node(f, &event, depth + 1, &member.value, err)) < 0)
            return -1;
        flags |= member.value.flags;
        if (add_member(f, &m, &member, err) < 0)
            return -1;
    }
    *ret = object ? value_object(m.at, m.n) : value_array(m.at, m.n);
    ret->flags = flags;
    return 0;
}

static int node(struct front *f, const yaml_event_t *event, int depth, struct value *ret, struct err *err)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return scalar(f, event, ret, err);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT: return container(f, event, depth, ret, err);
    case YAML_ALIAS_EVENT: return refuse(f, event, "aliases are not read", err);
    default: return refuse(f, event, "expected a value", err);
    }
}

/* Stream start, document start, the mapping, document end, stream end. Nothing at all is an empty mapping. */
static int document(struct front *f, struct value *ret, struct err *err)
{
    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};

        if (next_event(f, &event, err) < 0)
            return -1;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (ret->type != VALUE_ABSENT)
                return refuse(f, &event, "more than one document", err);
            break;
        case YAML_STREAM_END_EVENT:
            if (ret->type == VALUE_ABSENT || ret->type == VALUE_NULL)
                *ret = value_object(NULL, 0);
            return 0;
        default:
            if (node(f, &event, 0, ret, err) < 0)
                return -1;
            if (ret->type != VALUE_OBJECT && ret->type != VALUE_NULL)
                return refuse(f, &event, "expected keys and values", err);
        }
    }
}

int front_matter_parse(struct str yaml, uint64_t line0, uint64_t byte0, struct arena *a, struct value *ret,
                       struct err *err)
{
    struct front f = {.arena = a, .yaml = yaml, .line0 = line0, .byte0 = byte0};
    struct value value = value_absent();
    int failed;

    if (yaml.len > YAML_BYTES_MAX) {
        err_set(err, ERR_RECORD, W0331, "front matter: %zu bytes are more than 1 MiB", yaml.len);
        return err_at(err, NULL, line0, 1);
    }
    if (!yaml_parser_initialize(&f.parser))
        return err_oom(err);
    yaml_parser_set_encoding(&f.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&f.parser, (const unsigned char *)yaml.at, yaml.len);
    failed = document(&f, &value, err);
    yaml_parser_delete(&f.parser);
    if (failed == 0)
        *ret = value;
    return failed;
}
