#include "schema/model/label.h"

#include "controller/decide/decide.h"
#include "controller/decide/recipe.h"
#include "controller/decide/secrets.h"
#include "controller/state/references.h"
#include "schema/codec/variables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const reserved[] = {"new", "apply", NULL}; /* names of control files */

static int check_version(const struct aq_label_create *command, uint64_t next, struct aq_error *error)
{
    if (command->version == 0 || command->version == next)
        return 0;
    if (command->version < next)
        return aq_fail(error, AQ_E_EXISTS,
                       "version is %" PRIu64 ", but label %s already had that version; the next one is %" PRIu64,
                       command->version, command->name, next);
    return aq_fail(error, AQ_E_INVALID, "version is %" PRIu64 ", but the next version of label %s is %" PRIu64,
                   command->version, command->name, next);
}

/* ---- its project ---------------------------------------------------------------------------------------- */

static const char *where(const struct decide *decide, const char *project)
{
    return project[0] == '\0' ? "all projects" : aq_arena_format(decide->arena, "project %s", project);
}

/* A new version of a label belongs to the project of the others. */
static int check_next(const struct decide *decide, const struct aq_label *latest, const char *asked,
                      struct aq_error *error)
{
    const struct aq_permission *read = aq_permission_of(&aq_entity_label, "read");
    if (aq_access_scope(&decide->caller, decide->permission, latest->project) != AQ_SCOPE_ALL) {
        if (!aq_access_allows_row(&decide->caller, read, latest))
            return aq_fail(error, AQ_E_EXISTS, "the name %s is taken already: choose another", latest->name);
        return aq_fail(error, AQ_E_FORBIDDEN, "label %s belongs to %s: a new version takes the permission %s there",
                       latest->name, where(decide, latest->project), decide->permission->name);
    }
    if (asked[0] == '\0' || strcmp(asked, latest->project) == 0)
        return 0;
    return aq_fail(error, AQ_E_INVALID, "project is \"%s\", but label %s belongs to %s, and so do all its versions",
                   asked, latest->name, where(decide, latest->project));
}

static int check_new(const struct decide *decide, const char *project, struct aq_error *error)
{
    if (project[0] != '\0')
        return decide_check_project(decide, decide->permission, project, error);
    if (aq_access_scope(&decide->caller, decide->permission, "") == AQ_SCOPE_ALL)
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN,
                   "%s may not create labels for all projects: that takes the permission %s in all of them; name a "
                   "project",
                   decide->caller.name, decide->permission->name);
}

/* The project of a new version of the label; NULL with `error`: the author may not create it. */
static const char *choose_project(const struct decide *decide, const char *name, const char *asked,
                                  struct aq_error *error)
{
    struct aq_label latest;
    uint64_t id = state_member(decide->txn, &aq_entity_label, name, 0);
    if (id != 0 && state_label(decide->txn, id, &latest, decide->arena))
        return check_next(decide, &latest, asked, error) == 0 ? latest.project : NULL;
    const char *only = decide_only_project(decide), *project = asked[0] == '\0' && only != NULL ? only : asked;
    return check_new(decide, project, error) == 0 ? project : NULL;
}

/* ---- commands ------------------------------------------------------------------------------------------- */

static int create_label(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_label_create *command = record;
    struct aq_list definitions;
    uint64_t version = counter_label_version(decide->txn, command->name) + 1;
    const char *project = NULL;
    if (decide_check_name(command->name, reserved, error) != 0 ||
        (project = choose_project(decide, command->name, command->project, error)) == NULL ||
        check_version(command, version, error) != 0 || aq_variables_check(command->metadata, "metadata", error) != 0 ||
        decide_check_secret_keys(&command->secrets, error) != 0 ||
        decide_check_sealed(decide, command->metadata, &command->secrets, &command->sealed, &command->wrap, error) !=
            0 ||
        decide_check_sealed_fields(&aq_label_create_record, command, &command->sealed, error) != 0 ||
        recipe_check(decide, command, &definitions, error) != 0)
        return -1;
    struct aq_label_created event = {
        .id = counter_last_id(decide->txn, &aq_entity_label) + 1,
        .name = command->name,
        .version = version,
        .definitions = definitions,
        .metadata = command->metadata,
        .description = command->description,
        .locked = command->locked,
        .project = project,
        .arguments = command->arguments,
        .secrets = command->secrets,
        .sealed = decide_stored_secrets(decide, &command->sealed),
        .wrap = command->wrap,
    };
    decide_emit(decide, &aq_event_label_created, &event);
    decide_id_number(decide, event.id);
    return 0;
}
DECIDE(aq_command_label_create, create_label);

/* Secrets are compared with those of the version that was the latest when they were sealed. */
static int check_compared(const struct aq_label_apply *command, uint64_t latest, struct aq_error *error)
{
    if (command->sealed.count == 0 || command->before == latest)
        return 0;
    return aq_fail(error, AQ_E_BUSY,
                   "another version of label %s was created or deleted while the request was under way: send it again",
                   command->name);
}

/* A version may be given: that of the latest, or the next one. */
static int apply_label(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_label_apply *command = record;
    const struct aq_label_create create = {.name = command->name,
                                           .version = command->version,
                                           .definitions = command->definitions,
                                           .metadata = command->metadata,
                                           .description = command->description,
                                           .locked = command->locked,
                                           .project = command->project,
                                           .arguments = command->arguments,
                                           .secrets = command->secrets,
                                           .sealed = command->sealed,
                                           .wrap = command->wrap};
    struct aq_label latest;
    uint64_t id = state_member(decide->txn, &aq_entity_label, command->name, 0);
    if (check_compared(command, id, error) != 0)
        return -1;
    if (id == 0 || !state_label(decide->txn, id, &latest, decide->arena) || !recipe_equals(decide, &latest, &create))
        return create_label(decide, &create, error);
    if (choose_project(decide, command->name, command->project, error) == NULL)
        return -1;
    uint64_t next = counter_label_version(decide->txn, command->name) + 1;
    if (command->version != latest.version && check_version(&create, next, error) != 0)
        return -1;
    decide_id_number(decide, id);
    return 0;
}
DECIDE(aq_command_label_apply, apply_label);

static int delete_label(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_label_delete *command = record;
    struct aq_label label;
    if (decide_find_number(decide, &aq_entity_label, command->id, &label, error) != 0 ||
        decide_check_owner(decide, 0, label.project, &aq_entity_label, aq_key_number(command->id), error) != 0)
        return -1;
    const char *what = aq_arena_format(decide->arena, "label %s, version %" PRIu64 ",", label.name, label.version);
    if (decide_check_unused(what, counter_open_of_label(decide->txn, command->id), error) != 0)
        return -1;
    struct aq_label_deleted event = {command->id, label.name, label.version, label.project};
    decide_emit(decide, &aq_event_label_deleted, &event);
    decide_id_number(decide, command->id);
    return 0;
}
DECIDE(aq_command_label_delete, delete_label);
