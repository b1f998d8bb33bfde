#include "tests/sim/network.h"

#include "tests/sim/death.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    ADMIT_MS = 5000,      /* as the gate: a connection that has shown no key is closed */
    RETRY_MS = 100,       /* between two attempts to connect, at first, */
    RETRY_MOST_MS = 2000, /* and at most */
    SPIKE_PERCENT = 1,    /* of messages are delayed by far more than others, */
    SPIKE_MS = 2000,      /* about this long */
    REPLAY_PERCENT = 2,   /* of questions come again much later, */
    REPLAY_MS = 20000,    /* about that long */
};

enum message_kind { QUESTION, ANSWER, OPENED, CLOSED_BY_AGENT, CLOSED_BY_HUB, CONNECT };

struct network_message {
    struct network_message *next; /* in an inbox */
    uint64_t at_ms, order;
    enum message_kind kind;
    unsigned host;
    uint64_t connection;
    uint32_t number;
    bool recorded;
    size_t length;
    unsigned char sealed[];
};

struct network_uplink {
    struct aq_uplink uplink;
    struct network *network;
    unsigned host;
    uint64_t connection; /* 0: none yet, or lost */
    struct aq_uplink_state state;
    uint64_t retry_ms, generation; /* attempts of an earlier generation are void */
    struct network_message *inbox, **inbox_end, *taken;
};

/* ---- what is under way -------------------------------------------------------------------------------- */

