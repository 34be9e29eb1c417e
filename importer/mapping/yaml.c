/* libyaml's events become a tree; the only file here that includes its header. */
#include "mapping/yaml_internal.h"

#include "base/cleanup.h"

#include <yaml.h>

struct builder {
    yaml_parser_t parser;
    yaml_event_t event;         /* the current one; deleted by the next */
    bool has_event;
    struct yaml_source source;
    struct arena *arena;
    struct mapping_faults *faults;
    struct yaml_refusal last;   /* of the scalar read last */
    unsigned flows;             /* open flow collections */
    bool cut;                   /* a value was cut short and reported: what is refused later follows from that */
};

static void builder_release(struct builder *b)
{
    if (b->has_event)
        yaml_event_delete(&b->event);
    yaml_parser_delete(&b->parser);
    yaml_source_release(&b->source);
}

static size_t offset_of(struct builder *b, yaml_mark_t mark)
{
    return yaml_source_offset(&b->source, mark.line, mark.column);
}

static int refused(struct builder *b)
{
    struct yaml_refusal why = b->last;

    if (b->parser.error == YAML_MEMORY_ERROR || !b->parser.problem)
        return err_oom(mapping_fault(b->faults));
    if (b->cut)
        return -1;
    why.in_flow = b->flows > 0;
    why.problem = b->parser.problem;
    why.context = b->parser.context;
    why.at = offset_of(b, b->parser.problem_mark);
    why.context_at = why.context ? offset_of(b, b->parser.context_mark) : why.at;
    yaml_trap_refused(&b->source, &why, b->faults);
    return -1;
}

static int next_event(struct builder *b)
{
    if (b->has_event)
        yaml_event_delete(&b->event);
    b->has_event = yaml_parser_parse(&b->parser, &b->event);
    return b->has_event ? 0 : refused(b);
}

static struct yaml_item *new_item(struct builder *b, enum yaml_kind kind, char style)
{
    struct yaml_item *item = arena_calloc(b->arena, 1, sizeof *item);

    if (!item) {
        err_oom(mapping_fault(b->faults));
        return NULL;
    }
    item->kind = kind;
    item->text.style = style;
    item->text.line = (uint32_t)b->event.start_mark.line + 1;
    item->text.column = (uint32_t)b->event.start_mark.column + 1;
    item->text.len = 1;
    return item;
}

static void check_plainness(struct builder *b, const yaml_char_t *anchor, const yaml_char_t *tag, bool nothing)
{
    size_t at = offset_of(b, b->event.start_mark);

    if (anchor)
        yaml_source_fault(&b->source, b->faults, at, 0, W0202,
                          "no anchors in a mapping: a rule takes over another with like:");
    if (tag && nothing)
        yaml_trap_quote(&b->source, b->faults, at, b->flows > 0, "a value that begins with '!' is a tag in YAML");
    else if (tag)
        yaml_source_fault(&b->source, b->faults, at, 0, W0202, "no tags in a mapping: quotes say that a value is text");
}

/* The blanks in front of the first word of `text`, on its line; *first is where they begin. */
static size_t first_indent(struct str text, size_t *first)
{
    size_t at = 0;

    *first = 0;
    while (at < text.len && strchr(" \r\n", text.at[at])) {
        if (text.at[at++] == '\n')
            *first = at;
    }
    return at - *first;
}

/* The raw text of a block begins below the line of the '|'. Its indentation is the difference between its first
 * word's blanks as they stand and as they were read. */
static void place_block(struct builder *b, struct yaml_item *item, size_t start, size_t end)
{
    const char *text = b->source.text.at, *newline = memchr(text + start, '\n', end - start);
    size_t from = newline ? (size_t)(newline - text) + 1 : end, first, ignored;
    struct str raw = str_make(text + from, end - from);
    size_t written = first_indent(raw, &first), read = first_indent(item->text.text, &ignored);

    item->text.raw = raw;
    item->text.line++;
    item->text.indent = (uint32_t)(written > read ? written - read : 0) + 1;
    item->text.column = item->text.indent;
    item->text.len = yaml_source_width(&b->source, from + first + written, end);
}

static void place_scalar(struct builder *b, struct yaml_item *item)
{
    size_t start = offset_of(b, b->event.start_mark), end = offset_of(b, b->event.end_mark);
    bool quoted = item->text.style == 's' || item->text.style == 'd';

    b->last.has_last = true;
    b->last.last_plain = item->text.style == 'p';
    b->last.last_in_flow = b->flows > 0;
    b->last.last = start;
    b->last.last_end = end;
    if (item->text.style == '|' || item->text.style == '>') {
        place_block(b, item, start, end);
        return;
    }
    item->text.column += quoted;
    item->text.raw = str_make(b->source.text.at + start + quoted, end - start - 2 * quoted);
    item->text.len = yaml_source_width(&b->source, start + quoted, end - quoted);
}

