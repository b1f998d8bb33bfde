/* What the hub stands on: the set of numbers, the table of agents, the mailbox, the store of heartbeats. */
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
#include <poll.h>
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
    assert_true(numbers_add(&more, 50)); /* it has that */
    assert_false(numbers_join(&set, &more));
    assert_int_equal(set.count, NUMBERS_MAX);
    numbers_free(&set);
    numbers_free(&more);
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
    assert_non_null(agents_add(&agents, "a7")); /* it is there */
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

static bool is_readable(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 0) == 1;
}

static void a_mailbox_keeps_the_order(void **context)
{
    struct mailbox mailbox;
    struct aq_error error = {0};
    struct hub_item items[3] = {{.home = &mailbox}, {.home = &mailbox}, {.home = &mailbox}};
    (void)context;
    assert_int_equal(mailbox_open(&mailbox, &error), 0);
    assert_null(mailbox_take(&mailbox));
    for (int i = 0; i < 3; i++)
        mailbox_post(&items[i]);
    assert_true(is_readable(mailbox.bell));
    struct hub_item *item = mailbox_take(&mailbox);
    for (int i = 0; i < 3; i++, item = item->next)
        assert_ptr_equal(item, &items[i]);
    assert_null(item);
    assert_false(is_readable(mailbox.bell));
    mailbox_wake(&mailbox);
    assert_true(is_readable(mailbox.bell));
    assert_null(mailbox_take(&mailbox));
    mailbox_close(&mailbox);
}

/* ---- heartbeats on a full disk -------------------------------------------------------------------------------- */

/* So often, one agent is heard of before. `room`: the file may be written to. */
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

/* What the journal says meanwhile. */
static void say_while_the_disk_is_full(struct hub_presence *presence, char words[2048])
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

static void heartbeats_that_cannot_be_stored_are_told_of_once(void **context)
{
    char directory[64], words[2048];
    struct hub_base base = {0};
    struct hub_presence presence = {.base = &base};
    struct aq_error error = {0};
    (void)context;
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-test");
    signal(SIGXFSZ, SIG_IGN);
    aq_journal_open("test", AQ_INFO);
    test_must(live_open(&presence.live, directory, STATE_WRITE, &error), &error);
    say_while_the_disk_is_full(&presence, words);
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
        cmocka_unit_test(agents_are_found_by_name),
        cmocka_unit_test(a_mailbox_keeps_the_order),
        cmocka_unit_test(heartbeats_that_cannot_be_stored_are_told_of_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
