#include "controller/place/impossible.h"

#include "controller/place/demand.h"
#include "controller/place/opinion.h"
#include "schema/codec/number.h"

#include <inttypes.h>
#include <string.h>

enum { FILTER_BYTES_MAX = 200, REASON_BYTES_MAX = 3000 /* of 4,096 in the event */ };

/* What the nodes have that could run a definition if they were large enough. */
struct candidates {
    const struct place_index *index;
    const struct aq_definition *definition;
    struct aq_amounts need;
    struct place_demand demand;
    const char *project;
    uint64_t with_driver, matching, allowing, serving; /* counts */
    size_t refusing;                                   /* row of the first that matches and does not allow it */
    size_t elsewhere;                                  /* row of the first that allows it and serves other projects */
    size_t largest[4];                                 /* row with the most of each field of aq_amounts, */
    uint64_t most[4];                                  /* and how much that is */
};

static bool matches_filter(const struct candidates *candidates, size_t row)
{
    const struct aq_list *filter = &candidates->definition->resources.node_filter;
    for (uint32_t i = 0; i < filter->count; i++)
        if (!place_index_matches(candidates->index, row, AQ_TEXT_ITEM(*filter, i)))
            return false;
    return true;
}

static void note_capacity(struct candidates *candidates, size_t row)
{
    const struct aq_amounts *capacity = place_index_capacity(candidates->index, row);
    for (size_t i = 0; i < aq_amounts_record.count; i++) {
        uint64_t amount = aq_field_number(&aq_amounts_record.fields[i], capacity);
        if (candidates->serving == 0 || amount > candidates->most[i]) {
            candidates->most[i] = amount;
            candidates->largest[i] = row;
        }
    }
}

/* The row allows it; what counts then is whether it serves the project. */
static void note_allowing(struct candidates *candidates, size_t row)
{
    if (candidates->allowing++ == candidates->serving)
        candidates->elsewhere = row; /* unless it does serve it */
    if (!place_serves(place_index_columns(candidates->index).serves[row], candidates->project))
        return;
    note_capacity(candidates, row);
    candidates->serving++;
}

static void find_candidates(struct candidates *candidates)
{
    size_t count = place_index_columns(candidates->index).count;
    aq_assert(aq_amounts_record.count == AQ_LENGTH(candidates->most));
    for (size_t row = 0; row < count; row++) {
        if (!place_index_has_driver(candidates->index, row, candidates->definition->driver))
            continue;
        candidates->with_driver++;
        if (!matches_filter(candidates, row))
            continue;
        if (candidates->matching++ == candidates->allowing)
            candidates->refusing = row; /* unless it does allow it */
        if (!place_demand_is_refused(&candidates->demand, place_index_identifiers(candidates->index, row), NULL))
            note_allowing(candidates, row);
    }
}

static void add_filter(const struct candidates *candidates, struct aq_buffer *out)
{
    const struct aq_list *filter = &candidates->definition->resources.node_filter;
    size_t begun = out->length;
    for (uint32_t i = 0; i < filter->count; i++) {
        if (out->length - begun > FILTER_BYTES_MAX) {
            aq_buffer_text(out, ", ...");
            return;
        }
        aq_buffer_format(out, "%s%s", i > 0 ? ", " : "", AQ_TEXT_ITEM(*filter, i));
    }
}

/* "64 cpu", "1 slot" */
static void add_amount(const struct aq_field *field, uint64_t amount, struct aq_buffer *out)
{
    size_t length = strlen(field->name);
    bool one = field->type == AQ_TYPE_U64 && amount == 1 && field->name[length - 1] == 's';
    aq_number_to_text(field, amount, out);
    aq_buffer_format(out, " %.*s", (int)(one ? length - 1 : length), field->name);
}

