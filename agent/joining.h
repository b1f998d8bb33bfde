/* The join token that the agent is given at its start, and where its controller is.
 *
 * The token comes from the file of the setting join_file, "-" for standard input, or from the variable AQ_JOIN_TOKEN:
 * never from the command line, which everybody on the host can read. It is needed once. Then the agent has a key of its
 * own (identity.h), and keeps the addresses of the hub in <data>/<name>/controllers, one for each line. */
#ifndef AQ_AGENT_JOINING_H
#define AQ_AGENT_JOINING_H

#include "agent/settings/settings.h"
#include "schema/wire/join_text.h"

enum { JOINING_ADDRESSES_MAX = 2 * AQ_JOIN_ADDRESSES_MAX };

#define JOINING_VARIABLE "AQ_JOIN_TOKEN"

struct joining {
    bool has_token;
    struct aq_join_said token; /* a secret: see joining_wipe() */
    struct aq_list addresses;  /* of the hub: ADDRESS:PORT, at least one, the best first */
};

/* Takes the token out of the environment, so that nothing that the agent starts has it. Call it first, and once. The
 * result, which may be NULL, is in `arena`. */
char *joining_take_variable(struct aq_arena *arena);

/* Reads the token, if there is one, and finds the addresses: those of the setting `controller`; else those of the
 * token, and those that are kept; else 127.0.0.1:8002. A join_file that is missing is no failure, for the agent may
 * have enrolled before; and if it has, neither is a token that cannot be read. `variable` is from the function above;
 * texts are in `arena`. */
int joining_read(struct joining *joining, const struct aq_config_agent *config, char *variable, struct aq_arena *arena,
                 struct aq_error *error) AQ_MUST_CHECK;

/* Keeps the addresses of the token for later starts: the hub there has admitted the agent. */
int joining_keep(const struct joining *joining, const struct aq_config_agent *config,
                 struct aq_error *error) AQ_MUST_CHECK;

void joining_wipe(struct joining *joining); /* the secret */

#endif
