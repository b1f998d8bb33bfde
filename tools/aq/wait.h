/* --wait: follows applications until they are in the state that the user wants, and reports every move on standard
 * error. */
#ifndef AQ_TOOLS_AQ_WAIT_H
#define AQ_TOOLS_AQ_WAIT_H

#include "tools/aq/client.h"

enum cli_wish {
    CLI_WISH_RUNS, /* ALLOCATED, or over after that */
    CLI_WISH_OVER, /* over, however it ended */
};

/* `keys` is a list of texts; `seq` is what the client has seen. CLI_DONE: all reached the wanted state; CLI_FAILED: one
 * did not, or the time is over (--timeout, else CLI_WAIT_S). Prints the applications in their last state. */
enum cli_exit cli_wait(struct cli_client *client, const struct cli_options *options, const json_t *keys, uint64_t seq,
                       enum cli_wish wish);

/* Is the wait for an application over? CLI_FAILED: it can no longer reach the wanted state. */
bool cli_wait_is_over(const json_t *row, enum cli_wish wish, enum cli_exit *outcome);

#endif
