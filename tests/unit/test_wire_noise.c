/* Handshakes of the Noise framework: against the vectors of another implementation, and against whoever changes or
 * repeats messages. */
#include "tests/lib/cmocka.h"

#include "schema/wire/noise.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 600, MESSAGES_MAX = 6 };

/* ---- random bytes that a vector names ----------------------------------------------------------------- */

static unsigned char drawn[AQ_NOISE_KEY_SIZE];

static const char *draw_name(void)
{
    return "vector";
}

static uint32_t draw_number(void)
{
    return 4;
}

static void draw_bytes(void *bytes, const size_t size)
{
    assert_true(size <= sizeof drawn);
    memcpy(bytes, drawn, size);
}

static struct randombytes_implementation from_vector = {
    .implementation_name = draw_name, .random = draw_number, .buf = draw_bytes};

/* ---- vectors ------------------------------------------------------------------------------------------ */

struct text {
    unsigned char bytes[TEXT_MAX];
    size_t length;
};

struct vector {
    enum aq_noise_pattern pattern;
    struct text init_static, resp_static, init_ephemeral, resp_ephemeral, prologue;
    struct text payloads[MESSAGES_MAX], messages[MESSAGES_MAX];
    unsigned count;
};

static void read_line(struct vector *vector, char *line)
{
    char *value = strchr(line, '=') + 1;
    unsigned number = 0;
    char what[16] = "";
    struct text *text = NULL;
    value[-1] = '\0';
    value[strcspn(value, "\n")] = '\0';
    if (strcmp(line, "handshake") == 0)
        vector->pattern = strncmp(value, "Noise_IK_", 9) == 0 ? AQ_NOISE_IK : AQ_NOISE_XX;
    else if (strcmp(line, "init_static") == 0)
        text = &vector->init_static;
    else if (strcmp(line, "resp_static") == 0)
        text = &vector->resp_static;
    else if (strcmp(line, "gen_init_ephemeral") == 0)
        text = &vector->init_ephemeral;
    else if (strcmp(line, "gen_resp_ephemeral") == 0)
        text = &vector->resp_ephemeral;
    else if (strcmp(line, "prologue") == 0)
        text = &vector->prologue;
    else if (sscanf(line, "msg_%u_%15s", &number, what) == 2 && number < MESSAGES_MAX)
        text = strcmp(what, "payload") == 0 ? &vector->payloads[number] : &vector->messages[number];
    else
        fail_msg("unknown line: %s", line);
    if (text != NULL)
        assert_int_equal(sodium_hex2bin(text->bytes, TEXT_MAX, value, strlen(value), NULL, &text->length, NULL), 0);
    if (number + 1 > vector->count)
        vector->count = number + 1;
}

static bool read_vector(FILE *file, struct vector *vector)
{
    char line[2 * TEXT_MAX + 64];
    bool found = false;
    *vector = (struct vector){0};
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '\n' && found)
            return true;
        if (line[0] == '\n' || line[0] == '#')
            continue;
        read_line(vector, line);
        found = true;
    }
    return found;
}

static struct aq_noise_pair pair_of(const struct text *secret)
{
    struct aq_noise_pair pair;
    assert_int_equal(secret->length, sizeof pair.secret);
    memcpy(pair.secret, secret->bytes, sizeof pair.secret);
    crypto_scalarmult_curve25519_base(pair.public, pair.secret);
    return pair;
}

static void check_handshake(struct aq_noise *sender, struct aq_noise *receiver, const struct text *ephemeral,
                            const struct text *payload, const struct text *message)
{
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0}, back = {0};
    memcpy(drawn, ephemeral->bytes, sizeof drawn);
    assert_true(aq_noise_write(sender, payload->bytes, payload->length, &out));
    assert_int_equal(out.length, message->length);
    assert_memory_equal(out.data, message->bytes, message->length);
    assert_true(aq_noise_read(receiver, out.data, out.length, &back));
    assert_int_equal(back.length, payload->length);
    assert_memory_equal(aq_buffer_string(&back), payload->bytes, payload->length);
}

static void check_transport(const unsigned char *key, const unsigned char *other, const struct text *payload,
                            const struct text *message)
{
    unsigned char sealed[TEXT_MAX], plain[TEXT_MAX];
    assert_memory_equal(key, other, AQ_NOISE_KEY_SIZE);
    aq_noise_seal(key, 0, NULL, 0, payload->bytes, payload->length, sealed);
    assert_int_equal(message->length, payload->length + AQ_NOISE_TAG_SIZE);
    assert_memory_equal(sealed, message->bytes, message->length);
    assert_true(aq_noise_open(key, 0, NULL, 0, sealed, message->length, plain));
    assert_memory_equal(plain, payload->bytes, payload->length);
}

