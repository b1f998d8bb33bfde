#include "schema/wire/ask.h"

#include "schema/wire/body.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { DROPPED_MAX = 64 /* messages dropped in one call of aq_asker_take() */ };

static const uint32_t number_mask = 0x7FFFFFFF; /* the highest bit is nanomsg's */

struct aq_asker {
    struct aq_uplink *uplink;
    bool sealing;
    struct aq_sealer sealer; /* if it is sealing */
    struct aq_joiner joiner; /* the same */
    bool joined;             /* since the last aq_asker_take_hub() */
    struct aq_clocks now;
    uint64_t made, lost; /* connections of the uplink, at the last check */
    bool connected;      /* one was made since the last aq_asker_has_new_connection() */
    uint32_t last_number;
    struct aq_question *open, **end; /* oldest first */
    struct aq_buffer sealed, body;   /* of one message */
};

/* ---- connecting --------------------------------------------------------------------------------------- */

int aq_asker_open(struct aq_asker **out, struct aq_uplink *uplink, const struct aq_identity *identity,
                  struct aq_error *error)
{
    struct aq_asker *asker = aq_malloc(sizeof *asker);
    *asker = (struct aq_asker){
        .uplink = uplink, .sealing = identity != NULL, .last_number = randombytes_random(), .end = &asker->open};
    if (identity != NULL)
        aq_sealer_open(&asker->sealer, identity);
    if (uplink->kind->connect(uplink, error) != 0) {
        aq_asker_close(asker);
        return -1;
    }
    *out = asker;
    return 0;
}

int aq_asker_fd(const struct aq_asker *asker)
{
    return asker->uplink->kind->fd(asker->uplink);
}

int aq_asker_send_fd(const struct aq_asker *asker)
{
    return asker->uplink->kind->send_fd(asker->uplink);
}

bool aq_asker_is_connected(const struct aq_asker *asker)
{
    return asker->uplink->kind->state(asker->uplink).connected;
}

void aq_asker_set_time(struct aq_asker *asker, const struct aq_clocks *now)
{
    asker->now = *now;
}

/* When the next handshake is due, or the one under way is late. */
static uint64_t handshake_ms(const struct aq_asker *asker)
{
    const uint64_t join_ms = aq_joiner_deadline_ms(&asker->joiner);
    const uint64_t seal_ms = asker->sealing ? aq_sealer_deadline_ms(&asker->sealer) : UINT64_MAX;
    return join_ms < seal_ms ? join_ms : seal_ms;
}

uint64_t aq_asker_deadline_ms(const struct aq_asker *asker)
{
    return aq_asker_is_connected(asker) ? handshake_ms(asker) : UINT64_MAX;
}

bool aq_asker_has_session(const struct aq_asker *asker)
{
    return !asker->sealing || asker->sealer.session.number != 0;
}

void aq_asker_join(struct aq_asker *asker, const struct aq_join *join)
{
    aq_joiner_begin(&asker->joiner, join, &asker->sealer.identity.own);
    asker->sealer.identity.knows_hub = false;
    aq_sealer_lose(&asker->sealer);
    aq_sealed_wipe(&asker->sealer.session);
}

bool aq_asker_joins(const struct aq_asker *asker)
{
    return asker->joiner.state != AQ_JOINER_IDLE;
}

const struct aq_error *aq_asker_join_refusal(const struct aq_asker *asker)
{
    return &asker->joiner.refusal;
}

bool aq_asker_take_hub(struct aq_asker *asker, unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    const bool joined = asker->joined;
    asker->joined = false;
    if (joined)
        memcpy(hub, asker->sealer.identity.hub, AQ_NOISE_KEY_SIZE);
    return joined;
}

enum aq_denial aq_asker_denial(const struct aq_asker *asker)
{
    return asker->sealer.denied;
}

bool aq_asker_has_new_connection(struct aq_asker *asker)
{
    bool connected = asker->connected;
    asker->connected = false;
    return connected;
}

/* ---- open questions ----------------------------------------------------------------------------------- */

static void add_question(struct aq_asker *asker, struct aq_question *question)
{
    question->open = true;
    *asker->end = question;
    asker->end = &question->next;
}

/* Closes the question that *link points to. */
static struct aq_question *remove_question(struct aq_asker *asker, struct aq_question **link)
{
    struct aq_question *question = *link;
    *link = question->next;
    if (asker->end == &question->next)
        asker->end = link;
    question->next = NULL;
    question->open = question->unsent = false;
    aq_buffer_free(&question->body);
    return question;
}

void aq_asker_drop(struct aq_asker *asker, struct aq_question *question)
{
    struct aq_question **link = &asker->open;
    if (!question->open)
        return;
    while (*link != question)
        link = &(*link)->next;
    remove_question(asker, link);
}