static bool is_before(const struct network_message *a, const struct network_message *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void put_flying(struct network *network, size_t at, struct network_message *message)
{
    while (at > 0 && is_before(message, network->flying[(at - 1) / 2])) {
        network->flying[at] = network->flying[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    network->flying[at] = message;
}

static void fly(struct network *network, struct network_message *message, uint64_t in_ms)
{
    message->at_ms = network->sim->now_ms + in_ms;
    message->order = ++network->order;
    AQ_GROW(network->flying, network->n_flying, network->flying_room);
    put_flying(network, network->n_flying++, message);
}

static struct network_message *land(struct network *network)
{
    struct network_message *first = network->flying[0], *last = network->flying[--network->n_flying];
    size_t hole = 0, child;
    while ((child = hole * 2 + 1) < network->n_flying) {
        if (child + 1 < network->n_flying && is_before(network->flying[child + 1], network->flying[child]))
            child++;
        network->flying[hole] = network->flying[child];
        hole = child;
    }
    if (network->n_flying > 0)
        put_flying(network, hole, last);
    return first;
}

uint64_t network_due_ms(const struct network *network)
{
    return network->n_flying > 0 ? network->flying[0]->at_ms : NEVER;
}

static struct network_message *message_new(enum message_kind kind, unsigned host, uint64_t connection,
                                           const void *sealed, size_t length)
{
    struct network_message *message = aq_calloc(1, sizeof *message + length);
    message->kind = kind;
    message->host = host;
    message->connection = connection;
    message->length = length;
    if (length > 0)
        memcpy(message->sealed, sealed, length);
    return message;
}

static struct network_message *message_copy(const struct network_message *message)
{
    struct network_message *copy = aq_malloc(sizeof *copy + message->length);
    memcpy(copy, message, sizeof *copy + message->length);
    copy->next = NULL;
    return copy;
}

static uint64_t drawn_delay(struct network *network)
{
    struct sim *sim = network->sim;
    return sim_draw(sim, network->delay_ms + 1) + (sim_happens(sim, SPIKE_PERCENT) ? sim_wait(sim, SPIKE_MS) : 0);
}

/* ---- connections -------------------------------------------------------------------------------------- */

static struct network_connection *connection_of(const struct network *network, uint64_t number)
{
    return number > 0 ? &network->connections[number - 1] : NULL;
}

static bool is_cut(const struct network *network, unsigned host)
{
    return host < NETWORK_HOSTS_MAX && (network->hosts[host].cut_up || network->hosts[host].cut_down);
}

static uint64_t new_connection(struct network *network, unsigned host)
{
    AQ_GROW(network->connections, network->n_connections, network->connections_room);
    network->connections[network->n_connections++] = (struct network_connection){
        .host = host, .opened_ms = network->sim->now_ms, .hub_has = true, .agent_has = host != NETWORK_UNKNOWN};
    return network->n_connections;
}

/* The agent connects again, by itself, if this comes before another attempt of it. */
static void connect_in(struct network_uplink *uplink, uint64_t ms)
{
    struct network_message *attempt = message_new(CONNECT, uplink->host, ++uplink->generation, NULL, 0);
    fly(uplink->network, attempt, ms);
}

static void close_at_agent(struct network *network, uint64_t number)
{
    struct network_connection *connection = connection_of(network, number);
    if (!connection->agent_has)
        return;
    connection->agent_has = false;
    struct network_uplink *uplink = network->hosts[connection->host].uplink;
    if (uplink == NULL || uplink->connection != number)
        return;
    uplink->connection = 0;
    uplink->state.connected = false;
    uplink->state.lost++;
    uplink->retry_ms = RETRY_MS;
    connect_in(uplink, RETRY_MS);
    network->arrived(network->context, connection->host);
}

/* One end has closed it; the other one is told, unless that does not get through. */
static void tell_agent_closed(struct network *network, uint64_t number)
{
    struct network_connection *connection = connection_of(network, number);
    connection->hub_has = false;
    if (connection->agent_has && !network->hosts[connection->host].cut_down)
        fly(network, message_new(CLOSED_BY_HUB, connection->host, number, NULL, 0), drawn_delay(network));
}

static void tell_hub_closed(struct network *network, uint64_t number)
{
    struct network_connection *connection = connection_of(network, number);
    connection->agent_has = false;
    if (connection->hub_has && !network->hosts[connection->host].cut_up)
        fly(network, message_new(CLOSED_BY_AGENT, connection->host, number, NULL, 0), drawn_delay(network));
}

static void try_to_connect(struct network *network, const struct network_message *attempt)
{
    struct network_uplink *uplink = network->hosts[attempt->host].uplink;
    if (uplink == NULL || uplink->generation != attempt->connection || uplink->connection != 0)
        return;
    if (!network->listens || is_cut(network, attempt->host)) {
        uplink->retry_ms = uplink->retry_ms * 2 < RETRY_MOST_MS ? uplink->retry_ms * 2 : RETRY_MOST_MS;
        connect_in(uplink, uplink->retry_ms);
        return;
    }
    uplink->connection = new_connection(network, attempt->host);
    uplink->state.made++;
    uplink->state.connected = true;
    network->arrived(network->context, attempt->host);
}

void network_power_cut(struct network *network, unsigned host)
{
    for (size_t i = 0; i < network->n_connections; i++) {
        struct network_connection *connection = &network->connections[i];
        if (host == NETWORK_CONTROLLER)
            connection->hub_has = false;
        else if (connection->host == host)
            connection->agent_has = false;
    }
    if (host == NETWORK_CONTROLLER)
        network->listens = false;
    else if (network->hosts[host].uplink != NULL)
        network->hosts[host].uplink->connection = 0;
}

/* ---- an agent's end ----------------------------------------------------------------------------------- */

static struct network_uplink *uplink_of(const struct aq_uplink *uplink)
{
    return (struct network_uplink *)uplink; /* whose first member it is */
}

static void free_inbox(struct network_message **first, struct network_message ***end)
{
    while (*first != NULL) {
        struct network_message *message = *first;
        *first = message->next;
        free(message);
    }
    *end = first;
}

static void drop_connection(struct network_uplink *uplink)
{
    if (uplink->connection != 0)
        tell_hub_closed(uplink->network, uplink->connection);
    uplink->connection = 0;
    free_inbox(&uplink->inbox, &uplink->inbox_end);
}

static void uplink_close(struct aq_uplink *base)
{
    struct network_uplink *uplink = uplink_of(base);
    drop_connection(uplink);
    uplink->network->hosts[uplink->host].uplink = NULL;
    free(uplink->taken);
    free(uplink);
}

static int uplink_connect(struct aq_uplink *base, struct aq_error *error)
{
    struct network_uplink *uplink = uplink_of(base);
    (void)error;
    drop_connection(uplink);
    uplink->state = (struct aq_uplink_state){0};
    uplink->retry_ms = RETRY_MS;
    connect_in(uplink, drawn_delay(uplink->network));
    return 0;
}

static struct aq_uplink_state uplink_state(const struct aq_uplink *base)
{
    return uplink_of(base)->state;
}

static void record(struct network *network, const struct network_message *message)
{
    struct network_message **place = &network->recordings[network->n_recorded++ % NETWORK_RECORDINGS];
    free(*place);
    *place = message_copy(message);
    (*place)->recorded = true;
}

static void repeat_some(struct network *network, const struct network_message *message)
{
    struct sim *sim = network->sim;
    if (sim_happens(sim, network->repeat_percent))
        fly(network, message_copy(message), drawn_delay(network));
    if (message->kind != QUESTION)
        return;
    record(network, message);
    if (sim_happens(sim, REPLAY_PERCENT)) {
        struct network_message *again = message_copy(message);
        again->recorded = true;
        fly(network, again, sim_wait(sim, REPLAY_MS));
    }
}

static void send_message(struct network *network, struct network_message *message, bool cut)
{
    repeat_some(network, message);
    if (cut || sim_happens(network->sim, network->lose_percent))
        free(message);
    else
        fly(network, message, drawn_delay(network));
}

static int uplink_send(struct aq_uplink *base, uint32_t number, const void *sealed, size_t length)
{
    struct network_uplink *uplink = uplink_of(base);
    struct network *network = uplink->network;
    if (uplink->connection == 0)
        return EAGAIN;
    if (death_has_come())
        return 0;
    network->watch.asked(network->watch.context, uplink->host, number, sealed, length);
    struct network_message *message = message_new(QUESTION, uplink->host, uplink->connection, sealed, length);
    message->number = number;
    send_message(network, message, network->hosts[uplink->host].cut_up);
    death_may_come();
    return 0;
}

static bool uplink_receive(struct aq_uplink *base, uint32_t *number, const void **sealed, size_t *length)
{
    struct network_uplink *uplink = uplink_of(base);
    free(uplink->taken);
    struct network_message *message = uplink->taken = uplink->inbox;
    if (message == NULL)
        return false;
    uplink->inbox = message->next;
    if (uplink->inbox == NULL)
        uplink->inbox_end = &uplink->inbox;
    *number = message->number;
    *sealed = message->sealed;
    *length = message->length;
    uplink->network->watch.told(uplink->network->watch.context, uplink->host, *number, *sealed, *length);
    return true;
}

static const char *uplink_name(const struct aq_uplink *base)
{
    (void)base;
    return "the controller";
}

static int no_descriptor(const struct aq_uplink *base)
{
    (void)base;
    return -1;
}

struct aq_uplink *network_uplink_open(struct network *network, unsigned host)
{
    static const struct aq_uplink_kind kind = {uplink_close,   uplink_connect, uplink_state,  uplink_send,
                                               uplink_receive, uplink_name,    no_descriptor, no_descriptor};
    struct network_uplink *uplink = aq_calloc(1, sizeof *uplink);
    *uplink = (struct network_uplink){.uplink = {&kind}, .network = network, .host = host};
    uplink->inbox_end = &uplink->inbox;
    aq_assert(network->hosts[host].uplink == NULL);
    network->hosts[host].uplink = uplink;
    return &uplink->uplink;
}

/* ---- the controller's end ----------------------------------------------------------------------------- */

static struct network *network_of(const struct hub_carrier *carrier)
{
    return (struct network *)((char *)(uintptr_t)carrier - offsetof(struct network, carrier));
}

static void carrier_close(struct hub_carrier *carrier)
{
    struct network *network = network_of(carrier);
    for (size_t i = 0; i < network->n_connections && network->listens; i++)
        if (network->connections[i].hub_has)
            tell_agent_closed(network, i + 1);
    network->listens = false;
    network->unknown = 0;
    free_inbox(&network->inbox, &network->inbox_end);
    free(network->taken);
    network->taken = NULL;
}

static int carrier_receive(struct hub_carrier *carrier, struct hub_frame *frame)
{
    struct network *network = network_of(carrier);
    free(network->taken);
    struct network_message *message = network->taken = network->inbox;
    if (message == NULL)
        return 0;
    network->inbox = message->next;
    if (network->inbox == NULL)
        network->inbox_end = &network->inbox;
    AQ_GROW(network->questions, network->n_questions, network->questions_room);
    struct network_question *question = &network->questions[network->n_questions++];
    *question = (struct network_question){.id = network->n_questions,
                                          .host = message->host,
                                          .connection = message->connection,
                                          .number = message->number,
                                          .recorded = message->recorded};
    *frame = (struct hub_frame){.peer = message->connection,
                                .header_length = sizeof question->id,
                                .sealed = message->sealed,
                                .length = message->length};
    memcpy(frame->header, &question->id, sizeof question->id);
    frame->source.bytes[0] = (unsigned char)(message->host + 1);
    network->watch.heard(network->watch.context, question, message->sealed, message->length);
    return 1;
}

static void carrier_judge(struct hub_carrier *carrier, bool ours)
{
    struct network *network = network_of(carrier);
    uint64_t number = network->taken->connection;
    if (!ours && connection_of(network, number)->hub_has)
        tell_agent_closed(network, number);
}

static void carrier_answer(struct hub_carrier *carrier, uint64_t peer, const void *header, size_t header_length,
                           const void *sealed, size_t length)
{
    struct network *network = network_of(carrier);
    uint64_t id;
    aq_assert(header_length == sizeof id);
    memcpy(&id, header, sizeof id);
    aq_assert(id >= 1 && id <= network->n_questions && network->questions[id - 1].connection == peer);
    const struct network_question *question = &network->questions[id - 1];
    network->watch.answered(network->watch.context, question, sealed, length);
    if (!connection_of(network, peer)->hub_has || question->recorded)
        return;
    struct network_message *message = message_new(ANSWER, question->host, peer, sealed, length);
    message->number = question->number;
    send_message(network, message, network->hosts[question->host].cut_down);
}

/* Here a connection has its time from when it was made, whatever comes. */
static void carrier_vouch(struct hub_carrier *carrier, uint64_t peer)
{
    (void)carrier;
    (void)peer;
}

static void carrier_admit(struct hub_carrier *carrier, uint64_t peer)
{
    connection_of(network_of(carrier), peer)->admitted = true;
}

static bool carrier_has(const struct hub_carrier *carrier, uint64_t peer)
{
    const struct network_connection *connection = connection_of(network_of(carrier), peer);
    return connection != NULL && connection->hub_has;
}

static void carrier_tick(struct hub_carrier *carrier, uint64_t now_ms)
{
    struct network *network = network_of(carrier);
    (void)now_ms;
    for (size_t i = 0; i < network->n_connections; i++) {
        const struct network_connection *connection = &network->connections[i];
        if (connection->hub_has && !connection->admitted && network->sim->now_ms - connection->opened_ms > ADMIT_MS)
            tell_agent_closed(network, i + 1);
    }
}

static int no_carrier_descriptor(const struct hub_carrier *carrier)
{
    (void)carrier;
    return -1;
}

struct hub_carrier *network_listen(struct network *network)
{
    static const struct hub_carrier_kind kind = {.close = carrier_close,
                                                 .receive = carrier_receive,
                                                 .judge = carrier_judge,
                                                 .answer = carrier_answer,
                                                 .vouch = carrier_vouch,
                                                 .admit = carrier_admit,
                                                 .has = carrier_has,
                                                 .tick = carrier_tick,
                                                 .fd = no_carrier_descriptor};
    network->carrier.kind = &kind;
    network->listens = true;
    return &network->carrier;
}

/* ---- arriving ----------------------------------------------------------------------------------------- */

/* The connection from which an unknown sender sends: there is always one while the controller listens. */
static uint64_t unknown_sender_of(struct network *network)
{
    if (network->unknown == 0 || !connection_of(network, network->unknown)->hub_has)
        network->unknown = new_connection(network, NETWORK_UNKNOWN);
    return network->unknown;
}

/* False: nobody is there for it. */
static bool question_arrives(struct network *network, struct network_message *message)
{
    if (!network->listens)
        return false;
    if (message->recorded)
        message->connection = unknown_sender_of(network);
    else if (!connection_of(network, message->connection)->hub_has) {
        tell_agent_closed(network, message->connection); /* such a connection is not known here */
        return false;
    }
    *network->inbox_end = message;
    network->inbox_end = &message->next;
    network->arrived(network->context, NETWORK_CONTROLLER);
    return true;
}

static bool answer_arrives(struct network *network, struct network_message *message)
{
    struct network_uplink *uplink = network->hosts[message->host].uplink;
    if (uplink == NULL || uplink->connection != message->connection) {
        tell_hub_closed(network, message->connection);
        return false;
    }
    *uplink->inbox_end = message;
    uplink->inbox_end = &message->next;
    network->arrived(network->context, message->host);
    return true;
}

void network_pass(struct network *network)
{
    struct network_message *message = land(network);
    bool kept = false;
    switch (message->kind) {
    case QUESTION:
        kept = question_arrives(network, message);
        break;
    case ANSWER:
        kept = answer_arrives(network, message);
        break;
    case CLOSED_BY_AGENT:
        connection_of(network, message->connection)->hub_has = false;
        network->arrived(network->context, NETWORK_CONTROLLER);
        break;
    case CLOSED_BY_HUB:
        close_at_agent(network, message->connection);
        break;
    case CONNECT:
        try_to_connect(network, message);
        break;
    default:
        abort();
    }
    if (!kept)
        free(message);
}

void network_break_connections(struct network *network, unsigned percent)
{
    for (size_t i = 0; i < network->n_connections; i++) {
        struct network_connection *connection = &network->connections[i];
        if (connection->host == NETWORK_UNKNOWN || !connection->agent_has || !sim_happens(network->sim, percent))
            continue;
        connection->hub_has = false;
        fly(network, message_new(CLOSED_BY_HUB, connection->host, i + 1, NULL, 0), drawn_delay(network));
        network->arrived(network->context, NETWORK_CONTROLLER);
    }
}

void network_play_recordings(struct network *network, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct network_message *recording = network->recordings[sim_draw(network->sim, NETWORK_RECORDINGS)];
        if (recording != NULL)
            fly(network, message_copy(recording), sim_wait(network->sim, 500));
    }
}

void network_send_unknown(struct network *network, const void *sealed, size_t length)
{
    struct network_message *message = message_new(QUESTION, NETWORK_UNKNOWN, 0, sealed, length);
    message->recorded = true;
    fly(network, message, drawn_delay(network));
}

/* ---- open and free ------------------------------------------------------------------------------------ */

void network_open(struct network *network, struct sim *sim, const struct network_watch *watch,
                  network_arrived_fn *arrived, void *context)
{
    *network = (struct network){.sim = sim, .watch = *watch, .arrived = arrived, .context = context};
    network->inbox_end = &network->inbox;
}

void network_free(struct network *network)
{
    for (size_t i = 0; i < network->n_flying; i++)
        free(network->flying[i]);
    for (size_t i = 0; i < NETWORK_RECORDINGS; i++)
        free(network->recordings[i]);
    free(network->flying);
    free(network->connections);
    free(network->questions);
}
