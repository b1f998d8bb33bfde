#include "tools/aq/topics.h"

#include "schema/model/application.h"
#include "schema/model/user.h"
#include "tools/aq/can.h"
#include "tools/aq/context.h"
#include "tools/aq/copy.h"
#include "tools/aq/doctor.h"
#include "tools/aq/events.h"
#include "tools/aq/exec.h"
#include "tools/aq/fingerprint.h"
#include "tools/aq/jobs.h"
#include "tools/aq/login.h"
#include "tools/aq/show.h"
#include "tools/aq/status.h"
#include "tools/aq/tasks.h"
#include "tools/aq/top.h"

#include <string.h>

static enum cli_exit run_version(struct cli *cli, const char *const *words, unsigned count)
{
    if (count > 0)
        return cli_fail(CLI_USAGE, "version takes no words, but there is \"%.64s\"", words[0]);
    if (cli_wants_data(&cli->options.flags)) {
        json_t *version = json_pack("{s:s}", "version", CLI_VERSION);
        cli_show_data(version, &cli->options.flags);
        json_decref(version);
    } else {
        cli_print("aq " CLI_VERSION "\n", strlen("aq " CLI_VERSION "\n"));
    }
    return CLI_DONE;
}

#define RUN_FLAGS                                                                                                      \
    (CLI_TABLE_FLAGS | CLI_BIT(file) | CLI_BIT(secret) | CLI_BIT(count) | CLI_BIT(wait) | CLI_BIT(dry_run) |           \
     CLI_BIT(keep) | CLI_BIT(attach))
#define TASK_FLAGS (CLI_DATA_FLAGS | CLI_BIT(quiet) | CLI_BIT(dry_run))
#define TASK_WORDS                                                                                                     \
    "It takes the fields of: aq tasks create --help, such as --name. What was made is printed. --when DEALLOCATE: "    \
    "before the workload is ended; that is not waited for. --timeout is the task's."
#define EVENT_FLAGS (CLI_DATA_FLAGS | CLI_BIT(quiet))
#define MANY_EVENTS (EVENT_FLAGS | CLI_BIT(follow) | CLI_BIT(watch) | CLI_BIT(since) | CLI_BIT(lines))

/* clang-format off */
static const struct cli_topic log_verbs[] = {
    {"tail",   "",      "the last events; -f goes on with those that come", cli_log_tail,   MANY_EVENTS,    false, NULL, NULL, NULL},
    {"show",   "[SEQ | ENTITY KEY]", "one event, those about one row, or all",  cli_log_show,   EVENT_FLAGS,    false, NULL, NULL, NULL},
    {"verify", "",      "check all of the log, and replay it",              cli_log_verify, CLI_DATA_FLAGS, false, NULL, NULL, NULL},
    {NULL,     NULL,    NULL,                                               NULL,           0,              false, NULL, NULL, NULL},
};

static const struct cli_topic context_verbs[] = {
    {"list",   "",       "all contexts",                                             cli_context_list,   CLI_TABLE_FLAGS | CLI_BIT(context), true, NULL, NULL, NULL},
    {"show",   "[NAME]", "one, or the one in use; never its token",                  cli_context_show,   CLI_DATA_FLAGS | CLI_BIT(context),  true, NULL, NULL, NULL},
    {"use",    "NAME",   "use it from now on",                                       cli_context_use,    0,               true, NULL, NULL, NULL},
    {"create", "NAME",   "keep --server, --user and the token in --token-file",      cli_context_create, CLI_SERVER_FLAGS, true, NULL, NULL, NULL},
    {"delete", "NAME",   "remove it",                                                cli_context_delete, 0,               true, NULL, NULL, NULL},
    {NULL,     NULL,     NULL,                                                       NULL,               0,               true, NULL, NULL, NULL},
};

