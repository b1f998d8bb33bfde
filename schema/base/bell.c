#include "schema/base/bell.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int aq_bell_open(struct aq_error *error)
{
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return bell >= 0 ? bell : aq_fail_errno(error, errno, "cannot make an eventfd");
}

void aq_bell_ring(int bell)
{
    const uint64_t one = 1;
    ssize_t written = write(bell, &one, sizeof one);
    (void)written; /* fails only when the counter is full, and then the bell is rung already */
}

void aq_bell_clear(int bell)
{
    uint64_t count;
    ssize_t got = read(bell, &count, sizeof count);
    (void)got; /* fails only if the bell was not rung */
}
