/* A command as a line of field=value words. Input: a line with the name of a command or another record, then the line.
 *
 * The result consists of nested objects whose leaves are texts, no deeper than the line's dots. */
#include "schema/codec/json.h"
#include "schema/codec/text.h"
#include "tests/lib/fuzz.h"

#include <jansson.h>

static void check_texts(const json_t *json, unsigned depth)
{
    const char *key;
    json_t *child;
    fuzz_must(depth <= 8);
    json_object_foreach ((json_t *)json, key, child) {
        fuzz_must(key[0] != '\0' && strchr(key, '.') == NULL);
        fuzz_must(json_is_string(child) || json_object_size(child) > 0);
        check_texts(child, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    const struct aq_record *record = fuzz_take_record(&in);
    if (record == NULL)
        return -1;
    char *line = fuzz_rest(&in, false);
    json_t *json = aq_line_parse(line, in.size, &error);
    fuzz_check_error(json == NULL, &error);
    if (json != NULL) {
        check_texts(json, 0);
        void *object = aq_arena_alloc(&arena, record->size);
        int status = aq_record_from_json(record, object, json, NULL, &arena, &error);
        fuzz_check_error(status, &error);
    }
    json_decref(json);
    aq_arena_free(&arena);
    free(line);
    return 0;
}
