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
    return answer_close_as(request, HTTP_OK);
}

enum outcome answer_close_as(struct request *request, unsigned status)
{
    end_envelope(request);
    return answer_plain(request, status, JSON_TYPE);
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
    return answer_plain(request, (unsigned)aq_error_http(error->code), JSON_TYPE);
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
    aq_assert(request->status == 0); /* an answer is made once */
    request->status = status;
    request->type = type;
    return ANSWERED;
}

enum outcome answer_source(struct request *request)
{
    request->status = HTTP_OK;
    return ANSWERED;
}

const char *answer_title(struct request *request, const char *name)
{
    char *title = aq_arena_text(&request->arena, name, strlen(name));
    title[0] = (char)toupper((unsigned char)title[0]);
    for (char *c = title; *c != '\0'; c++)
        *c = *c == '_' ? ' ' : *c;
    return title;
}
