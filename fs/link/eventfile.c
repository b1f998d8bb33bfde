#include "fs/link/eventfile.h"

static void start_over(struct eventfile *file, bool broken)
{
    aq_buffer_free(&file->before);
    file->earlier += file->now.length;
    file->before = file->now;
    file->now = (struct aq_buffer){0};
    file->generation++;
    file->broken = broken;
}

void eventfile_append(struct eventfile *file, const char *line, size_t length)
{
    if (file->now.length > 0 && file->now.length + length > EVENTFILE_SIZE_MAX)
        start_over(file, false);
    aq_buffer_add(&file->now, line, length);
}

void eventfile_break(struct eventfile *file)
{
    if (file->now.length > 0 || !file->broken) /* otherwise nothing was appended since the last break */
        start_over(file, true);
}

void eventfile_free(struct eventfile *file)
{
    aq_buffer_free(&file->now);
    aq_buffer_free(&file->before);
}

static uint64_t end_of(const struct eventfile *file)
{
    return file->earlier + file->now.length;
}

struct eventfile_place eventfile_open(const struct eventfile *file)
{
    return (struct eventfile_place){.generation = file->generation, .most = end_of(file)};
}

/* NULL: the bytes of this generation are gone. */
static const struct aq_buffer *bytes_of(const struct eventfile *file, uint64_t generation)
{
    if (generation == file->generation)
        return &file->now;
    return generation + 1 == file->generation ? &file->before : NULL;
}

/* A place in the current generation, whose first byte is at the offset `base`. */
static struct eventfile_place place_at(const struct eventfile *file, uint64_t base, uint64_t offset)
{
    return (struct eventfile_place){.generation = file->generation, .base = base, .next = offset, .most = end_of(file)};
}

enum eventfile_answer eventfile_read(const struct eventfile *file, struct eventfile_place *place, uint64_t offset,
                                     size_t size, const char **data, size_t *length)
{
    bool gone = bytes_of(file, place->generation) == NULL;
    if (offset != place->next || (gone && offset == 0)) /* it means an offset in the current generation */
        *place = place_at(file, 0, offset);
    const struct aq_buffer *bytes = bytes_of(file, place->generation);
    if (bytes == NULL) {
        *place = place_at(file, offset, offset);
        return EVENTFILE_BEHIND;
    }
    if (place->ended)
        place->most = end_of(file);
    place->ended = false;
    if (place->generation < file->generation && offset - place->base >= bytes->length) {
        uint64_t most = place->most;
        *place = place_at(file, offset, offset);
        if (file->broken)
            return EVENTFILE_BROKEN;
        place->most = most;
        bytes = &file->now;
    }
    uint64_t at = offset - place->base;
    uint64_t begin = bytes == &file->now ? file->earlier : file->earlier - file->before.length;
    uint64_t most = place->most > begin ? place->most - begin : 0;
    most = most < bytes->length ? most : bytes->length;
    place->ended = at >= most;
    if (place->ended)
        return EVENTFILE_END;
    *data = bytes->data + at;
    *length = most - at < size ? (size_t)(most - at) : size;
    place->next = offset + *length;
    return EVENTFILE_DATA;
}

bool eventfile_has_more(const struct eventfile *file, const struct eventfile_place *place)
{
    return place->generation < file->generation || place->next - place->base < file->now.length;
}
