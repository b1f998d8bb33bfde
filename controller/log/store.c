#include "controller/log/store.h"

void log_store_close(struct log_store *store)
{
    if (store != NULL)
        store->kind->close(store);
}

int log_store_extent(struct log_store *store, struct log_extent *extent, struct aq_error *error)
{
    return store->kind->extent(store, extent, error);
}

int log_store_append(struct log_store *store, const struct log_entry *entries, unsigned count, uint64_t commit,
                     const struct log_vote *vote, struct aq_error *error)
{
    return store->kind->append(store, entries, count, commit, vote, error);
}

int log_store_read(struct log_store *store, uint64_t first, uint64_t last, log_visit_fn *visit, void *context,
                   struct aq_error *error)
{
    return store->kind->read(store, first, last, visit, context, error);
}

int log_store_check_pages(struct log_store *store, struct aq_error *error)
{
    return store->kind->check_pages(store, error);
}

struct events *log_store_events(struct log_store *store)
{
    return store->kind->events(store);
}

uint64_t log_store_free_mib(const struct log_store *store)
{
    return store->kind->free_mib(store);
}
