#include "drivers/process/job.h"

#include "drivers/keeper/variables.h"
#include "schema/drivers/process.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The memory file holds a struct process_job whose pointers are not valid yet, room for places and for the pointers of
 * arguments and environment, with a NULL after each and one spare, and then all texts. */

/* The bound of a user's processes is for hosts without a control group for that. It counts what ended and was not
 * waited for yet, too, so it is a little larger than what the label says. */
enum { PROCESSES_PRESET = 4096, PROCESSES_MORE = 64 };

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static size_t pointers_size(const struct process_job *job)
{
    return job->place_count * sizeof(struct process_place) +
           ((size_t)job->argument_count + job->environment_count + 3) * sizeof(char *);
}

static void text_add(struct aq_buffer *texts, const char *text)
{
    aq_buffer_add(texts, text, strlen(text) + 1);
}

/* ---- encoding ----------------------------------------------------------------------------------------- */

static void place_add(struct aq_buffer *texts, const struct aq_allowance *allowance, const char *path,
                      const char *target)
{
    const char *inside = path != NULL && path[0] != '\0' ? aq_allow_directory(&allowance->told, path) : NULL;
    text_add(texts, path != NULL ? path : "");
    text_add(texts, inside != NULL ? inside : "");
    text_add(texts, target);
}

/* Appends the writable ones, or the others. Returns their number. */
static uint32_t mounts_add(struct aq_buffer *texts, const struct aq_allowance *allowance, const struct aq_list *mounts,
                           bool writable)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < mounts->count; i++) {
        struct aq_mount mount;
        struct aq_error ignored;
        if (aq_mount_parse(&mount, AQ_TEXT_ITEM(*mounts, i), &ignored) != 0 || mount.writable != writable)
            continue;
        place_add(texts, allowance, mount.source, mount.target);
        count++;
    }
    return count;
}

static int check(const struct aq_process_options *options, const struct driver_spec *spec, struct aq_error *error)
{
    if (spec->disk_mib > 0 && !options->isolate)
        return aq_fail(error, AQ_E_INVALID, "disks are only for workloads that are isolated, not with isolate: false");
    if (spec->disk_mib > 0 && geteuid() != 0)
        return aq_fail(error, AQ_E_STATE, "disks are only for agents that run as root");
    if (spec->secrets != NULL && !options->isolate)
        return aq_fail(error, AQ_E_INVALID,
                       "secrets are only for workloads that are isolated, not with isolate: false");
    return 0;
}

/* A user that others have, too, is no bound: then the control group is, although joining it takes time. */
static uint64_t pids_of(const struct aq_process_options *options, const struct aq_allowance *allowance)
{
    const bool own = options->user[0] == '\0' && allowance->count > 0;
    return options->pids > 0 || own ? options->pids : PROCESSES_PRESET;
}

static void confinement_encode(struct process_job *job, const struct driver_spec *spec)
{
    const struct aq_process_options *options = spec->options;
    job->isolate = options->isolate;
    job->own_network = options->network == PROCESS_NETWORK_NONE;
    job->disk_mib = spec->disk_mib;
    job->memory_bytes = options->memory_files;
    job->processes = (options->pids > 0 ? options->pids : PROCESSES_PRESET) + PROCESSES_MORE;
    job->new_privileges = options->new_privileges;
}

static void user_encode(struct process_job *job, const struct aq_process_options *options,
                        const struct aq_allowance *allowance)
{
    job->user_is_named = options->user[0] != '\0';
    job->may_be_root = job->user_is_named && allowance->root;
    job->own_first = allowance->first;
    job->own_count = job->user_is_named ? 0 : allowance->count;
    job->own_shared = allowance->shared;
}

int process_job_encode(const struct driver_spec *spec, const char *node, const struct aq_allowance *allowance,
                       struct aq_error *error)
{
    const struct aq_process_options *options = spec->options;
    struct process_job job;
    AQ_CLEANUP_BUFFER struct aq_buffer texts = {0};
    if (check(options, spec, error) != 0)
        return -1;
    memset(&job, 0, sizeof job);
    job.common = (struct keeper_job)KEEPER_JOB(PROCESS_KIND_NAME, spec, options);
    job.common.pids = pids_of(options, allowance);
    /* Then its namespaces are those of all others. */
    job.common.spare = options->isolate && options->network != PROCESS_NETWORK_NONE && geteuid() == 0;
    if (spec->disk_mib == 0)
        keeper_job_bound(&job.common, "work", allowance->disk_mib, allowance->files);
    text_add(&texts, node);
    text_add(&texts, spec->directory);
    text_add(&texts, spec->lease_file != NULL ? spec->lease_file : "");
    confinement_encode(&job, spec);
    user_encode(&job, options, allowance);
    text_add(&texts, spec->secrets != NULL ? spec->secrets : "");
    text_add(&texts, job.user_is_named ? options->user : allowance->user);
    place_add(&texts, allowance, options->root, "");
    place_add(&texts, allowance, options->directory, "");
    job.writable_count = mounts_add(&texts, allowance, &options->mounts, true);
    job.place_count = job.writable_count + mounts_add(&texts, allowance, &options->mounts, false);
    for (uint32_t i = 0; i < options->command.count; i++)
        text_add(&texts, AQ_TEXT_ITEM(options->command, i));
    job.argument_count = options->command.count;
    job.environment_count = kept_variables(&texts, spec, &options->environment, default_path);
    const struct iovec parts[] = {{&job, sizeof job}, {NULL, pointers_size(&job)}, {texts.data, texts.length}};
    return keeper_job_file(parts, AQ_LENGTH(parts), error);
}

/* ---- mapping ------------------------------------------------------------------------------------------ */

struct texts {
    char *at;
    const char *end;
    bool torn; /* a text is missing */
};

static char *text_next(struct texts *texts)
{
    char *text = keeper_job_text(&texts->at, texts->end);
    texts->torn = texts->torn || text == NULL;
    return text;
}

static void place_next(struct texts *texts, struct process_place *place)
{
    place->path = text_next(texts);
    place->inside = text_next(texts);
    place->target = text_next(texts);
}

struct keeper_job *process_job_map(int fd)
{
    struct process_job *job = (struct process_job *)keeper_job_map(fd, sizeof *job);
    if (job == NULL)
        return NULL;
    char *bytes = (char *)job;
    size_t size = job->common.mapped, start = sizeof *job + pointers_size(job);
    struct texts texts = {start < size ? bytes + start : NULL, bytes + size, start >= size};
    job->places = (struct process_place *)(bytes + sizeof *job);
    job->arguments = (char **)(job->places + job->place_count);
    job->environment = job->arguments + job->argument_count + 1;
    job->common.node = text_next(&texts);
    job->common.directory = text_next(&texts);
    job->common.lease = text_next(&texts);
    job->secrets = text_next(&texts);
    job->user = text_next(&texts);
    place_next(&texts, &job->root);
    place_next(&texts, &job->working);
    for (uint32_t i = 0; !texts.torn && i < job->place_count; i++)
        place_next(&texts, &job->places[i]);
    for (uint32_t i = 0; !texts.torn && i < job->argument_count; i++)
        job->arguments[i] = text_next(&texts);
    for (uint32_t i = 0; !texts.torn && i < job->environment_count; i++)
        job->environment[i] = text_next(&texts);
    if (!texts.torn)
        return &job->common;
    keeper_job_unmap(&job->common);
    return NULL;
}
