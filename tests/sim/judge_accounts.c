#include "tests/sim/judge_rules.h"

#include "schema/model/membership.h"
#include "schema/model/role.h"
#include "tests/sim/judge_projects.h"
#include "tests/sim/judge_rights.h"
#include "tests/sim/judge_secrets.h"
#include "tests/sim/recipes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- labels and users --------------------------------------------------------------------------------- */

static void label_created(struct judge *judge, const void *data)
{
    const struct aq_label_created *event = data;
    judge_must(judge, event->id > judge->n_labels, "a number is never used again", "label", event->id);
    uint64_t last = 0;
    for (size_t i = 0; i < judge->n_labels; i++)
        if (strcmp(judge->labels[i].name, event->name) == 0)
            last = judge->labels[i].version;
    judge_must(judge, event->version == last + 1, "versions of a label are counted", "label", event->id);
    const struct judge_label *before = judge_label(judge, event->name, judge->seq);
    const uint64_t recipe = judge_secrets_recipe(judge, event->id, recipe_hash(&event->definitions, event->arguments));
    judge_must(judge,
               judge->command != &aq_command_label_apply || before == NULL || before->recipe != recipe ||
                   judge_secrets_are_away(judge, &aq_entity_label, before->id),
               "what is applied again changes nothing", "label", event->id);
    struct judge_label *label = JUDGE_ROW(judge, labels, event->id);
    char key[24];
    snprintf(key, sizeof key, "%" PRIu64, event->id);
    label->kept = ((const struct aq_label *)mirror_row(&judge->mirror, &aq_entity_label, key))->definitions.items;
    judge_note_made(judge, event->id);
    label->there = true;
    label->id = event->id;
    label->recipe = recipe;
    label->arguments = event->arguments;
    label->made_seq = judge->seq;
    label->version = event->version;
    label->definitions = event->definitions.count;
    snprintf(label->name, sizeof label->name, "%s", event->name);
    for (uint32_t i = 0; i < event->definitions.count; i++) {
        const struct aq_needs *needs = &AQ_ITEM(event->definitions, struct aq_definition, i)->resources;
        label->amounts[i] = aq_needs_amounts(needs);
        label->restart_lost[i] = needs->restart_lost;
        label->gives_back[i] = needs->drain == AQ_DRAIN_GIVES_BACK;
        label->lease[i] = needs->lease;
        label->restart[i] = AQ_ITEM(event->definitions, struct aq_definition, i)->restart;
        label->health[i] = aq_check_ways(&AQ_ITEM(event->definitions, struct aq_definition, i)->health) > 0;
        label->restart_limit[i] = AQ_ITEM(event->definitions, struct aq_definition, i)->restart_limit;
    }
}

static void label_deleted(struct judge *judge, const void *data)
{
    const struct aq_label_deleted *event = data;
    judge_must(judge, event->id >= 1 && event->id <= judge->n_labels && judge->labels[event->id - 1].there,
               "an event is about a row", "label", event->id);
    for (size_t i = 0; i < judge->n_applications; i++)
        judge_must(judge,
                   judge->applications[i].label != event->id || !judge->applications[i].there ||
                       judge_is_over(judge->applications[i].status),
                   "an application has a label", "application", i + 1);
    judge->labels[event->id - 1].there = false;
    judge->labels[event->id - 1].gone_seq = judge->seq;
}

static struct judge_user *the_user(struct judge *judge, const char *name)
{
    struct judge_user *user = judge_user(judge, name);
    if (user == NULL)
        sim_broken(judge->sim, "an event is about a row", "user %s", name);
    return user;
}

/* What the mirror knows is enough: rights were judged before it took the event. */
static void mirrored(struct judge *judge, const void *data)
{
    (void)judge;
    (void)data;
}

static void user_created(struct judge *judge, const void *data)
{
    const struct aq_user_created *event = data;
    size_t i = 0;
    judge_must(judge, judge_user(judge, event->name) == NULL, "names are unique", "user", 0);
    while (judge->users[i].there)
        aq_assert(++i < JUDGE_USERS_MAX);
    judge->users[i] =
        (struct judge_user){.there = true, .most = event->max_applications, .number = ++judge->users_made};
    snprintf(judge->users[i].name, JUDGE_NAME, "%s", event->name);
}

