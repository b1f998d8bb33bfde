#include "fs/tree/outputs.h"

#include "controller/state/rights.h"
#include "fs/tree/views.h"
#include "schema/model/access.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"

#include <stdlib.h>
#include <string.h>

enum { REMEMBERED = 1024 };

struct outputs {
    struct live *live;
    struct remembered {
        uint64_t resource;
        struct known_output known;
    } remembered[REMEMBERED]; /* that of a resource is at its number modulo the size */
};

struct outputs *outputs_open(struct live *live)
{
    struct outputs *outputs = aq_calloc(1, sizeof *outputs);
    outputs->live = live;
    return outputs;
}

void outputs_close(struct outputs *outputs)
{
    free(outputs);
}

/* ---- what is known -------------------------------------------------------------------------------------- */

static void take_in(struct known_output *known, uint64_t first, uint64_t end)
{
    known->first = !known->placed || first > known->first ? first : known->first;
    known->end = !known->placed || end > known->end ? end : known->end;
    known->placed = true;
}

void outputs_note(struct outputs *outputs, uint64_t resource, const struct aq_extent *extent)
{
    struct remembered *place = &outputs->remembered[resource % REMEMBERED];
    if (!extent->known)
        return;
    if (place->resource != resource)
        *place = (struct remembered){.resource = resource};
    take_in(&place->known, extent->first, extent->end);
    place->known.complete = place->known.complete || extent->complete;
}

struct known_output outputs_find(const struct outputs *outputs, uint64_t resource)
{
    const struct remembered *place = &outputs->remembered[resource % REMEMBERED];
    struct known_output known = {0};
    struct aq_kept kept;
    if (place->resource == resource)
        known = place->known;
    if (!known.complete && live_log(outputs->live, resource, &kept))
        take_in(&known, kept.first, kept.end);
    return known;
}

/* ---- files ---------------------------------------------------------------------------------------------- */

static bool is_running(struct look *look, uint64_t resource)
{
    struct state_key key = state_key_number(resource);
    return state_exists(look->txn, &aq_entity_resource, &key);
}

bool output_place(struct look *look, const void *row, struct tree_node *node)
{
    struct aq_error ignored;
    node->resource = tree_output_resource(node->entity, row, &ignored);
    if (node->resource == 0)
        return false;
    node->base = OUTPUT_ENDED;
    if (is_running(look, node->resource))
        node->base = outputs_find(look->sources->outputs, node->resource).first;
    return true;
}

bool output_owner(struct look *look, const struct tree_node *node, struct owner *owner)
{
    const void *row = look_row(look, node->entity, node->key);
    struct aq_ended ended;
    if (row != NULL)
        return look_owner(node->entity, row, owner);
    const struct caller *caller = &look->caller;
    if (!caller->known || !state_ended(look->txn, node->resource, &ended, look->arena) ||
        !rights_allow_ended(look->txn, &caller->as, aq_permission_of_view(node->view), &ended))
        return false;
    *owner = (struct owner){ended.user, ended.user_number};
    return true;
}

uint64_t output_size(struct look *look, const struct tree_node *node)
{
    const struct known_output known = outputs_find(look->sources->outputs, node->resource);
    struct aq_ended ended;
    if (node->base != OUTPUT_ENDED)
        return known.end > node->base ? known.end - node->base : 0;
    if (known.complete)
        return known.end - known.first;
    return state_ended(look->txn, node->resource, &ended, look->arena) ? ended.log_bytes : 0;
}
