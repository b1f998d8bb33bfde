#include "tests/sim/judge_rights.h"

#include "schema/codec/ranges.h"
#include "schema/model/label.h"
#include "schema/model/membership.h"
#include "schema/model/resource.h"
#include "schema/model/role.h"
#include "tests/sim/judge_rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "application.*" takes "application.create". */
static bool takes(const char *pattern, size_t length, const char *permission)
{
    const char *dot = strchr(permission, '.');
    const size_t group = (size_t)(dot - permission);
    if (length == 1 && pattern[0] == '*')
        return true;
    if (length >= 2 && pattern[length - 1] == '*')
        return length - 2 == group && strncmp(pattern, permission, group) == 0;
    if (length >= 2 && pattern[0] == '*')
        return strlen(dot) == length - 1 && strncmp(pattern + 1, dot, length - 1) == 0;
    return strlen(permission) == length && strncmp(pattern, permission, length) == 0;
}

/* Does the role give it, for all rows or, if the row is the author's own, for those? */
static bool gives(const struct judge *judge, const char *name, const char *permission, bool own)
{
    static const char suffix[] = ":own";
    const struct aq_role *role = mirror_row(&judge->mirror, &aq_entity_role, name);
    for (uint32_t i = 0; role != NULL && i < role->may.count; i++) {
        const char *pattern = AQ_TEXT_ITEM(role->may, i);
        size_t length = strlen(pattern);
        const bool limited = length > strlen(suffix) && strcmp(pattern + length - strlen(suffix), suffix) == 0;
        if (limited)
            length -= strlen(suffix);
        if ((!limited || own) && takes(pattern, length, permission))
            return true;
    }
    return false;
}

/* By its own role, or by the one that it has in the project; "": in all projects. */
static bool may(const struct judge *judge, const char *permission, const char *project, uint64_t owner)
{
    const struct aq_user *user = mirror_row(&judge->mirror, &aq_entity_user, judge->author);
    const bool own = owner != 0 && owner == judge->author_number;
    bool given = user != NULL && gives(judge, user->role, permission, own);
    for (uint32_t i = 0; user != NULL && !given && i < user->memberships.count; i++) {
        const struct aq_user_membership *has = AQ_ITEM(user->memberships, struct aq_user_membership, i);
        given = strcmp(has->project, project) == 0 && gives(judge, has->role, permission, own);
    }
    return given;
}

static void must_be_given(const struct judge *judge, const char *verb, const char *entity, const char *project,
                          uint64_t owner)
{
    char permission[64];
    snprintf(permission, sizeof permission, "%s.%s", entity, verb);
    if (!may(judge, permission, project, owner))
        sim_broken(judge->sim, "members act in their projects", "%s: %s in project \"%s\", seq %" PRIu64, judge->author,
                   permission, project, judge->seq);
}

/* Some of what there is to be had in a project. */
static void must_be_had(const struct judge *judge, const char *role, const char *project)
{
    static const char *const samples[] = {"application.read", "application.deallocate", "label.create",
                                          "membership.create", "membership.delete"};
    for (size_t i = 0; i < AQ_LENGTH(samples); i++)
        if (gives(judge, role, samples[i], false) && !may(judge, samples[i], project, 0))
            sim_broken(judge->sim, "nobody gives more than they have", "%s gives %s in project %s, seq %" PRIu64,
                       judge->author, samples[i], project, judge->seq);
}

static void of_application(const struct judge *judge, uint64_t id)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const struct aq_application *row = mirror_row(&judge->mirror, &aq_entity_application, key);
    if (row != NULL)
        must_be_given(judge, judge->command->verb, "application", row->project, row->user_number);
}

static void of_resource(const struct judge *judge, uint64_t id)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const struct aq_resource *row = mirror_row(&judge->mirror, &aq_entity_resource, key);
    if (row != NULL)
        must_be_given(judge, "exec", "resource", row->project, row->user_number);
}

static const struct aq_label *the_label(const struct judge *judge, uint64_t id)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    return mirror_row(&judge->mirror, &aq_entity_label, key);
}

static void of_label(const struct judge *judge, uint64_t id)
{
    const struct aq_label *row = the_label(judge, id);
    if (row != NULL)
        must_be_given(judge, "delete", "label", row->project, 0);
}

static const struct aq_membership *the_membership(const struct judge *judge, uint64_t id)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    return mirror_row(&judge->mirror, &aq_entity_membership, key);
}

static void of_membership(const struct judge *judge, const struct aq_event *event)
{
    if (event->type == &aq_event_membership_created) {
        const struct aq_membership_created *data = event->data;
        must_be_given(judge, "create", "membership", data->project, 0);
        must_be_had(judge, data->role, data->project);
    } else if (event->type == &aq_event_membership_updated) {
        const struct aq_membership_updated *data = event->data;
        const struct aq_membership *row = the_membership(judge, data->id);
        must_be_given(judge, "update", "membership", row != NULL ? row->project : "", 0);
        must_be_had(judge, data->role, row != NULL ? row->project : "");
    } else {
        const struct aq_membership *row =
            the_membership(judge, ((const struct aq_membership_deleted *)event->data)->id);
        must_be_given(judge, "delete", "membership", row != NULL ? row->project : "",
                      row != NULL ? row->user_number : 0);
    }
}

/* ---- rows that leave -------------------------------------------------------------------------------------- */

