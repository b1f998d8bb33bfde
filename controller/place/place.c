#include "controller/place/place.h"

#include <inttypes.h>
#include <string.h>

enum { GROUPS_PER_DEFINITION_MAX = 64 }; /* further nodes join the group of the same answer, whatever they have */

/* A ballot group that grows; nodes come in order of their numbers. */
struct group {
    struct aq_ballot_group row;
    struct aq_buffer nodes;
    uint64_t first, last; /* the run that is still open; 0: none */
};

struct asking {
    const struct place_index *index;
    const struct place_request *request;
    struct place_columns columns;
    uint64_t definition;
    const struct aq_definition *what;
    struct aq_amounts need;
    struct group groups[GROUPS_PER_DEFINITION_MAX + aq_answer_count];
    size_t n_groups;
};

static bool was_tried(const struct asking *asking, size_t row)
{
    const struct aq_list *tries = asking->request->tries;
    for (uint32_t i = 0; i < tries->count; i++) {
        const struct aq_try *try = AQ_ITEM(*tries, struct aq_try, i);
        if (try->definition == asking->definition && strcmp(try->node, place_index_name(asking->index, row)) == 0)
            return true;
    }
    return false;
}

static bool filter_matches(const struct asking *asking, size_t row)
{
    const struct aq_list *filter = &asking->what->resources.node_filter;
    for (uint32_t i = 0; i < filter->count; i++)
        if (!place_index_matches(asking->index, row, AQ_TEXT_ITEM(*filter, i)))
            return false;
    return true;
}

static enum aq_answer short_of(uint64_t free, uint64_t wanted, enum aq_answer answer, uint64_t *have, uint64_t *need)
{
    if (free >= wanted)
        return AQ_ANSWER_FITS;
    *have = free;
    *need = wanted;
    return answer;
}

/* Lasting reasons come before passing ones, so that a reader sees what would have to change. */
static enum aq_answer ask(const struct asking *asking, size_t row, uint64_t *have, uint64_t *need)
{
    const struct place_columns *columns = &asking->columns;
    enum aq_answer answer;
    *have = *need = 0;
    if (!place_index_has_driver(asking->index, row, asking->what->driver))
        return AQ_ANSWER_DRIVER;
    if (!filter_matches(asking, row))
        return AQ_ANSWER_FILTER;
    if (was_tried(asking, row))
        return AQ_ANSWER_TRIED;
    if (!columns->active[row])
        return AQ_ANSWER_LOST;
    if (columns->maintenance[row])
        return AQ_ANSWER_MAINTENANCE;
    if ((answer = short_of(columns->slots[row], asking->need.slots, AQ_ANSWER_SLOTS, have, need)) != AQ_ANSWER_FITS ||
        (answer = short_of(columns->cpu[row], asking->need.cpu, AQ_ANSWER_CPU, have, need)) != AQ_ANSWER_FITS ||
        (answer = short_of(columns->ram[row], asking->need.ram, AQ_ANSWER_RAM, have, need)) != AQ_ANSWER_FITS)
        return answer;
    return short_of(columns->disk[row], asking->need.disk, AQ_ANSWER_DISK, have, need);
}

static struct group *group_for(struct asking *asking, enum aq_answer answer, uint64_t have, uint64_t need)
{
    bool full = asking->n_groups >= GROUPS_PER_DEFINITION_MAX;
    for (size_t i = 0; i < asking->n_groups; i++) {
        struct group *group = &asking->groups[i];
        if (group->row.answer == answer && (group->row.have == have || full)) {
            if (have > group->row.have)
                group->row.have = have; /* "at most": only when groups had to be merged */
            return group;
        }
    }
    aq_assert(asking->n_groups < AQ_LENGTH(asking->groups));
    struct group *group = &asking->groups[asking->n_groups++];
    *group = (struct group){.row = {.definition = asking->definition, .answer = answer, .have = have, .need = need}};
    return group;
}

static void close_run(struct group *group)
{
    if (group->first == 0)
        return;
    aq_buffer_format(&group->nodes, "%s%" PRIu64, group->nodes.length ? "," : "", group->first);
    if (group->last > group->first)
        aq_buffer_format(&group->nodes, "-%" PRIu64, group->last);
}

static void add_node(struct group *group, uint64_t number)
{
    if (group->first != 0 && number == group->last + 1) {
        group->last = number;
        return;
    }
    close_run(group);
    group->first = group->last = number;
}

/* Asks every node about one definition. Returns the row of the first that fits, or -1. */
static long ask_all(struct asking *asking, bool *maybe_later)
{
    long chosen = -1;
    for (size_t row = 0; row < asking->columns.count; row++) {
        uint64_t have, need;
        enum aq_answer answer = ask(asking, row, &have, &need);
        add_node(group_for(asking, answer, have, need), asking->columns.number[row]);
        if (answer == AQ_ANSWER_FITS && chosen < 0)
            chosen = (long)row;
        if (answer != AQ_ANSWER_DRIVER && answer != AQ_ANSWER_FILTER && answer != AQ_ANSWER_TRIED)
            *maybe_later = true;
    }
    return chosen;
}

static void keep_groups(struct asking *asking, struct aq_list *out, struct aq_arena *arena)
{
    struct aq_ballot_group *rows = aq_arena_alloc(arena, (out->count + asking->n_groups) * sizeof *rows);
    if (out->count > 0)
        memcpy(rows, out->items, out->count * sizeof *rows);
    for (size_t i = 0; i < asking->n_groups; i++) {
        struct group *group = &asking->groups[i];
        close_run(group);
        group->row.nodes = aq_arena_text(arena, group->nodes.data, group->nodes.length);
        aq_buffer_free(&group->nodes);
        rows[out->count++] = group->row;
    }
    out->items = rows;
}

static const char *explain(const struct place_index *index, const struct place_answer *answer, struct aq_arena *arena)
{
    if (place_index_columns(index).count == 0)
        return "no node has joined yet";
    struct aq_buffer words = {0};
    for (uint32_t i = 0; i < answer->groups.count; i++) {
        const struct aq_ballot_group *group = AQ_ITEM(answer->groups, struct aq_ballot_group, i);
        const char *why = aq_answer_words.help[group->answer];
        if (strstr(aq_buffer_string(&words), why) == NULL)
            aq_buffer_format(&words, "%s%s", words.length ? "; " : "no node can take it: ", why);
    }
    const char *text = aq_arena_text(arena, words.data, words.length);
    aq_buffer_free(&words);
    return text;
}

void place(const struct place_index *index, const struct place_request *request, struct place_answer *answer,
           struct aq_arena *arena)
{
    struct asking asking = {.index = index, .request = request, .columns = place_index_columns(index)};
    bool maybe_later = false;
    *answer = (struct place_answer){.node = ""};
    for (uint32_t d = 0; d < request->definitions->count && !answer->placed; d++) {
        asking.definition = d;
        asking.what = AQ_ITEM(*request->definitions, struct aq_definition, d);
        asking.need = aq_needs_amounts(&asking.what->resources);
        asking.n_groups = 0;
        long row = ask_all(&asking, &maybe_later);
        keep_groups(&asking, &answer->groups, arena);
        if (row >= 0) {
            answer->placed = true;
            answer->node = place_index_name(index, (size_t)row);
            answer->definition = d;
        }
    }
    if (answer->placed)
        return;
    answer->exhausted = request->tries->count > 0 && !maybe_later;
    answer->reason = explain(index, answer, arena);
}
