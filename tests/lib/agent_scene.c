#include "tests/lib/agent_scene.h"

#include "schema/base/journal.h"
#include "schema/codec/preset.h"
#include "schema/wire/body.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"
#include "tests/lib/identities.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the network ---------------------------------------------------------------------------------------- */

static void free_parcels(struct parcel *parcels, unsigned *count)
{
    while (*count > 0)
        aq_buffer_free(&parcels[--*count].sealed);
}

static void put_parcel(struct parcel *parcels, unsigned *count, uint32_t number, const void *data, size_t length)
{
    assert_true(*count < QUESTIONS_MAX);
    parcels[*count] = (struct parcel){.number = number};
    aq_buffer_add(&parcels[(*count)++].sealed, data, length);
}

static struct parcel take_parcel(struct parcel *parcels, unsigned *count)
{
    struct parcel first = parcels[0];
    memmove(parcels, parcels + 1, --*count * sizeof *parcels);
    return first;
}

static void drop_parcels(struct wire *wire)
{
    free_parcels(wire->questions, &wire->question_count);
    free_parcels(wire->answers, &wire->answer_count);
}

/* The wire is the test's; it outlives the agent. */
static void wire_close(struct aq_uplink *uplink)
{
    struct wire *wire = (struct wire *)uplink;
    drop_parcels(wire);
    aq_buffer_free(&wire->received);
}

static int wire_connect(struct aq_uplink *uplink, struct aq_error *error)
{
    struct wire *wire = (struct wire *)uplink;
    (void)error;
    drop_parcels(wire);
    wire->connects++;
    wire->connected = wire->up;
    wire->made = wire->up;
    return 0;
}

static struct aq_uplink_state wire_state(const struct aq_uplink *uplink)
{
    const struct wire *wire = (const struct wire *)uplink;
    return (struct aq_uplink_state){
        .made = wire->made, .lost = wire->made - wire->connected, .connected = wire->connected};
}

/* False: it is none. */
static bool answer_handshake(struct wire *wire, uint32_t number, const void *frame, size_t length)
{
    static const struct hub_source here;
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0}, reply = {0};
    struct seals_author author;
    if (((const unsigned char *)frame)[0] != AQ_FRAME_BEGIN)
        return false;
    assert_int_equal(seals_take(&wire->seals->seals, frame, length, &here, &author, &body, &reply), SEALS_OPENS);
    put_parcel(wire->answers, &wire->answer_count, number, reply.data, reply.length);
    wire->shook = true;
    return true;
}

static int wire_send(struct aq_uplink *uplink, uint32_t number, const void *sealed, size_t length)
{
    struct wire *wire = (struct wire *)uplink;
    if (!wire->connected)
        return EAGAIN;
    if (answer_handshake(wire, number, sealed, length))
        return 0;
    put_parcel(wire->questions, &wire->question_count, number, sealed, length);
    return 0;
}

static bool wire_receive(struct aq_uplink *uplink, uint32_t *number, const void **sealed, size_t *length)
{
    struct wire *wire = (struct wire *)uplink;
    if (wire->answer_count == 0)
        return false;
    struct parcel answer = take_parcel(wire->answers, &wire->answer_count);
    aq_buffer_free(&wire->received);
    wire->received = answer.sealed;
    *number = answer.number;
    *sealed = wire->received.data;
    *length = wire->received.length;
    return true;
}

static const char *wire_name(const struct aq_uplink *uplink)
{
    (void)uplink;
    return "the test";
}

static int wire_fd(const struct aq_uplink *uplink)
{
    (void)uplink;
    return -1;
}

static const struct aq_uplink_kind wire_kind = {.close = wire_close,
                                                .connect = wire_connect,
                                                .state = wire_state,
                                                .send = wire_send,
                                                .receive = wire_receive,
                                                .name = wire_name,
                                                .fd = wire_fd,
                                                .send_fd = wire_fd};

void wire_cut(struct wire *wire)
{
    drop_parcels(wire);
    wire->up = wire->connected = false;
}

void wire_mend(struct wire *wire)
{
    wire->up = wire->connected = true;
    wire->made++;
}

/* ---- the world ------------------------------------------------------------------------------------------ */

static struct host_load no_load(void)
{
    return (struct host_load){.load_milli = 250, .memory_available = 512};
}

void scene_turn(struct scene *scene)
{
    do {
        scene->wire.shook = false;
        seals_tick(&scene->seals.seals, scene->now.steady_ms);
        scene->deadline_ms = agent_turn(scene->agent, &scene->now);
    } while (scene->wire.shook);
}

void scene_start_agent(struct scene *scene)
{
    struct aq_error error = {0};
    if (agent_open(&scene->agent, &scene->config, &scene->host, NULL, &scene->wire.uplink, &scene->now, &error) != 0)
        fail_msg("%s", error.message);
    scene_turn(scene);
}

void scene_kill_agent(struct scene *scene)
{
    agent_close(scene->agent);
    scene->agent = NULL;
}

void scene_pass(struct scene *scene, uint64_t ms)
{
    scene->now.steady_ms += ms;
    scene->now.wall_ms += ms;
}

void scene_live_until(struct scene *scene, uint64_t until_ms)
{
    for (unsigned turns = 0; scene->deadline_ms <= until_ms; turns++) {
        assert_true(turns < 10000); /* it spins */
        if (scene->deadline_ms > scene->now.steady_ms)
            scene_pass(scene, scene->deadline_ms - scene->now.steady_ms);
        scene_turn(scene);
    }
    scene_pass(scene, until_ms - scene->now.steady_ms);
}

