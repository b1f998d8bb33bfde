#include "schema/wire/messages.h"

AQ_DEFINE_WORDS(aq_want, AQ_WANTS)
AQ_DEFINE_WORDS(aq_happened, AQ_HAPPENINGS)
AQ_DEFINE(aq_hello, "hello", 1, "an agent introduces itself")
AQ_DEFINE(aq_proof, "proof", 1, "the hub shows whose it is")
AQ_DEFINE(aq_enrol, "enrol", 1, "an agent enrols")
AQ_DEFINE(aq_enrolled, "enrolled", 1, "the hub knows the agent's key")
AQ_DEFINE(aq_welcome, "welcome", 1, "the hub accepts an agent")
AQ_DEFINE(aq_refused, "refused", 1, "the hub refuses a question")
AQ_DEFINE(aq_poll, "poll", 1, "an agent asks for work")
AQ_DEFINE(aq_task_order, "task_order", 1, "what is to be made of a workload")
AQ_DEFINE(aq_assignment, "assignment", 1, "what to do with one resource")
AQ_DEFINE(aq_ask, "ask", 1, "a question about a resource")
AQ_DEFINE(aq_extent, "extent", 1, "where an answer is in the output")
AQ_DEFINE(aq_exec_order, "exec_order", 1, "what the hub wants of a command in a workload")
AQ_DEFINE(aq_work, "work", 1, "what a node has to do")
AQ_DEFINE(aq_happening, "happening", 1, "what happened to a resource")
AQ_DEFINE(aq_told, "told", 1, "the answer to a question")
AQ_DEFINE(aq_task_report, "task_report", 1, "what became of a task")
AQ_DEFINE(aq_report, "report", 1, "what happened on a node")
AQ_DEFINE(aq_exec_told, "exec_told", 1, "what came of a command in a workload")
AQ_DEFINE(aq_exec, "exec", 1, "output of commands in workloads")
AQ_DEFINE(aq_exec_gone, "exec_gone", 1, "a session that is not known")
AQ_DEFINE(aq_executed, "executed", 1, "the hub has the output")
AQ_DEFINE(aq_kept, "kept", 1, "how much of an output is kept")
AQ_DEFINE(aq_beat, "beat", 1, "a heartbeat")
AQ_DEFINE(aq_noted, "noted", 1, "a report is durable")
AQ_DEFINE(aq_order, "order", 1, "a command from the file view")
AQ_DEFINE(aq_outcome, "outcome", 1, "the result of a command")
AQ_DEFINE(aq_watch, "watch", 1, "the file view waits for a commit")
AQ_DEFINE(aq_member, "member", 1, "a controller of the cluster")
AQ_DEFINE(aq_now, "now", 1, "the seq that the cluster has reached")
AQ_DEFINE(aq_fetch, "fetch", 1, "the file view asks for a resource's log")
AQ_DEFINE(aq_fetched, "fetched", 1, "a resource's log")

static const struct aq_record *const records[aq_message_type_count] = {
#define RECORD_OF(type, record) [type] = &record##_record,
    AQ_MESSAGES(RECORD_OF)
#undef RECORD_OF
};

const struct aq_record *aq_message_record(enum aq_message_type type)
{
    return records[type];
}
