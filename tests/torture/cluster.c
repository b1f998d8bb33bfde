#include "controller/settings/settings.h"
#include "schema/base/clock.h"
#include "tests/lib/directory.h"
#include "tests/lib/program.h"
#include "tests/torture/torture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { READY_S = 60, STOP_S = 30, KILL_S = 10 };

double now_s(void)
{
    return (double)aq_clock_ms() / 1e3;
}

void pause_ms(unsigned ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

void cluster_make(struct cluster *cluster)
{
    *cluster = (struct cluster){0};
    test_make_directory(cluster->work, sizeof cluster->work, "/tmp", "aq-torture");
    snprintf(cluster->controller.directory, sizeof cluster->controller.directory, "%s/controller", cluster->work);
    snprintf(cluster->mount, sizeof cluster->mount, "%s/mount", cluster->work);
    snprintf(cluster->marks, sizeof cluster->marks, "%s/marks", cluster->work);
    snprintf(cluster->starts, sizeof cluster->starts, "%s/starts", cluster->marks);
    mkdir(cluster->mount, 0700);
    /* Each workload has a user of its own. */
    mkdir(cluster->marks, 0777);
    FILE *starts = fopen(cluster->starts, "we");
    if (chmod(cluster->work, 0711) != 0 || chmod(cluster->marks, 0777) != 0 || starts == NULL ||
        fchmod(fileno(starts), 0666) != 0)
        abort();
    fclose(starts);
    for (int i = 0; i < AGENTS; i++) /* the pid keeps the control groups of two tests apart */
        snprintf(cluster->names[i], sizeof cluster->names[i], "torture-%d-%d", getpid(), i + 1);
}

/* ---- starting ------------------------------------------------------------------------------------------ */

/* The output of a program is appended to <work>/<name>.log. */
static void log_of(const struct cluster *cluster, const char *name, char log[PATH_MOST])
{
    snprintf(log, PATH_MOST, "%s/%s.log", cluster->work, name);
}

/* The controller keeps the ports of its first start, so that agents find it again. The maps begin small, so that they
 * have to grow. */
bool cluster_controller(struct cluster *cluster)
{
    static const char *const more[] = {"--set", "hub.lost_after=3", "--set", "log.disk_reserve=16MiB", NULL};
    char log[PATH_MOST];
    log_of(cluster, "controller", log);
    return controller_start(&cluster->controller, log, more) == 0;
}

/* A join token for all agents, in the file `join`. */
static bool make_join_token(const struct cluster *cluster)
{
    char command[4 * PATH_MOST];
    snprintf(command, sizeof command,
             "AQ_SERVER=http://127.0.0.1:%u AQ_USER=admin AQ_TOKEN=%s %s/aq nodes token --name '*' --uses 100000 "
             "--replaces true >%s/join",
             cluster->controller.api_port, strchr(cluster->controller.login, ':') + 1, program_build(), cluster->work);
    return system(command) == 0;
}

void cluster_agent(struct cluster *cluster, int i)
{
    struct program_line line = {0};
    char log[PATH_MOST];
    program_add(&line, "%s/aq-agent", program_build());
    program_add(&line, "--config");
    program_add(&line, "/dev/null");
    program_set(&line, "data=%s/agent", cluster->work);
    program_set(&line, "name=%s", cluster->names[i]);
    program_set(&line, "controller=127.0.0.1:%u", cluster->controller.hub_port);
    program_add(&line, "--join-file");
    program_add(&line, "%s/join", cluster->work);
    program_set(&line, "capacity.ram=%dMiB", AGENT_RAM_MIB);
    program_set(&line, "capacity.slots=%d", AGENT_SLOTS);
    program_set(&line, "allow.directories=%s", cluster->marks);
    log_of(cluster, cluster->names[i], log);
    cluster->agents[i] = program_start(&line, log);
}

static void unmount(struct cluster *cluster)
{
    for (int i = 0; i < 10 && umount2(cluster->mount, MNT_DETACH) == 0; i++)
        ;
}

bool cluster_fs(struct cluster *cluster)
{
    struct program_line line = {0};
    char readme[PATH_MOST + 16], log[PATH_MOST];
    struct stat status;
    unmount(cluster);
    program_add(&line, "%s/aq-fs", program_build());
    program_add(&line, "--config");
    program_add(&line, "/dev/null");
    program_add(&line, "--data");
    program_add(&line, "%s", cluster->controller.directory);
    program_add(&line, "--mount");
    program_add(&line, "%s", cluster->mount);
    log_of(cluster, "fs", log);
    cluster->fs = program_start(&line, log);
    snprintf(readme, sizeof readme, "%s/README", cluster->mount);
    for (double until = now_s() + READY_S; now_s() < until; pause_ms(5)) {
        if (waitpid(cluster->fs, NULL, WNOHANG) == cluster->fs) {
            cluster->fs = 0;
            return false;
        }
        if (stat(readme, &status) == 0)
            return true;
    }
    return false;
}

bool cluster_begin(struct cluster *cluster)
{
    if (!cluster_controller(cluster) || !make_join_token(cluster))
        return false;
    for (int i = 0; i < AGENTS; i++)
        cluster_agent(cluster, i);
    return cluster_fs(cluster);
}

/* ---- ending --------------------------------------------------------------------------------------------- */

void cluster_kill(pid_t *pid)
{
    int status;
    if (*pid > 0)
        kill(*pid, SIGKILL);
    if (program_wait(pid, KILL_S, &status) != 0)
        fprintf(stderr, "process %d does not die\n", *pid);
}

static bool stop(pid_t *pid)
{
    int status;
    if (*pid <= 0)
        return true;
    kill(*pid, SIGTERM);
    if (program_wait(pid, STOP_S, &status) == 0)
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    cluster_kill(pid);
    return false;
}

bool cluster_end(struct cluster *cluster)
{
    bool good = stop(&cluster->fs);
    unmount(cluster);
    for (int i = 0; i < AGENTS; i++)
        good = stop(&cluster->agents[i]) && good;
    return stop(&cluster->controller.pid) && good;
}

/* A sanitizer's report or a failed assertion in any process fails the test, even without another symptom. */
bool cluster_logs_are_clean(const struct cluster *cluster)
{
    char command[512];
    snprintf(command, sizeof command,
             "! grep -A 30 -h 'Sanitizer\\|runtime error:\\|broken invariant\\|cannot go on' '%s'/*.log | "
             "sed 's/^/# /' | grep .",
             cluster->work);
    return system(command) == 0;
}

bool cluster_agents_are_empty(const struct cluster *cluster)
{
    char command[512];
    snprintf(command, sizeof command, "! ls -A '%s'/agent/*/workloads/ | sed '/:$/d' | grep -q .", cluster->work);
    return system(command) == 0;
}

void cluster_clean(struct cluster *cluster, bool keep)
{
    char command[1024];
    cluster_kill(&cluster->fs);
    unmount(cluster);
    for (int i = 0; i < AGENTS; i++) {
        cluster_kill(&cluster->agents[i]);
        snprintf(command, sizeof command,
                 ". tools/processes.sh; . tools/workloads.sh; workloads_end '%s' '%s/agent/%s'", cluster->names[i],
                 cluster->work, cluster->names[i]);
        if (system(command) != 0)
            fprintf(stderr, "workloads of %s do not end\n", cluster->names[i]);
    }
    cluster_kill(&cluster->controller.pid);
    if (keep)
        printf("# kept: %s\n", cluster->work);
    else
        test_remove_tree(cluster->work);
}
