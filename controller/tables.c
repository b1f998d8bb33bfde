#include "controller/tables.h"

#include "controller/lmdb/marks.h"
#include "controller/log/replay.h"
#include "schema/base/journal.h"

static int rebuild_tables(struct state **state, const struct aq_config_controller *config, struct log_store *store,
                          uint64_t last, const char *boot, struct aq_error *error)
{
    if (state_open_fresh(state, config->data, config->state.map_size << 20, error) != 0)
        return -1;
    if (replay(store, *state, NULL, last, error) == 0 && state_mark_open(*state, boot, error) == 0 &&
        state_publish(*state, error) == 0)
        return 0;
    state_discard(*state);
    *state = NULL; /* the caller closes what is not NULL */
    return -1;
}

/* Opens the current tables. NULL: they cannot be trusted, and `why` says so. */
static struct state *open_trusted(const struct aq_config_controller *config, struct log_store *store, const char *boot,
                                  uint64_t last, struct aq_error *why)
{
    struct state *state;
    if (!state_is_intact(config->data, boot, why) ||
        state_open(&state, config->data, STATE_WRITE, config->state.map_size << 20, why) != 0)
        return NULL;
    if (state_has_layout(state, why) && replay_check_applied(store, state, why) == 0 &&
        state_mark_open(state, boot, why) == 0 && replay(store, state, NULL, last, why) == 0)
        return state;
    state_close(state);
    return NULL;
}

int tables_open(struct state **state, const struct aq_config_controller *config, struct log_store *store, bool rebuild,
                struct aq_error *error)
{
    char boot[LMDB_BOOT_SIZE];
    struct aq_error why = {0};
    struct log_extent extent;
    if (lmdb_boot_id(boot, error) != 0 || log_store_extent(store, &extent, error) != 0)
        return -1;
    if (!rebuild) {
        *state = open_trusted(config, store, boot, extent.commit, &why);
        if (*state != NULL)
            return 0;
        if (extent.last > 0)
            aq_journal(AQ_WARN, "rebuilding the tables from the log", "because", why.message, NULL);
    }
    if (rebuild)
        aq_journal(AQ_INFO, "rebuilding the tables from the log", "because", "--rebuild was given", NULL);
    return rebuild_tables(state, config, store, extent.commit, boot, error);
}

int tables_close(struct state *state, struct aq_error *error)
{
    int status = state_mark_closed(state, error);
    state_close(state);
    return status;
}
