#include "drivers/libvirt/task.h"

#include "drivers/container/program.h"
#include "drivers/libvirt/virt.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TASK_MARK "user.aquarium.task" /* attribute of an image */

enum { MOST_MS = 3600 * 1000, NAME_SIZE = 128, RESULT_SIZE = 256, PATH_SIZE = 2048 };

struct tasks {
    struct pool *pool;
    driver_report_fn *report;
    void *context;
    struct task *first;
};

struct task {
    struct pool_job job;
    struct tasks *tasks;
    struct task *next;
    uint64_t number, resource;
    enum driver_task_kind kind;
    char name[NAME_SIZE];
    char uuid[VIR_UUID_STRING_BUFLEN];
    char disk[PATH_SIZE], images[PATH_SIZE];
    virConnectPtr open;
    atomic_bool cancelled;
    bool failed, told;
    struct aq_error error;
    char result[RESULT_SIZE];
};

/* ---- on a thread of the pool -------------------------------------------------------------------------------- */

/* The one of this name that was made by this task, before the driver was started again, is what is asked for. */
static int make_snapshot(struct task *task, virDomainPtr domain)
{
    char xml[NAME_SIZE + 128], mark[64];
    snprintf(mark, sizeof mark, "<description>task %" PRIu64 "</description>", task->number);
    snprintf(xml, sizeof xml, "<domainsnapshot><name>%s</name>%s</domainsnapshot>", task->name, mark);
    virDomainSnapshotPtr snapshot = virDomainSnapshotLookupByName(domain, task->name, 0);
    if (snapshot != NULL) {
        AQ_CLEANUP_MEMORY char *found = virDomainSnapshotGetXMLDesc(snapshot, 0);
        bool own = found != NULL && strstr(found, mark) != NULL;
        virDomainSnapshotFree(snapshot);
        return own ? 0 : aq_fail(&task->error, AQ_E_EXISTS, "the machine has a snapshot \"%s\" already", task->name);
    }
    snapshot = virDomainSnapshotCreateXML(domain, xml, 0);
    if (snapshot == NULL)
        return virt_fail(&task->error, "no snapshot is made");
    virDomainSnapshotFree(snapshot);
    return 0;
}

static int check_wanted(void *context, struct aq_error *error)
{
    struct task *task = context;
    return atomic_load(&task->cancelled) ? aq_fail(error, AQ_E_STATE, "cancelled") : 0;
}

/* All that the machine has written is in the file: a machine that is paused has its disks flushed. */
static int copy_disk(struct task *task, const char *to)
{
    const char *const arguments[] = {"qemu-img", "convert", "-q", "-U", "-O", "qcow2", task->disk, to, NULL};
    const struct program_run run = {.arguments = arguments,
                                    .until_ms = aq_clock_boot_ms() + MOST_MS,
                                    .bound = "at most an hour",
                                    .watch = check_wanted,
                                    .context = task};
    return program_run(&run, &task->error);
}

/* The image has the number of its task, so that one that was made before the driver was started again is known. Not
 * every file system keeps it: then such a task says that the name is taken. */
static void mark_image(const struct task *task, const char *path)
{
    char number[24];
    const int length = snprintf(number, sizeof number, "%" PRIu64, task->number);
    int failed = setxattr(path, TASK_MARK, number, (size_t)length, 0);
    (void)failed;
}

static bool is_own_image(const struct task *task, const char *path)
{
    char number[24], found[24] = "";
    snprintf(number, sizeof number, "%" PRIu64, task->number);
    return getxattr(path, TASK_MARK, found, sizeof found - 1) > 0 && strcmp(found, number) == 0;
}

/* Beside the disk of a machine that is paused for an image: which process has paused it, and the half of the image. */
#define PAUSED_MARK "disk.qcow2.paused"

static void paused_mark(const struct task *task, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.*s/" PAUSED_MARK, (int)(strrchr(task->disk, '/') - task->disk), task->disk);
}

static int pause_machine(struct task *task, virDomainPtr domain, const char *half)
{
    char mark[PATH_SIZE], text[PATH_SIZE + 32];
    const int length = snprintf(text, sizeof text, "%d %s\n", (int)getpid(), half);
    paused_mark(task, mark);
    if (aq_file_replace_unsynced(AT_FDCWD, mark, 0600, text, (size_t)length, &task->error) != 0)
        return -1;
    return virDomainSuspend(domain) < 0 ? virt_fail(&task->error, "the machine cannot be paused") : 0;
}

static int resume_machine(struct task *task, virDomainPtr domain, int failed)
{
    char mark[PATH_SIZE];
    paused_mark(task, mark);
    if (virDomainResume(domain) < 0 && failed == 0)
        failed = virt_fail(&task->error, "the machine does not go on");
    unlink(mark);
    return failed;
}

void task_resume_paused(const char *directory, virDomainPtr domain)
{
    char mark[PATH_SIZE], text[PATH_SIZE + 32];
    int pid = 0, begin = 0;
    snprintf(mark, sizeof mark, "%s/" PAUSED_MARK, directory);
    if (aq_file_read_text(AT_FDCWD, mark, text, sizeof text) <= 0 || sscanf(text, "%d %n", &pid, &begin) != 1 ||
        pid == (int)getpid())
        return;
    text[strcspn(text, "\n")] = '\0';
    if (virDomainResume(domain) < 0)
        return; /* tried again when the driver is started again */
    unlink(text + begin);
    unlink(mark);
    aq_journal(AQ_WARN, "a machine goes on that was paused for an image, which was not made", "machine",
               virDomainGetName(domain), NULL);
}

