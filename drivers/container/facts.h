/* The file `container` in a workload's directory: what is known of its container once it was made. The starter writes
 * it; the keeper and the agent read it. */
#ifndef AQ_DRIVERS_CONTAINER_FACTS_H
#define AQ_DRIVERS_CONTAINER_FACTS_H

#include "schema/base/error.h"
#include "schema/drivers/container.h"

#include <stdbool.h>
#include <stdint.h>

enum { FACTS_IMAGE_SIZE = AQ_IMAGE_MAX + AQ_DIGEST_SIZE, FACTS_ADDRESS_SIZE = 48 };

struct container_facts {
    char image[FACTS_IMAGE_SIZE];                                  /* NAME@sha256:... */
    char runtime[256];                                             /* the OCI runtime's path */
    char name[32];                                                 /* of the container for the runtime */
    char ip_addr[FACTS_ADDRESS_SIZE], hw_addr[FACTS_ADDRESS_SIZE]; /* "": none */
    int stop_signal;
    bool own_groups; /* the runtime has made control groups that only it knows of */
};

int container_facts_write(int directory, const struct container_facts *facts, struct aq_error *error) AQ_MUST_CHECK;
int container_facts_read(int directory, struct container_facts *facts, struct aq_error *error) AQ_MUST_CHECK;

#endif
