#include "fs/kernel/openfile.h"

#include <stdlib.h>
#include <string.h>

struct open_file *open_file_of(const struct fuse_file_info *info)
{
    return (struct open_file *)(uintptr_t)info->fh;
}

struct open_file *open_file_new(struct open_file **list, struct budget *budget, const struct tree_node *node, uid_t uid)
{
    struct open_file *file = aq_calloc(1, sizeof *file);
    *file = (struct open_file){.next = *list, .link = list, .budget = budget, .node = *node, .uid = uid};
    if (file->next != NULL)
        file->next->link = &file->next;
    *list = file;
    return file;
}

void open_file_free(struct open_file *file)
{
    *file->link = file->next;
    if (file->next != NULL)
        file->next->link = file->link;
    if (file->poll != NULL)
        fuse_pollhandle_destroy(file->poll);
    budget_release(file->budget, &file->charge);
    aq_buffer_free(&file->content);
    free(file);
}

void open_file_reply(fuse_req_t request, struct fuse_file_info *info, struct open_file *file)
{
    info->fh = (uintptr_t)file;
    info->direct_io = 1;
    if (fuse_reply_open(request, info) != 0)
        open_file_free(file); /* interrupted: the kernel will not release it */
}

int open_file_charge(struct open_file *file, struct aq_error *error)
{
    return budget_charge(file->budget, &file->charge, file->uid, sizeof *file + file->content.capacity, error);
}

/* A reader that goes on after what it wrote or read gets the rest of the answer. One that seeks means offsets within
 * the answer. */
void open_file_read(struct open_file *file, uint64_t offset, size_t size, const char **data, size_t *length)
{
    if (offset != file->next_offset && offset < file->base)
        file->base = 0;
    uint64_t at = offset - file->base;
    *length = 0;
    if (at < file->content.length) {
        *data = file->content.data + at;
        *length = file->content.length - at < size ? (size_t)(file->content.length - at) : size;
    }
    file->next_offset = offset + *length;
}

void open_file_answer(struct open_file *file, const struct aq_outcome *outcome, uint64_t end)
{
    file->acted = true;
    aq_buffer_reset(&file->content);
    if (outcome->id[0] != '\0')
        aq_buffer_format(&file->content, "%s\n", outcome->id);
    if (outcome->token[0] != '\0')
        aq_buffer_format(&file->content, "token=%s\n", outcome->token);
    for (const char *line = outcome->warnings; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        aq_buffer_format(&file->content, "warning=%.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    file->base = file->next_offset = end;
}