void aq_asker_close(struct aq_asker *asker)
{
    if (asker == NULL)
        return;
    while (asker->open != NULL)
        remove_question(asker, &asker->open);
    asker->uplink->kind->close(asker->uplink);
    aq_sealer_wipe(&asker->sealer);
    aq_joiner_wipe(&asker->joiner);
    aq_buffer_free(&asker->sealed);
    aq_buffer_free(&asker->body);
    free(asker);
}

static void send_again(struct aq_asker *asker)
{
    for (struct aq_question *question = asker->open; question != NULL; question = question->next)
        question->unsent = question->again;
}

static void lose_questions(struct aq_asker *asker)
{
    for (struct aq_question *question = asker->open; question != NULL; question = question->next)
        question->lost = !question->again;
}

static void lose_handshakes(struct aq_asker *asker)
{
    aq_sealer_lose(&asker->sealer);
    aq_joiner_lose(&asker->joiner);
}

int aq_asker_reconnect(struct aq_asker *asker, struct aq_error *error)
{
    send_again(asker);
    lose_questions(asker);
    lose_handshakes(asker);
    asker->made = asker->lost = 0;
    return asker->uplink->kind->connect(asker->uplink, error);
}

/* Compares the numbers of connections with those at the last check. */
static void check_connections(struct aq_asker *asker)
{
    const struct aq_uplink_state state = asker->uplink->kind->state(asker->uplink);
    if (state.made != asker->made && asker->made != 0)
        send_again(asker);
    if (state.lost != asker->lost) {
        lose_questions(asker);
        lose_handshakes(asker);
    }
    asker->connected = asker->connected || state.made != asker->made;
    asker->made = state.made;
    asker->lost = state.lost;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

/* Never 0, which means that an answer has no number. */
static uint32_t next_number(struct aq_asker *asker)
{
    do
        asker->last_number = (asker->last_number + 1) & number_mask;
    while (asker->last_number == 0);
    return asker->last_number;
}

/* Sends a message; sealed, if they are. Returns an errno, or 0. */
static int send_body(struct aq_asker *asker, struct aq_question *question, const struct aq_buffer *body)
{
    const struct aq_buffer *out = body;
    if (asker->sealing) {
        question->session = asker->sealer.session.number;
        question->counter = aq_sealed_seal(&asker->sealer.session, NULL, body->data, body->length, &asker->sealed);
        out = &asker->sealed;
    }
    return asker->uplink->kind->send(asker->uplink, question->number, out->data, out->length);
}

/* Sends what a handshake needs. */
static void send_handshakes(struct aq_asker *asker)
{
    struct aq_uplink *uplink = asker->uplink;
    uint32_t number;
    if (aq_joiner_is_due(&asker->joiner, asker->now.steady_ms)) {
        number = next_number(asker);
        aq_joiner_send(&asker->joiner, number, asker->now.steady_ms, &asker->sealed);
        if (uplink->kind->send(uplink, number, asker->sealed.data, asker->sealed.length) != 0)
            aq_joiner_lose(&asker->joiner);
    }
    if (asker->sealing && aq_sealer_is_due(&asker->sealer, asker->now.steady_ms)) {
        number = next_number(asker);
        aq_sealer_begin(&asker->sealer, number, &asker->now, &asker->sealed);
        if (uplink->kind->send(uplink, number, asker->sealed.data, asker->sealed.length) != 0)
            aq_sealer_lose(&asker->sealer);
    }
}

void aq_asker_flush(struct aq_asker *asker)
{
    check_connections(asker);
    if (!aq_asker_is_connected(asker))
        return;
    send_handshakes(asker);
    if (!aq_asker_has_session(asker))
        return;
    for (struct aq_question *question = asker->open; question != NULL; question = question->next)
        if (question->unsent)
            question->unsent = send_body(asker, question, &question->body) != 0;
}

/* Without a session, only a handshake can be sent, when it is due. */
bool aq_asker_has_unsent(const struct aq_asker *asker)
{
    if (!aq_asker_has_session(asker))
        return !aq_asker_is_connected(asker) && handshake_ms(asker) <= asker->now.steady_ms;
    const struct aq_question *question = asker->open;
    while (question != NULL && !question->unsent)
        question = question->next;
    return question != NULL;
}

static void pack_body(enum aq_message_type type, const void *message, struct aq_buffer *out)
{
    aq_buffer_reset(out);
    aq_body_pack(type, message, out);
    aq_assert(out->length + AQ_SEALED_MORE <= AQ_WIRE_MESSAGE_MAX);
}

void aq_asker_ask(struct aq_asker *asker, struct aq_question *question, enum aq_message_type type, const void *message,
                  uint64_t late_ms)
{
    aq_asker_drop(asker, question);
    *question = (struct aq_question){
        .asked = type, .number = next_number(asker), .late_ms = late_ms, .unsent = true, .again = true};
    pack_body(type, message, &question->body);
    add_question(asker, question);
    aq_asker_flush(asker);
}

static int fail_send(const struct aq_asker *asker, int number, struct aq_error *error)
{
    const char *name = asker->uplink->kind->name(asker->uplink);
    if (number == EAGAIN)
        return aq_fail(error, AQ_E_NO_LEADER, "there is no connection to %s", name);
    return aq_fail(error, AQ_E_IO, "cannot send to %s: %s", name, strerror(number));
}

int aq_asker_ask_once(struct aq_asker *asker, struct aq_question *question, enum aq_message_type type,
                      const void *message, uint64_t late_ms, struct aq_error *error)
{
    aq_assert(!question->open);
    if (!aq_asker_is_connected(asker) || !aq_asker_has_session(asker))
        return fail_send(asker, EAGAIN, error);
    check_connections(asker);
    *question = (struct aq_question){.asked = type, .number = next_number(asker), .late_ms = late_ms};
    pack_body(type, message, &asker->body);
    int number = send_body(asker, question, &asker->body);
    if (number != 0)
        return fail_send(asker, number, error);
    add_question(asker, question);
    return 0;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* The link to the open question of this number. NULL: there is none. */
static struct aq_question **find_asked(struct aq_asker *asker, uint32_t number)
{
    struct aq_question **link = &asker->open;
    while (*link != NULL && (*link)->number != number)
        link = &(*link)->next;
    return *link != NULL ? link : NULL;
}

static bool unpack_body(const void *data, size_t length, enum aq_message_type *type, void **message,
                        struct aq_arena *arena)
{
    struct aq_error ignored;
    return aq_body_unpack(data, length, type, message, arena, &ignored) == 0;
}

/* Only an answer that was sealed for this question, in the session in which it was sent last, opens; without a session,
 * whose keys would be zeros, none does. */
static bool open_answer(struct aq_asker *asker, const struct aq_question *question, const struct aq_frame *frame,
                        enum aq_message_type *type, void **message, struct aq_arena *arena)
{
    struct aq_sealed *session = &asker->sealer.session;
    return session->number != 0 && question->session == session->number && frame->session == session->number &&
           aq_sealed_open(session, frame, &question->counter, &asker->body) == AQ_OPENED &&
           unpack_body(asker->body.data, asker->body.length, type, message, arena);
}

/* The link to the question that this answers. NULL: it answers none. */
static struct aq_question **take_frame(struct aq_asker *asker, uint32_t number, const void *data, size_t length,
                                       enum aq_message_type *type, void **message, struct aq_arena *arena)
{
    unsigned char hub[AQ_NOISE_KEY_SIZE];
    struct aq_frame frame;
    struct aq_question **link = find_asked(asker, number);
    if (!asker->sealing)
        return link != NULL && unpack_body(data, length, type, message, arena) ? link : NULL;
    if (!aq_frame_read(&frame, data, length))
        return NULL;
    if (aq_joiner_take(&asker->joiner, number, &frame, asker->now.steady_ms, hub)) {
        aq_sealer_set_hub(&asker->sealer, hub);
        asker->joined = true;
        return NULL;
    }
    if (frame.kind != AQ_FRAME_SEALED) {
        if (aq_sealer_take(&asker->sealer, number, &frame, asker->now.steady_ms))
            send_again(asker);
        return NULL;
    }
    return link != NULL && open_answer(asker, *link, &frame, type, message, arena) ? link : NULL;
}

struct aq_question *aq_asker_take(struct aq_asker *asker, enum aq_message_type *type, void **message,
                                  struct aq_arena *arena)
{
    for (int i = 0; i < DROPPED_MAX; i++) {
        uint32_t number;
        const void *data;
        size_t length;
        if (!asker->uplink->kind->receive(asker->uplink, &number, &data, &length))
            return NULL;
        struct aq_question **link = take_frame(asker, number, data, length, type, message, arena);
        if (link != NULL)
            return remove_question(asker, link);
    }
    return NULL;
}

struct aq_question *aq_asker_take_failed(struct aq_asker *asker, uint64_t now_ms)
{
    struct aq_question **link = &asker->open;
    while (*link != NULL && !(*link)->lost && (*link)->late_ms > now_ms)
        link = &(*link)->next;
    return *link != NULL ? remove_question(asker, link) : NULL;
}
