/* The lower parts of the hub: sets of numbers, what is pending for an agent, the table of agents, the mailbox, and how
 * heartbeats are stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/hub/agents.h"
#include "controller/hub/mailbox.h"
#include "controller/hub/numbers.h"
#include "controller/hub/presence.h"

#include "schema/base/journal.h"
#include "tests/lib/cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static void a_set_is_sorted_and_bounded(void **context)
{
    struct numbers set = {0}, more = {0};
    (void)context;
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(numbers_add(&set, i * 7919 % 1000)); /* each once, in no order */
    assert_true(numbers_add(&set, 5));
    assert_int_equal(set.count, 1000);
    for (uint32_t i = 0; i < set.count; i++)
        assert_int_equal(set.items[i], i);
    numbers_drop_first(&set, 10);
    assert_int_equal(set.items[0], 10);
    for (uint64_t i = 1; i <= NUMBERS_MAX; i++)
        assert_true(numbers_add(&more, i * 10));
    assert_false(numbers_add(&more, 5));
    assert_true(numbers_add(&more, 50)); /* it has this one already */
    assert_false(numbers_join(&set, &more));
    assert_int_equal(set.count, NUMBERS_MAX);
    numbers_free(&set);
    numbers_free(&more);
}

static void what_a_lost_delivery_told_is_pending_again(void **context)
{
    struct pending pending = {0};
    (void)context;
    pending_reset(&pending);
    assert_true(pending.all && pending.all_from == 0);
    pending.delivery = 1;
    pending_sent_all(&pending, 100); /* up to 99 */
    pending_add(&pending, 7);
    assert_true(pending.all && pending.all_from == 100);
    pending_seen(&pending, 1);
    pending.delivery = 2;
    pending_sent_all(&pending, 0);
    assert_false(pending.all);
    pending_seen(&pending, 1); /* delivery 2 was lost */
    assert_true(pending.all && pending.all_from == 100);
    assert_int_equal(pending.changed.count, 1);
    pending_sent_all(&pending, 0);
    pending.delivery = 3;
    pending_seen(&pending, 3);
    pending.delivery = 4;
    pending_sent_changed(&pending, 1); /* 7 */
    pending_seen(&pending, 4);
    assert_true(pending_is_empty(&pending));
    pending_add(&pending, 8);
    pending.delivery = 5;
    pending_sent_changed(&pending, 1);
    pending_seen(&pending, 4); /* delivery 5 was lost */
    assert_int_equal(pending.changed.count, 1);
    assert_int_equal(pending.changed.items[0], 8);
    pending_free(&pending);
}

static void too_many_changes_are_pending_as_all(void **context)
{
    struct pending pending = {0};
    (void)context;
    for (uint64_t i = 1; i <= NUMBERS_MAX; i++)
        pending_add(&pending, i);
    assert_false(pending.all);
    pending_add(&pending, NUMBERS_MAX + 1);
    assert_true(pending.all && pending.all_from == 0);
    assert_int_equal(pending.changed.count, 0);
    pending_free(&pending);
}

static void agents_with_a_poll_become_ready_once(void **context)
{
    struct agents agents = {0};
    struct hub_channel channel = {0};
    struct hub_agent *one = agents_add(&agents, "one"), *two = agents_add(&agents, "two");
    (void)context;
    agents_tell(&agents, one, 1); /* no session, no POLL */
    assert_true(pending_is_empty(&one->pending));
    one->session = two->session = 1;
    agents_tell(&agents, one, 1);
    assert_null(agents_take_ready(&agents));
    one->poll.question.channel = two->poll.question.channel = &channel;
    agents_mark_ready(&agents, one);
    agents_tell(&agents, one, 2);
    assert_ptr_equal(agents_take_ready(&agents), one);
    assert_null(agents_take_ready(&agents));
    agents_tell_all(&agents, one);
    agents_tell_all(&agents, two);
    agents_remove(&agents, one); /* also from the list */
    assert_ptr_equal(agents_take_ready(&agents), two);
    assert_null(agents_take_ready(&agents));
    agents_free(&agents);
}

static void agents_are_found_by_name(void **context)
{
    struct agents agents = {0};
    char name[HUB_NAME_SIZE];
    (void)context;
    assert_null(agents_find(&agents, "a0"));
    for (int i = 0; i < HUB_AGENTS_MAX; i++) {
        snprintf(name, sizeof name, "a%d", i);
        assert_non_null(agents_add(&agents, name));
    }
    assert_null(agents_add(&agents, "one-more"));
    assert_non_null(agents_add(&agents, "a7")); /* it exists */
    for (int i = 0; i < HUB_AGENTS_MAX; i += 2) {
        snprintf(name, sizeof name, "a%d", i);
        agents_remove(&agents, agents_find(&agents, name));
    }
    assert_int_equal(agents.count, HUB_AGENTS_MAX / 2);
    for (int i = 0; i < HUB_AGENTS_MAX; i++) {
        snprintf(name, sizeof name, "a%d", i);
        const struct hub_agent *agent = agents_find(&agents, name);
        assert_true((agent != NULL) == (i % 2 == 1));
        assert_true(agent == NULL || agents.all[agent->place] == agent);
    }
    agents_free(&agents);
}

