/* Opens sessions of commands (execs.h): finds the agent, and looks at the limits. */
#ifndef AQ_CONTROLLER_HUB_EXEC_OPEN_H
#define AQ_CONTROLLER_HUB_EXEC_OPEN_H

#include "controller/hub/execs.h"

struct exec_call;

/* Answers the call. */
void exec_open_session(struct hub_execs *execs, struct exec_call *call);

#endif
