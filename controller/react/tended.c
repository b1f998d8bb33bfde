#include "controller/react/tended.h"

#include "controller/state/indexes.h"
#include "schema/model/node.h"

enum { LOOK_EVERY_MS = 1000 }; /* a look costs the writer a decision, which mostly changes nothing */

struct look {
    struct tended *tended;
    bool any, whole;
    struct aq_arena arena;
};

static bool tend_node(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct look *look = context;
    look->any = true;
    const struct aq_node_tend tend = {.name = aq_arena_text(&look->arena, value, length)};
    look->whole = react_commands_send_copy(look->tended->commands, &aq_command_node_tend, &tend);
    if (look->whole)
        look->tended->last = *key;
    return look->whole;
}

void tended_look(struct tended *tended, struct state_txn *txn, uint64_t steady_ms)
{
    const struct state_key all = {0};
    const bool begins = tended->last.length == 0;
    struct look look = {.tended = tended, .any = !begins, .whole = true};
    if (steady_ms < tended->next_ms)
        return;
    index_scan_after(txn, INDEX_TENDED, &all, begins ? NULL : &tended->last, tend_node, &look);
    aq_arena_free(&look.arena);
    if (look.whole) {
        tended->last.length = 0;
        tended->next_ms = look.any ? steady_ms + LOOK_EVERY_MS : 0;
    }
}
