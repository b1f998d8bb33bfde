/* A call as the line that a driver program reads (docs/driver-programs.md). */
#ifndef AQ_DRIVERS_PROGRAM_CALL_H
#define AQ_DRIVERS_PROGRAM_CALL_H

#include "drivers/program/hello.h"

/* Holds a line break, in the environment of driver programs: a value with line breaks stays on one line. */
#define CALL_BREAK_VARIABLE "AQUARIUM_NL"

/* Appends the object as one line. As a shell reads it, each member is an assignment, and so is each option, as
 * option_NAME; a list of texts is words, which `eval "set -- $arguments"` takes apart; what else has members is JSON.
 */
void call_write(enum hello_form form, const json_t *call, struct aq_buffer *out);

#endif
