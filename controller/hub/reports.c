#include "controller/hub/reports.h"

#include "schema/base/journal.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "schema/model/task.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What happened to one resource, as a command. */
struct report_command {
    struct writer_request request;
    const void *records[1];
    union {
        struct aq_resource_start start;
        struct aq_resource_fail fail;
        struct aq_resource_lose lose;
        struct aq_resource_restart restart;
        struct aq_resource_check check;
        struct aq_resource_end end;
        struct aq_node_shutdown_answer shutdown;
        struct aq_task_end task;
    } record;
};

/* A report that the writer makes commands of. Each command is a request of its own, so that a refusal does not stop the
 * others. The last answer posts the report to the mailbox. */
struct hub_report {
    struct hub_item item;
    struct hub_base *base;
    char name[HUB_NAME_SIZE];
    char author[HUB_NAME_SIZE + 8];
    uint64_t number;
    struct hub_question question;
    struct aq_arena arena;
    struct report_command *commands;
    uint32_t total;       /* number of commands, */
    uint32_t sent;        /* of those that were submitted, */
    uint32_t sent_before; /* and of those that were submitted before the last submit_commands() */
    bool stopped;         /* the writer did not take the next one: a full queue, no leader, */
    struct aq_error why;  /* in words */
    atomic_uint unanswered;
};

static void command_done(struct writer_request *request)
{
    struct hub_report *report = request->context;
    if (atomic_fetch_sub(&report->unanswered, 1) == 1)
        mailbox_post(&report->item);
}

static void fill_request(struct report_command *command, const struct hub_report *report)
{
    command->records[0] = &command->record;
    command->request.records = command->records;
    command->request.count = 1;
    command->request.caller = aq_caller_internal(report->author);
    command->request.done = command_done;
    command->request.context = (void *)report;
}

static void fill_task(struct report_command *command, const struct hub_report *report,
                      const struct aq_task_report *task)
{
    command->request.command = &aq_command_task_end;
    command->record.task = (struct aq_task_end){
        .id = task->task, .node = report->name, .failed = task->failed, .reason = task->reason, .result = task->result};
    fill_request(command, report);
}

/* `message` is in the report's arena, as the texts of happenings are. */
static void fill_shutdown(struct report_command *command, const struct hub_report *report,
                          const struct aq_report *message)
{
    command->request.command = &aq_command_node_shutdown_answer;
    command->record.shutdown = (struct aq_node_shutdown_answer){
        .name = report->name, .order = message->shutdown, .refused = message->shutdown_refused};
    fill_request(command, report);
}

static void fill_command(struct report_command *command, const struct hub_report *report,
                         const struct aq_happening *happening)
{
    if (happening->what == AQ_HAPPENED_STARTED) {
        command->request.command = &aq_command_resource_start;
        command->record.start = (struct aq_resource_start){.id = happening->resource,
                                                           .node = report->name,
                                                           .identifier = happening->identifier,
                                                           .ip_addr = happening->ip_addr,
                                                           .hw_addr = happening->hw_addr};
    } else if (happening->what == AQ_HAPPENED_FAILED) {
        command->request.command = &aq_command_resource_fail;
        command->record.fail = (struct aq_resource_fail){.id = happening->resource,
                                                         .node = report->name,
                                                         .reason = happening->reason,
                                                         .log_bytes = happening->log_bytes};
    } else if (happening->what == AQ_HAPPENED_LOST) {
        command->request.command = &aq_command_resource_lose;
        command->record.lose =
            (struct aq_resource_lose){.id = happening->resource, .node = report->name, .reason = happening->reason};
    } else if (happening->what == AQ_HAPPENED_RESTARTED) {
        command->request.command = &aq_command_resource_restart;
        command->record.restart = (struct aq_resource_restart){.id = happening->resource,
                                                               .node = report->name,
                                                               .restarts = happening->restarts,
                                                               .reason = happening->reason};
    } else if (happening->what == AQ_HAPPENED_CHECKED) {
        command->request.command = &aq_command_resource_check;
        command->record.check = (struct aq_resource_check){
            .id = happening->resource, .node = report->name, .health = happening->health, .reason = happening->reason};
    } else {
        command->request.command = &aq_command_resource_end;
        command->record.end = (struct aq_resource_end){.id = happening->resource,
                                                       .node = report->name,
                                                       .exit_status = happening->exit_status,
                                                       .reason = happening->reason,
                                                       .unknown = happening->unknown,
                                                       .log_bytes = happening->log_bytes};
    }
    fill_request(command, report);
}

/* Why a command failed that could succeed later; NULL: there is none. */
static const struct aq_error *must_retry(const struct hub_report *report)
{
    for (uint32_t i = 0; i < report->sent; i++)
        if (hub_error_is_temporary(report->commands[i].request.error.code))
            return &report->commands[i].request.error;
    return NULL;
}

