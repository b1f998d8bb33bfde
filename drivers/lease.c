#include "drivers/lease.h"

#include "schema/base/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BOOT_SIZE = 40, TEXT_SIZE = 128 };

static bool read_boot(char boot[BOOT_SIZE])
{
    if (aq_file_read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, BOOT_SIZE) < 0)
        return false;
    boot[strcspn(boot, "\n")] = '\0';
    return boot[0] != '\0';
}

int lease_write(int directory, uint64_t touched_ms, struct aq_error *error)
{
    char text[TEXT_SIZE], boot[BOOT_SIZE];
    if (!read_boot(boot))
        return aq_fail(error, AQ_E_IO, "the boot of this host cannot be read");
    int length = snprintf(text, sizeof text, "aquarium-lease 1\nboot %s\ntouched %" PRIu64 "\n", boot, touched_ms);
    return aq_file_replace_unsynced(directory, LEASE_FILE, 0600, text, (size_t)length, error);
}

bool lease_read(const char *path, uint64_t *touched_ms)
{
    char text[TEXT_SIZE], boot[BOOT_SIZE], boot_then[BOOT_SIZE];
    return read_boot(boot) && aq_file_read_text(AT_FDCWD, path, text, sizeof text) >= 0 &&
           sscanf(text, "aquarium-lease 1\nboot %39s\ntouched %" SCNu64 "\n", boot_then, touched_ms) == 2 &&
           strcmp(boot, boot_then) == 0;
}
