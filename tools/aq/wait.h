/* --wait: applications are followed until they are where the user wants them, with every move told on standard error.
 */
#ifndef AQ_TOOLS_AQ_WAIT_H
#define AQ_TOOLS_AQ_WAIT_H

#include "tools/aq/client.h"

enum cli_wish {
    CLI_WISH_RUNS, /* ALLOCATED, or over after it was */
    CLI_WISH_OVER, /* given back */
};

/* `keys` is a list of texts; `seq` is what the client has seen. CLI_DONE: all wishes came true; CLI_FAILED: one did
 * not, or the time is over: --timeout, else CLI_WAIT_S. The applications as they stand then are printed. */
enum cli_exit cli_wait(struct cli_client *client, const struct cli_options *options, const json_t *keys, uint64_t seq,
                       enum cli_wish wish);

/* Is the wait for an application over? CLI_FAILED: it can never be what is wished. */
bool cli_wait_is_over(const json_t *row, enum cli_wish wish, enum cli_exit *outcome);

#endif
