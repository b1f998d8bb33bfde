#include "schema/model/user.h"

AQ_DEFINE(aq_user, "user", 1, AQ_USER, "who may ask for resources")
static const struct aq_entity user = {
    .name = "user",
    .plural = "users",
    .record = &aq_user_record,
    .rank = 50,
    .owner = "name",
};
AQ_ENTITY(user);

AQ_DEFINE(aq_user_create, "user_create", 1, AQ_USER_CREATE, "makes a user and its token")
const struct aq_command aq_command_user_create = {
    .code = 1,
    .name = "user_create",
    .entity = "user",
    .verb = "create",
    .kind = AQ_CREATES,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_user_create_record,
    .help = "make a user; the answer holds its token, which is never shown again",
};
AQ_COMMAND(aq_command_user_create);

AQ_DEFINE(aq_user_update, "user_update", 1, AQ_USER_UPDATE, "sets role and limits of a user")
const struct aq_command aq_command_user_update = {
    .code = 2,
    .name = "user_update",
    .entity = "user",
    .verb = "update",
    .kind = AQ_UPDATES,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_user_update_record,
    .help = "set role and limits of a user",
};
AQ_COMMAND(aq_command_user_update);

AQ_DEFINE(aq_user_token, "user_token", 1, AQ_USER_TOKEN, "gives a user a new token")
const struct aq_command aq_command_user_token = {
    .code = 3,
    .name = "user_token",
    .entity = "user",
    .verb = "token",
    .kind = AQ_ACTS,
    .role = AQ_ROLE_USER,
    .record = &aq_user_token_record,
    .help = "give a user a new token; the old one is void at once",
};
AQ_COMMAND(aq_command_user_token);

AQ_DEFINE(aq_user_delete, "user_delete", 1, AQ_USER_DELETE, "removes a user")
const struct aq_command aq_command_user_delete = {
    .code = 4,
    .name = "user_delete",
    .entity = "user",
    .verb = "delete",
    .kind = AQ_DELETES,
    .role = AQ_ROLE_ADMIN,
    .record = &aq_user_delete_record,
    .help = "remove a user that has no open applications",
};
AQ_COMMAND(aq_command_user_delete);

AQ_DEFINE(aq_user_created, "user_created", 1, AQ_USER_CREATED, "a user was made")
const struct aq_event_type aq_event_user_created = {1, &aq_user_created_record, "user"};
AQ_EVENT(aq_event_user_created);

AQ_DEFINE(aq_user_updated, "user_updated", 1, AQ_USER_UPDATED, "role or limits of a user were set")
const struct aq_event_type aq_event_user_updated = {2, &aq_user_updated_record, "user"};
AQ_EVENT(aq_event_user_updated);

AQ_DEFINE(aq_user_token_changed, "user_token_changed", 1, AQ_USER_TOKEN_CHANGED, "a user has a new token")
const struct aq_event_type aq_event_user_token_changed = {3, &aq_user_token_changed_record, "user"};
AQ_EVENT(aq_event_user_token_changed);

AQ_DEFINE(aq_user_deleted, "user_deleted", 1, AQ_USER_DELETED, "a user was removed")
const struct aq_event_type aq_event_user_deleted = {4, &aq_user_deleted_record, "user"};
AQ_EVENT(aq_event_user_deleted);
