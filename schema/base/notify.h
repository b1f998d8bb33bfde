/* Tells the service manager how a program is, as sd_notify(3) does: one datagram to the socket that $NOTIFY_SOCKET
 * names. Without one, nothing happens; nor when it fails, for nobody could do anything about it. */
#ifndef AQ_SCHEMA_BASE_NOTIFY_H
#define AQ_SCHEMA_BASE_NOTIFY_H

void aq_notify(const char *state); /* "READY=1", "STOPPING=1", "STATUS=..." */

#endif
