/* vote: why a node was or was not chosen for an application.
 *
 * A ballot is stored: one row for each time an application was placed or could not be. In it, nodes with the same
 * answer share a group ("1-4999,5003"), so that thousands of candidates cost a few bytes. Readers see votes: one
 * row for each node considered. state_votes() in controller/state/votes.h makes votes from ballots. */
#ifndef AQ_SCHEMA_MODEL_VOTE_H
#define AQ_SCHEMA_MODEL_VOTE_H

#include "schema/model/record.h"

#define AQ_ANSWERS(W)                                                                                                  \
    W(AQ_ANSWER_FITS, "fits", "it could take it")                                                                      \
    W(AQ_ANSWER_LOST, "lost", "its agent has not been heard from")                                                     \
    W(AQ_ANSWER_MAINTENANCE, "maintenance", "it takes no new work")                                                    \
    W(AQ_ANSWER_DRIVER, "driver", "it does not have the driver")                                                       \
    W(AQ_ANSWER_FILTER, "node_filter", "the node filter does not match")                                               \
    W(AQ_ANSWER_TRIED, "tried", "an earlier try failed there")                                                         \
    W(AQ_ANSWER_SLOTS, "slots", "not enough slots are free")                                                           \
    W(AQ_ANSWER_CPU, "cpu", "not enough cpu is free")                                                                  \
    W(AQ_ANSWER_RAM, "ram", "not enough memory is free")                                                               \
    W(AQ_ANSWER_DISK, "disk", "not enough disk is free")                                                               \
    W(AQ_ANSWER_ALLOW, "allow", "its owner does not allow that")                                                       \
    W(AQ_ANSWER_PROJECT, "project", "it serves only other projects")                                                   \
    W(AQ_ANSWER_QUARANTINE, "quarantine", "it is in quarantine")                                                       \
    W(AQ_ANSWER_LABEL_QUARANTINE, "label_quarantine", "it is in quarantine for this label")
AQ_DECLARE_WORDS(aq_answer, AQ_ANSWERS)

/* Nodes that answered the same for one definition. `have` and `need` are in the unit of what is short: thousandths of
 * a core, MiB, slots. */
/* clang-format off */
/* Which projects nodes serve is told to those who may read nodes, not to everybody whose application waits. */
#define aq_ballot_group_fields(F, T)                                                                                   \
    F(T, definition, U64(0, 15),         0, "definition, counted from 0")                                              \
    F(T, answer,     ENUM(aq_answer),    0, "yes, or why not")                                                         \
    F(T, have,       U64(0, UINT64_MAX), 0, "how much of what is short is free there")                                 \
    F(T, need,       U64(0, UINT64_MAX), 0, "how much of it is needed")                                                \
    F(T, nodes,      TEXT(0, 1048576),   0, "numbers of the nodes, such as 1-3,7")                                     \
    F(T, serves,     TEXT(0, 255),       AQ_SECRET, "of an earlier build: which projects they serve")
AQ_DECLARE(aq_ballot_group)

#define aq_ballot_fields(F, T)                                                                                         \
    F(T, application, REF(application),               0, "the application")                                            \
    F(T, round,       U64(1, UINT64_MAX),             0, "counted from 1 for each application")                        \
    F(T, time,        TIME,                           0, "when")                                                       \
    F(T, node,        REF_NAME_OR_NONE(node),         0, "the node that was chosen")                                   \
    F(T, definition,  U64(0, 15),                     0, "the definition that was chosen, counted from 0")             \
    F(T, groups,      LIST(aq_ballot_group, 0, 4096), 0, "nodes by their answers")
AQ_DECLARE(aq_ballot)

#define aq_vote_fields(F, T)                                                                                           \
    F(T, application, REF(application),   AQ_COLUMN, "the application")                                                \
    F(T, round,       U64(1, UINT64_MAX), AQ_COLUMN, "counted from 1 for each application")                            \
    F(T, node,        REF_NAME(node),     AQ_COLUMN, "node that answered")                                             \
    F(T, definition,  U64(0, 15),         AQ_COLUMN, "definition of the label, counted from 0")                        \
    F(T, available,   BOOL,               AQ_COLUMN, "yes or no")                                                      \
    F(T, chosen,      BOOL,               AQ_COLUMN, "whether it got the application")                                 \
    F(T, reason,      TEXT(0, 256),       AQ_COLUMN, "the answer in words")                                            \
    F(T, time,        TIME,               0,         "when")
AQ_DECLARE(aq_vote)
/* clang-format on */

#endif