int scene_set_up(void **state)
{
    struct scene *scene = aq_calloc(1, sizeof *scene);
    if (sodium_init() < 0)
        return -1;
    aq_journal_open("test", AQ_ERROR);
    const char *parent = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp"; /* real disks sync slowly */
    test_make_directory(scene->directory, sizeof scene->directory, parent, "aquarium-test");
    test_seals_open(&scene->seals);
    test_write_identity(scene->directory, "one", scene->seals.identity.key.public);
    aq_record_init(&aq_config_agent_record, &scene->config, &scene->arena);
    scene->config.name = "one";
    scene->config.controller = "hub:1";
    scene->config.data = scene->directory;
    scene->config.drivers = (struct aq_list){aq_arena_alloc(&scene->arena, sizeof(char *)), 1};
    AQ_TEXT_ITEM(scene->config.drivers, 0) = "test";
    scene->host = (struct host){.capacity = {.cpu = 4000, .ram = 1024, .disk = 2048},
                                .machine = "vax",
                                .name = "host-1",
                                .address = "192.0.2.7",
                                .boot = "first",
                                .load = no_load};
    scene->now = (struct aq_clocks){.steady_ms = 1000, .wall_ms = 1764000000000};
    scene->wire = (struct wire){.uplink.kind = &wire_kind, .up = true, .seals = &scene->seals};
    scene_start_agent(scene);
    *state = scene;
    return 0;
}

int scene_tear_down(void **state)
{
    struct scene *scene = *state;
    agent_close(scene->agent);
    test_seals_close(&scene->seals);
    aq_arena_free(&scene->arena);
    test_remove_tree(scene->directory);
    free(scene);
    return 0;
}

/* ---- the hub -------------------------------------------------------------------------------------------- */

struct heard scene_hear(struct scene *scene, enum aq_message_type type)
{
    static const struct hub_source here;
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0}, reply = {0};
    struct heard heard;
    struct aq_error error;
    if (scene->wire.question_count == 0)
        fail_msg("the agent does not say %s", type != AQ_MSG_NONE ? aq_message_record(type)->name : "anything");
    struct parcel question = take_parcel(scene->wire.questions, &scene->wire.question_count);
    heard.number = question.number;
    assert_int_equal(seals_take(&scene->seals.seals, question.sealed.data, question.sealed.length, &here, &heard.author,
                                &body, &reply),
                     SEALS_OPENED);
    assert_int_equal(aq_body_unpack(body.data, body.length, &heard.type, &heard.message, &scene->arena, &error), 0);
    aq_buffer_free(&question.sealed);
    if (type != AQ_MSG_NONE)
        assert_string_equal(aq_message_record(heard.type)->name, aq_message_record(type)->name);
    return heard;
}

void scene_expect_silence(const struct scene *scene)
{
    assert_int_equal(scene->wire.question_count, 0);
}

void scene_answer(struct scene *scene, const struct heard *heard, enum aq_message_type type, const void *message)
{
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0}, sealed = {0};
    aq_body_pack(type, message, &body);
    assert_true(seals_seal(&scene->seals.seals, &heard->author, &body, &sealed));
    put_parcel(scene->wire.answers, &scene->wire.answer_count, heard->number, sealed.data, sealed.length);
    scene_turn(scene);
}

struct aq_hello scene_greet(struct scene *scene)
{
    struct heard heard = scene_hear(scene, AQ_MSG_HELLO);
    const struct aq_hello *hello = heard.message;
    struct aq_welcome welcome = {.number = 1, .beat_ms = BEAT_MS, .patience_ms = PATIENCE_MS, .form = AQ_WIRE_FORM};
    scene_answer(scene, &heard, AQ_MSG_WELCOME, &welcome);
    return *hello;
}

void scene_note_beat(struct scene *scene)
{
    struct heard beat = scene_hear(scene, AQ_MSG_BEAT);
    scene_answer(scene, &beat, AQ_MSG_NOTED, &(struct aq_noted){0});
}

struct aq_assignment scene_wanted(uint64_t resource, const char *options)
{
    return (struct aq_assignment){
        .resource = resource, .driver = "test", .options = options, .network = "", .metadata = "{}"};
}

void scene_deliver(struct scene *scene, struct heard *poll, uint64_t delivery, struct aq_assignment *assignments,
                   uint32_t count)
{
    struct aq_work work = {.delivery = delivery, .full = true, .last = UINT64_MAX, .assignments = {assignments, count}};
    scene_answer(scene, poll, AQ_MSG_WORK, &work);
}

struct heard scene_deliver_one(struct scene *scene, const char *options)
{
    struct aq_assignment assignment = scene_wanted(5, options);
    scene_greet(scene);
    scene_note_beat(scene);
    struct heard poll = scene_hear(scene, AQ_MSG_POLL);
    scene_deliver(scene, &poll, 1, &assignment, 1);
    scene_live_until(scene, scene->now.steady_ms);
    return scene_hear(scene, AQ_MSG_POLL);
}

struct heard scene_hear_report(struct scene *scene, enum aq_happened what)
{
    struct heard heard = scene_hear(scene, AQ_MSG_REPORT);
    const struct aq_report *report = heard.message;
    assert_int_equal(report->happenings.count, 1);
    const struct aq_happening *happening = AQ_ITEM(report->happenings, struct aq_happening, 0);
    assert_int_equal(happening->resource, 5);
    assert_int_equal(happening->what, what);
    return heard;
}

void scene_note(struct scene *scene, const struct heard *heard)
{
    const struct aq_report *report = heard->message;
    scene_answer(scene, heard, AQ_MSG_NOTED, &(struct aq_noted){.number = report->number});
}

const char *scene_path_of(const struct scene *scene, const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/one/%s", scene->directory, name);
    return path;
}

bool scene_there_is(const struct scene *scene, const char *name)
{
    return access(scene_path_of(scene, name), F_OK) == 0;
}
