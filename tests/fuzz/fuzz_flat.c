/* Labels in the flat form of older clients, which is converted to one with definitions. Input: JSON.
 *
 * The result contains nothing of the flat form, and is read like any other label. */
#include "schema/codec/json.h"
#include "schema/model/label.h"
#include "tests/lib/fuzz.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct aq_label_create label;
    char *text = fuzz_rest(&in, false);
    json_t *json = aq_json_parse(text, in.size, &error);
    if (json_is_object(json)) {
        int status = aq_label_from_flat(json, &error);
        fuzz_check_error(status, &error);
        if (status == 0) {
            fuzz_must(json_object_get(json, "driver") == NULL && json_object_get(json, "definition") == NULL);
            status = aq_record_from_json(&aq_label_create_record, &label, json, NULL, &arena, &error);
            fuzz_check_error(status, &error);
        }
    }
    json_decref(json);
    aq_arena_free(&arena);
    free(text);
    return 0;
}
