#include "tests/sim/places.h"

#include "tests/sim/judge_secrets.h"

#include "schema/drivers/allow.h"
#include "schema/model/project.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

bool places_fits(const struct judge_node *node, const struct aq_amounts *more)
{
    return (more->cpu == 0 || node->used.cpu <= node->capacity.cpu) &&
           (more->ram == 0 || node->used.ram <= node->capacity.ram) &&
           (more->disk == 0 || node->used.disk <= node->capacity.disk) &&
           (more->slots == 0 || node->used.slots <= node->capacity.slots);
}

static bool has_driver(const struct aq_node *node, const char *driver)
{
    for (uint32_t i = 0; i < node->drivers.count; i++)
        if (strcmp(AQ_TEXT_ITEM(node->drivers, i), driver) == 0)
            return true;
    return false;
}

static bool has_identifier(const struct aq_node *node, const char *pattern)
{
    for (uint32_t i = 0; i < node->identifiers.count; i++)
        if (fnmatch(pattern, AQ_TEXT_ITEM(node->identifiers, i), 0) == 0)
            return true;
    return false;
}

bool places_suits(const struct judge *judge, const struct judge_node *node, const struct judge_label *label,
                  uint64_t definition)
{
    const struct aq_node *row = mirror_row(&judge->mirror, &aq_entity_node, node->name);
    const struct mirror_definition *kept = &label->kept[definition];
    bool matches = has_driver(row, kept->driver);
    for (uint32_t i = 0; i < kept->node_filter.count; i++)
        matches = matches && has_identifier(row, AQ_TEXT_ITEM(kept->node_filter, i));
    return matches;
}

bool places_has_failed(const struct judge_application *row, const char *node, uint64_t definition)
{
    for (uint32_t i = 0; i < row->n_tries; i++)
        if (row->tries[i].definition == definition && strcmp(row->tries[i].node, node) == 0)
            return true;
    return false;
}

static bool would_fit(const struct judge_node *node, const struct aq_amounts *more)
{
    struct judge_node then = *node;
    aq_amounts_add(&then.used, more);
    return places_fits(&then, more);
}

static const struct aq_application *application_row(const struct judge *judge, uint64_t application)
{
    char key[24];
    snprintf(key, sizeof key, "%llu", (unsigned long long)application);
    return mirror_row(&judge->mirror, &aq_entity_application, key);
}

static const struct aq_project *project_of(const struct judge *judge, uint64_t application)
{
    return mirror_row(&judge->mirror, &aq_entity_project, application_row(judge, application)->project);
}

bool places_takes(const struct judge *judge, const struct judge_node *node, uint64_t application)
{
    const struct aq_node *row = mirror_row(&judge->mirror, &aq_entity_node, node->name);
    return !judge->labels[judge->applications[application - 1].label - 1].arguments ||
           has_identifier(row, AQ_TAKES_ARGUMENTS);
}

bool places_serves(const struct judge *judge, const struct judge_node *node, uint64_t application)
{
    const struct aq_node *row = mirror_row(&judge->mirror, &aq_entity_node, node->name);
    const char *project = project_of(judge, application)->name;
    for (uint32_t i = 0; i < row->projects.count; i++)
        if (strcmp(AQ_TEXT_ITEM(row->projects, i), project) == 0)
            return true;
    return row->projects.count == 0;
}

/* Is `held` and `more` beside it within the quota, whose fields are "or none"? What is not asked for does not count. */
static bool is_within(uint64_t quota, uint64_t held, uint64_t more, uint64_t asked)
{
    return asked == 0 || quota == 0 || held + more <= quota - 1;
}

static bool are_within(const struct aq_amounts *quota, const struct aq_amounts *held, const struct aq_amounts *more,
                       const struct aq_amounts *asked)
{
    return is_within(quota->cpu, held->cpu, more->cpu, asked->cpu) &&
           is_within(quota->ram, held->ram, more->ram, asked->ram) &&
           is_within(quota->disk, held->disk, more->disk, asked->disk) &&
           is_within(quota->slots, held->slots, more->slots, asked->slots);
}

static bool in_project(const struct aq_project *project, const struct aq_amounts *more, const struct aq_amounts *asked)
{
    const struct aq_amounts quota = {project->cpu, project->ram, project->disk, project->slots};
    return are_within(&quota, &project->used, more, asked);
}

static bool in_users(const struct judge *judge, uint64_t application, const struct aq_amounts *more,
                     const struct aq_amounts *asked)
{
    const struct aq_application *row = application_row(judge, application);
    const struct aq_project *project = project_of(judge, application);
    const struct aq_amounts quota = {project->user_cpu, project->user_ram, project->user_disk, project->user_slots};
    const struct mirror_usage usage = mirror_usage(&judge->mirror, project->name, row->user_number);
    return are_within(&quota, &usage.held, more, asked);
}

bool places_in_quota(const struct judge *judge, uint64_t application, const struct aq_amounts *more)
{
    return in_project(project_of(judge, application), more, more) && in_users(judge, application, more, more);
}

bool places_kept_quota(const struct judge *judge, uint64_t application, const struct aq_amounts *got)
{
    static const struct aq_amounts nothing;
    return in_project(project_of(judge, application), &nothing, got);
}

bool places_kept_user_quota(const struct judge *judge, uint64_t application, const struct aq_amounts *got)
{
    static const struct aq_amounts nothing;
    return in_users(judge, application, &nothing, got);
}

bool places_lacks_quota(const struct judge *judge, uint64_t application)
{
    const struct judge_label *label = &judge->labels[judge->applications[application - 1].label - 1];
    for (uint32_t d = 0; d < label->definitions; d++)
        if (!places_in_quota(judge, application, &label->amounts[d]))
            return true;
    return false;
}

bool places_now(const struct judge *judge, uint64_t application, char where[JUDGE_NAME])
{
    const struct judge_application *row = &judge->applications[application - 1];
    const struct judge_label *label = &judge->labels[row->label - 1];
    if (judge_secrets_are_lost(judge, application))
        return false;
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++) {
        const struct judge_node *node = &judge->nodes[i];
        const bool takes = node->there && !node->lost && !node->maintenance && !judge_has_quarantine(node, row->label);
        for (uint32_t d = 0; takes && d < label->definitions; d++)
            if (would_fit(node, &label->amounts[d]) && places_suits(judge, node, label, d) &&
                places_serves(judge, node, application) && places_takes(judge, node, application) &&
                !places_has_failed(row, node->name, d) && places_in_quota(judge, application, &label->amounts[d])) {
                snprintf(where, JUDGE_NAME, "%s", node->name);
                return true;
            }
    }
    return false;
}

bool places_ever(const struct judge *judge, uint64_t application)
{
    const struct judge_application *row = &judge->applications[application - 1];
    const struct judge_label *label = &judge->labels[row->label - 1];
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++) {
        struct judge_node node = judge->nodes[i];
        node.used = (struct aq_amounts){0};
        for (uint32_t d = 0; node.there && d < label->definitions; d++)
            if (would_fit(&node, &label->amounts[d]) && places_suits(judge, &node, label, d) &&
                places_serves(judge, &node, application) && places_takes(judge, &node, application) &&
                !places_has_failed(row, node.name, d))
                return true;
    }
    return false;
}
