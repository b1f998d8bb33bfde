#include "agent/agent.h"

#include "agent/address.h"
#include "agent/capacity.h"
#include "agent/delivery.h"
#include "agent/metadata.h"
#include "agent/programs.h"
#include "agent/session.h"
#include "agent/workloads.h"
#include "schema/base/journal.h"
#include "schema/codec/check.h"
#include "schema/codec/reload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SWEEP_FILES = 256, /* deleted in one turn */
    SWEEP_MS = 5,      /* between two such turns */
    HOST_SIZE = 128,
    PROGRAMS_MS = 2000, /* so long the agent waits for driver programs before it tells which drivers there are */
};

struct agent {
    struct aq_clocks now; /* of the turn; the parts that need the time point to it */
    struct host host;
    struct aq_config_agent config;
    struct aq_arena arena; /* of config */
    struct home *home;
    struct workloads workloads;
    struct metadata *metadata;
    uint16_t told_port;      /* of the metadata service, to the drivers */
    uint64_t silent_ms;      /* until then it tells nothing; 0: the drivers are settled, or too slow */
    unsigned driver_changes; /* that the hub is told of */
    struct delivery delivery;
    struct entry entry;
    struct session *session;
};

/* ---- settings ----------------------------------------------------------------------------------------- */

static int name_after_host(struct aq_config_agent *config, struct aq_arena *arena, struct aq_error *error)
{
    char host[HOST_SIZE];
    if (gethostname(host, sizeof host) != 0)
        strcpy(host, "localhost");
    host[sizeof host - 1] = '\0';
    config->name = aq_arena_text(arena, host, strlen(host));
    const struct aq_field *field = aq_record_field(&aq_config_agent_record, "name");
    if (aq_field_check(field, config, field->name, error) != 0)
        return aq_error_context(error, "the host's name cannot be the node's name: set one");
    return 0;
}

int agent_check(struct aq_config_agent *config, struct aq_arena *arena, struct aq_error *error)
{
    struct address controller;
    if (config->name[0] == '\0' && name_after_host(config, arena, error) != 0)
        return -1;
    if (config->controller[0] != '\0' && !address_parse(&controller, config->controller))
        return aq_fail(error, AQ_E_INVALID,
                       "controller is \"%.100s\", but must be ADDRESS:PORT, with a port from 1 to 65535",
                       config->controller);
    if (aq_allow_check(&config->allow, error) != 0 || aq_container_settings_check(&config->container, error) != 0 ||
        aq_libvirt_settings_check(&config->libvirt, error) != 0 || capacity_check(config, error) != 0)
        return -1;
    return drivers_check(&config->drivers, config->drivers_dir[0] != '\0', error);
}

static void set_config(struct agent *agent, const struct aq_config_agent *config)
{
    struct aq_arena arena = {0};
    aq_record_copy(&aq_config_agent_record, &agent->config, config, &arena);
    aq_arena_free(&agent->arena);
    agent->arena = arena;
}

/* Tells the drivers what the settings allow. */
static void tell_allowance(struct agent *agent)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_allow *allow = &agent->config.allow;
    if (agent->host.user[0] != '\0' && (allow->user[0] != '\0' || allow->users.count > 0 || allow->root))
        aq_journal(AQ_WARN,
                   "allow.user, allow.users and allow.root have no effect: only an agent that is root can give "
                   "workloads another user",
                   "user", agent->host.user, NULL);
    const struct aq_allowance allowance = aq_allowance_make(&agent->config.allow, agent->host.user, &arena);
    drivers_allow(&agent->workloads.drivers, &allowance);
}

static void tell_drivers(struct agent *agent)
{
    agent->told_port = agent->metadata != NULL ? metadata_port(agent->metadata) : 0;
    const struct driver_settings settings = {.container = &agent->config.container,
                                             .metadata_port = agent->told_port,
                                             .record = &aq_config_agent_record,
                                             .all = &agent->config};
    drivers_configure(&agent->workloads.drivers, &settings);
    tell_allowance(agent);
}

static uint32_t find_programs(struct agent *agent)
{
    const struct aq_config_agent *config = &agent->config;
    return programs_find(&agent->workloads.drivers, config->name, config->drivers_dir, &config->drivers);
}

void agent_reconfigure(struct agent *agent, const struct aq_config_agent *config)
{
    AQ_CLEANUP_BUFFER struct aq_buffer taken = {0}, left = {0};
    struct aq_config_agent next = agent->config;
    aq_config_take_live(&aq_config_agent_record, &next, config, &taken, &left);
    set_config(agent, &next);
    const uint32_t found = find_programs(agent);
    tell_drivers(agent);
    if (found > 0)
        workloads_adopt_late(&agent->workloads);
    session_offer_again(agent->session);
    home_keep(agent->home, &agent->config.keep);
}

/* ---- open and close ----------------------------------------------------------------------------------- */