/* Is every command committed or refused for good? Logs the refusals. */
static bool is_settled(const struct hub_report *report)
{
    for (uint32_t i = 0; i < report->sent; i++) {
        const struct writer_request *request = &report->commands[i].request;
        if (request->error.code != AQ_OK && !hub_error_is_temporary(request->error.code))
            aq_journal(AQ_INFO, "report refused", "node", report->name, "command", request->command->name, "error",
                       request->error.message, NULL);
    }
    return !report->stopped && must_retry(report) == NULL;
}

static void report_free(struct hub_report *report)
{
    free(report->commands);
    aq_arena_free(&report->arena);
    free(report);
}

static void report_drop(struct hub_item *item)
{
    report_free((struct hub_report *)item);
}

static struct hub_report *report_new(struct hub_base *base, const struct hub_agent *agent,
                                     const struct aq_report *message, const struct hub_question *question)
{
    struct hub_report *report = aq_calloc(1, sizeof *report);
    struct aq_report *copy = aq_arena_alloc(&report->arena, sizeof *copy);
    struct aq_report source = *message;
    source.told = (struct aq_list){0};
    aq_record_copy(&aq_report_record, copy, &source, &report->arena);
    memcpy(report->name, agent->name, sizeof report->name);
    snprintf(report->author, sizeof report->author, "node:%s", agent->name);

    report->number = message->number;
    report->question = *question;
    report->base = base;
    report->item.home = &base->mailbox;
    report->item.drop = report_drop;
    report->total = copy->tasks.count + copy->happenings.count + (copy->shutdown != 0);
    report->commands = aq_calloc(report->total, sizeof *report->commands);
    /* First: a workload that has ended takes the tasks with it that are under way. */
    for (uint32_t i = 0; i < copy->tasks.count; i++)
        fill_task(&report->commands[i], report, AQ_ITEM(copy->tasks, struct aq_task_report, i));
    for (uint32_t i = 0; i < copy->happenings.count; i++)
        fill_command(&report->commands[copy->tasks.count + i], report,
                     AQ_ITEM(copy->happenings, struct aq_happening, i));
    if (copy->shutdown != 0)
        fill_shutdown(&report->commands[report->total - 1], report, copy);
    return report;
}

static void report_done(struct hub_item *item);

static void answer_noted(struct hub_question *question, const struct hub_agent *agent, uint64_t number)
{
    channel_answer(question, AQ_MSG_NOTED, &(struct aq_noted){.number = number, .lease = agent_renews_leases(agent)});
}

static void submit_commands(struct hub_report *report)
{
    report->item.run = report_done;
    mailbox_expect(report->item.home, &report->item);
    report->sent_before = report->sent;
    report->stopped = false;
    atomic_store(&report->unanswered, 1); /* so that the report is not posted before all are submitted */
    while (report->sent < report->total && !report->stopped) {
        atomic_fetch_add(&report->unanswered, 1);
        if (writer_submit(report->base->writer, &report->commands[report->sent].request, &report->why) == 0) {
            report->sent++;
        } else {
            atomic_fetch_sub(&report->unanswered, 1);
            report->stopped = true;
        }
    }
    if (atomic_fetch_sub(&report->unanswered, 1) == 1)
        mailbox_post(&report->item);
}

static void report_done(struct hub_item *item)
{
    struct hub_report *report = (struct hub_report *)item;
    struct hub_agent *agent = agents_find(&report->base->agents, report->name);
    bool known = agent != NULL && agent->report == report;
    if (known && report->stopped && report->sent > report->sent_before && must_retry(report) == NULL) {
        submit_commands(report); /* some were done, and now there is room: a report may be longer than the queue */
        return;
    }
    bool noted = is_settled(report); /* if not, the agent sends the report again */
    if (known) {
        agent->report = NULL;
        agent->seen_ms = report->base->now.steady_ms; /* it was silent because it waited for the answer */
        if (noted) {
            agent->noted = report->number;
            answer_noted(&report->question, agent, report->number);
        } else {
            const struct aq_error *why = must_retry(report);
            channel_refuse(&report->question, why != NULL ? why : &report->why);
        }
    }
    report_free(report);
}

/* Besides the answers to questions, which are no commands. */
static bool leads_to_nothing(const struct aq_report *message)
{
    return message->happenings.count == 0 && message->tasks.count == 0 && message->shutdown == 0;
}

void reports_take(struct hub_base *base, struct hub_agent *agent, struct hub_question *question,
                  const struct aq_report *message)
{
    if (message->number <= agent->noted || (agent->report == NULL && leads_to_nothing(message))) {
        agent->noted = message->number > agent->noted ? message->number : agent->noted;
        answer_noted(question, agent, message->number);
        return;
    }
    if (agent->report != NULL) {
        /* The same report came again before it is done: the last question gets the answer. */
        if (agent->report->number == message->number)
            agent->report->question = *question;
        return;
    }
    agent->report = report_new(base, agent, message, question);
    submit_commands(agent->report);
}
