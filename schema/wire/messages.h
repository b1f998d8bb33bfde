/* Messages between processes: agents and the controllers' hub, the file view and its controller.
 *
 * Each message is a declared record; between agents and hub it is sealed as a whole (sealed.h).
 *
 * Every exchange is one question and one answer (nanomsg REQ/REP). Agents ask over TCP, the file view over a local
 * socket, on which the kernel says who asks (gate.h).
 *
 * A message that was recorded and is sent again does not open. But an agent asks again on each new connection, and in
 * each new sealed session: POLL and REPORT carry numbers that say what is new, and messages of an earlier session
 * (HELLO) are refused.
 *
 * A message may get new fields, at the end. They are sent only if they do not have their presets, and a receiver does
 * not open a message with fields that it does not know. So the hub sets fields that are newer than an agent only after
 * that agent's HELLO has said in `form` that it knows them; then WELCOME says the same of the hub. */
#ifndef AQ_SCHEMA_WIRE_MESSAGES_H
#define AQ_SCHEMA_WIRE_MESSAGES_H

#include "schema/model/amounts.h"
#include "schema/model/exec.h"
#include "schema/model/node.h"
#include "schema/model/secret.h"
#include "schema/model/task.h"
#include "schema/model/upkeep.h"
#include "schema/model/usage.h"

enum {
    AQ_WIRE_FORMAT = 1, /* of all messages */
    AQ_WIRE_FORM = 12,  /* raised with new fields: see enum aq_form */
    AQ_WIRE_MESSAGE_MAX = 4 << 20
};

/* The AQ_WIRE_FORM from which on messages have these fields. Agents of earlier builds than form 4 cannot begin a
 * session: their BEGIN is another one. */
enum aq_form {
    AQ_FORM_UPKEEP = 4,    /* assignment.restart and those after it; happenings of restarts and of health */
    AQ_FORM_ARGUMENTS = 5, /* assignment.arguments */
    AQ_FORM_EXEC = 6,      /* work.execs; EXEC */
    AQ_FORM_SAMPLES = 7,   /* beat.samples */
    AQ_FORM_SECRETS = 9,   /* assignment.secrets, assignment.lost */
    AQ_FORM_LIFE = 10,     /* work.shutdown, report.shutdown; assignment.lease, noted.lease */
    AQ_FORM_TASKS = 11,    /* assignment.tasks, report.tasks */
    AQ_FORM_OPTIONS = 12,  /* beat.driver_options */
};

/*  type            record         from      answered by */
#define AQ_MESSAGES(M)                                                                                                 \
    M(AQ_MSG_HELLO, aq_hello)       /* agent      WELCOME */                                                           \
    M(AQ_MSG_WELCOME, aq_welcome)   /* hub */                                                                          \
    M(AQ_MSG_REFUSED, aq_refused)   /* hub: to any question */                                                         \
    M(AQ_MSG_POLL, aq_poll)         /* agent      WORK, at once or when there is some */                               \
    M(AQ_MSG_WORK, aq_work)         /* hub */                                                                          \
    M(AQ_MSG_REPORT, aq_report)     /* agent      NOTED, when it is durable */                                         \
    M(AQ_MSG_BEAT, aq_beat)         /* agent      NOTED, at once */                                                    \
    M(AQ_MSG_NOTED, aq_noted)       /* hub */                                                                          \
    M(AQ_MSG_ORDER, aq_order)       /* file view  OUTCOME, when it is decided and durable */                           \
    M(AQ_MSG_OUTCOME, aq_outcome)   /* controller */                                                                   \
    M(AQ_MSG_WATCH, aq_watch)       /* file view  NOW, when seq is above the one named, or after a time-out */         \
    M(AQ_MSG_NOW, aq_now)           /* controller */                                                                   \
    M(AQ_MSG_FETCH, aq_fetch)       /* file view  FETCHED: bytes of a resource's log */                                \
    M(AQ_MSG_FETCHED, aq_fetched)   /* controller */                                                                   \
    M(AQ_MSG_PROOF, aq_proof)       /* hub: see join.h */                                                              \
    M(AQ_MSG_ENROL, aq_enrol)       /* agent      ENROLLED */                                                          \
    M(AQ_MSG_ENROLLED, aq_enrolled) /* hub */                                                                          \
    M(AQ_MSG_EXEC, aq_exec)         /* agent      EXECUTED, at once: output of commands in workloads */                \
    M(AQ_MSG_EXECUTED, aq_executed) /* hub */

