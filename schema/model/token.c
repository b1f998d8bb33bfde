#include "schema/model/token.h"

#include "schema/model/project.h"
#include "schema/model/user.h"
#include "schema/model/view.h"

AQ_ENTITY(token, 1, "lets its holder act as a user, or as less than that", .plural = "tokens", .rank = 52,
          .owner = "user", .owner_number = "user_number", .indexed_by_owner = true, .own_name = "name",
          .live = &aq_token_live_record)
AQ_DEFINE(aq_token_live, "token_live", 1, "how a token was used last")
AQ_VIEW(token, "live", AQ_VIEW_LIVE, "when it was used last; not kept")

AQ_COMMAND(token, create, 50, AQ_CREATES, "create a token; the answer contains it, and it is never shown again")
AQ_COMMAND(token, delete, 51, AQ_DELETES, "delete a token; what was begun with it ends at once")
AQ_COMMAND(token, expire, 52, AQ_INTERNAL_COMMAND, "remove a token that has expired")

AQ_EVENT(token, created, 50, 2, "a token was created")
AQ_EVENT(token, deleted, 51, 2, "a token was deleted, or has expired")
