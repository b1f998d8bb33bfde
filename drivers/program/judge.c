/* What a program says: each line is one answer or one report. What cannot be is refused, and counted. */
#include "drivers/program/state.h"

#include "schema/base/journal.h"
#include "schema/codec/json.h"
#include "schema/drivers/options.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

enum { AGE_MS_MAX = 600000, STATUS_CANNOT_RUN = 126 };

/* A member that is a text, cut to `size` - 1 bytes; "" if there is none. Returns false if it is something else. */
static bool read_text(const json_t *line, const char *member, char *text, size_t size)
{
    const json_t *value = json_object_get(line, member);
    text[0] = '\0';
    if (value == NULL)
        return true;
    if (!aq_option_is_text(value))
        return false;
    snprintf(text, size, "%s", json_string_value(value));
    return true;
}

static bool read_number(const json_t *line, const char *member, uint64_t most, uint64_t *number)
{
    const json_t *value = json_object_get(line, member);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > most)
        return false;
    *number = (uint64_t)json_integer_value(value);
    return true;
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static void take_refusal(struct driver *driver, const struct program_call *call, const char *why)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    const bool of_other = call->kind == CALL_COMMAND || call->kind == CALL_END_COMMAND || call->kind == CALL_TASK ||
                          call->kind == CALL_END_TASK; /* the number is that of a command or a task */
    struct program_workload *workload = of_other ? NULL : roster_find(&driver->roster, call->number);
    if (workload != NULL && workload->phase == WORKLOAD_CLEARING)
        return;
    if (call->kind == CALL_START && workload != NULL && workload->phase == WORKLOAD_STARTING) {
        program_workload_over(driver, workload, DRIVER_FAILED, 0, why);
    } else if (call->kind == CALL_ADOPT && workload != NULL && workload->adopting) {
        aq_buffer_format(&text, "it cannot be adopted: %s", why);
        program_workload_over(driver, workload, DRIVER_ENDED, PROGRAM_STATUS_LOST, aq_buffer_string(&text));
    } else if (call->kind == CALL_END_LEFTOVER && workload != NULL) {
        aq_buffer_format(&text, "what is left of it cannot be ended: %s", why);
        program_workload_over(driver, workload, DRIVER_ENDED, PROGRAM_STATUS_LOST, aq_buffer_string(&text));
    } else if (call->kind == CALL_STOP && workload != NULL) {
        aq_journal(AQ_ERROR, "a driver program cannot stop a workload", "driver", driver->name, "error", why, NULL);
        workload->stop_refused = true; /* it is asked again */
    } else if (call->kind == CALL_COMMAND) {
        const bool ended = program_command_over(driver, call->number, STATUS_CANNOT_RUN, why);
        (void)ended; /* with its workload, before */
    } else if (call->kind == CALL_TASK) {
        const bool ended = program_task_over(driver, call->number, why, NULL);
        (void)ended;
    } else if (call->kind == CALL_SETTINGS) {
        aq_journal(AQ_WARN, "a driver program does not take its settings", "driver", driver->name, "error", why, NULL);
    }
}

static void take_answer(struct driver *driver, const json_t *line)
{
    uint64_t id;
    char why[PROGRAM_TEXT_MAX + 1];
    if (!read_number(line, "id", INT64_MAX, &id) || !read_text(line, "error", why, sizeof why)) {
        program_fault(driver, "an answer must have a number \"id\", and may have a text \"error\"");
        return;
    }
    if (driver->first_call == driver->call_count || driver->calls[driver->first_call].id != id) {
        program_fault(driver, "it answers call %" PRIu64 ", but that is not the oldest that has no answer", id);
        return;
    }
    const struct program_call call = driver->calls[driver->first_call++];
    if (driver->first_call == driver->call_count)
        program_drop_calls(driver);
    driver->answered_ms = driver->now->steady_ms;
    if (call.kind == CALL_COMMAND)
        program_command_opened(driver, call.number);
    if (json_object_get(line, "error") != NULL)
        take_refusal(driver, &call, why[0] != '\0' ? why : "refused by its driver program, without a reason");
}

/* ---- reports ---------------------------------------------------------------------------------------------- */

