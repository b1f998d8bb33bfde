/* The gate is a carrier that accepts the agents' TCP connections and bounds what they can take before they have shown
 * a key. Another gate accepts those of file views, on a local socket.
 *
 * It speaks the protocol of nanomsg's REQ sockets: each side sends a greeting of eight bytes, then messages. A message
 * is its length, a stack of numbers that the answer must carry back, and a body. nanomsg's own listener cannot be used
 * here: it keeps every connection for as long as the other side likes, and some input that is not SP makes it abort the
 * process (nanomsg issue 956). The gate bounds everything:
 *
 *   - A peer is unadmitted until it has sent a message that was sealed with a node's key and cannot be a recording. It
 *     has a few seconds and a few messages for that. The number of unadmitted peers is limited; for one more, the
 *     oldest is dropped. Those that have shown a node's key, if it was no recording, are counted apart: strangers,
 *     however many come, do not drop them. After a message that is no agent's, nothing more is read from the peer.
 *   - Incomplete messages and unread answers are limited for each peer, for all unadmitted peers, and in total.
 *   - Agents cannot take all descriptors of the process.
 *
 * On the local socket, a peer is admitted at once if the kernel says that its process belongs to root or to our own
 * user (SO_PEERCRED), and is no workload's; else its connection is closed. nanomsg sends one byte more there before
 * each length.
 *
 * Its time is that of its ticks. */
#ifndef AQ_CONTROLLER_HUB_GATE_H
#define AQ_CONTROLLER_HUB_GATE_H

#include "controller/hub/carrier.h"
#include "schema/base/error.h"
#include "schema/wire/messages.h"

enum {
    GATE_PEERS_MAX = 12000,           /* connections; fewer if the process may open fewer descriptors */
    GATE_LOCAL_MAX = 1024,            /* the same, on a local socket */
    GATE_STRANGERS_MAX = 1024,        /* of them, those that have shown nothing yet, */
    GATE_VOUCHED_MAX = 2048,          /* and those that have, and are not admitted yet */
    GATE_ADMIT_MS = 5000,             /* an unadmitted peer is dropped after this long, */
    GATE_UNADMITTED_FRAMES = 16,      /* and of its messages, no more than these are read */
    GATE_BYTES_MAX = 256 << 20,       /* of incomplete messages and unread answers, of all peers */
    GATE_UNADMITTED_BYTES = 16 << 20, /* the same, of all unadmitted peers; small buffers are not refused */
    GATE_UNREAD_MAX = 4 << 20,        /* of unread answers, for each peer; more are dropped, and the peer asks again */
    GATE_STACK_MAX = 64,              /* of a message's stack */
    GATE_MESSAGE_MAX = AQ_WIRE_MESSAGE_MAX + GATE_STACK_MAX
};

/* Fails if `address` is not an IP address. Opens nothing. */
int gate_check(const char *address, struct aq_error *error) AQ_MUST_CHECK;
/* Listens at `address`, IPv4 or IPv6. *port 0 takes a free port and stores it there. */
int gate_open(struct hub_carrier **carrier, const char *address, uint64_t *port, struct aq_error *error) AQ_MUST_CHECK;
/* Listens on a local socket, which only our own user may use, in the place of one that there may be at `path`. */
int gate_open_local(struct hub_carrier **carrier, const char *path, struct aq_error *error) AQ_MUST_CHECK;

#endif
