/* Applications to their end: aq run, aq wait, aq logs. */
#ifndef AQ_TOOLS_AQ_JOBS_H
#define AQ_TOOLS_AQ_JOBS_H

#include "tools/aq/nouns.h"

/* What aq run --attach and aq wait exit with when there is no exit status of a workload, as timeout(1) and docker do.
 */
enum { CLI_JOB_TIME_OUT = 124, CLI_JOB_NEVER_RAN = 125 };

/* Creates an application and waits until it runs; with --attach until its end, with its output on standard output and
 * its exit status as that of aq. Unless --keep is given, what it asked for is deallocated at a time-out, or when it is
 * interrupted: the exit status is 128 and the signal's number then. */
enum cli_exit cli_run_application(struct cli *cli, const char *const *words, unsigned count);

/* Waits for the end of applications, or for --for. */
enum cli_exit cli_wait_applications(struct cli *cli, const char *const *words, unsigned count);

/* The output of an application's workload. */
enum cli_exit cli_logs(struct cli *cli, const char *const *words, unsigned count);

/* The exit status that stands for an application that is over: that of its workload, or CLI_JOB_NEVER_RAN. */
int cli_job_status(const json_t *row);

#endif