static bool is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return text[0] == '\0' || inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* One that runs has another address, and not every moment. */
static bool may_be_told(const struct driver *driver, const struct program_workload *workload, const char *ip_addr,
                        const char *hw_addr)
{
    if (workload->phase == WORKLOAD_STARTING || workload->adopting)
        return true;
    return (strcmp(workload->ip_addr, ip_addr) != 0 || strcmp(workload->hw_addr, hw_addr) != 0) &&
           (workload->moves < PROGRAM_MOVES_FREE || driver->now->steady_ms >= workload->told_ms + PROGRAM_ADDRESS_MS);
}

static void take_started(struct driver *driver, struct program_workload *workload, const json_t *line)
{
    char identifier[PROGRAM_TEXT_MAX + 1], ip_addr[PROGRAM_ADDRESS_MAX + 1], hw_addr[PROGRAM_ADDRESS_MAX + 1];
    if (!read_text(line, "identifier", identifier, sizeof identifier) ||
        !read_text(line, "ip_addr", ip_addr, sizeof ip_addr) || !read_text(line, "hw_addr", hw_addr, sizeof hw_addr) ||
        identifier[0] == '\0')
        program_fault(driver, "a report \"started\" must have an identifier, and texts");
    else if (!is_address(ip_addr))
        program_fault(driver, "ip_addr of resource %" PRIu64 " is \"%s\", which is no address", workload->resource,
                      ip_addr);
    else if (!may_be_told(driver, workload, ip_addr, hw_addr))
        program_fault(driver, "it reports a start of resource %" PRIu64 " that cannot be now", workload->resource);
    else
        program_workload_started(driver, workload, identifier, ip_addr, hw_addr);
}

static void take_failed(struct driver *driver, struct program_workload *workload, const json_t *line)
{
    char reason[PROGRAM_TEXT_MAX + 1];
    workload->lease_over = json_is_true(json_object_get(line, "lease_over"));
    if (!read_text(line, "reason", reason, sizeof reason) || reason[0] == '\0')
        program_fault(driver, "a report \"failed\" must have a reason");
    else if (workload->phase != WORKLOAD_STARTING)
        program_fault(driver, "it reports that resource %" PRIu64 " failed, which has started", workload->resource);
    else
        program_workload_over(driver, workload, DRIVER_FAILED, 0, reason);
}

static void take_ended(struct driver *driver, struct program_workload *workload, const json_t *line)
{
    char reason[PROGRAM_TEXT_MAX + 1];
    uint64_t status;
    workload->lease_over = json_is_true(json_object_get(line, "lease_over"));
    if (!read_number(line, "status", 255, &status) || !read_text(line, "reason", reason, sizeof reason) ||
        reason[0] == '\0')
        program_fault(driver, "a report \"ended\" must have a status from 0 to 255 and a reason");
    else if (workload->phase == WORKLOAD_STARTING && !workload->adopted)
        program_fault(driver, "it reports the end of resource %" PRIu64 ", which has not started", workload->resource);
    else
        program_workload_over(driver, workload, DRIVER_ENDED, (int)status, reason);
}

static void take_output(struct driver *driver, struct program_workload *workload, const json_t *line)
{
    const json_t *text = json_object_get(line, "text");
    if (!json_is_string(text))
        program_fault(driver, "a report \"output\" must have a text");
    else
        program_workload_write(driver, workload, json_string_value(text), json_string_length(text));
}

static void take_task_ended(struct driver *driver, const json_t *line)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const json_t *result = json_object_get(line, "result");
    char reason[PROGRAM_TEXT_MAX + 1];
    uint64_t number;
    if (!read_number(line, "task", INT64_MAX, &number) || !read_text(line, "reason", reason, sizeof reason) ||
        (result != NULL && !json_is_object(result)))
        program_fault(driver,
                      "a report \"task_ended\" must have a task, and may have a reason and a result, an object");
    else if (!program_task_over(driver, number, reason, result != NULL ? aq_json_compact(result, &arena) : NULL) &&
             number > driver->last_task)
        program_fault(driver, "it reports the end of task %" PRIu64 ", which is not under way", number);
}

static bool read_counter(const json_t *line, const char *member, uint64_t most, uint64_t *stored)
{
    uint64_t number;
    *stored = 0;
    if (json_object_get(line, member) == NULL)
        return true;
    const bool good = read_number(line, member, most, &number);
    if (good)
        *stored = aq_some(number);
    return good;
}

