/* Flipped bits and lost sectors in the log's file, in entries and in the pages around them, while it is closed and
 * while it is in use. Nothing is served that was not written, and nothing is lost unless the place is named. */
#include "controller/lmdb/marks.h"
#include "controller/log/replay.h"
#include "controller/state/log_layout.h"
#include "fs/link/eventfeed.h"
#include "schema/model/user.h"
#include "tests/lib/chance.h"
#include "tests/lib/log_flip.h"

#include <inttypes.h>
#include <raft.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ENTRIES = 120,
    EVENTS = 3,
    FLIPS = 400,
    LAST = ENTRIES + 2, /* entry 1 is the configuration; the last one has pages of its own */
    COMMIT = LAST - 1,
    LARGE_SIZE = 9000,
    TERM = 5,
    VOTED_FOR = 3,
};

/* Entries on pages of many, one on pages of its own, and every number that is kept beside them. */
static void given_entries(void)
{
    const struct log_vote vote = {TERM, VOTED_FOR};
    struct aq_error error = {0};
    char large[LARGE_SIZE];
    log_case_begin();
    for (int i = 0; i < ENTRIES; i++)
        log_case_add(1, EVENTS, logs.next_index - 1);
    memset(large, 'L', sizeof large);
    log_case_append(LAST, RAFT_BARRIER, large, sizeof large, 0, 1);
    test_must(log_store_append(logs.store, NULL, 0, COMMIT, &vote, &error), &error);
}

/* ---- reading everything --------------------------------------------------------------------------------- */

/* Every event must be the one that was written. */
static bool check_event(void *context, const struct aq_event *event)
{
    uint64_t *seen = context;
    char name[32];
    snprintf(name, sizeof name, "u%" PRIu64, event->seq);
    const struct aq_user_created *user = event->data;
    if (event->seq != *seen + 1 || event->type != &aq_event_user_created || strcmp(user->name, name) != 0 ||
        strcmp(event->author, "admin") != 0 || strcmp(user->hash, "x") != 0)
        abort();
    ++*seen;
    return true;
}

struct walk {
    uint64_t entries;
    unsigned char hash[AQ_HASH_SIZE];
};

static int check_entry(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct walk *walk = context;
    const char *bytes = entry->data;
    if (entry->index == LAST && (entry->type != RAFT_BARRIER || entry->size != LARGE_SIZE || bytes[0] != 'L' ||
                                 memcmp(bytes, bytes + 1, LARGE_SIZE - 1) != 0))
        abort();
    if (entry->type != RAFT_COMMAND)
        return 0;
    walk->entries++;
    if (!aq_entry_follows(entry->data, entry->size, walk->hash))
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " does not follow", entry->index);
    aq_entry_hash(entry->data, entry->size, walk->hash);
    return 0;
}

/* Returns 0 if everything up to entry `last` is as it was written, 1 if damage was found, 2 if something is missing. */
static int read_all(uint64_t last, struct aq_error *error)
{
    struct log_extent extent;
    struct walk walk = {0};
    uint64_t seen = 0;
    if (log_store_extent(logs.store, &extent, error) != 0 ||
        log_store_read(logs.store, 1, UINT64_MAX, check_entry, &walk, error) != 0 ||
        events_scan(log_store_events(logs.store), 1, UINT64_MAX, check_event, &seen, error) != 0)
        return 1;
    bool whole = extent.first == 1 && extent.last == last && extent.last_term == LOG_CASE_TERM &&
                 extent.commit == COMMIT && extent.configuration == 1 && extent.vote.term == TERM &&
                 extent.vote.voted_for == VOTED_FOR && walk.entries == ENTRIES && seen == ENTRIES * EVENTS;
    return whole ? 0 : 2;
}

/* ---- in an entry ---------------------------------------------------------------------------------------- */

