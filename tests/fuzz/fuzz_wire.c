/* Messages of agents and of the file view, and the frames in which agents' travel. Input: a byte; after 's', the body
 * of a message, which an agent seals; after 'a', a frame for an agent that joins and has begun a session; after another
 * byte, a frame for the hub.
 *
 * Only what was sealed opens; and what opens can be packed and unpacked again. */
#include "schema/wire/body.h"
#include "schema/wire/joiner.h"
#include "schema/wire/sealer.h"
#include "tests/lib/fuzz.h"
#include "tests/lib/identities.h"
#include "tests/lib/test_seals.h"

#include <sodium.h>
#include <string.h>

static const struct hub_source somewhere = {{1}};

static void check_round(enum aq_message_type type, const void *message)
{
    struct aq_arena arena = {0};
    struct aq_buffer body = {0};
    struct aq_error error = {0};
    enum aq_message_type back_type;
    void *back;
    aq_body_pack(type, message, &body);
    if (aq_body_unpack(body.data, body.length, &back_type, &back, &arena, &error) == 0)
        fuzz_must(back_type == type && fuzz_equal(aq_message_record(type), message, back));
    else
        fuzz_must(error.code == AQ_E_INVALID); /* a preset may be out of the bounds of a field */
    aq_buffer_free(&body);
    aq_arena_free(&arena);
}

static void open_body(const void *bytes, size_t length)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    enum aq_message_type type = AQ_MSG_NONE;
    void *message = NULL;
    int status = aq_body_unpack(bytes, length, &type, &message, &arena, &error);
    fuzz_check_error(status, &error);
    if (status == 0)
        check_round(type, message);
    aq_arena_free(&arena);
}

static void begin(struct test_seals *seals, struct test_end *end)
{
    struct seals_author author;
    struct aq_buffer begun = {0}, reply = {0}, body = {0};
    memcpy(end->identity.hub, seals->identity.key.public, sizeof end->identity.hub);
    test_node_pair(&end->identity.own, "one");
    test_end_begin(end, &begun);
    fuzz_must(seals_take(&seals->seals, begun.data, begun.length, &somewhere, &author, &body, &reply) == SEALS_OPENS);
    fuzz_must(test_end_take(end, reply.data, reply.length));
    aq_buffer_free(&begun);
    aq_buffer_free(&reply);
    aq_buffer_free(&body);
}

static void seal_body(struct test_seals *seals, const void *bytes, size_t length)
{
    struct test_end end = {0};
    struct seals_author author;
    struct aq_buffer sealed = {0}, reply = {0}, body = {0};
    begin(seals, &end);
    aq_sealed_seal(&end.session, NULL, bytes, length, &sealed);
    fuzz_must(seals_take(&seals->seals, sealed.data, sealed.length, &somewhere, &author, &body, &reply) ==
              SEALS_OPENED);
    fuzz_must(body.length == length && (length == 0 || memcmp(body.data, bytes, length) == 0));
    fuzz_must(seals_take(&seals->seals, sealed.data, sealed.length, &somewhere, &author, &body, &reply) ==
              SEALS_DROPPED);
    aq_buffer_free(&sealed);
    aq_buffer_free(&reply);
    aq_buffer_free(&body);
    test_end_free(&end);
    open_body(bytes, length);
}

static void give_to_hub(struct test_seals *seals, const void *bytes, size_t length)
{
    struct seals_author author;
    struct aq_buffer reply = {0}, body = {0};
    enum seals_result result = seals_take(&seals->seals, bytes, length, &somewhere, &author, &body, &reply);
    fuzz_must(result != SEALS_OPENED && result != SEALS_ENROLS);
    aq_buffer_free(&reply);
    aq_buffer_free(&body);
}

static void give_to_agent(const struct test_seals *seals, const void *bytes, size_t length)
{
    struct aq_identity identity = {.knows_hub = true};
    struct aq_sealer sealer;
    struct aq_joiner joiner = {0};
    struct aq_join join = {.name = "one", .instance = 1, .secret = "s"};
    struct aq_buffer out = {0};
    struct aq_frame frame;
    unsigned char hub[AQ_NOISE_KEY_SIZE];
    memcpy(identity.hub, seals->identity.key.public, sizeof identity.hub);
    test_node_pair(&identity.own, "one");
    aq_fingerprint_make("", 0, join.fingerprint);
    aq_sealer_open(&sealer, &identity);
    aq_sealer_begin(&sealer, 1, &(struct aq_clocks){0, 0}, &out);
    aq_joiner_begin(&joiner, &join, &identity.own);
    aq_joiner_send(&joiner, 2, 0, &out);
    if (aq_frame_read(&frame, bytes, length)) {
        fuzz_must(!aq_sealer_take(&sealer, 1, &frame, 0));
        fuzz_must(!aq_joiner_take(&joiner, 2, &frame, 0, hub));
    }
    aq_sealer_wipe(&sealer);
    aq_joiner_wipe(&joiner);
    aq_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct test_seals seals;
    struct fuzz_input in = {data, size};
    if (sodium_init() < 0 || size == 0)
        return -1;
    if (seals.seals.slots == NULL)
        test_seals_open(&seals);
    seals_tick(&seals.seals, seals.seals.now_ms + 1000); /* so that there is always some budget */
    switch (fuzz_take(&in, 1)) {
    case 's':
        seal_body(&seals, in.data, in.size);
        break;
    case 'a':
        give_to_agent(&seals, in.data, in.size);
        break;
    default:
        give_to_hub(&seals, in.data, in.size);
    }
    return 0;
}
