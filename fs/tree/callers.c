#include "fs/tree/callers.h"

#include "controller/state/rights.h"
#include "schema/base/utf8.h"
#include "schema/model/role.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_ACTS_AS "admin"

/* ---- a map of a mount's own ----------------------------------------------------------------------------- */

struct mapping {
    uid_t uid;
    char name[AQ_NAME_MAX + 1];
};

struct callers_map {
    size_t count;
    struct mapping rows[]; /* in the order of their uids */
};

static int compare_uids(const void *a, const void *b)
{
    uid_t one = ((const struct mapping *)a)->uid, other = ((const struct mapping *)b)->uid;
    return (one > other) - (one < other);
}

static int read_mapping(struct mapping *mapping, const char *text, uint32_t index, struct aq_error *error)
{
    static const uint64_t most = 4294967294;
    char *end;
    const uint64_t uid = strtoull(text, &end, 10);
    const size_t length = *end == '=' ? strlen(end + 1) : 0;
    if (text[0] < '0' || text[0] > '9' || length == 0 || length > AQ_NAME_MAX || !aq_name_is_good(end + 1, length))
        return aq_fail(error, AQ_E_INVALID,
                       "users[%u] is \"%.100s\", but must be a uid and the name of a user, such as 1001=ann", index,
                       text);
    if (uid == 0 || uid > most)
        return aq_fail(error, AQ_E_INVALID, "users[%u] is \"%.100s\", but the uid must be from 1 to %" PRIu64 "%s",
                       index, text, most, uid == 0 ? ": root is always admin" : "");
    mapping->uid = (uid_t)uid;
    memcpy(mapping->name, end + 1, length + 1);
    return 0;
}

int callers_map_open(struct callers_map **map, const struct aq_list *texts, struct aq_error *error)
{
    *map = NULL;
    if (texts->count == 0)
        return 0;
    struct callers_map *made = aq_calloc(1, sizeof *made + texts->count * sizeof made->rows[0]);
    for (; made->count < texts->count; made->count++)
        if (read_mapping(&made->rows[made->count], AQ_TEXT_ITEM(*texts, made->count), (uint32_t)made->count, error) !=
            0) {
            free(made);
            return -1;
        }
    qsort(made->rows, made->count, sizeof made->rows[0], compare_uids);
    for (size_t i = 1; i < made->count; i++)
        if (made->rows[i].uid == made->rows[i - 1].uid) {
            (void)aq_fail(error, AQ_E_INVALID, "users has %u twice", (unsigned)made->rows[i].uid);
            free(made);
            return -1;
        }
    *map = made;
    return 0;
}

void callers_map_close(struct callers_map *map)
{
    free(map);
}

/* The name of the user; NULL: the uid is that of nobody. */
static const char *mapped_name(const struct callers_map *map, uid_t uid)
{
    const struct mapping wanted = {.uid = uid};
    const struct mapping *found = bsearch(&wanted, map->rows, map->count, sizeof map->rows[0], compare_uids);
    return found != NULL ? found->name : NULL;
}

/* The uid that acts as the user; 0: none does. */
static uid_t mapped_uid(const struct callers_map *map, const char *name)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->rows[i].name, name) == 0)
            return map->rows[i].uid;
    return 0;
}

/* ---- callers -------------------------------------------------------------------------------------------- */

/* Fills `name` with that of the user who has the uid. False: nobody has it. */
static bool name_of(const struct callers_map *map, uid_t uid, struct state_txn *txn, char name[AQ_NAME_MAX + 1])
{
    if (map == NULL)
        return state_user_of_uid(txn, uid, name, AQ_NAME_MAX + 1);
    const char *mapped = mapped_name(map, uid);
    if (mapped != NULL)
        memcpy(name, mapped, strlen(mapped) + 1);
    return mapped != NULL;
}

struct caller callers_find(const struct callers_map *map, uid_t uid, struct state_txn *txn, struct aq_arena *arena)
{
    struct caller caller = {.uid = uid, .mapped = map != NULL, .as = {.name = "", .role = ""}};
    struct aq_user user;
    char name[AQ_NAME_MAX + 1] = ROOT_ACTS_AS;
    if (uid != 0 && !name_of(map, uid, txn, name))
        return caller;
    caller.known = state_user(txn, name, &user, arena);
    if (caller.known)
        caller.as = rights_caller(txn, &user, arena);
    if (uid == 0) { /* it could read our memory anyway; the controller decides whether it may write */
        caller.known = true;
        caller.as.name = ROOT_ACTS_AS;
        caller.as.role = AQ_ROLE_ADMIN;
        caller.as.rights = aq_rights_whole();
        aq_caller_set_grants(&caller.as, NULL, 0);
    }
    return caller;
}

uid_t owner_uid(const struct callers_map *map, const struct owner *owner, struct state_txn *txn, struct aq_arena *arena)
{
    struct aq_user user;
    bool there = strcmp(owner->name, ROOT_ACTS_AS) != 0 && state_user(txn, owner->name, &user, arena) &&
                 user.number == owner->number;
    if (!there)
        return 0;
    return map != NULL ? mapped_uid(map, owner->name) : (uid_t)user.uid;
}

void caller_confine(struct caller *caller)
{
    *caller = (struct caller){.uid = caller->uid, .as = {.name = "", .role = ""}, .confined = true};
}

int caller_check_known(const struct caller *caller, struct aq_error *error)
{
    if (caller->known)
        return 0;
    if (caller->confined)
        return aq_fail(error, AQ_E_FORBIDDEN, "workloads have no access to the file view");
    unsigned uid = (unsigned)caller->uid;
    if (caller->mapped)
        return aq_fail(
            error, AQ_E_FORBIDDEN,
            "uid %u is not a user of this mount: its map (setting users of aq-fs) does not have it, or names "
            "a user that is not there",
            uid);
    return aq_fail(error, AQ_E_FORBIDDEN,
                   "uid %u is not a user of this cluster; an admin tells which one it is: echo %u > users/NAME/uid",
                   uid, uid);
}