static const struct cli_topic topics[] = {
    {"run", "LABEL [field=value...] [-- COMMAND...]", "create an application, and wait until it runs",
     cli_run_application, RUN_FLAGS, false, "It takes the fields of: aq applications create --help. A command behind -- runs instead of the label's, if that says arguments: true.", NULL, NULL},
    {"wait", "APPLICATION...", "wait until applications are over, or in the status --for",
     cli_wait_applications, CLI_TABLE_FLAGS | CLI_BIT(for_), false,
     "The exit status is that of the first that failed; 124: the time is over; 125: one has none, it never ran.",
     &aq_entity_application, NULL},
    {"logs", "APPLICATION", "the output of a workload; -f follows it to its end",
     cli_logs, CLI_DATA_FLAGS | CLI_BIT(follow) | CLI_BIT(lines) | CLI_BIT(size), false, NULL,
     &aq_entity_application, NULL},
    {"exec", "APPLICATION COMMAND...", "run a command in a workload, with input, output and a terminal",
     cli_exec, CLI_BIT(terminal), false,
     "The exit status is that of the command; 125: it never ran, or nobody knows how it ended.", &aq_entity_application, NULL},
    {"console", "APPLICATION", "the serial port of a virtual machine; ctrl-] closes it",
     cli_console, CLI_BIT(terminal), false,
     "What it has written before comes first. Of a workload that is no machine, it runs the program console, if there is one.",
     &aq_entity_application, NULL},
    {"cp", "APPLICATION:PATH DIRECTORY | FILE APPLICATION:PATH", "copy files and directories out of a workload, or into one",
     cli_copy, 0, false, "tar runs in the workload, with its rights; after its end it is the node's, and reads what is kept. What it sends is written nowhere but to the destination.", NULL, NULL},
    {"snapshot", "APPLICATION [field=value...]", "make a snapshot of a workload, and wait until it is made",
     cli_snapshot, TASK_FLAGS, false, TASK_WORDS, &aq_entity_application, NULL},
    {"image", "APPLICATION [field=value...]", "make an image of a workload, which labels can name, and wait until it is made",
     cli_image, TASK_FLAGS, false, TASK_WORDS, &aq_entity_application, NULL},
    {"status", "", "the cluster at a glance: is it ready, what is there",
     cli_status, CLI_DATA_FLAGS | CLI_BIT(watch), false, NULL, NULL, NULL},
    {"top", "[nodes | resources]", "what nodes and workloads use now, those first that use most; on a terminal again and again",
     cli_top, CLI_DATA_FLAGS | CLI_BIT(no_headers) | CLI_BIT(limit) | CLI_BIT(sort) | CLI_BIT(reverse) | CLI_BIT(interval) | CLI_BIT(once),
     false, "--sort: cpu, memory, read, write, receive or send. What is not known is -.", NULL, NULL},
    {"events", "[ENTITY]", "events, one line each",
     cli_events, MANY_EVENTS | CLI_BIT(limit), false, NULL, NULL, NULL},
    {"log", "[tail | show [SEQ | ENTITY KEY] | verify]", "the log: its end, one event, or a check of all of it",
     cli_log_tail, MANY_EVENTS, false, "Without a verb: tail.", NULL, log_verbs},
    {"login", "[ADDRESS]", "keep a server, your user and its token, and use them from now on",
     cli_login, CLI_SERVER_FLAGS | CLI_BIT(context) | CLI_BIT(timeout), true,
     "The token is asked for, or read from --token-file or standard input. --context names what is kept, else the host does.",
     NULL, NULL},
    {"context", "[list | show [NAME] | use NAME | create NAME | delete NAME]",
     "a server, a user and a token under one name, kept in ~/.config/aquarium",
     cli_context_list, CLI_TABLE_FLAGS | CLI_BIT(context), true, "Without a verb: list.", NULL, context_verbs},
    {"can", "[USER] [PERMISSION] [--project PROJECT]",
     "what you may do, or another user; or whether one thing is permitted",
     cli_can, CLI_DATA_FLAGS, false,
     "With --project: in that project. The exit status is 1 when it is not permitted.", &aq_entity_user, NULL},
    {"fingerprint", "", "the fingerprint of the cluster's authority, for aq login on other hosts",
     cli_fingerprint, CLI_DATA_FLAGS, false, "As data, its certificate is there, too.", NULL, NULL},
    {"me", "", "your user",
     cli_me, CLI_DATA_FLAGS | CLI_BIT(quiet), false, NULL, NULL, NULL},
    {"doctor", "[DIRECTORY]",
     "checks whether this machine is fit for Aquarium, and says what to do; DIRECTORY: the controller's data",
     cli_doctor, CLI_DATA_FLAGS | CLI_BIT(fix_hints), true, NULL, NULL, NULL},
    {"version", "", "version of aq", run_version, CLI_DATA_FLAGS, true, NULL, NULL, NULL},
    {"help", "[NOUN [VERB]]", "the same as --help", NULL, 0, true, NULL, NULL, NULL},
};
/* clang-format on */

const struct cli_topic *cli_topic_at(size_t index)
{
    return index < AQ_LENGTH(topics) ? &topics[index] : NULL;
}

const struct cli_topic *cli_topic_find(const char *name)
{
    for (size_t i = 0; i < AQ_LENGTH(topics); i++)
        if (strcmp(topics[i].name, name) == 0)
            return &topics[i];
    return NULL;
}

const struct cli_topic *cli_topic_verb(const struct cli_topic *topic, const char *name)
{
    for (const struct cli_topic *verb = topic->verbs; verb != NULL && verb->name != NULL; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}
