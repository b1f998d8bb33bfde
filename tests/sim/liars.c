#include "tests/sim/liars.h"

#include <inttypes.h>
#include <string.h>

static const char *drawn_liar(struct clients *clients)
{
    return clients_draw_name(clients, "liar", LIARS);
}

static const char *author_of(struct clients *clients, const char *node)
{
    return aq_arena_format(&clients->requests->arena, "node:%s", node);
}

/* Mostly one of its own. */
static uint64_t drawn_resource(struct clients *clients)
{
    return clients_draw_resource(clients, sim_happens(clients->sim, 75) ? LIARS_PREFIX : "");
}

/* ---- past the hub ------------------------------------------------------------------------------------- */

static struct asked *join(struct clients *clients)
{
    struct sim *sim = clients->sim;
    const char *name = drawn_liar(clients);
    const struct judge_node *node = judge_node(clients->judge, name);
    uint64_t instance = node != NULL && sim_happens(sim, 85) ? node->instance : sim_between(sim, 1, 1000);
    struct aq_amounts capacity = {.cpu = sim_between(sim, 0, 6) * 1000, .ram = 1000, .disk = 1000, .slots = 5};
    if (node != NULL && sim_happens(sim, 60))
        capacity = node->capacity;
    static const char *drivers[] = {"test"}, *identifiers[] = {"os:linux", "rack:2"};
    return CLIENTS_ASK(clients, node_join, author_of(clients, name), .name = name, .instance = instance,
                       .address = "127.0.0.1", .agent_version = "", .drivers = {drivers, !sim_happens(sim, 10)},
                       .identifiers = {identifiers, 1 + sim_happens(sim, 50)}, .capacity = capacity);
}

static struct asked *lose(struct clients *clients)
{
    return CLIENTS_ASK(clients, node_lose, "aquarium", .name = drawn_liar(clients));
}

static struct asked *report(struct clients *clients)
{
    struct sim *sim = clients->sim;
    uint64_t id = drawn_resource(clients), what = sim_draw(sim, 10);
    const struct judge *judge = clients->judge;
    const char *node = id >= 1 && id <= judge->n_resources ? judge->resources[id - 1].node : "";
    if (id == 0)
        return NULL;
    node = strncmp(node, LIARS_PREFIX, strlen(LIARS_PREFIX)) == 0 && !sim_happens(sim, 3)
               ? aq_arena_format(&clients->requests->arena, "%s", node)
               : drawn_liar(clients);
    const char *author = author_of(clients, node);
    if (what < 5)
        return CLIENTS_ASK(clients, resource_start, author, .id = id, .node = node,
                           .identifier = clients_draw_name(clients, "pid", 3), .ip_addr = "", .hw_addr = "");
    if (what < 6)
        return CLIENTS_ASK(clients, resource_fail, author, .id = id, .node = node, .reason = "no luck");
    if (what < 9)
        return CLIENTS_ASK(clients, resource_end, author, .id = id, .node = node, .exit_status = sim_draw(sim, 2),
                           .reason = "over", .unknown = sim_happens(sim, 20));
    return CLIENTS_ASK(clients, resource_lose, author, .id = id, .node = node, .reason = "its directory is gone");
}

/* ---- through the network ------------------------------------------------------------------------------ */

static unsigned number_of(const char *liar)
{
    return (unsigned)(liar[strlen(LIARS_PREFIX)] - '0');
}

/* Begins a sealed session, as an agent that has enrolled. */
static struct asked *begin(struct clients *clients)
{
    AQ_CLEANUP_BUFFER struct aq_buffer begin = {0};
    const char *name = drawn_liar(clients);
    struct test_end *end = &clients->messages->ends[number_of(name)];
    test_node_pair(&end->identity.own, name);
    memcpy(end->identity.hub, clients->messages->nodes->hub, sizeof end->identity.hub);
    test_end_begin(end, &begin);
    end->began = true;
    sim_say(clients->sim, "%s begins a sealed session", name);
    network_send_unknown(clients->network, begin.data, begin.length);
    return NULL;
}

