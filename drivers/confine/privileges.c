/* By system calls: what the C library does in addition, for all threads, may hang in a fork (drivers/process/user.c).
 */
#include "drivers/confine/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPABILITY(number) (UINT64_C(1) << (number))

const uint64_t confine_root_capabilities = CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) |
                                           CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_FSETID) | CAPABILITY(CAP_KILL) |
                                           CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETPCAP) |
                                           CAPABILITY(CAP_NET_BIND_SERVICE) | CAPABILITY(CAP_SETFCAP);

/* struct landlock_ruleset_attr of ABI 6, which Debian 12's headers do not have. */
struct scope {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

enum {
    SCOPE_ABSTRACT_UNIX_SOCKET = 1,
    SCOPE_SIGNAL = 2,
    SCOPE_ABI = 6,
    RULESET_VERSION = 1, /* asks for the ABI */
};

static uint64_t removed; /* from this process, or one that it was forked from */

int confine_bound(uint64_t capabilities, struct aq_error *error)
{
    for (int number = 0; number < 64; number++) {
        if (((capabilities | removed) & CAPABILITY(number)) != 0)
            continue;
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) {
            removed |= CAPABILITY(number);
            continue;
        }
        if (errno == EINVAL) /* the kernel has no more */
            return 0;
        return aq_fail_errno(error, errno, "capability %d cannot be removed", number);
    }
    return 0;
}

int confine_capabilities(uint64_t capabilities, struct aq_error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) != 0)
        return aq_fail_errno(error, errno, "capabilities cannot be read");
    for (int i = 0; i < 2; i++) {
        data[i].effective = data[i].permitted &= (uint32_t)(capabilities >> (32 * i));
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) != 0)
        return aq_fail_errno(error, errno, "capabilities cannot be set");
    return 0;
}

bool confine_scope(bool signals)
{
    const struct scope scope = {.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | (signals ? SCOPE_SIGNAL : 0)};
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION);
    if (abi < SCOPE_ABI)
        return false;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &scope, sizeof scope, 0);
    if (ruleset < 0)
        return false;
    bool scoped = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return scoped;
}

void confine_no_core(void)
{
    /* 1 is the only value that keeps the kernel from starting a helper, too. */
    const struct rlimit none = {1, 1};
    setrlimit(RLIMIT_CORE, &none);
}

void confine_processes(uint64_t processes)
{
    struct rlimit most;
    if (getrlimit(RLIMIT_NPROC, &most) != 0 || (most.rlim_max != RLIM_INFINITY && most.rlim_max < processes))
        return; /* it is lower already */
    most.rlim_cur = most.rlim_max = processes;
    setrlimit(RLIMIT_NPROC, &most);
}
