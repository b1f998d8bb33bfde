#include "schema/model/user.h"

#include "schema/model/membership.h"
#include "schema/model/project.h"
#include "schema/model/view.h"

AQ_DEFINE(aq_user_membership, "user_membership", 1, "a role that a user has in one project")

AQ_ENTITY(user, 1, "an account that may ask for resources", .plural = "users", .rank = 50, .owner = "name",
          .owner_number = "number")
AQ_VIEW(user, "can", AQ_VIEW_RIGHTS, "what the user may do: the permissions that its role gives")

AQ_COMMAND(user, create, 1, AQ_CREATES, "create a user; the answer contains its token, which is never shown again")
AQ_COMMAND(user, update, 2, AQ_UPDATES, "set role and limits of a user")
AQ_COMMAND(user, token, 3, AQ_ACTS, "give a user a new token; the old one is revoked at once")
AQ_COMMAND(user, delete, 4, AQ_DELETES, "delete a user that has no open applications")
AQ_COMMAND(user, uid, 5, AQ_ACTS, "say which unix user acts as a user in the file view", .value = "uid")

AQ_EVENT(user, created, 1, 2, "a user was created")
AQ_EVENT(user, updated, 2, 2, "role or limits of a user were set")
AQ_EVENT(user, token_changed, 3, 1, "a user has a new token")
AQ_EVENT(user, deleted, 4, 1, "a user was deleted")
AQ_EVENT(user, uid_set, 5, 1, "which unix user acts as a user was set")

/* ---- earlier forms of events: there were two roles ------------------------------------------------------- */

#define AQ_ROLES(W)                                                                                                    \
    W(USER, "user", "own applications only")                                                                           \
    W(ADMIN, "admin", "everything")
AQ_DECLARE_WORDS(aq_earlier_role, AQ_ROLES)
AQ_DEFINE_WORDS(aq_earlier_role, AQ_ROLES)

/* clang-format off */
#define aq_user_created_1_fields(F, T)                                                                                 \
    F(T, name,             NAME(1, 64),        0,         "login")                                                     \
    F(T, role,             ENUM(aq_earlier_role), 0,      "what the user may do")                                      \
    F(T, max_applications, U64(0, UINT64_MAX), 0,         "most applications open at once")                            \
    F(T, hash,             TEXT(0, 128),       AQ_SECRET, "hash of the token")
AQ_DECLARE(aq_user_created_1)

#define aq_user_updated_1_fields(F, T)                                                                                 \
    F(T, name,             NAME(1, 64),        0, "login")                                                             \
    F(T, role,             ENUM(aq_earlier_role), 0, "what the user may do")                                           \
    F(T, max_applications, U64(0, UINT64_MAX), 0, "most applications open at once")
AQ_DECLARE(aq_user_updated_1)
/* clang-format on */

AQ_DEFINE(aq_user_created_1, "user_created", 1, "a user was created")
AQ_DEFINE(aq_user_updated_1, "user_updated", 1, "role or limits of a user were set")

static void present_created(const void *older, void *present)
{
    const struct aq_user_created_1 *from = older;
    struct aq_user_created *to = present;
    to->name = from->name;
    to->role = aq_earlier_role_words.words[from->role];
    to->max_applications = from->max_applications;
    to->hash = from->hash;
}
AQ_OLDER_EVENT(user_created, 1, aq_user_created_1, present_created)

static void present_updated(const void *older, void *present)
{
    const struct aq_user_updated_1 *from = older;
    struct aq_user_updated *to = present;
    to->name = from->name;
    to->role = aq_earlier_role_words.words[from->role];
    to->max_applications = from->max_applications;
}
AQ_OLDER_EVENT(user_updated, 1, aq_user_updated_1, present_updated)
