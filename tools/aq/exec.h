/* Commands in workloads: aq exec, and what copies files by it. A session is begun with POST; then this process fetches
 * the output, and a fork of it sends the input, each on a connection of its own (schema/model/exec.h). */
#ifndef AQ_TOOLS_AQ_EXEC_H
#define AQ_TOOLS_AQ_EXEC_H

#include "tools/aq/nouns.h"

/* The resource of an application, or the one that the word names; reported on standard error if there is none. It may
 * have ended, and is then the last one of the application, if `ended` is given and so told. */
enum cli_exit cli_exec_find(struct cli *cli, const struct aq_entity *entity, const char *word, bool *ended,
                            uint64_t *resource);

struct cli_exec {
    const char *const *arguments;
    unsigned count;
    bool terminal;            /* `input` is one */
    bool quiet;               /* errors of the command go nowhere */
    int input, output;        /* descriptors; errors go to standard error */
    struct aq_buffer *errors; /* their beginning goes here, too; NULL: nowhere else */
};

/* Runs it to its end. Returns its exit status; CLI_JOB_NEVER_RAN with a message if there is none. */
enum cli_exit cli_exec_run(struct cli *cli, uint64_t resource, const struct cli_exec *exec);

/* aq exec APPLICATION COMMAND...: exits as the command did; 125: it never ran, or nobody knows how it ended. */
enum cli_exit cli_exec(struct cli *cli, const char *const *words, unsigned count);

/* aq console APPLICATION: the serial port of a virtual machine. */
enum cli_exit cli_console(struct cli *cli, const char *const *words, unsigned count);

#endif
