/* The part of slots.h that tells which slots have processes, whoever has their locks. */
#include "drivers/container/slots.h"

#include "schema/base/files.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_SIZE = 2048, PATH_SIZE = 288 };

struct looking {
    struct slots_users *users;
    uint32_t first;
};

/* A zombie has no memory, files or namespaces any more, unless another thread of it goes on. */
static bool is_zombie(const char *status)
{
    const char *state = strstr(status, "\nState:\tZ"), *threads = strstr(status, "\nThreads:\t1\n");
    return state != NULL && threads != NULL;
}

static bool look_at(void *context, int proc, const char *name, unsigned char type)
{
    const struct looking *looking = context;
    char path[PATH_SIZE], text[STATUS_SIZE];
    uint32_t user;
    (void)type;
    if (!isdigit((unsigned char)name[0]))
        return true;
    snprintf(path, sizeof path, "%s/status", name);
    aq_file_read_text(proc, path, text, sizeof text); /* "" if it is gone */
    const char *line = strstr(text, "\nUid:");
    if (line != NULL && !is_zombie(text) && sscanf(line, "\nUid: %" SCNu32, &user) == 1 && user >= looking->first &&
        (user - looking->first) / SLOT_USERS < SLOTS)
        looking->users->run[(user - looking->first) / SLOT_USERS] = true;
    return true;
}

/* What cannot be read counts as in use. */
bool slots_users_run(struct slots_users *users, uint32_t slot, const struct aq_container_settings *settings)
{
    const struct looking looking = {users, (uint32_t)settings->first_user};
    struct aq_error ignored;
    if (!users->known) {
        AQ_CLEANUP_FD int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0 || aq_directory_list(proc, look_at, (void *)(uintptr_t)&looking, &ignored) != 0)
            return true;
        users->known = true;
    }
    return users->run[slot];
}
