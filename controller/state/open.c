/* Tables when they are opened: those that are there, or new ones with the rows that no event makes. */
#include "controller/state/store.h"
#include "schema/model/project.h"
#include "schema/model/role.h"

#include <stdio.h>

static int put_built_in(struct state *state, struct aq_error *error)
{
    struct state_txn *txn;
    const struct aq_role *role;
    if (state_write(state, &txn, error) != 0)
        return -1;
    for (size_t i = 0; (role = aq_role_built_in_at(i)) != NULL; i++) {
        struct state_key key = state_key_name(role->name);
        state_store(txn, &aq_entity_role, &key, role);
    }
    struct state_key key = state_key_name(aq_project_default.name);
    state_store(txn, &aq_entity_project, &key, &aq_project_default);
    return state_commit(txn, error);
}

int state_open_fresh(struct state **out, const char *directory, uint64_t map_bytes, struct aq_error *error)
{
    if (store_open_next(out, directory, map_bytes, error) != 0)
        return -1;
    if (put_built_in(*out, error) == 0)
        return 0;
    state_discard(*out);
    return -1;
}

static int open_first(struct state **out, const char *directory, uint64_t map_bytes, struct aq_error *error)
{
    if (state_open_fresh(out, directory, map_bytes, error) != 0)
        return -1;
    if (state_publish(*out, error) == 0)
        return 0;
    state_close(*out);
    return -1;
}

int state_open(struct state **out, const char *directory, enum state_mode mode, uint64_t map_bytes,
               struct aq_error *error)
{
    char name[STORE_NAME_SIZE], tables[STORE_PATH_SIZE];
    struct aq_error missing = {0};
    snprintf(tables, sizeof tables, "%s/state", directory);
    if (mode == STATE_WRITE && store_current_name(tables, name, &missing) != 0 && missing.code == AQ_E_NOT_FOUND)
        return open_first(out, directory, map_bytes, error);
    return store_open(out, directory, mode, map_bytes, error);
}
