#include "controller/hub/core.h"

#include "schema/codec/command.h"
#include "schema/codec/pack.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WATCH_MS = 5000 };

/* ---- ORDER: a command from the file view ---------------------------------------------------------------- */

struct order {
    struct hub_item item;
    struct hub *hub;
    struct writer_request request;
    const void *records[1];
    char ids[1][65];
    struct aq_arena arena; /* of the record and the author */
    char token[TOKEN_SIZE];
    struct aq_error error; /* of the credentials */
    struct hub_question question;
};

static void answer(struct hub_question *question, const struct aq_error *error, uint64_t seq, const char *id,
                   const char *token)
{
    struct aq_outcome outcome = {.error = aq_error_name(error->code),
                                 .message = error->code == AQ_OK ? "" : error->message,
                                 .seq = seq,
                                 .id = id,
                                 .token = token};
    channel_answer(question, AQ_MSG_OUTCOME, &outcome);
}

static void answer_error(struct hub_question *question, const struct aq_error *error)
{
    answer(question, error, 0, "", "");
}

static void order_free(struct order *order)
{
    sodium_memzero(order->token, sizeof order->token);
    aq_arena_free(&order->arena);
    free(order);
}

static void order_done(struct hub *hub, struct hub_item *item)
{
    struct order *order = (struct order *)item;
    bool good = order->request.error.code == AQ_OK;
    hub->in_flight--;
    answer(&order->question, &order->request.error, order->request.seq, good ? order->ids[0] : "",
           good ? order->token : "");
    order_free(order);
}

static void order_submit(struct hub *hub, struct order *order)
{
    struct aq_error error;
    order->item.run = order_done;
    if (hub_submit(hub, &order->request, &order->item, &error) == 0)
        return;
    answer_error(&order->question, &error);
    order_free(order);
}

static void token_ready(struct hub *hub, struct hub_item *item)
{
    struct order *order = (struct order *)item;
    hub->in_flight--;
    if (order->error.code == AQ_OK) {
        order_submit(hub, order);
        return;
    }
    answer_error(&order->question, &order->error);
    order_free(order);
}

/* On a thread of the credentials' pool. */
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

static int find_user(struct hub *hub, const char *name, struct aq_user *user, struct aq_error *error)
{
    struct state_txn *txn = NULL;
    if (state_read(hub->options.state, &txn, error) != 0)
        return -1;
    bool found = state_user(txn, name, user, &hub->arena);
    state_end(txn);
    return found ? 0 : aq_fail(error, AQ_E_FORBIDDEN, "unix user %s is no user of this cluster", name);
}

static int order_read(struct hub *hub, const struct aq_order *message, struct order *order, struct aq_error *error)
{
    struct aq_user user;
    if (find_user(hub, message->author, &user, error) != 0)
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

void hub_order(struct hub *hub, struct hub_question *question, const void *message)
{
    struct aq_error error;
    struct order *order = aq_calloc(1, sizeof *order);
    if (order_read(hub, message, order, &error) != 0) {
        answer_error(question, &error);
        order_free(order);
        return;
    }
    order->question = *question;
    if (!credentials_makes_token(order->request.command)) {
        order_submit(hub, order);
        return;
    }
    order->item = (struct hub_item){.home = &hub->mailbox, .run = token_ready};
    if (credentials_fill(hub->options.credentials, order->request.command, (void *)order->records[0], &order->arena,
                         token_made, order, &error) == 0) {
        hub->in_flight++;
        return;
    }
    answer_error(question, &error);
    order_free(order);
}

/* ---- WATCH --------------------------------------------------------------------------------------------- */

static void answer_now(struct hub *hub, struct hub_question *question)
{
    const struct aq_config_controller *config = hub->options.config;
    char address[128];
    struct aq_now now = {.seq = writer_seq(hub->options.writer), .leader = writer_is_leader(hub->options.writer)};
    struct aq_member self = {.name = config->name, .role = "voter", .leader = now.leader, .address = address};
    snprintf(address, sizeof address, "%s:%" PRIu64, config->api.address, config->api.port);
    now.members = (struct aq_list){&self, 1};
    channel_answer(question, AQ_MSG_NOW, &now);
}

void hub_watch(struct hub *hub, struct hub_question *question, const void *message)
{
    const struct aq_watch *watch = message;
    if (writer_seq(hub->options.writer) > watch->seq || hub->watch_count == HUB_WATCHES_MAX) {
        answer_now(hub, question);
        return;
    }
    hub->watches[hub->watch_count++] =
        (struct hub_watch){.question = *question, .seq = watch->seq, .until_ms = hub->now_ms + WATCH_MS};
}

void hub_watches_answer(struct hub *hub, bool all)
{
    uint64_t seq = writer_seq(hub->options.writer);
    for (uint32_t i = hub->watch_count; i > 0; i--) {
        struct hub_watch *watch = &hub->watches[i - 1];
        if (!all && watch->seq >= seq && hub->now_ms < watch->until_ms)
            continue;
        answer_now(hub, &watch->question);
        *watch = hub->watches[--hub->watch_count];
    }
}