/* Those of one owner. */
struct leaving {
    const struct judge *judge;
    const struct aq_removed *of; /* NULL: they are only counted */
    uint64_t count;
};

static bool check_leaving(void *context, uint64_t id)
{
    struct leaving *leaving = context;
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const struct aq_application *row = mirror_row(&leaving->judge->mirror, &aq_entity_application, key);
    if (leaving->of != NULL && (row == NULL || row->user_number != leaving->of->user_number ||
                                strcmp(row->project, leaving->of->project) != 0))
        sim_broken(leaving->judge->sim, "events tell whose rows have left", "application %" PRIu64, id);
    leaving->count++;
    return true;
}

/* Readers who see their own rows only know by the event alone that it is about these. */
static void check_owners(const struct judge *judge, const struct aq_application_removed *event)
{
    struct leaving all = {.judge = judge}, owned = {.judge = judge};
    (void)aq_ranges_each(event->applications, check_leaving, &all);
    for (uint32_t i = 0; i < event->owners.count; i++) {
        owned.of = AQ_ITEM(event->owners, struct aq_removed, i);
        (void)aq_ranges_each(owned.of->applications, check_leaving, &owned);
    }
    if (owned.count != all.count)
        sim_broken(judge->sim, "events tell whose rows have left", "applications %s", event->applications);
}

static void of_task(const struct judge *judge, uint64_t application)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, application);
    const struct aq_application *row = mirror_row(&judge->mirror, &aq_entity_application, key);
    if (row != NULL)
        must_be_given(judge, judge->command->verb, "task", row->project, row->user_number);
}

static void check_label(const struct judge *judge, const struct aq_label_deleted *event)
{
    const struct aq_label *row = the_label(judge, event->id);
    if (row == NULL || strcmp(row->name, event->name) != 0 || row->version != event->version ||
        strcmp(row->project, event->project) != 0)
        sim_broken(judge->sim, "events tell whose rows have left", "label %" PRIu64, event->id);
}

void judge_rights(const struct judge *judge, const struct aq_event *event)
{
    if (event->type == &aq_event_application_removed)
        check_owners(judge, event->data);
    else if (event->type == &aq_event_label_deleted)
        check_label(judge, event->data);
    if (strncmp(judge->author, "member-", 7) != 0)
        return;
    if (event->type == &aq_event_application_created) {
        const char *project = ((const struct aq_application_created *)event->data)->project;
        must_be_given(judge, "create", "application", project[0] != '\0' ? project : AQ_PROJECT_DEFAULT,
                      judge->author_number);
    } else if (event->type == &aq_event_application_moved) {
        of_application(judge, ((const struct aq_application_moved *)event->data)->id);
    } else if (event->type == &aq_event_application_extended) {
        of_application(judge, ((const struct aq_application_extended *)event->data)->id);
    } else if (event->type == &aq_event_label_created) {
        must_be_given(judge, judge->command->verb, "label", ((const struct aq_label_created *)event->data)->project, 0);
    } else if (event->type == &aq_event_label_deleted) {
        of_label(judge, ((const struct aq_label_deleted *)event->data)->id);
    } else if (event->type == &aq_event_resource_exec_started) {
        of_resource(judge, ((const struct aq_resource_exec_started *)event->data)->id);
    } else if (event->type == &aq_event_task_created) {
        of_task(judge, ((const struct aq_task_created *)event->data)->application);
    } else if (event->type == &aq_event_task_ended && judge->command == &aq_command_task_cancel) {
        of_task(judge, judge->tasks[((const struct aq_task_ended *)event->data)->id - 1].application);
    } else if (event->type->entity == &aq_entity_membership) {
        of_membership(judge, event);
    }
}

/* ---- memberships and roles ------------------------------------------------------------------------------ */

void judge_membership(struct judge *judge, const void *data)
{
    const struct aq_membership_created *event = data;
    const struct mirror_table *table = mirror_table(&judge->mirror, &aq_entity_membership);
    unsigned same = 0;
    judge_must(judge, mirror_row(&judge->mirror, &aq_entity_user, event->user) != NULL, "a membership has a user",
               "membership", event->id);
    judge_must(judge, mirror_row(&judge->mirror, &aq_entity_project, event->project) != NULL,
               "a membership has a project", "membership", event->id);
    judge_must(judge, mirror_row(&judge->mirror, &aq_entity_role, event->role) != NULL, "a membership has a role",
               "membership", event->id);
    for (size_t i = 0; i < table->count; i++) {
        const struct aq_membership *row = table->rows[i];
        same += strcmp(row->user, event->user) == 0 && strcmp(row->project, event->project) == 0;
    }
    judge_must(judge, same == 1, "a user has one role in a project", "membership", event->id);
}

void judge_role_deleted(struct judge *judge, const void *data)
{
    const char *name = ((const struct aq_role_deleted *)data)->name;
    const struct mirror_table *users = mirror_table(&judge->mirror, &aq_entity_user),
                              *members = mirror_table(&judge->mirror, &aq_entity_membership);
    for (size_t i = 0; i < users->count; i++)
        judge_must(judge, strcmp(((const struct aq_user *)users->rows[i])->role, name) != 0, "who has a role keeps it",
                   "user", i);
    for (size_t i = 0; i < members->count; i++)
        judge_must(judge, strcmp(((const struct aq_membership *)members->rows[i])->role, name) != 0,
                   "who has a role keeps it", "membership", i);
}
