/* The door: who is connected without having shown that he is a user.
 *
 * Whoever connects gets a place, and the library takes it back only after a silence of api.timeout. So that nobody can
 * take all places by connecting alone, or by sending a head that never ends, only some of them are for those who have
 * not shown a valid token (metadata and health are asked for without one): for one more, the one who has said nothing
 * for longest is sent away. Serving thread. */
#ifndef AQ_CONTROLLER_SERVE_DOOR_H
#define AQ_CONTROLLER_SERVE_DOOR_H

#include "controller/serve/request.h"

struct door_guest;

struct door {
    struct door_guest *oldest, *newest; /* strangers, by when they last began to ask */
    unsigned strangers, most;
    uint64_t sent_away; /* for the figures */
};

/* For a server that takes so many connections in all, and from one address: a quarter of them, and no more than half of
 * what one address gets, are for strangers. */
void door_init(struct door *door, unsigned connections, unsigned per_address);

/* What libmicrohttpd calls. */
void door_notify(void *door, struct MHD_Connection *connection, void **guest, enum MHD_ConnectionNotificationCode what);

/* The request's connection asks for something. */
void door_asks(struct door *door, struct request *request);
/* Its user is known. */
void door_knows(struct door *door, struct request *request);
/* Its request is over. */
void door_done(struct request *request);

#endif
