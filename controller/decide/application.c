#include "schema/model/application.h"

#include "controller/decide/lifetime.h"
#include "controller/decide/placement.h"
#include "controller/decide/secrets.h"
#include "controller/decide/tasks.h"
#include "controller/state/references.h"
#include "schema/codec/json.h"
#include "schema/codec/ranges.h"
#include "schema/codec/variables.h"
#include "schema/model/access.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- create --------------------------------------------------------------------------------------------- */

static int check_label_fields(const struct aq_application_create *command, struct aq_error *error)
{
    bool by_id = command->label_id != 0, by_name = command->label[0] != '\0';
    if (!by_id && !by_name)
        return aq_fail(error, AQ_E_INVALID, "label is missing: give label (and version), or label_id");
    if (by_id && by_name)
        return aq_fail(error, AQ_E_INVALID, "label and label_id are both given: give one of them");
    if (by_id && command->version != 0)
        return aq_fail(error, AQ_E_INVALID, "version can only be given with label: label_id names one version");
    return 0;
}

/* To a caller that may not see it, a label of another project is not there. */
static int check_label_project(const struct decide *decide, const struct aq_label *label, const char *text,
                               const char *project, struct aq_error *error)
{
    const struct aq_permission *read = aq_permission_of(&aq_entity_label, "read");
    const struct state_key key = state_key_number(label->id);
    if (label->project[0] == '\0' || strcmp(label->project, project) == 0)
        return 0;
    if (!aq_access_allows_row(&decide->caller, read, label))
        return state_fail_unseen(decide->txn, &aq_entity_label, text, &key, error);
    return aq_fail(error, AQ_E_INVALID, "label %s belongs to project %s: it cannot be used in project %s", label->name,
                   label->project, project);
}

static int find_wanted_label(const struct decide *decide, const struct aq_application_create *command,
                             const char *project, struct aq_label *label, struct aq_error *error)
{
    if (command->label_id != 0) {
        const char *number = aq_arena_format(decide->arena, "%" PRIu64, command->label_id);
        if (decide_find_number(decide, &aq_entity_label, command->label_id, label, error) != 0)
            return -1;
        return check_label_project(decide, label, number, project, error);
    }
    const char *text = command->label;
    if (command->version != 0 && strchr(text, ':') == NULL)
        text = aq_arena_format(decide->arena, "%s:%" PRIu64, text, command->version);
    if (decide_find_text(decide, &aq_entity_label, text, label, error) != 0 ||
        check_label_project(decide, label, text, project, error) != 0)
        return -1;
    if (command->version == 0 || command->version == label->version)
        return 0;
    return aq_fail(error, AQ_E_INVALID, "label is \"%s\", but version is %" PRIu64 ": leave one of them out", text,
                   command->version);
}

/* The application's metadata may not collide with the label's, either. A label whose own metadata collides is older
 * than this rule, and is not the caller's fault. */
static int check_metadata(const struct decide *decide, const char *metadata, const struct aq_label *label,
                          struct aq_error *error)
{
    struct aq_error ignored;
    if (strcmp(metadata, "{}") == 0 || aq_variables_check(label->metadata, "", &ignored) != 0)
        return 0;
    return aq_variables_check(aq_json_merge(label->metadata, metadata, decide->arena), "metadata", error);
}

static int check_locked(const char *metadata, const struct aq_label *label, struct aq_error *error)
{
    if (label->locked.count == 0 || aq_json_is_empty(metadata))
        return 0;
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(metadata, strlen(metadata), error);
    if (json == NULL)
        return aq_error_context(error, "metadata");
    for (uint32_t i = 0; i < label->locked.count; i++) {
        const char *key = AQ_TEXT_ITEM(label->locked, i);
        bool all = strcmp(key, "*") == 0;
        if (all && json_object_size(json) > 0)
            return aq_fail(error, AQ_E_INVALID, "label %s takes no metadata of applications: leave it out",
                           label->name);
        if (!all && aq_variables_set(json, key))
            return aq_fail(error, AQ_E_INVALID, "metadata: label %s locks %s: leave it out", label->name, key);
    }
    return 0;
}

static int check_arguments(const struct aq_list *arguments, const struct aq_label *label, struct aq_error *error)
{
    if (arguments->count == 0 || label->arguments)
        return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "arguments: label %s, version %" PRIu64 ", does not let applications say which command it runs: "
                   "leave them out, or use a label with arguments: true",
                   label->name, label->version);
}

