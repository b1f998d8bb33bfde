#include "fs/readme.h"

#include "fs/directories.h"
#include "fs/extras.h"
#include "schema/entity.h"

#include <string.h>

static void write_head(const char *mount, struct aq_buffer *out)
{
    aq_buffer_format(out,
                     "Aquarium: the cluster as files\n"
                     "\n"
                     "A directory is a thing, a file is one of its fields, a symbolic link leads to another thing.\n"
                     "To change something, write one whole command into a control file (%s/applications/new);\n"
                     "`cat` a control file to see what it takes. A write that fails says why in errors/last.\n"
                     "\n"
                     "Try:\n"
                     "    echo label=mac > applications/new      # ask for a resource of the label mac\n"
                     "    cat applications/last/status           # NEW, ELECTED, ALLOCATED\n"
                     "    cat applications/last/why              # which nodes were looked at, and why this one\n"
                     "    cat applications/last/resource/meta    # what it was given\n"
                     "    cat resources/*/log                    # what it says\n"
                     "    echo 1 > applications/last/deallocate  # give it back\n"
                     "    cat labels/mac/latest/definition.yml   # edit a copy, and: cat copy > labels/new\n"
                     "    echo true > nodes/<name>/maintenance   # no new work there\n"
                     "    tail -f events                         # everything that happens\n"
                     "    cat errors/last                        # why your last write failed\n"
                     "    exec 3<>applications/new; echo label=mac >&3; cat <&3   # the number of the new one\n"
                     "\n",
                     mount);
}

static void write_commands(const struct aq_entity *entity, struct aq_buffer *out)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (command->kind != AQ_INTERNAL_COMMAND && strcmp(command->entity, entity->name) == 0)
            aq_buffer_format(out, "    %s%-*s write: %s\n", command->kind == AQ_CREATES ? "" : "<key>/",
                             command->kind == AQ_CREATES ? 28 : 22, directory_command_name(command), command->help);
}

static void write_fields(const struct aq_entity *entity, struct aq_buffer *out)
{
    for (size_t i = 0; i < entity->record->count; i++) {
        const struct aq_field *field = &entity->record->fields[i];
        if (!(field->rules & AQ_SECRET))
            aq_buffer_format(out, "    <key>/%-22s %s%s\n", directory_field_name(entity, field), field->help,
                             field->refers ? " (link)" : "");
    }
    const struct tree_extra *extra;
    for (size_t i = 0; (extra = extras_at(i)) != NULL; i++)
        if (strcmp(extra->entity, entity->name) == 0)
            aq_buffer_format(out, "    <key>/%-22s %s\n", extra->name, extra->help);
}

void readme_write(const char *mount, struct aq_buffer *out)
{
    const struct aq_entity *entity;
    write_head(mount, out);
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        aq_buffer_format(out, "%s/: %s\n", entity->plural, entity->record->help);
        if (entity->group != NULL)
            aq_buffer_format(out, "    <key> is <%s>/<%s>; <%s>/latest leads to the last one\n", entity->group,
                             entity->member, entity->group);
        if (extras_has_newest(entity))
            aq_buffer_text(out, "    last leads to your newest one\n");
        write_commands(entity, out);
        write_fields(entity, out);
        aq_buffer_char(out, '\n');
    }
    aq_buffer_text(
        out, "Good to know: one write is one command, and a shell's own printf and echo -e write line by line: give\n"
             "documents with cat (cat <<X > labels/new). A write is known to be durable when it returns. Without a\n"
             "leader, writes fail (read-only file system) and reads go on. inotify sees nothing of what the cluster\n"
             "changes; poll() and blocking reads of events do. You see what your user may see: root is the user\n"
             "admin, and any other unix user is the cluster user of the same name.\n");
}
