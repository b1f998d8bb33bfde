/* Carries the sealed questions of an asker (ask.h), and their answers, over one connection at a time. There are two
 * kinds: a raw nanomsg socket of type REQ (uplink_nanomsg.h), and the simulator's model of a network
 * (tests/sim/network.h). Both reconnect by themselves. */
#ifndef AQ_SCHEMA_WIRE_UPLINK_H
#define AQ_SCHEMA_WIRE_UPLINK_H

#include "schema/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aq_uplink_kind;

struct aq_uplink {
    const struct aq_uplink_kind *kind;
};

/* Numbers of connections since connect(). */
struct aq_uplink_state {
    uint64_t made, lost;
    bool connected; /* now */
};

/* What a kind of uplink brings. No function waits. */
struct aq_uplink_kind {
    void (*close)(struct aq_uplink *uplink); /* frees it */
    /* Begins a new connection in the place of the one that there may be; does not wait for it. */
    int (*connect)(struct aq_uplink *uplink, struct aq_error *error) AQ_MUST_CHECK;
    struct aq_uplink_state (*state)(const struct aq_uplink *uplink);
    /* Sends a question. Returns 0 or an errno: EAGAIN without a connection. */
    int (*send)(struct aq_uplink *uplink, uint32_t number, const void *sealed, size_t length);
    /* Takes an answer, which is valid until the next call; false: none has come. `number` is 0 if it has none. */
    bool (*receive)(struct aq_uplink *uplink, uint32_t *number, const void **sealed, size_t *length);
    const char *(*name)(const struct aq_uplink *uplink); /* for messages */
    int (*fd)(const struct aq_uplink *uplink);           /* readable: an answer has come; -1: no descriptor */
    int (*send_fd)(const struct aq_uplink *uplink);      /* readable: a question can be sent; -1: no descriptor */
};

#endif