/* What its author takes for a secret would be in the log for ever. */
static int check_secrets(const struct aq_list *secrets, const struct aq_label *label, struct aq_error *error)
{
    for (uint32_t i = 0; i < secrets->count; i++)
        if (!aq_secrets_have(&label->secrets, AQ_TEXT_ITEM(*secrets, i)))
            return aq_fail(error, AQ_E_INVALID,
                           "metadata.%.64s is to be a secret, but label %s, version %" PRIu64
                           ", has no such secret (its field secrets)",
                           AQ_TEXT_ITEM(*secrets, i), label->name, label->version);
    return 0;
}

static int check_limit(const struct decide *decide, struct aq_error *error)
{
    struct aq_user user;
    if (!state_user(decide->txn, decide->caller.name, &user, decide->arena))
        return aq_access_refuse_unknown(decide->caller.name, error);
    uint64_t open = counter_open_of_user(decide->txn, user.number);
    if (user.max_applications == 0 || open < user.max_applications)
        return 0;
    return aq_fail(error, AQ_E_LIMIT, "user %s has %" PRIu64 " open application%s; the limit is %" PRIu64,
                   decide->caller.name, open, open == 1 ? "" : "s", user.max_applications);
}

/* A project that the author may create applications in, for a message; NULL: none. */
static const char *possible_project(const struct decide *decide)
{
    for (uint32_t i = 0; i < decide->caller.grant_count; i++)
        if (aq_rights_scope(&decide->caller.grants[i].rights, decide->permission) != AQ_SCOPE_NONE)
            return decide->caller.grants[i].project;
    return NULL;
}

/* The project of a new application. NULL with `error`: the author may not create any there. */
static const char *choose_project(const struct decide *decide, const char *asked, struct aq_error *error)
{
    const char *other = possible_project(decide), *only = decide_only_project(decide), *project = asked;
    if (asked[0] == '\0')
        project = only != NULL ? only : AQ_PROJECT_DEFAULT;
    const bool may = aq_access_scope(&decide->caller, decide->permission, project) != AQ_SCOPE_NONE;
    if (asked[0] != '\0' || may || other == NULL)
        return decide_check_project(decide, decide->permission, project, error) == 0 ? project : NULL;
    aq_fail(error, AQ_E_FORBIDDEN,
            "%s may not create applications in project %s, to which those belong that name no project: name one, such "
            "as project=%s",
            decide->caller.name, project, other);
    return NULL;
}

/* The project that is asked for, as far as it takes one more. */
static int check_project(const struct decide *decide, const char *name, struct aq_error *error)
{
    struct aq_project project;
    if (!state_project(decide->txn, name, &project, decide->arena))
        return aq_fail(error, AQ_E_INVALID, "project is \"%s\", but there is no such project", name);
    const uint64_t most = aq_number_or(project.applications, UINT64_MAX),
                   user_most = aq_number_or(project.user_applications, UINT64_MAX);
    if (project.open >= most)
        return aq_fail(error, AQ_E_LIMIT, "project %s has %" PRIu64 " open application%s; its quota is %" PRIu64, name,
                       project.open, project.open == 1 ? "" : "s", most);
    if (user_most == UINT64_MAX)
        return 0;
    const uint64_t open = counter_usage(decide->txn, name, decide->caller.number).open;
    if (open < user_most)
        return 0;
    return aq_fail(error, AQ_E_LIMIT,
                   "user %s has %" PRIu64 " open application%s in project %s; its quota for each user is %" PRIu64,
                   decide->caller.name, open, open == 1 ? "" : "s", name, user_most);
}

static int create_application(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_application_create *command = record;
    static const struct aq_list no_tries;
    struct aq_label label;
    const char *project = choose_project(decide, command->project, error);
    if (project == NULL || check_limit(decide, error) != 0 || check_project(decide, project, error) != 0 ||
        check_label_fields(command, error) != 0 || find_wanted_label(decide, command, project, &label, error) != 0 ||
        decide_check_lifetime(decide, &label, command->lifetime, error) != 0 ||
        check_secrets(&command->secrets, &label, error) != 0 || check_locked(command->metadata, &label, error) != 0 ||
        check_arguments(&command->arguments, &label, error) != 0 || decide_check_not_lost(decide, &label, error) != 0 ||
        decide_check_sealed(decide, command->metadata, &label.secrets, &command->sealed, &command->wrap, error) != 0 ||
        check_metadata(decide, command->metadata, &label, error) != 0)
        return -1;
    struct aq_application_created event = {
        .id = counter_last_id(decide->txn, &aq_entity_application) + 1,
        .label_id = label.id,
        .metadata = command->metadata,
        .lifetime = command->lifetime,
        .project = strcmp(project, AQ_PROJECT_DEFAULT) == 0 ? command->project : project,
        .arguments = command->arguments,
        .sealed = decide_stored_secrets(decide, &command->sealed),
        .wrap = command->wrap,
    };
    decide_emit(decide, &aq_event_application_created, &event);
    struct aq_application application = {
        .id = event.id, .user = decide->caller.name, .user_number = decide->caller.number, .project = project};
    decide_placement(decide, &application, &label, &no_tries);
    decide_id_number(decide, event.id);
    return 0;
}
DECIDE(aq_command_application_create, create_application);

