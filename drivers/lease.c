#include "drivers/lease.h"

#include "schema/base/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BOOT_SIZE = 40, TEXT_SIZE = 128 };

int lease_write(int directory, uint64_t touched_ms, struct aq_error *error)
{
    char text[TEXT_SIZE];
    const char *boot = aq_boot_id();
    if (boot[0] == '\0')
        return aq_fail(error, AQ_E_IO, "the boot of this host cannot be read");
    int length = snprintf(text, sizeof text, "aquarium-lease 1\nboot %s\ntouched %" PRIu64 "\n", boot, touched_ms);
    return aq_file_replace_unsynced(directory, LEASE_FILE, 0600, text, (size_t)length, error);
}

bool lease_read(const char *path, uint64_t *touched_ms)
{
    char text[TEXT_SIZE], boot_then[BOOT_SIZE];
    return aq_file_read_text(AT_FDCWD, path, text, sizeof text) >= 0 &&
           sscanf(text, "aquarium-lease 1\nboot %39s\ntouched %" SCNu64 "\n", boot_then, touched_ms) == 2 &&
           strcmp(aq_boot_id(), boot_then) == 0;
}
