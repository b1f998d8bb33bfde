/* The output of workloads, which comes from their agents, and the metadata that a resource asks for. */
#include "schema/codec/json.h"
#include "schema/model/resource.h"
#include "tests/sim/outputs.h"
#include "tests/sim/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- logs ------------------------------------------------------------------------------------------------- */

enum { POSITIONS = 1500, SIZES = 2000, TRIES = 4 };

void read_draw_log(struct read *read)
{
    struct sim *sim = read->sim;
    read->entity = sim_happens(sim, 70) ? &aq_entity_application : &aq_entity_resource;
    for (int tries = 0; tries < TRIES && (tries == 0 || mirror_row(read_mirror(read), read->entity, read->key) == NULL);
         tries++)
        read_draw_key(read);
    if (sim_happens(sim, 40))
        snprintf(read->after, sizeof read->after, "%" PRIu64, sim_draw(sim, POSITIONS));
    if (sim_happens(sim, 50))
        read->limit = sim_between(sim, 1, SIZES);
    read->goes_on = sim_happens(sim, 20);
}

void read_add_log_path(const struct read *read, struct aq_buffer *uri)
{
    aq_buffer_format(uri, "%s/%s/log?follow=%s", read->entity->name, read->key, read->goes_on ? "true" : "false");
    if (read->after[0] != '\0')
        aq_buffer_format(uri, "&after=%s", read->after);
    if (read->limit != 0)
        aq_buffer_format(uri, "&size=%" PRIu64, read->limit);
}

static uint64_t number_of(const json_t *answer, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(answer, name));
}

static bool was_copied(const struct witness *witness, const char *node)
{
    for (size_t i = 0; i < WITNESS_HOSTS_MAX; i++)
        if (witness->hosts[i].copied && strcmp(witness->hosts[i].name, node) == 0)
            return true;
    return false;
}

/* The log is of what was asked for, and the reader may see it. */
static void check_whose(const struct read *read, uint64_t number, const char *body)
{
    const struct judge *judge = read->readers->judge;
    const struct aq_user *user = mirror_row(read_mirror(read), &aq_entity_user, read->user);
    uint64_t key = strtoull(read->key, NULL, 10);
    if (number < 1 || number > judge->n_resources)
        read_wrong(read, "the log of no resource", body);
    const uint64_t application = judge->resources[number - 1].application;
    if (key != (read->entity == &aq_entity_resource ? number : application))
        read_wrong(read, "another log", body);
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, application);
    const struct aq_application *row = mirror_row(read_mirror(read), &aq_entity_application, id);
    if (user != NULL && row != NULL && !read_allows(read, row->user_number, row->project))
        read_wrong(read, "the log of another user", body);
}

static void check_bytes(const struct read *read, const json_t *answer, uint64_t number, const char *body)
{
    const struct witness *witness = read->readers->controller->messages->witness;
    const json_t *data = json_object_get(answer, "data");
    const char *text = json_string_value(data);
    uint64_t start = number_of(answer, "start"), next = number_of(answer, "next"), first = number_of(answer, "first"),
             end = number_of(answer, "end"), length = json_string_length(data);
    if (text == NULL || json_is_true(json_object_get(answer, "base64")) || next - start != length || start < first ||
        (length > 0 && next > end) || (read->limit != 0 && length > read->limit) ||
        end > witness_written(witness, number))
        read_wrong(read, "the bounds of a log", body);
    for (uint64_t i = 0; i < length; i++)
        if (text[i] != outputs_byte(number, start + i))
            read_wrong(read, "the bytes of a log", body);
    if (json_is_true(json_object_get(answer, "complete")) &&
        !was_copied(witness, read->readers->judge->resources[number - 1].node) &&
        (next < end || end != witness_written(witness, number)))
        read_wrong(read, "a part of a log as the whole", body);
}

void read_check_log(struct read *read, unsigned status, const json_t *answer, const char *body)
{
    if (status == 404 || status == 409 || status == 503 || status == 504)
        return; /* its node, or its user, may be gone by now */
    if (status != 200)
        read_wrong(read, "a log", body);
    uint64_t number = number_of(answer, "resource");
    check_whose(read, number, body);
    if (json_object_get(answer, "next") != NULL)
        check_bytes(read, answer, number, body);
}

/* ---- metadata --------------------------------------------------------------------------------------------- */

/* How many resources have the address. `metadata`: that of the last one. */
static unsigned count_holders(const struct mirror *mirror, const char *address, const char **metadata)
{
    const struct mirror_table *resources = mirror_table(mirror, &aq_entity_resource);
    unsigned count = 0;
    for (size_t i = 0; i < resources->count; i++) {
        const struct aq_resource *row = resources->rows[i];
        if (strcmp(row->ip_addr, address) != 0)
            continue;
        *metadata = row->metadata;
        count++;
    }
    return count;
}

static bool has_metadata(const char *body, const char *metadata)
{
    AQ_CLEANUP_JSON json_t *shown = json_loads(body, JSON_DECODE_ANY, NULL);
    AQ_CLEANUP_JSON json_t *wanted = json_loads(metadata[0] != '\0' ? metadata : "{}", 0, NULL);
    return shown != NULL && json_equal(shown, wanted);
}

void read_metadata(struct readers *readers, const struct aq_clocks *now)
{
    char address[24];
    struct sim *sim = readers->sim;
    snprintf(address, sizeof address, "10.%u.0.%u", sim_happens(sim, 90) ? 1 : 2, (unsigned)sim_between(sim, 1, 4));
    struct front_request *asked = front_get_metadata(&readers->front, address, now);
    const struct request *request = &asked->request;
    const char *body = aq_buffer_string(&request->out);
    sim_say(sim, "read: the metadata of %s %u", address, request->status);
    sim->result->totals.reads++;
    if (!asked->is_answered)
        sim_broken(sim, READ_INVARIANT, "metadata is not answered at once");
    if (writer_seq(readers->controller->writer) == readers->judge->seq) {
        const char *metadata = "";
        unsigned count = count_holders(&readers->judge->mirror, address, &metadata);
        if (request->status != (count == 1   ? 200
                                : count == 0 ? 404
                                             : 409) ||
            (count == 1 && !has_metadata(body, metadata)))
            sim_broken(sim, READ_INVARIANT, "the metadata of %s is answered with %u: %.200s", address, request->status,
                       body);
        sim->result->totals.compared++;
    }
    front_end(asked);
}
