#include "controller/write/made.h"

#include "schema/model/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_numbered(const struct writer_request *request)
{
    return request->command->kind == AQ_CREATES && !aq_entity_is_named(request->command->entity);
}

/* Is `id` the number that comes `count` after the first one? */
static bool follows(const struct made *made, const char *id)
{
    char expected[sizeof made->first];
    uint64_t number = strtoull(made->first, NULL, 10) + made->count;
    snprintf(expected, sizeof expected, "%" PRIu64, number);
    return strcmp(id, expected) == 0;
}

/* From now on, all are kept. */
static void keep_all(struct made *made, const struct writer_request *request, struct aq_arena *arena)
{
    uint64_t first = strtoull(made->first, NULL, 10);
    made->ids = aq_arena_alloc(arena, request->count * sizeof *made->ids);
    if (made->count > 0)
        made->ids[0] = aq_arena_text(arena, made->first, strlen(made->first));
    for (uint32_t i = 1; i < made->count; i++)
        made->ids[i] = aq_arena_format(arena, "%" PRIu64, first + i);
}

void made_add(struct made *made, const struct writer_request *request, const char *id, struct aq_arena *arena)
{
    aq_assert(made->count < request->count);
    if (made->count == 0)
        snprintf(made->first, sizeof made->first, "%s", id);
    if (made->ids == NULL && made->count > 0 && !(is_numbered(request) && follows(made, id)))
        keep_all(made, request, arena);
    if (made->ids != NULL)
        made->ids[made->count] = aq_arena_text(arena, id, strlen(id));
    made->count++;
}

/* Logs of older versions do not have the keys of several rows that are named: they are in the request. */
static void take_from_record(struct writer_request *request, uint32_t i)
{
    const struct aq_field *key = &request->command->record->fields[0];
    if (aq_field_is_text(key))
        snprintf(request->ids[i], sizeof request->ids[i], "%s", aq_field_text(key, request->records[i]));
    else
        snprintf(request->ids[i], sizeof request->ids[i], "%" PRIu64, aq_field_number(key, request->records[i]));
}

void made_repeat(struct writer_request *request, const struct project_answer *before)
{
    uint64_t first = strtoull(before->id, NULL, 10);
    for (uint32_t i = 0; request->ids != NULL && i < request->count; i++) {
        if (i < before->ids.count)
            snprintf(request->ids[i], sizeof request->ids[i], "%s", AQ_TEXT_ITEM(before->ids, i));
        else if (i == 0)
            snprintf(request->ids[i], sizeof request->ids[i], "%s", before->id);
        else if (is_numbered(request))
            snprintf(request->ids[i], sizeof request->ids[i], "%" PRIu64, first + i);
        else
            take_from_record(request, i);
    }
}
