#include "controller/state/votes.h"

#include "controller/state/indexes.h"
#include "controller/state/remarks.h"
#include "schema/codec/pack.h"
#include "schema/codec/ranges.h"
#include "schema/codec/text.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The field of aq_amounts that was too small; NULL if the answer is not about an amount. */
static const struct aq_field *lacking_field(enum aq_answer answer)
{
    switch (answer) {
    case AQ_ANSWER_CPU:
        return aq_record_field(&aq_amounts_record, "cpu");
    case AQ_ANSWER_RAM:
        return aq_record_field(&aq_amounts_record, "ram");
    case AQ_ANSWER_DISK:
        return aq_record_field(&aq_amounts_record, "disk");
    case AQ_ANSWER_SLOTS:
        return aq_record_field(&aq_amounts_record, "slots");
    default:
        return NULL;
    }
}

static void add_reason(const struct aq_ballot_group *group, struct aq_buffer *out)
{
    const struct aq_field *field = lacking_field((enum aq_answer)group->answer);
    if (field == NULL) {
        aq_buffer_text(out, aq_answer_words.help[group->answer]);
        return;
    }
    aq_buffer_format(out, "not enough %s: ", field->name);
    aq_number_to_text(field, group->have, out);
    aq_buffer_text(out, " free, ");
    aq_number_to_text(field, group->need, out);
    aq_buffer_text(out, " needed");
}

static void show_node(struct state_txn *txn, uint64_t number, char name[80])
{
    if (!state_node_name(txn, number, name, 80))
        snprintf(name, 80, "%" PRIu64, number); /* not in the index: show the number instead */
}

/* ---- ballots ------------------------------------------------------------------------------------------ */

typedef bool ballot_fn(void *context, const struct aq_ballot *ballot);
struct ballots {
    ballot_fn *visit;
    void *context;
};

static bool visit_ballot(void *context, const struct state_key *key, const void *value, size_t length)
{
    struct ballots *ballots = context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_ballot ballot;
    struct aq_error error = {0};
    (void)key;
    if (length == 0)
        return true; /* an event without a ballot */
    return aq_record_unpack(&aq_ballot_record, &ballot, value, length, false, &arena, &error) != 0 ||
           ballots->visit(ballots->context, &ballot);
}

static void each_ballot(struct state_txn *txn, uint64_t application, ballot_fn *visit, void *context)
{
    struct ballots ballots = {visit, context};
    struct state_key prefix = state_key_number(application);
    index_scan(txn, INDEX_HISTORY, &prefix, visit_ballot, &ballots);
}

/* ---- votes -------------------------------------------------------------------------------------------- */

struct voting {
    struct state_txn *txn;
    votes_row_fn *row;
    void *context;
    const struct aq_ballot *ballot;
    const struct aq_ballot_group *group;
    const char *reason;
};

static bool show_vote(void *context, uint64_t number)
{
    struct voting *voting = context;
    char name[80];
    show_node(voting->txn, number, name);
    const struct aq_ballot *ballot = voting->ballot;
    struct aq_vote vote = {
        .application = ballot->application,
        .round = ballot->round,
        .node = name,
        .definition = voting->group->definition,
        .available = voting->group->answer == AQ_ANSWER_FITS,
        .chosen = strcmp(ballot->node, name) == 0 && ballot->definition == voting->group->definition,
        .reason = voting->reason,
        .time = ballot->time,
    };
    return voting->row(voting->context, &vote);
}

static bool show_ballot(void *context, const struct aq_ballot *ballot)
{
    struct voting *voting = context;
    bool more = true;
    voting->ballot = ballot;
    for (uint32_t i = 0; more && i < ballot->groups.count; i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer reason = {0};
        voting->group = AQ_ITEM(ballot->groups, struct aq_ballot_group, i);
        add_reason(voting->group, &reason);
        voting->reason = aq_buffer_string(&reason);
        more = aq_ranges_each(voting->group->nodes, show_vote, voting);
    }
    return more;
}

void votes_scan(struct state_txn *txn, uint64_t application, votes_row_fn *row, void *context)
{
    struct voting voting = {.txn = txn, .row = row, .context = context};
    each_ballot(txn, application, show_ballot, &voting);
}

