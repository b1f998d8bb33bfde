#include "drivers/container/starter.h"

#include "drivers/container/bundle.h"
#include "drivers/container/facts.h"
#include "drivers/container/login.h"
#include "drivers/container/network.h"
#include "drivers/container/plan.h"
#include "drivers/container/program.h"
#include "drivers/container/root.h"
#include "drivers/container/slots.h"
#include "drivers/container/spaces.h"
#include "drivers/container/store.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/codec/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOT_STARTED = 127, PATH_SIZE = 2048, LOG_SIZE = 8192 };

struct starter {
    const struct keeper_start *start;
    const struct container_job *job;
    struct container_plan plan;
    struct store_image image;
    struct bundle_user user;
    struct container_facts facts;
    struct network_place place;
    struct container_spaces spaces;
    uint32_t first_user;
    int bundle; /* directory in the workload's */
    bool crun;  /* the runtime is crun, which leaves control groups alone */
    int group;  /* of control groups of version 2; -1: none */
    bool in_group;
    const char *unified; /* mount of version 2 on a host that has version 1, too; otherwise NULL */
    bool inner_group;    /* the runtime is in the workload's groups when it makes the container */
    char runtime_group[CGROUP_NAME_SIZE + 16]; /* the group that runtimes other than crun make */
    char hostname[64];
};

/* ---- the program and its user ------------------------------------------------------------------------- */

static int signal_of(const char *name)
{
    if (name == NULL || name[0] == '\0')
        return SIGTERM;
    if (name[0] >= '0' && name[0] <= '9')
        return atoi(name) > 0 && atoi(name) < NSIG ? atoi(name) : SIGTERM;
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (int number = 1; number < NSIG; number++) {
        const char *known = sigabbrev_np(number);
        if (known != NULL && strcmp(known, name) == 0)
            return number;
    }
    return SIGTERM;
}

/* A login of the label goes before that of the node. */
static int take_from_store(struct starter *starter, const struct store_wish *wish, struct aq_error *error)
{
    struct aq_container_settings *settings = &starter->plan.settings;
    const char *credentials = settings->credentials;
    char path[LOGIN_PATH_SIZE];
    if (starter->plan.login == NULL)
        return store_take(wish, &starter->image, error);
    AQ_CLEANUP_FD int login = login_make(starter->plan.login, starter->plan.image, path, error);
    if (login < 0)
        return -1;
    settings->credentials = path;
    int failed = store_take(wish, &starter->image, error);
    settings->credentials = credentials;
    return failed;
}

static int take_image(struct starter *starter, struct aq_error *error)
{
    AQ_CLEANUP_MEMORY char *ports = json_dumps(starter->plan.ports, JSON_COMPACT);
    const struct store_wish wish = {.settings = &starter->plan.settings,
                                    .reference = starter->plan.image,
                                    .pull = starter->plan.pull,
                                    .slot = starter->job->slot,
                                    .ports = json_array_size(starter->plan.ports) > 0 ? ports : "",
                                    .told = starter->start->output};
    struct aq_image named;
    if (take_from_store(starter, &wish, error) != 0 || aq_image_parse(&named, starter->plan.image, error) != 0)
        return -1;
    snprintf(starter->facts.image, sizeof starter->facts.image, "%s%s@%s", named.local ? "oci:" : "", named.name,
             starter->image.digest);
    starter->facts.stop_signal = signal_of(json_string_value(json_object_get(starter->image.config, "StopSignal")));
    return 0;
}

static int find_user(struct starter *starter, struct aq_error *error)
{
    char path[PATH_MAX + 16];
    const char *wanted = starter->plan.user,
               *preset = json_string_value(json_object_get(starter->image.config, "User"));
    snprintf(path, sizeof path, "%s/rootfs", starter->image.path);
    AQ_CLEANUP_FD int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return aq_fail_errno(error, errno, "directory %s", path);
    if (wanted[0] == '\0')
        wanted = preset != NULL ? preset : "";
    return bundle_find_user(&starter->user, wanted, root, error);
}