static void take_used(struct driver *driver, struct program_workload *workload, const json_t *line)
{
    struct aq_sample used = {0};
    uint64_t age_ms = 0;
    if ((json_object_get(line, "age_ms") != NULL && !read_number(line, "age_ms", AGE_MS_MAX, &age_ms)) ||
        !read_counter(line, "cpu_us", AQ_USAGE_COUNTER_MAX, &used.cpu_us) ||
        !read_counter(line, "memory", AQ_USAGE_MEMORY_MAX, &used.memory) ||
        !read_counter(line, "read", AQ_USAGE_COUNTER_MAX, &used.read) ||
        !read_counter(line, "written", AQ_USAGE_COUNTER_MAX, &used.written) ||
        !read_counter(line, "received", AQ_USAGE_COUNTER_MAX, &used.received) ||
        !read_counter(line, "sent", AQ_USAGE_COUNTER_MAX, &used.sent)) {
        program_fault(driver, "a report \"used\" must have whole numbers");
        return;
    }
    used.at_ms = driver->now->steady_ms > age_ms ? driver->now->steady_ms - age_ms : 0;
    workload->used = used;
}

/* Whether the program takes starts. */
static void take_usability(struct driver *driver, bool usable, const json_t *line)
{
    char reason[PROGRAM_TEXT_MAX + 1];
    if (!read_text(line, "reason", reason, sizeof reason) || (reason[0] == '\0') != usable) {
        program_fault(driver, "a report \"unusable\" must have a reason, and \"usable\" none");
        return;
    }
    free(driver->unusable);
    driver->unusable = usable ? NULL : aq_strdup(reason);
    driver->changes++;
    aq_journal(usable ? AQ_INFO : AQ_WARN, usable ? "a driver can be used again" : "a driver cannot be used", "driver",
               driver->name, "reason", reason, NULL);
}

static void take_usable(struct driver *driver, const json_t *line)
{
    take_usability(driver, true, line);
}

static void take_unusable(struct driver *driver, const json_t *line)
{
    take_usability(driver, false, line);
}

static void take_command_ended(struct driver *driver, const json_t *line)
{
    char reason[PROGRAM_TEXT_MAX + 1];
    uint64_t number, status;
    if (!read_number(line, "command", INT64_MAX, &number) || !read_number(line, "status", 255, &status) ||
        !read_text(line, "reason", reason, sizeof reason) || reason[0] == '\0')
        program_fault(driver, "a report \"command_ended\" must have a command, a status from 0 to 255 and a reason");
    else if (!program_command_over(driver, number, (int)status, reason) && number > driver->last_command)
        program_fault(driver, "it reports the end of command %" PRIu64 ", which does not run", number);
}

static const struct report_kind {
    const char *word;
    /* Of a workload, or of something else: one of the two. */
    void (*take_workload)(struct driver *driver, struct program_workload *workload, const json_t *line);
    void (*take)(struct driver *driver, const json_t *line);
} kinds[] = {
    {"started", take_started, NULL},       {"failed", take_failed, NULL}, {"ended", take_ended, NULL},
    {"output", take_output, NULL},         {"used", take_used, NULL},     {"command_ended", NULL, take_command_ended},
    {"task_ended", NULL, take_task_ended}, {"usable", NULL, take_usable}, {"unusable", NULL, take_unusable},
};

static void take_of_workload(struct driver *driver, const struct report_kind *kind, const json_t *line)
{
    uint64_t resource = 0;
    struct program_workload *workload =
        read_number(line, "resource", INT64_MAX, &resource) ? roster_find(&driver->roster, resource) : NULL;
    if (workload == NULL || workload->phase == WORKLOAD_CLEARING || workload->phase == WORKLOAD_HELD)
        program_fault(driver, "it reports \"%s\" of resource %" PRIu64 ", which it does not have", kind->word,
                      resource);
    else
        kind->take_workload(driver, workload, line);
}

static void take_report(struct driver *driver, const char *word, const json_t *line)
{
    for (size_t i = 0; i < AQ_LENGTH(kinds); i++) {
        if (strcmp(kinds[i].word, word) != 0)
            continue;
        if (kinds[i].take != NULL)
            kinds[i].take(driver, line);
        else
            take_of_workload(driver, &kinds[i], line);
        return;
    }
    program_fault(driver, "it reports \"%.64s\", which is no report", word);
}

void program_judge(struct driver *driver, const json_t *line)
{
    const json_t *report = json_object_get(line, "report");
    if (json_object_get(line, "id") != NULL)
        take_answer(driver, line);
    else if (json_is_string(report))
        take_report(driver, json_string_value(report), line);
    else
        program_fault(driver, "a line must be an answer, with \"id\", or a report, with \"report\"");
}
