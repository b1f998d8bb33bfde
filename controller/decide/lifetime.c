#include "controller/decide/lifetime.h"

#include "controller/decide/placement.h"
#include "schema/codec/text.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <stdio.h>

/* "1h30m", in the arena. */
static const char *show_duration(const struct decide *decide, uint64_t seconds)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    aq_number_to_text(aq_record_field(&aq_needs_record, "lifetime"), seconds, &text);
    return aq_arena_text(decide->arena, text.data, text.length);
}

/* The shortest lifetime of the label's definitions, for each of them may be chosen; 0: none has one. */
static uint64_t lifetime_of_label(const struct aq_label *label)
{
    uint64_t least = 0;
    for (uint32_t i = 0; i < label->definitions.count; i++) {
        uint64_t lifetime = AQ_ITEM(label->definitions, struct aq_definition, i)->resources.lifetime;
        if (lifetime != 0 && (least == 0 || lifetime < least))
            least = lifetime;
    }
    return least;
}

#define EXCEED "label.exceed"

static bool may_exceed(const struct decide *decide)
{
    return aq_rights_scope(&decide->caller.rights, aq_permission_named(EXCEED)) == AQ_SCOPE_ALL;
}

/* `seconds` are what `what` says, such as "lifetime is". */
static int check_bound(const struct decide *decide, const struct aq_label *label, uint64_t bound, const char *what,
                       uint64_t seconds, struct aq_error *error)
{
    if (bound == 0 || seconds <= bound || may_exceed(decide))
        return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "%s %s, more than %s, the lifetime of label %s: to give more takes the permission %s", what,
                   show_duration(decide, seconds), show_duration(decide, bound), label->name, EXCEED);
}

int decide_check_lifetime(const struct decide *decide, const struct aq_label *label, uint64_t lifetime,
                          struct aq_error *error)
{
    return check_bound(decide, label, lifetime_of_label(label), "lifetime is", lifetime, error);
}

/* ---- extend --------------------------------------------------------------------------------------------- */

/* An application, and how long it runs. */
struct extending {
    const struct aq_application_extend *command;
    struct aq_application application;
    struct aq_label label;
    uint64_t started_at; /* 0: it has not started */
    uint64_t bound;      /* the label's lifetime; 0: none */
    uint64_t lifetime;   /* present one; 0: none */
};

static int check_fields(const struct aq_application_extend *command, struct aq_error *error)
{
    if (command->by == 0 && command->lifetime == 0)
        return aq_fail(error, AQ_E_INVALID,
                       "by is missing: give by (how much longer), or lifetime (how long from its start)");
    if (command->by != 0 && command->lifetime != 0)
        return aq_fail(error, AQ_E_INVALID, "by and lifetime are both given: give one of them");
    return 0;
}

static int find_extended(struct decide *decide, struct extending *extending, struct aq_error *error)
{
    uint64_t id = extending->command->id;
    struct aq_application *application = &extending->application;
    struct aq_resource resource;
    decide_id_number(decide, id);
    if (decide_find_number(decide, &aq_entity_application, id, application, error) != 0 ||
        decide_check_owner(decide, application->user_number, application->project, &aq_entity_application,
                           aq_key_number(id), error) != 0)
        return -1;
    if (aq_application_is_over(application->status) || application->status == AQ_DEALLOCATE)
        return aq_fail(error, AQ_E_STATE, "application %" PRIu64 " is %s: it can no longer be extended", id,
                       aq_application_status_words.words[application->status]);
    extending->label = decide_label_of(decide, application);
    extending->bound = lifetime_of_label(&extending->label);
    extending->lifetime = application->lifetime != 0 ? application->lifetime : extending->bound;
    if (!state_resource(decide->txn, application->resource, &resource, decide->arena))
        return 0; /* it waits */
    extending->started_at = resource.started_at;
    extending->lifetime = resource.lifetime;
    extending->bound =
        AQ_ITEM(extending->label.definitions, struct aq_definition, resource.definition)->resources.lifetime;
    return 0;
}

static int choose_lifetime(const struct decide *decide, const struct extending *extending, uint64_t *lifetime,
                           struct aq_error *error)
{
    const struct aq_application_extend *command = extending->command;
    *lifetime = command->lifetime != 0 ? command->lifetime : extending->lifetime + command->by;
    if (command->by != 0 && extending->lifetime == 0)
        return aq_fail(error, AQ_E_STATE,
                       "application %" PRIu64 " has no lifetime that could be longer: it runs until it is "
                       "deallocated; lifetime= gives it one",
                       command->id);
    if (*lifetime > AQ_LIFETIME_MAX)
        return aq_fail(error, AQ_E_INVALID,
                       "by would make the lifetime longer than %s, the most that there is: it is %s now",
                       show_duration(decide, AQ_LIFETIME_MAX), show_duration(decide, extending->lifetime));
    return 0;
}

/* What is left of the new lifetime must be more than nothing, and no more than the label's lifetime. */
static int check_rest(const struct decide *decide, const struct extending *extending, uint64_t lifetime,
                      struct aq_error *error)
{
    uint64_t now = decide->time_ms, started = extending->started_at != 0 ? extending->started_at : now;
    uint64_t ran = now > started ? (now - started) / 1000 : 0;
    if (lifetime <= ran)
        return aq_fail(error, AQ_E_INVALID, "lifetime is %s, but it has run for %s already: deallocate it instead",
                       show_duration(decide, lifetime), show_duration(decide, ran));
    if (lifetime <= extending->lifetime)
        return 0; /* less than before */
    return check_bound(decide, &extending->label, extending->bound, "what is left would be", lifetime - ran, error);
}

static int extend_application(struct decide *decide, const void *record, struct aq_error *error)
{
    struct extending extending = {.command = record};
    uint64_t lifetime;
    if (check_fields(record, error) != 0 || find_extended(decide, &extending, error) != 0 ||
        choose_lifetime(decide, &extending, &lifetime, error) != 0 ||
        check_rest(decide, &extending, lifetime, error) != 0)
        return -1;
    if (lifetime == extending.lifetime && lifetime == extending.application.lifetime)
        return 0;
    uint64_t started = extending.started_at;
    struct aq_application_extended event = {extending.command->id, lifetime,
                                            started != 0 ? started + lifetime * 1000 : 0};
    decide_emit(decide, &aq_event_application_extended, &event);
    return 0;
}
DECIDE(aq_command_application_extend, extend_application);