/* ---- deallocate ----------------------------------------------------------------------------------------- */

static int deallocate_application(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_application_deallocate *command = record;
    struct aq_application application;
    decide_id_number(decide, command->id);
    if (state_has_left(decide->txn, command->id))
        return 0; /* it is over: see below */
    if (decide_find_number(decide, &aq_entity_application, command->id, &application, error) != 0 ||
        decide_check_owner(decide, application.user_number, application.project, &aq_entity_application,
                           aq_key_number(command->id), error) != 0)
        return -1;
    if (application.status == AQ_DEALLOCATE || aq_application_is_over(application.status))
        return 0; /* it is given back already, which is all that the caller wants */
    const char *reason = aq_arena_format(decide->arena, "deallocated by %s", decide->caller.name);
    decide_give_back(decide, &application, reason);
    return 0;
}
DECIDE(aq_command_application_deallocate, deallocate_application);

/* ---- place ---------------------------------------------------------------------------------------------- */

static int place_application(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_application_place *command = record;
    struct aq_application application;
    decide_id_number(decide, command->id);
    if (decide_find_number(decide, &aq_entity_application, command->id, &application, error) != 0)
        return -1;
    if (application.status != AQ_NEW)
        return 0; /* placed or ended meanwhile */
    struct aq_label label = decide_label_of(decide, &application);
    decide_placement(decide, &application, &label, &application.tries);
    return 0;
}
DECIDE(aq_command_application_place, place_application);

/* ---- remove --------------------------------------------------------------------------------------------- */

/* Those of one user in one project. */
struct group {
    struct aq_ranges ranges;
    uint64_t user_number;
    const char *project;
};

struct removing {
    struct decide *decide;
    struct aq_ranges ranges;
    uint32_t count;
    struct group *groups;
    size_t n_groups, capacity;
};

static struct group *group_of(struct removing *removing, const struct aq_application *application)
{
    for (size_t i = 0; i < removing->n_groups; i++) {
        struct group *group = &removing->groups[i];
        if (group->user_number == application->user_number && strcmp(group->project, application->project) == 0)
            return group;
    }
    AQ_GROW(removing->groups, removing->n_groups, removing->capacity);
    struct group *group = &removing->groups[removing->n_groups++];
    *group = (struct group){.user_number = application->user_number, .project = application->project};
    return group;
}

/* Leaves out what is not over, or gone already, or still holds a resource. */
static bool remove_one(void *context, uint64_t id)
{
    struct removing *removing = context;
    struct aq_application application;
    if (state_application(removing->decide->txn, id, &application, removing->decide->arena) &&
        aq_application_is_over(application.status) && application.resource == 0) {
        aq_ranges_add(&removing->ranges, id, id);
        aq_ranges_add(&group_of(removing, &application)->ranges, id, id);
    }
    return ++removing->count < AQ_REMOVED_AT_ONCE;
}

/* The event tells whose they were, for they are in no table any more. */
static void emit_removed(struct removing *removing)
{
    struct aq_arena *arena = removing->decide->arena;
    struct aq_removed *owners = aq_arena_alloc(arena, removing->n_groups * sizeof *owners);
    for (size_t i = 0; i < removing->n_groups; i++) {
        struct group *group = &removing->groups[i];
        owners[i] = (struct aq_removed){group->user_number, group->project, aq_ranges_text(&group->ranges, arena)};
    }
    const struct aq_application_removed event = {aq_ranges_text(&removing->ranges, arena),
                                                 {owners, (uint32_t)removing->n_groups}};
    decide_emit(removing->decide, &aq_event_application_removed, &event);
}

static int remove_applications(struct decide *decide, const void *record, struct aq_error *error)
{
    const struct aq_application_remove *command = record;
    struct removing removing = {.decide = decide};
    (void)error;
    decide_id_number(decide, command->id);
    aq_ranges_each(command->applications, remove_one, &removing);
    if (removing.n_groups > 0)
        emit_removed(&removing);
    free(removing.groups);
    return 0;
}
DECIDE(aq_command_application_remove, remove_applications);
