/* What each container of this host has for its own: a number, its slot. From it follow the users of its user namespace,
 * its address on the bridge and its name for the runtime, so that no two containers of a host collide, whatever agents
 * they belong to.
 *
 * A slot is a locked file in SLOTS_DIRECTORY, which holds what the container uses of the host. The keeper
 * holds the lock as long as it lives, so that nothing has to be given back. A slot whose keeper was killed is not
 * handed out as long as a process runs as one of its users, and slots are handed out in turn, so that it rests for a
 * while. */
#ifndef AQ_DRIVERS_CONTAINER_SLOTS_H
#define AQ_DRIVERS_CONTAINER_SLOTS_H

#include "schema/base/error.h"
#include "schema/base/memory.h"
#include "schema/drivers/container.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SLOTS_DIRECTORY "/run/aquarium/containers"
#define SLOTS_LOWER     SLOTS_DIRECTORY "/lower" /* where a starter mounts its image, in a mount namespace of its own */
#define SLOTS_ROOT      SLOTS_DIRECTORY "/root"  /* and the container's root */
#define SLOTS_DISK      SLOTS_DIRECTORY "/disk"  /* and what takes what it writes, if that has a size */
#define SLOTS_RUNTIME   SLOTS_DIRECTORY "/runtime" /* the runtime's directory of states */

enum { SLOTS = 4000, SLOT_USERS = 65536, SLOT_NAME_SIZE = 16, SLOTS_PATIENCE_MS = 2000 };

/* Creates the directories if they are missing. */
int slots_prepare(struct aq_error *error) AQ_MUST_CHECK;

/* Claims a slot for this process and those that it forks, until the last of them ends. Waits for nothing but other
 * claims, and for those SLOTS_PATIENCE_MS at most. Appends to `left` what the last one that had the slot has noted and
 * not taken back: it did not come to its end. */
int slots_claim(const struct aq_container_settings *settings, uint32_t *slot, struct aq_buffer *left,
                struct aq_error *error) AQ_MUST_CHECK;

/* Notes what the slot's container uses: the directory of its image, and its ports, which follow after a newline. "":
 * nothing any more. */
int slots_note(uint32_t slot, const char *image, const char *ports, struct aq_error *error) AQ_MUST_CHECK;

/* Calls `use` for each slot in use, with the image and the ports that are noted there. */
typedef void slots_use_fn(void *context, uint32_t slot, const char *image, const char *ports);
void slots_each(const struct aq_container_settings *settings, slots_use_fn *use, void *context);

/* Waits until the processors of the host have room to make one more container, and until `until_ms` of CLOCK_BOOTTIME
 * at most. Returns a descriptor, for close(); more than a few at a time would only delay one another. */
int slots_await_turn(uint32_t slot, uint64_t until_ms, struct aq_error *error) AQ_MUST_CHECK;

void slot_name(uint32_t slot, char name[SLOT_NAME_SIZE]); /* "aq17": of the container for the runtime */
uint32_t slot_first_user(uint32_t slot, const struct aq_container_settings *settings);

/* Whether a process of the host runs as a user of the slot (slots_users.c). */
struct slots_users {
    bool known; /* false: not looked up yet */
    bool run[SLOTS];
};
bool slots_users_run(struct slots_users *users, uint32_t slot, const struct aq_container_settings *settings);

#endif
