#include "controller/hub/orders.h"

#include "schema/codec/command.h"
#include "schema/codec/pack.h"
#include "schema/model/access.h"
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
    char token[TOKEN_SIZE];
    uint64_t seq;          /* at which its author was read: a refusal before it is decided is true at this seq */
    struct aq_error error; /* of credentials_fill() */
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
    sodium_memzero(order->token, sizeof order->token);
    aq_arena_free(&order->arena);
    aq_buffer_free(&order->request.warnings);
    free(order);
}

static void order_done(struct hub_item *item)
{
    struct order *order = (struct order *)item;
    bool good = order->request.error.code == AQ_OK;
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
    refuse(order, &error);
    order_free(order);
}

static void token_ready(struct hub_item *item)
{
    struct order *order = (struct order *)item;
    if (order->error.code == AQ_OK) {
        submit_order(order);
        return;
    }
    refuse(order, &order->error);
    order_free(order);
}

/* On a thread of the pool of credentials. */
static void token_made(void *context, const char *token, const struct aq_error *error)
{
    struct order *order = context;
    order->error = (struct aq_error){0};
    if (error != NULL && error->code != AQ_OK)
        order->error = *error;
    else
        memcpy(order->token, token, strnlen(token, sizeof order->token - 1));
    mailbox_post(&order->item);
}

static int find_user(struct hub_base *base, const char *name, struct aq_user *user, uint64_t *seq,
                     struct aq_error *error)
{
    struct state_txn *txn = NULL;
    if (state_read(base->state, &txn, error) != 0)
        return -1;
    bool found = state_user(txn, name, user, &base->arena);
    *seq = state_seq(txn);
    state_end(txn);
    return found ? 0 : aq_access_refuse_unknown(name, error);
}

static int read_order(struct hub_base *base, const struct aq_order *message, struct order *order,
                      struct aq_error *error)
{
    struct aq_user user;
    if (find_user(base, message->author, &user, &order->seq, error) != 0)
        return -1;
    const struct aq_command *command =
        message->command <= UINT32_MAX ? aq_command_find((unsigned)message->command) : NULL;
    if (command == NULL)
        return aq_fail(error, AQ_E_INVALID, "there is no command with this code");
    if (aq_command_check_caller(command, user.name, (enum aq_role)user.role, error) != 0)
        return -1;
    void *record = aq_arena_alloc(&order->arena, command->record->size);
    if (aq_record_unpack(command->record, record, message->record.data, message->record.length, true, &order->arena,
                         error) != 0 ||
        aq_command_check_internal(command, record, error) != 0)
        return -1;
    order->records[0] = record;
    order->request = (struct writer_request){.command = command,
                                             .records = order->records,
                                             .count = 1,
                                             .author = aq_arena_text(&order->arena, user.name, strlen(user.name)),
                                             .role = user.role,
                                             .ids = order->ids};
    return 0;
}

void orders_take(struct hub_orders *orders, struct hub_question *question, const struct aq_order *message)
{
    struct aq_error error;
    struct order *order = aq_calloc(1, sizeof *order);
    order->question = *question;
    if (read_order(orders->base, message, order, &error) != 0) {
        refuse(order, &error);
        order_free(order);
        return;
    }
    order->base = orders->base;
    if (!credentials_makes_token(order->request.command)) {
        submit_order(order);
        return;
    }
    order->item = (struct hub_item){.home = &orders->base->mailbox, .run = token_ready};
    if (credentials_fill(orders->credentials, order->request.command, (void *)order->records[0], &order->arena,
                         token_made, order, &error) == 0) {
        mailbox_expect(order->item.home, &order->item);
        return;
    }
    refuse(order, &error);
    order_free(order);
}
