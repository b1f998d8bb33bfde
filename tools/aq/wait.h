/* Follows applications until they are in the state that the user wants, and reports every move on standard error. A
 * controller that restarts meanwhile is waited for. */
#ifndef AQ_TOOLS_AQ_WAIT_H
#define AQ_TOOLS_AQ_WAIT_H

#include "tools/aq/client.h"

enum cli_wish {
    CLI_WISH_RUNS,   /* ALLOCATED, or over after that */
    CLI_WISH_OVER,   /* over, however it ended */
    CLI_WISH_STATUS, /* one status, or one that comes after it */
};

/* How a wait ended. */
enum cli_wait_end {
    CLI_WAIT_REACHED,
    CLI_WAIT_FAILED,      /* an application can no longer reach the wanted state */
    CLI_WAIT_TIME_OUT,    /* of --timeout, else CLI_WAIT_S */
    CLI_WAIT_INTERRUPTED, /* interrupt.h */
    CLI_WAIT_BROKEN,      /* refused; reported on standard error */
};

struct cli_wait {
    struct cli_client *client;
    const struct cli_options *options;
    enum cli_wish wish;
    int status;         /* CLI_WISH_STATUS: an enum aq_application_status */
    const json_t *keys; /* texts */
    uint64_t seq;       /* what the client has seen */
    uint64_t end_ms;    /* of aq_clock_ms(); 0: as the options say */
    bool silent;        /* reports nothing: the caller explains */
    bool no_verdict;    /* reports moves, but not that it failed */
    enum cli_wait_end end;
    json_t *rows; /* in the order of the keys, as they were last seen; null: never. The caller's reference */
};

/* CLI_DONE: all reached the wanted state; CLI_FAILED: one did not, or the time is over. Fills `end` and `rows`. */
enum cli_exit cli_wait(struct cli_wait *wait);
/* Prints the rows. */
void cli_wait_show(const struct cli_wait *wait);
/* When the wait of these options ends, from now on. */
uint64_t cli_wait_end_ms(const struct cli_options *options);

/* Is the wait for an application over? CLI_FAILED: it can no longer reach the wanted state. */
bool cli_wait_is_over(const json_t *row, enum cli_wish wish, int wanted, enum cli_exit *outcome);
/* Of an application's row; -1: unknown. */
int cli_status_of(const json_t *row);

#endif
