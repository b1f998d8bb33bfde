/* What can be done to an entity: verbs of aq itself, such as list and edit, and the commands and views of the schema,
 * with the flags that each takes. */
#ifndef AQ_TOOLS_AQ_VERBS_H
#define AQ_TOOLS_AQ_VERBS_H

#include "schema/model/command.h"
#include "schema/model/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What kind of thing a line of aq asks for. */
enum cli_form {
    CLI_TOPIC,
    CLI_LIST,
    CLI_GET,
    CLI_DESCRIBE,
    CLI_FIELD,
    CLI_VIEW,
    CLI_EDIT,
    CLI_WRITE,
};

/* A verb that is neither a command nor a view. */
struct cli_verb {
    const char *name, *usage, *help;
    enum cli_form form;
    uint64_t flags;
};

/* Those of the entity, from *index on, which it advances; NULL: no more. */
const struct cli_verb *cli_verb_at(const struct aq_entity *entity, size_t *index);
const struct cli_verb *cli_verb_find(const struct aq_entity *entity, const char *name); /* NULL: none */

/* The verb of a form; with the usage "" for a form without a verb of its own. `watch`: of CLI_LIST, the one that
 * watches. */
const struct cli_verb *cli_verb_of_form(enum cli_form form, bool watch);

/* May aq edit rows of the entity: change them, or make a new version? The command it then sends; NULL: no. */
const struct aq_command *cli_edit_command(const struct aq_entity *entity);

/* May a user ask for it? */
bool cli_command_is_verb(const struct aq_command *command, const struct aq_entity *entity);

uint64_t cli_command_flags(const struct aq_command *command);
uint64_t cli_view_flags(const struct aq_view *view);

#endif
