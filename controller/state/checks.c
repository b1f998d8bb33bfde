/* Whether the tables can be trusted: marks, pages and layout. */
#include "controller/lmdb/marks.h"
#include "controller/lmdb/pages.h"
#include "controller/state/store.h"
#include "schema/model/resource.h"
#include "schema/model/vote.h"

#include <stdio.h>
#include <string.h>

/* ---- layout ------------------------------------------------------------------------------------------- */

static uint64_t layout_number(void)
{
    uint64_t layout = STATE_LAYOUT;
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        layout = layout * 0x100000001b3 ^ aq_record_fingerprint(entity->record);
    layout = layout * 0x100000001b3 ^ aq_record_fingerprint(&aq_ballot_record);
    return layout * 0x100000001b3 ^ aq_record_fingerprint(&aq_ended_record);
}

static struct state_key layout_key(void)
{
    struct state_key key = {0};
    state_key_add_text(&key, "layout");
    return key;
}

static uint64_t stored_layout(struct state_txn *txn)
{
    const void *value;
    size_t length;
    uint64_t layout = 0;
    struct state_key key = layout_key();
    if (index_get(txn, INDEX_META, &key, &value, &length) && length == sizeof layout)
        memcpy(&layout, value, sizeof layout);
    return layout;
}

bool state_has_layout(struct state *state, struct aq_error *why)
{
    struct state_txn *txn;
    if (state_read(state, &txn, why) != 0)
        return false;
    uint64_t layout = stored_layout(txn);
    bool has_it = false;
    if (layout == 0)
        (void)aq_fail(why, AQ_E_CORRUPT, "there are none yet");
    else if (layout != layout_number())
        (void)aq_fail(why, AQ_E_CORRUPT, "they have the layout of another version");
    else
        has_it = !state_failed(txn, why);
    state_end(txn);
    return has_it;
}

int state_mark_layout(struct state *state, struct aq_error *error)
{
    struct state_txn *txn;
    if (state_write(state, &txn, error) != 0)
        return -1;
    uint64_t layout = layout_number();
    struct state_key key = layout_key();
    index_put(txn, INDEX_META, &key, &layout, sizeof layout);
    return state_commit(txn, error);
}

/* ---- pages and marks ---------------------------------------------------------------------------------- */

bool state_is_intact(const char *directory, const char *boot, struct aq_error *why)
{
    char tables[STORE_PATH_SIZE], path[STORE_PATH_SIZE + STORE_NAME_SIZE], name[STORE_NAME_SIZE];
    snprintf(tables, sizeof tables, "%s/state", directory);
    if (store_current_name(tables, name, why) != 0)
        return false;
    snprintf(path, sizeof path, "%s/%s", tables, name);
    return lmdb_mark_check_boot(path, boot, why) == 0 && lmdb_mark_check_damaged(path, why) == 0 &&
           lmdb_pages_check(path, LMDB_PAGES_AT_START, why) == 0;
}

int state_check_pages(struct state *state, struct aq_error *error)
{
    struct store_env *env = store_env_acquire(state);
    int status = lmdb_file_check(&env->file, error);
    store_env_release(env);
    return status;
}

int state_mark_open(struct state *state, const char *boot, struct aq_error *error)
{
    char path[STORE_PATH_SIZE];
    store_env_path(state, state->env->name, path);
    return lmdb_mark_open(path, boot, error) == 0 ? state_mark_layout(state, error) : -1;
}

int state_mark_closed(struct state *state, struct aq_error *error)
{
    char path[STORE_PATH_SIZE];
    store_env_path(state, state->env->name, path);
    int code = mdb_env_sync(state->env->file.env, 1);
    return code == 0 ? lmdb_mark_closed(path, error)
                     : lmdb_file_fail(&state->env->file, code, "syncing the tables", error);
}