static void a_flipped_bit_in_an_entry_is_named_with_its_place(void **context)
{
    (void)context;
    char path[96];
    struct aq_error error = {0};
    uint64_t seen = 0;
    given_entries();
    log_case_path(path);
    log_case_close();
    flip_bit(path, find_last_match(path, "u100"), 0);
    log_case_open();
    assert_int_equal(read_all(LAST, &error), 1);
    assert_int_equal(error.code, AQ_E_CORRUPT);
    assert_string_equal(error.message, "log entry 35 (seq 100) is damaged: its bytes are not what was written");
    error = (struct aq_error){0};
    assert_int_equal(events_scan(log_store_events(logs.store), 1, UINT64_MAX, check_event, &seen, &error), -1);
    assert_int_equal(seen, 99); /* only what comes before is served */
    seen = 102;
    test_must(events_scan(log_store_events(logs.store), 103, UINT64_MAX, check_event, &seen, &error), &error);
    assert_int_equal(seen, ENTRIES * EVENTS); /* and what comes after it */
    assert_int_equal(events_after_damage(log_store_events(logs.store), 100), 103);
    assert_int_equal(events_after_damage(log_store_events(logs.store), 102), 103);
    assert_int_equal(events_after_damage(log_store_events(logs.store), ENTRIES * EVENTS), 0);
}

/* Appends an entry without events whose bytes can be found by its author. */
static void add_without_events(const char *author)
{
    struct aq_buffer packed = {0};
    struct aq_logged_decision decision = {
        .author = author, .command = aq_command_user_create.code, .key = "k", .id = "x"};
    struct aq_entry entry = {.format = AQ_ENTRY_FORMAT,
                             .previous = {logs.hash, AQ_HASH_SIZE},
                             .time = 1000000 + logs.next_seq,
                             .first_seq = logs.next_seq,
                             .decisions = {&decision, 1}};
    aq_entry_pack(&entry, &packed);
    log_case_append(logs.next_index++, RAFT_COMMAND, packed.data, packed.length, logs.next_seq, 1);
    aq_entry_hash(packed.data, packed.length, logs.hash);
    aq_buffer_free(&packed);
}

static bool any_event(void *context, const struct aq_event *event)
{
    (void)context;
    (void)event;
    return true;
}

static void damage_in_an_entry_without_events_hides_none(void **context)
{
    (void)context;
    char path[96];
    struct aq_error error = {0};
    struct state *state;
    log_case_begin();
    log_case_add(1, 1, 1);
    add_without_events("somebody");
    log_case_add(1, 1, 1);
    test_must(state_open(&state, logs.directory, STATE_WRITE, 256 << 20, &error), &error);
    test_must(replay(logs.store, state, NULL, logs.next_index - 1, &error), &error);
    log_case_path(path);
    log_case_close();
    each_match(path, "somebody", flip_match, path); /* older copies of the page, too */
    log_case_open();
    assert_int_equal(events_scan(log_store_events(logs.store), 1, UINT64_MAX, any_event, NULL, &error), -1);
    struct eventfeed *feed = eventfeed_open(state, log_store_events(logs.store));
    eventfeed_begin(feed);
    while (eventfeed_is_behind(feed))
        eventfeed_work(feed);
    const char *shown = aq_buffer_string(&eventfeed_file(feed)->now);
    assert_int_equal(eventfeed_damage(feed)->code, AQ_OK);
    assert_non_null(strstr(shown, "\"u1\""));
    assert_non_null(strstr(shown, "\"u2\""));
    eventfeed_close(feed);
    state_close(state);
}

/* In each page except the first two. */
static void flip_heads(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    for (off_t page = 2; page * TURNED_PAGE < status.st_size; page++)
        flip_bit(path, page * TURNED_PAGE + 10, 4);
}

static void while_the_log_is_in_use_too(void **context)
{
    (void)context;
    char path[96];
    struct aq_error error = {0};
    struct state *state;
    struct aq_buffer report = {0};
    given_entries();
    test_must(state_open(&state, logs.directory, STATE_WRITE, 64 << 20, &error), &error);
    test_must(state_mark_layout(state, &error), &error);
    test_must(replay(logs.store, state, NULL, ENTRIES, &error), &error);
    test_must(replay_verify(logs.store, state, logs.directory, 64 << 20, &report, &error), &error);
    log_case_path(path);
    flip_bit(path, find_last_match(path, "u200"), 3);
    assert_int_equal(replay_verify(logs.store, state, logs.directory, 64 << 20, &report, &error), -1);
    assert_string_equal(error.message, "log entry 68 (seq 199) is damaged: its bytes are not what was written");
    flip_heads(path);
    assert_int_equal(replay_verify(logs.store, state, logs.directory, 64 << 20, &report, &error), -1);
    assert_non_null(strstr(error.message, "/log/data.mdb is damaged: page "));
    flip_heads(path);
    aq_buffer_free(&report);
    state_close(state);
}

