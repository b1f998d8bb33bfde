#include "drivers/confine/forget.h"

#include "schema/base/files.h"
#include "schema/base/memory.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sanitizers keep what they know in such memory: nothing is forgotten then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    RANGES_MAX = 255,
    MAPS_SIZE_MAX = 1 << 20,
    STACK_MAX = 1 << 18,
    RSEQ_SIZE = 32 /* with which the C library registers it */
};

struct range {
    uintptr_t begin, end; /* 0: the list ends */
    uint64_t heap;        /* it has grown since, perhaps */
};

static struct range *ranges; /* in shared memory, which nobody forgets; NULL: nothing is noted */

/* "7f4ac47d2000-7f4ac47d6000 rw-p 00000000 00:00 0 ", and a name where it is not simply memory. */
static bool range_of(const char *line, struct range *range)
{
    char rights[8], name[16] = "";
    unsigned long inode;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %lu %15s", &range->begin, &range->end, rights, &inode,
               name) < 4)
        return false;
    range->heap = strcmp(name, "[heap]") == 0;
    return strcmp(rights, "rw-p") == 0 && inode == 0 && (name[0] == '\0' || range->heap);
}

static void ranges_read(struct range *into)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    struct aq_error ignored;
    size_t count = 0;
    if (aq_file_read(AT_FDCWD, "/proc/self/maps", MAPS_SIZE_MAX, &text, &ignored) != 0)
        return; /* then there is nothing to forget */
    char *rest = (char *)(uintptr_t)aq_buffer_string(&text);
    for (const char *line; count < RANGES_MAX && (line = strsep(&rest, "\n")) != NULL;)
        count += range_of(line, &into[count]);
    into[count] = (struct range){0};
}

void confine_forget_prepare(void)
{
    const size_t size = (RANGES_MAX + 1) * sizeof *ranges;
    if (SANITIZED || ranges != NULL)
        return;
    void *list = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (list == MAP_FAILED)
        return;
    ranges_read(list);
    ranges = list;
}

/* The kernel writes into it whenever the process has waited. */
static void sequences_end(void)
{
#ifdef RSEQ_SIG
    char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
    long failed = syscall(SYS_rseq, area, RSEQ_SIZE, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
    (void)failed; /* then it stays */
#endif
}

/* Without a variable on the stack that the compiler guards: it would compare it with what is forgotten. */
void confine_forget(void)
{
    const struct range *range = ranges;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), here = (uintptr_t)__builtin_frame_address(0);
    const uintptr_t stack = here / page * page - page; /* it grows down */
    const uintptr_t heap = (uintptr_t)sbrk(0);
    if (range == NULL)
        return;
    sequences_end();
    madvise((void *)(stack - STACK_MAX), STACK_MAX, MADV_DONTNEED); /* and says that not all of it is mapped */
    for (; range->begin != 0; range++)
        madvise((void *)range->begin, (range->heap != 0 ? heap : range->end) - range->begin, MADV_DONTNEED);
}
