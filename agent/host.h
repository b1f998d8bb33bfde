/* The host of an agent, as far as the agent needs to know it. The simulator makes up hosts of its own. */
#ifndef AQ_AGENT_HOST_H
#define AQ_AGENT_HOST_H

#include "agent/address.h"
#include "agent/settings/settings.h"
#include "schema/model/usage.h"

enum { HOST_TEXT_SIZE = 65 };

struct host_load {
    uint64_t load_milli;       /* load average of one minute, in thousandths */
    uint64_t memory_available; /* MiB that are not in use */
};

struct host {
    /* Processors and memory that this process may use (as affinity and control groups limit them), and free disk space
     * for the agent's data. Slots are 0. */
    struct aq_amounts capacity;
    char machine[HOST_TEXT_SIZE];   /* as uname(1) shows it with -m */
    char name[HOST_TEXT_SIZE];      /* and with -n */
    char address[ADDRESS_OWN_SIZE]; /* on the way to the controller; "": there is no route yet */
    char user[HOST_TEXT_SIZE];      /* name or number of the agent's user; "": root */
    char boot[HOST_TEXT_SIZE];      /* names this start of the host, as no other */
    struct host_load (*load)(void); /* at this moment */
    /* What the host has used since it started: as counters, without resource and time. NULL: not known. */
    struct aq_sample (*sample)(void);
    /* Runs the command that shuts it down: a program and its arguments. Does not wait for its end. */
    int (*shut_down)(const struct aq_list *command, struct aq_error *error);
};

/* Reads all of it, for settings that have been checked. May wait for the resolver. */
void host_read(struct host *host, const struct aq_config_agent *config);

struct aq_sample host_sample(void); /* host_usage.c */

#endif