static void an_entry_of_an_older_version_needs_no_checksum(void **context)
{
    (void)context;
    struct log_head head;
    const void *payload;
    struct aq_error error = {0};
    const struct {
        uint64_t term;
        uint32_t type, size;
        char payload[5];
    } old = {3, RAFT_COMMAND, 5, "hello"};
    test_must(log_row_read(7, &old, LOG_HEAD_PLAIN_SIZE + 5, &head, &payload, &error), &error);
    assert_int_equal(head.term, 3);
    assert_int_equal(head.type, RAFT_COMMAND);
    assert_memory_equal(payload, "hello", 5);
    assert_int_equal(log_row_read(7, &old, LOG_HEAD_PLAIN_SIZE + 4, &head, &payload, &error), -1);
    assert_string_equal(error.message, "log entry 7 should have 5 bytes, but has 4");
}

static void a_number_that_is_not_what_was_written_is_named(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        off_t behind;
        const char *words;
    } cases[] = {
        {"term", 4, ": the log's term is not what was written"},
        {"vote", 4, ": the log's vote is not what was written"},
        {"commit", 6, ": the log's commit is not what was written"},
        {"vote", 3, ": the log's name of a number is not what was written"}, /* else there would be no vote */
    };
    char path[96];
    struct log_extent extent;
    given_entries();
    log_case_path(path);
    for (size_t i = 0; i < AQ_LENGTH(cases); i++) {
        struct aq_error error = {0};
        off_t place = find_last_match(path, cases[i].text) + cases[i].behind;
        flip_bit(path, place, 1);
        assert_int_equal(log_store_extent(logs.store, &extent, &error), -1);
        assert_int_equal(error.code, AQ_E_CORRUPT);
        assert_non_null(strstr(error.message, "/log/data.mdb is damaged: page "));
        assert_non_null(strstr(error.message, cases[i].words));
        flip_bit(path, place, 1);
    }
}

/* A missing table must not lead to a new log in the place of the old one. */
static void a_table_that_lost_its_name_is_damage(void **context)
{
    (void)context;
    char path[96];
    struct aq_error error = {0};
    given_entries();
    log_case_path(path);
    log_case_close();
    each_match(path, "entries", flip_match, path);
    assert_int_equal(log_store_open(&logs.store, logs.directory, LOG_CASE_MAP_BYTES, &error), -1);
    assert_int_equal(error.code, AQ_E_CORRUPT);
    assert_non_null(strstr(error.message, "data.mdb is damaged: one of its tables is missing"));
    each_match(path, "dntries", flip_match, path);
    log_case_open();
    test_must(read_all(LAST, &error), &error); /* nothing was written meanwhile */
}

/* ---- anywhere ------------------------------------------------------------------------------------------- */

/* FOUND: by an error, or in the last words of a process that crashed; both must name the place. */
enum outcome { UNHARMED, FOUND, UNNAMED, ENDED, WRONG, OUTCOMES };

static const char *const outcome_names[] = {"unharmed", "found", "not named", "ended", "wrong"};

struct turned {
    const char *path;
    struct turned_bit bit;
    bool in_use; /* the bit flips while the log is open */
};

static bool names_a_place(const char *words)
{
    return strstr(words, "aq log verify names the place") != NULL || strstr(words, "log entry ") != NULL ||
           (strstr(words, "/log/data.mdb is damaged: ") != NULL && strstr(words, "page ") != NULL &&
            strstr(words, ", byte ") != NULL);
}

/* A bit that turns in the page cache after the file was checked may lead LMDB to a table as it was in an earlier
 * transaction. Then the newest entries are missing, and a check finds the place. */