static int keep_image(struct task *task, const char *from, const char *to)
{
    mark_image(task, from);
    if (chmod(from, 0644) == 0 && link(from, to) == 0)
        return 0;
    return errno == EEXIST
               ? aq_fail(&task->error, AQ_E_EXISTS, "the node has an image \"%s.qcow2\" already", task->name)
               : aq_fail_errno(&task->error, errno, "image %s", to);
}

static int make_image(struct task *task, virDomainPtr domain)
{
    int state = 0, reason;
    char to[PATH_SIZE + NAME_SIZE + 16], half[PATH_SIZE + NAME_SIZE + 16];
    if (task->disk[0] == '\0')
        return aq_fail(&task->error, AQ_E_STATE, "the machine has no disk of which an image could be made");
    snprintf(to, sizeof to, "%s/%s.qcow2", task->images, task->name);
    snprintf(half, sizeof half, "%s/.task-%" PRIu64, task->images, task->number);
    snprintf(task->result, sizeof task->result, "{\"image\":\"%s.qcow2\"}", task->name);
    if (is_own_image(task, to))
        return 0;
    if (access(to, F_OK) == 0)
        return aq_fail(&task->error, AQ_E_EXISTS, "the node has an image \"%s.qcow2\" already", task->name);
    if (virDomainGetState(domain, &state, &reason, 0) < 0)
        return virt_fail(&task->error, "its state cannot be read");
    const bool pauses = state != VIR_DOMAIN_PAUSED; /* else it was paused from outside, and stays so */
    if (pauses && pause_machine(task, domain, half) != 0)
        return -1;
    int failed = copy_disk(task, half);
    if (pauses)
        failed = resume_machine(task, domain, failed);
    if (failed == 0)
        failed = keep_image(task, half, to);
    unlink(half);
    return failed;
}

static void task_run(struct pool_job *job)
{
    struct task *task = (struct task *)job;
    virDomainPtr domain = virDomainLookupByUUIDString(task->open, task->uuid);
    snprintf(task->result, sizeof task->result, "{\"snapshot\":\"%s\"}", task->name);
    if (domain == NULL)
        task->failed = virt_fail(&task->error, "libvirt") != 0;
    else if (check_wanted(task, &task->error) != 0)
        task->failed = true;
    else
        task->failed = (task->kind == DRIVER_TASK_IMAGE ? make_image(task, domain) : make_snapshot(task, domain)) != 0;
    if (domain != NULL)
        virDomainFree(domain);
    virConnectClose(task->open);
}

/* ---- on the driver's thread ------------------------------------------------------------------------------ */

static void tell(struct task *task, bool failed, const char *reason)
{
    const struct driver_report report = {.resource = task->resource,
                                         .kind = DRIVER_TASK_ENDED,
                                         DRIVER_NOT_STARTED,
                                         .task = task->number,
                                         .result = failed ? NULL : task->result,
                                         .reason = failed ? reason : ""};
    if (!task->told)
        task->tasks->report(task->tasks->context, &report);
    task->told = true;
}

static void task_overdue(struct pool_job *job)
{
    struct task *task = (struct task *)job;
    atomic_store(&task->cancelled, true);
    tell(task, true, "it was not made within an hour");
}

static void task_drop(struct pool_job *job)
{
    struct task *task = (struct task *)job;
    struct task **link = &task->tasks->first;
    while (*link != task)
        link = &(*link)->next;
    *link = task->next;
    free(task);
}

static void task_done(struct pool_job *job)
{
    struct task *task = (struct task *)job;
    tell(task, task->failed, task->error.message);
    task_drop(job);
}

struct tasks *tasks_open(struct pool *pool, driver_report_fn *report, void *context)
{
    struct tasks *tasks = aq_calloc(1, sizeof *tasks);
    *tasks = (struct tasks){.pool = pool, .report = report, .context = context};
    return tasks;
}

void tasks_free(struct tasks *tasks)
{
    free(tasks);
}

void tasks_begin(struct tasks *tasks, const struct driver_task *wanted, virConnectPtr open, const char *uuid,
                 const char *disk, const char *images, uint64_t now_ms)
{
    struct task *task = aq_calloc(1, sizeof *task);
    task->job = (struct pool_job){
        .run = task_run, .overdue = task_overdue, .done = task_done, .drop = task_drop, .is_long = true};
    task->tasks = tasks;
    task->number = wanted->number;
    task->resource = wanted->resource;
    task->kind = wanted->kind;
    task->open = open;
    if (wanted->name[0] != '\0')
        snprintf(task->name, sizeof task->name, "%s", wanted->name);
    else
        snprintf(task->name, sizeof task->name, "task-%" PRIu64, wanted->number);
    snprintf(task->uuid, sizeof task->uuid, "%s", uuid);
    snprintf(task->disk, sizeof task->disk, "%s", disk);
    snprintf(task->images, sizeof task->images, "%s", images);
    task->next = tasks->first;
    tasks->first = task;
    pool_add(tasks->pool, &task->job, now_ms, MOST_MS);
}

void tasks_end(struct tasks *tasks, uint64_t number)
{
    for (struct task *task = tasks->first; task != NULL; task = task->next)
        if (task->number == number)
            atomic_store(&task->cancelled, true);
}
