#include "drivers/process/job.h"

#include "drivers/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The memory file: a struct process_job whose pointers mean nothing yet, room for the pointers of arguments and
 * environment with a NULL behind each and one spare, then all texts, one after the other. */

static const char default_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

enum { STOP_GRACE_S = 10, LOG_SIZE = 1 << 20, LOG_FILES = 2 };

static size_t pointers_size(const struct process_job *job)
{
    return ((size_t)job->argument_count + job->environment_count + 3) * sizeof(char *);
}

static void text_add(struct aq_buffer *texts, const char *text)
{
    aq_buffer_add(texts, text, strlen(text) + 1);
}

static void arguments_add(struct process_job *job, struct aq_buffer *texts, const json_t *command)
{
    if (json_is_string(command)) {
        text_add(texts, "/bin/sh");
        text_add(texts, "-c");
        text_add(texts, json_string_value(command));
        job->argument_count = 3;
        return;
    }
    size_t i;
    json_t *argument;
    json_array_foreach ((json_t *)(uintptr_t)command, i, argument)
        text_add(texts, json_string_value(argument));
    job->argument_count = (uint32_t)json_array_size(command);
}

static void environment_add(struct process_job *job, struct aq_buffer *texts, const struct driver_spec *spec)
{
    const json_t *given = json_object_get(spec->options, "environment");
    const char *name;
    json_t *value;
    if (json_object_get(given, "PATH") == NULL) {
        text_add(texts, default_path);
        job->environment_count++;
    }
    aq_buffer_format(texts, "AQUARIUM_RESOURCE=%" PRIu64, spec->resource);
    aq_buffer_char(texts, '\0');
    aq_buffer_format(texts, "AQUARIUM_METADATA=%s", spec->metadata_json != NULL ? spec->metadata_json : "{}");
    aq_buffer_char(texts, '\0');
    job->environment_count += 2;
    json_object_foreach ((json_t *)(uintptr_t)given, name, value) {
        aq_buffer_format(texts, "%s=%s", name, json_string_value(value));
        aq_buffer_char(texts, '\0');
        job->environment_count++;
    }
}

static void user_add(struct aq_buffer *texts, const json_t *user)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, (uint64_t)json_integer_value(user));
    text_add(texts, user == NULL ? "" : json_is_string(user) ? json_string_value(user) : number);
}

static int memory_file(const struct process_job *job, const struct aq_buffer *texts, struct aq_error *error)
{
    int fd = memfd_create("aquarium-job", MFD_CLOEXEC);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot make a memory file");
    const struct {
        const void *bytes;
        size_t length;
        size_t offset;
    } parts[] = {{job, sizeof *job, 0}, {texts->data, texts->length, sizeof *job + pointers_size(job)}};
    for (size_t i = 0; i < AQ_LENGTH(parts); i++) {
        ssize_t written = pwrite(fd, parts[i].bytes, parts[i].length, (off_t)parts[i].offset);
        if (written == (ssize_t)parts[i].length)
            continue;
        aq_fail_errno(error, written < 0 ? errno : ENOSPC, "cannot write a memory file");
        close(fd);
        return -1;
    }
    return fd;
}

int process_job_encode(const struct driver_spec *spec, const char *node, struct aq_error *error)
{
    struct process_job job;
    struct aq_buffer texts = {0};
    memset(&job, 0, sizeof job);
    job.resource = spec->resource;
    job.cpu_milli = spec->cpu_milli;
    job.ram_mib = spec->ram_mib;
    job.pids = (uint64_t)options_number(spec->options, "pids", 0);
    job.log_size = (uint64_t)options_number(spec->options, "log_size", LOG_SIZE);
    job.log_files = (uint32_t)options_number(spec->options, "log_files", LOG_FILES);
    job.stop_grace_s = (uint32_t)options_number(spec->options, "stop_grace", STOP_GRACE_S);
    text_add(&texts, node);
    text_add(&texts, spec->directory);
    text_add(&texts, options_text(spec->options, "directory", ""));
    user_add(&texts, json_object_get(spec->options, "user"));
    arguments_add(&job, &texts, json_object_get(spec->options, "command"));
    environment_add(&job, &texts, spec);
    int fd = memory_file(&job, &texts, error);
    aq_buffer_free(&texts);
    return fd;
}

/* The text at `*at`, which then moves behind it; NULL: there is none before `end`. */
static char *text_next(char **at, const char *end)
{
    char *text = *at;
    char *nul = text != NULL && text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    *at = nul != NULL ? nul + 1 : NULL;
    return nul != NULL ? text : NULL;
}

struct process_job *process_job_map(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || (size_t)status.st_size < sizeof(struct process_job))
        return NULL;
    size_t size = (size_t)status.st_size;
    char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return NULL;
    struct process_job *job = (struct process_job *)bytes;
    job->mapped = size;
    job->arguments = (char **)(bytes + sizeof *job);
    job->environment = job->arguments + job->argument_count + 1;
    size_t start = sizeof *job + pointers_size(job);
    char *at = start < size ? bytes + start : NULL;
    const char *last = job->node = text_next(&at, bytes + size);
    last = last != NULL ? job->directory = text_next(&at, bytes + size) : NULL;
    last = last != NULL ? job->working = text_next(&at, bytes + size) : NULL;
    last = last != NULL ? job->user = text_next(&at, bytes + size) : NULL;
    for (uint32_t i = 0; last != NULL && i < job->argument_count; i++)
        last = job->arguments[i] = text_next(&at, bytes + size);
    for (uint32_t i = 0; last != NULL && i < job->environment_count; i++)
        last = job->environment[i] = text_next(&at, bytes + size);
    if (last != NULL)
        return job;
    munmap(bytes, size);
    return NULL;
}

void process_job_unmap(struct process_job *job)
{
    if (job != NULL)
        munmap(job, job->mapped);
}
