#include "drivers/keeper/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_parts(int fd, const struct iovec *parts, size_t count)
{
    off_t at = 0;
    for (size_t i = 0; i < count; i++) {
        ssize_t length = (ssize_t)parts[i].iov_len;
        if (parts[i].iov_base != NULL && pwrite(fd, parts[i].iov_base, parts[i].iov_len, at) != length)
            return -1;
        at += length;
    }
    return ftruncate(fd, at);
}

int keeper_job_file(const struct iovec *parts, size_t count, struct aq_error *error)
{
    int fd = memfd_create("aquarium-job", MFD_CLOEXEC);
    if (fd < 0)
        return aq_fail_errno(error, errno, "cannot create a memory file");
    errno = ENOSPC; /* of a short write */
    if (write_parts(fd, parts, count) == 0)
        return fd;
    aq_fail_errno(error, errno, "cannot write a memory file");
    close(fd);
    return -1;
}

struct keeper_job *keeper_job_map(int fd, size_t least)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || (size_t)status.st_size < least)
        return NULL;
    struct keeper_job *job = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (job == MAP_FAILED)
        return NULL;
    job->mapped = (size_t)status.st_size;
    return job;
}

char *keeper_job_text(char **at, const char *end)
{
    char *text = *at;
    char *nul = text != NULL && text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    *at = nul != NULL ? nul + 1 : NULL;
    return nul != NULL ? text : NULL;
}

void keeper_job_unmap(struct keeper_job *job)
{
    if (job != NULL)
        munmap(job, job->mapped);
}

void keeper_job_bound(struct keeper_job *job, const char *tree, uint64_t mib, uint64_t files)
{
    if (mib == 0 && files == 0)
        return;
    snprintf(job->tree, sizeof job->tree, "%s", tree);
    job->tree_bytes = mib > 0 ? mib << 20 : UINT64_MAX;
    job->tree_files = files > 0 ? files : UINT64_MAX;
}
