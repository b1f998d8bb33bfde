/* The uplink on nanomsg: a raw socket of type REQ, which reconnects by itself. */
#ifndef AQ_SCHEMA_WIRE_UPLINK_NANOMSG_H
#define AQ_SCHEMA_WIRE_UPLINK_NANOMSG_H

#include "schema/wire/uplink.h"

/* The `urls`, at least one, are nanomsg's: "tcp://127.0.0.1:8002", "ipc:///run/x.sock". Each new connection is to the
 * next of them, so that one that nobody answers at is passed over. The pause between two attempts to connect grows up
 * to `retry_most_ms`; 0: it does not grow. */
struct aq_uplink *aq_uplink_nanomsg(const char *const *urls, size_t count, int retry_most_ms);

#endif
