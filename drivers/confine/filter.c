#include "drivers/confine/filter.h"

#include "schema/base/files.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PROGRAM_SIZE_MAX = 4096 * sizeof(struct sock_filter) };

/* What changes the host, its time, its kernel or its mounts; namespaces; keys; what reads the memory or the files of
 * others by other ways; and what has had most of the kernel's faults. Names that this host does not know are left out.
 */
static const char *const denied[] = {
    /* mounts and roots */
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen",
    "fsconfig", "fsmount", "fspick", "mount_setattr", "quotactl", "quotactl_fd", "swapon", "swapoff",
    "open_by_handle_at", "name_to_handle_at", "fanotify_init", "lookup_dcookie",
    /* namespaces */
    "unshare", "setns",
    /* the kernel */
    "init_module", "finit_module", "delete_module", "create_module", "query_module", "get_kernel_syms", "kexec_load",
    "kexec_file_load", "bpf", "perf_event_open", "reboot", "syslog", "acct", "ioperm", "iopl", "sysfs", "_sysctl",
    "uselib", "ustat", "nfsservctl", "vhangup", "vm86", "vm86old", "modify_ldt", "userfaultfd", "io_uring_setup",
    "io_uring_enter", "io_uring_register", "kcmp",
    /* time */
    "settimeofday", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "stime",
    /* keys */
    "add_key", "request_key", "keyctl",
    /* where memory is */
    "move_pages", "migrate_pages", "set_mempolicy_home_node"};

/* Flags of clone(), which is only refused with one of them. CLONE_NEWTIME is none of clone(). */
static const unsigned namespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

/* Requests of ioctl(2) that type into the terminal of another. */
static const unsigned terminals[] = {TIOCSTI, TIOCLINUX};

static struct sock_fprog program; /* len 0: not made yet */

static int deny(scmp_filter_ctx filter, uint32_t action, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    int failed = number != __NR_SCMP_ERROR ? seccomp_rule_add(filter, action, number, 0) : 0;
    return failed == -EEXIST || failed == -EDOM ? 0 : failed;
}

static int deny_by_argument(scmp_filter_ctx filter)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    int failed = 0;
    for (size_t i = 0; i < AQ_LENGTH(namespaces) && failed == 0; i++)
        failed = seccomp_rule_add(filter, refuse, SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
    for (size_t i = 0; i < AQ_LENGTH(terminals) && failed == 0; i++) /* the kernel looks at 32 bits alone */
        failed = seccomp_rule_add(filter, refuse, SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, terminals[i]));
    /* Sockets to the machine that this one is a guest of, and the kernel's own cipher code. */
    if (failed == 0)
        failed =
            seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, AF_VSOCK));
    if (failed == 0)
        failed =
            seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffffu, AF_ALG));
    /* Pages that can be read can be executed, too: no protection of old programs is left. */
    if (failed == 0)
        failed = seccomp_rule_add(filter, refuse, SCMP_SYS(personality), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, READ_IMPLIES_EXEC, READ_IMPLIES_EXEC));
    return failed;
}

static int rules_add(scmp_filter_ctx filter)
{
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    for (size_t i = 0; i < AQ_LENGTH(denied) && failed == 0; i++)
        failed = deny(filter, SCMP_ACT_ERRNO(EPERM), denied[i]);
    if (failed == 0)
        failed = deny(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3");
    if (failed == 0)
        failed = deny_by_argument(filter);
    /* A tree of comparisons: the kernel runs the filter once for each system call when it is applied. */
    if (failed == 0)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return failed;
}

/* Writes the filter into the file. */
static int filter_write(int file)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL)
        return -ENOMEM;
    int failed = rules_add(filter);
    return failed == 0 ? seccomp_export_bpf(filter, file) : failed;
}

/* libseccomp leaves hundreds of freed pieces in the heap, which every fork would copy as soon as it allocates
 * something. So another process makes the filter. Returns 0 or an error number. */
static int filter_make(int file)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(-filter_write(file));
    int status = 0;
    if (pid < 0 || (waitpid(pid, &status, 0) != pid && errno != ECHILD)) /* SIGCHLD may be ignored */
        return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

int confine_filter_prepare(struct aq_error *error)
{
    struct stat about;
    if (program.len > 0)
        return 0;
    AQ_CLEANUP_FD int file = memfd_create("aquarium-filter", MFD_CLOEXEC);
    if (file < 0)
        return aq_fail_errno(error, errno, "cannot create a memory file");
    int failed = filter_make(file);
    if (failed != 0)
        return aq_fail_errno(error, failed, "libseccomp does not make the filter of system calls");
    if (fstat(file, &about) != 0 || about.st_size <= 0 || about.st_size > PROGRAM_SIZE_MAX)
        return aq_fail(error, AQ_E_INTERNAL, "libseccomp does not make the filter of system calls");
    void *code = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_SHARED, file, 0);
    if (code == MAP_FAILED)
        return aq_fail_errno(error, errno, "the filter of system calls cannot be read");
    program = (struct sock_fprog){(unsigned short)((size_t)about.st_size / sizeof(struct sock_filter)), code};
    return 0;
}

int confine_filter_apply(struct aq_error *error)
{
    if (confine_filter_prepare(error) != 0)
        return -1;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        return aq_fail_errno(error, errno, "the filter of system calls cannot be applied");
    return 0;
}
