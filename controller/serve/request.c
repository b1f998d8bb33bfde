#include "controller/serve/request.h"

#include "controller/serve/network.h"
#include "schema/base/bell.h"
#include "schema/codec/pack.h"
#include "schema/model/access.h"

#include <string.h>
#include <unistd.h>

/* ---- waking --------------------------------------------------------------------------------------------- */

void request_wake(struct request *request)
{
    struct wakes *wakes = request->backend->wakes;
    pthread_mutex_lock(&wakes->mutex);
    bool first = wakes->first == NULL; /* otherwise the bell has been rung for the others */
    request->next_woken = wakes->first;
    wakes->first = request;
    pthread_mutex_unlock(&wakes->mutex);
    if (first)
        aq_bell_ring(wakes->bell);
}

int wakes_init(struct wakes *wakes, struct aq_error *error)
{
    wakes->first = NULL;
    pthread_mutex_init(&wakes->mutex, NULL);
    wakes->bell = aq_bell_open(error);
    return wakes->bell >= 0 ? 0 : -1;
}

void wakes_free(struct wakes *wakes)
{
    pthread_mutex_destroy(&wakes->mutex);
    if (wakes->bell >= 0)
        close(wakes->bell);
}

struct request *wakes_take(struct wakes *wakes)
{
    pthread_mutex_lock(&wakes->mutex);
    struct request *first = wakes->first;
    wakes->first = NULL;
    pthread_mutex_unlock(&wakes->mutex);
    return first;
}

/* ---- what the answer is made from ----------------------------------------------------------------------------------
 */

void request_set_seq(struct request *request, uint64_t seq)
{
    request->seq = seq;
    request->has_seq = true;
}

/* Whether a caller may see a row is to be true at the same seq as the row. */
static int reread_caller(struct request *request, struct state_txn *txn)
{
    const char *name = request->user.name, *hash = request->user.hash;
    if (state_user(txn, name, &request->user, &request->arena) && strcmp(request->user.hash, hash) == 0)
        return 0;
    if (state_failed(txn, &request->error))
        return -1;
    request->known = false;
    return aq_fail(&request->error, AQ_E_UNAUTHENTICATED, "user name or token is wrong");
}

int request_read(struct request *request, struct state_txn **txn)
{
    uint64_t before = request->seq;
    if (state_read(request->backend->state, txn, &request->error) != 0)
        return -1;
    request_set_seq(request, state_seq(*txn));
    if (!request->known || request->seq == before || reread_caller(request, *txn) == 0)
        return 0;
    state_end(*txn);
    return -1;
}

/* ---- what is asked for ---------------------------------------------------------------------------------- */

const char *request_header(struct request *request, const char *name)
{
    const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
    if (value == NULL || strlen(value) <= HEADER_VALUE_MAX)
        return value;
    aq_fail(&request->error, AQ_E_INVALID, "header %s has more than %d bytes", name, HEADER_VALUE_MAX);
    return NULL;
}

/* ---- who sends it --------------------------------------------------------------------------------------- */

bool request_is_admin(const struct request *request)
{
    return request->known && request->user.role == AQ_ROLE_ADMIN;
}

uint64_t request_visibility_fields(const struct request *request, const struct aq_entity *entity)
{
    if (entity->owner == NULL || request_is_admin(request))
        return 0;
    return AQ_FIELD_BIT(entity->record, aq_access_owner_field(entity));
}

bool request_may_see(const struct request *request, const struct aq_entity *entity, const void *row)
{
    if (!request->known)
        return entity->owner == NULL;
    return aq_access_may_read(entity, row, request->user.name, (enum aq_role)request->user.role);
}

const struct sockaddr *request_peer(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    aq_assert(info != NULL && info->client_addr != NULL);
    return info->client_addr;
}

void request_address(const struct request *request, char *out, size_t size)
{
    network_address_text(request_peer(request), out, size);
}

bool request_is_loopback(const struct request *request)
{
    return network_is_loopback(request_peer(request));
}
