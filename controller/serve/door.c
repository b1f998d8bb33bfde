#include "controller/serve/door.h"

#include <stdlib.h>
#include <sys/socket.h>

struct door_guest {
    struct door_guest *older, *newer;
    struct request *request; /* under way; NULL: none */
    int fd;
    bool listed; /* is among the strangers */
};

void door_init(struct door *door, unsigned connections, unsigned per_address)
{
    unsigned most = connections / 4 < per_address / 2 ? connections / 4 : per_address / 2;
    *door = (struct door){.most = most > 0 ? most : 1};
}

static struct door_guest *guest_of(struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    aq_assert(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

static void take_off(struct door *door, struct door_guest *guest)
{
    if (!guest->listed)
        return;
    *(guest->older != NULL ? &guest->older->newer : &door->oldest) = guest->newer;
    *(guest->newer != NULL ? &guest->newer->older : &door->newest) = guest->older;
    guest->older = guest->newer = NULL;
    guest->listed = false;
    door->strangers--;
}

static void put_on(struct door *door, struct door_guest *guest)
{
    guest->older = door->newest;
    *(guest->older != NULL ? &guest->older->newer : &door->oldest) = guest;
    door->newest = guest;
    guest->listed = true;
    door->strangers++;
}

/* Whose token is being verified is not disturbed; those are few. The library sees the end of the connection, and does
 * the rest. */
static void send_oldest_away(struct door *door)
{
    struct door_guest *guest = door->oldest;
    while (guest != NULL && guest->request != NULL && guest->request->phase == PHASE_RESTING)
        guest = guest->newer;
    if (guest == NULL)
        return;
    take_off(door, guest);
    door->sent_away++;
    shutdown(guest->fd, SHUT_RDWR);
}

void door_notify(void *context, struct MHD_Connection *connection, void **state,
                 enum MHD_ConnectionNotificationCode what)
{
    struct door *door = context;
    struct door_guest *guest = *state;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        take_off(door, guest);
        free(guest);
        *state = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    aq_assert(info != NULL);
    guest = aq_calloc(1, sizeof *guest);
    guest->fd = info->connect_fd;
    *state = guest;
    if (door->strangers >= door->most)
        send_oldest_away(door);
    put_on(door, guest);
}

void door_asks(struct door *door, struct request *request)
{
    struct door_guest *guest = guest_of(request);
    guest->request = request;
    if (!guest->listed)
        return;
    take_off(door, guest);
    put_on(door, guest);
}

void door_knows(struct door *door, struct request *request)
{
    take_off(door, guest_of(request));
}

void door_done(struct request *request)
{
    guest_of(request)->request = NULL;
}
