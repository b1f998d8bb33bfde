#include "controller/place/opinion.h"

#include "controller/place/demand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct column {
    uint64_t label, number;        /* of the definition; label 0: unused */
    char project[AQ_NAME_MAX + 1]; /* place_index_project() of it */
    uint64_t used;                 /* last, counted in questions */
    uint64_t shape, seen;          /* counts of the index at the last update */
    uint64_t described;            /* count of the index when `possible` was found */
    bool possible, judged;         /* is it possible; is that known */
    size_t capacity;
    uint8_t *answers;
    struct place_demand demand;
};

struct opinions {
    uint64_t questions;
    struct column columns[OPINIONS_MAX];
    struct column scratch; /* for answers that are not remembered */
};

struct opinions *opinions_new(void)
{
    return aq_calloc(1, sizeof(struct opinions));
}

void opinions_drop(struct opinions *opinions)
{
    for (size_t i = 0; i < OPINIONS_MAX; i++)
        opinions->columns[i].label = 0;
}

void opinions_free(struct opinions *opinions)
{
    for (size_t i = 0; i < OPINIONS_MAX; i++) {
        free(opinions->columns[i].answers);
        place_demand_free(&opinions->columns[i].demand);
    }
    free(opinions->scratch.answers);
    place_demand_free(&opinions->scratch.demand);
    free(opinions);
}

/* ---- one node ----------------------------------------------------------------------------------------- */

struct question {
    const struct place_index *index;
    struct place_columns columns;
    uint64_t label, number;
    const struct aq_definition *definition;
    const struct aq_list *tries;
    const char *project;
    struct aq_amounts need;
    struct column *column;
};

static bool was_tried(const struct question *question, size_t row)
{
    for (uint32_t i = 0; i < question->tries->count; i++) {
        const struct aq_try *try = AQ_ITEM(*question->tries, struct aq_try, i);
        if (try->definition == question->number && strcmp(try->node, place_index_name(question->index, row)) == 0)
            return true;
    }
    return false;
}

static bool filter_matches(const struct question *question, size_t row)
{
    const struct aq_list *filter = &question->definition->resources.node_filter;
    for (uint32_t i = 0; i < filter->count; i++)
        if (!place_index_matches(question->index, row, AQ_TEXT_ITEM(*filter, i)))
            return false;
    return true;
}

/* Lasting reasons come before temporary ones, so that users see what would have to change. */
static enum aq_answer answer_of(const struct question *question, size_t row)
{
    const struct place_columns *columns = &question->columns;
    if (!place_index_has_driver(question->index, row, question->definition->driver))
        return AQ_ANSWER_DRIVER;
    if (!filter_matches(question, row))
        return AQ_ANSWER_FILTER;
    if (place_demand_is_refused(&question->column->demand, place_index_identifiers(question->index, row), NULL))
        return AQ_ANSWER_ALLOW;
    if (!place_serves(columns->serves[row], question->project))
        return AQ_ANSWER_PROJECT;
    if (was_tried(question, row))
        return AQ_ANSWER_TRIED;
    if (!columns->active[row])
        return AQ_ANSWER_LOST;
    if (columns->maintenance[row])
        return AQ_ANSWER_MAINTENANCE;
    const struct aq_list *quarantines = place_index_quarantines(question->index, row);
    if (quarantines->count > 0 && aq_quarantine_is_active(quarantines, 0))
        return AQ_ANSWER_QUARANTINE;
    if (quarantines->count > 0 && aq_quarantine_is_active(quarantines, question->label))
        return AQ_ANSWER_LABEL_QUARANTINE;
    if (columns->slots[row] < question->need.slots)
        return AQ_ANSWER_SLOTS;
    if (columns->cpu[row] < question->need.cpu)
        return AQ_ANSWER_CPU;
    if (columns->ram[row] < question->need.ram)
        return AQ_ANSWER_RAM;
    return columns->disk[row] < question->need.disk ? AQ_ANSWER_DISK : AQ_ANSWER_FITS;
}

const uint64_t *opinion_column(const struct place_columns *columns, enum aq_answer answer)
{
    switch (answer) {
    case AQ_ANSWER_SLOTS:
        return columns->slots;
    case AQ_ANSWER_CPU:
        return columns->cpu;
    case AQ_ANSWER_RAM:
        return columns->ram;
    case AQ_ANSWER_DISK:
        return columns->disk;
    default:
        return NULL;
    }
}

