#include "controller/hub/base.h"

static void request_done(struct writer_request *request)
{
    mailbox_post(request->context);
}

int hub_submit(struct hub_base *base, struct writer_request *request, struct hub_item *item, struct aq_error *error)
{
    item->home = &base->mailbox;
    request->context = item;
    request->done = request_done;
    if (writer_submit(base->writer, request, error) != 0)
        return -1;
    mailbox_expect(&base->mailbox, item);
    return 0;
}

bool hub_error_is_temporary(enum aq_error_code code)
{
    return code == AQ_E_BUSY || code == AQ_E_NO_LEADER || code == AQ_E_UNKNOWN || code == AQ_E_NO_SPACE ||
           code == AQ_E_IO || code == AQ_E_INTERNAL || code == AQ_E_CORRUPT;
}
