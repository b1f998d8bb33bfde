/* The `process` driver shuts workloads in: what one sees, what it can do to the host and to others, whose number it
 * has, how much it can fill, and that nothing of it is left. */
#include "tests/lib/driver_rig.h"

#include "drivers/confine/numbers.h"
#include "drivers/keeper/files.h"
#include "schema/base/files.h"
#include "tests/lib/directory.h"

#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { LANDLOCK_VERSION = 1, LANDLOCK_SCOPES = 6, OWN_FIRST = 0x7fff0000 };

static int setup(void **state)
{
    return geteuid() == 0 ? rig_setup(state, "process") : 0;
}

static int teardown(void **state)
{
    return *state != NULL ? rig_teardown(state) : 0;
}

/* The rig, whose node allows nothing but what `settings` say; "": nothing. */
static struct rig *tight_rig(void **state, const char *settings)
{
    if (*state == NULL)
        skip();
    const char *const list[] = {settings[0] != '\0' ? settings : NULL, NULL};
    rig_allow(*state, list);
    return *state;
}

/* Starts a shell script, with further options as JSON: ", \"pids\": 4". */
static uint64_t begin(struct rig *rig, const char *script, const char *more, struct driver_spec spec)
{
    json_t *text = json_string(script);
    char *quoted = json_dumps(text, JSON_ENCODE_ANY);
    struct aq_buffer options = {0};
    spec.metadata_json = "{}";
    aq_buffer_format(&options, "{\"command\":%s%s}", quoted, more);
    assert_null(strchr(options.data, '\''));
    uint64_t resource = rig_start_spec(rig, options.data, spec);
    aq_buffer_free(&options);
    free(quoted);
    json_decref(text);
    return resource;
}

/* Runs it to its end. Returns what it printed, or why it did not run. */
static const char *run_with(struct rig *rig, const char *script, const char *more, struct driver_spec spec)
{
    uint64_t resource = begin(rig, script, more, spec);
    const struct rig_workload *seen = &rig->seen[resource];
    for (int turns = 0; seen->failed + seen->ended == 0 && turns < 1500; turns++)
        rig_turn(rig, 20);
    return seen->failed != 0 ? seen->reason : rig_log(rig, resource, 8192);
}

static const char *run(struct rig *rig, const char *script)
{
    return run_with(rig, script, "", (struct driver_spec){0});
}

/* ---- what it sees ------------------------------------------------------------------------------------- */

static void it_sees_no_files_of_the_host_but_programs_and_settings(void **state)
{
    struct rig *rig = tight_rig(state, "");
    char script[600];
    snprintf(script, sizeof script,
             "ls -A /home /srv /mnt /tmp | grep -v :; ls -A / | tr \"\\n\" \" \"; echo; cat %s 2>/dev/null;"
             "test -e /sys && echo sys; test -e %s && echo agent; test -e /run/aquarium.numbers && echo run; "
             "ls /dev | tr \"\\n\" \" \"",
             __FILE__, rig->base);
    const char *said = run(rig, script);
    assert_null(strstr(said, "agent"));
    assert_null(strstr(said, "run\n"));
    assert_null(strstr(said, " boot "));
    assert_null(strstr(said, " media "));
    assert_non_null(strstr(said, " usr var work "));
    assert_non_null(strstr(said, "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero "));
}

static void it_has_places_of_its_own(void **state)
{
    struct rig *rig = tight_rig(state, "");
    assert_string_equal(
        run(rig, "pwd; echo $HOME; mkdir a && cd a && echo x >y && cat y; cd; touch /tmp/t /dev/shm/s && echo ok;"
                 "stat -c %a /tmp; echo again >/dev/stdout; test -r /proc/self/status && echo proc"),
        "/work\n/work\nx\nok\n1777\nagain\nproc\n");
    assert_string_equal(run(rig, "ls -A /tmp /dev/shm . | grep -v :$ | grep ."), "");
    assert_string_equal(
        run(rig,
            "for at in / /usr /etc /dev /run /proc/sys/kernel/hostname; do touch $at/x 2>/dev/null && echo $at; done;"
            "echo evil 2>/dev/null >/proc/sys/kernel/hostname || echo no"),
        "no\n");
}

