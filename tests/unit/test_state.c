/* The tables: keys, rows, scans, transactions and indexes. */
#include "controller/state/applied.h"
#include "controller/state/references.h"
#include "controller/state/store.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "tests/lib/decide_case.h"

#include <inttypes.h>

static const struct aq_entity *entity(const char *name)
{
    return aq_entity_find(name);
}

/* ---- keys --------------------------------------------------------------------------------------------- */

static void numbers_sort_by_value(void **context)
{
    (void)context;
    static const uint64_t numbers[] = {0, 1, 255, 256, 65535, 65536, UINT32_MAX, 1ULL << 32, UINT64_MAX};
    for (size_t i = 1; i < AQ_LENGTH(numbers); i++) {
        struct state_key low = state_key_number(numbers[i - 1]), high = state_key_number(numbers[i]);
        assert_int_equal(low.length, 8);
        assert_true(memcmp(low.bytes, high.bytes, 8) < 0);
        assert_int_equal(state_key_number_at(&high, 0), numbers[i]);
    }
}

/* As many keys as places, which differ in one byte only: at random, about 0.37 of the places stay empty. */
static void hashes_of_similar_keys_are_spread(void **context)
{
    enum { PLACES = 256 };
    (void)context;
    for (size_t length = 1; length <= 20; length++) {
        for (size_t at = 0; at < length; at++) {
            bool taken[PLACES] = {false};
            unsigned empty = 0;
            unsigned char bytes[20] = "abcdefghijklmnopqrs";
            for (unsigned i = 0; i < PLACES; i++) {
                bytes[at] = (unsigned char)i;
                taken[state_key_hash(bytes, length, 7) % PLACES] = true;
            }
            for (unsigned i = 0; i < PLACES; i++)
                empty += !taken[i];
            assert_true(empty < PLACES / 2);
        }
    }
}

