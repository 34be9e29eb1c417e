/* Any bytes as a mapping: faults with places inside it, or a mapping that can be compiled or has faults then. */
#include "fuzz.h"

#include "map/program.h"

static uint32_t lines_of(const uint8_t *data, size_t size)
{
    uint32_t n = 1;

    for (size_t i = 0; i < size; i++)
        n += data[i] == '\n' || data[i] == '\r';
    return n;
}

static void check_places(const struct mapping_faults *faults, uint32_t lines)
{
    for (size_t i = 0; i < faults->n; i++) {
        const struct err *e = &faults->at[i];

        MUST(e->message[0] && e->code != CODE_NONE);
        MUST(e->map_line >= 1 && e->map_line <= lines && e->map_column >= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mapping_faults faults = {0};
    struct mapping *m = mapping_parse(str_make((const char *)data, size), "fuzz.yaml", &faults);
    struct program *p = NULL;

    MUST((m != NULL) == (faults.n == 0));
    check_places(&faults, lines_of(data, size));
    if (m) {
        p = program_compile(m, NULL, NULL, 0, &faults);
        MUST((p != NULL) == (faults.n == 0));
        check_places(&faults, lines_of(data, size));
    }
    program_free(p);
    mapping_free(m);
    mapping_faults_release(&faults);
    return 0;
}
