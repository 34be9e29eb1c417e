/* The examples of docs/mapping.md are mappings: each block that begins with a key of the top level is read. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "mapping/internal.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>

enum { BLOCKS_MIN = 8 };

static bool begins_with_key(struct str block)
{
    for (size_t i = 0; i < mapping_top_keys.n; i++) {
        struct str key = str_of(mapping_top_keys.at[i].name);

        if (str_starts(block, key) && block.len > key.len && block.at[key.len] == ':')
            return true;
    }
    return false;
}

static bool has_line(struct str block, const char *key)
{
    char line[40];

    snprintf(line, sizeof line, "\n%s", key);
    return str_starts(block, str_of(key)) || memmem(block.at, block.len, line, strlen(line));
}

/* What a block leaves out is added, at its end, so that its lines keep their numbers. */
static void complete(struct str block, struct buf *text)
{
    buf_add_str(text, block);
    if (!has_line(block, "windrow:"))
        buf_add_text(text, "windrow: 1\nname: manual\n");
    if (!has_line(block, "tables:"))
        buf_add_text(text, "tables: {customers: {from: x, columns: {id: .id}}}\n");
    if (memmem(block.at, block.len, "$manifest.files", 15))
        buf_add_text(text, "documents: {manifest: m.json}\n");
    if (has_line(block, "examples:"))
        buf_add_text(text, "params: {zone: UTC}\n");
}

static void test_block(struct str block, const char *path)
{
    CLEANUP(mapping_faults_release) struct mapping_faults faults = {0};
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const char *newline = memchr(block.at, '\n', block.len);
    struct mapping *m;

    complete(block, &text);
    m = mapping_parse(buf_str(&text), path, &faults);
    ok(m != NULL, "the block that begins with %.*s", (int)(newline ? newline - block.at : 0), block.at);
    for (size_t i = 0; i < faults.n && !strstr(faults.at[i].message, "stats.sql"); i++)
        printf("# %u:%u %s\n", faults.at[i].map_line, faults.at[i].map_column, faults.at[i].message);
    mapping_free(m);
}

int main(void)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT, manual = BUF_INIT, home = BUF_INIT;
    const char *root = getenv("WINDROW_SOURCE_DIR"), *at, *end;
    int n = 0;

    buf_printf(&path, "%s/docs/mapping.md", root ? root : ".");
    buf_printf(&home, "%s/tests/mappings/full/mapping.yaml", root ? root : ".");     /* has after/stats.sql beside it */
    CLEANUP(close_fd) int fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
    ok(fd >= 0 && buf_read_fd(&manual, fd, 1 << 20, NULL) == 0, "the manual is read");
    for (at = buf_text(&manual); (at = strstr(at, "```yaml\n")) && (end = strstr(at + 8, "```")); at = end + 3) {
        struct str block = str_make(at + 8, (size_t)(end - at - 8));

        if (begins_with_key(block)) {
            test_block(block, buf_text(&home));
            n++;
        }
    }
    ok(n >= BLOCKS_MIN, "%d blocks", n);
    return done_testing();
}
