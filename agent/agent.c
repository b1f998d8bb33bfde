#include "agent/agent.h"

#include "agent/address.h"
#include "agent/capacity.h"
#include "agent/delivery.h"
#include "agent/session.h"
#include "agent/workloads.h"
#include "schema/base/clock.h"
#include "schema/codec/check.h"
#include "schema/codec/reload.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SWEEP_FILES = 256, /* deleted in one turn */
    SWEEP_MS = 5,      /* between two such turns */
    DISK_MS = 100,     /* spent on the disk in one turn */
    HOST_SIZE = 128,
};

struct agent {
    struct aq_config_agent config;
    struct aq_arena arena; /* of config */
    struct home *home;
    struct workloads workloads;
    struct delivery delivery;
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
    if (!address_parse(&controller, config->controller))
        return aq_fail(error, AQ_E_INVALID,
                       "controller is \"%.100s\", but must be ADDRESS:PORT, with a port from 1 to 65535",
                       config->controller);
    return drivers_check(&config->drivers, error);
}

static void set_config(struct agent *agent, const struct aq_config_agent *config)
{
    struct aq_arena arena = {0};
    aq_record_copy(&aq_config_agent_record, &agent->config, config, &arena);
    aq_arena_free(&agent->arena);
    agent->arena = arena;
}

void agent_reconfigure(struct agent *agent, const struct aq_config_agent *config)
{
    AQ_CLEANUP_BUFFER struct aq_buffer taken = {0}, left = {0};
    struct aq_config_agent next = agent->config;
    aq_config_take_live(&aq_config_agent_record, &next, config, &taken, &left);
    set_config(agent, &next);
    session_offer_again(agent->session);
    home_keep_logs(agent->home, &agent->config.keep.logs);
}

/* ---- open and close ----------------------------------------------------------------------------------- */

static int open_agent(struct agent *agent, struct aq_error *error)
{
    const struct aq_config_agent *config = &agent->config;
    struct aq_wire_key key;
    if (aq_wire_key_load(&key, config->key_file, error) != 0 ||
        home_open(&agent->home, config->data, config->name, error) != 0 ||
        workloads_open(&agent->workloads, agent->home, config->name, &config->drivers, error) != 0 ||
        workloads_adopt(&agent->workloads, error) != 0)
        return -1;
    home_keep_logs(agent->home, &config->keep.logs);
    delivery_init(&agent->delivery, &agent->workloads);
    const struct session_agent self = {.config = config,
                                       .detected = capacity_detect(home_directory(agent->home)),
                                       .instance = home_instance(agent->home),
                                       .home = home_identity(agent->home),
                                       .workloads = &agent->workloads,
                                       .delivery = &agent->delivery};
    return session_open(&agent->session, &self, &key, error);
}

int agent_open(struct agent **out, const struct aq_config_agent *config, struct aq_error *error)
{
    struct agent *agent = aq_calloc(1, sizeof *agent);
    set_config(agent, config);
    if (open_agent(agent, error) != 0) {
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
    delivery_free(&agent->delivery);
    workloads_close(&agent->workloads);
    home_close(agent->home);
    aq_arena_free(&agent->arena);
    free(agent);
}

/* ---- the loop ----------------------------------------------------------------------------------------- */

/* How long nothing is due, `wait_ms` at most. */
static int turn_pause_ms(const struct agent *agent, uint64_t now_ms, int wait_ms)
{
    int drivers_ms = drivers_timeout_ms(&agent->workloads.drivers);
    if (delivery_is_busy(&agent->delivery))
        return 0;
    if (home_has_trash(agent->home) && wait_ms > SWEEP_MS)
        wait_ms = SWEEP_MS;
    if (drivers_ms >= 0 && drivers_ms < wait_ms)
        wait_ms = drivers_ms;
    return session_pause_ms(agent->session, now_ms, wait_ms);
}

/* Waits until something may have happened. The caller then checks everything. */
static void wait_for_news(const struct agent *agent, int fd, int wait_ms)
{
    struct pollfd fds[SESSION_FDS + 1 + DRIVERS_MAX];
    const struct drivers *drivers = &agent->workloads.drivers;
    nfds_t count = SESSION_FDS;
    session_fds(agent->session, fds);
    fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    for (uint32_t i = 0; i < drivers->count; i++)
        fds[count++] =
            (struct pollfd){.fd = drivers->opened[i].type->wake_fd(drivers->opened[i].driver), .events = POLLIN};
    int ready = poll(fds, count, wait_ms);
    (void)ready;
}

void agent_turn(struct agent *agent, int fd, int wait_ms)
{
    uint64_t now_ms = aq_clock_ms();
    session_ask(agent->session, now_ms);
    wait_for_news(agent, fd, turn_pause_ms(agent, now_ms, wait_ms));
    workloads_work(&agent->workloads);
    session_take(agent->session, aq_clock_ms());
    delivery_turn(&agent->delivery, DISK_MS);
    home_prune(agent->home);
    home_sweep(agent->home, SWEEP_FILES);
}

bool agent_is_welcome(const struct agent *agent)
{
    return session_is_welcome(agent->session);
}

const char *agent_refusal(const struct agent *agent)
{
    return session_refusal(agent->session);
}
