/* Health checks (/livez, /readyz) and metrics. */
#include "controller/serve/metrics.h"

#include "controller/serve/answer.h"
#include "controller/serve/connections.h"
#include "controller/serve/rates.h"
#include "controller/serve/steps.h"
#include "controller/serve/stream.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/reload.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const char TEXT_TYPE[] = "text/plain; charset=utf-8";
static const char METRICS_TYPE[] = "text/plain; version=0.0.4; charset=utf-8";

enum outcome metrics_alive(struct request *request)
{
    aq_buffer_reset(&request->out);
    aq_buffer_text(&request->out, "alive\n");
    return answer_plain(request, HTTP_OK, TEXT_TYPE);
}

/* A snapshot of damaged tables cannot be opened, or fails when it is read. */
static bool tables_are_good(struct state *state, struct aq_error *error)
{
    struct state_txn *txn;
    if (state_read(state, &txn, error) != 0)
        return false;
    state_seq(txn);
    bool good = !state_failed(txn, error);
    state_end(txn);
    return good;
}

enum outcome metrics_ready(struct request *request)
{
    if (!writer_is_leader(request->backend->writer))
        return answer_fail(request, AQ_E_NO_LEADER, "not ready: there is no leader");
    if (!atomic_load(&request->backend->metrics->ready))
        return answer_fail(request, AQ_E_NO_LEADER, "not ready: the controller is still starting");
    if (!tables_are_good(request->backend->state, &request->error)) {
        struct aq_error why = request->error;
        return answer_fail(request, AQ_E_NO_LEADER, "not ready: %s", why.message);
    }
    aq_buffer_reset(&request->out);
    aq_buffer_text(&request->out, "ready\n");
    return answer_plain(request, HTTP_OK, TEXT_TYPE);
}

/* ---- metrics ---------------------------------------------------------------------------------------------- */

static void add_metric(struct aq_buffer *out, const char *name, const char *type, const char *help, uint64_t value)
{
    aq_buffer_format(out, "# HELP aquarium_%s %s\n# TYPE aquarium_%s %s\naquarium_%s %" PRIu64 "\n", name, help, name,
                     type, name, value);
}

static void add_writer_metrics(const struct writer *writer, struct aq_buffer *out)
{
    struct writer_figures figures = {0};
    writer_figures(writer, &figures);
    add_metric(out, "seq", "counter", "The last committed event.", writer_seq(writer));
    add_metric(out, "leader", "gauge", "1 if this controller is the leader.", writer_is_leader(writer));
    add_metric(out, "commands_total", "counter", "Commands decided.", figures.commands);
    add_metric(out, "refusals_total", "counter", "Commands refused.", figures.refusals);
    add_metric(out, "writes_limited_total", "counter",
               "Requests refused with 429, since their user has written too much.", figures.limited);
    add_metric(out, "events_total", "counter", "Events committed.", figures.events);
    add_metric(out, "batches_total", "counter", "Log entries written.", figures.batches);
    add_metric(out, "queue_length", "gauge", "Commands waiting for the writer.", figures.queue_length);
    add_metric(out, "raft_term", "gauge", "Term of the current leader.", figures.term);
    add_metric(out, "raft_index", "counter", "Index of the last log entry.", figures.raft_index);
}

static void add_hub_metrics(struct hub *hub, struct aq_buffer *out)
{
    struct hub_figures figures = {0};
    if (hub == NULL)
        return;
    hub_figures(hub, &figures);
    add_metric(out, "agents", "gauge", "Agents heard from recently.", figures.agents);
    add_metric(out, "exec_sessions", "gauge", "Commands that run in workloads for callers.", figures.sessions);
    add_metric(out, "hub_messages_total", "counter", "Messages from agents and file views.", figures.messages);
    add_metric(out, "hub_strangers_total", "counter", "Messages that could not be opened, and were dropped.",
               figures.unopened);
}

static void add_entity_metrics(struct state *state, struct aq_buffer *out)
{
    const struct aq_entity *entity;
    struct state_txn *txn;
    struct aq_error error;
    if (state_read(state, &txn, &error) != 0)
        return;
    aq_buffer_text(out, "# HELP aquarium_rows Rows of each entity.\n# TYPE aquarium_rows gauge\n");
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        aq_buffer_format(out, "aquarium_rows{entity=\"%s\"} %" PRIu64 "\n", entity->name, state_count(txn, entity));
    state_end(txn);
}

