/* Tasks that pretend to make something of a workload of the `test` driver: they take a while, and succeed or fail. */
#ifndef AQ_DRIVERS_TEST_TASKS_H
#define AQ_DRIVERS_TEST_TASKS_H

#include "drivers/driver.h"
#include "schema/drivers/test.h"

struct test_task {
    uint64_t number, resource;
    uint64_t due_ms; /* steady */
    char reason[TEST_TEXT_MAX + 1];
    char result[160];
};

/* Zeroed memory has none. */
struct test_tasks {
    struct test_task *items;
    size_t count, capacity;
};

void test_tasks_free(struct test_tasks *tasks);

/* It ends at `due_ms`; `fails` is the reason, "" if it succeeds. */
void test_tasks_add(struct test_tasks *tasks, const struct driver_task *task, uint64_t due_ms, const char *fails);
/* Those of the workload, or the one with the number, end now. 0: none. */
void test_tasks_end(struct test_tasks *tasks, uint64_t resource, uint64_t number, const char *reason);

uint64_t test_tasks_next_ms(const struct test_tasks *tasks); /* UINT64_MAX: never */
void test_tasks_work(struct test_tasks *tasks, uint64_t now_ms, driver_report_fn *report, void *context);

#endif