static void read_turned(const void *context)
{
    const struct turned *turned = context;
    struct aq_error error = {0};
    int status = log_store_open(&logs.store, logs.directory, LOG_CASE_MAP_BYTES, &error);
    if (turned->in_use)
        flip_bit(turned->path, turned->bit.offset, turned->bit.bit);
    if (status == 0)
        status = read_all(LAST, &error);
    if (status == 0)
        _exit(UNHARMED);
    if (status == 2 && (!turned->in_use || log_store_check_pages(logs.store, &error) == 0))
        _exit(WRONG);
    fprintf(stderr, "%s\n", error.message);
    _exit(names_a_place(error.message) ? FOUND : UNNAMED);
}

/* `status`: of the child. */
static enum outcome outcome_of(int status, const char *words)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) <= WRONG)
        return (enum outcome)WEXITSTATUS(status);
    return !WIFSIGNALED(status) ? WRONG : names_a_place(words) ? FOUND : ENDED;
}

/* Flips one bit at a time. `within`: only in the first bytes of each page. */
static void turn_bits(unsigned within, bool in_use, unsigned outcomes[OUTCOMES])
{
    char path[96], mark[96], words[LAST_WORDS_SIZE];
    struct stat status;
    struct chance chance = {within};
    log_case_path(path);
    snprintf(mark, sizeof mark, "%s/log/" LMDB_MARK_DAMAGED, logs.directory);
    assert_int_equal(stat(path, &status), 0);
    uint64_t pages = (uint64_t)status.st_size / TURNED_PAGE;
    for (int i = 0; i < FLIPS; i++) {
        struct turned turned = {path, draw_bit(&chance, pages, within), in_use};
        if (!in_use)
            flip_bit(path, turned.bit.offset, turned.bit.bit);
        enum outcome outcome = outcome_of(run_reader(read_turned, &turned, words), words);
        outcomes[outcome]++;
        if (outcome > FOUND)
            printf("# bit %u at %ld of page %ld: %s: %s\n", turned.bit.bit, (long)turned.bit.offset % TURNED_PAGE,
                   (long)turned.bit.offset / TURNED_PAGE, outcome_names[outcome], words);
        flip_bit(path, turned.bit.offset, turned.bit.bit);
        unlink(mark);
    }
}

static void check_none_is_bad(const unsigned outcomes[OUTCOMES])
{
    printf("# unharmed %u, found %u, not named %u, ended %u\n", outcomes[UNHARMED], outcomes[FOUND], outcomes[UNNAMED],
           outcomes[ENDED]);
    assert_int_equal(outcomes[WRONG], 0);
    assert_int_equal(outcomes[ENDED], 0);
    assert_int_equal(outcomes[UNNAMED], 0);
}

static void check_outcomes(bool in_use)
{
    unsigned outcomes[OUTCOMES] = {0};
    given_entries();
    log_case_close();
    turn_bits(TURNED_PAGE, in_use, outcomes);
    turn_bits(TURNED_HEAD, in_use, outcomes);
    check_none_is_bad(outcomes);
    assert_true(outcomes[FOUND] > FLIPS / 20);
    log_case_open();
}

static void wherever_a_bit_flips_nothing_wrong_is_served_and_the_place_is_named(void **context)
{
    (void)context;
    check_outcomes(false);
}

static void also_while_the_log_is_in_use(void **context)
{
    (void)context;
    check_outcomes(true);
}

/* ---- every page ----------------------------------------------------------------------------------------- */

enum damage { FLIPPED_IN_HEAD, FLIPPED, ZEROS, ONES, NOISE, OF_ANOTHER_PAGE, DAMAGES };
enum { SECTOR = 512, SECTORS = TURNED_PAGE / SECTOR };

static const char *const damage_names[] = {"a bit of the head", "a bit", "zeros", "ones", "noise", "another's sector"};

