/* Sealed sessions: windows, frames, and what becomes of messages that somebody changes, repeats or sends elsewhere; and
 * files with keys. */
#include "schema/wire/key_file.h"
#include "schema/wire/sealed.h"
#include "tests/lib/cmocka.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- windows ------------------------------------------------------------------------------------------ */

static void a_window_takes_each_counter_once(void **state)
{
    struct aq_window window = {0};
    (void)state;
    for (uint64_t counter = 0; counter < 5000; counter += 3) {
        assert_true(aq_window_is_new(&window, counter));
        aq_window_take(&window, counter);
        assert_false(aq_window_is_new(&window, counter));
    }
    const uint64_t last = window.next - 1;
    for (uint64_t back = 0; back < AQ_WINDOW_SIZE; back++) /* late ones, but not those that came */
        assert_int_equal(aq_window_is_new(&window, last - back), back % 3 != 0);
    assert_false(aq_window_is_new(&window, last - AQ_WINDOW_SIZE)); /* too old to tell */
    assert_false(aq_window_is_new(&window, 1));
    assert_false(aq_window_is_new(&window, UINT64_MAX)); /* there would be no next one */
}

/* Against a list of all that came. */
static void a_window_agrees_with_a_list(void **state)
{
    enum { SPAN = 8 * AQ_WINDOW_SIZE };
    static bool came[SPAN];
    struct aq_window window = {0};
    uint64_t next = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint64_t counter = randombytes_uniform(50) == 0
                               ? next + randombytes_uniform(2 * AQ_WINDOW_SIZE)
                               : (next + randombytes_uniform(40)) - (next > 60 ? randombytes_uniform(60) : 0);
        if (counter >= SPAN)
            break;
        bool fresh = !came[counter] && (counter >= next || next - counter <= AQ_WINDOW_SIZE);
        assert_int_equal(aq_window_is_new(&window, counter), fresh);
        if (!fresh)
            continue;
        aq_window_take(&window, counter);
        came[counter] = true;
        next = counter + 1 > next ? counter + 1 : next;
    }
}

/* ---- sessions ----------------------------------------------------------------------------------------- */

struct pair {
    struct aq_sealed agent, hub;
};

static struct aq_noise_pair hub_key;
static struct aq_identity identity;

static struct pair begin(uint64_t number)
{
    AQ_CLEANUP_BUFFER struct aq_buffer first = {0}, second = {0};
    struct aq_noise ours, theirs;
    struct aq_opening opening;
    struct aq_frame frame;
    struct pair pair;
    assert_true(aq_sealed_begin(&ours, &opening, &identity, 1, &first));
    assert_true(aq_frame_read(&frame, first.data, first.length));
    assert_int_equal(frame.kind, AQ_FRAME_BEGIN);
    assert_true(aq_sealed_take_begin(&theirs, &hub_key, &frame));
    assert_memory_equal(theirs.remote, identity.own.public, AQ_NOISE_KEY_SIZE);
    assert_true(aq_sealed_answer_begin(&theirs, number, &pair.hub, &second));
    assert_true(aq_frame_read(&frame, second.data, second.length));
    assert_int_equal(frame.kind, AQ_FRAME_BEGUN);
    second.data[second.length - 1] ^= 1; /* a forged answer spoils nothing */
    assert_false(aq_sealed_take_begun(&ours, &frame, &pair.agent));
    second.data[second.length - 1] ^= 1;
    assert_true(aq_sealed_take_begun(&ours, &frame, &pair.agent));
    assert_int_equal(pair.agent.number, number);
    return pair;
}

static enum aq_opened open_frame(struct aq_sealed *sealed, const struct aq_buffer *sent, const uint64_t *question)
{
    AQ_CLEANUP_BUFFER struct aq_buffer body = {0};
    struct aq_frame frame;
    if (!aq_frame_read(&frame, sent->data, sent->length) || frame.kind != AQ_FRAME_SEALED ||
        frame.session != sealed->number)
        return AQ_FORGED;
    enum aq_opened opened = aq_sealed_open(sealed, &frame, question, &body);
    if (opened == AQ_OPENED)
        assert_string_equal(aq_buffer_string(&body), "body");
    return opened;
}

static uint64_t seal(struct aq_sealed *sealed, const uint64_t *question, struct aq_buffer *out)
{
    return aq_sealed_seal(sealed, question, "body", 4, out);
}