static void add_http_metrics(const struct backend *backend, struct aq_buffer *out)
{
    const struct connections *connections = backend->connections;
    const struct metrics *metrics = backend->metrics;
    add_metric(out, "http_connections", "gauge", "Open connections.", connections->count);
    add_metric(out, "http_strangers", "gauge", "Open connections that have not shown a valid token.",
               connections->unauthenticated);
    add_metric(out, "http_strangers_sent_away_total", "counter",
               "Connections without a valid token, closed to make room.", connections->dropped);
    add_metric(out, "http_connections_refused_total", "counter",
               "Logins on a connection beyond what their user may have, or on one that is kept for cluster.connect.",
               connections->refused);
    const struct handshakes *handshakes = connections->handshakes;
    add_metric(out, "tls_handshakes_total", "counter", "Handshakes of TLS that were completed.", handshakes->done);
    add_metric(out, "tls_resumed_total", "counter", "Those that resumed an earlier session.", handshakes->resumed);
    add_metric(out, "tls_failed_total", "counter", "Handshakes that failed or took too long.", handshakes->failed);
    if (handshakes->presented != NULL)
        add_metric(out, "tls_certificate_expires_seconds", "gauge", "When the certificate expires, since 1970.",
                   presented_expires_ms(handshakes->presented) / 1000);
    add_metric(out, "http_requests_limited_total", "counter",
               "Requests refused with 429: too many of a token, a user "
               "or an address.",
               rates_refused(backend->rates));
    add_metric(out, "http_requests_open", "gauge", "Requests in progress.", metrics->requests_open);
    add_metric(out, "http_streams", "gauge", "Open event streams.", streams_count(backend->streams));
    add_metric(out, "http_stream_events_total", "counter", "Events sent on streams.", streams_sent(backend->streams));
    add_metric(out, "http_requests_total", "counter", "Requests received.", metrics->requests);
    add_metric(out, "metadata_refused_total", "counter",
               "Requests for metadata from an address that several resources have.", metrics->metadata_refused);
    aq_buffer_text(out, "# HELP aquarium_http_answers_total Answers by HTTP status.\n"
                        "# TYPE aquarium_http_answers_total counter\n");
    for (unsigned status = 0; status < STATUS_MAX; status++)
        if (metrics->answers[status] > 0)
            aq_buffer_format(out, "aquarium_http_answers_total{status=\"%u\"} %" PRIu64 "\n", status,
                             metrics->answers[status]);
}

static void add_usage_metrics(struct usage *usage, struct aq_buffer *out)
{
    struct usage_totals totals;
    if (usage == NULL)
        return;
    usage_totals(usage, &totals);
    add_metric(out, "usage_rows", "gauge", "Nodes and workloads whose use is known.", totals.rows);
    add_metric(out, "usage_history_bytes", "gauge", "Memory of their histories.", totals.bytes);
}

static void add_login_metrics(struct credentials *credentials, struct aq_buffer *out)
{
    struct credentials_figures figures;
    credentials_figures(credentials, &figures);
    add_metric(out, "logins_failed_total", "counter", "Wrong user names and tokens.", figures.failures);
    add_metric(out, "logins_slowed_total", "counter", "Those refused with 429, since too many came from one address.",
               figures.slowed);
    add_metric(out, "token_hashes_total", "counter", "Tokens compared with a hash.", figures.hashes);
    add_metric(out, "token_slow_hashes_total", "counter",
               "Tokens compared with an Argon2id hash, as earlier builds kept.", figures.slow_hashes);
}

static void add_process_metrics(struct aq_buffer *out)
{
    add_metric(out, "journal_dropped_total", "counter", "Messages that standard error did not take.",
               aq_journal_dropped());
    unsigned long virtual_pages = 0, resident_pages = 0;
    AQ_CLEANUP_FILE FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return;
    if (fscanf(file, "%lu %lu", &virtual_pages, &resident_pages) != 2)
        return;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    add_metric(out, "process_virtual_bytes", "gauge", "Address space of the controller.", virtual_pages * page);
    add_metric(out, "process_resident_bytes", "gauge", "Resident memory of the controller.", resident_pages * page);
}

enum outcome metrics_answer(struct request *request)
{
    const struct backend *backend = request->backend;
    struct aq_buffer *out = &request->out;
    aq_buffer_reset(out);
    add_writer_metrics(backend->writer, out);
    add_hub_metrics(backend->hub, out);
    add_entity_metrics(backend->state, out);
    add_http_metrics(backend, out);
    add_login_metrics(backend->credentials, out);
    add_process_metrics(out);
    add_usage_metrics(backend->usage, out);
    if (metrics_add_usage(request, backend->metrics_rows != NULL ? AQ_SETTING(*backend->metrics_rows) : 0, out) != 0)
        return answer_error(request);
    return answer_plain(request, HTTP_OK, METRICS_TYPE);
}