static void its_user_has_a_name(void **state)
{
    struct rig *rig = tight_rig(state, "");
    assert_string_equal(run(rig,
                            "whoami; id -gn; eval echo ~workload; getent passwd root | cut -d: -f1; ls -A / | grep -F "
                            ".; echo x 2>/dev/null >>/etc/passwd || echo no"),
                        "workload\nworkload\n/work\nroot\nno\n");
}

/* What people do in a working directory. */
static void it_is_a_place_to_work_in(void **state)
{
    struct rig *rig = tight_rig(state, "");
    assert_string_equal(run(rig, "set -e; mkdir r; cd r; echo a >a; git -c init.defaultBranch=m init -q .; git add a;"
                                 "git -c user.name=x -c user.email=x@y commit -qm m; cd ..; git clone -q r s; cat s/a;"
                                 "tar -cf t.tar s; rm -r s; tar -xf t.tar; cat s/a"),
                        "a\na\n");
    if (access("/usr/bin/python3", X_OK) == 0)
        assert_non_null(
            strstr(run(rig, "python3 -m venv --without-pip v && ./v/bin/python -c \"print(6 * 7)\""), "42\n"));
}

/* Who runs as root owns the host's /dev/null, and could take it away from all. */
static void its_input_is_no_device_of_the_host(void **state)
{
    struct rig *rig = tight_rig(state, "");
    assert_string_equal(
        run_with(rig, "test -c /dev/stdin && echo device; cat /dev/stdin; echo end", "", (struct driver_spec){0}),
        "end\n");
}

static void it_sees_no_process_but_its_own(void **state)
{
    struct rig *rig = tight_rig(state, "");
    char script[300];
    snprintf(
        script, sizeof script,
        "set -- /proc/[0-9]*; echo $#; kill -0 %d 2>/dev/null && echo seen; kill -9 1 2>/dev/null && echo killed; "
        "kill -9 -1 2>/dev/null; echo alive; ls /proc/1/root 2>/dev/null; cat /proc/1/environ 2>/dev/null; echo end",
        (int)getpid());
    assert_string_equal(run(rig, script), "1\nalive\nend\n");
}

static void it_has_rights_over_nothing(void **state)
{
    struct rig *rig = tight_rig(state, "");
    assert_string_equal(run(rig, "grep -E \"^(NoNewPrivs|Seccomp):\" /proc/self/status; grep ^Cap /proc/self/status | "
                                 "grep -vc 0000000000000000; ulimit -c"),
                        "NoNewPrivs:\t1\nSeccomp:\t2\n0\n0\n");
}

/* ---- what it can do ----------------------------------------------------------------------------------- */