static void what_users_type_becomes_a_key(void **context)
{
    (void)context;
    struct state_key key;
    struct aq_error error = {0};
    assert_int_equal(state_key_from_text(entity("label"), "70", &key, &error), 0);
    assert_int_equal(state_key_number_at(&key, 0), 70);
    assert_int_equal(state_key_from_text(entity("user"), "alice.b-1", &key, &error), 0);
    assert_int_equal(key.length, 9);
    assert_memory_equal(key.bytes, "alice.b-1", 9);
    static const char *const numbers[] = {"", "0", "07", "-1", "+1", " 1", "1 ", "1x", "0x1", "99999999999999999999"};
    for (size_t i = 0; i < AQ_LENGTH(numbers); i++) {
        char words[120];
        snprintf(words, sizeof words, "\"%s\" is not a valid label number: use a whole number from 1", numbers[i]);
        assert_int_equal(state_key_from_text(entity("label"), numbers[i], &key, &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
        assert_string_equal(error.message, words);
    }
    char long_name[66] = "";
    memset(long_name, 'n', 65);
    const char *const names[] = {"", ".", "a/b", "a b", "\xc3\xa4", long_name};
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        assert_int_equal(state_key_from_text(entity("user"), names[i], &key, &error), -1);
        assert_non_null(
            strstr(error.message, "is not a valid user name: use 1 to 64 letters, digits, '.', '_' and '-'"));
    }
    long_name[64] = '\0';
    assert_int_equal(state_key_from_text(entity("user"), long_name, &key, &error), 0);
}

static void a_very_long_name_is_cut_and_an_empty_one_is_never_found(void **context)
{
    (void)context;
    char name[1000];
    struct aq_user user;
    struct aq_error error;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(state_key_name(name).length, STATE_KEY_MAX - 1);
    assert_false(state_user(spec.txn, name, &user, &spec.arena));
    assert_false(state_user(spec.txn, "", &user, &spec.arena));
    struct state_key empty = {0};
    assert_false(state_exists(spec.txn, entity("user"), &empty));
    assert_int_equal(state_member(spec.txn, &aq_entity_label, name, 0), 0);
    uint64_t id;
    assert_int_equal(state_resources_at(spec.txn, name, 0, &id, 1), 0);
    assert_false(state_failed(spec.txn, &error));
}

static void a_keys_text_is_what_users_see(void **context)
{
    (void)context;
    char text[80];
    struct aq_label label = {.id = 12};
    struct aq_user user = {.name = "alice"};
    state_key_text(entity("label"), &label, text, sizeof text);
    assert_string_equal(text, "12");
    state_key_text(entity("user"), &user, text, sizeof text);
    assert_string_equal(text, "alice");
}

/* ---- rows and scans ----------------------------------------------------------------------------------- */

static bool gather(void *context, const struct state_key *key, const void *object)
{
    struct aq_buffer *names = context;
    const struct aq_user *user = object;
    assert_memory_equal(key->bytes, user->name, key->length);
    aq_buffer_format(names, "%s ", user->name);
    return strcmp(user->name, "stop") != 0;
}

static void check_scan(const char *from, bool back, const char *expected)
{
    struct aq_buffer names = {0};
    struct state_key key = state_key_name(from ? from : "");
    (back ? state_scan_back : state_scan)(spec.txn, entity("user"), from ? &key : NULL, gather, &names);
    assert_string_equal(aq_buffer_string(&names), expected);
    aq_buffer_free(&names);
}

static void rows_are_scanned_from_anywhere_in_both_directions(void **context)
{
    (void)context;
    check_scan(NULL, false, "");
    check_scan(NULL, true, "");
    check_scan("b", false, "");
    check_scan("b", true, "");
    given_user("b");
    given_user("d");
    given_user("a");
    check_scan(NULL, false, "a b d ");
    check_scan("a", false, "b d ");
    check_scan("c", false, "d "); /* the start need not exist */
    check_scan("d", false, "");
    check_scan("z", false, "");
    check_scan(NULL, true, "d b a ");
    check_scan("d", true, "b a ");
    check_scan("c", true, "b a ");
    check_scan("a", true, "");
    check_scan("z", true, "d b a ");
    given_user("stop");
    given_user("z");
    check_scan("b", false, "d stop ");
    check_scan(NULL, true, "z stop ");
    assert_int_equal(state_count(spec.txn, entity("user")), 5);
}

static bool never(void *context, const struct state_key *key, const void *object)
{
    (void)context;
    (void)key;
    (void)object;
    fail_msg("a row that cannot be read was shown");
    return true;
}

static void a_row_that_cannot_be_read_fails_the_transaction(void **context)
{
    (void)context;
    struct aq_label label;
    struct aq_error error = {0};
    struct state_txn *inner;
    struct state_key key = state_key_number(1);
    MDB_val name = {key.length, key.bytes}, garbage = {4, "\xc1\xc1\xc1\xc1"};
    for (int scan = 0; scan <= 1; scan++) {
        test_must(state_nested(spec.txn, &inner, &error), &error);
        assert_int_equal(mdb_put(inner->txn, store_dbi(inner, entity("label")), &name, &garbage, 0), 0);
        if (scan)
            state_scan(inner, entity("label"), NULL, never, NULL);
        else
            assert_false(state_label(inner, 1, &label, &spec.arena));
        assert_true(state_failed(inner, &error));
        assert_int_equal(error.code, AQ_E_CORRUPT);
        assert_string_equal(error.message, "table labels, row 1: label: not valid msgpack at byte 0 of 4");
        state_end(inner);
    }
}

/* ---- packed rows in place ------------------------------------------------------------------------------ */

/* What the transaction wrote becomes a snapshot. */
static struct state_txn *snapshot(void)
{
    struct state_txn *txn;
    struct aq_error error = {0};
    test_must(state_commit(spec.txn, &error), &error);
    spec.txn = NULL;
    test_must(state_read(spec.state, &txn, &error), &error);
    return txn;
}

struct shown {
    struct state_txn *txn;
    struct aq_buffer names, json;
};

static bool show(void *context, const struct state_packed *row)
{
    struct shown *shown = context;
    struct aq_user user;
    const struct aq_field *key = aq_entity_key(entity("user"));
    if (!state_unpack(shown->txn, entity("user"), row, AQ_FIELD_BIT(&aq_user_record, key), &user, &spec.arena))
        return false;
    aq_buffer_format(&shown->names, "%s ", user.name);
    return state_show(shown->txn, entity("user"), row, &shown->json) && strcmp(user.name, "stop") != 0;
}

static void check_packed(struct state_txn *txn, const char *from, bool back, const char *expected)
{
    struct shown shown = {.txn = txn};
    struct state_key key = state_key_name(from ? from : "");
    state_scan_packed(txn, entity("user"), from ? &key : NULL, back, show, &shown);
    assert_string_equal(aq_buffer_string(&shown.names), expected);
    aq_buffer_free(&shown.names);
    aq_buffer_free(&shown.json);
}

static void packed_rows_are_shown_in_place(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct state_packed row;
    struct aq_buffer around = {0}, straight = {0};
    given_user("b");
    given_user("stop");
    given_user("a");
    given_user("z");
    struct state_txn *txn = snapshot();
    check_packed(txn, NULL, false, "a b stop ");
    check_packed(txn, "a", false, "b stop ");
    check_packed(txn, "stop", true, "b a ");
    check_packed(txn, NULL, true, "z stop ");
    struct aq_user user;
    struct state_key key = state_key_name("b"), none = state_key_name("c");
    assert_true(state_find(txn, entity("user"), &key, &user, &spec.arena));
    aq_record_to_json(&aq_user_record, &user, &around);
    assert_true(state_find_packed(txn, entity("user"), &key, &row));
    assert_true(state_show(txn, entity("user"), &row, &straight));
    assert_string_equal(straight.data, around.data);
    assert_false(state_find_packed(txn, entity("user"), &none, &row));
    assert_false(state_failed(txn, &error));
    state_end(txn);
    aq_buffer_free(&around);
    aq_buffer_free(&straight);
}

static void a_damaged_row_ends_a_scan(void **context)
{
    (void)context;
    struct aq_error error = {0};
    struct state_packed row;
    struct aq_buffer out = {0};
    given_user("a");
    given_user("c");
    struct state_key key = state_key_name("b");
    MDB_val name = {key.length, key.bytes}, half = {2, "\x95\xA1"};
    assert_int_equal(mdb_put(spec.txn->txn, store_dbi(spec.txn, entity("user")), &name, &half, 0), 0);
    struct state_txn *txn = snapshot();
    check_packed(txn, NULL, false, "a ");
    assert_true(state_failed(txn, &error));
    assert_int_equal(error.code, AQ_E_CORRUPT);
    assert_string_equal(error.message, "table users, row b: user: not valid msgpack at byte 0 of 2");
    state_end(txn);
    test_must(state_read(spec.state, &txn, &error), &error);
    assert_true(state_find_packed(txn, entity("user"), &key, &row));
    assert_false(state_show(txn, entity("user"), &row, &out));
    assert_true(state_failed(txn, &error));
    assert_string_equal(error.message, "table users, row b: user: not valid msgpack at byte 0 of 2");
    state_end(txn);
    aq_buffer_free(&out);
}

/* ---- transactions ------------------------------------------------------------------------------------- */

static void a_nested_transaction_is_kept_or_undone(void **context)
{
    (void)context;
    struct state_txn *inner;
    struct aq_error error = {0};
    counter_set(spec.txn, "a", 1);
    for (int keep = 0; keep <= 1; keep++) {
        assert_int_equal(state_nested(spec.txn, &inner, &error), 0);
        assert_int_equal(counter_get(inner, "a"), 1);
        counter_set(inner, "a", 2);
        counter_set(inner, "b", 3);
        if (keep)
            assert_int_equal(state_commit(inner, &error), 0);
        else
            state_end(inner);
        assert_int_equal(counter_get(spec.txn, "a"), keep ? 2 : 1);
        assert_int_equal(counter_get(spec.txn, "b"), keep ? 3 : 0);
    }
    assert_false(state_failed(spec.txn, &error));
}

/* More than a transaction remembers (STORE_COUNTERS), and in several rounds. */
static void many_counters_are_counted_in_one_transaction(void **context)
{
    enum { MANY = 5 * STORE_COUNTERS, ROUNDS = 3 };
    char name[16];
    struct aq_error error = {0};
    (void)context;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "many%u", i);
            assert_int_equal(counter_get(spec.txn, name), round * i);
            counter_set(spec.txn, name, counter_get(spec.txn, name) + i);
        }
    }
    test_must(state_commit(spec.txn, &error), &error);
    test_must(state_write(spec.state, &spec.txn, &error), &error);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many%u", i);
        assert_int_equal(spec_committed_counter(name), ROUNDS * i);
        counter_set(spec.txn, name, 0);
        assert_int_equal(counter_get(spec.txn, name), 0);
    }
}

