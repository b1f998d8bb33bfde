/* The metadata service: a resource reads its own metadata, without a token. It is identified by the address of its
 * connection, which is trusted only in the networks of meta.networks: nobody there can use the address of another. */
#include "controller/serve/metadata_format.h"

#include "controller/serve/answer.h"
#include "controller/serve/network.h"
#include "controller/serve/parameters.h"
#include "controller/serve/steps.h"
#include "controller/state/indexes.h"
#include "schema/codec/json.h"
#include "schema/codec/yaml.h"
#include "schema/model/resource.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_PARTS = 3 /* meta/v1/data */ };
static const char NEIGHBOURS[] = "/proc/net/arp";

/* 0: no resource has the address. */
static uint64_t resource_of_caller(const struct request *request, struct state_txn *txn,
                                   char address[ADDRESS_TEXT_SIZE])
{
    char hardware[ADDRESS_TEXT_SIZE];
    uint64_t id = state_resource_at(txn, address);
    if (id == 0 && !request_is_loopback(request) &&
        network_hardware_address(NEIGHBOURS, address, hardware, sizeof hardware))
        id = state_resource_at(txn, hardware);
    return id;
}

/* The metadata of the caller, in the arena. NULL with the request's error. */
static const char *find_metadata(struct request *request)
{
    char address[ADDRESS_TEXT_SIZE];
    struct aq_resource resource;
    struct state_txn *txn;
    request_address(request, address, sizeof address);
    if (!networks_hold(request->backend->networks, request_peer(request))) {
        aq_fail(&request->error, AQ_E_NOT_FOUND,
                "%s is in none of the networks where callers are identified by their address (meta.networks)", address);
        return NULL;
    }
    if (request_read(request, &txn) != 0)
        return NULL;
    uint64_t id = resource_of_caller(request, txn, address);
    bool found = id != 0 && state_resource(txn, id, &resource, &request->arena);
    if (!found && !state_failed(txn, &request->error))
        aq_fail(&request->error, AQ_E_NOT_FOUND, "no resource has the address %s", address);
    state_end(txn);
    return found ? resource.metadata : NULL;
}

/* `plain`: a text is answered as it is, as a path of keys does unless a format is given. */
static int take_parameters(struct request *request, enum parameter_format *format, bool *plain, const char **prefix)
{
    const char *name = query_take(&request->query, "format");
    int word = name != NULL ? aq_words_find(&parameter_format_words, name) : FORMAT_JSON;
    *prefix = query_take(&request->query, "prefix");
    if (query_end(&request->query, &request->error) != 0)
        return -1;
    if (word < 0)
        return aq_fail(&request->error, AQ_E_INVALID, "format is \"%.100s\", but must be json, yaml or env", name);
    *format = (enum parameter_format)word;
    *plain = name == NULL && request->segment_count > PATH_PARTS;
    if (*prefix != NULL && *format != FORMAT_ENV)
        return aq_fail(&request->error, AQ_E_INVALID, "prefix is only for format=env");
    return *prefix != NULL ? metadata_check_prefix(*prefix, &request->error) : 0;
}

static enum outcome answer_text(struct request *request, const json_t *value)
{
    aq_buffer_text(&request->out, json_string_value(value));
    aq_buffer_char(&request->out, '\n');
    return answer_plain(request, MHD_HTTP_OK, "text/plain; charset=utf-8");
}

static enum outcome answer_value(struct request *request, const json_t *value, enum parameter_format format,
                                 const char *prefix)
{
    struct aq_buffer *out = &request->out;
    switch (format) {
    case FORMAT_YAML:
        aq_yaml_print(value, out);
        return answer_plain(request, MHD_HTTP_OK, "application/yaml");
    case FORMAT_ENV:
        metadata_to_env(value, prefix != NULL ? prefix : "", request->segments[request->segment_count - 1], out);
        return answer_plain(request, MHD_HTTP_OK, "text/plain; charset=utf-8");
    default:
        aq_buffer_text(out, aq_json_compact(value, &request->arena));
        aq_buffer_char(out, '\n');
        return answer_plain(request, MHD_HTTP_OK, "application/json");
    }
}

enum outcome metadata_answer(struct request *request)
{
    enum parameter_format format = 0;
    bool plain = false;
    const char *prefix = NULL, *text;
    if (take_parameters(request, &format, &plain, &prefix) != 0 || (text = find_metadata(request)) == NULL)
        return answer_error(request);
    json_auto_t *json = aq_json_parse(text, strlen(text), &request->error);
    if (json == NULL)
        return answer_error(request);
    unsigned count = request->segment_count - PATH_PARTS;
    const json_t *value = metadata_at(json, request->segments + PATH_PARTS, count);
    if (value == NULL)
        return answer_fail(request, AQ_E_NOT_FOUND, "the metadata has no key %.100s",
                           request->segments[request->segment_count - 1]);
    aq_buffer_reset(&request->out);
    return plain && json_is_string(value) ? answer_text(request, value) : answer_value(request, value, format, prefix);
}
