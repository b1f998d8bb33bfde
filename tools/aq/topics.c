/* Words that are not a noun of an entity, and what they do. */
#include "schema/model/application.h"
#include "tools/aq/doctor.h"
#include "tools/aq/events.h"
#include "tools/aq/help.h"
#include "tools/aq/status.h"

#include <string.h>

static enum cli_exit run_version(struct cli *cli, const char *const *words, unsigned count)
{
    (void)cli;
    (void)words;
    (void)count;
    cli_print("aq " CLI_VERSION "\n", sizeof "aq " CLI_VERSION);
    return CLI_DONE;
}

static enum cli_exit run_help(struct cli *cli, const char *const *words, unsigned count)
{
    struct aq_buffer out = {0};
    (void)cli;
    cli_help(words, count, &out);
    cli_print(aq_buffer_string(&out), out.length);
    aq_buffer_free(&out);
    return CLI_DONE;
}

/* aq run mac: short for aq applications create label=mac --wait. */
static enum cli_exit run_application(struct cli *cli, const char *const *words, unsigned count)
{
    cli->options.flags.wait = !cli->options.flags.dry_run;
    return cli_write(cli, &aq_command_application_create, words, count);
}

static const struct cli_topic topics[] = {
    {"run", "LABEL [field=value...]", "create an application, and wait until it runs", run_application, false,
     "It takes the fields and flags of: aq applications create --help"},
    {"status", "", "the cluster at a glance: is it ready, what is there", cli_status, false},
    {"events", "[ENTITY] [-f] [--since SEQ]", "events, one line each", cli_events, false},
    {"log", "tail [-f] [-n 20] | show [SEQ] | verify", "the log: its end, one event, or a check of all of it", cli_log,
     false},
    {"me", "", "your user", cli_me, false},
    {"doctor", "[DIRECTORY] [--fix-hints] [--json]",
     "checks whether this machine is fit for Aquarium, and says what to do; DIRECTORY: the controller's data",
     cli_doctor, true},
    {"version", "", "version of aq", run_version, true},
    {"help", "[NOUN [VERB]]", "the same as --help", run_help, true},
};

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
