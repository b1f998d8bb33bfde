/* Control groups, limits, clocks, and what the driver container needs. */
#include "drivers/cgroup/cgroup.h"
#include "schema/base/clock.h"
#include "tools/aq/doctor_judge.h"
#include "tools/aq/doctor_programs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CLOCK_READS = 20000, CLOCK_PAUSE_MS = 20, PROCESSES_WARN = 4096, OLDEST_YEAR = 2024 };

/* ---- control groups ------------------------------------------------------------------------------------- */

/* Creates a group below `root` and removes it again; first checks that `file` is in it. 0, or an errno. */
static int try_group(const char *root, const char *file)
{
    char path[CGROUP_PATH_SIZE], inner[CGROUP_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/aquarium-doctor-%d", root, (int)getpid());
    if (mkdir(path, 0755) != 0)
        return errno;
    snprintf(inner, sizeof inner, "%s/%s", path, file);
    int number = access(inner, F_OK) == 0 ? 0 : errno;
    return rmdir(path) == 0 ? number : errno;
}

void doctor_cgroup(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)doctor;
    struct cgroup_host host;
    cgroup_host_read(&host);
    const char *name = cgroup_controller_name((enum cgroup_controller)which);
    const char *root = host.version1[which][0] != '\0' ? host.version1[which]
                       : host.in_unified[which]        ? host.unified
                                                       : NULL;
    int number = root != NULL ? try_group(root, "cgroup.procs") : 0;
    if (root == NULL)
        doctor_warn(finding,
                    geteuid() == 0 ? "mount it, or start the kernel with it (cgroup_enable=...)" : "run as root", "",
                    "%s is not mounted where this user can write: its limits will not be enforced", name);
    else if (number != 0)
        doctor_warn(finding, "let this container or service create groups (Delegate=yes in a unit)", "",
                    "%s is at %s, but no group can be created there: %s", name, root, strerror(number));
    else
        doctor_ok(finding, "version %d, at %s", root == host.unified ? 2 : 1, root);
}

void doctor_cgroup_kill(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    (void)doctor;
    (void)which;
    struct cgroup_host host;
    cgroup_host_read(&host);
    int number = host.unified[0] != '\0' ? try_group(host.unified, "cgroup.kill") : ENOENT;
    if (number == 0)
        doctor_ok(finding, "a workload can be ended in one step, in %s", host.unified);
    else
        doctor_warn(finding, "mount version 2 somewhere, with Linux 5.14 or later",
                    "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified",
                    "not available (%s): workloads are ended process by process", strerror(number));
}

/* ---- limits --------------------------------------------------------------------------------------------- */

void doctor_open_files(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    struct rlimit limit = {0};
    (void)doctor;
    (void)which;
    getrlimit(RLIMIT_NOFILE, &limit);
    doctor_judge_open_files(limit.rlim_max, finding);
}

void doctor_processes(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    struct rlimit limit = {0};
    (void)doctor;
    (void)which;
    getrlimit(RLIMIT_NPROC, &limit);
    if (limit.rlim_max == RLIM_INFINITY)
        doctor_ok(finding, "a user may have any number of processes");
    else if (limit.rlim_max >= PROCESSES_WARN)
        doctor_ok(finding, "a user may have %" PRIu64 " processes", (uint64_t)limit.rlim_max);
    else
        doctor_warn(finding, "raise the hard limit where workloads run as a user other than root",
                    "printf '* hard nproc 32768\\n' > /etc/security/limits.d/aquarium-nproc.conf",
                    "a user may have only %" PRIu64 " processes", (uint64_t)limit.rlim_max);
}

/* ---- clocks --------------------------------------------------------------------------------------------- */

static void read_clock_source(char *name, size_t size)
{
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    size_t length = file != NULL ? fread(name, 1, size - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    name[length] = '\0';
    name[strcspn(name, "\n")] = '\0';
}

void doctor_clock(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    char source[64];
    (void)doctor;
    (void)which;
    uint64_t begun = aq_clock_ns(), last = begun;
    bool backwards = false;
    for (int i = 0; i < CLOCK_READS; i++) {
        uint64_t now = aq_clock_ns();
        backwards = backwards || now < last;
        last = now;
    }
    uint64_t read_cost_ns = (last - begun) / CLOCK_READS;
    cli_sleep_ms(CLOCK_PAUSE_MS);
    uint64_t slept_ms = (aq_clock_ns() - last) / 1000000;
    read_clock_source(source, sizeof source);
    if (backwards)
        doctor_bad(finding, "choose another clock source", "", "the monotonic clock goes backwards (source %s)",
                   source);
    else if (slept_ms + 1 < CLOCK_PAUSE_MS)
        doctor_bad(finding, "choose another clock source", "",
                   "the monotonic clock is slow: a pause of %d ms took %" PRIu64 " ms (source %s)", CLOCK_PAUSE_MS,
                   slept_ms, source);
    else if (strcmp(source, "hpet") == 0 || strcmp(source, "acpi_pm") == 0 || strcmp(source, "jiffies") == 0)
        doctor_warn(finding, "use tsc or the hypervisor's clock, if the machine has one", "",
                    "the clock source is %s: reading it takes %" PRIu64 " ns", source, read_cost_ns);
    else
        doctor_ok(finding, "does not go backwards; reading it takes %" PRIu64 " ns (source %s)", read_cost_ns, source);
}

void doctor_date(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    time_t now = time(NULL);
    struct tm parts;
    char text[64];
    (void)doctor;
    (void)which;
    gmtime_r(&now, &parts);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
    if (parts.tm_year + 1900 < OLDEST_YEAR)
        doctor_warn(finding, "set the clock: the log records this machine's time", "date -s 'YYYY-MM-DD HH:MM'",
                    "this machine's clock says %s UTC", text);
    else
        doctor_ok(finding, "it is %s UTC; only lifetimes depend on it", text);
}

/* ---- the driver container ------------------------------------------------------------------------------- */

bool doctor_has_program(const char *name)
{
    static const char *const directories[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                              "/usr/bin",        "/sbin",          "/bin"};
    char path[128];
    for (size_t i = 0; i < AQ_LENGTH(directories); i++) {
        snprintf(path, sizeof path, "%s/%s", directories[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

void doctor_containers(const struct doctor *doctor, unsigned which, struct doctor_finding *finding)
{
    static const struct {
        const char *file, *package;
    } needed[] = {{"crun", "crun"}, {"skopeo", "skopeo"}, {"umoci", "umoci"}, {"nft", "nftables"}};
    static const char profile[] = "/usr/share/containers/seccomp.json";
    char missing[128] = "", fix[160];
    (void)doctor;
    (void)which;
    for (size_t i = 0; i < AQ_LENGTH(needed); i++) {
        size_t used = strlen(missing);
        bool runtime = i == 0 && doctor_has_program("runc");
        if (!runtime && !doctor_has_program(needed[i].file))
            snprintf(missing + used, sizeof missing - used, " %s", needed[i].package);
    }
    if (access(profile, R_OK) != 0)
        snprintf(missing + strlen(missing), sizeof missing - strlen(missing), " golang-github-containers-common");
    snprintf(fix, sizeof fix, "apt-get install%s", missing);
    if (missing[0] != '\0')
        doctor_warn(finding, "install it where containers are to run; other drivers do not need it", fix,
                    "the driver container lacks:%s", missing);
    else
        doctor_ok(finding, "the driver container has all that it needs");
}
