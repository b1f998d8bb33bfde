#include "controller/serve/verify.h"

#include "controller/serve/answer.h"
#include "controller/serve/service.h"
#include "controller/serve/steps.h"
#include "schema/codec/json.h"

#include <stdlib.h>

static void *verify_thread(void *context)
{
    struct verify *verify = context;
    struct serve *serve = verify->serve;
    if (serve->options.verify(serve->options.verify_context, &verify->report, &verify->error) == 0)
        verify->error = (struct aq_error){0};
    pthread_mutex_lock(&serve->mutex);
    struct request *request = verify->request;
    verify->request = NULL;
    pthread_mutex_unlock(&serve->mutex);
    if (request != NULL)
        request_wake(request);
    return NULL;
}

void verify_join(struct serve *serve)
{
    struct verify *verify = serve->verify;
    if (verify == NULL)
        return;
    pthread_join(verify->thread, NULL);
    aq_buffer_free(&verify->report);
    free(verify);
    serve->verify = NULL;
}

void verify_cancel(struct serve *serve)
{
    if (serve->verify == NULL)
        return;
    pthread_mutex_lock(&serve->mutex);
    struct request *request = serve->verify->request;
    serve->verify->request = NULL;
    pthread_mutex_unlock(&serve->mutex);
    if (request == NULL)
        return;
    aq_fail(&request->error, AQ_E_BUSY, "the controller stops");
    request->step = answer_error;
    request_wake(request);
}

static enum outcome verify_ended(struct request *request)
{
    struct serve *serve = request->serve;
    struct verify *verify = serve->verify;
    request->error = verify->error;
    bool whole = request->error.code == AQ_OK;
    answer_open(request, "%s", whole ? "The log is whole, and its replay equals the tables" : request->error.message);
    aq_json_string(aq_buffer_string(&verify->report), verify->report.length, &request->out);
    verify_join(serve);
    if (!whole) {
        answer_member(request, "error");
        aq_buffer_format(&request->out, "\"%s\"", aq_error_name(request->error.code));
    }
    return answer_close_as(request, writer_seq(serve->options.writer),
                           whole ? MHD_HTTP_OK : (unsigned)aq_error_http(request->error.code));
}

enum outcome verify_begin(struct request *request)
{
    struct serve *serve = request->serve;
    if (query_end(&request->query, &request->error))
        return answer_error(request);
    if (serve->verify != NULL)
        return answer_fail(request, AQ_E_STATE, "the log is being verified already");
    struct verify *verify = aq_calloc(1, sizeof *verify);
    verify->serve = serve;
    verify->request = request;
    request->step = verify_ended;
    int failed = pthread_create(&verify->thread, NULL, verify_thread, verify);
    if (failed != 0) {
        free(verify);
        aq_fail_errno(&request->error, failed, "the thread that verifies");
        return answer_error(request);
    }
    serve->verify = verify;
    return RESTING;
}
