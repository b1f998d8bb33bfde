/* The secrets of a life: what clients gave, in the clear, and what the log has of it. Boxes are recognized in
 * events by their bytes, so what a workload gets can be compared with what a client gave, although no key is known
 * here. */
#ifndef AQ_TESTS_SIM_SEALED_H
#define AQ_TESTS_SIM_SEALED_H

#include "controller/secrets/keyring.h"
#include "schema/base/memory.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/secret.h"
#include "tests/sim/sim.h"

#include <stddef.h>

/* Every secret that a client gives has it inside: so it is found wherever it must not be. */
#define SEALED_MARK "in-the-clear"

struct sealed_value {
    struct aq_bytes box;
    const char *name, *value; /* as a driver gets them */
};

struct sealed_epoch {
    char name[KEYRING_NAME_SIZE];
    bool open, ended, lost;
    bool away; /* the operator has lost its key, or has it elsewhere */
};

/* A label or an application with secrets. */
struct sealed_row {
    const struct aq_entity *entity;
    uint64_t id;
    bool over; /* it needs them no more */
    char epoch[KEYRING_NAME_SIZE];
    const struct sealed_value **values;
    uint32_t count;
};

struct sealed {
    struct sim *sim;
    struct aq_arena arena;
    const struct sealed_value **values;
    struct sealed_epoch *epochs;
    struct sealed_row *rows;
    size_t n_values, values_room, n_epochs, epochs_room, n_rows, rows_room;
};

void sealed_open(struct sealed *sealed, struct sim *sim);
void sealed_free(struct sealed *sealed);

/* The door has made `record` of what was `given`. */
void sealed_note(struct sealed *sealed, const struct aq_command *command, const void *given, const void *record);
const struct sealed_value *sealed_find(const struct sealed *sealed, const struct aq_bytes *box); /* NULL: none */

struct sealed_epoch *sealed_epoch(const struct sealed *sealed, const char *name); /* NULL: there is none */
struct sealed_row *sealed_row(const struct sealed *sealed, const struct aq_entity *entity, uint64_t id);

/* Breaks the life if these bytes have a secret in the clear. */
void sealed_search(struct sim *sim, const void *bytes, size_t length, const char *where);
/* The same for all files below the working directory but those of memory file systems. */
void sealed_search_files(struct sim *sim);

#endif
