#include "drivers/process/job.h"

#include "schema/codec/json.h"
#include "schema/codec/variables.h"
#include "schema/drivers/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The memory file holds a struct process_job whose pointers are not valid yet, room for the pointers of arguments and
 * environment with a NULL after each and one spare, and then all texts. */

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static size_t pointers_size(const struct process_job *job)
{
    return ((size_t)job->argument_count + job->environment_count + 3) * sizeof(char *);
}

static void text_add(struct aq_buffer *texts, const char *text)
{
    aq_buffer_add(texts, text, strlen(text) + 1);
}

static bool has_path(const struct aq_list *variables)
{
    for (uint32_t i = 0; i < variables->count; i++)
        if (strncmp(AQ_TEXT_ITEM(*variables, i), "PATH=", strlen("PATH=")) == 0)
            return true;
    return false;
}

struct variables {
    struct aq_buffer *texts;
    uint32_t count;
};

static void variable_add(void *context, const char *name, const char *value)
{
    struct variables *variables = context;
    aq_buffer_format(variables->texts, "%s=%s", name, value);
    aq_buffer_char(variables->texts, '\0');
    variables->count++;
}

/* The metadata as JSON, and each of its values as AQ_META_<KEY>. */
static void metadata_add(struct variables *variables, const char *metadata)
{
    struct aq_error ignored;
    variable_add(variables, "AQUARIUM_METADATA", metadata);
    AQ_CLEANUP_JSON json_t *json = aq_json_parse(metadata, strlen(metadata), &ignored);
    if (json_is_object(json))
        aq_variables(json, AQ_META_PREFIX, "", variable_add, variables);
}

/* Returns the number of variables. */
static uint32_t environment_add(struct aq_buffer *texts, const struct driver_spec *spec)
{
    const struct aq_list *given = &((const struct aq_process_options *)spec->options)->environment;
    struct variables variables = {.texts = texts};
    char resource[32];
    snprintf(resource, sizeof resource, "%" PRIu64, spec->resource);
    if (!has_path(given))
        variable_add(&variables, "PATH", default_path);
    variable_add(&variables, "AQUARIUM_RESOURCE", resource);
    metadata_add(&variables, spec->metadata_json != NULL ? spec->metadata_json : "{}");
    for (uint32_t i = 0; i < given->count; i++)
        text_add(texts, AQ_TEXT_ITEM(*given, i));
    return variables.count + given->count;
}

static int memory_file(const struct process_job *job, const struct aq_buffer *texts, struct aq_error *error)
{
    int fd = memfd_create("aquarium-job", MFD_CLOEXEC);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot create a memory file");
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
    const struct aq_process_options *options = spec->options;
    struct process_job job;
    AQ_CLEANUP_BUFFER struct aq_buffer texts = {0};
    memset(&job, 0, sizeof job);
    job.resource = spec->resource;
    job.cpu_milli = spec->cpu_milli;
    job.ram_mib = spec->ram_mib;
    job.pids = options->pids;
    job.log_size = options->log_size;
    job.log_files = (uint32_t)options->log_files;
    job.stop_grace_s = (uint32_t)options->stop_grace;
    text_add(&texts, node);
    text_add(&texts, spec->directory);
    text_add(&texts, options->directory);
    text_add(&texts, options->user);
    for (uint32_t i = 0; i < options->command.count; i++)
        text_add(&texts, AQ_TEXT_ITEM(options->command, i));
    job.argument_count = options->command.count;
    job.environment_count = environment_add(&texts, spec);
    return memory_file(&job, &texts, error);
}

/* Returns the text at *at and moves *at after it; NULL if no text ends before `end`. */
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
