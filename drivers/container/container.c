#include "drivers/container/container.h"

#include "drivers/container/facts.h"
#include "drivers/container/network.h"
#include "drivers/container/network_watch.h"
#include "drivers/container/plan.h"
#include "drivers/container/program.h"
#include "drivers/container/slots.h"
#include "drivers/container/starter.h"
#include "drivers/container/store.h"
#include "drivers/container/tree.h"
#include "drivers/keeper/driver.h"
#include "drivers/process/command.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    SHOWN_MAX = 220, /* bytes of an image's name and digest in an identifier */
    CLEAN_S = 5,     /* most that a call may take once the container is over: what it leaves, the next one removes */
    CONFIG_MAX = 4 << 20
};

/* ---- in the keeper ------------------------------------------------------------------------------------ */

static void state_path(char path[PATH_MAX], uint32_t slot)
{
    char name[SLOT_NAME_SIZE];
    slot_name(slot, name);
    snprintf(path, PATH_MAX, "%s/%s", SLOTS_RUNTIME, name);
}

/* The ports of a container whose keeper was killed (slots_note()). */
static void unpublish_left(const struct aq_container_settings *settings, const char *note)
{
    const char *ports = strchr(note, '\n');
    AQ_CLEANUP_JSON json_t *list = ports != NULL ? json_loads(ports + 1, 0, NULL) : NULL;
    network_unpublish(settings, list);
}

static int claim_ports(struct container_job *job, struct aq_error *error)
{
    struct container_plan plan;
    if (!job->ports)
        return 0;
    if (container_plan_read(job, &plan, error) != 0)
        return -1;
    int failed = network_claim_ports(plan.ports, error);
    job->has_ports = failed == 0;
    container_plan_free(&plan);
    return failed;
}

static int container_claim(struct keeper_job *common, struct aq_error *error)
{
    struct container_job *job = (struct container_job *)common;
    const struct aq_container_settings settings = {.first_user = job->first_user, .call_time = job->call_time};
    AQ_CLEANUP_BUFFER struct aq_buffer left = {0};
    char path[PATH_MAX];
    uint32_t slot;
    if (slots_claim(&settings, &slot, &left, error) != 0)
        return -1;
    job->slot = slot;
    if (left.length > 0) {
        state_path(path, slot);
        tree_remove(path);
        unpublish_left(&settings, aq_buffer_string(&left));
    }
    return claim_ports(job, error);
}

static int container_find(const struct keeper_job *job, int directory, struct keeper_found *found,
                          struct aq_error *error)
{
    char text[32];
    struct container_facts facts;
    (void)job;
    if (container_facts_read(directory, &facts, error) != 0)
        return -1;
    if (aq_file_read_text(directory, "bundle/pid", text, sizeof text) < 0 || atoi(text) <= 1)
        return aq_fail(error, AQ_E_IO, "the runtime %s does not tell the container's main process", facts.runtime);
    found->pid = atoi(text);
    found->stop_signal = facts.stop_signal;
    return 0;
}

/* In a process of its own, for which nothing waits. */
static void prune_if_due(const struct aq_container_settings *settings)
{
    if (!store_prune_is_due(settings) || fork() != 0)
        return;
    setsid();
    close_range(STDERR_FILENO + 1, ~0u, 0); /* the claims of the keeper, too */
    store_prune(settings);
    _exit(0);
}

static void runtime_delete(const struct aq_container_settings *settings, int directory)
{
    struct container_facts facts;
    struct aq_error ignored;
    if (container_facts_read(directory, &facts, &ignored) != 0 || !facts.own_groups)
        return;
    const char *const arguments[] = {facts.runtime, "--root", SLOTS_RUNTIME, "delete", facts.name, NULL};
    const struct program_run run = {.arguments = arguments,
                                    .until_ms = aq_clock_boot_ms() + settings->call_time * 1000,
                                    .bound = "container.call_time of the agent"};
    int deleted = program_run(&run, &ignored);
    (void)deleted; /* its state is removed in any case */
}

/* What is noted must not be published again in between. */
static void give_back(const struct container_job *job, const struct container_plan *plan)
{
    struct aq_error ignored;
    bool published = job->has_ports && plan != NULL && json_array_size(plan->ports) > 0;
    AQ_CLEANUP_FD int lock = published ? network_lock(&plan->settings, &ignored) : -1;
    if (published)
        network_unpublish(&plan->settings, plan->ports);
    (void)lock; /* until here */
    int noted = slots_note(job->slot, "", "", &ignored);
    (void)noted; /* the keeper that claims it next cleans up again */
}

