#include "agent/workload_secrets.h"

int workload_secrets_take(struct workloads *workloads, const struct aq_assignment *assignment, bool delivered,
                          struct driver_spec *spec, struct aq_arena *secret, struct aq_error *error)
{
    struct secrets *secrets = &workloads->secrets;
    if (assignment->lost[0] != '\0')
        return aq_fail(error, AQ_E_STATE, "%s", assignment->lost);
    if (assignment->secrets.count == 0)
        return 0;
    if (delivered && secrets_store(secrets, assignment->resource, &assignment->secrets, error) != 0)
        return -1;
    spec->secrets = secrets_files(secrets, assignment->resource, &workloads->arena);
    return secrets_load(secrets, assignment->resource, &spec->secret_values, secret, error);
}

bool workload_secrets_are_missing(struct workloads *workloads, uint64_t resource)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_assignment assignment;
    struct aq_error ignored;
    return home_assignment(workloads->home, resource, &assignment, &arena, &ignored) == 0 &&
           assignment.secrets.count > 0 && !secrets_have(&workloads->secrets, resource);
}