static char style_of(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE: return 's';
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE: return 'd';
    case YAML_LITERAL_SCALAR_STYLE: return '|';
    case YAML_FOLDED_SCALAR_STYLE: return '>';
    default: return 'p';
    }
}

static struct yaml_item *read_scalar(struct builder *b)
{
    struct yaml_item *item = new_item(b, YAML_TEXT, style_of(b->event.data.scalar.style));

    if (!item)
        return NULL;
    check_plainness(b, b->event.data.scalar.anchor, b->event.data.scalar.tag,
                    b->event.data.scalar.length == 0);
    item->text.text =
        arena_str(b->arena, str_make((const char *)b->event.data.scalar.value, b->event.data.scalar.length));
    if (!item->text.text.at) {
        err_oom(mapping_fault(b->faults));
        return NULL;
    }
    place_scalar(b, item);
    if (b->event.data.scalar.tag && item->text.text.len == 0)
        item->text.text = str_of("tag");    /* reported; it is not nothing */
    return item;
}

static struct yaml_item *read_alias(struct builder *b)
{
    struct yaml_item *item = new_item(b, YAML_TEXT, 's');
    size_t at = offset_of(b, b->event.start_mark);

    yaml_trap_quote(&b->source, b->faults, at, b->flows > 0, "a value that begins with '*' is an alias in YAML");
    if (item)
        item->text.text = str_of("alias");
    return item;
}

/* Remember that a value was cut by the character after it. True once for each cut: what follows is the rest of it. */
static bool report_cut(struct builder *b, const struct yaml_item *item)
{
    char c = item->text.style == 'p' ? yaml_trap_cut(&b->source, item->text.text, b->last.last_end, b->flows > 0) : 0;

    if (c == ',')
        yaml_trap_quote(&b->source, b->faults, b->last.last, true, "in { } and [ ] an unquoted value ends at ','");
    else if (c)
        yaml_trap_quote(&b->source, b->faults, b->last.last, b->flows > 0, "' #' begins a comment in YAML");
    b->cut = b->cut || c;
    return c == ',';
}

static struct yaml_item *read_item(struct builder *b, unsigned depth);

static struct yaml_item *read_list(struct builder *b, unsigned depth)
{
    struct yaml_item *list = new_item(b, YAML_LIST, '['), *item;
    const struct yaml_item **end = list ? &list->first : NULL;
    bool cut = false;

    if (!list)
        return NULL;
    check_plainness(b, b->event.data.sequence_start.anchor, b->event.data.sequence_start.tag, false);
    list->flow = b->event.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    b->flows += list->flow;
    for (;;) {
        if (next_event(b) < 0)
            return NULL;
        if (b->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        item = read_item(b, depth + 1);
        if (!item)
            return NULL;
        *end = item;
        end = &item->next;
        list->n++;
        cut = item->kind == YAML_TEXT && !cut && report_cut(b, item);
    }
    b->flows -= list->flow;
    return list;
}

/* Every key is text and stands once; a second one is not read, so that nobody has to expect it. */
static int check_keys(struct builder *b, struct yaml_item *map)
{
    const struct yaml_item **link = &map->first;
    size_t room = 8;
    CLEANUP(free_ptr) const struct yaml_item **seen = NULL;

    while (room < map->n * 2)
        room *= 2;
    seen = calloc(room, sizeof(struct yaml_item *));
    if (!seen)
        return err_oom(mapping_fault(b->faults));
    while (*link) {
        struct yaml_item *entry = (struct yaml_item *)*link;
        size_t i = str_hash(entry->key->text.text) & (room - 1);

        while (seen[i] && !str_eq(seen[i]->key->text.text, entry->key->text.text))
            i = (i + 1) & (room - 1);
        if (!seen[i]) {
            seen[i] = entry;
            link = &entry->next;
            continue;
        }
        *link = entry->next;
        map->n--;
        struct err *e = mapping_fault(b->faults);

        err_set(e, ERR_RUN, W0204, "'%.*s' stands twice in this map, first on line %u", STR_ARG(entry->key->text.text),
                seen[i]->key->text.line);
        err_mapping(e, entry->key->text.line, entry->key->text.column, entry->key->text.len);
    }
    return 0;
}

static const struct yaml_item *read_key(struct builder *b, unsigned depth)
{
    struct yaml_item *key = read_item(b, depth);

    if (!key || key->kind == YAML_TEXT)
        return key;
    yaml_source_fault(&b->source, b->faults, yaml_source_offset(&b->source, key->text.line - 1, key->text.column - 1),
                      0, W0208, "expected text as a key, found a %s", key->kind == YAML_LIST ? "list" : "map");
    key->kind = YAML_TEXT;
    key->text.text = str_of("");
    return key;
}

/* What stands behind a cut value looks like keys without values. */
static bool is_rest_of_cut(const struct yaml_item *entry)
{
    return entry->kind == YAML_TEXT && entry->text.style == 'p' && entry->text.text.len == 0;
}

static struct yaml_item *read_map(struct builder *b, unsigned depth)
{
    struct yaml_item *map = new_item(b, YAML_MAP, '{'), *item;
    const struct yaml_item **end = map ? &map->first : NULL, *key;
    bool cut = false;

