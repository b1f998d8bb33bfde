/* Finds rows of the judge's model. */
#include "tests/sim/judge.h"

#include <string.h>

struct judge_node *judge_node(struct judge *judge, const char *name)
{
    for (size_t i = 0; i < JUDGE_NODES_MAX; i++)
        if (judge->nodes[i].there && strcmp(judge->nodes[i].name, name) == 0)
            return &judge->nodes[i];
    return NULL;
}

struct judge_user *judge_user(struct judge *judge, const char *name)
{
    for (size_t i = 0; i < JUDGE_USERS_MAX; i++)
        if (judge->users[i].there && strcmp(judge->users[i].name, name) == 0)
            return &judge->users[i];
    return NULL;
}

enum aq_restart judge_restart(const struct judge *judge, const struct judge_resource *resource, uint64_t *limit)
{
    const struct judge_label *label = &judge->labels[judge->applications[resource->application - 1].label - 1];
    *limit = label->restart_limit[resource->definition];
    return label->restart[resource->definition];
}

bool judge_is_checked(const struct judge *judge, const struct judge_resource *resource)
{
    return judge->labels[judge->applications[resource->application - 1].label - 1].health[resource->definition];
}

const struct judge_label *judge_label(const struct judge *judge, const char *name, uint64_t seq)
{
    const struct judge_label *newest = NULL;
    for (size_t i = 0; i < judge->n_labels; i++) {
        const struct judge_label *label = &judge->labels[i];
        if (label->made_seq != 0 && label->made_seq <= seq && (label->gone_seq == 0 || label->gone_seq > seq) &&
            strcmp(label->name, name) == 0)
            newest = label;
    }
    return newest;
}