static void check_vector(const struct vector *vector)
{
    const struct aq_noise_pair ours = pair_of(&vector->init_static), theirs = pair_of(&vector->resp_static);
    struct aq_noise one, two;
    struct aq_noise_keys keys, other;
    unsigned at = 0;
    aq_noise_begin(&one, vector->pattern, true, &ours, vector->pattern == AQ_NOISE_IK ? theirs.public : NULL,
                   vector->prologue.bytes, vector->prologue.length);
    aq_noise_begin(&two, vector->pattern, false, &theirs, NULL, vector->prologue.bytes, vector->prologue.length);
    for (; !aq_noise_is_done(&one); at++)
        check_handshake(at % 2 == 0 ? &one : &two, at % 2 == 0 ? &two : &one,
                        at % 2 == 0 ? &vector->init_ephemeral : &vector->resp_ephemeral, &vector->payloads[at],
                        &vector->messages[at]);
    assert_true(aq_noise_is_done(&two));
    assert_memory_equal(one.hash, two.hash, sizeof one.hash);
    assert_memory_equal(one.remote, theirs.public, AQ_NOISE_KEY_SIZE);
    assert_memory_equal(two.remote, ours.public, AQ_NOISE_KEY_SIZE);
    aq_noise_split(&one, &keys);
    aq_noise_split(&two, &other);
    assert_int_equal(at + 2, vector->count);
    check_transport(keys.send, other.receive, &vector->payloads[at], &vector->messages[at]);
    check_transport(keys.receive, other.send, &vector->payloads[at + 1], &vector->messages[at + 1]);
}

static void the_vectors_of_another_implementation_are_met(void **state)
{
    FILE *file = fopen("tests/data/noise/vectors.txt", "r");
    struct vector vector;
    unsigned counts[2] = {0};
    (void)state;
    assert_non_null(file);
    randombytes_set_implementation(&from_vector);
    while (read_vector(file, &vector)) {
        check_vector(&vector);
        counts[vector.pattern]++;
    }
    randombytes_set_implementation(&randombytes_sysrandom_implementation);
    fclose(file);
    assert_int_equal(counts[AQ_NOISE_IK], 4);
    assert_int_equal(counts[AQ_NOISE_XX], 4);
}

/* ---- attacks ------------------------------------------------------------------------------------------ */

static struct aq_noise_pair agent, hub;

static void begin(struct aq_noise *one, struct aq_noise *two, enum aq_noise_pattern pattern)
{
    aq_noise_begin(one, pattern, true, &agent, pattern == AQ_NOISE_IK ? hub.public : NULL, "p", 1);
    aq_noise_begin(two, pattern, false, &hub, NULL, "p", 1);
}

/* Lets the handshake go as far as before message `step`, and returns that message. */
static void go_until(struct aq_noise *one, struct aq_noise *two, unsigned step, struct aq_buffer *message)
{
    for (unsigned at = 0;; at++) {
        AQ_CLEANUP_BUFFER struct aq_buffer payload = {0};
        aq_buffer_reset(message);
        assert_true(aq_noise_write(at % 2 == 0 ? one : two, "payload", 7, message));
        if (at == step)
            return;
        assert_true(aq_noise_read(at % 2 == 0 ? two : one, message->data, message->length, &payload));
    }
}

static void check_turned_bits(enum aq_noise_pattern pattern, unsigned step)
{
    struct aq_noise one, two;
    AQ_CLEANUP_BUFFER struct aq_buffer message = {0};
    begin(&one, &two, pattern);
    go_until(&one, &two, step, &message);
    for (size_t i = 0; i < message.length; i++) {
        struct aq_noise copy = step % 2 == 0 ? two : one;
        AQ_CLEANUP_BUFFER struct aq_buffer payload = {0};
        message.data[i] ^= 0x20;
        assert_false(aq_noise_read(&copy, message.data, message.length, &payload));
        message.data[i] ^= 0x20;
    }
    for (size_t length = 0; length < message.length; length++) {
        struct aq_noise copy = step % 2 == 0 ? two : one;
        AQ_CLEANUP_BUFFER struct aq_buffer payload = {0};
        assert_false(aq_noise_read(&copy, message.data, length, &payload));
    }
}

static void a_changed_message_is_not_taken(void **state)
{
    (void)state;
    check_turned_bits(AQ_NOISE_IK, 0);
    check_turned_bits(AQ_NOISE_IK, 1);
    check_turned_bits(AQ_NOISE_XX, 1);
    check_turned_bits(AQ_NOISE_XX, 2);
}