/* A program may open its /dev/stdout again, so the pipe must belong to its user. */
static int give_output(const struct starter *starter, struct aq_error *error)
{
    if (fchown(starter->start->output, starter->first_user + starter->user.uid,
               starter->first_user + starter->user.gid) != 0)
        return aq_fail_errno(error, errno, "cannot give the output to the container's user");
    return 0;
}

/* ---- the bundle --------------------------------------------------------------------------------------- */

static int write_bundle(struct starter *starter, struct aq_error *error)
{
    struct container_filter filter;
    if (container_filter_take(&filter, error) != 0)
        return -1;
    const struct bundle_wish wish = {.plan = &starter->plan,
                                     .image = starter->image.config,
                                     .user = &starter->user,
                                     .first_user = starter->first_user,
                                     .spaces = &starter->spaces,
                                     .hostname = starter->hostname,
                                     .filter = &filter,
                                     .compiled = starter->crun,
                                     .group = starter->runtime_group};
    AQ_CLEANUP_JSON json_t *config = bundle_make(&wish, error);
    container_filter_free(&filter);
    if (config == NULL)
        return -1;
    AQ_CLEANUP_MEMORY char *text = json_dumps(config, JSON_COMPACT);
    starter->bundle = aq_directory_open(starter->start->directory, "bundle", error);
    if (starter->bundle < 0)
        return -1;
    return aq_file_replace_unsynced(starter->bundle, "config.json", 0600, text, strlen(text), error);
}

static int make_root(struct starter *starter, struct aq_error *error)
{
    char image[PATH_MAX + 16];
    AQ_CLEANUP_BUFFER struct aq_buffer resolvers = {0};
    if (starter->plan.network != AQ_NETWORK_NONE)
        network_resolvers(&resolvers);
    snprintf(image, sizeof image, "%s/rootfs", starter->image.path);
    const struct root_wish wish = {.plan = &starter->plan,
                                   .image = image,
                                   .directory = starter->job->common.directory,
                                   .first_user = starter->first_user,
                                   .users = starter->spaces.users,
                                   .hostname = starter->hostname,
                                   .resolvers = resolvers.length > 0 ? resolvers.data : NULL,
                                   .address = starter->facts.ip_addr};
    return root_make(&wish, error);
}

/* ---- the runtime -------------------------------------------------------------------------------------- */

const char *container_runtime(const char *wanted, struct aq_error *error)
{
    static const char *const known[] = {"crun", "runc"};
    if (wanted[0] != '\0') {
        const char *path = program_find(wanted);
        if (path == NULL)
            aq_fail(error, AQ_E_STATE, "the OCI runtime %s (container.runtime of the agent) is not installed", wanted);
        return path;
    }
    for (size_t i = 0; i < AQ_LENGTH(known); i++) {
        const char *path = program_find(known[i]);
        if (path != NULL)
            return path;
    }
    aq_fail(error, AQ_E_STATE, "no OCI runtime is installed: install crun or runc");
    return NULL;
}

/* Runtimes work with version 1 or with version 2 of control groups, but not where a host has both: crun sees version 1,
 * others version 2. In a mount namespace of the calling process's own. */
static bool choose_groups(const struct starter *starter)
{
    static const char seen[] = "/sys/fs/cgroup"; /* where runtimes look */
    if (unshare(CLONE_NEWNS) != 0)
        return false;
    return (starter->crun ? umount2(starter->unified, MNT_DETACH)
                          : mount(starter->unified, seen, NULL, MS_BIND, NULL)) == 0;
}

/* In the new process: the container is born into the workload's control groups, and stays there. Its runtime gives it
 * what it has as standard input, and may make it the owner of that. */
