#include "controller/settings/settings.h"
#include "tests/lib/program.h"
#include "tests/torture/torture.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READY_S = 60, STOP_S = 30, KILL_S = 10, ARGUMENTS_MAX = 32 };

double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void pause_ms(unsigned ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

void cluster_make(struct cluster *cluster)
{
    *cluster = (struct cluster){.work = "/tmp/aq-torture.XXXXXX", .build = program_build()};
    if (mkdtemp(cluster->work) == NULL) {
        perror("mkdtemp");
        exit(1);
    }
    snprintf(cluster->data, sizeof cluster->data, "%s/controller", cluster->work);
    snprintf(cluster->mount, sizeof cluster->mount, "%s/mount", cluster->work);
    snprintf(cluster->starts, sizeof cluster->starts, "%s/starts", cluster->work);
    mkdir(cluster->mount, 0700);
    for (int i = 0; i < AGENTS; i++) /* the pid: control groups of two tests never meet */
        snprintf(cluster->names[i], sizeof cluster->names[i], "torture-%d-%d", getpid(), i + 1);
}

/* ---- starting ------------------------------------------------------------------------------------------ */

/* Takes formats and their one text in pairs, so that a command line reads as it would be typed. */
struct command_line {
    char *words[ARGUMENTS_MAX];
    size_t count;
};

static void add(struct command_line *line, const char *format, ...) AQ_PRINTF(2, 3);
static void add(struct command_line *line, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (line->count + 1 >= ARGUMENTS_MAX || vasprintf(&line->words[line->count++], format, values) < 0)
        abort();
    va_end(values);
}

/* The program dies with us; what it says is added to <work>/<name>.log. */
static pid_t run(struct cluster *cluster, const char *name, struct command_line *line)
{
    char log[PATH_MOST];
    snprintf(log, sizeof log, "%s/%s.log", cluster->work, name);
    pid_t pid = program_start(line->words, log);
    for (size_t i = 0; i < line->count; i++)
        free(line->words[i]);
    return pid > 0 ? pid : 0;
}

static bool is_ready(struct cluster *cluster)
{
    char word[120];
    struct rest rest;
    struct reply reply = {0};
    if (!program_wrote(cluster->data, AQ_FILE_API_PORT, word, sizeof word))
        return false;
    cluster->api_port = (unsigned)strtoul(word, NULL, 10);
    if (!program_wrote(cluster->data, AQ_FILE_TOKEN, word, sizeof word))
        return false;
    snprintf(cluster->login, sizeof cluster->login, "admin:%.110s", word);
    if (!program_wrote(cluster->data, AQ_FILE_HUB_PORT, word, sizeof word))
        return false;
    cluster->hub_port = (unsigned)strtoul(word, NULL, 10);
    rest_open(&rest, cluster);
    rest_ask(&rest, &reply, "GET", "me/", NULL, NULL);
    bool ready = reply.status == 200;
    reply_free(&reply);
    rest_close(&rest);
    return ready;
}

/* Ports are drawn at the first start, and kept, so that agents find a controller that was started again. The maps begin
 * small, so that they have to grow. */
bool cluster_controller(struct cluster *cluster)
{
    struct command_line line = {0};
    add(&line, "%s/aq-controller", cluster->build);
    add(&line, "--config");
    add(&line, "/dev/null");
    const char *const settings[] = {"hub.lost_after=3", "log.disk_reserve=16MiB"};
    for (size_t i = 0; i < AQ_LENGTH(settings); i++) {
        add(&line, "--set");
        add(&line, "%s", settings[i]);
    }
    add(&line, "--set");
    add(&line, "data=%s", cluster->data);
    add(&line, "--set");
    add(&line, "api.port=%u", cluster->api_port);
    add(&line, "--set");
    add(&line, "hub.port=%u", cluster->hub_port);
    cluster->controller = run(cluster, "controller", &line);
    for (double until = now_s() + READY_S; now_s() < until; pause_ms(5)) {
        if (waitpid(cluster->controller, NULL, WNOHANG) == cluster->controller) {
            cluster->controller = 0;
            return false;
        }
        if (is_ready(cluster))
            return true;
    }
    return false;
}

void cluster_agent(struct cluster *cluster, int i)
{
    struct command_line line = {0};
    add(&line, "%s/aq-agent", cluster->build);
    add(&line, "--config");
    add(&line, "/dev/null");
    add(&line, "--set");
    add(&line, "data=%s/agent", cluster->work);
    add(&line, "--set");
    add(&line, "name=%s", cluster->names[i]);
    add(&line, "--set");
    add(&line, "controller=127.0.0.1:%u", cluster->hub_port);
    add(&line, "--set");
    add(&line, "key_file=%s/" AQ_FILE_AGENT_KEY, cluster->data);
    add(&line, "--set");
    add(&line, "capacity.ram=%dMiB", AGENT_RAM_MIB);
    add(&line, "--set");
    add(&line, "capacity.slots=%d", AGENT_SLOTS);
    cluster->agents[i] = run(cluster, cluster->names[i], &line);
}

static void unmount(struct cluster *cluster)
{
    for (int i = 0; i < 10 && umount2(cluster->mount, MNT_DETACH) == 0; i++)
        ;
}

bool cluster_fs(struct cluster *cluster)
{
    struct command_line line = {0};
    char readme[PATH_MOST + 16];
    struct stat status;
    unmount(cluster);
    add(&line, "%s/aq-fs", cluster->build);
    add(&line, "--config");
    add(&line, "/dev/null");
    add(&line, "--data");
    add(&line, "%s", cluster->data);
    add(&line, "--mount");
    add(&line, "%s", cluster->mount);
    cluster->fs = run(cluster, "fs", &line);
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
    if (!cluster_controller(cluster))
        return false;
    for (int i = 0; i < AGENTS; i++)
        cluster_agent(cluster, i);
    return cluster_fs(cluster);
}

/* ---- ending --------------------------------------------------------------------------------------------- */

/* 0: it is gone, `status` says how. */
static int wait_gone(pid_t *pid, double seconds, int *status)
{
    for (double until = now_s() + seconds; *pid > 0; pause_ms(2)) {
        pid_t got = waitpid(*pid, status, WNOHANG);
        if (got == *pid || (got < 0 && errno == ECHILD))
            *pid = 0;
        else if (now_s() > until)
            return -1;
    }
    return 0;
}

void cluster_kill(pid_t *pid)
{
    int status;
    if (*pid > 0)
        kill(*pid, SIGKILL);
    if (wait_gone(pid, KILL_S, &status) != 0)
        fprintf(stderr, "process %d does not die\n", *pid);
}

static bool stop(pid_t *pid)
{
    int status = 0;
    if (*pid == 0)
        return true;
    kill(*pid, SIGTERM);
    if (wait_gone(pid, STOP_S, &status) == 0)
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
    return stop(&cluster->controller) && good;
}

/* A sanitizer's report, or a broken assertion, in any process fails the test even if nobody noticed. */
bool cluster_logs_are_good(const struct cluster *cluster)
{
    char command[512];
    snprintf(command, sizeof command,
             "! grep -A 30 -h 'Sanitizer\\|runtime error:\\|broken invariant\\|cannot go on' '%s'/*.log | "
             "sed 's/^/# /' | grep .",
             cluster->work);
    return system(command) == 0;
}

bool cluster_is_swept(const struct cluster *cluster)
{
    char command[512];
    snprintf(command, sizeof command, "! ls -A '%s'/agent/*/workloads/ | sed '/:$/d' | grep -q .", cluster->work);
    return system(command) == 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
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
    cluster_kill(&cluster->controller);
    if (keep)
        printf("# kept: %s\n", cluster->work);
    else
        nftw(cluster->work, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
