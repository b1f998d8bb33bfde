/* What the owner of a node lets workloads do there, decided in the settings of its agent (`allow`), and what a label
 * asks of it. What is asked beyond that is refused on the node.
 *
 * The agent tells the cluster what is allowed in identifiers of its node, so that placement chooses a node that does
 * not refuse: allows:user:NAME, allows:user:20000-29999, allows:user:*, allows:own_user, allows:root,
 * allows:directory:PATH, allows:command:PATH, allows:new_privileges, allows:unisolated, and for containers
 * allows:ports:8080+20000-29999 or allows:ports:none, allows:host_network. Without a command, all may run; without
 * ports, the agent is of an earlier build, and it is not known which are allowed. Agent and controller judge by the
 * same texts with the same code; the agent, which knows the users of its host, also looks at what a name stands for. */
#ifndef AQ_SCHEMA_DRIVERS_ALLOW_H
#define AQ_SCHEMA_DRIVERS_ALLOW_H

#include "schema/base/error.h"
#include "schema/base/memory.h"
#include "schema/model/amounts.h"
#include "schema/model/record.h"

#include <jansson.h>

/* An identifier beside these: the agent knows what to do with the command that an application gives. */
#define AQ_TAKES_ARGUMENTS "takes:arguments"

enum {
    AQ_ALLOW_TEXTS_MAX = 48,
    AQ_ALLOW_OWN_LEAST = 1000, /* the first number that may be a workload's own, and how many there must be */
    /* Presets: from 2147418112 on. Neither distributions, systemd nor container runtimes give these numbers away. */
    AQ_ALLOW_OWN_FIRST = 0x7fff0000,
    AQ_ALLOW_OWN_COUNT = 65534
};

/* clang-format off */
#define aq_allow_fields(S, T)                                                                                          \
    S(T, user,           TEXT(0, 64),                  "",      AQ_LIVE,                                               \
      "unix user of workloads whose label names none, or a range such as 100000-165535: a number of its own for each; " \
      "empty: such a range, or the agent's own user if that is not root")                                              \
    S(T, users,          TEXTS(0, AQ_ALLOW_TEXTS_MAX), "",      AQ_LIVE,                                               \
      "further unix users that labels may name: names, numbers, ranges such as 20000-29999; *: all but root")          \
    S(T, root,           BOOL,                         "false", AQ_LIVE,                                               \
      "workloads run as root if their label says so")                                                                  \
    S(T, directories,    TEXTS(0, AQ_ALLOW_TEXTS_MAX), "",      AQ_LIVE,                                               \
      "directories, with all that is inside them, that labels may let workloads see and run in; empty: none")          \
    S(T, commands,       TEXTS(0, AQ_ALLOW_TEXTS_MAX), "",      AQ_LIVE,                                               \
      "programs that labels may run, as absolute paths; empty: all that the user may run")                             \
    S(T, new_privileges, BOOL,                         "false", AQ_LIVE,                                               \
      "workloads may gain rights by programs such as sudo, if their label says so")                                    \
    S(T, unisolated,     BOOL,                         "false", AQ_LIVE,                                               \
      "workloads see the whole host, as far as their user may, if their label says isolate: false")                    \
    S(T, disk,           SIZE(0, AQ_SIZE_MAX_MIB),     "10GiB", AQ_LIVE,                                               \
      "most that the files of a workload take on this host's disk if its label asks for no disks: it is ended when "   \
      "it has more; 0: no bound")                                                                                      \
    S(T, files,          U64(0, UINT32_MAX),           "1000000", AQ_LIVE,                                             \
      "most files that it has there; 0: no bound")
AQ_DECLARE_SETTINGS(aq_allow)
/* clang-format on */

/* Checks what the declaration cannot. An error names the setting: "allow.users[1] is ..." */
int aq_allow_check(const struct aq_allow *allow, struct aq_error *error) AQ_MUST_CHECK;

/* What is allowed, ready for use. */
struct aq_allowance {
    const char *user;      /* of workloads whose label names none; "": the agent's own, or */
    uint32_t first, count; /* one of so many numbers from `first` on, for each workload; count 0: not so */
    bool shared;           /* the owner of the node chose those numbers: the host may use some of them otherwise */
    bool root;             /* labels may name root */
    uint64_t disk_mib;     /* most of a workload that asks for no disk; 0: no bound */
    uint64_t files;        /* the same */
    struct aq_list told;   /* identifiers */
};

/* `own_user` is the agent's own user if that is not root, and then the only one that workloads can run as; else "". All
 * of it is in `arena`. */
struct aq_allowance aq_allowance_make(const struct aq_allow *allow, const char *own_user, struct aq_arena *arena);

/* Is `user`, as a label names it, one of the numbers that workloads get as their own? Then no label gives it to
 * another.
 */
bool aq_allowance_is_own(const struct aq_allowance *allowance, const char *user);

struct aq_allowance aq_allowance_copy(const struct aq_allowance *allowance, struct aq_arena *arena);

/* What a label asks of the owner of a node; "" and NULL: nothing. The texts belong to the driver's options. */
struct aq_demand {
    const char *user, *directory, *root;
    const char *program;               /* that runs */
    const struct aq_list *environment; /* of "NAME=value" */
    const struct aq_list *mounts;      /* as mount.h reads them */
    const struct aq_list *ports;       /* of the node that lead to it, each first in its text: "8080:80/udp" */
    bool host_network;
    bool new_privileges;
    bool unisolated;
    bool arguments; /* the agent must know what to do with the command of an application */
};

/* Whether it asks for anything. */
bool aq_demand_asks(const struct aq_demand *demand);

/* Appends to `told`, which has room for two more, what containers may have of the host. */
void aq_allow_tell_containers(const struct aq_list *ports, bool host_network, struct aq_list *told,
                              struct aq_arena *arena);

/* Does the node, of which these are the identifiers, refuse it? Appends to `why`, if that is not NULL, the reason,
 * which names the setting that would allow it. A node of an agent that says nothing of what it allows allows
 * everything. */
bool aq_allow_refuses(const struct aq_list *identifiers, const struct aq_demand *demand, struct aq_buffer *why);

/* The one of the allowed directories that `directory` is in, as texts; NULL: it is in none. */
const char *aq_allow_directory(const struct aq_list *identifiers, const char *directory);

#endif
