#include "controller/project/answers.h"

#include <string.h>

static struct state_key key_of(const char *author, const char *key)
{
    struct state_key row = {0};
    state_key_add_text(&row, author);
    state_key_add_text(&row, key);
    return row;
}

/* Old answers, by their keys in INDEX_KEY_TIMES. */
struct old_answers {
    uint64_t before_ms;
    struct state_key keys[ANSWERS_REMOVED_AT_ONCE];
    size_t count;
};

static bool note_old(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct old_answers *old = context;
    (void)value;
    (void)length;
    if (state_key_number_at(key, 0) >= old->before_ms || old->count == ANSWERS_REMOVED_AT_ONCE)
        return false;
    old->keys[old->count++] = *key;
    return true;
}

/* Removes a few for each new one, so the table is bounded by the commands of a day. */
static void remove_old(struct project *project)
{
    if (project->time_ms < ANSWER_KEPT_MS)
        return;
    struct old_answers old = {.before_ms = project->time_ms - ANSWER_KEPT_MS};
    const struct state_key all = {0};
    index_scan(project->txn, INDEX_KEY_TIMES, &all, note_old, &old);
    for (size_t i = 0; i < old.count; i++) {
        const struct state_key *timed = &old.keys[i];
        struct state_key key = {.length = timed->length - sizeof(uint64_t)};
        memcpy(key.bytes, timed->bytes + sizeof(uint64_t), key.length);
        index_remove(project->txn, INDEX_KEYS, &key);
        index_remove(project->txn, INDEX_KEY_TIMES, timed);
    }
}

void project_store_answer(struct project *project, const char *author, const char *key, uint64_t fingerprint,
                          uint64_t seq, const char *id)
{
    if (key[0] == '\0')
        return;
    struct project_answer answer;
    memset(&answer, 0, sizeof answer); /* the padding too: equal tables have equal bytes */
    answer.fingerprint = fingerprint;
    answer.seq = seq;
    strncpy(answer.id, id, sizeof answer.id - 1);
    struct state_key row = key_of(author, key), timed = {0};
    index_put(project->txn, INDEX_KEYS, &row, &answer, sizeof answer);
    state_key_add_number(&timed, project->time_ms);
    state_key_add_text(&timed, author);
    state_key_add_text(&timed, key);
    index_put(project->txn, INDEX_KEY_TIMES, &timed, "", 0);
    remove_old(project);
}

bool project_find_answer(struct state_txn *txn, const char *author, const char *key, struct project_answer *out)
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