static void what_changes_the_host_is_refused(void **state)
{
    static const struct {
        int number;
        const char *name, *arguments, *error;
    } calls[] = {
        {SYS_mount, "mount", "\\$a = q(x), \\$b = q(/tmp), \\$c = q(tmpfs), 0, 0", "Operation not permitted"},
        {SYS_unshare, "unshare", "0x10000000", "Operation not permitted"},
        {SYS_setns, "setns", "0, 0", "Operation not permitted"},
        {SYS_keyctl, "keyctl", "0, 0, 0, 0, 0", "Operation not permitted"},
        {SYS_add_key, "add_key", "\\$a = q(user), \\$b = q(a), \\$c = q(b), 1, 0", "Operation not permitted"},
        {SYS_bpf, "bpf", "0, 0, 0", "Operation not permitted"},
        {SYS_perf_event_open, "perf_event_open", "0, 0, 0, 0, 0", "Operation not permitted"},
        {SYS_init_module, "init_module", "0, 0, 0", "Operation not permitted"},
        {SYS_reboot, "reboot", "0, 0, 0, 0", "Operation not permitted"},
        {SYS_userfaultfd, "userfaultfd", "0", "Operation not permitted"},
        {SYS_open_by_handle_at, "open_by_handle_at", "0, 0, 0", "Operation not permitted"},
        {425, "io_uring_setup", "1, 0", "Operation not permitted"},
        {SYS_clone, "clone", "0x10000011, 0, 0, 0, 0", "Operation not permitted"},
        {435, "clone3", "0, 0", "Function not implemented"},
        {SYS_socket, "vsock", "40, 1, 0", "Operation not permitted"},
        {SYS_ioctl, "tiocsti", "0, 0x5412, 0", "Operation not permitted"},
    };
    struct rig *rig = tight_rig(state, "");
    struct aq_buffer script = {0}, expected = {0};
    for (size_t i = 0; i < AQ_LENGTH(calls); i++) {
        aq_buffer_format(&script, "perl -e \"\\$n = syscall(%d, %s); print qq(%s: \\$n \\$!\\n)\"\n", calls[i].number,
                         calls[i].arguments, calls[i].name);
        aq_buffer_format(&expected, "%s: -1 %s\n", calls[i].name, calls[i].error);
    }
    /* What a program needs is not refused: processes, threads, tracing one's own. */
    aq_buffer_text(&script, "perl -e \"print fork() ? q(parent) : q(), qq(\\n)\" | sort -u | tail -n 1");
    aq_buffer_text(&expected, "parent\n");
    const char *said = run(rig, script.data);
    assert_string_equal(said, expected.data);
    aq_buffer_free(&script);
    aq_buffer_free(&expected);
}

static void it_cannot_reach_abstract_sockets_of_the_host(void **state)
{
    struct rig *rig = tight_rig(state, "");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char script[400];
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION) < LANDLOCK_SCOPES)
        skip(); /* a kernel older than 6.12 */
    int length = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "aq-test-%d", (int)getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)),
                     0);
    assert_int_equal(listen(listener, 1), 0);
    snprintf(script, sizeof script,
             "perl -e \"use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); "
             "print connect(S, pack(q(Sa*), 1, qq(\\0aq-test-%d))) ? q(in) : \\$!, qq(\\n)\"",
             (int)getpid());
    assert_string_equal(run(rig, script), "Operation not permitted\n");
    assert_string_equal(run_with(rig, script, ", \"network\": \"none\"", (struct driver_spec){0}),
                        "Connection refused\n");
    close(listener);
}

static void without_a_network_it_has_a_loopback_interface(void **state)
{
    struct rig *rig = tight_rig(state, "");
    assert_string_equal(run_with(rig,
                                 "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d \" \"; tail -n +2 /proc/net/route; "
                                 "perl -e \"use Socket; socket(L, PF_INET, SOCK_STREAM, 0); bind(L, "
                                 "sockaddr_in(7, INADDR_LOOPBACK)) or print qq(\\$!\\n); socket(L, PF_INET, "
                                 "SOCK_STREAM, 0); bind(L, sockaddr_in(7777, INADDR_LOOPBACK)); listen(L, 1); "
                                 "socket(S, PF_INET, SOCK_STREAM, 0); print connect(S, sockaddr_in(7777, "
                                 "INADDR_LOOPBACK)) ? q(up) : \\$!, qq(\\n)\"",
                                 ", \"network\": \"none\"", (struct driver_spec){0}),
                        "lo\nPermission denied\nup\n");
}

/* ---- whose number it has ------------------------------------------------------------------------------ */

static unsigned long number_of(struct rig *rig, uint64_t resource)
{
    rig_await_log(rig, resource, "\n");
    return strtoul(rig_log(rig, resource, 100), NULL, 10);
}

