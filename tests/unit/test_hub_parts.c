/* What the hub stands on: the set of numbers, the table of agents, the mailbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/hub/agents.h"
#include "controller/hub/mailbox.h"
#include "controller/hub/numbers.h"

#include <poll.h>
#include <stdio.h>

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
    assert_true(is_readable(mailbox.fd));
    struct hub_item *item = mailbox_take(&mailbox);
    for (int i = 0; i < 3; i++, item = item->next)
        assert_ptr_equal(item, &items[i]);
    assert_null(item);
    assert_false(is_readable(mailbox.fd));
    mailbox_wake(&mailbox);
    assert_true(is_readable(mailbox.fd));
    assert_null(mailbox_take(&mailbox));
    mailbox_close(&mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_is_sorted_and_bounded),
        cmocka_unit_test(agents_are_found_by_name),
        cmocka_unit_test(a_mailbox_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
