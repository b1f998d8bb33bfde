/* Writes into control files. Input: a line with the name of a command, a line with the key of the row, the bytes of the
 * write.
 *
 * What is accepted is a record that the controller accepts. */
#include "fs/tree/control.h"
#include "schema/base/utf8.h"
#include "schema/codec/pack.h"
#include "tests/lib/fuzz.h"

static void check_packed(const struct aq_command *command, const struct aq_buffer *packed)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    void *object = aq_arena_alloc(&arena, command->record->size);
    int status = aq_record_unpack(command->record, object, packed->data, packed->length, true, &arena, &error);
    if (status != 0)
        fprintf(stderr, "the controller says: %s\n", error.message);
    fuzz_must(status == 0);
    aq_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aq_buffer packed = {0};
    struct aq_error error = {0};
    char name[64], key[64];
    fuzz_take_line(&in, name, sizeof name);
    fuzz_take_line(&in, key, sizeof key);
    const struct aq_command *command = aq_command_named(name);
    if (command == NULL || command->kind == AQ_INTERNAL_COMMAND || !aq_name_is_good(key, strlen(key)))
        return -1;
    char *text = fuzz_rest(&in, false);
    int status = control_read(command, key, NULL, text, in.size, &packed, &error);
    fuzz_check_error(status, &error);
    fuzz_must((status == 0) == (packed.length > 0));
    if (status == 0)
        check_packed(command, &packed);
    aq_buffer_free(&packed);
    free(text);
    return 0;
}
