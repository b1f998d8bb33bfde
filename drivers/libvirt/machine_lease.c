#include "drivers/libvirt/machine_lease.h"

#include "drivers/container/program.h"
#include "drivers/lease.h"
#include "drivers/libvirt/emulator.h"
#include "drivers/libvirt/virt.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    KEEP_MS = 10000,  /* for aq-lease to begin */
    ASK_MS = 5000,    /* for libvirt to end the machine */
    AGAIN_MS = 200,   /* between two looks whether it runs; after that many of them */
    QUICK_TRIES = 50, /* they are rarer */
    AGAIN_LATER_MS = 2000,
    SURE_MS = 5000, /* a start that was under way may come to its end yet */
};

#define FILE_NAME "lease"

const char *machine_lease_path(const char *directory)
{
    static _Thread_local char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/" FILE_NAME, directory);
    return path;
}

bool machine_lease_is_over(const char *directory)
{
    char text[8] = "";
    return aq_file_read_text(AT_FDCWD, machine_lease_path(directory), text, sizeof text) >= 4 &&
           strncmp(text, "over", 4) == 0;
}

void machine_lease_remove(const char *directory)
{
    unlink(machine_lease_path(directory));
}

/* ---- keeping it ----------------------------------------------------------------------------------------- */

/* Also after the file was replaced by that of another version. */
static bool find_self(char path[PATH_MAX])
{
    static const char replaced[] = " (deleted)";
    const ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (length <= 0)
        return false;
    path[length] = '\0';
    char *end = path + length - strlen(replaced);
    if (end > path && strcmp(end, replaced) == 0)
        *end = '\0';
    return true;
}

int machine_lease_keep(const struct machine_record *record, const char *directory, virConnectPtr connection,
                       struct aq_error *error)
{
    char self[PATH_MAX], path[PATH_MAX], seconds[24];
    const char *program = getenv("AQUARIUM_LEASE");
    if (record->lease_s == 0)
        return 0;
    if (program == NULL || program[0] == '\0' || !find_self(self))
        return aq_fail(error, AQ_E_STATE, "its lease cannot be kept: the program aq-lease is not there");
    snprintf(path, sizeof path, "%s", machine_lease_path(directory));
    AQ_CLEANUP_FD int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return aq_fail_errno(error, errno, "its lease cannot be kept: %s", path);
    if (flock(file, LOCK_SH | LOCK_NB) != 0) /* it is kept; or it was, and the machine is being ended */
        return machine_lease_is_over(directory) ? aq_fail(error, AQ_E_STATE, "%s", LEASE_OVER) : 0;
    flock(file, LOCK_UN);
    AQ_CLEANUP_MEMORY char *uri = virConnectGetURI(connection);
    snprintf(seconds, sizeof seconds, "%" PRIu64, record->lease_s);
    const bool ours = uri == NULL || strncmp(uri, "test", 4) == 0; /* it runs in this process, and ends with it */
    const char *const arguments[] = {program,       record->lease_file, seconds, path,         ours ? NULL : self,
                                     "--end-lease", directory,          uri,     record->uuid, NULL};
    const struct program_run run = {
        .arguments = arguments, .until_ms = aq_clock_boot_ms() + KEEP_MS, .bound = "at most ten seconds"};
    const int failed = program_run(&run, error);
    if (machine_lease_is_over(directory))
        return aq_fail(error, AQ_E_STATE, "%s", LEASE_OVER);
    return failed != 0 ? aq_error_context(error, "its lease cannot be kept") : 0;
}

/* ---- when it is over ------------------------------------------------------------------------------------ */

/* In a process of its own, since libvirt may never answer. Whether the machine is surely not active. */
static bool is_ended(const char *uri, const char *uuid)
{
    virInitialize();
    const virConnectPtr open = virConnectOpen(uri);
    const virDomainPtr domain = open != NULL ? virDomainLookupByUUIDString(open, uuid) : NULL;
    virErrorPtr last = virGetLastError();
    if (domain == NULL)
        return open != NULL && last != NULL && last->code == VIR_ERR_NO_DOMAIN;
    if (virDomainDestroy(domain) == 0)
        return true;
    last = virGetLastError();
    return last != NULL && (last->code == VIR_ERR_OPERATION_INVALID || last->code == VIR_ERR_NO_DOMAIN);
}

static bool let_libvirt_end(const char *uri, const char *uuid)
{
    int status = -1;
    const pid_t pid = fork();
    if (pid == 0)
        _exit(is_ended(uri, uuid) ? EXIT_SUCCESS : EXIT_FAILURE);
    if (pid < 0)
        return false;
    AQ_CLEANUP_FD int end = pidfd_open(pid, 0);
    for (uint64_t until_ms = aq_clock_boot_ms() + ASK_MS; aq_clock_boot_ms() < until_ms;) {
        struct pollfd fd = {.fd = end, .events = POLLIN};
        if (poll(&fd, 1, AGAIN_MS) > 0)
            break;
        emulator_kill(uuid); /* libvirt may just have started it */
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* Libvirt may be stuck in its start. */
int machine_lease_end(const char *directory, const char *uri, const char *uuid)
{
    bool sure = false;
    for (unsigned tries = 0; access(machine_lease_path(directory), F_OK) == 0; tries++) {
        const bool ran = emulator_kill(uuid);
        const bool ended = let_libvirt_end(uri, uuid) && !emulator_kill(uuid);
        if (ended && !ran && sure)
            return EXIT_SUCCESS;
        sure = ended;
        usleep((ended ? SURE_MS : tries < QUICK_TRIES ? AGAIN_MS : AGAIN_LATER_MS) * 1000u);
    }
    emulator_kill(uuid);
    return EXIT_SUCCESS;
}
