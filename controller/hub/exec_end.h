/* The end of a session of a command (execs.h): what leads to it, its record in the log, and its removal. */
#ifndef AQ_CONTROLLER_HUB_EXEC_END_H
#define AQ_CONTROLLER_HUB_EXEC_END_H

#include "controller/hub/exec_session.h"
#include "controller/hub/execs.h"

enum { EXEC_STATUS_KILLED = 128 + 9 };

/* Lets the agent end it. */
void exec_end_session(struct hub_execs *execs, struct hub_session *session, const char *reason);
/* How the command ended is known: from the agent (`heard`), or because nobody waits for its word any more. Then the
 * command may still run, for the agent of a node that was lost goes on in its session when it is back. */
void exec_note_over(struct hub_execs *execs, struct hub_session *session, uint64_t exit_status, const char *reason,
                    bool heard);
/* Its agent does not have it, or will be told so when it asks. */
void exec_let_go(struct hub_execs *execs, struct hub_session *session);
/* Submits resource_exec_end; if the writer takes nothing now, it is to be called again. */
void exec_record_end(struct hub_execs *execs, struct hub_session *session);
/* Frees a session that is over, and answers what still waits for it. */
void exec_remove_session(struct hub_execs *execs, struct hub_session *session);

#endif