/* The agent's key, the stamp and the tag beside the handshake's message. */
static void a_begin_says_who_has_made_it_and_when(void **state)
{
    AQ_CLEANUP_BUFFER struct aq_buffer first = {0}, old = {0};
    unsigned char key[AQ_OPENING_KEY_SIZE];
    struct aq_noise ours;
    struct aq_opening opening;
    struct aq_frame frame, answer;
    (void)state;
    assert_true(aq_sealed_begin(&ours, &opening, &identity, 0x0102030405060708, &first));
    assert_true(aq_frame_read(&frame, first.data, first.length));
    assert_int_equal(frame.stamp, 0x0102030405060708);
    assert_memory_equal(frame.key, identity.own.public, AQ_NOISE_KEY_SIZE);
    assert_true(aq_opening_key(key, &hub_key, frame.key));
    assert_memory_equal(key, opening.key, sizeof key); /* both sides have it */
    assert_true(aq_sealed_is_from(&frame, key));
    aq_sealed_answer_old(&frame, key, 0x0102030405060709, &old);
    assert_true(aq_frame_read(&answer, old.data, old.length));
    assert_int_equal(answer.kind, AQ_FRAME_OLD);
    assert_int_equal(answer.stamp, 0x0102030405060709);
    assert_true(aq_sealed_is_old(&opening, &answer));
    opening.tag[0] ^= 1; /* to another BEGIN */
    assert_false(aq_sealed_is_old(&opening, &answer));
    for (size_t i = 0; i < first.length; i++) {
        first.data[i] ^= 0x10;
        assert_false(aq_frame_read(&frame, first.data, first.length) && frame.kind == AQ_FRAME_BEGIN &&
                     aq_sealed_is_from(&frame, key));
        first.data[i] ^= 0x10;
    }
    static const unsigned char zeros[AQ_NOISE_KEY_SIZE];
    assert_false(aq_opening_key(key, &hub_key, zeros)); /* the tags of such a key, everybody could make */
}

static void messages_open_once_in_any_order(void **state)
{
    struct pair pair = begin(7);
    struct aq_buffer sent[4] = {0};
    static const int order[] = {2, 0, 3, 1};
    (void)state;
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(seal(&pair.agent, NULL, &sent[i]), i);
    for (int i = 0; i < 4; i++)
        assert_int_equal(open_frame(&pair.hub, &sent[order[i]], NULL), AQ_OPENED);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(open_frame(&pair.hub, &sent[i], NULL), AQ_REPEATED);
        aq_buffer_free(&sent[i]);
    }
}

static void every_byte_of_a_frame_counts(void **state)
{
    struct pair pair = begin(7);
    AQ_CLEANUP_BUFFER struct aq_buffer sent = {0};
    (void)state;
    seal(&pair.agent, NULL, &sent);
    assert_int_equal(sent.length, 4 + AQ_SEALED_MORE);
    for (size_t i = 0; i < sent.length; i++) {
        sent.data[i] ^= 0x10;
        assert_int_equal(open_frame(&pair.hub, &sent, NULL), AQ_FORGED);
        sent.data[i] ^= 0x10;
    }
    for (size_t whole = sent.length; sent.length > 0; sent.length--)
        assert_int_equal(open_frame(&pair.hub, &sent, NULL), sent.length == whole ? AQ_OPENED : AQ_FORGED);
}

static void an_answer_is_bound_to_its_question(void **state)
{
    struct pair pair = begin(7);
    AQ_CLEANUP_BUFFER struct aq_buffer one = {0}, two = {0}, answer = {0};
    (void)state;
    const uint64_t first = seal(&pair.agent, NULL, &one), second = seal(&pair.agent, NULL, &two);
    seal(&pair.hub, &second, &answer);
    assert_int_equal(open_frame(&pair.agent, &answer, &first), AQ_FORGED);
    assert_int_equal(open_frame(&pair.agent, &answer, NULL), AQ_FORGED);
    assert_int_equal(open_frame(&pair.agent, &answer, &second), AQ_OPENED);
    assert_int_equal(open_frame(&pair.agent, &answer, &second), AQ_REPEATED);
}

/* Back to whoever sent it, and into another session, also one of the same agent. */
static void a_frame_opens_in_its_session_and_direction_only(void **state)
{
    struct pair one = begin(7), two = begin(7);
    AQ_CLEANUP_BUFFER struct aq_buffer asked = {0}, answer = {0};
    const uint64_t counter = 0;
    (void)state;
    seal(&one.agent, NULL, &asked);
    seal(&one.hub, &counter, &answer);
    assert_int_equal(open_frame(&one.agent, &asked, NULL), AQ_FORGED);
    assert_int_equal(open_frame(&one.agent, &asked, &counter), AQ_FORGED);
    assert_int_equal(open_frame(&one.hub, &answer, NULL), AQ_FORGED);
    assert_int_equal(open_frame(&two.hub, &asked, NULL), AQ_FORGED);
    assert_int_equal(open_frame(&two.agent, &answer, &counter), AQ_FORGED);
    assert_int_equal(open_frame(&one.hub, &asked, NULL), AQ_OPENED);
    assert_int_equal(open_frame(&one.agent, &answer, &counter), AQ_OPENED);
}

