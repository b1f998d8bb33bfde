#include "agent/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void name_of_number(uint64_t number, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%" PRIu64, number);
}

bool number_of_name(const char *name, uint64_t *number)
{
    char *end;
    if (name[0] < '1' || name[0] > '9')
        return false;
    errno = 0;
    *number = strtoull(name, &end, 10);
    return *end == '\0' && errno == 0;
}