static void damage_sector(unsigned char *bytes, size_t pages, size_t sector, enum damage damage)
{
    unsigned char *at = bytes + sector * SECTOR;
    struct chance chance = {sector * DAMAGES + (unsigned)damage};
    size_t within = chance_below(&chance, damage == FLIPPED_IN_HEAD ? 16 : SECTOR);
    switch (damage) {
    case FLIPPED_IN_HEAD:
    case FLIPPED:
        at[within] ^= (unsigned char)(1u << chance_below(&chance, 8));
        break;
    case ZEROS:
    case ONES:
        memset(at, damage == ZEROS ? 0 : 255, SECTOR);
        break;
    case NOISE:
        for (size_t i = 0; i < SECTOR; i++)
            at[i] = (unsigned char)chance_next(&chance);
        break;
    default:
        sector = chance_below(&chance, pages) * SECTORS + sector % SECTORS;
        memcpy(at, bytes + sector * SECTOR, SECTOR);
    }
}

/* The caller frees it. */
static unsigned char *get_file(const char *path, size_t *size)
{
    struct stat status;
    FILE *file = fopen(path, "r");
    assert_true(file != NULL && fstat(fileno(file), &status) == 0);
    *size = (size_t)status.st_size;
    unsigned char *bytes = aq_malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void put_file(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_true(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* What seems to be unharmed must stay so when the log goes on. */
static void read_and_go_on(const void *context)
{
    (void)context;
    struct aq_error error = {0};
    struct log_entry entry = {.index = LAST + 1, .term = LOG_CASE_TERM, .type = RAFT_BARRIER, .data = ""};
    int status = log_store_open(&logs.store, logs.directory, LOG_CASE_MAP_BYTES, &error);
    if (status == 0)
        status = read_all(LAST, &error);
    if (status == 0)
        status = log_store_append(logs.store, &entry, 1, COMMIT, NULL, &error);
    if (status == 0)
        status = read_all(LAST + 1, &error);
    if (status == 0)
        status = log_store_check_pages(logs.store, &error);
    fprintf(stderr, "%s\n", status == 0 ? "" : error.message);
    _exit(status == 0 ? UNHARMED : status == 2 ? WRONG : names_a_place(error.message) ? FOUND : UNNAMED);
}

static void whatever_a_sector_holds_nothing_wrong_is_served(void **context)
{
    (void)context;
    unsigned outcomes[OUTCOMES] = {0};
    char path[96], words[LAST_WORDS_SIZE];
    size_t size;
    given_entries();
    log_case_path(path);
    log_case_close();
    unsigned char *bytes = get_file(path, &size);
    for (size_t sector = 0; sector < size / SECTOR; sector++)
        for (unsigned damage = sector % SECTORS == 0 ? FLIPPED_IN_HEAD : FLIPPED; damage < DAMAGES; damage++) {
            unsigned char before[SECTOR];
            memcpy(before, bytes + sector * SECTOR, SECTOR);
            damage_sector(bytes, size / TURNED_PAGE, sector, (enum damage)damage);
            put_file(path, bytes, size);
            memcpy(bytes + sector * SECTOR, before, SECTOR);
            enum outcome outcome = outcome_of(run_reader(read_and_go_on, NULL, words), words);
            outcomes[outcome]++;
            if (outcome > FOUND)
                printf("# %s in sector %zu of page %zu: %s: %s\n", damage_names[damage], sector % SECTORS,
                       sector / SECTORS, outcome_names[outcome], words);
        }
    put_file(path, bytes, size);
    free(bytes);
    check_none_is_bad(outcomes);
    assert_true(outcomes[FOUND] > outcomes[UNHARMED] / 4);
    log_case_open();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_flipped_bit_in_an_entry_is_named_with_its_place),
        LOG_TEST(damage_in_an_entry_without_events_hides_none),
        LOG_TEST(while_the_log_is_in_use_too),
        LOG_TEST(an_entry_of_an_older_version_needs_no_checksum),
        LOG_TEST(a_number_that_is_not_what_was_written_is_named),
        LOG_TEST(a_table_that_lost_its_name_is_damage),
        LOG_TEST(wherever_a_bit_flips_nothing_wrong_is_served_and_the_place_is_named),
        LOG_TEST(also_while_the_log_is_in_use),
        LOG_TEST(whatever_a_sector_holds_nothing_wrong_is_served),
    };
    return cmocka_run_group_tests_name("log damage", tests, NULL, NULL);
}
