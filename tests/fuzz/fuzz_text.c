/* Single values as people write them, and settings as "key=value". Input: a line "<record>.<field>" or "<record>", then
 * the value or the assignment.
 *
 * Accepted values are within their bounds. Shown and read again, a number, word, name or document is the same. */
#include "schema/codec/check.h"
#include "schema/codec/config.h"
#include "schema/codec/preset.h"
#include "schema/codec/text.h"
#include "tests/lib/fuzz.h"

/* Exceptions: lists are shown with an item on each line and read with commas; a time far in the future is shown in
 * milliseconds, a time of 0 as "-". */
static bool shows_itself(const struct aq_field *field, const void *object)
{
    if (field->type == AQ_TYPE_TEXTS)
        return (field->rules & AQ_ARGUMENTS) != 0;
    if (field->type != AQ_TYPE_TIME)
        return true;
    uint64_t time = aq_field_number(field, object);
    return time > 0 && time < UINT64_C(253402300800000); /* the year 10000 */
}

static void read_field(const struct aq_record *record, const struct aq_field *field, const char *text)
{
    struct aq_arena arena = {0};
    struct aq_buffer shown = {0};
    struct aq_error error = {0};
    void *object = aq_arena_alloc(&arena, record->size), *back = aq_arena_alloc(&arena, record->size);
    aq_record_init(record, object, &arena);
    int status = aq_field_from_text(field, object, text, field->name, &arena, &error);
    fuzz_check_error(status, &error);
    if (status == 0) {
        fuzz_must(aq_field_check(field, object, field->name, &error) == 0);
        aq_field_to_text(field, object, &shown);
        aq_record_copy(record, back, object, &arena);
        if (shows_itself(field, object)) {
            fuzz_must(aq_field_from_text(field, back, aq_buffer_string(&shown), field->name, &arena, &error) == 0);
            fuzz_must(fuzz_equal(record, object, back));
        }
    }
    aq_buffer_free(&shown);
    aq_arena_free(&arena);
}

static void set_one(const struct aq_record *record, const char *assignment)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    void *object = aq_arena_alloc(&arena, record->size), *before = aq_arena_alloc(&arena, record->size);
    aq_record_init(record, object, &arena);
    memcpy(before, object, record->size);
    int status = aq_config_set(record, object, assignment, &arena, &error);
    fuzz_check_error(status, &error);
    fuzz_must(status == 0 || memcmp(before, object, record->size) == 0);
    aq_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char name[128];
    fuzz_take_line(&in, name, sizeof name);
    char *dot = strchr(name, '.');
    if (dot != NULL)
        *dot = '\0';
    const struct aq_record *record = fuzz_record(name);
    const struct aq_field *field = record && dot ? aq_record_field(record, dot + 1) : NULL;
    if (record == NULL || (dot != NULL && field == NULL))
        return -1;
    char *text = fuzz_rest(&in, true);
    if (field != NULL)
        read_field(record, field, text);
    else
        set_one(record, text);
    free(text);
    return 0;
}