enum aq_message_type {
    AQ_MSG_NONE,
#define AQ_MESSAGE_CODE(type, record) type,
    AQ_MESSAGES(AQ_MESSAGE_CODE)
#undef AQ_MESSAGE_CODE
        aq_message_type_count
};

/* ---- agent and hub ------------------------------------------------------------------------------------ */

/* clang-format off */
#define aq_hello_fields(F, T)                                                                                          \
    F(T, name,         NAME(1, 64),        AQ_REQUIRED, "name of the node")                                            \
    F(T, instance,     U64(1, UINT64_MAX), AQ_REQUIRED, "drawn at the agent's first start, kept with its state")       \
    F(T, session,      U64(1, UINT64_MAX), AQ_REQUIRED, "drawn by the agent; another one begins another session")      \
    AQ_NODE_DESCRIPTION(F, T)                                                                                          \
    F(T, form,         U64(0, UINT64_MAX), 0,           "AQ_WIRE_FORM of the agent")                                   \
    F(T, process,      U64(1, UINT64_MAX), AQ_REQUIRED,                                                                \
      "drawn each time the agent starts: tells two agents with copies of one directory apart")                         \
    F(T, home,         U64(1, UINT64_MAX), AQ_REQUIRED,                                                                \
      "of the agent's directory on its host; a copy of the directory has another")                                     \
    F(T, number,       U64(0, UINT64_MAX), 0,                                                                          \
      "higher than in all HELLOs of this process before; 0: from an older agent")
AQ_DECLARE(aq_hello)

/* Before an agent says its secret, the hub shows that its key was signed by the authority of the cluster. */
#define aq_proof_fields(F, T)                                                                                          \
    F(T, key,       BYTES(0, 256), 0, "public key of the authority, in DER")                                           \
    F(T, signature, BYTES(0, 80),  0, "the authority's, of the hub's key (signature.h)")
AQ_DECLARE(aq_proof)

#define aq_enrol_fields(F, T)                                                                                          \
    F(T, name,     NAME(1, 64),        AQ_REQUIRED, "name of the node")                                                \
    F(T, instance, U64(1, UINT64_MAX), AQ_REQUIRED, "as in HELLO")                                                     \
    F(T, secret,   TEXT(1, 128),       AQ_REQUIRED | AQ_SECRET, "of the join token")
AQ_DECLARE(aq_enrol)

#define aq_enrolled_fields(F, T)                                                                                       \
    F(T, name, NAME(0, 64), 0, "name of the node that has the agent's key from now on")
AQ_DECLARE(aq_enrolled)

#define aq_welcome_fields(F, T)                                                                                        \
    F(T, number,      U64(0, UINT64_MAX),    0, "number of the node")                                                  \
    F(T, beat_ms,     U64(1, 3600000, "ms"), 0, "how often to send a heartbeat")                                       \
    F(T, patience_ms, U64(1, 3600000, "ms"), 0, "how long a POLL may stay unanswered")                                 \
    F(T, form,        U64(0, UINT64_MAX),    0, "AQ_WIRE_FORM of the hub")
AQ_DECLARE(aq_welcome)

#define aq_refused_fields(F, T)                                                                                        \
    F(T, error,   TEXT(0, 32),           0,        "name of the error; unauthenticated: send HELLO first")             \
    F(T, message, TEXT(0, 512),          AQ_LINES, "in words")                                                         \
    F(T, wait_ms, U64(0, 3600000, "ms"), 0,        "when to ask again; 0: as the agent likes")
AQ_DECLARE(aq_refused)

/* `seen`: the last delivery that has arrived; 0: none in this session. A delivery is repeated until it is seen. */
#define aq_poll_fields(F, T)                                                                                           \
    F(T, name,    NAME(1, 64),        AQ_REQUIRED, "name of the node")                                                 \
    F(T, session, U64(1, UINT64_MAX), AQ_REQUIRED, "as in HELLO")                                                      \
    F(T, seen,    U64(0, UINT64_MAX), 0,           "number of the last delivery that arrived")
AQ_DECLARE(aq_poll)

#define AQ_WANTS(W)                                                                                                    \
    W(AQ_WANT_RUNNING, "running", "start it, if it has not been started")                                              \
    W(AQ_WANT_GONE, "gone", "end it, if it still runs")
