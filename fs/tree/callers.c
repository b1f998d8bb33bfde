#include "fs/tree/callers.h"

#include "schema/base/clock.h"
#include "schema/base/utf8.h"
#include "schema/model/access.h"
#include "schema/model/user.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 256, KEEP_MS = 10000, PASSWD_SIZE = 16384 };

#define ROOT_ACTS_AS "admin"

struct known_uid {
    uid_t uid;
    uint64_t until_ms; /* 0: the slot is empty */
    char name[CALLER_NAME_SIZE];
};

/* Two small hash tables; a new entry replaces the one in its slot. */
struct callers {
    struct known_uid by_uid[SLOTS];
    struct known_uid by_name[SLOTS];
    char passwd[PASSWD_SIZE];
};

struct callers *callers_open(void)
{
    return aq_calloc(1, sizeof(struct callers));
}

void callers_close(struct callers *callers)
{
    free(callers);
}

static const char *name_of_uid(struct callers *callers, uid_t uid)
{
    struct known_uid *slot = &callers->by_uid[uid % SLOTS];
    if (slot->uid == uid && slot->until_ms > aq_clock_ms())
        return slot->name;
    struct passwd entry, *found = NULL;
    *slot = (struct known_uid){.uid = uid, .until_ms = aq_clock_ms() + KEEP_MS};
    if (uid == 0)
        snprintf(slot->name, sizeof slot->name, "%s", ROOT_ACTS_AS);
    else if (getpwuid_r(uid, &entry, callers->passwd, sizeof callers->passwd, &found) == 0 && found != NULL &&
             strlen(entry.pw_name) < sizeof slot->name && aq_name_is_good(entry.pw_name, strlen(entry.pw_name)))
        snprintf(slot->name, sizeof slot->name, "%s", entry.pw_name);
    return slot->name;
}

struct caller callers_find(struct callers *callers, uid_t uid, struct state_txn *txn, struct aq_arena *arena)
{
    struct caller caller = {.uid = uid};
    struct aq_user user;
    snprintf(caller.name, sizeof caller.name, "%s", name_of_uid(callers, uid));
    caller.known = caller.name[0] != '\0' && state_user(txn, caller.name, &user, arena);
    caller.role = caller.known ? user.role : AQ_ROLE_USER;
    if (uid == 0) { /* it could read our memory anyway; the controller decides whether it may write */
        caller.known = true;
        caller.role = AQ_ROLE_ADMIN;
    }
    return caller;
}

uid_t callers_uid(struct callers *callers, const char *name)
{
    unsigned hash = 5381;
    for (const char *c = name; *c != '\0'; c++)
        hash = hash * 33 + (unsigned char)*c;
    struct known_uid *slot = &callers->by_name[hash % SLOTS];
    if (strcmp(slot->name, name) == 0 && slot->until_ms > aq_clock_ms())
        return slot->uid;
    struct passwd entry, *found = NULL;
    *slot = (struct known_uid){.until_ms = aq_clock_ms() + KEEP_MS};
    snprintf(slot->name, sizeof slot->name, "%s", name);
    if (strcmp(name, ROOT_ACTS_AS) != 0 &&
        getpwnam_r(name, &entry, callers->passwd, sizeof callers->passwd, &found) == 0 && found != NULL)
        slot->uid = entry.pw_uid;
    return slot->uid;
}

int caller_check_known(const struct caller *caller, struct aq_error *error)
{
    if (caller->known)
        return 0;
    char name[128];
    snprintf(name, sizeof name, "uid %u (%s)", (unsigned)caller->uid,
             caller->name[0] != '\0' ? caller->name : "without a name");
    return aq_access_refuse_unknown(name, error);
}
