#include "schema/model/user.h"

AQ_ENTITY(user, 1, "an account that may ask for resources", .plural = "users", .rank = 50, .owner = "name")

AQ_COMMAND(user, create, 1, AQ_CREATES, AQ_ROLE_ADMIN,
           "create a user; the answer contains its token, which is never shown again")
AQ_COMMAND(user, update, 2, AQ_UPDATES, AQ_ROLE_ADMIN, "set role and limits of a user")
AQ_COMMAND(user, token, 3, AQ_ACTS, AQ_ROLE_USER, "give a user a new token; the old one is revoked at once")
AQ_COMMAND(user, delete, 4, AQ_DELETES, AQ_ROLE_ADMIN, "delete a user that has no open applications")

AQ_EVENT(user, created, 1, 1, "a user was created")
AQ_EVENT(user, updated, 2, 1, "role or limits of a user were set")
AQ_EVENT(user, token_changed, 3, 1, "a user has a new token")
AQ_EVENT(user, deleted, 4, 1, "a user was deleted")
