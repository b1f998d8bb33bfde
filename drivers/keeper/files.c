#include "drivers/keeper/files.h"

#include "schema/base/files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { BOOT_SIZE = 40, STATE_SIZE = 512 };

static int write_text(int directory, const char *name, const char *text, struct aq_error *error)
{
    AQ_CLEANUP_FD int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || aq_file_write_all(fd, text, strlen(text)) != 0)
        return aq_fail_errno(error, errno, "file %s", name);
    return 0;
}

/* Waits until the disk has the file and its name. */
static int sync_file(int directory, const char *name, struct aq_error *error)
{
    AQ_CLEANUP_FD int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fsync(fd) != 0 || fsync(directory) != 0)
        return aq_fail_errno(error, errno, "file %s", name);
    return 0;
}

/* ---- processes ---------------------------------------------------------------------------------------- */

bool process_id_of(pid_t pid, struct process_id *id)
{
    char path[48];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (aq_file_read_text(AT_FDCWD, path, text, sizeof text) < 0) {
        errno = errno == ENOENT ? ESRCH : errno;
        return false;
    }
    /* The second field is the program's name in brackets, with any characters: start at the last bracket. */
    const char *at = strrchr(text, ')');
    uint64_t start_ticks;
    if (at == NULL ||
        sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
               &start_ticks) != 1) {
        errno = ESRCH;
        return false;
    }
    *id = (struct process_id){pid, start_ticks};
    return true;
}

bool process_group_runs(pid_t group)
{
    DIR *stream = opendir("/proc");
    bool runs = stream == NULL; /* not known */
    for (struct dirent *entry; !runs && (entry = readdir(stream)) != NULL;) {
        char path[288], text[1024], state;
        int of_group;
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        aq_file_read_text(AT_FDCWD, path, text, sizeof text); /* "" if it is gone */
        const char *at = strrchr(text, ')');
        runs = at != NULL && sscanf(at, ") %c %*d %d", &state, &of_group) == 2 && of_group == group && state != 'Z' &&
               state != 'X';
    }
    if (stream != NULL)
        closedir(stream);
    return runs;
}

int process_id_open(const struct process_id *id)
{
    if (id->pid <= 0) {
        errno = ESRCH;
        return -1;
    }
    int pidfd = pidfd_open(id->pid, 0);
    struct process_id now;
    if (pidfd < 0)
        return -1;
    /* Checked after opening: a process that has this number and start time now had the number then, too. */
    bool found = process_id_of(id->pid, &now);
    int number = found ? ESRCH : errno;
    if (found && now.start_ticks == id->start_ticks)
        return pidfd;
    close(pidfd);
    errno = number;
    return -1;
}

bool process_runs(int pidfd)
{
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 0;
}

/* ---- state -------------------------------------------------------------------------------------------- */

/* The line of the main process is added later. A line counts once it has its newline, so a concurrent reader sees all
 * of it or nothing. */
enum keeper_read keeper_state_read(int directory, struct keeper_state *state)
{
    char text[STATE_SIZE];
    char boot_then[BOOT_SIZE];
    int at = 0;
    *state = (struct keeper_state){0};
    if (aq_file_read_text(directory, "state", text, sizeof text) < 0)
        return errno == ENOENT ? KEEPER_MISSING : KEEPER_UNREADABLE;
    if (aq_boot_id()[0] == '\0')
        return KEEPER_UNREADABLE;
    int found = sscanf(text, "aquarium-process 1\nboot %39s\nkeeper %d %" SCNu64 "\nstop_grace %u\nkept%n", boot_then,
                       &state->keeper.pid, &state->keeper.start_ticks, &state->stop_grace_s, &at);
    bool whole = found == 4 && at > 0 && text[at] == '\n';
    if (!whole || strcmp(boot_then, aq_boot_id()) != 0) {
        *state = (struct keeper_state){0};
        return whole ? KEEPER_OTHER_BOOT : KEEPER_TORN;
    }
    struct process_id runs;
    unsigned lacking;
    if (strchr(text + at + 1, '\n') != NULL &&
        sscanf(text + at, "\nmain %d %" SCNu64 " lacking %u", &runs.pid, &runs.start_ticks, &lacking) == 3) {
        state->main = runs;
        state->lacking = lacking;
    }
    return KEEPER_READ;
}

int keeper_state_claim(int directory, const struct keeper_state *state, struct aq_error *error)
{
    char text[STATE_SIZE];
    char name[32]; /* one for each process, as two may be creating the state */
    if (aq_boot_id()[0] == '\0')
        return aq_fail(error, AQ_E_IO, "file state: /proc/sys/kernel/random/boot_id cannot be read");
    snprintf(name, sizeof name, "state.%d", getpid());
    snprintf(text, sizeof text, "aquarium-process 1\nboot %s\nkeeper %d %" PRIu64 "\nstop_grace %u\nkept\n",
             aq_boot_id(), state->keeper.pid, state->keeper.start_ticks, state->stop_grace_s);
    if (write_text(directory, name, text, error) != 0)
        return -1;
    int failed = linkat(directory, name, directory, "state", 0);
    int number = errno;
    unlinkat(directory, name, 0);
    if (failed == 0)
        return 0;
    return number == EEXIST ? 1 : aq_fail_errno(error, number, "file state");
}

int keeper_state_add_main(int directory, const struct keeper_state *state, struct aq_error *error)
{
    char line[80];
    int length = snprintf(line, sizeof line, "main %d %" PRIu64 " lacking %u\n", state->main.pid,
                          state->main.start_ticks, state->lacking);
    AQ_CLEANUP_FD int fd = openat(directory, "state", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || aq_file_write_all(fd, line, (size_t)length) != 0)
        return aq_fail_errno(error, errno, "file state");
    return 0;
}

/* ---- exit --------------------------------------------------------------------------------------------- */

enum keeper_read keeper_exit_read(int directory, struct keeper_exit *end)
{
    char text[KEEPER_REASON_SIZE + 64];
    char word[8];
    int at = 0;
    *end = (struct keeper_exit){0};
    if (aq_file_read_text(directory, "exit", text, sizeof text) < 0)
        return errno == ENOENT ? KEEPER_MISSING : KEEPER_UNREADABLE;
    if (sscanf(text, "%7s %d\n%n", word, &end->exit_status, &at) != 2 || at == 0 || end->exit_status < 0 ||
        end->exit_status > 255)
        return KEEPER_TORN;
    end->failed = strcmp(word, "failed") == 0;
    size_t length = strcspn(text + at, "\n");
    snprintf(end->reason, sizeof end->reason, "%.*s", (int)length, text + at);
    return KEEPER_READ;
}

int keeper_exit_write(int directory, const struct keeper_exit *end, bool durable, struct aq_error *error)
{
    char text[KEEPER_REASON_SIZE + 64];
    char reason[KEEPER_REASON_SIZE];
    memcpy(reason, end->reason, sizeof reason);
    for (char *c = reason; *c != '\0'; c++)
        if (*c == '\n')
            *c = ' ';
    snprintf(text, sizeof text, "%s %d\n%s\n", end->failed ? "failed" : "ended", end->exit_status, reason);
    if (aq_file_replace_unsynced(directory, "exit", 0600, text, strlen(text), error) != 0)
        return -1;
    /* One sync after the rename is faster than one before and one after it. A crash in between may leave the file
     * empty; then the workload is reported to have ended with the host, which is nearly true. */
    return durable ? sync_file(directory, "exit", error) : 0;
}