/* INDEX_OPEN is known to grow at its end. */
static void rows_that_mostly_come_last_may_come_anywhere(void **context)
{
    enum { ROWS = 5000 };
    const void *value;
    size_t length;
    (void)context;
    for (uint64_t i = 1; i <= ROWS; i++) {
        struct state_key key = state_key_number(2 * i);
        index_put(spec.txn, INDEX_OPEN, &key, "alice", 5);
    }
    struct state_key between = state_key_number(ROWS + 1), again = state_key_number(ROWS);
    index_put(spec.txn, INDEX_OPEN, &between, "bob", 3);
    index_put(spec.txn, INDEX_OPEN, &again, "carl", 4);
    assert_true(index_get(spec.txn, INDEX_OPEN, &between, &value, &length));
    assert_memory_equal(value, "bob", 3);
    assert_true(index_get(spec.txn, INDEX_OPEN, &again, &value, &length));
    assert_memory_equal(value, "carl", 4);
    assert_int_equal(index_count(spec.txn, INDEX_OPEN), ROWS + 1);
}

static void a_snapshot_does_not_change(void **context)
{
    (void)context;
    struct state_txn *before;
    struct aq_error error = {0};
    test_must(state_read(spec.state, &before, &error), &error);
    counter_set(spec.txn, "a", 1);
    assert_int_equal(spec_committed_counter("a"), 0);
    test_must(state_commit(spec.txn, &error), &error);
    assert_int_equal(spec_committed_counter("a"), 1);
    assert_int_equal(counter_get(before, "a"), 0);
    state_end(before);
    test_must(state_write(spec.state, &spec.txn, &error), &error);
    counter_set(spec.txn, "a", 2);
    state_end(spec.txn);
    assert_int_equal(spec_committed_counter("a"), 1);
    spec.txn = NULL;
}

