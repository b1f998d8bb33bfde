/* The metadata service: a resource reads its own metadata, without a token. It is identified by the address of its
 * connection, which is trusted only in the networks of meta.networks: nobody there can use the address of another. */
#include "schema/codec/metadata.h"
#include "controller/serve/answer.h"
#include "controller/serve/metrics.h"
#include "controller/serve/network.h"
#include "controller/serve/steps.h"
#include "schema/base/address.h"
#include "schema/base/journal.h"
#include "schema/base/neighbour.h"
#include "schema/model/resource.h"

#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 16, SEEN_MAX = 4096, TELL_AGAIN_MS = 60000 };

/* Those at the caller's address whose nodes may have it. */
struct candidates {
    struct aq_resource first;
    size_t count;
    bool elsewhere; /* there is one whose node may not */
};

static void add_candidate(struct request *request, struct state_txn *txn, uint64_t id, struct candidates *candidates)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_resource resource;
    if (!state_resource(txn, id, &resource, &arena))
        return;
    if (!networks_hold_for(request->backend->networks, request_peer(request), resource.node))
        candidates->elsewhere = true;
    else if (candidates->count++ == 0 && !state_resource(txn, id, &candidates->first, &request->arena))
        candidates->count--;
}

/* Two are as good as more. Other nodes may have reported the address for any number of resources, which must hide none,
 * but a request does not look at all of them. */
static void add_candidates(struct request *request, struct state_txn *txn, const char *address,
                           struct candidates *candidates)
{
    uint64_t ids[AT_ONCE] = {0};
    size_t seen = 0, count;
    do {
        count = state_resources_at(txn, address, seen > 0 ? ids[AT_ONCE - 1] : 0, ids, AT_ONCE);
        for (size_t i = 0; i < count && candidates->count < 2; i++)
            add_candidate(request, txn, ids[i], candidates);
        seen += count;
    } while (count == AT_ONCE && candidates->count < 2 && seen < SEEN_MAX);
    if (seen >= SEEN_MAX && candidates->count < 2)
        candidates->count = 2; /* it is not known */
}

static void find_candidates(struct request *request, struct state_txn *txn, const char *address,
                            struct candidates *candidates)
{
    char hardware[AQ_ADDRESS_TEXT_SIZE];
    *candidates = (struct candidates){.count = 0};
    add_candidates(request, txn, address, candidates);
    if (candidates->count == 0 && !request_is_loopback(request) &&
        aq_neighbour_hardware(AQ_NEIGHBOURS, address, hardware, sizeof hardware))
        add_candidates(request, txn, hardware, candidates);
}

/* Nodes report addresses: one must not answer for another's workload, neither by mistake nor on purpose. */
static int refuse_several(struct request *request, const char *address)
{
    struct metrics *metrics = request->backend->metrics;
    metrics->metadata_refused++;
    if (aq_journal_due(&metrics->metadata_told, request->now.steady_ms, TELL_AGAIN_MS) != 0)
        aq_journal(AQ_WARN, "no metadata, because several resources have the address", "address", address, NULL);
    return aq_fail(&request->error, AQ_E_STATE,
                   "several resources have the address %s, so that it is not known which of them calls; addresses must "
                   "be unique, or meta.networks must tell which nodes' workloads have them",
                   address);
}

static int choose(struct request *request, const char *address, const struct candidates *candidates)
{
    if (candidates->count == 1)
        return 0;
    if (candidates->count > 1)
        return refuse_several(request, address);
    return aq_fail(&request->error, AQ_E_NOT_FOUND, "no resource has the address %s%s", address,
                   candidates->elsewhere ? ", but for those of nodes that may not have it (meta.networks)" : "");
}

/* The metadata of the caller, in the arena. NULL with the request's error. */
static const char *find_metadata(struct request *request)
{
    char address[AQ_ADDRESS_TEXT_SIZE];
    struct candidates candidates;
    struct state_txn *txn;
    request_address(request, address, sizeof address);
    if (!networks_hold(request->backend->networks, request_peer(request))) {
        aq_fail(&request->error, AQ_E_NOT_FOUND,
                "%s is in none of the networks where callers are identified by their address (meta.networks)", address);
        return NULL;
    }
    if (request_read(request, &txn) != 0)
        return NULL;
    find_candidates(request, txn, address, &candidates);
    int status = state_failed(txn, &request->error) ? -1 : choose(request, address, &candidates);
    state_end(txn);
    return status == 0 ? candidates.first.metadata : NULL;
}

static int take_parameters(struct request *request, struct aq_metadata_wish *wish)
{
    const char *format = query_take(&request->query, "format"), *prefix = query_take(&request->query, "prefix");
    if (query_end(&request->query, &request->error) != 0)
        return -1;
    return aq_metadata_wish_read(wish, format, prefix, request->segments + AQ_METADATA_PATH_PARTS,
                                 request->segment_count - AQ_METADATA_PATH_PARTS, &request->error);
}

enum outcome metadata_answer(struct request *request)
{
    struct aq_metadata_wish wish;
    const char *document, *type = NULL;
    if (take_parameters(request, &wish) == 0 && (document = find_metadata(request)) != NULL) {
        aq_buffer_reset(&request->out);
        type = aq_metadata_render(document, &wish, &request->out, &request->error);
    }
    return type != NULL ? answer_plain(request, HTTP_OK, type) : answer_error(request);
}
