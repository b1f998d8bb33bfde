/* Carries the sealed messages of a channel: questions in, answers out. There are two kinds: the gate, on TCP and
 * on a local socket, and the simulator's model of a network (tests/sim/network.h). */
#ifndef AQ_CONTROLLER_HUB_CARRIER_H
#define AQ_CONTROLLER_HUB_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HUB_HEADER_MAX = 96 };

struct hub_carrier_kind;

struct hub_carrier {
    const struct hub_carrier_kind *kind;
};

/* A network address, as schema/base/address.h has it. Zeroed memory stands for this host. */
struct hub_source {
    unsigned char bytes[16];
};

struct hub_frame {
    uint64_t peer;                        /* who sent it, */
    struct hub_source source;             /* and from where */
    unsigned char header[HUB_HEADER_MAX]; /* the answer must carry it back */
    unsigned header_length;
    const void *sealed; /* until the next call */
    size_t length;
};

/* What a kind of carrier brings. No function waits. */
struct hub_carrier_kind {
    void (*close)(struct hub_carrier *carrier); /* frees it */
    /* 1: there is a frame; `judge` must be called for it before the next call. 0: none for now. -1: something came that
     * is no frame. */
    int (*receive)(struct hub_carrier *carrier, struct hub_frame *frame);
    void (*judge)(struct hub_carrier *carrier, bool ours); /* false: the last frame was no agent's */
    void (*answer)(struct hub_carrier *carrier, uint64_t peer, const void *header, size_t header_length,
                   const void *sealed, size_t length); /* may be lost: the peer asks again */
    void (*vouch)(struct hub_carrier *carrier,
                  uint64_t peer); /* the last frame has shown a key, if it is no recording */
    void (*admit)(struct hub_carrier *carrier, uint64_t peer);     /* it has shown a key, and that it is no recording */
    bool (*has)(const struct hub_carrier *carrier, uint64_t peer); /* its connection is open, as far as is known */
    void (*tick)(struct hub_carrier *carrier, uint64_t now_ms);    /* a few times per second */
    int (*fd)(const struct hub_carrier *carrier); /* readable when receive() has something to do; -1: no descriptor */
};

#endif