AQ_DECLARE_WORDS(aq_want, AQ_WANTS)

/* What is to be made of the workload of an assignment. It is named until it is over; an agent gives up one that is not
 * named any more. */
#define aq_task_order_fields(F, T)                                                                                     \
    F(T, task, U64(1, UINT64_MAX),  0, "number of the task")                                                           \
    F(T, kind, ENUM(aq_task_kind),  0, "what to make")                                                                 \
    F(T, name, NAME(1, 64),         0, "what to call it")
AQ_DECLARE(aq_task_order)

#define aq_assignment_fields(F, T)                                                                                     \
    F(T, resource, U64(1, UINT64_MAX), 0, "number of the resource")                                                    \
    F(T, want,     ENUM(aq_want),      0, "what to do with it")                                                        \
    F(T, driver,   TEXT(0, 64),        0, "driver that runs it")                                                       \
    F(T, options,  DOCUMENT(65536),    0, "options of the driver")                                                     \
    F(T, amounts,  RECORD(aq_amounts), 0, "its limits")                                                                \
    F(T, network,  TEXT(0, 64),        0, "network to attach it to")                                                   \
    F(T, metadata, DOCUMENT(131072),   0, "merged metadata")                                                           \
    F(T, started,  BOOL,               0, "it may have run already: an agent that does not know it must not start it") \
    AQ_RESTART_FIELDS(F, T)                                                                                            \
    F(T, health,   RECORD(aq_check),   0, "how to see that it is healthy")                                             \
    F(T, arguments, TEXTS(0, AQ_ARGUMENTS_MAX), AQ_ARGUMENTS, "command to run instead of that of the options")         \
    F(T, secrets,  LIST(aq_secret, 0, 2 * AQ_SECRETS_MAX), AQ_SECRET, "never stored on disk with their values")        \
    F(T, lost,     TEXT(0, 512),       AQ_LINES, "why it cannot be started: its secrets cannot be read")               \
    F(T, lease,    DURATION(0, AQ_LIFETIME_MAX), 0, "it is ended when the agent was not in touch for so long; 0: never") \
    F(T, tasks,    LIST(aq_task_order, 0, AQ_TASKS_OPEN_MAX), 0, "what is to be made of it")
AQ_DECLARE(aq_assignment)

/* A question about the log of a resource, answered in the next REPORT, or later if it may wait.
 *
 * Positions count the bytes of a workload's output from its beginning, also those that are no longer kept. */
enum { AQ_ASK_WAIT_MAX_MS = 30000 };
#define aq_ask_fields(F, T)                                                                                            \
    F(T, number,   U64(1, UINT64_MAX),               0, "repeated in the answer")                                      \
    F(T, resource, U64(1, UINT64_MAX),               0, "resource whose log is wanted")                                \
    F(T, size,     U64(1, 1048576, "bytes"),         0, "most bytes to send")                                          \
    F(T, onward,   BOOL,                             0, "send what begins at `after`, not the newest bytes")           \
    F(T, after,    U64(0, UINT64_MAX),               0, "onward: position")                                            \
    F(T, wait_ms,  U64(0, AQ_ASK_WAIT_MAX_MS, "ms"), 0, "how long to wait for output if there is none")
AQ_DECLARE(aq_ask)

/* Where the bytes of an answer are in the output. If nothing is known, they are the newest. */
#define aq_extent_fields(F, T)                                                                                         \
    F(T, known,    BOOL,               0, "the positions are known")                                                   \
    F(T, start,    U64(0, UINT64_MAX), 0, "position of the first byte that was sent")                                  \
    F(T, first,    U64(0, UINT64_MAX), 0, "position of the oldest byte that is kept")                                  \
    F(T, end,      U64(0, UINT64_MAX), 0, "position after the newest byte")                                            \
    F(T, complete, BOOL,               0, "the workload has ended: there will be no more")
AQ_DECLARE(aq_extent)

