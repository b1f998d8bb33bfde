#include "drivers/keeper/watch.h"

#include "schema/base/clock.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    FIRST_MS = 500,
    LOOK_MS = 5000,
    LOOK_LEAST_MS = 50,
    ANYWAY_MS = 60000,
    PART = 4,          /* of what is left is taken before it is counted again */
    HERE_FILES = 5000, /* more are counted by a fork */
    REST_TIMES = 20    /* as long as counting took */
};

static struct disk_space free_of(int directory)
{
    struct statvfs about;
    if (fstatvfs(directory, &about) != 0)
        return (struct disk_space){0};
    return (struct disk_space){(uint64_t)about.f_bavail * about.f_frsize, about.f_favail};
}

static uint64_t lost(uint64_t before, uint64_t now)
{
    return before > now ? before - now : 0;
}

static void judge(struct keeper_watch *watch, const struct usage *usage)
{
    if (usage->deep)
        snprintf(watch->reason, sizeof watch->reason, "its directories are nested more than %d deep", USAGE_DEPTH_MAX);
    else if (usage->bytes > watch->most.bytes)
        snprintf(watch->reason, sizeof watch->reason,
                 "its files took more than %" PRIu64 " MiB of the node's disk (allow.disk of its agent), and its label "
                 "asks for no disks",
                 watch->most.bytes >> 20);
    else if (usage->files > watch->most.files)
        snprintf(watch->reason, sizeof watch->reason,
                 "it had more than %" PRIu64 " files on the node's disk (allow.files of its agent), and its label asks "
                 "for no disks",
                 watch->most.files);
}

void keeper_watch_begin(struct keeper_watch *watch, int directory, uint64_t now_ms)
{
    if (watch->tree[0] == '\0')
        return;
    watch->free_counted = watch->free_looked = free_of(directory);
    watch->counted_ms = watch->looked_ms = now_ms;
    watch->due_ms = now_ms + FIRST_MS;
}

/* ---- counting ------------------------------------------------------------------------------------------- */

static _Noreturn void counter_run(struct keeper_watch *watch, int directory, pid_t keeper)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "aq-counter");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper)
        _exit(1);
    *watch->shared = (struct usage){0};
    (void)usage_add(directory, watch->tree, &watch->most, watch->shared);
    _exit(0);
}

/* If there is no memory, or no process, it is tried again. */
static void count_apart(struct keeper_watch *watch, int directory)
{
    const pid_t keeper = getpid();
    if (watch->shared == NULL) {
        void *page = mmap(NULL, sizeof *watch->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        watch->shared = page != MAP_FAILED ? page : NULL;
    }
    pid_t pid = watch->shared != NULL ? fork() : -1;
    if (pid == 0)
        counter_run(watch, directory, keeper);
    watch->counter = pid > 0 ? pid : 0;
}

static void count(struct keeper_watch *watch, int directory, uint64_t now_ms)
{
    struct usage here = watch->most, usage = {0};
    watch->free_counted = free_of(directory);
    watch->counted_ms = now_ms;
    if (here.files > HERE_FILES)
        here.files = HERE_FILES;
    const bool over = usage_add(directory, watch->tree, &here, &usage);
    if (over && usage.files > here.files && here.files < watch->most.files && usage.bytes <= watch->most.bytes) {
        count_apart(watch, directory);
        return;
    }
    watch->counted = usage;
    judge(watch, &usage);
}

void keeper_watch_take(struct keeper_watch *watch, bool well)
{
    watch->counter = 0;
    if (!well)
        return;
    watch->counted = *watch->shared;
    judge(watch, &watch->counted);
}

/* ---- looking -------------------------------------------------------------------------------------------- */

/* How long what is left will last at the least, as it shrinks now; some of that. */
static uint64_t lasts_ms(uint64_t left, uint64_t shrunk, uint64_t in_ms)
{
    return shrunk == 0 || left / shrunk > LOOK_MS ? LOOK_MS : left * in_ms / shrunk / PART;
}

int keeper_watch_turn(struct keeper_watch *watch, int directory, uint64_t now_ms)
{
    if (watch->tree[0] == '\0' || watch->reason[0] != '\0')
        return -1;
    if (now_ms < watch->due_ms)
        return (int)(watch->due_ms - now_ms);
    const struct disk_space now = free_of(directory), *then = &watch->free_counted, *looked = &watch->free_looked;
    const uint64_t left = lost(watch->most.bytes, watch->counted.bytes);
    const uint64_t left_files = lost(watch->most.files, watch->counted.files);
    const bool changed = now.bytes != then->bytes || now.files != then->files;
    const uint64_t in_ms = now_ms - watch->looked_ms + 1;
    uint64_t wait_ms = lasts_ms(left, lost(looked->bytes, now.bytes), in_ms);
    const uint64_t files_ms = lasts_ms(left_files, lost(looked->files, now.files), in_ms);
    wait_ms = files_ms < wait_ms ? files_ms : wait_ms;
    watch->free_looked = now;
    watch->looked_ms = now_ms;
    if (watch->counter == 0 && changed &&
        (lost(then->bytes, now.bytes) > left / PART || lost(then->files, now.files) > left_files / PART ||
         now_ms - watch->counted_ms >= ANYWAY_MS)) {
        count(watch, directory, now_ms);
        const uint64_t took_ms = aq_clock_boot_ms() - now_ms;
        wait_ms = wait_ms > took_ms * REST_TIMES ? wait_ms : took_ms * REST_TIMES;
    }
    if (wait_ms < LOOK_LEAST_MS || wait_ms > LOOK_MS)
        wait_ms = wait_ms < LOOK_LEAST_MS ? LOOK_LEAST_MS : LOOK_MS;
    watch->due_ms = now_ms + wait_ms;
    return watch->reason[0] != '\0' ? 0 : (int)wait_ms;
}
