#include "schema/model/vote.h"

#include "schema/model/application.h"
#include "schema/model/node.h"

#include <string.h>

AQ_DEFINE_WORDS(aq_answer, AQ_ANSWERS)
AQ_DEFINE(aq_ballot_group, "ballot_group", 1, "nodes that answered the same")
AQ_DEFINE(aq_ballot, "ballot", 1, "all votes of one round for one application")
AQ_DEFINE(aq_vote, "vote", 1, "why a node was or was not chosen for an application")

void aq_vote_serves(const char *serves, struct aq_buffer *out)
{
    if (serves[0] == '\0') /* nodes with different lists, which share a group */
        aq_buffer_text(out, aq_answer_words.help[AQ_ANSWER_PROJECT]);
    else
        aq_buffer_format(out, "it serves only the project%s %s", strchr(serves, ',') != NULL ? "s" : "", serves);
}
