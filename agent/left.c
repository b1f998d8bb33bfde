#include "agent/left.h"

#include "agent/names.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/number.h"
#include "schema/codec/preset.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool read_note(int directory, const char *name, struct driver_left *note)
{
    AQ_CLEANUP_FD int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return inner >= 0 && driver_left_read(inner, note);
}

static uint64_t measure_found(int directory, const char *name, const struct stat *status)
{
    struct driver_left note;
    (void)status;
    return read_note(directory, name, &note) ? note.bytes : 0;
}

int left_open(struct left *left, int parent, struct trash *trash, const struct aq_clocks *now, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    if (shelf_open(&left->shelf, parent, "left", measure_found, trash, now, error) != 0)
        return -1;
    aq_record_init(&aq_agent_keep_files_record, &left->keep, &arena);
    left->shelf.bounds = (struct shelf_bounds){left->keep.number, left->keep.size << 20, left->keep.age * 1000};
    return 0;
}

void left_close(struct left *left)
{
    shelf_close(&left->shelf);
}

/* One that is larger than all may be would drive out the others, and then be deleted itself. */
void left_take(struct left *left, uint64_t resource, int workload)
{
    char name[NAME_SIZE];
    struct driver_left note;
    const struct shelf_bounds *bounds = &left->shelf.bounds;
    name_of_number(resource, name);
    if (bounds->number == 0 || !read_note(workload, "driver", &note) || note.bytes > bounds->bytes)
        return;
    if (renameat(workload, "driver", left->shelf.directory, name) != 0) {
        aq_journal(AQ_WARN, "files of a workload that has ended cannot be kept", "resource", name, "error",
                   strerror(errno), NULL);
        return;
    }
    shelf_add(&left->shelf, resource, note.bytes, false);
}

void left_keep(struct left *left, const struct aq_agent_keep_files *keep)
{
    left->keep = *keep;
    left->shelf.bounds = (struct shelf_bounds){keep->number, keep->size << 20, keep->age * 1000};
    shelf_prune(&left->shelf);
}

int left_find(const struct left *left, uint64_t resource, struct driver_left *note, struct aq_error *error)
{
    char name[NAME_SIZE];
    AQ_CLEANUP_BUFFER struct aq_buffer size = {0};
    AQ_CLEANUP_BUFFER struct aq_buffer age = {0};
    name_of_number(resource, name);
    if (read_note(left->shelf.directory, name, note))
        return 0;
    aq_number_to_text(aq_record_field(&aq_agent_keep_files_record, "size"), left->keep.size, &size);
    aq_number_to_text(aq_record_field(&aq_agent_keep_files_record, "age"), left->keep.age, &age);
    return aq_fail(error, AQ_E_NOT_FOUND,
                   "no files of resource %" PRIu64 " are kept: its node keeps those of the newest %" PRIu64
                   " workloads that have ended and left some, %s in all, for %s (keep.files of its agent)",
                   resource, left->keep.number, aq_buffer_string(&size), aq_buffer_string(&age));
}