static void container_clean(const struct keeper_job *common, int directory)
{
    const struct container_job *job = (const struct container_job *)common;
    struct container_plan plan;
    struct aq_error ignored;
    char path[PATH_MAX];
    if (job->slot == CONTAINER_NO_SLOT)
        return;
    bool planned = container_plan_read(job, &plan, &ignored) == 0;
    if (planned && plan.settings.call_time > CLEAN_S)
        plan.settings.call_time = CLEAN_S;
    if (planned)
        runtime_delete(&plan.settings, directory);
    state_path(path, job->slot);
    tree_remove(path);
    give_back(job, planned ? &plan : NULL);
    if (planned) {
        prune_if_due(&plan.settings);
        container_plan_free(&plan);
    }
}

/* What it has written; as whom and where, its config.json says. */
static bool container_left(const struct keeper_job *job, int directory, struct driver_left *left)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    json_int_t user, group, first;
    const char *cwd;
    (void)job;
    if (aq_file_read(directory, "bundle/config.json", CONFIG_MAX, &text, &ignored) != 0)
        return false;
    AQ_CLEANUP_JSON json_t *config = aq_json_parse(text.data, text.length, &ignored);
    if (json_unpack(config, "{s:{s:s, s:{s:I, s:I}}, s:{s:[{s:I}]}}", "process", "cwd", &cwd, "user", "uid", &user,
                    "gid", &group, "linux", "uidMappings", "hostID", &first) != 0)
        return false;
    *left = (struct driver_left){.tree = "upper",
                                 .at = "/",
                                 .layer = true,
                                 .has_user = true,
                                 .user = (uint32_t)(first + user),
                                 .group = (uint32_t)(first + group)};
    snprintf(left->cwd, sizeof left->cwd, "%s", cwd);
    return true;
}

static const struct keeper_kind container_keeper_kind = {.name = CONTAINER_KIND_NAME,
                                                         .map = container_plan_map,
                                                         .claim = container_claim,
                                                         .start = container_starter_start,
                                                         .find = container_find,
                                                         .clean = container_clean,
                                                         .left = container_left};
KEEPER_KIND(container_keeper_kind)

/* ---- in the agent ------------------------------------------------------------------------------------- */

struct container_own {
    struct process_commands *commands; /* that run in containers */
    struct network_watch *watch;
    struct aq_container_settings settings;
    uint16_t metadata_port;
    struct aq_arena arena;
};

static int container_probe(struct aq_error *error)
{
    static const char *const needed[] = {"skopeo", "umoci"};
    if (kept_probe(error) != 0)
        return -1;
    if (geteuid() != 0)
        return aq_fail(error, AQ_E_FORBIDDEN, "only an agent that is root can make containers");
    for (size_t i = 0; i < AQ_LENGTH(needed); i++)
        if (program_find(needed[i]) == NULL)
            return aq_fail(error, AQ_E_STATE, "the program %s is not installed", needed[i]);
    /* The settings, which are not known yet, say which one is used. */
    return container_runtime("", error) != NULL ? 0 : -1;
}

static int container_encode(const struct driver *driver, const struct driver_spec *spec, struct aq_error *error)
{
    const struct container_own *own = driver->own;
    if (driver->allowance.told.count == 0 || own->settings.images == NULL)
        return aq_fail(error, AQ_E_STATE, "the driver does not know yet what the node's owner allows");
    const struct driver_settings settings = {.container = &own->settings, .metadata_port = own->metadata_port};
    return container_plan_encode(spec, driver->node, &driver->allowance, &settings, error);
}

static void container_identify(int directory, const struct keeper_state *state, struct kept_identity *identity)
{
    struct container_facts facts;
    struct aq_error ignored;
    if (directory < 0 || container_facts_read(directory, &facts, &ignored) != 0)
        return;
    size_t length = strlen(facts.image), shown = length < SHOWN_MAX ? length : SHOWN_MAX; /* the digest is at its end */
    snprintf(identity->name, sizeof identity->name, "pid %d, image %s%s", state->main.pid, shown < length ? "..." : "",
             facts.image + length - shown);
    snprintf(identity->ip_addr, sizeof identity->ip_addr, "%s", facts.ip_addr);
    snprintf(identity->hw_addr, sizeof identity->hw_addr, "%s", facts.hw_addr);
    network_device(facts.hw_addr, identity->device);
}

