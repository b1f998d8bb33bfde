#include "schema/model/join_token.h"

#include "schema/model/user.h"

AQ_ENTITY(join_token, 1, "lets agents enrol, each with a key of its own", .plural = "join-tokens", .rank = 35,
          .owner = "created_by", .owner_number = "created_by_number")

AQ_COMMAND(join_token, create, 70, AQ_CREATES,
           "create a join token; the answer contains its text, which is never shown again", .value = "name")
AQ_COMMAND(join_token, revoke, 71, AQ_ACTS, "revoke a join token; nodes that enrolled with it stay", .past = "revoked")

AQ_EVENT(join_token, created, 70, 1, "a join token was created")
AQ_EVENT(join_token, used, 71, 1, "a node enrolled with a join token")
AQ_EVENT(join_token, revoked, 72, 1, "a join token was revoked")
AQ_EVENT(join_token, removed, 73, 1, "a join token that was over long ago was removed")