uint64_t opinion_need(const struct aq_amounts *need, enum aq_answer answer)
{
    switch (answer) {
    case AQ_ANSWER_SLOTS:
        return need->slots;
    case AQ_ANSWER_CPU:
        return need->cpu;
    case AQ_ANSWER_RAM:
        return need->ram;
    case AQ_ANSWER_DISK:
        return need->disk;
    default:
        return 0;
    }
}

/* ---- columns ------------------------------------------------------------------------------------------ */

static void update_row(void *context, size_t row)
{
    struct question *question = context;
    question->column->answers[row] = (uint8_t)answer_of(question, row);
}

static void update_all(struct question *question)
{
    struct column *column = question->column;
    if (column->capacity < question->columns.count) {
        column->capacity = question->columns.count + 64;
        column->answers = aq_realloc(column->answers, column->capacity);
    }
    for (size_t row = 0; row < question->columns.count; row++)
        update_row(question, row);
}

/* The column of the definition, or the least recently used one, emptied. */
static struct column *find_column(struct opinions *opinions, uint64_t label, uint64_t number, const char *project)
{
    struct column *oldest = &opinions->columns[0];
    for (size_t i = 0; i < OPINIONS_MAX; i++) {
        struct column *column = &opinions->columns[i];
        if (column->label == label && column->number == number && strcmp(column->project, project) == 0)
            return column;
        if (column->used < oldest->used)
            oldest = column;
    }
    oldest->label = 0;
    oldest->judged = false;
    return oldest;
}

static struct question question_of(const struct place_index *index, const struct place_request *request,
                                   uint64_t number)
{
    const struct aq_definition *definition = place_definition(request, number);
    return (struct question){
        .index = index,
        .columns = place_index_columns(index),
        .label = request->label,
        .number = number,
        .definition = definition,
        .tries = request->tries,
        .project = place_index_project(index, request->project != NULL ? request->project : ""),
        .need = aq_needs_amounts(&definition->resources),
    };
}

static bool is_remembered(const struct place_request *request)
{
    return request->label != 0 && request->tries->count == 0;
}

const uint8_t *opinion_ask(const struct place_index *index, const struct place_request *request, uint64_t number)
{
    struct opinions *opinions = place_index_opinions(index);
    const uint64_t label = request->label;
    struct question question = question_of(index, request, number);
    bool keep = is_remembered(request);
    struct column *column = keep ? find_column(opinions, label, number, question.project) : &opinions->scratch;
    question.column = column;
    if (!keep || column->label != label)
        place_demand_read(&column->demand, question.definition, request->arguments);
    bool known = keep && column->label == label && column->shape == place_index_shape(index);
    if (!known || !place_index_changes(index, column->seen, update_row, &question))
        update_all(&question);
    column->label = keep ? label : 0;
    column->number = number;
    snprintf(column->project, sizeof column->project, "%s", question.project);
    column->used = ++opinions->questions;
    column->shape = place_index_shape(index);
    column->seen = place_index_changed(index);
    return column->answers;
}

/* ---- what could ever be ------------------------------------------------------------------------------- */

static bool could_take(const struct question *question, size_t row)
{
    const struct aq_amounts *capacity = place_index_capacity(question->index, row), *need = &question->need;
    return capacity->slots >= need->slots && capacity->cpu >= need->cpu && capacity->ram >= need->ram &&
           capacity->disk >= need->disk && place_index_has_driver(question->index, row, question->definition->driver) &&
           filter_matches(question, row) && place_serves(question->columns.serves[row], question->project) &&
           !place_demand_is_refused(&question->column->demand, place_index_identifiers(question->index, row), NULL) &&
           !was_tried(question, row);
}

bool opinion_is_possible(const struct place_index *index, const struct place_request *request, uint64_t number)
{
    struct opinions *opinions = place_index_opinions(index);
    struct question question = question_of(index, request, number);
    struct column *column =
        is_remembered(request) ? find_column(opinions, request->label, number, question.project) : NULL;
    bool kept = column != NULL && column->label == request->label, possible = false;
    if (kept && column->judged && column->described == place_index_described(index))
        return column->possible;
    question.column = kept ? column : &opinions->scratch;
    if (!kept)
        place_demand_read(&opinions->scratch.demand, question.definition, request->arguments);
    for (size_t row = 0; row < question.columns.count && !possible; row++)
        possible = could_take(&question, row);
    if (kept) {
        column->possible = possible;
        column->judged = true;
        column->described = place_index_described(index);
    }
    return possible;
}
