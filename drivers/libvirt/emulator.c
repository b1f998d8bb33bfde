#include "drivers/libvirt/emulator.h"

#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

enum { ARGUMENTS_MAX = 256 << 10 };

/* Each argument ends with a zero byte. */
static bool names(const char *bytes, size_t length, const char *uuid)
{
    bool is_next = false;
    for (const char *end = bytes + length; bytes < end; bytes += strlen(bytes) + 1) {
        if (is_next && strcmp(bytes, uuid) == 0)
            return true;
        is_next = strcmp(bytes, "-uuid") == 0;
    }
    return false;
}

static bool is_emulator(int pid, const char *uuid, char *bytes)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    const ssize_t length = aq_file_read_text(AT_FDCWD, path, bytes, ARGUMENTS_MAX + 1);
    return length > 0 && names(bytes, (size_t)length, uuid);
}

/* The pid may be that of another process by now, but not the one that the descriptor is of. */
static bool kill_if(int pid, const char *uuid, char *bytes)
{
    if (!is_emulator(pid, uuid, bytes))
        return false;
    AQ_CLEANUP_FD int process = pidfd_open(pid, 0);
    return process >= 0 && is_emulator(pid, uuid, bytes) && pidfd_send_signal(process, SIGKILL, NULL, 0) == 0;
}

bool emulator_kill(const char *uuid)
{
    bool found = false;
    DIR *processes = opendir("/proc");
    AQ_CLEANUP_MEMORY char *bytes = aq_malloc(ARGUMENTS_MAX + 1);
    for (const struct dirent *entry; processes != NULL && (entry = readdir(processes)) != NULL;) {
        const int pid = atoi(entry->d_name);
        if (pid > 1)
            found |= kill_if(pid, uuid, bytes);
    }
    if (processes != NULL)
        closedir(processes);
    return found;
}
