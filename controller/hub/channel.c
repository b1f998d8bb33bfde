#include "controller/hub/channel.h"

#include "schema/wire/body.h"

#include <sodium.h>
#include <string.h>

void channel_open(struct hub_channel *channel, struct hub_carrier *carrier, struct hub_seals *seals)
{
    *channel = (struct hub_channel){.carrier = carrier, .seals = seals};
}

void channel_close(struct hub_channel *channel)
{
    if (channel->carrier != NULL)
        channel->carrier->kind->close(channel->carrier);
    channel->carrier = NULL;
    aq_buffer_free(&channel->body);
    aq_buffer_free(&channel->sealed);
}

void channel_tick(struct hub_channel *channel, uint64_t now_ms)
{
    if (channel->seals != NULL)
        seals_tick(channel->seals, now_ms);
    if (channel->carrier != NULL)
        channel->carrier->kind->tick(channel->carrier, now_ms);
}

int channel_fd(const struct hub_channel *channel)
{
    return channel->carrier != NULL ? channel->carrier->kind->fd(channel->carrier) : -1;
}

static void send_answer(struct hub_channel *channel, const struct hub_question *question,
                        const struct aq_buffer *answer)
{
    aq_assert(answer->length <= AQ_WIRE_MESSAGE_MAX);
    channel->carrier->kind->answer(channel->carrier, question->peer, question->header, question->header_length,
                                   answer->data, answer->length);
}

static bool unpack(const void *body, size_t length, enum aq_message_type *type, void **message, struct aq_arena *arena)
{
    struct aq_error ignored;
    return aq_body_unpack(body, length, type, message, arena, &ignored) == 0;
}

/* Judges the frame, and returns what channel_receive() does. */
static int take_sealed(struct hub_channel *channel, const struct hub_frame *frame, struct hub_question *question,
                       enum aq_message_type *type, void **message, struct aq_arena *arena)
{
    struct hub_carrier *carrier = channel->carrier;
    bool good = true;
    int got = 2;
    switch (seals_take(channel->seals, frame->sealed, frame->length, &frame->source, &question->author, &channel->body,
                       &channel->sealed)) {
    case SEALS_ENROLS:
        got = unpack(channel->body.data, channel->body.length, type, message, arena) ? 1 : -1;
        sodium_memzero(channel->body.data, channel->body.length); /* it has a secret in it */
        break;
    case SEALS_OPENED:
        good = unpack(channel->body.data, channel->body.length, type, message, arena);
        if (good)
            carrier->kind->admit(carrier, frame->peer);
        got = good ? 1 : -1;
        break;
    case SEALS_DENIED:
        good = false;
        got = -1;
        send_answer(channel, question, &channel->sealed);
        break;
    case SEALS_OPENS:
        carrier->kind->vouch(carrier, frame->peer);
        send_answer(channel, question, &channel->sealed);
        break;
    case SEALS_REPLIED:
        send_answer(channel, question, &channel->sealed);
        break;
    case SEALS_DROPPED:
        got = -1;
        break;
    case SEALS_FOREIGN:
        good = false;
        got = -1;
    }
    carrier->kind->judge(carrier, good);
    return got;
}

int channel_receive(struct hub_channel *channel, struct hub_question *question, enum aq_message_type *type,
                    void **message, struct aq_arena *arena)
{
    struct hub_carrier *carrier = channel->carrier;
    struct hub_frame frame;
    int got = carrier != NULL ? carrier->kind->receive(carrier, &frame) : 0;
    if (got != 1)
        return got;
    aq_assert(frame.header_length <= sizeof question->header);
    *question = (struct hub_question){.channel = channel, .peer = frame.peer, .header_length = frame.header_length};
    memcpy(question->header, frame.header, frame.header_length);
    if (channel->seals != NULL)
        return take_sealed(channel, &frame, question, type, message, arena);
    bool good = unpack(frame.sealed, frame.length, type, message, arena);
    carrier->kind->judge(carrier, good);
    return good ? 1 : -1;
}

void channel_answer(struct hub_question *question, enum aq_message_type type, const void *message)
{
    struct hub_channel *channel = question->channel;
    if (channel == NULL)
        return;
    question->channel = NULL;
    if (channel->carrier == NULL)
        return;
    aq_buffer_reset(&channel->body);
    aq_body_pack(type, message, &channel->body);
    if (channel->seals == NULL)
        send_answer(channel, question, &channel->body);
    else if (seals_seal(channel->seals, &question->author, &channel->body, &channel->sealed))
        send_answer(channel, question, &channel->sealed);
}

void channel_refuse(struct hub_question *question, const struct aq_error *error)
{
    struct aq_refused refused = {.error = aq_error_name(error->code), .message = error->message};
    channel_answer(question, AQ_MSG_REFUSED, &refused);
}

void channel_trust(const struct hub_question *question)
{
    struct hub_channel *channel = question->channel;
    seals_trust(channel->seals, &question->author);
    channel->carrier->kind->admit(channel->carrier, question->peer);
}

bool channel_has(const struct hub_channel *channel, uint64_t peer)
{
    return channel->carrier->kind->has(channel->carrier, peer);
}
