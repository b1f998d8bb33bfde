#include "controller/place/place.h"

#include "controller/place/impossible.h"
#include "controller/place/opinion.h"
#include "schema/codec/ranges.h"

#include <string.h>

/* Beyond this, nodes join the group with the same answer whatever amount they have free. */
enum { GROUPS_PER_DEFINITION_MAX = 64 };

/* A group of a ballot while nodes are added to it, in the order of their numbers. */
struct group {
    struct aq_ballot_group row;
    struct aq_ranges nodes;
};

struct counting {
    struct place_columns columns;
    const uint8_t *answers;
    uint64_t definition;
    struct aq_amounts need;
    struct group groups[GROUPS_PER_DEFINITION_MAX + aq_answer_count];
    size_t n_groups;
};

static struct group *group_for(struct counting *counting, enum aq_answer answer, uint64_t have, uint64_t need)
{
    bool full = counting->n_groups >= GROUPS_PER_DEFINITION_MAX;
    for (size_t i = 0; i < counting->n_groups; i++) {
        struct group *group = &counting->groups[i];
        if (group->row.answer == answer && (group->row.have == have || full)) {
            if (have > group->row.have)
                group->row.have = have; /* "at most", in a merged group */
            return group;
        }
    }
    aq_assert(counting->n_groups < AQ_LENGTH(counting->groups));
    struct group *group = &counting->groups[counting->n_groups++];
    *group = (struct group){
        .row = {.definition = counting->definition, .answer = answer, .have = have, .need = need, .serves = ""}};
    return group;
}

/* The end of the run of equal answers that begins at `row`. Compares many at a time: most answers are equal. */
static size_t run_end(const struct counting *counting, size_t row)
{
    const uint8_t *answers = counting->answers;
    const uint64_t eight = 0x0101010101010101 * (uint64_t)answers[row];
    size_t end = row + 1;
    for (uint64_t words[4]; end + sizeof words <= counting->columns.count; end += sizeof words) {
        memcpy(words, answers + end, sizeof words);
        if (((words[0] ^ eight) | (words[1] ^ eight) | (words[2] ^ eight) | (words[3] ^ eight)) != 0)
            break;
    }
    while (end < counting->columns.count && answers[end] == answers[row])
        end++;
    return end;
}

/* The same rows again, where they differ in how much they have. */
static void count_amounts(struct counting *counting, size_t row, size_t end, const uint64_t *free)
{
    enum aq_answer answer = (enum aq_answer)counting->answers[row];
    const uint64_t *number = counting->columns.number, need = opinion_need(&counting->need, answer);
    for (size_t first = row; first < end; first = row) {
        uint64_t have = free ? free[first] : 0;
        for (row = first + 1; row < end && number[row] == number[row - 1] + 1 && (free == NULL || free[row] == have);)
            row++;
        aq_ranges_add(&group_for(counting, answer, have, need)->nodes, number[first], number[row - 1]);
    }
}

/* Puts the rows from `row` to `end`, which gave the same answer, into their groups. */
static void count_run(struct counting *counting, size_t row, size_t end)
{
    enum aq_answer answer = (enum aq_answer)counting->answers[row];
    const uint64_t *number = counting->columns.number, *free = opinion_column(&counting->columns, answer);
    if (free == NULL && number[end - 1] - number[row] == end - 1 - row)
        aq_ranges_add(&group_for(counting, answer, 0, 0)->nodes, number[row], number[end - 1]);
    else
        count_amounts(counting, row, end, free);
}

/* Counts the answers for one definition. */
static void count_all(struct counting *counting)
{
    for (size_t row = 0, end; row < counting->columns.count; row = end) {
        end = run_end(counting, row);
        count_run(counting, row, end);
    }
}

static void keep_groups(struct counting *counting, struct aq_list *out, struct aq_arena *arena)
{
    struct aq_ballot_group *rows = aq_arena_alloc(arena, (out->count + counting->n_groups) * sizeof *rows);
    if (out->count > 0)
        memcpy(rows, out->items, out->count * sizeof *rows);
    for (size_t i = 0; i < counting->n_groups; i++) {
        struct group *group = &counting->groups[i];
        group->row.nodes = aq_ranges_text(&group->nodes, arena);
        rows[out->count++] = group->row;
    }
    out->items = rows;
}

/* Could any node ever take it, with any of the definitions? */
static bool is_possible(const struct place_index *index, const struct place_request *request)
{
    for (uint32_t d = 0; d < request->definitions->count; d++)
        if (opinion_is_possible(index, request, d))
            return true;
    return false;
}

static void explain_full(const struct place_answer *answer, struct aq_buffer *words)
{
    bool said[aq_answer_count] = {false};
    for (uint32_t i = 0; i < answer->groups.count; i++) {
        const struct aq_ballot_group *group = AQ_ITEM(answer->groups, struct aq_ballot_group, i);
        if (said[group->answer])
            continue;
        said[group->answer] = true;
        aq_buffer_text(words, words->length ? "; " : "no node can take it: ");
        aq_buffer_text(words, aq_answer_words.help[group->answer]);
    }
}

static void explain(const struct place_index *index, const struct place_request *request, struct place_answer *answer,
                    struct aq_arena *arena)
{
    AQ_CLEANUP_BUFFER struct aq_buffer words = {0};
    if (place_index_columns(index).count == 0) {
        answer->reason = "no node has joined yet";
        return;
    }
    bool possible = is_possible(index, request), tried = request->tries->count > 0;
    answer->exhausted = tried && !possible;
    answer->impossible = !tried && !possible;
    if (answer->impossible)
        place_explain_impossible(index, request, &words);
    else
        explain_full(answer, &words);
    answer->reason = aq_arena_text(arena, words.data, words.length);
}

void place(const struct place_index *index, const struct place_request *request, struct place_answer *answer,
           struct aq_arena *arena)
{
    struct counting counting; /* not cleared: it has room for many groups, and mostly two are used */
    counting.columns = place_index_columns(index);
    *answer = (struct place_answer){.node = ""};
    for (uint32_t d = 0; d < request->definitions->count && !answer->placed && counting.columns.count > 0; d++) {
        if (request->skip >> d & 1)
            continue;
        counting.answers = opinion_ask(index, request, d);
        counting.definition = d;
        counting.need = aq_needs_amounts(&place_definition(request, d)->resources);
        counting.n_groups = 0;
        count_all(&counting);
        keep_groups(&counting, &answer->groups, arena);
        const uint8_t *first = memchr(counting.answers, AQ_ANSWER_FITS, counting.columns.count);
        if (first != NULL) {
            answer->placed = true;
            answer->node = place_index_name(index, (size_t)(first - counting.answers));
            answer->definition = d;
        }
    }
    if (!answer->placed)
        explain(index, request, answer, arena);
}
