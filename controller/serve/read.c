/* One row, one field of it, or the row that a field refers to. */
#include "controller/serve/answer.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/user.h"

#include <string.h>

/* Appends the row, or a part of it, to the answer. Returns -1 with the request's error, or after a read of the
 * transaction failed. */
typedef int show_fn(struct request *request, struct state_txn *txn, const struct state_packed *row);

static enum outcome answer_row(struct request *request, show_fn *show)
{
    struct state_txn *txn;
    struct state_packed row;
    if (query_end(&request->query, &request->error) != 0 || request_read(request, &txn) != 0)
        return answer_error(request);
    int status = row_find(request, txn, request->entity, request->key, &row, &request->error);
    if (status == 0)
        status = show(request, txn, &row);
    if (state_failed(txn, &request->error))
        status = -1;
    state_end(txn);
    return status == 0 ? answer_close(request) : answer_error(request);
}

static int show_row(struct request *request, struct state_txn *txn, const struct state_packed *row)
{
    answer_open(request, "%s %s", answer_title(request, request->entity->name), request->key);
    return row_show(request, txn, request->entity, row) ? 0 : -1;
}

enum outcome read_row(struct request *request)
{
    return answer_row(request, show_row);
}

/* The key of the row that the field refers to. False: it refers to none. */
static bool referred_key(const struct aq_field *field, const void *row, struct state_key *key)
{
    if (aq_field_is_text(field)) {
        *key = state_key_name(aq_field_text(field, row));
        return key->length > 0;
    }
    *key = state_key_number(aq_field_number(field, row));
    return aq_field_number(field, row) != 0;
}

static int show_field(struct request *request, struct state_txn *txn, const struct state_packed *row)
{
    const struct aq_field *field = request->field;
    const struct aq_entity *other = field->refers;
    const char *title = answer_title(request, request->entity->name);
    const void *fields = row_fields(request, txn, request->entity, row, AQ_FIELD_BIT(request->entity->record, field));
    if (fields == NULL)
        return -1;
    if (other == NULL) {
        answer_open(request, "%s %s %s", title, request->key, field->name);
        aq_field_to_json(field, fields, &request->out);
        return 0;
    }
    struct state_packed found;
    struct state_key key;
    char shown[STATE_KEY_MAX + 1];
    if (!referred_key(field, fields, &key))
        return aq_fail(&request->error, AQ_E_NOT_FOUND, "%s %s has no %s", request->entity->name, request->key,
                       field->name);
    state_key_show(other, &key, shown, sizeof shown);
    if (row_find_key(request, txn, other, &key, &found, &request->error) != 0)
        return aq_error_context(&request->error, "%s of %s %s", field->name, request->entity->name, request->key);
    answer_open(request, "%s %s of %s %s", answer_title(request, field->name), shown, request->entity->name,
                request->key);
    return row_show(request, txn, other, &found) ? 0 : -1;
}

enum outcome read_field(struct request *request)
{
    return answer_row(request, show_field);
}

enum outcome read_me(struct request *request)
{
    request->entity = &aq_entity_user;
    request->key = request->caller.name;
    request->is_self = true;
    return answer_row(request, show_row);
}
