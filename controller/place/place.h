/* Placement: which node takes an application, and what every node answered.
 *
 * This first engine asks all nodes about the most preferred definition, then about the next one, and chooses the first
 * node, in the order of their numbers, that answers yes. Pure: it reads the index and its arguments, and writes its
 * answer. */
#ifndef AQ_CONTROLLER_PLACE_PLACE_H
#define AQ_CONTROLLER_PLACE_PLACE_H

#include "controller/place/index.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

struct place_request {
    uint64_t label;                    /* that has the definitions; 0: answers are not remembered */
    const struct aq_list *definitions; /* of aq_definition, most preferred first */
    const struct aq_list *tries;       /* of aq_try: those that failed, not to be repeated */
    uint32_t skip;                     /* a bit for each definition that no node is asked about */
    const char *project;               /* whose nodes are asked; NULL: one that no node names */
    bool arguments;                    /* the label lets applications give a command: agents must know that */
};

struct place_answer {
    bool placed;
    bool exhausted;        /* every node that could ever take it has been tried */
    bool impossible;       /* no node could ever take it, not even with nothing else on it */
    const char *node;      /* when placed; belongs to the index, valid until it changes */
    uint64_t definition;   /* when placed */
    struct aq_list groups; /* of aq_ballot_group; in the arena */
    const char *reason;    /* when not placed: in words, in the arena */
};

/* The definition with this number. */
static inline const struct aq_definition *place_definition(const struct place_request *request, uint64_t number)
{
    return AQ_ITEM(*request->definitions, struct aq_definition, number);
}

void place(const struct place_index *index, const struct place_request *request, struct place_answer *answer,
           struct aq_arena *arena);

#endif
