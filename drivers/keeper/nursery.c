#include "drivers/keeper/nursery.h"

#include "drivers/cgroup/cgroup.h"
#include "drivers/keeper/execute_self.h"
#include "drivers/keeper/keeper.h"
#include "drivers/keeper/pass.h"
#include "drivers/keeper/spare.h"
#include "schema/base/memory.h"
#include "schema/base/program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char nursery_name[] = "aq-nursery";

enum { NURSERY_SOCKET = 3, CLOSE_WAIT_MS = 1000, FORK_ATTEMPTS = 20, FORK_PAUSE_US = 10000 };
enum { REST_MS = 5 /* without a request: then there is time for a spare keeper */ };

/* ---- in the nursery ----------------------------------------------------------------------------------- */

/* Waits for a request. Makes a spare keeper if none comes soon. */
static bool request_take(struct spare *spare, const struct cgroup_host *host, int *job, int *status)
{
    struct pollfd request = {.fd = NURSERY_SOCKET, .events = POLLIN};
    if (spare_is_wanted(spare) && poll(&request, 1, REST_MS) == 0)
        spare_make(spare, host, NURSERY_SOCKET);
    return pass_take(NURSERY_SOCKET, job, status);
}

static void keeper_fork(struct spare *spare, const struct cgroup_host *host, int job, int status)
{
    pid_t pid = -1;
    for (int i = 0; i < FORK_ATTEMPTS && (pid = fork()) < 0; i++)
        usleep(FORK_PAUSE_US);
    if (pid != 0)
        return; /* if no process could be created, the agent sees that the pipe is closed */
    close(NURSERY_SOCKET);
    spare_drop(spare);
    keeper_run(job, status, host);
}

static _Noreturn void nursery_run(void)
{
    static struct cgroup_host host;
    struct spare spare;
    int job;
    int status;
    if (chdir("/") != 0) /* keepers must not keep the directory busy in which the agent was started */
        _exit(1);
    prctl(PR_SET_NAME, nursery_name);
    signal(SIGCHLD, SIG_IGN); /* keepers are not waited for: their result is in a file */
    cgroup_host_read(&host);
    keeper_prepare_kinds();
    spare_init(&spare);
    while (request_take(&spare, &host, &job, &status)) {
        if (!spare_give(&spare, job, status))
            keeper_fork(&spare, &host, job, status);
        close(job);
        close(status);
    }
    _exit(0);
}

__attribute__((constructor)) static void nursery_enter(int argc, char **argv)
{
    if (argc != 1 || strcmp(argv[0], nursery_name) != 0)
        return;
    aq_program_begin();
    nursery_run();
}

/* ---- in the agent ------------------------------------------------------------------------------------- */

void nursery_init(struct nursery *nursery)
{
    *nursery = (struct nursery){.socket = -1, .pidfd = -1};
}

static void nursery_reset(struct nursery *nursery)
{
    if (nursery->pidfd >= 0) {
        siginfo_t info;
        waitid(P_PIDFD, (id_t)nursery->pidfd, &info, WEXITED | WNOHANG);
        close(nursery->pidfd);
    }
    if (nursery->socket >= 0)
        close(nursery->socket);
    nursery_init(nursery);
}

int nursery_start(struct nursery *nursery, struct aq_error *error)
{
    if (nursery->socket >= 0)
        return 0;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return aq_fail_errno(error, errno, "cannot create a socket");
    pid_t pid;
    int number = execute_self(nursery_name, true, (const int[]){-1, -1, -1, ends[1]}, NURSERY_SOCKET + 1, &pid);
    close(ends[1]);
    if (number != 0) {
        close(ends[0]);
        return aq_fail_errno(error, number, "cannot start the nursery of keepers from /proc/self/exe");
    }
    *nursery = (struct nursery){.socket = ends[0], .pidfd = pidfd_open(pid, 0), .pid = pid};
    return 0;
}

int nursery_ask(struct nursery *nursery, int job, int status, struct aq_error *error)
{
    int number = 0;
    for (int attempt = 0; attempt < 2; attempt++) {
        if (nursery_start(nursery, error) != 0)
            return -1;
        number = pass_send(nursery->socket, job, status);
        if (number == 0)
            return 0;
        if (number == EAGAIN || number == ENOBUFS || number == ETOOMANYREFS || number == EINTR)
            return 1;
        nursery_reset(nursery);
    }
    return aq_fail_errno(error, number, "the nursery of keepers does not answer");
}

void nursery_close(struct nursery *nursery)
{
    if (nursery->socket >= 0)
        close(nursery->socket);
    nursery->socket = -1;
    struct pollfd end = {.fd = nursery->pidfd, .events = POLLIN};
    if (nursery->pidfd >= 0)
        poll(&end, 1, CLOSE_WAIT_MS);
    nursery_reset(nursery);
}
