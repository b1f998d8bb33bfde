#include "tools/aq/verbs.h"

#include "schema/codec/command.h"
#include "schema/model/project.h"
#include "tools/aq/topics.h"

#include <string.h>

#define LIST_FLAGS                                                                                                     \
    (CLI_TABLE_FLAGS | CLI_BIT(watch) | CLI_BIT(limit) | CLI_BIT(lines) | CLI_BIT(all) | CLI_BIT(reverse) |            \
     CLI_BIT(sort) | CLI_BIT(since))
#define EDIT_FLAGS (CLI_DATA_FLAGS | CLI_BIT(quiet) | CLI_BIT(dry_run))

static const struct cli_verb verbs[] = {
    {"list", "[field=pattern...]", "a table of all, or of those that match field=pattern", CLI_LIST, LIST_FLAGS},
    {"get", "KEY...", "all fields of one or several", CLI_GET, CLI_TABLE_FLAGS | CLI_BIT(watch)},
    {"watch", "[KEY] [field=pattern...]", "list, and print again after each change", CLI_LIST, LIST_FLAGS},
    {"describe", "KEY...", "all fields, and what led to them", CLI_DESCRIBE, CLI_DATA_FLAGS},
    {"edit", "KEY", "change it with $VISUAL or $EDITOR", CLI_EDIT, EDIT_FLAGS},
};

/* The forms without a verb of their own. */
static const struct cli_verb field_verb = {"FIELD", "", "one field alone", CLI_FIELD, CLI_DATA_FLAGS};

const struct cli_verb *cli_verb_of_form(enum cli_form form, bool watch)
{
    for (size_t i = 0; i < AQ_LENGTH(verbs); i++)
        if (verbs[i].form == form && (form != CLI_LIST || watch == (i != 0)))
            return &verbs[i];
    return &field_verb;
}

const struct aq_command *cli_edit_command(const struct aq_entity *entity)
{
    const struct aq_command *update = aq_command_of(entity, "update");
    return update != NULL ? update : entity->group != NULL ? aq_command_of(entity, "apply") : NULL;
}

const struct cli_verb *cli_verb_at(const struct aq_entity *entity, size_t *index)
{
    while (*index < AQ_LENGTH(verbs)) {
        const struct cli_verb *verb = &verbs[(*index)++];
        if (verb->form != CLI_EDIT || cli_edit_command(entity) != NULL)
            return verb;
    }
    return NULL;
}

const struct cli_verb *cli_verb_find(const struct aq_entity *entity, const char *name)
{
    const struct cli_verb *verb;
    for (size_t i = 0; (verb = cli_verb_at(entity, &i)) != NULL;)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

bool cli_command_is_verb(const struct aq_command *command, const struct aq_entity *entity)
{
    return command->entity == entity && command->kind != AQ_INTERNAL_COMMAND;
}

uint64_t cli_command_flags(const struct aq_command *command)
{
    uint64_t flags = CLI_DATA_FLAGS | CLI_BIT(quiet) | CLI_BIT(dry_run);
    if (command->kind == AQ_CREATES || command->kind == AQ_UPDATES)
        flags |= CLI_BIT(file);
    if (aq_record_field(command->record, "sealed") != NULL)
        flags |= CLI_BIT(secret);
    if (command->kind == AQ_CREATES && !aq_command_goes_by_verb(command))
        flags |= CLI_BIT(count);
    if (command->entity == &aq_entity_project && command->kind != AQ_DELETES)
        flags |= CLI_BIT(quota);
    if (command->entity->may_wait)
        flags |= CLI_TABLE_FLAGS | CLI_BIT(wait);
    return flags;
}

uint64_t cli_view_flags(const struct aq_view *view)
{
    static const uint64_t flags[aq_view_kind_count] = {
        [AQ_VIEW_EVENTS] = CLI_BIT(quiet) | CLI_BIT(limit) | CLI_BIT(lines),
        [AQ_VIEW_VOTES] = CLI_TABLE_FLAGS | CLI_BIT(limit) | CLI_BIT(lines),
        [AQ_VIEW_LOAD] = CLI_BIT(since) | CLI_BIT(no_headers),
        [AQ_VIEW_OUTPUT] = CLI_BIT(follow) | CLI_BIT(lines) | CLI_BIT(size),
    };
    return flags[view->kind] | CLI_DATA_FLAGS;
}