static void container_forget(void *own)
{
    struct container_own *kept = own;
    process_commands_free(kept->commands);
    network_watch_free(kept->watch);
    aq_arena_free(&kept->arena);
    free(kept);
}

/* ---- commands in containers ----------------------------------------------------------------------------- */

static struct process_commands *commands_of(const struct driver *driver)
{
    return ((struct container_own *)driver->own)->commands;
}

static int container_command(struct driver *driver, const struct driver_command *command, struct aq_error *error)
{
    const struct kept_workload *workload = roster_find(&driver->roster, command->resource);
    if (command->left != NULL)
        return process_commands_start(commands_of(driver), NULL, command, error);
    if (workload == NULL || workload->phase != KEPT_RUNNING)
        return aq_fail(error, AQ_E_STATE, "resource %" PRIu64 " does not run", command->resource);
    return process_commands_start(commands_of(driver), &workload->state.main, command, error);
}

static void container_end_command(struct driver *driver, uint64_t number)
{
    process_commands_end(commands_of(driver), number);
}

static void container_over(struct driver *driver, uint64_t resource)
{
    process_commands_end_in(commands_of(driver), resource);
}

static void container_work(struct driver *driver)
{
    const struct container_own *own = driver->own;
    process_commands_work(own->commands);
    network_watch_work(own->watch, &own->settings, driver->now->steady_ms);
    kept_work(driver);
}

static uint64_t container_deadline_ms(struct driver *driver)
{
    const struct container_own *own = driver->own;
    uint64_t watch_ms = network_watch_deadline_ms(own->watch), kept_ms = kept_deadline_ms(driver);
    return watch_ms < kept_ms ? watch_ms : kept_ms;
}

/* ---- the driver ----------------------------------------------------------------------------------------- */

static const struct kept_kind container_kind = {.declared = &aq_driver_container,
                                                .encode = container_encode,
                                                .identify = container_identify,
                                                .over = container_over,
                                                .forget = container_forget};

static struct driver *container_open(const char *node, const struct aq_clocks *now, driver_report_fn *report,
                                     void *context)
{
    struct driver *driver = kept_open(&container_kind, node, now, report, context);
    struct container_own *own = aq_calloc(1, sizeof *own);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0}; /* no resource has this number */
    own->commands = process_commands_new(node, report, context);
    own->watch = network_watch_new(driver->epoll);
    driver->own = own;
    if (driver->epoll >= 0 && epoll_ctl(driver->epoll, EPOLL_CTL_ADD, process_commands_fd(own->commands), &event) != 0)
        aq_journal(AQ_WARN, "commands in workloads are not watched", "driver", "container", NULL);
    return driver;
}

static void container_configure(struct driver *driver, const struct driver_settings *settings)
{
    struct container_own *own = driver->own;
    struct aq_arena arena = {0};
    aq_record_copy(&aq_container_settings_record, &own->settings, settings->container, &arena);
    aq_arena_free(&own->arena);
    own->arena = arena;
    own->metadata_port = settings->metadata_port;
}

static bool container_network(const struct driver *driver, struct driver_network *network)
{
    const struct container_own *own = driver->own;
    struct aq_container_subnet subnet;
    struct aq_error ignored;
    char gateway[NETWORK_ADDRESS_SIZE];
    if (own->settings.network == NULL || aq_container_subnet_parse(&subnet, own->settings.network, &ignored) != 0)
        return false;
    network_gateway(&subnet, gateway);
    *network = (struct driver_network){.device = NETWORK_BRIDGE, .mark = NETWORK_MARK};
    snprintf(network->gateway, sizeof network->gateway, "%s", gateway);
    return true;
}

const struct driver_type container_driver_type = {.declared = &aq_driver_container,
                                                  .keeps_leases = true,
                                                  .probe = container_probe,
                                                  .open = container_open,
                                                  .close = kept_close,
                                                  .allow = kept_allow,
                                                  .configure = container_configure,
                                                  .network = container_network,
                                                  .start = kept_start,
                                                  .adopt = kept_adopt,
                                                  .end_leftover = kept_workload_end_leftover,
                                                  .stop = kept_stop,
                                                  .command = container_command,
                                                  .end_command = container_end_command,
                                                  .sample = kept_sample,
                                                  .wake_fd = kept_wake_fd,
                                                  .deadline_ms = container_deadline_ms,
                                                  .work = container_work};
