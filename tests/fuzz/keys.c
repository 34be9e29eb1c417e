/* Any bytes as a packed list of keys from the ledger: refused, or items that are the same when they are packed again. */
#include "fuzz.h"

#include "ledger/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keys_reader reader = {.rest = str_make((const char *)data, size)}, second;
    struct keys_writer writer = {.bytes = BUF_INIT};
    struct keys_item item, same;
    struct err err = {0};
    size_t n = 0;
    int got;

    while ((got = keys_next(&reader, &item, &err)) == 1) {
        MUST(++n <= size);
        MUST(keys_add(&writer, &item) == 0);
    }
    MUST(got == 0 || (err.scope == ERR_RUN && err.message[0]));
    err_release(&err);
    reader = (struct keys_reader){.rest = str_make((const char *)data, size)};
    second = (struct keys_reader){.rest = buf_str(&writer.bytes)};
    while (n-- > 0) {
        MUST(keys_next(&reader, &item, &err) == 1 && keys_next(&second, &same, &err) == 1);
        MUST(str_eq(item.table, same.table) && str_eq(item.key, same.key) && item.file == same.file && item.line == same.line);
    }
    MUST(keys_next(&second, &same, &err) == 0);
    err_release(&err);
    buf_release(&writer.bytes);
    return 0;
}
