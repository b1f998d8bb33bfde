#include "schema/model/project.h"

#include "schema/model/user.h"

AQ_ENTITY(project, 1, "applications that belong together, and a quota on what they hold", .plural = "projects",
          .rank = 45, .project = "name", .file_field = "applications", .file_name = "max_applications")

AQ_COMMAND(project, create, 60, AQ_CREATES, "create a project")
AQ_COMMAND(project, update, 61, AQ_UPDATES, "set the quotas of a project; what is left out has no limit")
AQ_COMMAND(project, delete, 62, AQ_DELETES, "delete a project that no application belongs to")

AQ_EVENT(project, created, 60, 1, "a project was created")
AQ_EVENT(project, updated, 61, 1, "the quotas of a project were set, in an earlier build")
AQ_EVENT(project, deleted, 62, 1, "a project was deleted")
AQ_EVENT(project, quotas_set, 63, 1, "the quotas of a project were set")

const struct aq_project aq_project_default = {
    .name = AQ_PROJECT_DEFAULT, .description = "of applications that name no project", .created_by = ""};

struct aq_quota aq_project_quota(const struct aq_project *project)
{
    return (struct aq_quota){{project->cpu, project->ram, project->disk, project->slots}};
}

struct aq_quota aq_project_user_quota(const struct aq_project *project)
{
    return (struct aq_quota){{project->user_cpu, project->user_ram, project->user_disk, project->user_slots}};
}

bool aq_quota_is_none(const struct aq_quota *quota)
{
    const struct aq_amounts *most = &quota->most;
    return (most->cpu | most->ram | most->disk | most->slots) == 0;
}

static bool exceeds(uint64_t stored, uint64_t held, uint64_t more)
{
    const uint64_t most = aq_number_or(stored, UINT64_MAX);
    return more != 0 && (held > most || more > most - held);
}

const char *aq_quota_exceeds(const struct aq_quota *quota, const struct aq_amounts *held, const struct aq_amounts *more)
{
    const struct aq_amounts *most = &quota->most;
    return exceeds(most->cpu, held->cpu, more->cpu)         ? "cpu"
           : exceeds(most->ram, held->ram, more->ram)       ? "ram"
           : exceeds(most->disk, held->disk, more->disk)    ? "disk"
           : exceeds(most->slots, held->slots, more->slots) ? "slots"
                                                            : NULL;
}

struct aq_amounts aq_quota_amounts(const struct aq_quota *quota)
{
    const struct aq_amounts *most = &quota->most;
    return (struct aq_amounts){aq_number_or(most->cpu, 0), aq_number_or(most->ram, 0), aq_number_or(most->disk, 0),
                               aq_number_or(most->slots, 0)};
}
