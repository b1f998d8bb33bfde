/* The files of an agent, as accidents leave them: the directory <data>/<name>, see agent/home.h. */
#ifndef AQ_TESTS_SIM_NODE_FILES_H
#define AQ_TESTS_SIM_NODE_FILES_H

#include "schema/base/error.h"
#include "schema/wire/key_file.h"
#include "tests/sim/sim.h"

/* Below the working directory: the memory file systems of all hosts, with their secrets. */
#define NODE_FILES_MEMORY "memory"

int node_files_make(const char *data, const char *name, struct aq_error *error) AQ_MUST_CHECK;
void node_files_lose(const char *data, const char *name); /* it is empty then */
void node_files_copy(const char *from, const char *to, const char *name);
/* After a power cut: of the files that are not synced, the plans of the driver `test`, some are lost or empty. */
void node_files_tear(struct sim *sim, const char *data, const char *name);

/* The agent's public key. False: it has none yet. */
bool node_files_key(const char *data, const char *name, char key[AQ_NOISE_TEXT_SIZE]);
bool node_files_has(const char *data, const char *name, uint64_t resource);     /* there is a record of the workload, */
bool node_files_has_end(const char *data, const char *name, uint64_t resource); /* and of its end */

#endif
