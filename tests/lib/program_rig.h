/* A test rig for drivers that are programs (drivers/program/): shell scripts, each written by its test. */
#ifndef AQ_TESTS_LIB_PROGRAM_RIG_H
#define AQ_TESTS_LIB_PROGRAM_RIG_H

#include "drivers/program/program.h"
#include "drivers/program/state.h"
#include "tests/lib/driver_rig.h"

/* Pieces of scripts: the hello of a program that takes calls as lines of sh, the loop over calls up to its "done", and
 * the answer to a call. */
#define HELLO "echo '{\"hello\":1,\"form\":\"sh\",\"commands\":true}'\n"
#define CALLS "while IFS= read -r line; do eval \"$line\"; "
#define OK    "echo \"{\\\"id\\\":$id}\""

extern char program_rig_path[128]; /* of the program, in a directory of the test */

/* Setup and teardown of each test. */
int program_rig_begin(void **state);
int program_rig_end(void **state);

/* Makes this script the program. */
void program_rig_write(const char *script);
/* Also opens the driver "hostile" on it, as rig_setup_program() does. */
struct rig *program_rig_open(void **state, const char *script);
/* As if so much time had passed. The driver sees it, the program does not. */
void program_rig_pass(struct rig *rig, uint64_t ms);
const char *program_rig_refusal(const struct rig *rig); /* "": the driver takes starts */

/* Each lets the driver work until it is so, and fails the test after RIG_PATIENCE_MS: the driver says this text of its
 * program's end, is in this phase, has counted so many faults. */
void program_rig_await_refusal(struct rig *rig, const char *text);
void program_rig_await_phase(struct rig *rig, enum program_phase phase);
void program_rig_await_faults(struct rig *rig, unsigned faults);

#endif