/* Two agents of a host begin at the same number, that of the resource. */
static void each_has_a_number_that_no_other_has(void **state)
{
    struct rig *rig = tight_rig(state, "");
    void *second = NULL;
    unsigned long numbers[6];
    assert_int_equal(rig_setup(&second, "process"), 0);
    struct rig *other = tight_rig(&second, "");
    for (int i = 0; i < 3; i++) {
        uint64_t a = begin(rig, "id -u; exec sleep 1000", ", \"stop_grace\": 0", (struct driver_spec){0});
        uint64_t b = begin(other, "id -u; exec sleep 1000", ", \"stop_grace\": 0", (struct driver_spec){0});
        numbers[2 * i] = number_of(rig, a);
        numbers[2 * i + 1] = number_of(other, b);
    }
    for (int i = 0; i < 6; i++) {
        assert_true(numbers[i] >= OWN_FIRST);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(numbers[i], numbers[k]);
    }
    rig_teardown(&second);
}

/* On a host with several hundred workloads, those with the next numbers are all there still. */
static void numbers_are_found_behind_many_that_are_taken(void **state)
{
    (void)state;
    enum { FIRST = 2040000000, TAKEN = 600 };
    const struct confine_range range = {FIRST, 65536, false}, full = {FIRST, TAKEN, false};
    struct flock taken = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = FIRST, .l_len = TAKEN};
    struct aq_error error;
    uid_t number, other;
    AQ_CLEANUP_FD int others = confine_numbers_open(), ours = confine_numbers_open();
    assert_int_equal(fcntl(others, F_OFD_SETLK, &taken), 0);
    assert_int_equal(confine_numbers_draw(ours, &range, 5, &number, &error), 0);
    assert_true(number >= FIRST + TAKEN && number < FIRST + 65536);
    AQ_CLEANUP_FD int more = confine_numbers_open();
    assert_int_equal(confine_numbers_draw(more, &range, 5, &other, &error), 0);
    assert_true(other >= FIRST + TAKEN && other < FIRST + 65536 && other != number);
    assert_int_equal(confine_numbers_draw(ours, &full, 5, &number, &error), -1);
}

/* ---- what it can fill --------------------------------------------------------------------------------- */

static void files_in_memory_have_a_bound(void **state)
{
    struct rig *rig = tight_rig(state, "");
    assert_string_equal(run_with(rig,
                                 "head -c 3000000 /dev/zero >/tmp/a && echo fits; head -c 3000000 /dev/zero 2>&1 "
                                 ">/dev/shm/b | grep -o \"No space.*\"; rm /tmp/a /dev/shm/b; head -c 3000000 "
                                 "/dev/zero >/dev/shm/c && echo again",
                                 ", \"memory_files\": \"4MiB\"", (struct driver_spec){0}),
                        "fits\nNo space left on device\nagain\n");
    /* Nor do many small ones take more. */
    assert_string_equal(
        run_with(rig, "i=0; while true 2>/dev/null >/tmp/$i; do i=$((i + 1)); done; test $i -lt 6000 && echo bounded",
                 ", \"memory_files\": \"1MiB\"", (struct driver_spec){0}),
        "bounded\n");
}

static bool loop_devices_are_here(void)
{
    return access("/dev/loop-control", R_OK | W_OK) == 0 && access("/sbin/mke2fs", X_OK) == 0;
}

static bool loop_device_has(const char *path)
{
    glob_t found = {0};
    bool has = false;
    if (glob("/sys/block/loop*/loop/backing_file", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char line[512] = "";
            FILE *file = fopen(found.gl_pathv[i], "re");
            if (file != NULL && fgets(line, sizeof line, file) != NULL)
                has = has || strstr(line, path) != NULL;
            if (file != NULL)
                fclose(file);
        }
    globfree(&found);
    return has;
}

static void a_disk_is_as_large_as_the_label_says(void **state)
{
    struct rig *rig = tight_rig(state, "");
    struct stat status;
    char path[128];
    if (!loop_devices_are_here())
        skip();
    const struct driver_spec spec = {.disk_mib = 16};
    assert_string_equal(run_with(rig,
                                 "head -c 9000000 /dev/zero >a && echo fits; head -c 9000000 /dev/zero 2>&1 >/tmp/b | "
                                 "grep -o \"No space.*\"; rm a /tmp/b; head -c 9000000 /dev/zero >c && echo again; "
                                 "stat -c %u . c | uniq | wc -l",
                                 "", spec),
                        "fits\nNo space left on device\nagain\n1\n");
    snprintf(path, sizeof path, "%s/disk", rig_directory(rig, rig->used));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 16 << 20);
    for (int i = 0; i < 3000 && loop_device_has(rig->base); i++)
        usleep(10000);
    assert_false(loop_device_has(rig->base));
}

