#include "agent/programs.h"

#include "drivers/program/find.h"
#include "drivers/program/program.h"
#include "schema/base/journal.h"

struct finding {
    struct drivers *drivers;
    const char *node, *directory;
    const struct aq_list *wanted;
    uint32_t added;
    const struct opened_driver *there[DRIVERS_MAX]; /* open ones whose files were found */
    uint32_t there_count;
};

static void leave_out(const char *name, const char *path, const char *why)
{
    aq_journal(AQ_WARN, "driver left out", "driver", name, "path", path, "error", why, NULL);
}

static void take_found(void *context, const char *name, const char *path, const char *refusal)
{
    struct finding *finding = context;
    struct drivers *drivers = finding->drivers;
    const struct opened_driver *open = drivers_find(drivers, name);
    if (open != NULL && open->type->life != NULL) {
        finding->there[finding->there_count++] = open;
        if (refusal == NULL)
            open->type->life->retry(open->driver);
        else
            open->type->life->withdraw(open->driver, refusal);
        return;
    }
    if (!drivers_are_wanted(name, finding->wanted))
        return;
    if (refusal != NULL) {
        leave_out(name, path, refusal);
    } else if (drivers->count == DRIVERS_MAX) {
        leave_out(name, path, "this agent has as many drivers as it can have");
    } else {
        struct driver *driver = program_driver_open(name, path, program_helpers(finding->directory), finding->node,
                                                    drivers->now, drivers->report, drivers->context);
        drivers_add(drivers, program_driver_type(driver), driver);
        finding->added++;
    }
}

static void withdraw_missing(const struct finding *finding, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct opened_driver *open = &finding->drivers->opened[i];
        bool there = open->type->life == NULL;
        for (uint32_t k = 0; k < finding->there_count && !there; k++)
            there = finding->there[k] == open;
        if (!there)
            open->type->life->withdraw(open->driver, "its file is not there any more");
    }
}

uint32_t programs_find(struct drivers *drivers, const char *node, const char *directory, const struct aq_list *wanted)
{
    struct finding finding = {.drivers = drivers, .node = node, .directory = directory, .wanted = wanted};
    struct aq_error error;
    const uint32_t before = drivers->count;
    if (directory[0] != '\0' && program_find_all(directory, take_found, &finding, &error) != 0)
        aq_journal(AQ_ERROR, "no driver programs are used", "drivers_dir", directory, "error", error.message, NULL);
    else if (directory[0] != '\0')
        withdraw_missing(&finding, before);
    for (uint32_t i = 0; directory[0] != '\0' && i < wanted->count; i++)
        if (drivers_find(drivers, AQ_TEXT_ITEM(*wanted, i)) == NULL)
            aq_journal(AQ_WARN, "a driver that is wanted is not there", "driver", AQ_TEXT_ITEM(*wanted, i), NULL);
    return finding.added;
}
