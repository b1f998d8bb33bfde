#include "schema/model/vote.h"

#include "schema/model/application.h"
#include "schema/model/node.h"

AQ_DEFINE_WORDS(aq_answer, AQ_ANSWERS)
AQ_DEFINE(aq_ballot_group, "ballot_group", 1, "nodes that answered the same")
AQ_DEFINE(aq_ballot, "ballot", 1, "all votes of one round for one application")
AQ_DEFINE(aq_vote, "vote", 1, "why a node was or was not chosen for an application")
