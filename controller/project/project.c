#include "controller/project/project.h"

#include "controller/state/applied.h"
#include "controller/state/log_layout.h"
#include "schema/model/node.h"

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
    aq_broken(__FILE__, __LINE__, "an event that nobody projects");
}

void project_store(struct project *project, const char *entity, const struct state_key *key, const void *object)
{
    state_store(project->txn, aq_entity_find(entity), key, object);
}

void project_remove(struct project *project, const char *entity, const struct state_key *key)
{
    state_remove(project->txn, aq_entity_find(entity), key);
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

/* ---- idempotency keys --------------------------------------------------------------------------------- */

static struct state_key key_of(const char *author, const char *key)
{
    struct state_key row = {0};
    state_key_add_text(&row, author);
    state_key_add_text(&row, key);
    return row;
}

struct forgetting {
    uint64_t before_ms;
    struct state_key keys[PROJECT_KEYS_FORGOTTEN_AT_ONCE];
    size_t count;
};

static bool note_old(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct forgetting *forgetting = context;
    (void)value;
    (void)length;
    if (state_key_number_at(key, 0) >= forgetting->before_ms || forgetting->count == PROJECT_KEYS_FORGOTTEN_AT_ONCE)
        return false;
    forgetting->keys[forgetting->count++] = *key;
    return true;
}

/* A few at a time, as new ones come: so the table stays bounded by what a day brings. */
static void forget_old(struct project *project)
{
    if (project->time_ms < PROJECT_KEY_KEPT_MS)
        return;
    struct forgetting forgetting = {.before_ms = project->time_ms - PROJECT_KEY_KEPT_MS};
    const struct state_key all = {0};
    index_scan(project->txn, INDEX_KEY_TIMES, &all, note_old, &forgetting);
    for (size_t i = 0; i < forgetting.count; i++) {
        const struct state_key *timed = &forgetting.keys[i];
        struct state_key key = {.length = timed->length - sizeof(uint64_t)};
        memcpy(key.bytes, timed->bytes + sizeof(uint64_t), key.length);
        index_remove(project->txn, INDEX_KEYS, &key);
        index_remove(project->txn, INDEX_KEY_TIMES, timed);
    }
}

void project_key(struct project *project, const char *author, const char *key, uint64_t fingerprint, uint64_t seq,
                 const char *id)
{
    if (key[0] == '\0')
        return;
    struct project_remembered remembered;
    memset(&remembered, 0, sizeof remembered); /* padding included: equal tables have equal bytes */
    remembered.fingerprint = fingerprint;
    remembered.seq = seq;
    strncpy(remembered.id, id, sizeof remembered.id - 1);
    struct state_key row = key_of(author, key), timed = {0};
    index_put(project->txn, INDEX_KEYS, &row, &remembered, sizeof remembered);
    state_key_add_number(&timed, project->time_ms);
    state_key_add_text(&timed, author);
    state_key_add_text(&timed, key);
    index_put(project->txn, INDEX_KEY_TIMES, &timed, "", 0);
    forget_old(project);
}

bool project_remembers(struct state_txn *txn, const char *author, const char *key, struct project_remembered *out)
{
    const void *value;
    size_t length;
    struct state_key row = key_of(author, key);
    if (!index_get(txn, INDEX_KEYS, &row, &value, &length))
        return false;
    aq_assert(length == sizeof *out);
    memcpy(out, value, length);
    return true;
}

/* ---- entries ------------------------------------------------------------------------------------------ */

static int project_decision(struct project *project, const struct aq_logged_decision *decision, uint64_t *seq,
                            struct aq_error *error)
{
    project->author = decision->author;
    for (uint32_t i = 0; i < decision->events.count; i++) {
        struct aq_event event;
        if (aq_event_unpack(AQ_ITEM(decision->events, struct aq_logged_event, i), &event, project->arena, error) != 0)
            return -1;
        project->seq = (*seq)++;
        project_event(project, event.type, event.data);
    }
    project_key(project, decision->author, decision->key, decision->fingerprint, *seq - 1, decision->id);
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
    state_scan(txn, aq_entity_find("node"), NULL, add_node, index);
    place_index_keep(index);
}
