#include "schema/model/membership.h"

#include "schema/model/project.h"
#include "schema/model/role.h"
#include "schema/model/user.h"

AQ_ENTITY(membership, 1, "the role that a user has in one project", .plural = "memberships", .rank = 47,
          .owner = "user", .owner_number = "user_number", .indexed_by_owner = true, .project = "project",
          .pair = {"project", "user"})

AQ_COMMAND(membership, create, 80, AQ_CREATES, "give a user a role in a project", .of_all = true)
AQ_COMMAND(membership, update, 81, AQ_UPDATES, "give a member of a project another role", .of_all = true)
AQ_COMMAND(membership, delete, 82, AQ_DELETES, "take a user's role in a project away; that holds at once")

AQ_EVENT(membership, created, 80, 1, "a user was given a role in a project")
AQ_EVENT(membership, updated, 81, 1, "a member of a project was given another role")
AQ_EVENT(membership, deleted, 82, 1, "a user's role in a project was taken away")