static void a_disk_ends_with_the_keeper(void **state)
{
    struct rig *rig = tight_rig(state, "");
    struct keeper_state kept;
    if (!loop_devices_are_here())
        skip();
    uint64_t resource = begin(rig, "echo up; exec sleep 1000", "", (struct driver_spec){.disk_mib = 8});
    rig_await_log(rig, resource, "up\n");
    assert_true(loop_device_has(rig->base));
    int directory = open(rig_directory(rig, resource), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(keeper_state_read(directory, &kept), KEEPER_READ);
    close(directory);
    kill(kept.keeper.pid, SIGKILL);
    rig_await(rig, &rig->seen[resource].ended);
    for (int i = 0; i < 3000 && loop_device_has(rig->base); i++)
        usleep(10000);
    assert_false(loop_device_has(rig->base));
}

static void a_fork_bomb_has_a_bound(void **state)
{
    struct rig *rig = tight_rig(state, "");
    assert_string_equal(run_with(rig,
                                 "perl -e \"while (defined(\\$p = fork())) { \\$p or sleep 1000; \\$n++ } print \\$n < "
                                 "20 ? qq(bound\\n) : qq(\\$n\\n)\"",
                                 ", \"pids\": 20", (struct driver_spec){0}),
                        "bound\n");
}

/* ---- directories of the host -------------------------------------------------------------------------- */

static void mounts_are_what_the_owner_allows(void **state)
{
    char setting[128], shared[128], more[400];
    struct rig *rig = tight_rig(state, "");
    struct aq_error error;
    snprintf(shared, sizeof shared, "%s/shared", rig->base);
    snprintf(setting, sizeof setting, "directories=%s", shared);
    assert_int_equal(mkdir(shared, 0777), 0);
    assert_int_equal(chmod(shared, 0777), 0);
    snprintf(more, sizeof more, "{'command':'true','mounts':['%s:/data']}", shared);
    assert_int_equal(rig_try_start(rig, more, (struct driver_spec){.metadata_json = "{}"}, &error), 0);
    assert_non_null(strstr(error.message, "workloads may not see directory"));
    tight_rig(state, setting);
    snprintf(more, sizeof more, ", \"mounts\": [\"%s:/data\", \"%s:/out/here:rw\"]", shared, shared);
    assert_string_equal(
        run_with(rig,
                 "touch /data/no 2>/dev/null || echo read-only; echo x >/out/here/made && cat /data/made; "
                 "mkdir /out/there 2>/dev/null || echo root is read-only",
                 more, (struct driver_spec){0}),
        "read-only\nx\nroot is read-only\n");
    snprintf(more, sizeof more, "%s/made", shared);
    assert_int_equal(access(more, F_OK), 0);
    /* One inside of another, in whatever order. */
    snprintf(more, sizeof more, "%s/in", shared);
    assert_int_equal(mkdir(more, 0777), 0);
    assert_int_equal(chmod(more, 0777), 0);
    snprintf(more, sizeof more, ", \"mounts\": [\"%s/in:/data/in:rw\", \"%s:/data\"]", shared, shared);
    assert_string_equal(run_with(rig,
                                 "touch /data/no 2>/dev/null || echo read-only; echo y >/data/in/x && cat /data/in/x",
                                 more, (struct driver_spec){0}),
                        "read-only\ny\n");
    /* By a link that the owner did not mean. */
    snprintf(more, sizeof more, "%s/link", shared);
    assert_int_equal(symlink("/etc", more), 0);
    snprintf(more, sizeof more, ", \"mounts\": [\"%s/link:/data\"]", shared);
    assert_non_null(strstr(run_with(rig, "ls /data", more, (struct driver_spec){0}), "leads out of"));
    /* Nor what its user may not see. */
    snprintf(more, sizeof more, "%s/closed", shared);
    assert_int_equal(mkdir(more, 0700), 0);
    snprintf(more, sizeof more, "%s/closed/open", shared);
    assert_int_equal(mkdir(more, 0777), 0);
    snprintf(more, sizeof more, ", \"mounts\": [\"%s/closed/open:/data\"]", shared);
    assert_non_null(strstr(run_with(rig, "ls /data", more, (struct driver_spec){0}), "Permission denied"));
}

static void another_root(void **state)
{
    static const char *const links[] = {"bin", "lib", "lib64"};
    char setting[200], path[160], more[400];
    struct rig *rig = tight_rig(state, "");
    snprintf(path, sizeof path, "%s/root", rig->base);
    assert_int_equal(mkdir(path, 0755), 0);
    for (size_t i = 0; i < AQ_LENGTH(links); i++) {
        char target[32];
        snprintf(path, sizeof path, "%s/root/%s", rig->base, links[i]);
        snprintf(target, sizeof target, "usr/%s", links[i]);
        assert_int_equal(symlink(target, path), 0);
    }
    snprintf(path, sizeof path, "%s/root/dev", rig->base); /* a trap: it must not be followed */
    assert_int_equal(symlink("/etc", path), 0);
    snprintf(setting, sizeof setting, "directories=%s/root,/usr", rig->base);
    tight_rig(state, setting);
    snprintf(more, sizeof more, ", \"root\": \"%s/root\", \"mounts\": [\"/usr:/usr\"]", rig->base);
    const char *said = run_with(rig, "ls /", more, (struct driver_spec){0});
    assert_non_null(strstr(said, "cannot be shut in: dev"));
    assert_int_equal(unlink(path), 0);
    assert_string_equal(run_with(rig,
                                 "ls / | tr \"\\n\" \" \"; touch /x 2>/dev/null || echo no; touch y /tmp/z && echo "
                                 "yes; test -c /dev/null && echo null",
                                 more, (struct driver_spec){0}),
                        "bin dev lib lib64 proc tmp usr work no\nyes\nnull\n");
    /* Nothing was made in the directory itself. */
    snprintf(path, sizeof path, "%s/root/work", rig->base);
    assert_int_equal(access(path, F_OK), -1);
}

static void to_see_the_whole_host_takes_the_word_of_both(void **state)
{
    struct rig *rig = tight_rig(state, "");
    struct aq_error error;
    char script[200];
    snprintf(script, sizeof script, "{'command':'ls %s','isolate':false}", rig->base);
    assert_int_equal(rig_try_start(rig, script, (struct driver_spec){.metadata_json = "{}"}, &error), 0);
    assert_string_equal(
        error.message,
        "refused by the node: workloads may not see the whole host there (allow.unisolated of its agent)");
    tight_rig(state, "unisolated=true");
    snprintf(script, sizeof script, "ls -d %s", rig->base);
    assert_non_null(strstr(run_with(rig, script, ", \"isolate\": false", (struct driver_spec){0}), rig->base));
    assert_non_null(strstr(run(rig, script), "No such file"));
    assert_int_equal(rig_try_start(rig, "{'command':'true','isolate':false,'network':'none'}",
                                   (struct driver_spec){.metadata_json = "{}"}, &error),
                     0);
    assert_string_equal(error.message,
                        "option \"network\" is only for workloads that are isolated, not with isolate: false");
}

/* ---- its end ------------------------------------------------------------------------------------------ */

/* Leaves its session and its parent, and holds a lock as long as it lives. */
#define DAEMON                                                                                                         \
    "(setsid sh -c \"trap : TERM; exec 9>lock; flock 9; touch up; while :; do sleep 1000; done\" &); while ! test -e " \
    "up; do sleep 0.01; done; "

static bool lock_is_free(struct rig *rig, uint64_t resource)
{
    char path[128];
    snprintf(path, sizeof path, "%s/work/lock", rig_directory(rig, resource));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return is_free;
}

static void daemons_end_with_it(void **state)
{
    struct rig *rig = tight_rig(state, "");
    uint64_t resource = begin(rig, DAEMON "exit 5", "", (struct driver_spec){0});
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 5);
    assert_true(lock_is_free(rig, resource));
    assert_false(rig_has_group(rig, resource));
}

