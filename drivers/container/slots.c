#include "drivers/container/slots.h"

#include "drivers/container/locks.h"
#include "schema/base/clock.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_NAME_SIZE = 32,
    NOTE_MAX = 16384,
    TURNS_EACH = 4 /* containers that are made at a time, for each processor */
};

static void file_name(uint32_t slot, char name[FILE_NAME_SIZE])
{
    snprintf(name, FILE_NAME_SIZE, "slot-%" PRIu32, slot);
}

static int open_directory(struct aq_error *error)
{
    int directory = open(SLOTS_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory >= 0 ? directory : aq_fail_errno(error, errno, "directory %s", SLOTS_DIRECTORY);
}

int slots_prepare(struct aq_error *error)
{
    static const char *const made[] = {SLOTS_LOWER, SLOTS_ROOT, SLOTS_DISK};
    /* Containers pass through it to their root with the rights of their own users. */
    for (size_t i = 0; i < AQ_LENGTH(made); i++)
        if (aq_directory_make_path(made[i], 0755, 0755, error) != 0)
            return -1;
    return aq_directory_make_path(SLOTS_RUNTIME, 0700, 0755, error);
}

/* What is noted in a slot's file. Returns its length, 0 if there is nothing. */
static size_t note_read(int fd, char note[NOTE_MAX])
{
    ssize_t length = pread(fd, note, NOTE_MAX - 1, 0);
    note[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

/* Opens and locks the file of a free slot, from `first` on. Returns its descriptor, -1 if all are taken. A slot with a
 * note was not given back, and its container may live longer than its keeper. */
static int lock_free(const struct aq_container_settings *settings, int directory, uint32_t first, uint32_t *slot,
                     char note[NOTE_MAX])
{
    char name[FILE_NAME_SIZE];
    struct slots_users users = {0};
    for (uint32_t i = 0; i < SLOTS; i++) {
        *slot = (first + i) % SLOTS;
        file_name(*slot, name);
        int fd = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
            (note_read(fd, note) == 0 || !slots_users_run(&users, *slot, settings)))
            return fd;
        close(fd);
    }
    errno = EBUSY;
    return -1;
}

/* ---- the host's users ----------------------------------------------------------------------------------- */

static const char first_user_file[] = "first_user";

static bool find_claimed(void *context, int directory, const char *name, unsigned char type)
{
    bool *found = context;
    (void)type;
    if (strncmp(name, "slot-", strlen("slot-")) != 0)
        return true;
    AQ_CLEANUP_FD int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *found = fd < 0 || flock(fd, LOCK_SH | LOCK_NB) != 0;
    return !*found;
}

static int first_user_write(int directory, uint64_t first, struct aq_error *error)
{
    char text[32];
    const int length = snprintf(text, sizeof text, "%" PRIu64 "\n", first);
    return aq_file_replace_unsynced(directory, first_user_file, 0600, text, (size_t)length, error);
}

static int check_none_claimed(int directory, uint64_t first, uint64_t known, struct aq_error *error)
{
    bool claimed = false;
    if (aq_directory_list(directory, find_claimed, &claimed, error) != 0)
        return -1;
    return !claimed ? 0
                    : aq_fail(error, AQ_E_STATE,
                              "container.first_user of the agent is %" PRIu64 ", but containers run on this host whose "
                              "users begin at %" PRIu64 ": it must be the same for all agents of a host",
                              first, known);
}

/* From another number on, the users of one slot would be those of another one. Only a process that has the lock `next`
 * changes it, but others may claim without that lock: they look at the number once more when they have claimed, and
 * after a change, claims are looked for once more. */
static int check_first_user(int directory, uint64_t first, bool locked, struct aq_error *error)
{
    char text[32] = "";
    struct aq_error ignored;
    ssize_t length = aq_file_read_text(directory, first_user_file, text, sizeof text);
    const uint64_t known = length > 0 ? strtoull(text, NULL, 10) : 0;
    if (known == first)
        return 0;
    if (!locked)
        return aq_fail(error, AQ_E_BUSY,
                       "container.first_user of the agent is %" PRIu64 ", which this host does not know yet, and the "
                       "lock %s/next cannot be had: the process that has it may be stopped",
                       first, SLOTS_DIRECTORY);
    if (known != 0 && check_none_claimed(directory, first, known, error) != 0)
        return -1;
    if (first_user_write(directory, first, error) != 0)
        return -1;
    if (known == 0 || check_none_claimed(directory, first, known, error) == 0)
        return 0;
    int restored = first_user_write(directory, known, &ignored);
    (void)restored; /* the next one that has the lock tries it again */
    return -1;
}

/* ---- claiming -------------------------------------------------------------------------------------------- */

int slots_claim(const struct aq_container_settings *settings, uint32_t *slot, struct aq_buffer *left,
                struct aq_error *error)
{
    char text[16] = "", note[NOTE_MAX];
    if (slots_prepare(error) != 0)
        return -1;
    AQ_CLEANUP_FD int directory = open_directory(error);
    if (directory < 0)
        return -1;
    /* Holds the number to begin with. Locked only while a slot is looked for, so that slots are handed out in turn. A
     * slot has a lock of its own, so when the process that has this one is stopped, others go without. */
    AQ_CLEANUP_FD int next = openat(directory, "next", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    const bool locked = next >= 0 && lock_take(next, LOCK_EX, aq_clock_boot_ms() + SLOTS_PATIENCE_MS) == 0;
    if (next < 0 || (!locked && errno != EWOULDBLOCK) || pread(next, text, sizeof text - 1, 0) < 0)
        return aq_fail_errno(error, errno, "file %s/next", SLOTS_DIRECTORY);
    if (check_first_user(directory, settings->first_user, locked, error) != 0)
        return -1;
    int fd = lock_free(settings, directory, (uint32_t)strtoul(text, NULL, 10) % SLOTS, slot, note);
    if (fd < 0 && errno == EBUSY)
        return aq_fail(error, AQ_E_LIMIT, "this host runs %d containers already, the most that it can", SLOTS);
    if (fd < 0)
        return aq_fail_errno(error, errno, "directory %s", SLOTS_DIRECTORY);
    if (!locked && check_first_user(directory, settings->first_user, false, error) != 0) {
        close(fd);
        return -1;
    }
    aq_buffer_add(left, note, strlen(note));
    /* The descriptor stays open: it is the claim. */
    int length = snprintf(text, sizeof text, "%" PRIu32 "\n", (*slot + 1) % SLOTS);
    if (ftruncate(fd, 0) != 0 || pwrite(next, text, (size_t)length, 0) != length || ftruncate(next, length) != 0)
        return aq_fail_errno(error, errno, "directory %s", SLOTS_DIRECTORY);
    return 0;
}

int slots_note(uint32_t slot, const char *image, const char *ports, struct aq_error *error)
{
    char name[FILE_NAME_SIZE];
    AQ_CLEANUP_BUFFER struct aq_buffer note = {0};
    file_name(slot, name);
    if (image[0] != '\0')
        aq_buffer_format(&note, "%s\n%s", image, ports);
    AQ_CLEANUP_FD int directory = open_directory(error);
    if (directory < 0)
        return -1;
    AQ_CLEANUP_FD int fd = openat(directory, name, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || (note.length > 0 && aq_file_write_all(fd, note.data, note.length) != 0))
        return aq_fail_errno(error, errno, "file %s/%s", SLOTS_DIRECTORY, name);
    return 0;
}

struct each {
    const struct aq_container_settings *settings;
    slots_use_fn *use;
    void *context;
    struct slots_users users;
};

static bool use_slot(void *context, int directory, const char *name, unsigned char type)
{
    struct each *each = context;
    char note[NOTE_MAX];
    uint32_t slot;
    (void)type;
    if (sscanf(name, "slot-%" SCNu32, &slot) != 1 || slot >= SLOTS)
        return true;
    AQ_CLEANUP_FD int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || note_read(fd, note) == 0)
        return true;
    /* Shared: a process that looks is not taken for its owner. */
    if (flock(fd, LOCK_SH | LOCK_NB) == 0 && !slots_users_run(&each->users, slot, each->settings))
        return true;
    char *ports = strchr(note, '\n');
    if (ports != NULL)
        *ports++ = '\0';
    each->use(each->context, slot, note, ports != NULL ? ports : "");
    return true;
}

void slots_each(const struct aq_container_settings *settings, slots_use_fn *use, void *context)
{
    struct each each = {settings, use, context, {0}};
    struct aq_error ignored;
    AQ_CLEANUP_FD int directory = open_directory(&ignored);
    int listed = directory < 0 ? -1 : aq_directory_list(directory, use_slot, &each, &ignored);
    (void)listed; /* there are none */
}

int slots_await_turn(uint32_t slot, uint64_t until_ms, struct aq_error *error)
{
    char path[FILE_NAME_SIZE + sizeof SLOTS_DIRECTORY];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(path, sizeof path, SLOTS_DIRECTORY "/turn-%ld", slot % (TURNS_EACH * (processors > 0 ? processors : 1)));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && (lock_take(fd, LOCK_EX, until_ms) == 0 || errno == EWOULDBLOCK))
        return fd;
    aq_fail_errno(error, errno, "file %s", path);
    if (fd >= 0)
        close(fd);
    return -1;
}

void slot_name(uint32_t slot, char name[SLOT_NAME_SIZE])
{
    snprintf(name, SLOT_NAME_SIZE, "aq%" PRIu32, slot);
}

uint32_t slot_first_user(uint32_t slot, const struct aq_container_settings *settings)
{
    return (uint32_t)settings->first_user + slot * SLOT_USERS;
}
