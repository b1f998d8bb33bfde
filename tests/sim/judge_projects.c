#include "tests/sim/judge_projects.h"

#include "tests/sim/judge_rules.h"
#include "tests/sim/places.h"

#include <inttypes.h>
#include <string.h>

static const struct aq_project *project_named(struct judge *judge, const char *name)
{
    const struct aq_project *row = mirror_row(&judge->mirror, &aq_entity_project, name);
    if (row == NULL)
        sim_broken(judge->sim, "an event is about a row", "project %s, seq %" PRIu64, name, judge->seq);
    return row;
}

/* Names are unique by the mirror, which asserts it. */
void judge_project_created(struct judge *judge, const void *data)
{
    (void)project_named(judge, ((const struct aq_project_created *)data)->name);
}

void judge_project_quotas_set(struct judge *judge, const void *data)
{
    (void)project_named(judge, ((const struct aq_project_quotas_set *)data)->name);
}

void judge_node_projects_set(struct judge *judge, const void *data)
{
    const struct aq_node_projects_set *event = data;
    judge_must(judge, mirror_row(&judge->mirror, &aq_entity_node, event->name) != NULL, "an event is about a row",
               "node", 0);
    for (uint32_t i = 0; i < event->projects.count; i++)
        judge_must(judge, mirror_row(&judge->mirror, &aq_entity_project, AQ_TEXT_ITEM(event->projects, i)) != NULL,
                   "nodes serve projects that are there", "project", i);
}

static bool names(const struct aq_node *node, const char *project)
{
    for (uint32_t i = 0; i < node->projects.count; i++)
        if (strcmp(AQ_TEXT_ITEM(node->projects, i), project) == 0)
            return true;
    return false;
}

void judge_project_deleted(struct judge *judge, const void *data)
{
    const char *name = ((const struct aq_project_deleted *)data)->name;
    const struct mirror_table *table = mirror_table(&judge->mirror, &aq_entity_application);
    for (size_t i = 0; i < table->count; i++)
        judge_must(judge, strcmp(((const struct aq_application *)table->rows[i])->project, name) != 0,
                   "an application has a project", "application", i);
    table = mirror_table(&judge->mirror, &aq_entity_label);
    for (size_t i = 0; i < table->count; i++)
        judge_must(judge, strcmp(((const struct aq_label *)table->rows[i])->project, name) != 0,
                   "a label has a project", "label", i);
    table = mirror_table(&judge->mirror, &aq_entity_node);
    for (size_t i = 0; i < table->count; i++)
        judge_must(judge, !names(table->rows[i], name), "nodes serve projects that are there", "node", i);
}

void judge_open_applications(struct judge *judge, const struct aq_application_created *event, uint64_t user_number)
{
    const struct aq_project *project =
        project_named(judge, event->project[0] != '\0' ? event->project : AQ_PROJECT_DEFAULT);
    const struct mirror_usage usage = mirror_usage(&judge->mirror, project->name, user_number);
    judge_must(judge, project->open <= aq_number_or(project->applications, UINT64_MAX), "quotas on applications hold",
               "application", event->id);
    judge_must(judge, usage.open <= aq_number_or(project->user_applications, UINT64_MAX),
               "quotas of users on applications hold", "application", event->id);
}

void judge_resource_of_project(struct judge *judge, const struct judge_node *node, uint64_t application,
                               const struct aq_amounts *amounts)
{
    judge_must(judge, places_serves(judge, node, application), "nodes run what they serve", "application", application);
    judge_must(judge, places_takes(judge, node, application), "work goes to nodes that take it", "application",
               application);
    judge_must(judge, places_kept_quota(judge, application, amounts), "a quota is never exceeded", "application",
               application);
    judge_must(judge, places_kept_user_quota(judge, application, amounts), "a user's quota is never exceeded",
               "application", application);
}
