#include "controller/serve/authority.h"

#include "controller/serve/answer.h"
#include "controller/serve/backend.h"
#include "controller/serve/steps.h"
#include "schema/codec/json.h"

AQ_DEFINE(serve_authority, "authority", 1, "the authority that vouches for this server over TLS")

enum outcome authority_answer(struct request *request)
{
    AQ_CLEANUP_BUFFER struct aq_buffer pem = {0};
    char fingerprint[AQ_FINGERPRINT_SIZE];
    if (request->backend->presented == NULL)
        return answer_fail(request, AQ_E_NOT_FOUND, "nothing is served over TLS: the setting api.tls.address is empty");
    struct certificate *shown = presented_take(request->backend->presented);
    int status = certificate_authority(shown, fingerprint, &pem, &request->error);
    certificate_release(shown);
    if (status != 0)
        return answer_error(request);
    struct serve_authority row = {fingerprint, aq_buffer_string(&pem)};
    answer_open(request, "Authority");
    aq_record_to_json(&serve_authority_record, &row, &request->out);
    return answer_close(request);
}
