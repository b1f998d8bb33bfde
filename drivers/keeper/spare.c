#include "drivers/keeper/spare.h"

#include "drivers/keeper/keeper.h"
#include "drivers/keeper/pass.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void spare_init(struct spare *spare)
{
    *spare = (struct spare){.socket = -1};
}

bool spare_is_wanted(const struct spare *spare)
{
    return spare->socket < 0 && spare->for_kind != NULL;
}

void spare_drop(struct spare *spare)
{
    if (spare->socket >= 0)
        close(spare->socket);
    spare->socket = -1;
}

void spare_make(struct spare *spare, const struct cgroup_host *host, int unneeded)
{
    int ends[2];
    if (uname(&spare->names) != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        close(unneeded);
        close(ends[0]);
        keeper_run_spare(ends[1], spare->for_kind, host);
    }
    close(ends[1]);
    spare->socket = ends[0];
    if (pid < 0)
        spare_drop(spare);
}

/* Whether it has said so. When it could not be made ready, no other one is made: it could not either. */
static bool is_ready(struct spare *spare)
{
    char byte;
    ssize_t length = recv(spare->socket, &byte, 1, MSG_DONTWAIT);
    if (length != 0)
        return length > 0;
    spare_drop(spare);
    spare->for_kind = NULL;
    return false;
}

static bool names_are_the_same(const struct spare *spare)
{
    struct utsname now;
    return uname(&now) == 0 && strcmp(now.nodename, spare->names.nodename) == 0 &&
           strcmp(now.domainname, spare->names.domainname) == 0;
}

bool spare_give(struct spare *spare, int job, int status)
{
    struct keeper_job head;
    const struct keeper_kind *kind =
        pread(job, &head, sizeof head, 0) == sizeof head && head.spare ? keeper_kind_of(&head) : NULL;
    if (kind == NULL || kind->ready == NULL)
        return false;
    if (spare->socket < 0 || kind != spare->for_kind) {
        spare_drop(spare);
        spare->for_kind = kind;
        return false;
    }
    if (!is_ready(spare))
        return false;
    const bool given = names_are_the_same(spare) && pass_send(spare->socket, job, status) == 0;
    spare_drop(spare);
    return given;
}