/* What the hub wants of one session, a command in a workload (schema/model/exec.h). All of it may come again. */
#define aq_exec_order_fields(F, T)                                                                                     \
    F(T, session,   U64(1, INT64_MAX),          0,            "its number")                                            \
    F(T, resource,  U64(1, UINT64_MAX),         0,            "in whose workload it runs")                             \
    F(T, start,     BOOL,                       0,            "start it, if it is not known")                          \
    F(T, arguments, TEXTS(0, AQ_ARGUMENTS_MAX), AQ_ARGUMENTS, "start: the program and its arguments")                  \
    F(T, terminal,  BOOL,                       0,            "start: it gets a terminal")                             \
    F(T, term,      TEXT(0, 64),                0,            "start: TERM")                                           \
    F(T, input,     RECORD(aq_exec_input),      0,            "more input")                                            \
    F(T, allowed,   U64(0, INT64_MAX),          0,            "output may be sent up to this position")                \
    F(T, end,       BOOL,                       0,            "end it")
AQ_DECLARE(aq_exec_order)

enum { AQ_EXEC_ORDERS_MAX = 64 /* in one message */ };

/* `full`: these are all assignments of the node with numbers from `first` to `last`; the agent ends every other
 * workload in this range. The assignments of a node with many resources come in several such deliveries. */
#define aq_work_fields(F, T)                                                                                           \
    F(T, delivery,    U64(0, UINT64_MAX),             0,                                                               \
      "number of this delivery; the same as before if nothing is new")                                                 \
    F(T, full,        BOOL,                           0,                                                               \
      "these are all assignments of the node from first to last")                                                      \
    F(T, first,       U64(0, UINT64_MAX),             0, "full: number of a resource")                                 \
    F(T, last,        U64(0, UINT64_MAX),             0, "full: number of a resource")                                 \
    F(T, assignments, LIST(aq_assignment, 0, 100000), 0, "assignments")                                                \
    F(T, asks,        LIST(aq_ask, 0, 1000),          0, "questions")                                                  \
    F(T, execs,       LIST(aq_exec_order, 0, AQ_EXEC_ORDERS_MAX), 0, "commands in workloads")                          \
    F(T, shutdown,    U64(0, UINT64_MAX),             0,                                                               \
      "number of an order to shut the host down; 0: none")                                                             \
    F(T, shutdown_confirmed, BOOL,                    0,                                                               \
      "the agent that has answered that it is ready for this order shuts the host down now")
AQ_DECLARE(aq_work)

#define AQ_HAPPENINGS(W)                                                                                               \
    W(AQ_HAPPENED_STARTED, "started", "it runs")                                                                       \
    W(AQ_HAPPENED_FAILED, "failed", "it could not be started")                                                         \
    W(AQ_HAPPENED_ENDED, "ended", "it is gone")                                                                        \
    W(AQ_HAPPENED_LOST, "lost", "it may have run, and the agent has no record of it")                                  \
    W(AQ_HAPPENED_RESTARTED, "restarted", "its workload has ended, and is started again")                              \
    W(AQ_HAPPENED_CHECKED, "checked", "its health is another")
AQ_DECLARE_WORDS(aq_happened, AQ_HAPPENINGS)

#define aq_happening_fields(F, T)                                                                                      \
    F(T, resource,    U64(1, UINT64_MAX), 0,        "number of the resource")                                          \
    F(T, what,        ENUM(aq_happened),  0,        "what happened to it")                                             \
    F(T, identifier,  TEXT(0, 256),       0,        "started: the driver's identifier of it")                          \
    F(T, ip_addr,     TEXT(0, 64),        0,        "started: its address")                                            \
    F(T, hw_addr,     TEXT(0, 64),        0,        "started: its hardware address")                                   \
    F(T, exit_status, U64(0, 255),        0,        "ended: as a shell shows it")                                      \
    F(T, reason,      TEXT(0, 512),       AQ_LINES, "failed, ended, lost, restarted, checked: why")                    \
    F(T, unknown,     BOOL,               0,        "ended: it has no exit status, or none that is known")             \
    F(T, log_bytes,   U64(0, UINT64_MAX), 0,        "failed, ended: how much of its log is kept")                      \
    F(T, restarts,    U64(0, UINT64_MAX), 0,        "restarted: how often it was")                                     \
    F(T, health,      ENUM(aq_health),    0,        "checked: its health")
AQ_DECLARE(aq_happening)

#define aq_told_fields(F, T)                                                                                           \
    F(T, number, U64(1, UINT64_MAX), 0, "number of the question")                                                      \
    F(T, error,  TEXT(0, 512),       0, "why there is no answer; empty if there is one")                               \
    F(T, data,   BYTES(0, 1048576),  0, "the answer")                                                                  \
    F(T, extent, RECORD(aq_extent),  0, "where it is in the output")
