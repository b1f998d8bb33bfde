#include "controller/hub/pending.h"

#include "schema/base/compiler.h"

static void add_all_from(struct pending *pending, uint64_t number)
{
    if (!pending->all || number < pending->all_from)
        pending->all_from = number;
    pending->all = true;
    if (number == 0)
        numbers_clear(&pending->changed); /* otherwise some of them may be below `number` */
}

void pending_reset(struct pending *pending)
{
    struct numbers changed = pending->changed, sent = pending->sent;
    numbers_clear(&changed);
    numbers_clear(&sent);
    *pending = (struct pending){.changed = changed, .sent = sent, .all = true, .delivery = pending->delivery};
}

void pending_free(struct pending *pending)
{
    numbers_free(&pending->changed);
    numbers_free(&pending->sent);
}

void pending_add(struct pending *pending, uint64_t number)
{
    if (!numbers_add(&pending->changed, number))
        add_all_from(pending, 0);
}

void pending_add_all(struct pending *pending)
{
    add_all_from(pending, 0);
}

bool pending_is_empty(const struct pending *pending)
{
    return !pending->all && pending->changed.count == 0;
}

void pending_sent_all(struct pending *pending, uint64_t next)
{
    pending->sent_all = true;
    pending->sent_from = pending->all_from;
    pending->all = next != 0;
    pending->all_from = next;
}

void pending_sent_changed(struct pending *pending, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bool added = numbers_add(&pending->sent, pending->changed.items[i]);
        aq_assert(added);
    }
    numbers_drop_first(&pending->changed, count);
}

void pending_seen(struct pending *pending, uint64_t seen)
{
    bool lost = seen != pending->delivery;
    if (lost && pending->sent_all)
        add_all_from(pending, pending->sent_from);
    if (lost && !numbers_join(&pending->changed, &pending->sent))
        add_all_from(pending, 0);
    pending->sent_all = false;
    numbers_clear(&pending->sent);
}
