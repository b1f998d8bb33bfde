#include "controller/project/answers.h"

#include "controller/state/kept_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECIMAL_SIZE = 24 };

/* Who gets the name of a deleted user does not get that one's answers. Authors that are no users have names alone. */
static void add_key(struct state_key *row, uint64_t author_number, const char *author, const char *key)
{
    state_key_add_number(row, author_number);
    state_key_add_text(row, author_number != 0 ? "" : author);
    state_key_add_text(row, key);
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

/* ---- stored ------------------------------------------------------------------------------------------- */

/* As an answer begins in the table. Then follow the keys, each with its NUL, and the rows. */
struct stored_answer {
    uint64_t fingerprint, seq;
    uint32_t count;    /* of rows */
    uint32_t changed;  /* 1: there were events */
    uint32_t id_count; /* of the keys that follow */
    uint32_t id_bytes;
    char id[65];
};

static void add_rows(struct project *project, const struct aq_logged_decision *decision, uint32_t count,
                     struct aq_buffer *out)
{
    const struct aq_command *command = aq_command_find((unsigned)decision->command);
    uint64_t first = strtoull(decision->id, NULL, 10);
    size_t begin = out->length;
    if (command == NULL || command->kind == AQ_DELETES)
        return;
    for (uint32_t i = 0; i < count && out->length - begin <= ANSWER_ROWS_BYTES_MAX; i++) {
        char id[DECIMAL_SIZE];
        snprintf(id, sizeof id, "%" PRIu64, first + i);
        const char *key = decision->ids.count > 0 ? AQ_TEXT_ITEM(decision->ids, i) : i == 0 ? decision->id : id;
        kept_rows_add(project->txn, command->entity, key, project->time_ms, out);
    }
    if (out->length - begin > ANSWER_ROWS_BYTES_MAX)
        out->length = begin;
}

static void pack_answer(struct project *project, const struct aq_logged_decision *decision, uint64_t seq,
                        struct aq_buffer *out)
{
    struct stored_answer stored;
    uint32_t count = decision->ids.count > 0 ? decision->ids.count : (uint32_t)decision->rows;
    memset(&stored, 0, sizeof stored); /* the padding too: equal tables have equal bytes */
    stored.fingerprint = decision->fingerprint;
    stored.seq = seq;
    stored.count = count > 0 && count <= AQ_BATCH_COMMANDS_MAX ? count : 1;
    stored.changed = decision->events.count > 0;
    stored.id_count = decision->ids.count;
    strncpy(stored.id, decision->id, sizeof stored.id - 1);
    aq_buffer_add(out, &stored, sizeof stored);
    for (uint32_t i = 0; i < decision->ids.count; i++)
        aq_buffer_add(out, AQ_TEXT_ITEM(decision->ids, i), strlen(AQ_TEXT_ITEM(decision->ids, i)) + 1);
    stored.id_bytes = (uint32_t)(out->length - sizeof stored);
    memcpy(out->data, &stored, sizeof stored);
    add_rows(project, decision, stored.count, out);
}

void project_store_answer(struct project *project, const struct aq_logged_decision *decision, uint64_t seq)
{
    if (decision->key[0] == '\0')
        return;
    AQ_CLEANUP_BUFFER struct aq_buffer packed = {0};
    pack_answer(project, decision, seq, &packed);
    struct state_key row = {0}, timed = state_key_number(project->time_ms);
    add_key(&row, project->author_number, decision->author, decision->key);
    add_key(&timed, project->author_number, decision->author, decision->key);
    index_put(project->txn, INDEX_KEYS, &row, packed.data, packed.length);
    index_put(project->txn, INDEX_KEY_TIMES, &timed, "", 0);
    remove_old(project);
}

static void unpack_answer(const struct stored_answer *stored, const char *rest, size_t length,
                          struct project_answer *out, struct aq_arena *arena)
{
    *out = (struct project_answer){.fingerprint = stored->fingerprint,
                                   .seq = stored->seq,
                                   .count = stored->count,
                                   .changed = stored->changed != 0};
    memcpy(out->id, stored->id, sizeof out->id);
    const char *copy = aq_arena_text(arena, rest, length), *id = copy;
    const char **ids = aq_arena_alloc(arena, stored->id_count * sizeof *ids);
    for (uint32_t i = 0; i < stored->id_count; i++) {
        ids[i] = id;
        id += strlen(id) + 1;
    }
    out->ids = (struct aq_list){ids, stored->id_count};
    out->rows = (struct aq_bytes){(const unsigned char *)copy + stored->id_bytes, length - stored->id_bytes};
}

bool project_find_answer(struct state_txn *txn, const struct aq_caller *author, const char *key,
                         struct project_answer *out, struct aq_arena *arena)
{
    const void *value;
    size_t length;
    struct stored_answer stored;
    struct state_key row = {0};
    add_key(&row, author->number, author->name, key);
    if (!index_get(txn, INDEX_KEYS, &row, &value, &length))
        return false;
    aq_assert(length >= sizeof stored);
    memcpy(&stored, value, sizeof stored);
    aq_assert(stored.id_bytes <= length - sizeof stored);
    unpack_answer(&stored, (const char *)value + sizeof stored, length - sizeof stored, out, arena);
    return true;
}
