#include "schema/model/exec.h"

#include <string.h>

AQ_DEFINE(aq_exec_input, "exec_input", 1, "input of a command that runs in a workload")
AQ_DEFINE(aq_exec_output, "exec_output", 1, "output of a command that runs in a workload")

static const char *const copy_out[AQ_EXEC_COPY_COUNT] = {"tar", "-cf", "-", "-C", NULL, "--", NULL};

void aq_exec_copy_out(const char *arguments[AQ_EXEC_COPY_COUNT], const char *directory, const char *name)
{
    memcpy(arguments, copy_out, sizeof copy_out);
    arguments[AQ_EXEC_COPY_DIRECTORY] = directory;
    arguments[AQ_EXEC_COPY_NAME] = name;
}

bool aq_exec_is_copy_out(const struct aq_list *arguments)
{
    if (arguments->count != AQ_EXEC_COPY_COUNT)
        return false;
    for (uint32_t i = 0; i < AQ_EXEC_COPY_COUNT; i++)
        if (copy_out[i] != NULL && strcmp(AQ_TEXT_ITEM(*arguments, i), copy_out[i]) != 0)
            return false;
    const char *name = AQ_TEXT_ITEM(*arguments, AQ_EXEC_COPY_NAME);
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, "..") != 0;
}

void aq_exec_add_piece(struct aq_buffer *stream, enum aq_exec_piece piece, const void *data, size_t length)
{
    aq_assert(length <= AQ_EXEC_DATA_MAX);
    const unsigned char head[AQ_EXEC_HEAD_SIZE] = {(unsigned char)piece, (unsigned char)(length >> 16),
                                                   (unsigned char)(length >> 8), (unsigned char)length};
    aq_buffer_add(stream, head, sizeof head);
    aq_buffer_add(stream, data, length);
}

static int read_head(struct aq_exec_reader *reader, struct aq_error *error)
{
    const unsigned char *head = reader->head;
    reader->have = 0;
    const size_t length = (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if ((head[0] != AQ_EXEC_OUTPUT && head[0] != AQ_EXEC_ERRORS) || length > AQ_EXEC_DATA_MAX)
        return aq_fail(error, AQ_E_INVALID, "the output has a piece of kind %u with %zu bytes, which there is not",
                       head[0], length);
    reader->left = length;
    reader->kind = (enum aq_exec_piece)head[0];
    return 0;
}

int aq_exec_read(struct aq_exec_reader *reader, const void *data, size_t length, aq_exec_take_fn *take, void *context,
                 struct aq_error *error)
{
    const unsigned char *at = data, *end = at + length;
    while (at < end) {
        if (reader->left > 0) {
            const size_t here = reader->left < (size_t)(end - at) ? reader->left : (size_t)(end - at);
            if (take(context, reader->kind, at, here) != 0)
                return aq_fail(error, AQ_E_IO, "the output cannot be written");
            reader->left -= here;
            at += here;
            continue;
        }
        reader->head[reader->have++] = *at++;
        if (reader->have == AQ_EXEC_HEAD_SIZE && read_head(reader, error) != 0)
            return -1;
    }
    return 0;
}