/* XX's first message is in the clear: who changes it is found out by the second one. */
static void a_changed_first_message_of_xx_fails_later(void **state)
{
    struct aq_noise one, two;
    AQ_CLEANUP_BUFFER struct aq_buffer first = {0}, second = {0}, payload = {0};
    (void)state;
    begin(&one, &two, AQ_NOISE_XX);
    go_until(&one, &two, 0, &first);
    first.data[first.length - 1] ^= 1;
    assert_true(aq_noise_read(&two, first.data, first.length, &payload));
    assert_true(aq_noise_write(&two, "", 0, &second));
    assert_false(aq_noise_read(&one, second.data, second.length, &payload));
}

static void a_message_of_another_handshake_is_not_taken(void **state)
{
    struct aq_noise one, two, other, third;
    AQ_CLEANUP_BUFFER struct aq_buffer message = {0}, payload = {0};
    (void)state;
    begin(&one, &two, AQ_NOISE_IK);
    begin(&other, &third, AQ_NOISE_IK);
    go_until(&one, &two, 1, &message);
    go_until(&other, &third, 1, &payload);
    aq_buffer_reset(&payload);
    assert_false(aq_noise_read(&other, message.data, message.length, &payload));
}

static void another_hub_or_prologue_is_noticed(void **state)
{
    struct aq_noise one, two;
    struct aq_noise_pair wrong;
    AQ_CLEANUP_BUFFER struct aq_buffer message = {0}, payload = {0};
    (void)state;
    aq_noise_pair_make(&wrong);
    begin(&one, &two, AQ_NOISE_IK);
    go_until(&one, &two, 0, &message);
    aq_noise_begin(&two, AQ_NOISE_IK, false, &wrong, NULL, "p", 1);
    assert_false(aq_noise_read(&two, message.data, message.length, &payload));
    aq_noise_begin(&two, AQ_NOISE_IK, false, &hub, NULL, "q", 1);
    assert_false(aq_noise_read(&two, message.data, message.length, &payload));
    aq_noise_begin(&two, AQ_NOISE_IK, false, &hub, NULL, "p", 1);
    assert_true(aq_noise_read(&two, message.data, message.length, &payload));
}

/* A public key of small order gives a secret that everybody knows. */
static void a_key_that_agrees_on_nothing_is_refused(void **state)
{
    struct aq_noise one, two;
    AQ_CLEANUP_BUFFER struct aq_buffer message = {0}, payload = {0};
    (void)state;
    begin(&one, &two, AQ_NOISE_IK);
    go_until(&one, &two, 0, &message);
    memset(message.data, 0, AQ_NOISE_KEY_SIZE);
    assert_false(aq_noise_read(&two, message.data, message.length, &payload));
    begin(&one, &two, AQ_NOISE_XX);
    aq_buffer_reset(&payload);
    assert_true(aq_noise_read(&two, message.data, AQ_NOISE_KEY_SIZE, &payload));
    assert_false(aq_noise_write(&two, "", 0, &payload));
}

static void messages_come_in_turn(void **state)
{
    struct aq_noise one, two;
    AQ_CLEANUP_BUFFER struct aq_buffer message = {0}, payload = {0};
    (void)state;
    begin(&one, &two, AQ_NOISE_IK);
    go_until(&one, &two, 1, &message);
    assert_false(aq_noise_read(&two, message.data, message.length, &payload)); /* its own */
    assert_true(aq_noise_read(&one, message.data, message.length, &payload));
    assert_false(aq_noise_read(&one, message.data, message.length, &payload)); /* it is done */
    char large[AQ_NOISE_MESSAGE_MAX + 1] = {0};
    begin(&one, &two, AQ_NOISE_XX);
    assert_false(aq_noise_read(&two, large, sizeof large, &payload));
}

static int set_up(void **state)
{
    (void)state;
    if (sodium_init() < 0)
        return -1;
    aq_noise_pair_make(&agent);
    aq_noise_pair_make(&hub);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_another_implementation_are_met),
        cmocka_unit_test(a_changed_message_is_not_taken),
        cmocka_unit_test(a_changed_first_message_of_xx_fails_later),
        cmocka_unit_test(a_message_of_another_handshake_is_not_taken),
        cmocka_unit_test(another_hub_or_prologue_is_noticed),
        cmocka_unit_test(a_key_that_agrees_on_nothing_is_refused),
        cmocka_unit_test(messages_come_in_turn),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
