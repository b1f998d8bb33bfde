#include "fs/tree/readme.h"

#include "fs/tree/paths.h"
#include "fs/tree/views.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/wire/messages.h"

#include <string.h>

static void write_head(const char *mount, struct aq_buffer *out)
{
    aq_buffer_format(out,
                     "Aquarium: the cluster as files\n"
                     "\n"
                     "A directory is an entity, a file is one of its fields, a symbolic link leads to another entity.\n"
                     "To change something, write one whole command to a control file (%s/applications/new);\n"
                     "`cat` a control file to see what it takes. If a write fails, errors/last says why.\n"
                     "\n"
                     "Try:\n"
                     "    echo label=mac > applications/new      # ask for a resource of the label mac\n"
                     "    cat applications/last/status           # NEW, ELECTED, ALLOCATED\n"
                     "    cat applications/last/why              # which nodes were considered, and why this one\n"
                     "    cat applications/last/resource/meta    # what it was given\n"
                     "    cat resources/*/log                    # its output\n"
                     "    echo 1 > applications/last/deallocate  # give it back\n"
                     "    cat labels/mac/latest/definition.yml   # edit a copy, then: cat copy > labels/new\n"
                     "    echo true > nodes/<name>/maintenance   # it gets no new work\n"
                     "    tail -f events                         # everything that happens\n"
                     "    cat errors/last                        # why your last write failed\n"
                     "    exec 3<>applications/new; echo label=mac >&3; cat <&3   # the number of the new application\n"
                     "\n",
                     mount);
}

enum { NAME_WIDTH = 28 };

/* One line: the path of a file, and what it holds. */
static void write_file(const char *folder, const char *name, const char *mark, const char *help, struct aq_buffer *out)
{
    aq_buffer_format(out, "    %s%-*s %s%s\n", folder, (int)(NAME_WIDTH - strlen(folder)), name, mark, help);
}

static bool shows_field(const struct aq_entity *entity, const struct aq_command *command)
{
    for (size_t i = 0; i < entity->record->count; i++)
        if (strcmp(tree_field_name(entity, &entity->record->fields[i]), tree_command_name(command)) == 0)
            return true;
    return false;
}

static void write_commands(const struct aq_entity *entity, struct aq_buffer *out)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++)
        if (command->kind != AQ_INTERNAL_COMMAND && command->entity == entity)
            write_file(command->kind == AQ_CREATES ? "" : "<key>/", tree_command_name(command),
                       shows_field(entity, command) ? "read, or write: " : "write: ", command->help, out);
}

static void write_record(const char *folder, const struct aq_record *record, struct aq_buffer *out)
{
    for (size_t i = 0; i < record->count; i++)
        if (!(record->fields[i].rules & (AQ_KEY | AQ_SECRET)))
            write_file(folder, record->fields[i].name, "", record->fields[i].help, out);
}

static void write_fields(const struct aq_entity *entity, struct aq_buffer *out)
{
    for (size_t i = 0; i < entity->record->count; i++) {
        const struct aq_field *field = &entity->record->fields[i];
        const char *name = tree_field_name(entity, field);
        if (!(field->rules & AQ_SECRET) && tree_command_named(entity, name) == NULL)
            write_file("<key>/", name, field->refers ? "link: " : "", field->help, out);
    }
    const struct aq_entity *related;
    for (size_t i = 0; (related = tree_related_at(entity, &i)) != NULL;) {
        AQ_CLEANUP_BUFFER struct aq_buffer name = {0};
        aq_buffer_format(&name, "%s/", related->plural);
        write_file("<key>/", aq_buffer_string(&name), "links: ", "those that belong to it", out);
    }
    const struct aq_view *view;
    for (size_t i = 0; (view = tree_view_at(entity, &i)) != NULL;) {
        AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
        aq_buffer_format(&path, "<key>/%s/", view->name);
        write_file("<key>/", view->name, "", view->help, out);
        if (view->kind == AQ_VIEW_LIVE)
            write_record(aq_buffer_string(&path), entity->live, out);
    }
}

/* The files outside of the tables. */
static void write_rest(struct aq_buffer *out)
{
    write_file("", "events", "", "all events, one line of JSON each, for admins", out);
    write_file("", "errors/last", "", "why your last write failed", out);
    write_file("", "cluster/seq", "", "the number of the last event", out);
    write_file("", "cluster/leader", "", "the controller that leads", out);
    write_record("cluster/members/<name>/", &aq_member_record, out);
}

void readme_write(const char *mount, struct aq_buffer *out)
{
    const struct aq_entity *entity;
    write_head(mount, out);
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        aq_buffer_format(out, "%s/: %s\n", entity->plural, entity->record->help);
        if (entity->group != NULL)
            aq_buffer_format(out, "    <key> is <%s>/<%s>; <%s>/latest links to the last one\n", entity->group,
                             entity->member, entity->group);
        if (entity->has_newest)
            aq_buffer_text(out, "    last links to your newest one\n");
        write_commands(entity, out);
        write_fields(entity, out);
        aq_buffer_char(out, '\n');
    }
    write_rest(out);
    aq_buffer_text(
        out, "\n"
             "Good to know: One write is one command, but a shell's own printf and echo -e write line by line:\n"
             "write documents with cat (cat <<X > labels/new). When a write returns, the change is durable. While\n"
             "there is no leader, writes fail (read-only file system) and reads work. inotify does not report\n"
             "changes of the cluster; poll() and tail -f do. You see what your user may see:\n"
             "root is the user admin, and any other unix user is the cluster user that has its number as uid\n"
             "(echo 1001 > users/bob/uid).\n");
}
