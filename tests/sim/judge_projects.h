/* Projects, and the nodes and quotas that they have: what events about them must keep. */
#ifndef AQ_TESTS_SIM_JUDGE_PROJECTS_H
#define AQ_TESTS_SIM_JUDGE_PROJECTS_H

#include "tests/sim/judge.h"

/* Each is called for its event, which the mirror has taken. */
void judge_project_created(struct judge *judge, const void *data);
void judge_project_quotas_set(struct judge *judge, const void *data);
void judge_project_deleted(struct judge *judge, const void *data);
void judge_node_projects_set(struct judge *judge, const void *data);

/* An application was created: within the quotas of its project, on open ones. */
void judge_open_applications(struct judge *judge, const struct aq_application_created *event, uint64_t user_number);
/* An application got a resource with these amounts: on a node that serves its project, and within the quotas. */
void judge_resource_of_project(struct judge *judge, const struct judge_node *node, uint64_t application,
                               const struct aq_amounts *amounts);

#endif