static void user_updated(struct judge *judge, const void *data)
{
    const struct aq_user_updated *event = data;
    the_user(judge, event->name)->most = event->max_applications;
}

static void token_changed(struct judge *judge, const void *data)
{
    (void)the_user(judge, ((const struct aq_user_token_changed *)data)->name);
}

static void uid_set(struct judge *judge, const void *data)
{
    const struct aq_user_uid_set *event = data;
    for (size_t i = 0; i < JUDGE_USERS_MAX; i++)
        judge_must(judge, event->uid == 0 || !judge->users[i].there || judge->users[i].uid != event->uid,
                   "a unix user is one cluster user", "uid", event->uid);
    the_user(judge, event->name)->uid = event->uid;
}

static void user_deleted(struct judge *judge, const void *data)
{
    const struct aq_user_deleted *event = data;
    struct judge_user *user = the_user(judge, event->name);
    judge_must(judge, judge_open_of(judge, user) == 0, "who has open applications is not deleted", "user", 0);
    for (size_t i = 0; i < judge->n_tokens; i++)
        judge->tokens[i].there = judge->tokens[i].there && judge->tokens[i].user_number != user->number;
    user->there = false;
}

/* ---- tokens --------------------------------------------------------------------------------------------- */

static void login_token_created(struct judge *judge, const void *data)
{
    const struct aq_token_created *event = data;
    const struct judge_user *user = judge_user(judge, event->user);
    judge_must(judge, event->id > judge->n_tokens, "a number is never used again", "token", event->id);
    judge_must(judge, user != NULL, "a token has a user", "token", event->id);
    for (size_t i = 0; i < judge->n_tokens; i++)
        judge_must(judge,
                   !judge->tokens[i].there || judge->tokens[i].user_number != user->number ||
                       strcmp(judge->tokens[i].name, event->name) != 0,
                   "names of a user's tokens are unique", "token", event->id);
    struct judge_token *token = JUDGE_ROW(judge, tokens, event->id);
    *token = (struct judge_token){.there = true, .user_number = user->number, .expires_at = event->expires_at};
    snprintf(token->name, sizeof token->name, "%s", event->name);
}

/* It may be the first one of a user, which is not known here. */
static void login_token_deleted(struct judge *judge, const void *data)
{
    const struct aq_token_deleted *event = data;
    const uint64_t id = event->id;
    if (id > judge->n_tokens || !judge->tokens[id - 1].there)
        return;
    struct judge_token *token = &judge->tokens[id - 1];
    judge_must(judge, token->user_number == event->user_number, "events tell whose rows have left", "token", id);
    judge_must(judge,
               judge->command != &aq_command_token_expire ||
                   (token->expires_at != 0 && token->expires_at <= judge->time_ms),
               "no token ends early", "token", id);
    token->there = false;
}

const struct judge_taker judge_accounts[] = {
    {&aq_event_project_created, judge_project_created},
    {&aq_event_project_quotas_set, judge_project_quotas_set},
    {&aq_event_project_deleted, judge_project_deleted},
    {&aq_event_node_projects_set, judge_node_projects_set},
    {&aq_event_label_created, label_created},
    {&aq_event_label_deleted, label_deleted},
    {&aq_event_user_created, user_created},
    {&aq_event_user_updated, user_updated},
    {&aq_event_user_token_changed, token_changed},
    {&aq_event_user_uid_set, uid_set},
    {&aq_event_user_deleted, user_deleted},
    {&aq_event_membership_created, judge_membership},
    {&aq_event_membership_updated, mirrored},
    {&aq_event_membership_deleted, mirrored},
    {&aq_event_role_created, mirrored},
    {&aq_event_role_updated, mirrored},
    {&aq_event_role_deleted, judge_role_deleted},
    {&aq_event_token_created, login_token_created},
    {&aq_event_token_deleted, login_token_deleted},
    {NULL, NULL},
};
