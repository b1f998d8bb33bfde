#include "tools/aq/aliases.h"

#include "schema/model/command.h"
#include "schema/model/view.h"

#include <string.h>

#define RUN     "aq run LABEL"
#define OPEN    "aq applications"
#define NO_FILE "labels say what runs, and are kept in the cluster"
#define ALLOC   "what an application was given is a resource"

/* clang-format off */
static const struct cli_alias aliases[] = {
    /* docker */
    {"ps",           "applications",                         NULL, NULL},
    {"rm",           "applications deallocate",              NULL, NULL},
    {"stop",         "applications deallocate",              NULL, NULL},
    {"kill",         "applications deallocate",              NULL, NULL},
    {"inspect",      "describe",                             NULL, NULL},
    {"info",         "status",                               NULL, NULL},
    {"images",       "labels",                               NULL, NULL},
    {"attach",       NULL, "output as it comes",                              "aq logs APPLICATION -f"},
    {"container",    NULL, "a workload is a resource",                        "aq resources"},
    {"containers",   NULL, "a workload is a resource",                        "aq resources"},
    {"container ls", "resources",                            NULL, NULL},
    {"image ls",     "labels",                               NULL, NULL},
    {"image rm",     "labels delete",                        NULL, NULL},
    {"rmi",          "labels delete",                        NULL, NULL},
    {"stats",        NULL, "nodes show what is used, and of how much",        "aq nodes --watch"},
    {"prune",        NULL, "what has ended holds nothing that would have to be removed", "aq applications --all"},
    {"system",       NULL, "everything at a glance",                          "aq status"},
    {"history",      NULL, "a label's versions stay",                         "aq labels --name=LABEL"},
    {"logout",       NULL, "a context keeps the user and the token",          "aq context delete NAME"},
    {"build",        NULL, NO_FILE,                                           "aq labels create -f FILE"},
    {"pull",         NULL, NO_FILE,                                           "aq labels create -f FILE"},
    {"start",        NULL, "what has ended stays so; run it again",           RUN},
    {"restart",      NULL, "what has ended stays so; end it, and run it again", "aq rm APPLICATION && " RUN},
    /* kubectl */
    {"app",          "applications",                         NULL, NULL},
    {"apps",         "applications",                         NULL, NULL},
    {"deploy",       NULL, "a request for a label is an application",         OPEN},
    {"svc",          NULL, "a request for a label is an application",         OPEN},
    {"replace",      NULL, NO_FILE,                                           "aq labels apply FILE"},
    {"diff",         NULL, "apply makes a version only when something has changed", "aq labels apply FILE --dry-run"},
    {"validate",     NULL, "a dry run checks everything, and changes nothing", "aq labels apply FILE --dry-run"},
    {"api-resources", NULL, "what there is, and what it can do",              "aq help"},
    {"completion",   NULL, "bash reads it from a file",                       ". /usr/share/bash-completion/completions/aq"},
    {"port-forward", NULL, "a workload uses the network itself; its address, if it has one, is a field", "aq resource KEY ip_addr"},
    {"whoami",       "me",                                   NULL, NULL},
    {"cluster-info", "status",                               NULL, NULL},
    {"explain",      "help",                                 NULL, NULL},
    {"cordon",       "nodes maintenance * true",             NULL, NULL},
    {"uncordon",     "nodes maintenance * false",            NULL, NULL},
    /* its own: who wants a node thinks of nodes */
    {"nodes token",  "join-tokens create",                   NULL, NULL},
    {"node token",   "join-tokens create",                   NULL, NULL},
    {"nodes tokens", "join-tokens",                          NULL, NULL},
    {"node tokens",  "join-tokens",                          NULL, NULL},
    {"top",          NULL, "nodes show what is used, and of how much",        "aq nodes --watch"},
    {"shell",        NULL, "a shell in a workload",                           "aq exec APPLICATION sh"},
    {"ssh",          NULL, "a shell in a workload",                           "aq exec APPLICATION sh"},
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
    {"quota",        NULL, "a project has quotas",                            "aq projects"},
    {"quotas",       NULL, "a project has quotas",                            "aq projects"},
    {"members",      "memberships",                          NULL, NULL},
    /* nomad */
    {"job",          NULL, "a request for a label is an application",         OPEN},
    {"jobs",         "applications",                         NULL, NULL},
    {"job run",      NULL, NO_FILE,                                           "aq labels apply FILE && " RUN},
    {"job plan",     NULL, "what would happen",                               "aq run LABEL --dry-run"},
    {"job list",     "applications",                         NULL, NULL},
    {"job status",   "applications",                         NULL, NULL},
    {"job inspect",  "applications describe",                NULL, NULL},
    {"job stop",     "applications deallocate",              NULL, NULL},
    {"alloc",        NULL, ALLOC,                                             "aq resources"},
    {"alloc status", "resources",                            NULL, NULL},
    {"alloc logs",   "resources log",                        NULL, NULL},
    {"alloc stop",   NULL, ALLOC ", and ends with it",                        "aq rm APPLICATION"},
    {"node status",  "nodes",                                NULL, NULL},
    {"server members", "status",                             NULL, NULL},
    {"monitor",      NULL, "what happens in the cluster",                     "aq events --follow"},
    {"plan",         NULL, "what would happen",                               "aq run LABEL --dry-run"},
    /* slurm */
    {"squeue",       "applications",                         NULL, NULL},
    {"sinfo",        "nodes",                                NULL, NULL},
    {"scancel",      "applications deallocate",              NULL, NULL},
    {"sacct",        NULL, "those that are over, too",                        "aq applications --all"},
    {"srun",         NULL, NO_FILE,                                           "aq run LABEL --attach"},
    {"sbatch",       NULL, NO_FILE,                                           "aq labels create -f FILE && " RUN},
    {"sattach",      NULL, "output as it comes",                              "aq logs APPLICATION -f"},
    {"sstat",        NULL, "nodes show what is used, and of how much",        "aq nodes --watch"},
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

const struct cli_alias *cli_alias_at(size_t index)
{
    return index < AQ_LENGTH(aliases) ? &aliases[index] : NULL;
}

const struct cli_alias *cli_alias_find_pair(const char *first, const char *second)
{
    size_t length = strlen(first);
    for (size_t i = 0; i < AQ_LENGTH(aliases); i++)
        if (strncmp(aliases[i].word, first, length) == 0 && aliases[i].word[length] == ' ' &&
            strcmp(aliases[i].word + length + 1, second) == 0)
            return &aliases[i];
    return NULL;
}

const struct cli_alias *cli_alias_find(const char *word)
{
    for (size_t i = 0; i < AQ_LENGTH(aliases); i++)
        if (strcmp(aliases[i].word, word) == 0)
            return &aliases[i];
    return NULL;
}

const char *cli_alias_verb_at(const char *word, size_t index)
{
    if (strcmp(word, "inspect") == 0 || strcmp(word, "describe") == 0)
        return index == 0 ? "show" : NULL;
    for (size_t i = 0; i < AQ_LENGTH(verbs); i++)
        if (strcmp(verbs[i].word, word) == 0)
            return index < AQ_LENGTH(verbs[i].verbs) ? verbs[i].verbs[index] : NULL;
    return NULL;
}

static bool is_read_verb(const char *word)
{
    return strcmp(word, "list") == 0 || strcmp(word, "get") == 0 || strcmp(word, "describe") == 0;
}

const char *cli_alias_verb(const struct aq_entity *entity, const char *word)
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
