#include "drivers/left.h"

#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FILE_SIZE = 2048 };

static const char file_name[] = "left";

/* One line; the path is last, and may have blanks. */
int driver_left_write(int directory, const struct driver_left *left, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_buffer_format(&text, "aquarium-left 1 %s %s %s %d %d %" PRIu32 " %" PRIu32 " %" PRIu64 " %s\n", left->driver,
                     left->tree, left->at, left->layer, left->has_user, left->user, left->group, left->bytes,
                     left->cwd);
    return aq_file_replace_unsynced(directory, file_name, 0600, text.data, text.length, error);
}

bool driver_left_read(int directory, struct driver_left *left)
{
    char text[FILE_SIZE];
    int layer, has_user, at = 0;
    *left = (struct driver_left){0};
    if (aq_file_read_text(directory, file_name, text, sizeof text) < 0 ||
        sscanf(text, "aquarium-left 1 %31s %31s %31s %d %d %" SCNu32 " %" SCNu32 " %" SCNu64 " %n", left->driver,
               left->tree, left->at, &layer, &has_user, &left->user, &left->group, &left->bytes, &at) != 8 ||
        at == 0 || text[at] != '/' || strchr(text + at, '\n') == NULL || strchr(left->tree, '/') != NULL)
        return false;
    left->layer = layer != 0;
    left->has_user = has_user != 0;
    size_t length = strcspn(text + at, "\n");
    if (length >= sizeof left->cwd)
        return false;
    memcpy(left->cwd, text + at, length);
    left->cwd[length] = '\0';
    return true;
}
