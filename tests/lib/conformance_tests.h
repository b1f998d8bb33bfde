/* What the parts of the conformance suite share. Private to them. */
#ifndef AQ_TESTS_LIB_CONFORMANCE_TESTS_H
#define AQ_TESTS_LIB_CONFORMANCE_TESTS_H

#include "tests/lib/conformance.h"

#include <signal.h>

enum { TURNS_AFTER_END = 20, STATUS_KILLED = 128 + SIGKILL };

extern const struct conformance *conformance_subject;
extern bool conformance_adopted[RIG_MOST + 1]; /* then an end may come without a start */

/* Fails the test if a report cannot come after those that came before. */
void conformance_check_order(struct rig *rig, const struct driver_report *report);
void conformance_open_again(struct rig *rig);
void conformance_expect_nothing_left(struct rig *rig, uint64_t resource);
struct rig_workload *conformance_await_end(struct rig *rig, uint64_t resource);
struct rig_workload *conformance_stop(struct rig *rig, uint64_t resource);

/* conformance_agents.c */
void conformance_test_another_process_adopts(void **state);
void conformance_test_an_agent_is_killed_while_it_starts(void **state);
void conformance_test_files_of_an_earlier_version_while_it_runs(void **state);
void conformance_test_files_of_earlier_versions(void **state);
void conformance_test_the_host_restarts(void **state);
void conformance_test_leftovers_are_found_and_ended(void **state);

/* conformance_commands.c */
void conformance_test_commands(void **state);
void conformance_test_commands_end_when_told_and_with_their_workload(void **state);

/* conformance_leases.c */
void conformance_test_a_lease_ends_what_is_out_of_touch(void **state);
void conformance_test_what_has_no_lease_any_more_does_not_start(void **state);
void conformance_test_a_lease_is_kept_without_an_agent(void **state);

/* conformance_samples.c */
void conformance_test_samples(void **state);

#endif
