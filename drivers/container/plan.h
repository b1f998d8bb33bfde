/* What the keeper of a container must know: the job (drivers/keeper/job.h) with a JSON object, which the agent writes
 * and the starter reads. */
#ifndef AQ_DRIVERS_CONTAINER_PLAN_H
#define AQ_DRIVERS_CONTAINER_PLAN_H

#include "drivers/driver.h"
#include "drivers/keeper/job.h"
#include "schema/drivers/container.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CONTAINER_KIND_NAME "container"
#define CONTAINER_NO_SLOT   UINT32_MAX

struct container_job {
    struct keeper_job common;
    uint64_t first_user, call_time; /* of the settings: for the keeper, which need not read the plan for them */
    uint32_t slot;                  /* claimed by the keeper (slots.h); CONTAINER_NO_SLOT: not yet */
    bool ports;                     /* the plan has some */
    bool has_ports;                 /* claimed by the keeper; else they may be another container's */
    const char *plan;               /* JSON */
};

/* The plan, as the starter reads it. Its texts belong to `json`. */
struct container_plan {
    json_t *json;
    const char *image;   /* reference */
    json_t *entrypoint;  /* list of texts; NULL: the image's */
    json_t *command;     /* the same */
    json_t *environment; /* list of "NAME=value" */
    const char *directory, *user, *hostname;
    json_t *mounts; /* list of {source, inside, target, writable}: `source` is in the allowed directory `inside` */
    json_t *ports;  /* list of {outside, inside, udp} */
    json_t *login;  /* {username, password} for the registry of the image; NULL: none */
    enum aq_container_network network;
    enum aq_container_pull pull;
    bool read_only;
    uint64_t disk_mib; /* size of what it may write; 0: no limit */
    struct aq_container_settings settings;
    const char *plain[16]; /* of `settings` */
};

/* Returns the descriptor of a memory file with the job, or -1. Refuses what the owner of the node does not allow. */
int container_plan_encode(const struct driver_spec *spec, const char *node, const struct aq_allowance *allowance,
                          const struct driver_settings *settings, struct aq_error *error) AQ_MUST_CHECK;

/* For keeper_kind.map. */
struct keeper_job *container_plan_map(int fd);

int container_plan_read(const struct container_job *job, struct container_plan *plan,
                        struct aq_error *error) AQ_MUST_CHECK;
void container_plan_free(struct container_plan *plan);

#endif