/* Sent by a liar, mostly by the one that it names. */
static struct asked *send(struct clients *clients, const char *name, enum aq_message_type type, const void *message)
{
    AQ_CLEANUP_BUFFER struct aq_buffer sealed = {0};
    const char *liar = strncmp(name, LIARS_PREFIX, strlen(LIARS_PREFIX)) == 0 && !sim_happens(clients->sim, 5)
                           ? name
                           : drawn_liar(clients);
    struct test_end *end = &clients->messages->ends[number_of(liar)];
    if (end->session.number == 0)
        return begin(clients);
    test_end_seal(end, type, message, &sealed);
    struct frame *frame = frames_find(sealed.data, sealed.length);
    frame->author = liar;
    sim_say(clients->sim, "%s sends %s", liar, aq_message_record(type)->name);
    network_send_unknown(clients->network, sealed.data, sealed.length);
    return NULL;
}

/* That of the node, or any other. */
static uint64_t drawn_session(struct clients *clients, const char *name)
{
    uint64_t session = messages_node(clients->messages, name)->session;
    return session != 0 && sim_happens(clients->sim, 80) ? session : chance_next(&clients->sim->chance) | 1;
}

static struct asked *send_hello(struct clients *clients)
{
    static const char *drivers[] = {"test"}, *identifiers[] = {"os:linux"};
    const char *name = drawn_liar(clients);
    const struct judge_node *node = judge_node(clients->judge, name);
    struct aq_hello hello = {.name = name,
                             .instance = node != NULL ? node->instance : 7,
                             .session = drawn_session(clients, name),
                             .address = "127.0.0.1",
                             .agent_version = "",
                             .drivers = {drivers, 1},
                             .identifiers = {identifiers, 1},
                             .capacity = {.cpu = 2000, .ram = 1000, .disk = 1000, .slots = 5},
                             .form = AQ_WIRE_FORM,
                             .process = 9,
                             .home = 11};
    return send(clients, name, AQ_MSG_HELLO, &hello);
}

/* In its own name, or in another's, even with its session. */
static const char *drawn_name(struct clients *clients)
{
    return sim_happens(clients->sim, 70) ? drawn_liar(clients) : clients_draw_name(clients, "node", NODES);
}

static struct asked *send_report(struct clients *clients)
{
    struct sim *sim = clients->sim;
    const char *name = drawn_name(clients);
    struct aq_happening happenings[3];
    uint32_t count = 0;
    for (uint64_t i = sim_draw(sim, AQ_LENGTH(happenings) + 1); i > 0; i--) {
        uint64_t id = drawn_resource(clients);
        if (id != 0)
            happenings[count++] = (struct aq_happening){.resource = id,
                                                        .what = (enum aq_happened)sim_draw(sim, aq_happened_count),
                                                        .identifier = "pid 1",
                                                        .ip_addr = "",
                                                        .hw_addr = "",
                                                        .reason = "a lie"};
    }
    struct aq_report message = {.name = name,
                                .session = drawn_session(clients, name),
                                .number = sim_between(sim, 1, 1000),
                                .happenings = {happenings, count}};
    return send(clients, name, AQ_MSG_REPORT, &message);
}

static struct asked *send_poll(struct clients *clients)
{
    const char *name = drawn_name(clients);
    struct aq_poll poll = {.name = name, .session = drawn_session(clients, name), .seen = sim_draw(clients->sim, 100)};
    return send(clients, name, AQ_MSG_POLL, &poll);
}

static struct asked *send_beat(struct clients *clients)
{
    const char *name = drawn_name(clients);
    struct aq_beat beat = {
        .name = name, .session = drawn_session(clients, name), .number = sim_between(clients->sim, 1, 1000)};
    return send(clients, name, AQ_MSG_BEAT, &beat);
}

/* A message that agents may not send; or nothing that the key opens. */
static struct asked *send_nonsense(struct clients *clients)
{
    static const unsigned char bytes[80] = {1, 2, 3};
    if (sim_happens(clients->sim, 50))
        return send(clients, "", AQ_MSG_NOTED, &(struct aq_noted){.number = 1});
    network_send_unknown(clients->network, bytes, sim_between(clients->sim, 1, sizeof bytes));
    return NULL;
}

/* ---- what is next ------------------------------------------------------------------------------------- */

struct asked *liars_ask(struct clients *clients)
{
    static struct asked *(*const kinds[])(struct clients * clients) = {
        join,      join,      lose,          report, report,     report,     report,     report,      report,
        send_poll, send_beat, send_nonsense, begin,  send_hello, send_hello, send_hello, send_report, send_report};
    return kinds[sim_draw(clients->sim, AQ_LENGTH(kinds))](clients);
}
