/* YAML: configuration files, labels, documents in control files. Input: a line with the name of a record, then YAML.
 *
 * The place of each value is known; printed and read again, it is the same value. */
#include "schema/codec/json.h"
#include "schema/codec/yaml.h"
#include "tests/lib/fuzz.h"

static void check_places(const struct aq_yaml_places *places, json_t *json)
{
    unsigned line = 0, column = 0;
    const char *key;
    size_t index;
    json_t *child;
    json_object_foreach (json, key, child) {
        fuzz_must(aq_yaml_place(places, json, key, 0, &line, &column) && line > 0 && column > 0);
        check_places(places, child);
    }
    json_array_foreach (json, index, child) {
        fuzz_must(aq_yaml_place(places, json, NULL, index, &line, &column) && line > 0 && column > 0);
        check_places(places, child);
    }
}

static void check_print(const json_t *json)
{
    struct aq_buffer out = {0};
    struct aq_error error = {0};
    aq_yaml_print(json, &out);
    json_t *back = aq_yaml_parse(aq_buffer_string(&out), out.length, NULL, &error);
    if (back == NULL || !json_equal(json, back))
        fprintf(stderr, "printed: %s\nerror: %s\n", aq_buffer_string(&out), error.message);
    fuzz_must(back != NULL && json_equal(json, back));
    json_decref(back);
    aq_buffer_free(&out);
}

static void read_record(const struct aq_record *record, const json_t *json, const struct aq_yaml_places *places)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    void *object = aq_arena_alloc(&arena, record->size);
    int status = aq_record_from_json(record, object, json, places, &arena, &error);
    fuzz_check_error(status, &error);
    aq_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { PLACES_CHECKED_MAX = 512 };
    struct fuzz_input in = {data, size};
    struct aq_yaml_places *places = NULL;
    struct aq_error error = {0};
    const struct aq_record *record = fuzz_take_record(&in);
    if (record == NULL)
        return -1;
    char *text = fuzz_rest(&in, false);
    json_t *json = aq_yaml_parse(text, in.size, &places, &error);
    fuzz_check_error(json == NULL, &error);
    fuzz_must((json == NULL) == (places == NULL));
    if (json != NULL) {
        if (in.size < PLACES_CHECKED_MAX) /* each one is a search */
            check_places(places, json);
        check_print(json);
        read_record(record, json, places);
    }
    aq_yaml_places_free(places);
    json_decref(json);
    free(text);
    return 0;
}