static void the_applied_entry_is_part_of_the_transaction(void **context)
{
    (void)context;
    struct state_applied place = {.index = 3, .seq = 7, .time_ms = 9, .hash = {1, 2}};
    assert_int_equal(state_seq(spec.txn), 0);
    state_applied_set(spec.txn, &place);
    assert_int_equal(state_seq(spec.txn), 7);
    struct state_applied got = state_applied_get(spec.txn);
    assert_memory_equal(&got, &place, sizeof place);
}

/* ---- indexes ------------------------------------------------------------------------------------------- */

static bool list_key(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct aq_buffer *out = context;
    (void)value;
    (void)length;
    aq_buffer_format(out, "%" PRIu64 " ", state_key_number_at(key, key->length - sizeof(uint64_t)));
    return state_key_number_at(key, key->length - sizeof(uint64_t)) != 99;
}

static void listed_back(const char *text, uint64_t before, const char *expected)
{
    struct aq_buffer out = {0};
    struct state_key prefix = {0}, key;
    if (text != NULL)
        state_key_add_text(&prefix, text);
    key = prefix;
    if (before != 0)
        state_key_add_number(&key, before);
    index_scan_back(spec.txn, INDEX_OWNED, &prefix, before != 0 ? &key : NULL, list_key, &out);
    assert_string_equal(aq_buffer_string(&out), expected);
    aq_buffer_free(&out);
}

