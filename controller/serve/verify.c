#include "controller/serve/verify.h"

#include "controller/serve/answer.h"
#include "controller/serve/steps.h"
#include "schema/codec/json.h"

#include <stdlib.h>

struct verifier {
    verify_fn *verify;
    void *context;

    /* The current verification. */
    bool begun, closed;
    pthread_t thread;
    struct aq_buffer report;
    struct aq_error error;

    pthread_mutex_t mutex;
    struct request *request; /* that waits for the outcome; NULL: none. Guarded by mutex */
};

struct verifier *verifier_new(verify_fn *verify, void *context)
{
    struct verifier *verifier = aq_calloc(1, sizeof *verifier);
    verifier->verify = verify;
    verifier->context = context;
    pthread_mutex_init(&verifier->mutex, NULL);
    return verifier;
}

/* Returns the waiting request, for the caller to wake. */
static struct request *take_request(struct verifier *verifier)
{
    pthread_mutex_lock(&verifier->mutex);
    struct request *request = verifier->request;
    verifier->request = NULL;
    pthread_mutex_unlock(&verifier->mutex);
    return request;
}

static void *verify_thread(void *context)
{
    struct verifier *verifier = context;
    if (verifier->verify(verifier->context, &verifier->report, &verifier->error) == 0)
        verifier->error = (struct aq_error){0};
    struct request *request = take_request(verifier);
    if (request != NULL)
        request_wake(request);
    return NULL;
}

static void join(struct verifier *verifier)
{
    if (!verifier->begun)
        return;
    pthread_join(verifier->thread, NULL);
    aq_buffer_free(&verifier->report);
    verifier->begun = false;
}

void verifier_close(struct verifier *verifier)
{
    struct request *request = take_request(verifier);
    verifier->closed = true;
    if (request == NULL)
        return;
    aq_fail(&request->error, AQ_E_BUSY, "the controller is stopping");
    request->step = answer_error;
    request_wake(request);
}

void verifier_free(struct verifier *verifier)
{
    if (verifier == NULL)
        return;
    join(verifier);
    pthread_mutex_destroy(&verifier->mutex);
    free(verifier);
}

static enum outcome answer_report(struct request *request)
{
    struct verifier *verifier = request->backend->verifier;
    request->error = verifier->error;
    bool intact = request->error.code == AQ_OK;
    answer_open(request, "%s", intact ? "The log is intact, and its replay equals the tables" : request->error.message);
    aq_json_string(aq_buffer_string(&verifier->report), verifier->report.length, &request->out);
    join(verifier);
    if (!intact) {
        answer_member(request, "error");
        aq_buffer_format(&request->out, "\"%s\"", aq_error_name(request->error.code));
    }
    return answer_close_as(request, intact ? HTTP_OK : (unsigned)aq_error_http(request->error.code));
}

enum outcome verify_begin(struct request *request)
{
    struct verifier *verifier = request->backend->verifier;
    if (query_end(&request->query, &request->error) != 0)
        return answer_error(request);
    if (verifier->closed)
        return answer_fail(request, AQ_E_BUSY, "the controller is stopping");
    if (verifier->begun)
        return answer_fail(request, AQ_E_STATE, "the log is already being verified");
    request_set_seq(request, writer_seq(request->backend->writer)); /* at least so much is verified */
    verifier->request = request;
    verifier->error = (struct aq_error){0};
    request->step = answer_report;
    int failed = pthread_create(&verifier->thread, NULL, verify_thread, verifier);
    if (failed != 0) {
        verifier->request = NULL;
        aq_fail_errno(&request->error, failed, "cannot start the verifying thread");
        return answer_error(request);
    }
    verifier->begun = true;
    return RESTING;
}
