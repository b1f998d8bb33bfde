/* Tells the service manager the state of the program, as sd_notify(3) does: one datagram to the socket that
 * $NOTIFY_SOCKET names. Does nothing if the variable is not set. Failures are ignored: nothing could be done. */
#ifndef AQ_SCHEMA_BASE_NOTIFY_H
#define AQ_SCHEMA_BASE_NOTIFY_H

void aq_notify(const char *state); /* "READY=1", "STOPPING=1", "STATUS=..." */

#endif