static void count_wake(void *context)
{
    ++*(unsigned *)context;
}

static void a_mailbox_keeps_the_order(void **context)
{
    struct mailbox mailbox;
    struct hub_item items[3] = {{.home = &mailbox}, {.home = &mailbox}, {.home = &mailbox}};
    unsigned wakes = 0;
    (void)context;
    mailbox_open(&mailbox, count_wake, &wakes);
    assert_null(mailbox_take(&mailbox));
    for (int i = 0; i < 3; i++)
        mailbox_post(&items[i]);
    assert_int_equal(wakes, 1); /* the owner takes all of them */
    struct hub_item *item = mailbox_take(&mailbox);
    for (int i = 0; i < 3; i++, item = item->next)
        assert_ptr_equal(item, &items[i]);
    assert_null(item);
    mailbox_post(&items[0]);
    assert_int_equal(wakes, 2);
    assert_ptr_equal(mailbox_take(&mailbox), &items[0]);
    mailbox_close(&mailbox);
}

struct counted_item {
    struct hub_item item;
    unsigned *count;
};

static void count_item(struct hub_item *item)
{
    ++*((struct counted_item *)item)->count;
}

/* Each item has one end: it is run, or it is dropped, wherever it is when the mailbox is closed. */
static void a_mailbox_drops_what_is_left(void **context)
{
    enum { ITEMS = 6 };
    struct mailbox mailbox;
    struct counted_item items[ITEMS];
    unsigned wakes = 0, ran[ITEMS] = {0};
    (void)context;
    mailbox_open(&mailbox, count_wake, &wakes);
    assert_true(mailbox_is_idle(&mailbox));
    for (int i = 0; i < ITEMS; i++)
        items[i] =
            (struct counted_item){.item = {.home = &mailbox, .run = count_item, .drop = count_item}, .count = &ran[i]};
    for (int i = 0; i < ITEMS - 1; i++)
        mailbox_expect(&mailbox, &items[i].item);
    mailbox_post(&items[1].item);
    mailbox_post(&items[4].item);
    mailbox_run(&mailbox, mailbox_take(&mailbox));
    assert_true(ran[1] == 1 && ran[4] == 1);
    assert_false(mailbox_is_idle(&mailbox));
    mailbox_post(&items[2].item);         /* expected and posted */
    mailbox_post(&items[ITEMS - 1].item); /* posted only */
    mailbox_close(&mailbox);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(ran[i], 1);
}

/* ---- heartbeats on a full disk -------------------------------------------------------------------------- */

/* Scans `times` times, each time after a sign of life of the agent. `room`: files can be written. */
static void scan(struct hub_presence *presence, struct hub_agent *agent, int times, bool room)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    struct rlimit none = {0, limit.rlim_max};
    if (!room)
        setrlimit(RLIMIT_FSIZE, &none);
    for (int i = 0; i < times; i++) {
        agent->beaten = true;
        presence_scan(presence);
        aq_arena_reset(&presence->base->arena);
    }
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* Fills `words` with the lines of the journal. */
static void scan_with_a_full_disk(struct hub_presence *presence, char words[2048])
{
    int ends[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    struct hub_agent *agent = agents_add(&presence->base->agents, "node-1");
    scan(presence, agent, 1, true);
    scan(presence, agent, 3, false);
    scan(presence, agent, 2, true);
    scan(presence, agent, 1, false);
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    ssize_t length = read(ends[0], words, 2047);
    words[length > 0 ? length : 0] = '\0';
    close(ends[0]);
}

static unsigned count(const char *words, const char *wanted)
{
    unsigned times = 0;
    for (; (words = strstr(words, wanted)) != NULL; words += strlen(wanted))
        times++;
    return times;
}

static void heartbeats_that_cannot_be_stored_are_logged_once(void **context)
{
    char directory[64], words[2048];
    struct aq_config_controller config = {.hub.lost_after = 10};
    struct hub_base base = {.config = &config};
    struct hub_presence presence = {.base = &base};
    struct aq_error error = {0};
    (void)context;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    signal(SIGXFSZ, SIG_IGN);
    aq_journal_open("test", AQ_INFO);
    test_must(live_open(&presence.live, directory, STATE_WRITE, &error), &error);
    scan_with_a_full_disk(&presence, words);
    assert_int_equal(count(words, "warn test: heartbeats cannot be stored error="), 2);
    assert_int_equal(count(words, "info test: heartbeats are stored again failed=3\n"), 1);
    assert_int_equal(count(words, "\n"), 3);
    live_close(presence.live);
    agents_free(&base.agents);
    aq_arena_free(&base.arena);
    test_remove_tree(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_sorted_and_bounded),
        cmocka_unit_test(what_a_lost_delivery_told_is_pending_again),
        cmocka_unit_test(too_many_changes_are_pending_as_all),
        cmocka_unit_test(agents_with_a_poll_become_ready_once),
        cmocka_unit_test(agents_are_found_by_name),
        cmocka_unit_test(a_mailbox_keeps_the_order),
        cmocka_unit_test(a_mailbox_drops_what_is_left),
        cmocka_unit_test(heartbeats_that_cannot_be_stored_are_logged_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
