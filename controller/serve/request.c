#include "controller/serve/request.h"

#include "controller/serve/network.h"
#include "controller/state/rights.h"
#include "schema/base/bell.h"
#include "schema/codec/pack.h"

#include <stdio.h>
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

/* A client of the local socket that sent no token is the user that has its uid, as long as that user has it. */
static int check_uid(const struct request *request, struct state_txn *txn, struct aq_error *error)
{
    char name[AQ_NAME_MAX + 1];
    const struct aq_caller *caller = &request->caller;
    if (!request->is_local || caller->token != 0 || request->uid == 0)
        return 0;
    if (state_user_of_uid(txn, request->uid, name, sizeof name) && strcmp(name, caller->name) == 0)
        return 0;
    return aq_fail(error, AQ_E_UNAUTHENTICATED, "uid %u is not user %s any more", (unsigned)request->uid, caller->name);
}

int request_refresh(const struct request *request, struct state_txn *txn, struct aq_caller *caller,
                    struct aq_arena *arena, struct aq_error *error)
{
    if (check_uid(request, txn, error) != 0)
        return -1;
    return rights_refresh(txn, caller, request_time_ms(request), arena, error);
}

int request_check_permission(struct request *request)
{
    char action[AQ_ACTION_SIZE];
    if (request->permission == NULL || !request->known)
        return 0;
    aq_permission_action(request->permission, action);
    return aq_access_check(&request->caller, request->permission, action, &request->error);
}

/* Whether a caller may see a row is to be true at the same seq as the row. */
static int reread_caller(struct request *request, struct state_txn *txn)
{
    if (request_refresh(request, txn, &request->caller, &request->arena, &request->error) == 0)
        return request_check_permission(request);
    request->known = request->error.code != AQ_E_UNAUTHENTICATED;
    return -1;
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
    const char *value = request->origin->header(request, name);
    if (value == NULL || strlen(value) <= HEADER_VALUE_MAX)
        return value;
    aq_fail(&request->error, AQ_E_INVALID, "header %s has more than %d bytes", name, HEADER_VALUE_MAX);
    return NULL;
}

/* ---- who sends it --------------------------------------------------------------------------------------- */

/* A list shows whole rows, so it takes both permissions. Of what the route does not name, such as the row that a field
 * refers to, the caller sees what it may read. */
struct visible request_visible(const struct request *request, struct state_txn *txn, const struct aq_entity *entity)
{
    const struct aq_permission *named = request->permission, *read = aq_permission_of(entity, "read");
    struct visible visible = {.txn = txn, .caller = &request->caller, .entity = entity, .permission = read};
    if (named == NULL || named->entity != entity)
        return visible;
    visible.permission = named;
    visible.other = strcmp(named->verb, "list") == 0 ? read : NULL;
    return visible;
}

bool request_sees_all(const struct request *request, const struct aq_entity *entity)
{
    const struct visible visible = request_visible(request, NULL, entity);
    return request->known && !request->is_self && visible_everywhere(&visible) == AQ_SCOPE_ALL;
}

uint64_t request_visibility_fields(const struct request *request, const struct aq_entity *entity)
{
    const struct aq_field *owner = aq_access_owner_field(entity), *project = aq_access_project_field(entity);
    if (request_sees_all(request, entity))
        return 0;
    return (owner != NULL ? AQ_FIELD_BIT(entity->record, owner) : 0) |
           (project != NULL ? AQ_FIELD_BIT(entity->record, project) : 0);
}

bool request_may_see(const struct request *request, const struct aq_entity *entity, const void *row)
{
    const struct visible visible = request_visible(request, NULL, entity);
    if (!request->known)
        return false;
    return request->is_self ? aq_access_owns(&request->caller, entity, row) : visible_row(&visible, row);
}

const struct sockaddr *request_peer(const struct request *request)
{
    return request->origin->peer(request);
}

void request_address(const struct request *request, char *out, size_t size)
{
    network_address_text(request_peer(request), out, size);
}

bool request_is_loopback(const struct request *request)
{
    return network_is_loopback(request_peer(request));
}

uint64_t request_time_ms(const struct request *request)
{
    return writer_time_ms(request->backend->writer, &request->now);
}
