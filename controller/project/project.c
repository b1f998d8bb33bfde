#include "controller/project/answers.h"
#include "controller/state/applied.h"
#include "controller/state/log_layout.h"
#include "schema/base/utf8.h"
#include "schema/model/node.h"
#include "schema/model/user.h"

#include <inttypes.h>
#include <string.h>

extern const struct project_handler *const __start_aq_project[], *const __stop_aq_project[];

void project_event(struct project *project, const struct aq_event_type *type, const void *data)
{
    for (const struct project_handler *const *row = __start_aq_project; row < __stop_aq_project; row++) {
        if ((*row)->type != type)
            continue;
        (*row)->project(project, data);
        return;
    }
    aq_broken(__FILE__, __LINE__, "an event without a handler");
}

bool project_find_author(struct state_txn *txn, const char *author, struct aq_user *user, struct aq_arena *arena)
{
    return aq_name_is_good(author, strlen(author)) && state_user(txn, author, user, arena);
}

bool project_expect(const struct project *project, bool found)
{
    struct aq_error error;
    aq_assert(found || state_failed(project->txn, &error));
    return found;
}

void project_history(struct project *project, uint64_t application)
{
    project_ballot(project, application, "", 0);
}

void project_ballot(struct project *project, uint64_t application, const void *ballot, size_t length)
{
    struct state_key key = state_key_number(application);
    state_key_add_number(&key, project->seq);
    index_put(project->txn, INDEX_HISTORY, &key, ballot, length);
}

/* ---- entries ------------------------------------------------------------------------------------------ */

static int project_decision(struct project *project, const struct aq_logged_decision *decision, uint64_t *seq,
                            struct aq_error *error)
{
    struct aq_user user;
    project->author = decision->author;
    bool is_user = project_find_author(project->txn, decision->author, &user, project->arena);
    project->author_number = is_user ? user.number : 0;
    for (uint32_t i = 0; i < decision->events.count; i++) {
        struct aq_event event;
        if (aq_event_unpack(AQ_ITEM(decision->events, struct aq_logged_event, i), &event, project->arena, error) != 0)
            return -1;
        project->seq = (*seq)++;
        project_event(project, event.type, event.data);
    }
    project_store_answer(project, decision, *seq - 1);
    return 0;
}

int project_entry(struct project *project, uint64_t index, const void *data, size_t length, struct aq_error *error)
{
    struct aq_entry entry;
    struct state_applied applied = state_applied_get(project->txn);
    if (aq_entry_unpack(&entry, data, length, project->arena, error) != 0)
        return aq_error_context(error, "log entry %" PRIu64, index);
    if (entry.first_seq != applied.seq + 1)
        return aq_fail(error, AQ_E_CORRUPT,
                       "log entry %" PRIu64 " begins at seq %" PRIu64 ", but %" PRIu64 " comes next", index,
                       entry.first_seq, applied.seq + 1);
    if (memcmp(entry.previous.data, applied.hash, AQ_HASH_SIZE) != 0)
        return log_fail_chain(index, entry.first_seq, error);
    uint64_t seq = entry.first_seq;
    project->time_ms = entry.time;
    for (uint32_t i = 0; i < entry.decisions.count; i++)
        if (project_decision(project, AQ_ITEM(entry.decisions, struct aq_logged_decision, i), &seq, error) != 0)
            return aq_error_context(error, "log entry %" PRIu64, index);
    applied.index = index;
    applied.seq = seq - 1;
    applied.time_ms = entry.time;
    aq_entry_hash(data, length, applied.hash);
    state_applied_set(project->txn, &applied);
    return state_failed(project->txn, error) ? -1 : 0;
}

/* ---- placement index ---------------------------------------------------------------------------------- */

static bool add_node(void *context, const struct state_key *key, const void *object)
{
    (void)key;
    place_index_set(context, object);
    return true;
}

void project_fill_index(struct state_txn *txn, struct place_index *index)
{
    state_scan(txn, &aq_entity_node, NULL, add_node, index);
    place_index_keep(index);
}
