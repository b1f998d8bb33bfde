#include "tests/sim/outputs.h"

#include "drivers/output.h"
#include "schema/base/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_SIZE = 16 };

char outputs_byte(uint64_t resource, uint64_t position)
{
    char line[48];
    snprintf(line, sizeof line, "%07" PRIu64 " %07" PRIu64 "\n", resource, position / LINE_SIZE);
    return line[position % LINE_SIZE];
}

void outputs_write(struct witness *witness, const char *directory, uint64_t resource, unsigned lines)
{
    char name[OUTPUT_NAME_SIZE];
    struct output_span span;
    struct aq_error error;
    AQ_CLEANUP_FD int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || output_measure(folder, &span, &error) != 0)
        return;
    output_name(name, span.end);
    AQ_CLEANUP_FD int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    AQ_CLEANUP_BUFFER struct aq_buffer bytes = {0};
    for (uint64_t i = 0; i < (uint64_t)lines * LINE_SIZE; i++)
        aq_buffer_char(&bytes, outputs_byte(resource, span.end + i));
    if (file < 0 || write(file, bytes.data, bytes.length) != (ssize_t)bytes.length)
        abort();
    witness_wrote(witness, resource, span.end + bytes.length);
}