static void what_is_no_frame_is_not_read(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } wrong[] = {{"", 0},   {"\0", 1},   {"\1", 1},   {"\x09", 1}, {"\3", 1},  {"\4\1\2", 3},
                 {"\5", 1}, {"\5\0", 2}, {"\5\4", 2}, {"\7\1", 2}, {"\x63", 1}};
    struct aq_frame frame;
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    (void)state;
    for (size_t i = 0; i < AQ_LENGTH(wrong); i++)
        assert_false(aq_frame_read(&frame, wrong[i].bytes, wrong[i].length));
    aq_frame_unknown(0x0102030405060708, &out);
    assert_true(aq_frame_read(&frame, out.data, out.length));
    assert_int_equal(frame.kind, AQ_FRAME_UNKNOWN);
    assert_int_equal(frame.session, 0x0102030405060708);
    aq_buffer_reset(&out);
    aq_frame_denied(AQ_DENIED_BUSY, &out);
    assert_true(aq_frame_read(&frame, out.data, out.length));
    assert_int_equal(frame.denial, AQ_DENIED_BUSY);
}

/* ---- keys in files ------------------------------------------------------------------------------------ */

static char directory[64], path[96];

static void a_key_is_made_once(void **state)
{
    struct aq_noise_pair made, again, loaded;
    struct aq_error error;
    struct stat status;
    (void)state;
    assert_int_equal(aq_key_file_load(&loaded, AT_FDCWD, path, &error), -1);
    assert_int_equal(error.code, AQ_E_NOT_FOUND);
    assert_int_equal(aq_key_file_make(&made, AT_FDCWD, path, &error), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, AQ_NOISE_TEXT_SIZE);
    assert_int_equal(aq_key_file_make(&again, AT_FDCWD, path, &error), 0);
    assert_int_equal(aq_key_file_load(&loaded, AT_FDCWD, path, &error), 0);
    assert_memory_equal(&made, &again, sizeof made);
    assert_memory_equal(&made, &loaded, sizeof made);
    assert_int_equal(aq_key_file_make(&made, AT_FDCWD, "/no/such/place/key", &error), -1);
}

static void expect_refusal(const char *text, mode_t mode, const char *why)
{
    struct aq_noise_pair pair;
    struct aq_error error;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    assert_int_equal(aq_key_file_load(&pair, AT_FDCWD, path, &error), -1);
    assert_non_null(strstr(error.message, why));
}

static void a_key_file_has_64_digits_that_nobody_else_reads(void **state)
{
    (void)state;
    const char *good = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    expect_refusal(good, 0640, "has mode 640");
    expect_refusal(good, 0604, "has mode 604");
    expect_refusal("00\n", 0600, "64 hexadecimal digits");
    expect_refusal("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1exx\n", 0600, "64 hexadecimal");
    expect_refusal("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00\n", 0600, "64 hexadecimal");
    expect_refusal("", 0600, "64 hexadecimal");
}

static int set_up(void **state)
{
    (void)state;
    if (sodium_init() < 0)
        return -1;
    test_make_directory(directory, sizeof directory, "/tmp", "aq-sealed");
    snprintf(path, sizeof path, "%s/key", directory);
    aq_noise_pair_make(&hub_key);
    aq_noise_pair_make(&identity.own);
    memcpy(identity.hub, hub_key.public, sizeof identity.hub);
    identity.knows_hub = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_remove_tree(directory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_takes_each_counter_once),
        cmocka_unit_test(a_window_agrees_with_a_list),
        cmocka_unit_test(a_begin_says_who_has_made_it_and_when),
        cmocka_unit_test(messages_open_once_in_any_order),
        cmocka_unit_test(every_byte_of_a_frame_counts),
        cmocka_unit_test(an_answer_is_bound_to_its_question),
        cmocka_unit_test(a_frame_opens_in_its_session_and_direction_only),
        cmocka_unit_test(what_is_no_frame_is_not_read),
        cmocka_unit_test(a_key_is_made_once),
        cmocka_unit_test(a_key_file_has_64_digits_that_nobody_else_reads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
