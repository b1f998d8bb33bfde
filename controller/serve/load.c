/* The view `load`: what a node or a workload uses now, and its use over time, as means of steps. */
#include "controller/serve/answer.h"
#include "controller/serve/parameters.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/node.h"

#include <inttypes.h>
#include <string.h>

/* What is asked for. */
struct wanted {
    uint64_t since_ms;
    size_t step;
};

static int take_step(struct request *request, struct wanted *wanted)
{
    uint64_t seconds = 0;
    if (query_take_number(&request->query, "step", &seconds, &request->error) != 0)
        return -1;
    wanted->step = usage_step_for(request_time_ms(request), wanted->since_ms);
    for (size_t i = 0; seconds != 0 && i < USAGE_STEPS; i++) {
        if (seconds * 1000 != usage_steps[i].ms)
            continue;
        wanted->step = i;
        return 0;
    }
    return seconds == 0
               ? 0
               : aq_fail(&request->error, AQ_E_INVALID, "step is %" PRIu64 "s, but must be 10s, 1m or 10m", seconds);
}

static int take_wanted(struct request *request, struct wanted *wanted)
{
    const char *since = query_take(&request->query, "since");
    if (query_since("since", since != NULL ? since : aq_record_field(&parameters_load_record, "since")->preset,
                    request_time_ms(request), &wanted->since_ms, &request->error) != 0 ||
        take_step(request, wanted) != 0)
        return -1;
    return query_end(&request->query, &request->error);
}

/* The row that the path names. Its key is what the use is known by. */
static int find(struct request *request, struct usage_key *key)
{
    const struct aq_field *field = aq_entity_key(request->entity);
    struct state_txn *txn;
    struct state_packed row;
    if (request_read(request, &txn) != 0)
        return -1;
    int failed = row_find(request, txn, request->entity, request->key, &row, &request->error);
    const void *fields =
        failed == 0 ? row_fields(request, txn, request->entity, &row, AQ_FIELD_BIT(request->entity->record, field))
                    : NULL;
    if (failed == 0 && fields == NULL)
        failed = state_failed(txn, &request->error) ? -1 : aq_fail(&request->error, AQ_E_INTERNAL, "an unread row");
    state_end(txn);
    if (failed != 0)
        return -1;
    *key = request->entity == &aq_entity_node
               ? (struct usage_key){.kind = USAGE_OF_NODE, .node = aq_field_text(field, fields)}
               : (struct usage_key){.kind = USAGE_OF_RESOURCE, .resource = aq_field_number(field, fields), .node = ""};
    return 0;
}

enum outcome view_load(struct request *request)
{
    struct wanted wanted;
    struct usage_key key;
    struct aq_usage now;
    struct aq_buffer *out = &request->out;
    if (take_wanted(request, &wanted) != 0 || find(request, &key) != 0)
        return answer_error(request);
    struct usage *usage = request->backend->usage;
    struct aq_list means = {0};
    const bool known = usage != NULL && usage_now(usage, &key, &now);
    if (usage != NULL)
        means = usage_history(usage, &key, wanted.step, wanted.since_ms, &request->arena);
    answer_open(request, "Load of %s %s", request->entity->name, request->key);
    aq_buffer_text(out, "{\"now\":");
    if (known)
        aq_record_to_json(&aq_usage_record, &now, out);
    else
        aq_buffer_text(out, "null");
    aq_buffer_format(out, ",\"step\":%u,\"means\":[", usage_steps[wanted.step].ms / 1000);
    for (uint32_t i = 0; i < means.count; i++) {
        if (i > 0)
            aq_buffer_char(out, ',');
        aq_record_to_json(&aq_usage_mean_record, AQ_ITEM(means, struct aq_usage_mean, i), out);
    }
    aq_buffer_text(out, "]}");
    return answer_close(request);
}