AQ_DECLARE(aq_told)

#define aq_task_report_fields(F, T)                                                                                    \
    F(T, task,   U64(1, UINT64_MAX), 0,        "number of the task")                                                   \
    F(T, failed, BOOL,               0,        "it was not made")                                                      \
    F(T, reason, TEXT(0, 512),       AQ_LINES, "why it was not made")                                                  \
    F(T, result, DOCUMENT(4096),     0,        "what was made")
AQ_DECLARE(aq_task_report)

/* Reports are numbered; the same number again is the same report. NOTED names the last report that is durable. */
#define aq_report_fields(F, T)                                                                                         \
    F(T, name,       NAME(1, 64),                  AQ_REQUIRED, "name of the node")                                    \
    F(T, session,    U64(1, UINT64_MAX),           AQ_REQUIRED, "as in HELLO")                                         \
    F(T, number,     U64(1, UINT64_MAX),           AQ_REQUIRED, "counted from 1 in each session")                      \
    F(T, happenings, LIST(aq_happening, 0, 10000), 0,           "what happened, in order")                             \
    F(T, told,       LIST(aq_told, 0, 1000),       0,           "answers to questions")                                \
    F(T, shutdown,   U64(0, UINT64_MAX),           0,           "the order to shut down that it answers; 0: none")     \
    F(T, shutdown_refused, TEXT(0, 512),           AQ_LINES,    "why it does not; empty: it is ready")                 \
    F(T, tasks,      LIST(aq_task_report, 0, 1000), 0,          "those that are over")
AQ_DECLARE(aq_report)

#define aq_exec_told_fields(F, T)                                                                                      \
    F(T, session, U64(1, INT64_MAX),      0, "its number")                                                             \
    F(T, output,  RECORD(aq_exec_output), 0, "more output, and what became of the command")
AQ_DECLARE(aq_exec_told)

#define aq_exec_fields(F, T)                                                                                           \
    F(T, name,    NAME(1, 64),                               AQ_REQUIRED, "name of the node")                          \
    F(T, session, U64(1, UINT64_MAX),                        AQ_REQUIRED, "as in HELLO")                               \
    F(T, told,    LIST(aq_exec_told, 0, AQ_EXEC_ORDERS_MAX), 0,           "by the commands that run")
AQ_DECLARE(aq_exec)

#define aq_executed_fields(F, T)                                                                                       \
    F(T, unknown, LIST(aq_exec_gone, 0, AQ_EXEC_ORDERS_MAX), 0, "sessions that the hub does not know: end them")
#define aq_exec_gone_fields(F, T)                                                                                      \
    F(T, session, U64(1, INT64_MAX), 0, "its number")
AQ_DECLARE(aq_exec_gone)
AQ_DECLARE(aq_executed)

/* How much of a workload's output is kept. */
#define aq_kept_fields(F, T)                                                                                           \
    F(T, resource, U64(1, UINT64_MAX), 0, "number of the resource")                                                    \
    F(T, first,    U64(0, UINT64_MAX), 0, "position of the oldest byte")                                               \
    F(T, end,      U64(0, UINT64_MAX), 0, "position after the newest byte")
AQ_DECLARE(aq_kept)

enum { AQ_BEAT_LOGS_MAX = 256, AQ_BEAT_SAMPLES_MAX = 256 };
#define aq_beat_fields(F, T)                                                                                           \
    F(T, name,             NAME(1, 64),                       AQ_REQUIRED, "name of the node")                         \
    F(T, session,          U64(1, UINT64_MAX),                AQ_REQUIRED, "as in HELLO")                              \
    F(T, load_milli,       U64(0, UINT64_MAX, "thousandths"), 0,           "load average of one minute")               \
    F(T, memory_available, SIZE(0, AQ_SIZE_MAX_MIB),          0,           "memory that is not in use")                \
    F(T, workloads,        U64(0, UINT64_MAX),                0,           "number of workloads on the node")          \
    F(T, number,           U64(0, UINT64_MAX),                0,                                                       \
      "higher than in all beats before; 0: from an older agent")                                                       \
    F(T, logs,             LIST(aq_kept, 0, AQ_BEAT_LOGS_MAX), 0,          "logs that have changed; the rest comes later") \
    F(T, samples,          LIST(aq_sample, 0, AQ_BEAT_SAMPLES_MAX), 0,                                                 \
      "what the node and its workloads have used; the rest comes later")                                               \
    F(T, offers,           BOOL,                              0, "driver_options are told in this beat")               \
    F(T, driver_options,   TEXTS(0, AQ_NODE_OPTIONS_MAX),     0, "a line for each driver that is a program and for each of its options")
