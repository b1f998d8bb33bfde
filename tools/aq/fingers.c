#include "tools/aq/fingers.h"

#include "schema/model/command.h"
#include "schema/model/view.h"

#include <string.h>

#define RUN     "aq run LABEL"
#define OPEN    "aq applications"
#define NO_FILE "labels say what runs, and are kept in the cluster"

/* clang-format off */
static const struct cli_finger fingers[] = {
    /* docker */
    {"ps",           "applications",                         NULL, NULL},
    {"rm",           "applications deallocate",              NULL, NULL},
    {"stop",         "applications deallocate",              NULL, NULL},
    {"kill",         "applications deallocate",              NULL, NULL},
    {"inspect",      "describe",                             NULL, NULL},
    {"info",         "status",                               NULL, NULL},
    {"images",       "labels",                               NULL, NULL},
    {"login",        NULL, "a context keeps the user and the token",          "aq context create NAME --server=ADDRESS --user=USER --token-file=FILE"},
    {"exec",         NULL, "aq cannot run something in a workload; its output is here", "aq logs APPLICATION"},
    {"attach",       NULL, "output as it comes",                              "aq logs APPLICATION -f"},
    {"container",    NULL, "a workload is a resource",                        "aq resources"},
    {"containers",   NULL, "a workload is a resource",                        "aq resources"},
    {"image",        NULL, NO_FILE,                                           "aq labels"},
    {"build",        NULL, NO_FILE,                                           "aq labels create -f FILE"},
    {"pull",         NULL, NO_FILE,                                           "aq labels create -f FILE"},
    {"start",        NULL, "what has ended stays so; run it again",           RUN},
    {"restart",      NULL, "what has ended stays so; end it, and run it again", "aq rm APPLICATION && " RUN},
    /* kubectl */
    {"whoami",       "me",                                   NULL, NULL},
    {"cluster-info", "status",                               NULL, NULL},
    {"explain",      "help",                                 NULL, NULL},
    {"cordon",       "nodes maintenance * true",             NULL, NULL},
    {"uncordon",     "nodes maintenance * false",            NULL, NULL},
    {"drain",        NULL, "a node in maintenance takes no new work, and keeps what it has", "aq nodes maintenance NODE true"},
    {"top",          NULL, "nodes show what is used, and of how much",        "aq nodes --watch"},
    {"contexts",     "context",                              NULL, NULL},
    {"config",       NULL, "a context keeps server, user and token",          "aq context list"},
    {"scale",        NULL, "each run is an application of its own",           "aq run LABEL --count=N"},
    {"rollout",      NULL, "each run is an application of its own",           OPEN},
    {"pod",          NULL, "a workload is a resource",                        "aq resources"},
    {"pods",         NULL, "a workload is a resource",                        "aq resources"},
    {"po",           NULL, "a workload is a resource",                        "aq resources"},
    {"no",           "nodes",                                NULL, NULL},
    {"all",          NULL, "everything at a glance",                          "aq status"},
    {"namespace",    NULL, "there are no namespaces: every user sees their own applications", OPEN},
    {"namespaces",   NULL, "there are no namespaces: every user sees their own applications", OPEN},
    {"ns",           NULL, "there are no namespaces: every user sees their own applications", OPEN},
    {"deployment",   NULL, "a request for a label is an application",         OPEN},
    {"deployments",  NULL, "a request for a label is an application",         OPEN},
    {"service",      NULL, "a request for a label is an application",         OPEN},
    {"services",     NULL, "a request for a label is an application",         OPEN},
    /* nomad */
    {"job",          NULL, "a request for a label is an application",         OPEN},
    {"jobs",         "applications",                         NULL, NULL},
    {"alloc",        NULL, "what an application was given is a resource",     "aq resources"},
    {"plan",         NULL, "what would happen",                               "aq run LABEL --dry-run"},
    /* slurm */
    {"squeue",       "applications",                         NULL, NULL},
    {"sinfo",        "nodes",                                NULL, NULL},
    {"scancel",      "applications deallocate",              NULL, NULL},
    {"sacct",        NULL, "those that are over, too",                        "aq applications --all"},
    {"srun",         NULL, NO_FILE,                                           "aq run LABEL --attach"},
    {"sbatch",       NULL, NO_FILE,                                           "aq labels create -f FILE && " RUN},
    {"salloc",       NULL, NO_FILE,                                           RUN},
    {"scontrol",     NULL, "all about one application",                       "aq describe APPLICATION"},
};

/* Verbs. The first that the entity has is meant. */
static const struct {
    const char *word, *verbs[2];
} verbs[] = {
    {"ls",       {"list"}},
    {"show",     {"get"}},
    {"inspect",  {"describe"}},
    {"new",      {"create"}},
    {"add",      {"create"}},
    {"set",      {"update"}},
    {"patch",    {"update"}},
    {"rm",       {"delete", "deallocate"}},
    {"remove",   {"delete", "deallocate"}},
    {"delete",   {"delete", "deallocate"}},
    {"stop",     {"deallocate"}},
    {"kill",     {"deallocate"}},
    {"cancel",   {"deallocate"}},
    {"release",  {"deallocate"}},
    {"logs",     {"log"}},
};
/* clang-format on */

const struct cli_finger *cli_finger_at(size_t index)
{
    return index < AQ_LENGTH(fingers) ? &fingers[index] : NULL;
}

const struct cli_finger *cli_finger_find(const char *word)
{
    for (size_t i = 0; i < AQ_LENGTH(fingers); i++)
        if (strcmp(fingers[i].word, word) == 0)
            return &fingers[i];
    return NULL;
}

static bool is_read_verb(const char *word)
{
    return strcmp(word, "list") == 0 || strcmp(word, "get") == 0 || strcmp(word, "describe") == 0;
}

const char *cli_finger_verb(const struct aq_entity *entity, const char *word)
{
    for (size_t i = 0; i < AQ_LENGTH(verbs); i++)
        for (size_t v = 0; strcmp(verbs[i].word, word) == 0 && v < AQ_LENGTH(verbs[i].verbs); v++) {
            const char *verb = verbs[i].verbs[v];
            if (verb != NULL &&
                (is_read_verb(verb) || aq_command_of(entity, verb) != NULL || aq_view_of(entity, verb) != NULL))
                return verb;
        }
    return word;
}
