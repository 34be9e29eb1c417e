/* mappings/windrow.schema.json and the reader know the same keys, the same required ones, and each is documented. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "mapping/internal.h"
#include "tap.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>

static const struct mapping_keys *const all[] = {
    &mapping_top_keys, &mapping_schema_keys, &mapping_source_keys, &mapping_param_keys, &mapping_read_keys,
    &mapping_document_keys, &mapping_index_keys, &mapping_rule_keys, &mapping_conflict_keys, &mapping_column_keys,
    &mapping_by_keys, &mapping_after_keys, &mapping_example_keys,
};

static bool is_required(json_t *definition, const char *name)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(definition, "required"), i, item)
    {
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

static void test_keys(const struct mapping_keys *keys, json_t *definition, const char *manual)
{
    json_t *properties = json_object_get(definition, "properties");

    is_int((long long)json_object_size(properties), (long long)keys->n, "%s: as many keys", keys->name);
    ok(json_is_false(json_object_get(definition, "additionalProperties")), "%s: strict", keys->name);
    for (size_t i = 0; i < keys->n; i++) {
        const char *name = keys->at[i].name;
        /* the version is required too, with a message of its own */
        bool required = keys->at[i].required || strcmp(name, "windrow") == 0;
        char option[64];

        ok(json_object_get(properties, name) != NULL, "%s: '%s' is in the schema", keys->name, name);
        ok(is_required(definition, name) == required, "%s: '%s' is %srequired", keys->name, name,
           required ? "" : "not ");
        snprintf(option, sizeof option, "`%s`", name);
        ok(strstr(manual, option) != NULL, "%s: '%s' is in docs/mapping.md", keys->name, name);
    }
}

static void read_text(const char *root, const char *name, struct buf *ret)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT;

    buf_printf(&path, "%s/%s", root, name);
    CLEANUP(close_fd) int fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
    ok(fd >= 0 && buf_read_fd(ret, fd, 1 << 20, NULL) == 0, "%s is read", name);
}

int main(void)
{
    CLEANUP(buf_release) struct buf schema = BUF_INIT, manual = BUF_INIT;
    const char *root = getenv("WINDROW_SOURCE_DIR");
    json_error_t error;
    json_t *json, *definitions;

    read_text(root ? root : ".", "mappings/windrow.schema.json", &schema);
    read_text(root ? root : ".", "docs/mapping.md", &manual);
    json = json_loadb(buf_text(&schema), schema.len, JSON_REJECT_DUPLICATES, &error);
    ok(json != NULL, "the schema is JSON");
    definitions = json_object_get(json, "$defs");
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        test_keys(all[i], json_object_get(definitions, all[i]->name), buf_text(&manual));
    json_decref(json);
    return done_testing();
}
