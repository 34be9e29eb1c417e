/* The bridge to simdjson: only its first stage is used, without exceptions and without its document types. */
#include "read/json_simd.h"

#include <memory>
#include <new>
#include <simdjson.h>

using simdjson::internal::dom_parser_implementation;

struct json_simd {
    std::unique_ptr<dom_parser_implementation> stages;
    uint32_t empty[2];
};

static const size_t CAPACITY_MIN = 64 * 1024, CAPACITY_LARGE = 1024 * 1024;

/* simdjson looks for the widest instructions when it is first asked, and ends the process when memory is refused then. So
 * it is asked before main(), when there is nothing to lose. */
static const simdjson::implementation *choose()
{
    (void)simdjson::get_active_implementation()->name();
    return simdjson::get_active_implementation();
}
static const simdjson::implementation *const widest = choose();

extern "C" struct json_simd *json_simd_new(void)
{
    json_simd *s = new (std::nothrow) json_simd{nullptr, {0, 0}};

    /* Depth matters to the second stage only. */
    if (s && widest->create_dom_parser_implementation(CAPACITY_MIN, 1, s->stages)) {
        delete s;
        return nullptr;
    }
    return s;
}

extern "C" void json_simd_free(struct json_simd *s)
{
    delete s;
}

/* The index has four bytes for each byte of text. Pages that no token reaches are never touched, but a limit on
 * addresses counts them, so that large texts get little more than they need. */
static bool make_room(json_simd *s, size_t len)
{
    size_t capacity = s->stages->capacity();

    if (len <= capacity)
        return true;
    if (capacity < CAPACITY_MIN)    /* it is 0 after memory was refused */
        capacity = CAPACITY_MIN;
    while (capacity < len && capacity < CAPACITY_LARGE)
        capacity *= 2;
    if (capacity < len)
        capacity = len + len / 16;
    if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES)
        capacity = simdjson::SIMDJSON_MAXSIZE_BYTES;
    return s->stages->allocate(capacity, 1) == simdjson::SUCCESS;
}

extern "C" enum json_simd_status json_simd_index(struct json_simd *s, const char *text, size_t len,
                                                 const uint32_t **ret, size_t *ret_n)
{
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>(text);
    simdjson::error_code code;

    if (!make_room(s, len))
        return JSON_SIMD_OOM;
    code = s->stages->stage1(bytes, len, simdjson::stage1_mode::regular);
    if (code == simdjson::EMPTY) {
        s->empty[0] = s->empty[1] = static_cast<uint32_t>(len);
        *ret = s->empty;
        *ret_n = 0;
        return JSON_SIMD_GOOD;
    }
    if (code != simdjson::SUCCESS)
        return JSON_SIMD_BAD;
    *ret_n = s->stages->n_structural_indexes;
    s->stages->structural_indexes[*ret_n] = s->stages->structural_indexes[*ret_n + 1] = static_cast<uint32_t>(len);
    *ret = s->stages->structural_indexes.get();
    return JSON_SIMD_GOOD;
}