static bool prepare_container(void *context)
{
    const struct starter *starter = context;
    struct aq_error error;
    AQ_CLEANUP_FD int nothing = aq_file_empty();
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
        return false;
    if (starter->inner_group && cgroup_join(starter->start->group, starter->in_group, &error) != 0)
        return false;
    return starter->unified == NULL || choose_groups(starter);
}

/* The last message that the runtime has left in its log. */
static int fail_with_log(const struct starter *starter, struct aq_error *error)
{
    char text[LOG_SIZE];
    AQ_CLEANUP_BUFFER struct aq_buffer log = {0};
    struct aq_error ignored;
    if (aq_file_read_end(starter->bundle, "log", sizeof text, &log, &ignored) != 0 || log.length == 0)
        return -1;
    while (log.length > 0 && log.data[log.length - 1] == '\n')
        log.data[--log.length] = '\0';
    const char *line = strrchr(aq_buffer_string(&log), '\n');
    AQ_CLEANUP_JSON json_t *record = json_loads(line != NULL ? line + 1 : aq_buffer_string(&log), 0, NULL);
    const char *message = json_string_value(json_object_get(record, "msg"));
    if (message == NULL)
        return -1;
    return aq_fail(error, AQ_E_IO, "%s", message);
}

static int run_runtime(struct starter *starter, const char *const *words, struct aq_error *error)
{
    const char *arguments[24] = {starter->facts.runtime, "--root",       SLOTS_RUNTIME, "--log",
                                 "bundle/log",           "--log-format", "json"};
    size_t count = 7;
    char log[PATH_SIZE];
    snprintf(log, sizeof log, "%s/bundle/log", starter->job->common.directory);
    arguments[4] = log;
    if (starter->crun)
        arguments[count++] = "--cgroup-manager=disabled";
    for (size_t i = 0; words[i] != NULL; i++)
        arguments[count++] = words[i];
    const struct program_run run = {.arguments = arguments,
                                    .inherit = starter->start->output,
                                    .until_ms = aq_clock_boot_ms() + starter->plan.settings.call_time * 1000,
                                    .bound = "container.call_time of the agent",
                                    .group = starter->inner_group && starter->group > 0 ? starter->group : 0,
                                    .prepare = prepare_container,
                                    .context = starter};
    if (program_run(&run, error) == 0)
        return 0;
    if (error->code == AQ_E_LIMIT) /* it took too long */
        return -1;
    int failed = fail_with_log(starter, error);
    /* The kernel kills the runtime, or the runtime is refused memory. */
    if (starter->job->common.ram_mib > 0 &&
        (cgroup_ran_out_of_memory(starter->start->group) || strstr(error->message, strerror(ENOMEM)) != NULL))
        return aq_fail(error, AQ_E_LIMIT, "out of memory: its limit is too small for a container to start");
    return failed;
}

static int run_container(struct starter *starter, struct aq_error *error)
{
    char bundle[PATH_SIZE], pid_file[PATH_SIZE];
    snprintf(bundle, sizeof bundle, "%s/bundle", starter->job->common.directory);
    snprintf(pid_file, sizeof pid_file, "%s/pid", bundle);
    const char *const words[] = {"run",        "--detach", "--bundle",          bundle,
                                 "--pid-file", pid_file,   starter->facts.name, NULL};
    return run_runtime(starter, words, error);
}

static int prepare_network(struct starter *starter, struct aq_error *error)
{
    struct aq_container_subnet subnet;
    if (starter->plan.network != AQ_NETWORK_BRIDGE)
        return 0;
    if (aq_container_subnet_parse(&subnet, starter->plan.settings.network, error) != 0)
        return -1;
    network_place_init(&starter->place, &subnet, starter->job->slot);
    memcpy(starter->facts.ip_addr, starter->place.ip_addr, sizeof starter->facts.ip_addr);
    memcpy(starter->facts.hw_addr, starter->place.hw_addr, sizeof starter->facts.hw_addr);
    return network_prepare(&starter->plan.settings, error);
}

