#include "drivers/process/process.h"

#include "drivers/keeper/driver.h"
#include "drivers/process/command.h"
#include "drivers/process/job.h"
#include "schema/base/journal.h"
#include "schema/drivers/process.h"

#include <inttypes.h>
#include <sys/epoll.h>

static int check_demand(const struct driver *driver, const struct aq_demand *demand, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer why = {0};
    if (!aq_allow_refuses(&driver->allowance.told, demand, &why))
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "refused by the node: %s", aq_buffer_string(&why));
}

static int check_allowed(const struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    struct aq_demand demand = {.user = "", .directory = ""};
    if (driver->allowance.told.count == 0)
        return aq_fail(error, AQ_E_STATE, "the driver does not know yet what the node's owner allows");
    aq_driver_process.demand(spec->options, &demand);
    if (aq_allowance_is_own(&driver->allowance, demand.user))
        return aq_fail(error, AQ_E_FORBIDDEN,
                       "refused by the node: user \"%.64s\" is one of the numbers that each workload gets as its own "
                       "(allow.user of its agent)",
                       demand.user);
    return check_demand(driver, &demand, error);
}

/* What runs is the whole command, so that all else looks at that. */
static int process_encode(const struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_process_options options = *(const struct aq_process_options *)spec->options;
    struct driver_spec whole = *spec;
    options.command = aq_process_command(&options, &spec->arguments, &arena);
    options.entrypoint = (struct aq_list){0};
    whole.options = &options;
    if (check_allowed(driver, &whole, error) != 0)
        return -1;
    return process_job_encode(&whole, driver->node, &driver->allowance, error);
}

/* ---- commands in workloads ------------------------------------------------------------------------------ */

/* The owner of the node says which programs may run, for these, too. */
static int check_program(const struct driver *driver, const char *program, struct aq_error *error)
{
    static const struct aq_list no_environment;
    const struct aq_demand demand = {.user = "", .directory = "", .program = program, .environment = &no_environment};
    return check_demand(driver, &demand, error);
}

static int process_command(struct driver *driver, const struct driver_command *command, struct aq_error *error)
{
    const struct kept_workload *workload = roster_find(&driver->roster, command->resource);
    if (command->left != NULL)
        return process_commands_start(driver->own, NULL, command, error);
    if (workload == NULL || workload->phase != KEPT_RUNNING)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", command->resource);
    if (check_program(driver, command->arguments[0], error) != 0)
        return -1;
    return process_commands_start(driver->own, &workload->state.main, command, error);
}

static void process_end_command(struct driver *driver, uint64_t number)
{
    process_commands_end(driver->own, number);
}

static void process_over(struct driver *driver, uint64_t resource)
{
    process_commands_end_in(driver->own, resource);
}

static void process_forget(void *own)
{
    process_commands_free(own);
}

static void process_work(struct driver *driver)
{
    process_commands_work(driver->own);
    kept_work(driver);
}

/* ---- the driver ----------------------------------------------------------------------------------------- */

static const struct kept_kind process_kind = {.declared = &aq_driver_process,
                                              .eager = true,
                                              .encode = process_encode,
                                              .over = process_over,
                                              .forget = process_forget};

static struct driver *process_open(const char *node, const struct aq_clocks *now, driver_report_fn *report,
                                   void *context)
{
    struct driver *driver = kept_open(&process_kind, node, now, report, context);
    struct process_commands *commands = process_commands_new(node, report, context);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0}; /* no resource has this number */
    driver->own = commands;
    if (driver->epoll >= 0 && epoll_ctl(driver->epoll, EPOLL_CTL_ADD, process_commands_fd(commands), &event) != 0)
        aq_journal(AQ_WARN, "commands in workloads are not watched", "driver", "process", NULL);
    return driver;
}

const struct driver_type process_driver_type = {.declared = &aq_driver_process,
                                                .keeps_leases = true,
                                                .probe = kept_probe,
                                                .open = process_open,
                                                .close = kept_close,
                                                .allow = kept_allow,
                                                .start = kept_start,
                                                .adopt = kept_adopt,
                                                .end_leftover = kept_workload_end_leftover,
                                                .stop = kept_stop,
                                                .command = process_command,
                                                .end_command = process_end_command,
                                                .sample = kept_sample,
                                                .wake_fd = kept_wake_fd,
                                                .deadline_ms = kept_deadline_ms,
                                                .work = process_work};
