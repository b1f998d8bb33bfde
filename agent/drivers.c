#include "agent/drivers.h"

#include "schema/base/journal.h"

#include <string.h>

int drivers_check(const struct aq_list *wanted, bool programs, struct aq_error *error)
{
    for (uint32_t i = 0; i < wanted->count; i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
        if (programs || driver_find(AQ_TEXT_ITEM(*wanted, i)) != NULL)
            continue;
        for (size_t k = 0; driver_types[k] != NULL; k++)
            aq_buffer_format(&known, "%s%s", k > 0 ? ", " : "", driver_types[k]->declared->name);
        return aq_fail(error, AQ_E_INVALID, "drivers[%u] is \"%.64s\", but without drivers_dir there are only: %s", i,
                       AQ_TEXT_ITEM(*wanted, i), aq_buffer_string(&known));
    }
    return 0;
}

bool drivers_are_wanted(const char *name, const struct aq_list *wanted)
{
    return wanted->count == 0 || aq_texts_have(wanted, name);
}

void drivers_open(struct drivers *drivers, const char *node, const struct aq_list *wanted, const struct aq_clocks *now,
                  driver_report_fn *report, void *context)
{
    *drivers = (struct drivers){.now = now, .report = report, .context = context};
    for (size_t i = 0; driver_types[i] != NULL; i++) {
        const struct driver_type *type = driver_types[i];
        struct aq_error why;
        if (!drivers_are_wanted(type->declared->name, wanted))
            continue;
        if (type->probe(&why) != 0) {
            aq_journal(AQ_WARN, "driver left out", "driver", type->declared->name, "error", why.message, NULL);
            continue;
        }
        drivers_add(drivers, type, type->open(node, now, report, context));
    }
}

void drivers_add(struct drivers *drivers, const struct driver_type *type, struct driver *driver)
{
    aq_assert(drivers->count < DRIVERS_MAX);
    drivers->opened[drivers->count++] = (struct opened_driver){type, driver};
}

void drivers_close(struct drivers *drivers)
{
    for (uint32_t i = 0; i < drivers->count; i++)
        drivers->opened[i].type->close(drivers->opened[i].driver);
    *drivers = (struct drivers){0};
}

const struct opened_driver *drivers_find(const struct drivers *drivers, const char *name)
{
    for (uint32_t i = 0; i < drivers->count; i++)
        if (strcmp(drivers->opened[i].type->declared->name, name) == 0)
            return &drivers->opened[i];
    return NULL;
}

uint32_t drivers_names(const struct drivers *drivers, const char *names[])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < drivers->count; i++) {
        const struct opened_driver *one = &drivers->opened[i];
        if (one->type->life == NULL || one->type->life->refusal(one->driver) == NULL)
            names[count++] = one->type->declared->name;
    }
    return count;
}

struct aq_list drivers_describe(const struct drivers *drivers, uint32_t most, struct aq_arena *arena)
{
    struct aq_list lines = {aq_arena_alloc(arena, most * sizeof(char *)), 0};
    for (uint32_t i = 0; i < drivers->count; i++) {
        const struct opened_driver *one = &drivers->opened[i];
        if (one->type->life != NULL && one->type->life->describe != NULL)
            one->type->life->describe(one->driver, &lines, most, arena);
    }
    return lines;
}

bool drivers_are_settled(const struct drivers *drivers)
{
    for (uint32_t i = 0; i < drivers->count; i++) {
        const struct opened_driver *one = &drivers->opened[i];
        if (one->type->life != NULL && !one->type->life->is_settled(one->driver))
            return false;
    }
    return true;
}

bool drivers_wait_for(const struct drivers *drivers, pid_t child)
{
    for (uint32_t i = 0; i < drivers->count; i++) {
        const struct opened_driver *one = &drivers->opened[i];
        if (one->type->life != NULL && one->type->life->waits_for(one->driver, child))
            return true;
    }
    return false;
}

unsigned drivers_changes(const struct drivers *drivers)
{
    unsigned changes = drivers->count;
    for (uint32_t i = 0; i < drivers->count; i++) {
        const struct opened_driver *one = &drivers->opened[i];
        changes += one->type->life != NULL ? one->type->life->changes(one->driver) : 0;
    }
    return changes;
}

void drivers_allow(const struct drivers *drivers, const struct aq_allowance *allowance)
{
    for (uint32_t i = 0; i < drivers->count; i++)
        if (drivers->opened[i].type->allow != NULL)
            drivers->opened[i].type->allow(drivers->opened[i].driver, allowance);
}

void drivers_configure(const struct drivers *drivers, const struct driver_settings *settings)
{
    for (uint32_t i = 0; i < drivers->count; i++)
        if (drivers->opened[i].type->configure != NULL)
            drivers->opened[i].type->configure(drivers->opened[i].driver, settings);
}

uint64_t drivers_deadline_ms(const struct drivers *drivers)
{
    uint64_t soonest_ms = UINT64_MAX;
    for (uint32_t i = 0; i < drivers->count; i++) {
        uint64_t deadline_ms = drivers->opened[i].type->deadline_ms(drivers->opened[i].driver);
        soonest_ms = deadline_ms < soonest_ms ? deadline_ms : soonest_ms;
    }
    return soonest_ms;
}

void drivers_work(const struct drivers *drivers)
{
    for (uint32_t i = 0; i < drivers->count; i++)
        drivers->opened[i].type->work(drivers->opened[i].driver);
}