AQ_DECLARE(aq_beat)

#define aq_noted_fields(F, T)                                                                                          \
    F(T, number, U64(0, UINT64_MAX), 0, "number of the report; 0 for a heartbeat")                                     \
    F(T, lease,  BOOL,               0, "its node is ACTIVE: leases are counted from when the question was sent")
AQ_DECLARE(aq_noted)

/* ---- file view and controller ------------------------------------------------------------------------- */

/* Below the controller's data directory. */
#define AQ_FILE_LOCAL_SOCKET "run/local.sock"

#define aq_order_fields(F, T)                                                                                          \
    F(T, author,  NAME(1, 64),        AQ_REQUIRED, "the cluster user that the uid of the caller belongs to")           \
    F(T, command, U64(1, UINT64_MAX), AQ_REQUIRED, "code of the command")                                              \
    F(T, record,  BYTES(0, 1048576),  AQ_REQUIRED, "its packed record")
AQ_DECLARE(aq_order)

#define aq_outcome_fields(F, T)                                                                                        \
    F(T, error,    TEXT(0, 32),        0,        "name of the error; \"ok\" for none")                                 \
    F(T, message,  TEXT(0, 512),       AQ_LINES, "in words")                                                           \
    F(T, seq,      U64(0, UINT64_MAX), 0,        "seq of the decision")                                                \
    F(T, id,       TEXT(0, 64),        0,        "key of the row that was created or changed")                         \
    F(T, token,    TEXT(0, 2048),      0,        "a new token; shown once")                                            \
    F(T, warnings, TEXT(0, 16384),     AQ_LINES, "what the author should know; one line each")
AQ_DECLARE(aq_outcome)

#define aq_watch_fields(F, T)                                                                                          \
    F(T, seq, U64(0, UINT64_MAX), 0, "answer when the cluster is past this seq")
AQ_DECLARE(aq_watch)

/* A controller, as shown by the file view and to other controllers. */
#define aq_member_fields(F, T)                                                                                         \
    F(T, name,    NAME(1, 64),  AQ_KEY, "name of the controller")                                                      \
    F(T, role,    TEXT(0, 16),  0,      "its role in the cluster: voter")                                              \
    F(T, leader,  BOOL,         0,      "whether it is the leader")                                                    \
    F(T, address, TEXT(0, 128), 0,      "where it serves REST")
AQ_DECLARE(aq_member)

#define aq_now_fields(F, T)                                                                                            \
    F(T, seq,     U64(0, UINT64_MAX),     0, "the last seq")                                                           \
    F(T, leader,  BOOL,                   0, "whether this controller is the leader")                                  \
    F(T, members, LIST(aq_member, 0, 16), 0, "the controllers of the cluster")
AQ_DECLARE(aq_now)

#define aq_fetch_fields(F, T)                                                                                          \
    F(T, resource, U64(1, UINT64_MAX),       AQ_REQUIRED, "resource whose log is wanted")                              \
    F(T, size,     U64(1, 1048576, "bytes"), AQ_REQUIRED, "most bytes to send")                                        \
    F(T, onward,   BOOL,                     0,           "send what begins at `after`, not the newest bytes")         \
    F(T, after,    U64(0, UINT64_MAX),       0,           "onward: position")
AQ_DECLARE(aq_fetch)

#define aq_fetched_fields(F, T)                                                                                        \
    F(T, error,   TEXT(0, 32),       0,        "name of the error; \"ok\" for none")                                   \
    F(T, message, TEXT(0, 512),      AQ_LINES, "in words")                                                             \
    F(T, data,    BYTES(0, 1048576), 0,        "the bytes")                                                            \
    F(T, extent,  RECORD(aq_extent), 0,        "where they are in the output")
AQ_DECLARE(aq_fetched)
/* clang-format on */

const struct aq_record *aq_message_record(enum aq_message_type type);

#endif
