#include "controller/hub/reports.h"

#include "schema/base/journal.h"
#include "schema/model/resource.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One happening on its way to become a committed command. */
struct deed {
    struct writer_request request;
    const void *records[1];
    union {
        struct aq_resource_start start;
        struct aq_resource_fail fail;
        struct aq_resource_end end;
    } record;
};

/* A report whose happenings are with the writer: each is a command of its own, for one that is refused must not
 * hold up the others. The last that is answered brings the report back. */
struct hub_report {
    struct hub_item item;
    struct hub_base *base;
    char name[HUB_NAME_SIZE];
    char author[HUB_NAME_SIZE + 8];
    uint64_t session, number;
    struct hub_question question;
    struct aq_arena arena;
    struct deed *deeds;
    uint32_t total;
    uint32_t count; /* of deeds that the writer has, or had */
    uint32_t begun; /* of those that it had before this turn */
    bool cut;       /* the writer took no more */
    atomic_uint open;
};

static void deed_done(struct writer_request *request)
{
    struct hub_report *report = request->context;
    if (atomic_fetch_sub(&report->open, 1) == 1)
        mailbox_post(&report->item);
}

/* Each text of `happening` lives in the report's arena already. */
static void deed_fill(struct deed *deed, const struct hub_report *report, const struct aq_happening *happening)
{
    if (happening->what == AQ_HAPPENED_STARTED) {
        deed->request.command = &aq_command_resource_start;
        deed->record.start = (struct aq_resource_start){.id = happening->resource,
                                                        .node = report->name,
                                                        .identifier = happening->identifier,
                                                        .ip_addr = happening->ip_addr,
                                                        .hw_addr = happening->hw_addr};
    } else if (happening->what == AQ_HAPPENED_FAILED) {
        deed->request.command = &aq_command_resource_fail;
        deed->record.fail =
            (struct aq_resource_fail){.id = happening->resource, .node = report->name, .reason = happening->reason};
    } else {
        deed->request.command = &aq_command_resource_end;
        deed->record.end = (struct aq_resource_end){.id = happening->resource,
                                                    .node = report->name,
                                                    .exit_status = happening->exit_status,
                                                    .reason = happening->reason};
    }
    deed->records[0] = &deed->record;
    deed->request.records = deed->records;
    deed->request.count = 1;
    deed->request.author = report->author;
    deed->request.role = AQ_ROLE_ADMIN;
    deed->request.done = deed_done;
    deed->request.context = (void *)report;
}

/* Is there something that has to be told again? */
static bool waits(const struct hub_report *report)
{
    for (uint32_t i = 0; i < report->count; i++)
        if (hub_error_is_temporary(report->deeds[i].request.error.code))
            return true;
    return false;
}

/* Has the cluster taken note for good? A refusal is such a note, unless it may be another next time. */
static bool is_noted(const struct hub_report *report)
{
    for (uint32_t i = 0; i < report->count; i++) {
        const struct writer_request *request = &report->deeds[i].request;
        if (request->error.code != AQ_OK && !hub_error_is_temporary(request->error.code))
            aq_journal(AQ_INFO, "report refused", "node", report->name, "command", request->command->name, "error",
                       request->error.message, NULL);
    }
    return !report->cut && !waits(report);
}

static void report_free(struct hub_report *report)
{
    free(report->deeds);
    aq_arena_free(&report->arena);
    free(report);
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
    report->session = message->session;
    report->number = message->number;
    report->question = *question;
    report->base = base;
    report->item.home = &base->mailbox;
    report->total = copy->happenings.count;
    report->deeds = aq_calloc(report->total, sizeof *report->deeds);
    for (uint32_t i = 0; i < report->total; i++)
        deed_fill(&report->deeds[i], report, AQ_ITEM(copy->happenings, struct aq_happening, i));
    return report;
}

static void report_done(struct hub_item *item);

static void report_submit(struct hub_report *report)
{
    struct aq_error error;
    report->item.run = report_done;
    mailbox_expect(report->item.home, &report->item);
    report->begun = report->count;
    report->cut = false;
    atomic_store(&report->open, 1); /* held until all are handed over */
    while (report->count < report->total && !report->cut) {
        atomic_fetch_add(&report->open, 1);
        if (writer_submit(report->base->writer, &report->deeds[report->count].request, &error) == 0) {
            report->count++;
        } else {
            atomic_fetch_sub(&report->open, 1);
            report->cut = true;
        }
    }
    if (atomic_fetch_sub(&report->open, 1) == 1)
        mailbox_post(&report->item);
}

static void report_done(struct hub_item *item)
{
    struct hub_report *report = (struct hub_report *)item;
    struct hub_agent *agent = agents_find(&report->base->agents, report->name);
    bool known = agent != NULL && agent->report == report;
    if (known && report->cut && report->count > report->begun && !waits(report)) {
        report_submit(report); /* some of it is done: a report may be longer than the queue */
        return;
    }
    bool noted = is_noted(report); /* if not, the agent is not answered, and tells again */
    if (known) {
        agent->report = NULL;
        agent->seen_ms = report->base->now_ms; /* it was silent because it waited for us */
        if (noted) {
            agent->noted = report->number;
            channel_answer(&report->question, AQ_MSG_NOTED, &(struct aq_noted){.number = report->number});
        }
    }
    report_free(report);
}

void reports_take(struct hub_base *base, struct hub_agent *agent, struct hub_question *question,
                  const struct aq_report *message)
{
    if (message->number <= agent->noted || (agent->report == NULL && message->happenings.count == 0)) {
        agent->noted = message->number > agent->noted ? message->number : agent->noted;
        channel_answer(question, AQ_MSG_NOTED, &(struct aq_noted){.number = message->number});
        return;
    }
    if (agent->report != NULL) {
        /* The same once more, before it is durable: whoever asked last is answered. */
        if (agent->report->number == message->number)
            agent->report->question = *question;
        return;
    }
    agent->report = report_new(base, agent, message, question);
    report_submit(agent->report);
}
