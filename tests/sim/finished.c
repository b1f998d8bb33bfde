#include "tests/sim/finished.h"

#include "schema/codec/ranges.h"

#include <inttypes.h>
#include <stdio.h>

enum { SLACK_MS = 3000 /* until the leader has looked, and its command is durable */ };

struct removal {
    const struct controller *controller;
    uint64_t time_ms; /* of the log */
};

static const struct aq_application *row_at(const struct controller *controller, size_t i)
{
    return mirror_table(&controller->judge->mirror, &aq_entity_application)->rows[i];
}

static size_t row_count(const struct controller *controller)
{
    return mirror_table(&controller->judge->mirror, &aq_entity_application)->count;
}

static bool ended_before(const struct aq_application *a, const struct aq_application *b)
{
    return a->ended_at != b->ended_at ? a->ended_at < b->ended_at : a->id < b->id;
}

/* As many finished ones as the settings keep have ended after it. */
static bool is_beyond_number(const struct controller *controller, const struct aq_application *row)
{
    uint64_t most = controller->config.keep.finished.number, later = 0;
    for (size_t i = 0; i < row_count(controller); i++)
        later += row_at(controller, i)->ended_at != 0 && ended_before(row, row_at(controller, i));
    return most > 0 && later >= most;
}

static bool is_too_old(const struct controller *controller, const struct aq_application *row, uint64_t time_ms)
{
    uint64_t age_ms = controller->config.keep.finished.age * 1000;
    return age_ms > 0 && row->ended_at + age_ms <= time_ms;
}

static bool check_one(void *context, uint64_t id)
{
    const struct removal *removal = context;
    const struct controller *controller = removal->controller;
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, id);
    const struct aq_application *row = mirror_row(&controller->judge->mirror, &aq_entity_application, key);
    if (row == NULL || row->ended_at == 0 ||
        !(is_beyond_number(controller, row) || is_too_old(controller, row, removal->time_ms)))
        sim_broken(controller->sim, "finished applications stay as long as the settings say",
                   "application %" PRIu64 " is removed", id);
    return true;
}

void finished_check_command(const struct controller *controller, const struct writer_request *request)
{
    if (request->command != &aq_command_application_remove || writer_seq(controller->writer) != controller->judge->seq)
        return; /* the leader has looked at tables that are behind the log */
    const struct aq_clocks now = machine_clocks(&controller->machine);
    struct removal removal = {controller, writer_time_ms(controller->writer, &now)};
    const struct aq_application_remove *remove = request->records[0];
    (void)aq_ranges_each(remove->applications, check_one, &removal);
}

uint64_t finished_find_late(const struct controller *controller)
{
    const struct aq_clocks now = machine_clocks(&controller->machine);
    uint64_t time_ms = writer_time_ms(controller->writer, &now);
    for (size_t i = 0; i < row_count(controller); i++) {
        const struct aq_application *row = row_at(controller, i);
        if (row->ended_at != 0 && controller->judge->applications[row->id - 1].resource == 0 &&
            row->ended_at + controller->config.keep.finished.age * 1000 + SLACK_MS < time_ms &&
            is_too_old(controller, row, time_ms))
            return row->id;
    }
    return 0;
}