static int connect_network(const struct starter *starter, struct aq_error *error)
{
    if (starter->plan.network != AQ_NETWORK_BRIDGE)
        return 0;
    if (network_connect(&starter->place, starter->spaces.network, error) != 0)
        return -1;
    return network_publish(&starter->plan.settings, &starter->place, starter->plan.ports, error);
}

/* crun stays in the groups in which it is run. Others make one for the container, and may refuse one that is not empty:
 *  - beside version 1, one in that of version 2, which costs little; limits are in version 1, where they do not look;
 *  - with version 1 alone, the workload's, and more in hierarchies without limits, which they must remove themselves;
 *  - with version 2 alone, the workload's. */
static void plan_groups(struct starter *starter)
{
    const struct cgroup_host *host = starter->start->group->host;
    bool version1 = false;
    for (int i = 0; i < CGROUP_CONTROLLERS; i++)
        version1 = version1 || host->version1[i][0] != '\0';
    starter->unified = version1 && host->unified[0] != '\0' ? host->unified : NULL;
    starter->inner_group = starter->crun || version1;
    starter->facts.own_groups = !starter->crun && starter->unified == NULL && version1;
    snprintf(starter->runtime_group, sizeof starter->runtime_group, "%s%s", starter->start->group->name,
             starter->unified != NULL ? "/container" : "");
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static int starter_work(struct starter *starter, struct aq_error *error)
{
    if (container_plan_read(starter->job, &starter->plan, error) != 0)
        return -1;
    const char *runtime = container_runtime(starter->plan.settings.runtime, error);
    if (runtime == NULL)
        return -1;
    snprintf(starter->facts.runtime, sizeof starter->facts.runtime, "%s", runtime);
    starter->crun = strstr(runtime, "crun") != NULL;
    plan_groups(starter);
    slot_name(starter->job->slot, starter->facts.name);
    starter->first_user = slot_first_user(starter->job->slot, &starter->plan.settings);
    snprintf(starter->hostname, sizeof starter->hostname, "%s", starter->plan.hostname);
    if (starter->hostname[0] == '\0')
        snprintf(starter->hostname, sizeof starter->hostname, "r%" PRIu64, starter->job->common.resource);
    starter->group = cgroup_open_unified(starter->start->group);
    starter->in_group = starter->group >= 0;
    if (take_image(starter, error) != 0)
        return -1;
    AQ_CLEANUP_FD int turn =
        slots_await_turn(starter->job->slot, aq_clock_boot_ms() + starter->plan.settings.call_time * 1000, error);
    if (turn < 0 || prepare_network(starter, error) != 0 || find_user(starter, error) != 0 ||
        give_output(starter, error) != 0 ||
        container_spaces_make(&starter->spaces, starter->first_user, starter->plan.network == AQ_NETWORK_BRIDGE,
                              error) != 0 ||
        connect_network(starter, error) != 0 || make_root(starter, error) != 0 || write_bundle(starter, error) != 0 ||
        container_facts_write(starter->start->directory, &starter->facts, error) != 0)
        return -1;
    return run_container(starter, error);
}

static _Noreturn void starter_run(const struct keeper_start *start)
{
    static struct starter starter;
    struct aq_error error;
    sigset_t none;
    starter =
        (struct starter){.start = start, .job = (const struct container_job *)start->job, .bundle = -1, .group = -1};
    setsid(); /* the keeper ends the starter with all that it runs by this group */
    umask(022);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_NAME, "aq-starter");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != start->keeper)
        _exit(NOT_STARTED);
    if (starter_work(&starter, &error) == 0)
        _exit(0);
    ssize_t written = write(start->errors, error.message, strlen(error.message));
    (void)written;
    _exit(NOT_STARTED);
}

pid_t container_starter_start(const struct keeper_start *start, struct aq_error *error)
{
    pid_t pid = fork();
    if (pid == 0)
        starter_run(start);
    return pid > 0 ? pid : aq_fail_errno(error, errno, "cannot create a process");
}
