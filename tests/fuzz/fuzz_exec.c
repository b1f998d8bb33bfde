/* The output of a command in a workload, as it comes from an agent. Input: a byte that says in what parts it comes,
 * then the stream. In whatever parts, it is read as the same, or refused for the same reason. */
#include "schema/model/exec.h"
#include "tests/lib/fuzz.h"

struct read {
    struct aq_buffer all; /* the pieces, each byte with its kind before it */
    int failed;
};

static int take(void *context, enum aq_exec_piece piece, const void *data, size_t length)
{
    struct read *read = context;
    const char *bytes = data;
    fuzz_must(length > 0 && (piece == AQ_EXEC_OUTPUT || piece == AQ_EXEC_ERRORS));
    for (size_t i = 0; i < length; i++) {
        aq_buffer_char(&read->all, (char)piece);
        aq_buffer_char(&read->all, bytes[i]);
    }
    return 0;
}

static void read_in_parts(struct read *read, const char *stream, size_t size, size_t part)
{
    struct aq_exec_reader reader = {0};
    struct aq_error error = {0};
    for (size_t at = 0; at < size && read->failed == 0; at += part) {
        read->failed = aq_exec_read(&reader, stream + at, size - at < part ? size - at : part, take, read, &error);
        fuzz_check_error(read->failed, &error);
        fuzz_must(reader.left <= AQ_EXEC_DATA_MAX && reader.have < AQ_EXEC_HEAD_SIZE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct read whole = {0}, parts = {0};
    const size_t part = (size_t)fuzz_take(&in, 1) + 1;
    char *stream = fuzz_rest(&in, false);
    read_in_parts(&whole, stream, in.size, in.size + 1);
    read_in_parts(&parts, stream, in.size, part);
    fuzz_must(whole.failed == parts.failed && whole.all.length == parts.all.length);
    fuzz_must(whole.all.length == 0 || memcmp(whole.all.data, parts.all.data, whole.all.length) == 0);
    aq_buffer_free(&whole.all);
    aq_buffer_free(&parts.all);
    free(stream);
    return 0;
}
