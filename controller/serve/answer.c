#include "controller/serve/answer.h"

#include "schema/codec/json.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

static const char JSON_TYPE[] = "application/json";

void answer_open(struct request *request, const char *format, ...)
{
    char message[AQ_ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    aq_buffer_reset(&request->out);
    aq_buffer_text(&request->out, "{\"message\":");
    aq_json_string(message, strlen(message), &request->out);
    aq_buffer_text(&request->out, ",\"data\":");
}

void answer_member(struct request *request, const char *name)
{
    aq_buffer_text(&request->out, ",\"");
    aq_buffer_text(&request->out, name);
    aq_buffer_text(&request->out, "\":");
}

/* If nothing was read, the answer says nothing about the tables, and is true at any seq. */
static void end_envelope(struct request *request)
{
    answer_member(request, "seq");
    aq_buffer_u64(&request->out, request->has_seq ? request->seq : writer_seq(request->backend->writer));
    aq_buffer_text(&request->out, "}\n");
}

enum outcome answer_close(struct request *request)
{
    return answer_close_as(request, MHD_HTTP_OK);
}

enum outcome answer_close_as(struct request *request, unsigned status)
{
    end_envelope(request);
    return answer_plain(request, status, JSON_TYPE);
}

/* The headers that HTTP requires with the status of the error. */
static void add_error_headers(struct request *request, struct MHD_Response *response)
{
    switch (aq_error_http(request->error.code)) {
    case MHD_HTTP_UNAUTHORIZED:
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic realm=\"aquarium\"");
        break;
    case MHD_HTTP_METHOD_NOT_ALLOWED:
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, request->allow);
        break;
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
        break;
    default:
        break;
    }
}

/* The response refers to request->out: the request outlives it. */
static struct MHD_Response *make_response(struct request *request, const char *type)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        request->out.length, (void *)aq_buffer_string(&request->out), MHD_RESPMEM_PERSISTENT);
    aq_assert(response != NULL);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    return response;
}

static enum outcome finish_answer(struct request *request, unsigned status, struct MHD_Response *response)
{
    aq_assert(request->response == NULL);
    request->status = status;
    request->response = response;
    return ANSWERED;
}

enum outcome answer_error(struct request *request)
{
    const struct aq_error *error = &request->error;
    aq_assert(error->code != AQ_OK);
    answer_open(request, "%s", error->message);
    aq_buffer_text(&request->out, "null");
    answer_member(request, "error");
    aq_json_string(aq_error_name(error->code), strlen(aq_error_name(error->code)), &request->out);
    end_envelope(request);
    struct MHD_Response *response = make_response(request, JSON_TYPE);
    add_error_headers(request, response);
    return finish_answer(request, (unsigned)aq_error_http(error->code), response);
}

enum outcome answer_fail(struct request *request, enum aq_error_code code, const char *format, ...)
{
    char message[AQ_ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    aq_fail(&request->error, code, "%s", message);
    return answer_error(request);
}

enum outcome answer_plain(struct request *request, unsigned status, const char *type)
{
    struct MHD_Response *response = make_response(request, type);
    if (request->minimal)
        MHD_add_response_header(response, "Preference-Applied", "return=minimal");
    return finish_answer(request, status, response);
}

enum outcome answer_source(struct request *request)
{
    request->status = MHD_HTTP_OK;
    return ANSWERED;
}

const char *answer_title(struct request *request, const char *name)
{
    char *title = aq_arena_text(&request->arena, name, strlen(name));
    title[0] = (char)toupper((unsigned char)title[0]);
    return title;
}