/* What not even the largest node has enough of. False: there is nothing of that kind. */
static bool add_short(const struct candidates *candidates, struct aq_buffer *out)
{
    bool any = false;
    const char *which = candidates->definition->resources.node_filter.count > 0 ? "that node_filter matches," : "";
    for (size_t i = 0; i < aq_amounts_record.count; i++) {
        const struct aq_field *field = &aq_amounts_record.fields[i];
        uint64_t need = aq_field_number(field, &candidates->need);
        if (need <= candidates->most[i])
            continue;
        aq_buffer_text(out, any ? "; it needs " : "it needs ");
        add_amount(field, need, out);
        aq_buffer_format(out, "; the largest node%s%s %s, has ", *which ? " " : ",", which,
                         place_index_name(candidates->index, candidates->largest[i]));
        aq_number_to_text(field, candidates->most[i], out);
        any = true;
    }
    return any;
}

/* The reason of the first node; others may have further ones. */
static void add_refusal(const struct candidates *candidates, struct aq_buffer *out)
{
    uint64_t others = candidates->matching - 1;
    aq_buffer_format(out, "%s: ", place_index_name(candidates->index, candidates->refusing));
    place_demand_is_refused(&candidates->demand, place_index_identifiers(candidates->index, candidates->refusing), out);
    if (others > 0)
        aq_buffer_format(out, "; %" PRIu64 " %s not allow it, either", others,
                         others == 1 ? "other does" : "others do");
}

static void add_elsewhere(const struct candidates *candidates, struct aq_buffer *out)
{
    uint64_t others = candidates->allowing - 1;
    aq_buffer_format(out, "%s: %s", place_index_name(candidates->index, candidates->elsewhere),
                     aq_answer_words.help[AQ_ANSWER_PROJECT]);
    if (others > 0)
        aq_buffer_format(out, "; %" PRIu64 " %s not serve project %s, either", others,
                         others == 1 ? "other does" : "others do", candidates->project);
}

/* Some node has enough of each, but none of all. */
static void add_together(const struct candidates *candidates, struct aq_buffer *out)
{
    const char *between = "it needs ";
    for (size_t i = 0; i < aq_amounts_record.count; i++) {
        const struct aq_field *field = &aq_amounts_record.fields[i];
        uint64_t need = aq_field_number(field, &candidates->need);
        if (need == 0)
            continue;
        aq_buffer_text(out, between);
        add_amount(field, need, out);
        between = ", ";
    }
    aq_buffer_text(out, "; no single node has all of that");
}

static void explain_definition(struct candidates *candidates, struct aq_buffer *out)
{
    find_candidates(candidates);
    if (candidates->with_driver == 0) {
        aq_buffer_format(out, "no node has the driver %s", candidates->definition->driver);
    } else if (candidates->matching == 0) {
        aq_buffer_format(out, "no node with the driver %s matches the node_filter ", candidates->definition->driver);
        add_filter(candidates, out);
    } else if (candidates->allowing == 0) {
        add_refusal(candidates, out);
    } else if (candidates->serving == 0) {
        add_elsewhere(candidates, out);
    } else if (!add_short(candidates, out)) {
        add_together(candidates, out);
    }
}

void place_explain_impossible(const struct place_index *index, const struct place_request *request,
                              struct aq_buffer *out)
{
    const uint32_t count = request->definitions->count;
    aq_buffer_text(out, "no node that has joined could ever take it: ");
    for (uint32_t i = 0; i < count; i++) {
        const struct aq_definition *definition = place_definition(request, i);
        struct candidates candidates = {.index = index,
                                        .definition = definition,
                                        .need = aq_needs_amounts(&definition->resources),
                                        .project = request->project != NULL ? request->project : ""};
        if (out->length > REASON_BYTES_MAX) {
            aq_buffer_text(out, "; ...");
            return;
        }
        place_demand_read(&candidates.demand, definition, request->arguments);
        if (count > 1)
            aq_buffer_format(out, "%sdefinition %u: ", i > 0 ? "; " : "", i);
        explain_definition(&candidates, out);
        place_demand_free(&candidates.demand);
    }
}