static int open_workloads(struct agent *agent, struct aq_error *error)
{
    const struct aq_config_agent *config = &agent->config;
    if (home_open(&agent->home, config->data, config->name, &agent->now, error) != 0)
        return -1;
    workloads_open(&agent->workloads, agent->home, config->name, &config->drivers, config->secrets, &agent->now);
    find_programs(agent);
    agent->silent_ms = agent->now.steady_ms + PROGRAMS_MS;
    tell_drivers(agent);
    agent->metadata =
        metadata_open(&agent->workloads, (uint16_t)config->metadata.port, home_root(agent->home), &agent->now);
    if (workloads_adopt(&agent->workloads, error) != 0)
        return -1;
    home_keep(agent->home, &config->keep);
    delivery_init(&agent->delivery, &agent->workloads);
    return 0;
}

static int open_agent(struct agent *agent, const struct agent_join *join, struct aq_uplink *uplink,
                      struct aq_error *error)
{
    if (open_workloads(agent, error) != 0 || entry_open(&agent->entry, home_root(agent->home), join, agent->config.name,
                                                        home_instance(agent->home), error) != 0) {
        uplink->kind->close(uplink);
        return -1;
    }
    const struct session_agent self = {.config = &agent->config,
                                       .host = &agent->host,
                                       .instance = home_instance(agent->home),
                                       .home = home_identity(agent->home, agent->host.boot),
                                       .workloads = &agent->workloads,
                                       .delivery = &agent->delivery,
                                       .entry = &agent->entry};
    return session_open(&agent->session, &self, uplink, error);
}

int agent_open(struct agent **out, const struct aq_config_agent *config, const struct host *host,
               const struct agent_join *join, struct aq_uplink *uplink, const struct aq_clocks *now,
               struct aq_error *error)
{
    struct agent *agent = aq_calloc(1, sizeof *agent);
    agent->now = *now;
    agent->host = *host;
    set_config(agent, config);
    if (open_agent(agent, join, uplink, error) != 0) {
        agent_close(agent);
        return -1;
    }
    *out = agent;
    return 0;
}

void agent_close(struct agent *agent)
{
    if (agent == NULL)
        return;
    session_close(agent->session);
    entry_close(&agent->entry);
    delivery_free(&agent->delivery);
    metadata_close(agent->metadata);
    workloads_close(&agent->workloads);
    home_close(agent->home);
    aq_arena_free(&agent->arena);
    free(agent);
}

/* ---- turns -------------------------------------------------------------------------------------------- */

/* So that the cluster does not see a driver go and come whenever the agent is restarted. */
static bool is_silent(struct agent *agent)
{
    if (drivers_are_settled(&agent->workloads.drivers) || agent->now.steady_ms >= agent->silent_ms)
        agent->silent_ms = 0;
    return agent->silent_ms != 0;
}

static void tell_changes_of_drivers(struct agent *agent)
{
    const unsigned changes = drivers_changes(&agent->workloads.drivers);
    if (changes != agent->driver_changes)
        session_offer_again(agent->session);
    agent->driver_changes = changes;
}

static uint64_t next_turn_ms(const struct agent *agent)
{
    const uint64_t now_ms = agent->now.steady_ms;
    uint64_t deadline_ms = agent->silent_ms != 0 ? agent->silent_ms : session_deadline_ms(agent->session, now_ms);
    uint64_t workloads_ms = workloads_deadline_ms(&agent->workloads);
    uint64_t metadata_ms = metadata_deadline_ms(agent->metadata);
    if (delivery_is_busy(&agent->delivery))
        return now_ms;
    if (home_has_trash(agent->home) && deadline_ms > now_ms + SWEEP_MS)
        deadline_ms = now_ms + SWEEP_MS;
    deadline_ms = metadata_ms < deadline_ms ? metadata_ms : deadline_ms;
    return workloads_ms < deadline_ms ? workloads_ms : deadline_ms;
}

uint64_t agent_turn(struct agent *agent, const struct aq_clocks *now)
{
    agent->now = *now;
    workloads_work(&agent->workloads);
    metadata_work(agent->metadata);
    if (metadata_port(agent->metadata) != agent->told_port)
        tell_drivers(agent);
    session_take(agent->session, now);
    delivery_turn(&agent->delivery, now->steady_ms);
    home_prune(agent->home);
    home_sweep(agent->home, SWEEP_FILES);
    tell_changes_of_drivers(agent);
    if (!is_silent(agent))
        session_ask(agent->session, now);
    return next_turn_ms(agent);
}

nfds_t agent_fds(const struct agent *agent, struct pollfd fds[AGENT_FDS_MAX])
{
    const struct drivers *drivers = &agent->workloads.drivers;
    nfds_t count = SESSION_FDS;
    session_fds(agent->session, fds);
    for (uint32_t i = 0; i < drivers->count; i++)
        fds[count++] =
            (struct pollfd){.fd = drivers->opened[i].type->wake_fd(drivers->opened[i].driver), .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = healths_fd(&agent->workloads.healths), .events = POLLIN};
    count += metadata_fds(agent->metadata, fds + count);
    aq_assert(count <= AGENT_FDS_MAX);
    return count;
}

bool agent_waits_for(const struct agent *agent, pid_t child)
{
    return drivers_wait_for(&agent->workloads.drivers, child);
}

bool agent_is_welcome(const struct agent *agent)
{
    return session_is_welcome(agent->session);
}

const char *agent_refusal(const struct agent *agent)
{
    return session_refusal(agent->session);
}
