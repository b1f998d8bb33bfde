/* Where an application could run, as the judge's model of the cluster says. */
#ifndef AQ_TESTS_SIM_PLACES_H
#define AQ_TESTS_SIM_PLACES_H

#include "tests/sim/judge.h"

/* What runs on the node is not more than it has, of that of which `more` takes something. */
bool places_fits(const struct judge_node *node, const struct aq_amounts *more);

/* The node has the definition's driver, and matches all patterns of its filter. */
bool places_suits(const struct judge *judge, const struct judge_node *node, const struct judge_label *label,
                  uint64_t definition);

/* The node takes work of the application's project. */
/* Its agent knows what to do with the command of an application, if the label takes one. */
bool places_takes(const struct judge *judge, const struct judge_node *node, uint64_t application);
bool places_serves(const struct judge *judge, const struct judge_node *node, uint64_t application);

/* The application has failed with this definition on this node. */
bool places_has_failed(const struct judge_application *row, const char *node, uint64_t definition);

/* Is that much left of the quota of its project, and of its user there? */
bool places_in_quota(const struct judge *judge, uint64_t application, const struct aq_amounts *more);
/* Does a definition of its label need more than that? */
bool places_lacks_quota(const struct judge *judge, uint64_t application);
/* Has it got no more than that, what it holds included: of its project's, and of its user's? */
bool places_kept_quota(const struct judge *judge, uint64_t application, const struct aq_amounts *got);
bool places_kept_user_quota(const struct judge *judge, uint64_t application, const struct aq_amounts *got);
/* A node that takes work has room for an application that is NEW, and has not failed it. Fills `where`. */
bool places_now(const struct judge *judge, uint64_t application, char where[JUDGE_NAME]);

/* So it would be if nothing else ran, and all nodes took work. */
bool places_ever(const struct judge *judge, uint64_t application);

#endif
