/* The tokens of users, as events about tokens and about users change them. */
#ifndef AQ_CONTROLLER_PROJECT_TOKENS_H
#define AQ_CONTROLLER_PROJECT_TOKENS_H

#include "controller/project/project.h"
#include "schema/model/token.h"

void project_add_token(struct project *project, const struct aq_token *token);
void project_remove_token(struct project *project, uint64_t id); /* does nothing if there is none */
/* Those of a user that is deleted. */
void project_remove_tokens(struct project *project, uint64_t user_number);
/* Those that act in this project alone, which is deleted. */
void project_remove_tokens_of(struct project *project, const char *name);

#endif
