#include "agent/capacity.h"

#include "schema/base/journal.h"
#include "schema/model/task.h"

#include <string.h>

enum { IDENTIFIERS_OWN = 5, CONTAINERS_TOLD = 2, IDENTIFIERS_MAX = 64 };

static uint64_t lowered(const char *what, uint64_t detected, uint64_t wanted)
{
    if (wanted == 0 || wanted == detected)
        return detected;
    if (wanted < detected)
        return wanted;
    aq_journal(AQ_WARN, "the settings offer more than the host has: offering what it has", "what", what, NULL);
    return detected;
}

struct aq_amounts capacity_offer(const struct aq_amounts *detected, const struct aq_agent_capacity *settings)
{
    return (struct aq_amounts){.cpu = lowered("cpu", detected->cpu, settings->cpu),
                               .ram = lowered("ram", detected->ram, settings->ram),
                               .disk = lowered("disk", detected->disk, settings->disk),
                               .slots = settings->slots};
}

static void add(struct aq_list *list, const struct aq_list *more, struct aq_arena *arena)
{
    for (uint32_t i = 0; i < more->count; i++)
        ((const char **)list->items)[list->count++] =
            aq_arena_text(arena, AQ_TEXT_ITEM(*more, i), strlen(AQ_TEXT_ITEM(*more, i)));
}

static bool may_have_containers(const struct aq_config_agent *config)
{
    return config->drivers.count == 0 || aq_texts_have(&config->drivers, aq_driver_container.name);
}

static struct aq_list tell_containers(const struct aq_config_agent *config, struct aq_arena *arena)
{
    struct aq_list told = {aq_arena_alloc(arena, CONTAINERS_TOLD * sizeof(char *)), 0};
    if (may_have_containers(config))
        aq_allow_tell_containers(&config->container.ports, config->container.host_network, &told, arena);
    return told;
}

/* The names of those that make snapshots and images, as far as there is room: few do. */
static void add_task_drivers(struct aq_list *list, const struct drivers *drivers, struct aq_arena *arena)
{
    const char *names[DRIVERS_MAX];
    const uint32_t count = drivers_names(drivers, names);
    for (uint32_t i = 0; i < count; i++) {
        if (drivers_find(drivers, names[i])->type->task == NULL)
            continue;
        if (list->count < IDENTIFIERS_MAX)
            AQ_TEXT_ITEM(*list, list->count++) = aq_arena_format(arena, AQ_TASK_DRIVERS "%s", names[i]);
        else
            aq_journal(AQ_WARN, "no room among the identifiers to tell that a driver makes snapshots and images",
                       "driver", names[i], NULL);
    }
}

struct aq_list capacity_identifiers(const struct aq_config_agent *config, const struct host *host,
                                    const struct drivers *drivers, struct aq_arena *arena)
{
    const struct aq_allowance allowance = aq_allowance_make(&config->allow, host->user, arena);
    const struct aq_list containers = tell_containers(config, arena);
    const char **texts = aq_arena_alloc(arena, IDENTIFIERS_MAX * sizeof *texts);
    struct aq_list list = {texts, 0};
    aq_assert(IDENTIFIERS_OWN + config->identifiers.count + allowance.told.count + containers.count <= IDENTIFIERS_MAX);
    texts[list.count++] = "os:linux";
    texts[list.count++] = aq_arena_format(arena, "arch:%s", host->machine);
    texts[list.count++] = aq_arena_format(arena, "name:%s", config->name);
    texts[list.count++] = aq_arena_format(arena, "host:%s", host->name);
    texts[list.count++] = AQ_TAKES_ARGUMENTS;
    add(&list, &config->identifiers, arena);
    add(&list, &allowance.told, arena);
    add(&list, &containers, arena);
    add_task_drivers(&list, drivers, arena);
    return list;
}

int capacity_check(const struct aq_config_agent *config, struct aq_error *error)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    uint32_t told = aq_allowance_make(&config->allow, "", &arena).told.count;
    told += tell_containers(config, &arena).count;
    uint32_t most = IDENTIFIERS_MAX - IDENTIFIERS_OWN;
    if (config->identifiers.count + told <= most)
        return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "identifiers has %u entries, and allow and container lead to %u, more than %u together: a node "
                   "tells the cluster "
                   "its identifiers and what its owner allows in one list",
                   config->identifiers.count, told, most);
}