    if (!map)
        return NULL;
    check_plainness(b, b->event.data.mapping_start.anchor, b->event.data.mapping_start.tag, false);
    map->flow = b->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    b->flows += map->flow;
    for (;;) {
        if (next_event(b) < 0)
            return NULL;
        if (b->event.type == YAML_MAPPING_END_EVENT)
            break;
        key = read_key(b, depth + 1);
        if (!key || next_event(b) < 0 || !(item = read_item(b, depth + 1)))
            return NULL;
        if (cut && is_rest_of_cut(item))
            continue;
        item->key = key;
        *end = item;
        end = &item->next;
        map->n++;
        cut = item->kind == YAML_TEXT && report_cut(b, item);
    }
    b->flows -= map->flow;
    return check_keys(b, map) < 0 ? NULL : map;
}

/* Recursion is bounded by YAML_DEPTH_MAX. */
static struct yaml_item *read_item(struct builder *b, unsigned depth)
{
    if (depth > YAML_DEPTH_MAX) {
        yaml_source_fault(&b->source, b->faults, offset_of(b, b->event.start_mark), 0, W0205,
                          "nested more than %d levels deep", YAML_DEPTH_MAX);
        return NULL;
    }
    switch (b->event.type) {
    case YAML_SCALAR_EVENT: return read_scalar(b);
    case YAML_SEQUENCE_START_EVENT: return read_list(b, depth);
    case YAML_MAPPING_START_EVENT: return read_map(b, depth);
    case YAML_ALIAS_EVENT: return read_alias(b);
    default: BUG("event %d where a value begins", (int)b->event.type);
    }
}

static void check_document(struct builder *b)
{
    if (b->event.data.document_start.tag_directives.start != b->event.data.document_start.tag_directives.end)
        yaml_source_fault(&b->source, b->faults, offset_of(b, b->event.start_mark), 0, W0202,
                          "no %%TAG directives in a mapping");
}

static const struct yaml_item *read_document(struct builder *b)
{
    struct yaml_item *root;

    if (next_event(b) < 0 || next_event(b) < 0)
        return NULL;
    if (b->event.type == YAML_STREAM_END_EVENT) {
        yaml_source_fault(&b->source, b->faults, 0, 0, W0208, "the mapping is empty");
        return NULL;
    }
    check_document(b);
    if (next_event(b) < 0 || !(root = read_item(b, 1)) || next_event(b) < 0 || next_event(b) < 0)
        return NULL;
    if (b->event.type != YAML_STREAM_END_EVENT)
        yaml_source_fault(&b->source, b->faults, offset_of(b, b->event.start_mark), 0, W0202,
                          "a second document begins here; a mapping is one document");
    return root;
}

const struct yaml_item *yaml_read(struct str source, struct arena *a, struct mapping_faults *faults)
{
    struct builder b = {.arena = a, .faults = faults};
    const struct yaml_item *root = NULL;

    if (!yaml_parser_initialize(&b.parser)) {
        err_oom(mapping_fault(faults));
        return NULL;
    }
    if (yaml_source_init(&b.source, source, faults) == 0) {
        yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&b.parser, (const unsigned char *)(source.at ? source.at : ""), source.len);
        root = read_document(&b);
    }
    builder_release(&b);
    return root;
}

const struct yaml_item *yaml_find(const struct yaml_item *map, const char *key)
{
    for (const struct yaml_item *entry = map->first; entry; entry = entry->next) {
        if (str_is(entry->key->text.text, key))
            return entry;
    }
    return NULL;
}

bool yaml_is_null(const struct yaml_item *item)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};

    if (item->kind != YAML_TEXT || item->text.style != 'p')
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(item->text.text, words[i]))
            return true;
    }
    return false;
}
