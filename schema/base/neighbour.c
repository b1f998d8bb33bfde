#include "schema/base/neighbour.h"

#include "schema/base/files.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 16384 };

bool aq_neighbour_hardware(const char *table, const char *address, char *out, size_t size)
{
    AQ_CLEANUP_FILE FILE *file = fopen(table, "re");
    if (file == NULL)
        return false;
    char line[256], ip[64], type[16], flags[16], hardware[32];
    bool found = false;
    for (unsigned i = 0; i < LINES_MAX && !found && fgets(line, sizeof line, file) != NULL; i++)
        found = sscanf(line, "%63s %15s %15s %31s", ip, type, flags, hardware) == 4 && strcmp(ip, address) == 0 &&
                strlen(hardware) == 17 && strcmp(hardware, "00:00:00:00:00:00") != 0;
    if (!found || size <= strlen(hardware))
        return false;
    for (size_t i = 0; i <= strlen(hardware); i++)
        out[i] = (char)tolower((unsigned char)hardware[i]);
    return true;
}
