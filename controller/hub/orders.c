#include "controller/hub/orders.h"

#include "controller/auth/tokens.h"
#include "controller/state/rights.h"
#include "schema/codec/command.h"
#include "schema/codec/pack.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct order {
    struct hub_item item;
    struct hub_base *base;
    struct writer_request request;
    const void *records[1];
    char ids[1][65];
    struct aq_arena arena; /* of the record and the author */
    const char *token;     /* in the arena; "": the command makes none */
    uint64_t seq;          /* at which its author was read: a refusal before it is decided is true at this seq */
    struct hub_question question;
};

static void send_outcome(struct hub_question *question, const struct aq_error *error, uint64_t seq, const char *id,
                         const char *token, const char *warnings)
{
    struct aq_outcome outcome = {.error = aq_error_name(error->code),
                                 .message = error->code == AQ_OK ? "" : error->message,
                                 .seq = seq,
                                 .id = id,
                                 .token = token,
                                 .warnings = warnings};
    channel_answer(question, AQ_MSG_OUTCOME, &outcome);
}

static void refuse(struct order *order, const struct aq_error *error)
{
    send_outcome(&order->question, error, order->seq, "", "", "");
}

static void order_free(struct order *order)
{
    if (order->token[0] != '\0')
        sodium_memzero((char *)(uintptr_t)order->token, strlen(order->token));
    aq_arena_free(&order->arena);
    aq_buffer_free(&order->request.warnings);
    free(order);
}

static void order_drop(struct hub_item *item)
{
    order_free((struct order *)item);
}

static void order_done(struct hub_item *item)
{
    struct order *order = (struct order *)item;
    bool good = order->request.error.code == AQ_OK;
    door_settle(order->base->door, &order->request);
    send_outcome(&order->question, &order->request.error, order->request.seq, good ? order->ids[0] : "",
                 good ? order->token : "", good ? aq_buffer_string(&order->request.warnings) : "");
    order_free(order);
}

static void submit_order(struct order *order)
{
    struct aq_error error;
    order->item.run = order_done;
    if (hub_submit(order->base, &order->request, &order->item, &error) == 0)
        return;
    order->request.error = error;
    door_settle(order->base->door, &order->request);
    refuse(order, &error);
    order_free(order);
}

static int find_caller(struct hub_base *base, const char *name, struct aq_caller *caller, uint64_t *seq,
                       struct aq_error *error)
{
    struct state_txn *txn = NULL;
    struct aq_user user;
    if (state_read(base->state, &txn, error) != 0)
        return -1;
    bool found = state_user(txn, name, &user, &base->arena);
    if (found)
        *caller = rights_caller(txn, &user, &base->arena);
    *seq = state_seq(txn);
    state_end(txn);
    return found ? 0 : aq_access_refuse_unknown(name, error);
}

static int read_order(struct hub_base *base, const struct aq_order *message, struct order *order,
                      struct aq_error *error)
{
    struct aq_caller caller;
    bool sealed = false;
    if (find_caller(base, message->author, &caller, &order->seq, error) != 0)
        return -1;
    const struct aq_command *command =
        message->command <= UINT32_MAX ? aq_command_find((unsigned)message->command) : NULL;
    if (command == NULL)
        return aq_fail(error, AQ_E_INVALID, "there is no command with this code");
    if (aq_command_check_caller(command, &caller, error) != 0)
        return -1;
    void *record = aq_arena_alloc(&order->arena, command->record->size);
    if (aq_record_unpack(command->record, record, message->record.data, message->record.length, true, &order->arena,
                         error) != 0 ||
        aq_command_check_internal(command, record, error) != 0 ||
        door_seal(base->door, command, record, false, &order->arena, &sealed, error) != 0)
        return -1;
    caller.name = aq_arena_text(&order->arena, caller.name, strlen(caller.name));
    caller.role = aq_arena_text(&order->arena, caller.role, strlen(caller.role));
    aq_caller_set_grants(&caller, NULL, 0); /* those belong to the message; the writer finds them again */
    order->records[0] = record;
    order->request = (struct writer_request){
        .command = command, .records = order->records, .count = 1, .caller = caller, .ids = order->ids};
    return 0;
}

void orders_take(struct hub_base *base, struct hub_question *question, const struct aq_order *message)
{
    struct aq_error error;
    struct order *order = aq_calloc(1, sizeof *order);
    order->question = *question;
    order->token = "";
    order->item.drop = order_drop;
    if (read_order(base, message, order, &error) != 0) {
        refuse(order, &error);
        order_free(order);
        return;
    }
    order->base = base;
    if (token_is_made_by(order->request.command))
        order->token = token_fill(order->request.command, (void *)order->records[0], base->issuer, &order->arena);
    submit_order(order);
}