static void daemons_that_do_not_listen_end_when_it_is_stopped(void **state)
{
    struct rig *rig = tight_rig(state, "");
    uint64_t resource = begin(rig, DAEMON "echo up; exec sleep 1000", ", \"stop_grace\": 1", (struct driver_spec){0});
    rig_await_log(rig, resource, "up\n");
    assert_false(lock_is_free(rig, resource));
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_string_equal(rig->seen[resource].reason, "killed by signal 15 (SIGTERM): stopped");
    assert_true(lock_is_free(rig, resource));
}

static void what_tidies_up_is_waited_for(void **state)
{
    struct rig *rig = tight_rig(state, "");
    uint64_t resource =
        begin(rig,
              "trap \"exit 3\" TERM; "
              "sh -c \"trap \\\"sleep 0.2; echo tidied; exit 0\\\" TERM; echo up; while :; do sleep 0.01; done\" & "
              "while :; do sleep 0.01; done",
              ", \"stop_grace\": 10", (struct driver_spec){0});
    rig_await_log(rig, resource, "up\n");
    rig->type->stop(rig->driver, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_int_equal(rig->seen[resource].exit_status, 3);
    assert_non_null(strstr(rig_log(rig, resource, 1000), "tidied\n"));
}

static void all_end_with_the_keeper(void **state)
{
    struct rig *rig = tight_rig(state, "");
    struct keeper_state kept;
    uint64_t resource = begin(rig, DAEMON "echo up; exec sleep 1000", "", (struct driver_spec){0});
    rig_await_log(rig, resource, "up\n");
    int directory = open(rig_directory(rig, resource), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(keeper_state_read(directory, &kept), KEEPER_READ);
    close(directory);
    rig_close(rig); /* and no agent runs that could do it */
    kill(kept.keeper.pid, SIGKILL);
    for (int i = 0; i < 3000 && !lock_is_free(rig, resource); i++)
        usleep(10000);
    assert_true(lock_is_free(rig, resource));
    rig_open(rig);
    rig_adopt(rig, resource);
    rig_await(rig, &rig->seen[resource].ended);
    assert_string_equal(rig->seen[resource].reason, "its keeper was killed, and the workload was ended with it");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_sees_no_files_of_the_host_but_programs_and_settings),
        TEST(it_has_places_of_its_own),
        TEST(its_user_has_a_name),
        TEST(it_is_a_place_to_work_in),
        TEST(its_input_is_no_device_of_the_host),
        TEST(it_sees_no_process_but_its_own),
        TEST(it_has_rights_over_nothing),
        TEST(what_changes_the_host_is_refused),
        TEST(it_cannot_reach_abstract_sockets_of_the_host),
        TEST(without_a_network_it_has_a_loopback_interface),
        TEST(each_has_a_number_that_no_other_has),
        TEST(numbers_are_found_behind_many_that_are_taken),
        TEST(files_in_memory_have_a_bound),
        TEST(a_disk_is_as_large_as_the_label_says),
        TEST(a_disk_ends_with_the_keeper),
        TEST(a_fork_bomb_has_a_bound),
        TEST(mounts_are_what_the_owner_allows),
        TEST(another_root),
        TEST(to_see_the_whole_host_takes_the_word_of_both),
        TEST(daemons_end_with_it),
        TEST(daemons_that_do_not_listen_end_when_it_is_stopped),
        TEST(what_tidies_up_is_waited_for),
        TEST(all_end_with_the_keeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
