#include "agent/workload_options.h"

#include "schema/codec/json.h"
#include "schema/drivers/options.h"

#include <string.h>

int workload_read_options(struct workloads *workloads, const struct driver_type *type,
                          const struct aq_assignment *assignment, const void **options, struct aq_error *error)
{
    json_t *json = aq_json_parse(assignment->options, strlen(assignment->options), error);
    if (json == NULL)
        return -1;
    int failed = aq_options_read(type->declared, json, options, &workloads->arena, error);
    json_decref(json);
    return failed;
}

/* Nobody may make an agent connect to what the workload itself cannot reach. */
int workload_check_ports(struct workload *workload, const void *options, struct aq_error *error)
{
    const struct aq_driver *driver = workload->driver->type->declared;
    const enum aq_reach reach = driver->reach != NULL ? driver->reach(options) : AQ_REACH_NONE;
    workload->on_host = reach == AQ_REACH_HOST;
    if (workload->check == NULL || workload->check->command.count > 0 || reach != AQ_REACH_NONE)
        return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "health: its ports cannot be reached: it has neither an address nor the host's");
}

/* Of one that was started by an earlier run of the agent. */
void workload_adopt_ports(struct workloads *workloads, struct workload *workload,
                          const struct aq_assignment *assignment)
{
    struct aq_error ignored;
    const void *options;
    if (workload_read_options(workloads, workload->driver->type, assignment, &options, &ignored) != 0 ||
        workload_check_ports(workload, options, &ignored) != 0)
        workload->on_host = false;
}