/* ---- why ---------------------------------------------------------------------------------------------- */

enum { WHY_NAMES_MAX = 8 }; /* nodes named in one line; more are counted */

struct why {
    struct state_txn *txn;
    struct aq_buffer *out;
    const struct aq_label *label; /* NULL: deleted */
    uint64_t count;
    struct aq_buffer names;
};

static bool add_name(void *context, uint64_t number)
{
    struct why *why = context;
    char name[80];
    if (why->count++ < WHY_NAMES_MAX) {
        show_node(why->txn, number, name);
        aq_buffer_format(&why->names, "%s%s", why->names.length ? ", " : "", name);
    }
    return true;
}

static void explain_group(struct why *why, const struct aq_ballot *ballot, const struct aq_ballot_group *group)
{
    why->count = 0;
    aq_buffer_reset(&why->names);
    aq_ranges_each(group->nodes, add_name, why);
    if (why->count > WHY_NAMES_MAX)
        aq_buffer_format(&why->names, " and %" PRIu64 " more", why->count - WHY_NAMES_MAX);
    aq_buffer_format(why->out, "    %s: %s: ", aq_buffer_string(&why->names),
                     group->answer == AQ_ANSWER_FITS ? "yes" : "no");
    add_reason(group, why->out);
    if (group->answer == AQ_ANSWER_FITS && ballot->node[0] != '\0' && ballot->definition == group->definition)
        aq_buffer_format(why->out, "; %s was chosen: the first to answer yes", ballot->node);
    aq_buffer_char(why->out, '\n');
}

static bool explain_ballot(void *context, const struct aq_ballot *ballot)
{
    struct why *why = context;
    char time[AQ_TIME_TEXT_SIZE];
    aq_time_to_text(ballot->time, time);
    aq_buffer_format(why->out, "round %" PRIu64 ", %s: ", ballot->round, time);
    if (ballot->node[0] != '\0')
        aq_buffer_format(why->out, "%s was chosen\n", ballot->node);
    else
        aq_buffer_text(why->out, ballot->groups.count ? "no node could take it\n" : "there were no nodes\n");
    uint64_t definition = UINT64_MAX;
    for (uint32_t i = 0; i < ballot->groups.count; i++) {
        const struct aq_ballot_group *group = AQ_ITEM(ballot->groups, struct aq_ballot_group, i);
        if (group->definition != definition) {
            definition = group->definition;
            aq_buffer_format(why->out, "  definition %" PRIu64, definition);
            if (why->label != NULL && definition < why->label->definitions.count)
                aq_buffer_format(why->out, " (driver %s)",
                                 AQ_ITEM(why->label->definitions, struct aq_definition, definition)->driver);
            aq_buffer_text(why->out, ":\n");
        }
        explain_group(why, ballot, group);
    }
    return true;
}

static void explain_tries(const struct aq_application *application, struct aq_buffer *out)
{
    for (uint32_t i = 0; i < application->tries.count; i++) {
        const struct aq_try *try = AQ_ITEM(application->tries, struct aq_try, i);
        aq_buffer_format(out, "try %u on %s, definition %" PRIu64 ", failed: %s\n", i + 1, try->node, try->definition,
                         try->reason);
    }
}

bool votes_why(struct state_txn *txn, uint64_t id, uint64_t now_ms, struct aq_buffer *out)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_application application;
    struct aq_label label;
    struct why why = {.txn = txn, .out = out};
    if (!state_application(txn, id, &application, &arena))
        return false;
    (void)remark_row(txn, &aq_entity_application, &application, now_ms, &arena);
    aq_buffer_format(out, "application %" PRIu64 " asked for label %s, version %" PRIu64 "; it is %s", id,
                     application.label, application.version, aq_application_status_words.words[application.status]);
    aq_buffer_format(out, "%s%s\n", application.description[0] ? ": " : "", application.description);
    why.label = state_label(txn, application.label_id, &label, &arena) ? &label : NULL;
    each_ballot(txn, id, explain_ballot, &why);
    explain_tries(&application, out);
    aq_buffer_free(&why.names);
    return true;
}
