#include "drivers/libvirt/record.h"

#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE = 4096, LEASE_MOST_S = INT32_MAX };

#define FILE_NAME "machine"
#define HEAD      "aquarium-machine 1\n"

static int make_path(char path[PATH_MAX], const char *directory, struct aq_error *error)
{
    if ((size_t)snprintf(path, PATH_MAX, "%s/" FILE_NAME, directory) < PATH_MAX)
        return 0;
    return aq_fail(error, AQ_E_INVALID, "the directory's path is too long");
}

int machine_record_write(const struct machine_record *record, const char *directory, struct aq_error *error)
{
    char path[PATH_MAX], bytes[FILE_SIZE];
    if (make_path(path, directory, error) != 0)
        return -1;
    int length = snprintf(bytes, sizeof bytes,
                          HEAD "uuid %s\nboot %s\nmac %s\nip_addr %s\nseed %s\nstop_grace %" PRIu64 "\nlease %" PRIu64
                               "\nlease_file %s\nlog_size %" PRIu64 "\nlog_files %" PRIu64
                               "\ndefined %d\nstarted %d\nover %d\nexit_status %d\nreason %s\n",
                          record->uuid, record->boot, record->mac, record->ip_addr, record->seed, record->stop_grace_s,
                          record->lease_s, record->lease_file, record->log_size, record->log_files, record->defined,
                          record->started, record->over, record->exit_status, record->reason);
    aq_assert(length > 0 && (size_t)length < sizeof bytes);
    return aq_file_replace_unsynced(AT_FDCWD, path, 0600, bytes, (size_t)length, error);
}

/* The rest of the line that begins with `name` and a blank; "" if there is none. */
static void read_line(const char *bytes, const char *name, char *text, size_t size)
{
    char start[32];
    text[0] = '\0';
    snprintf(start, sizeof start, "\n%s ", name);
    const char *from = strstr(bytes, start);
    if (from == NULL)
        return;
    from += strlen(start);
    size_t length = strcspn(from, "\n");
    length = length < size ? length : size - 1;
    memcpy(text, from, length);
    text[length] = '\0';
}

static uint64_t read_number(const char *bytes, const char *name, uint64_t least, uint64_t most)
{
    char text[32];
    read_line(bytes, name, text, sizeof text);
    uint64_t number = strtoull(text, NULL, 10);
    return number < least ? least : number > most ? most : number;
}

int machine_record_read(struct machine_record *record, const char *directory, struct aq_error *error)
{
    char path[PATH_MAX], bytes[FILE_SIZE];
    if (make_path(path, directory, error) != 0)
        return -1;
    ssize_t length = aq_file_read_text(AT_FDCWD, path, bytes, sizeof bytes);
    if (length < 0)
        return aq_fail_errno(error, errno, "the record of the machine");
    if (strncmp(bytes, HEAD, strlen(HEAD)) != 0)
        return aq_fail(error, AQ_E_CORRUPT, "the record of the machine is damaged, or of a later version");
    *record = (struct machine_record){0};
    read_line(bytes, "uuid", record->uuid, sizeof record->uuid);
    read_line(bytes, "boot", record->boot, sizeof record->boot);
    read_line(bytes, "mac", record->mac, sizeof record->mac);
    read_line(bytes, "ip_addr", record->ip_addr, sizeof record->ip_addr);
    read_line(bytes, "seed", record->seed, sizeof record->seed);
    read_line(bytes, "lease_file", record->lease_file, sizeof record->lease_file);
    read_line(bytes, "reason", record->reason, sizeof record->reason);
    record->stop_grace_s = read_number(bytes, "stop_grace", 0, 3600);
    record->lease_s = read_number(bytes, "lease", 0, LEASE_MOST_S);
    record->log_size = read_number(bytes, "log_size", 4096, 1 << 30);
    record->log_files = read_number(bytes, "log_files", 1, 10);
    record->defined = read_number(bytes, "defined", 0, 1) == 1;
    record->started = read_number(bytes, "started", 0, 1) == 1;
    record->over = read_number(bytes, "over", 0, 1) == 1;
    record->exit_status = (int)read_number(bytes, "exit_status", 0, 255);
    return 0;
}
