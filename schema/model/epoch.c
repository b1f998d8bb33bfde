#include "schema/model/epoch.h"

#include "schema/model/user.h"

AQ_ENTITY(epoch, 1, "a time in which secrets are sealed under one key", .plural = "epochs", .rank = 90)

AQ_COMMAND(epoch, create, 13, AQ_CREATES, "begin an epoch: secrets are sealed under a new key, and old ones anew")
AQ_COMMAND(epoch, finish, 14, AQ_INTERNAL_COMMAND, "end an epoch, and delete its key")
AQ_COMMAND(epoch, lose, 15, AQ_INTERNAL_COMMAND, "note whether the key of an epoch is lost")

AQ_EVENT(epoch, begun, 12, 1, "an epoch of secrets began")
AQ_EVENT(epoch, ended, 13, 1, "an epoch of secrets ended: its key is deleted")
AQ_EVENT(epoch, lost, 16, 1, "the key of an epoch is lost, or there again")