static void an_index_is_read_backwards(void **context)
{
    static const struct {
        const char *text;
        uint64_t number;
    } rows[] = {{"", 4}, {"a", 3}, {"b", 2}, {"b", 7}, {"b", UINT64_MAX}, {"bb", 99}};
    (void)context;
    listed_back(NULL, 0, "");
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        struct state_key key = {0};
        state_key_add_text(&key, rows[i].text);
        state_key_add_number(&key, rows[i].number);
        index_put(spec.txn, INDEX_OWNED, &key, "", 0);
    }
    listed_back("b", 0, "18446744073709551615 7 2 ");
    listed_back("b", UINT64_MAX, "7 2 ");
    listed_back("b", 7, "2 ");
    listed_back("b", 5, "2 ");
    listed_back("b", 2, "");
    listed_back("bb", 0, "99 ");
    listed_back("bb", UINT64_MAX, "99 ");
    listed_back("c", 0, "");
    listed_back("", 0, "4 ");
    listed_back(NULL, 0, "99 ");
}

/* ---- digest ------------------------------------------------------------------------------------------- */

static void the_digest_covers_every_row(void **context)
{
    (void)context;
    unsigned char one[32], two[32];
    uint64_t rows_one, rows_two;
    struct aq_error error = {0};
    test_must(state_digest(spec.txn, one, &rows_one, &error), &error);
    counter_set(spec.txn, "a", 1);
    test_must(state_digest(spec.txn, two, &rows_two, &error), &error);
    assert_memory_not_equal(one, two, 32);
    assert_int_equal(rows_two, rows_one + 1);
    counter_set(spec.txn, "a", 0); /* a counter of 0 has no row */
    test_must(state_digest(spec.txn, two, &rows_two, &error), &error);
    assert_memory_equal(one, two, 32);
}

struct keys_seen {
    const struct aq_entity *entity;
    char text[128];
    int most;
};

static bool see_key(void *context, const struct state_key *key)
{
    struct keys_seen *seen = context;
    size_t used = strlen(seen->text);
    char name[STATE_KEY_MAX];
    state_key_show(seen->entity, key, name, sizeof name);
    snprintf(seen->text + used, sizeof seen->text - used, "%s ", name);
    return --seen->most > 0;
}

static void keys_are_scanned_without_their_rows(void **context)
{
    (void)context;
    const char *names[] = {"carl", "alice", "bob"};
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        struct aq_user user = {.name = names[i]};
        struct state_key key = state_key_name(names[i]);
        state_store(spec.txn, entity("user"), &key, &user);
    }
    struct keys_seen all = {.entity = entity("user"), .most = 9}, two = {.entity = entity("user"), .most = 2};
    state_scan_keys(spec.txn, entity("user"), see_key, &all); /* including rows that are not flushed yet */
    state_scan_keys(spec.txn, entity("user"), see_key, &two);
    assert_string_equal(all.text, "alice bob carl ");
    assert_string_equal(two.text, "alice bob ");
    struct aq_label label = {.id = 300, .name = "mac", .version = 1};
    struct state_key number = state_key_number(300);
    state_store(spec.txn, entity("label"), &number, &label);
    struct keys_seen labels = {.entity = entity("label"), .most = 9};
    state_scan_keys(spec.txn, entity("label"), see_key, &labels);
    assert_string_equal(labels.text, "300 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(numbers_sort_by_value),
        SPEC_TEST(hashes_of_similar_keys_are_spread),
        SPEC_TEST(what_users_type_becomes_a_key),
        SPEC_TEST(a_very_long_name_is_cut_and_an_empty_one_is_never_found),
        SPEC_TEST(a_keys_text_is_what_users_see),
        SPEC_TEST(rows_are_scanned_from_anywhere_in_both_directions),
        SPEC_TEST(a_row_that_cannot_be_read_fails_the_transaction),
        SPEC_TEST(rows_that_mostly_come_last_may_come_anywhere),
        SPEC_TEST(a_snapshot_does_not_change),
        SPEC_TEST(packed_rows_are_shown_in_place),
        SPEC_TEST(a_damaged_row_ends_a_scan),
        SPEC_TEST(a_nested_transaction_is_kept_or_undone),
        SPEC_TEST(many_counters_are_counted_in_one_transaction),
        SPEC_TEST(the_applied_entry_is_part_of_the_transaction),
        SPEC_TEST(an_index_is_read_backwards),
        SPEC_TEST(the_digest_covers_every_row),
        SPEC_TEST(keys_are_scanned_without_their_rows),
    };
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
