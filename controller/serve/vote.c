/* The list of votes: newest applications first, and the votes of each by round, definition and node. Votes have no key
 * of their own: "after" and "next" are "<application>.<number of its votes before>". */
#include "controller/serve/answer.h"
#include "controller/serve/filter.h"
#include "controller/serve/steps.h"
#include "controller/state/votes.h"
#include "schema/codec/json.h"
#include "schema/model/application.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <string.h>

enum { APPLICATIONS_MAX = 1000 /* read for one answer */ };

struct votes_walk {
    struct request *request;
    struct state_txn *txn;
    const struct aq_entity *applications;
    struct list_bounds bounds;
    struct filter filter;
    uint64_t application; /* whose votes are being read */
    uint64_t position;    /* the number of its votes so far */
    uint64_t skip;        /* votes of the first application, which an earlier page had */
    uint64_t taken, scanned, visited;
    bool more;
};

static bool take_vote(void *context, const struct aq_vote *vote)
{
    struct votes_walk *walk = context;
    struct aq_buffer *out = &walk->request->out;
    if (walk->taken == walk->bounds.limit || walk->scanned == LIST_SCAN_MAX || filter_is_spent(&walk->filter)) {
        walk->more = true;
        return false;
    }
    walk->position++;
    if (walk->position <= walk->skip)
        return true;
    walk->scanned++;
    if (!filter_matches(&walk->filter, vote))
        return true;
    if (walk->taken++ > 0)
        aq_buffer_char(out, ',');
    aq_record_to_json(&aq_vote_record, vote, out);
    return true;
}

static bool take_application(void *context, const struct state_key *key, const void *row)
{
    struct votes_walk *walk = context;
    const struct aq_application *application = row;
    (void)key;
    if (!request_may_see(walk->request, walk->applications, row))
        return true;
    if (application->id != walk->application)
        walk->skip = 0;
    walk->application = application->id;
    walk->position = 0;
    if (walk->visited++ == APPLICATIONS_MAX)
        walk->more = true;
    else
        votes_scan(walk->txn, application->id, take_vote, walk);
    return !walk->more;
}

static bool take_visible(void *context, const struct state_key *key, unsigned sources)
{
    struct votes_walk *walk = context;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_application application;
    (void)sources;
    return !state_application(walk->txn, state_key_number_at(key, 0), &application, &arena) ||
           take_application(walk, NULL, &application);
}

/* Reads "12.100" or "12". */
static int parse_after(struct votes_walk *walk, struct aq_error *error)
{
    char text[64];
    snprintf(text, sizeof text, "%s", walk->bounds.after);
    char *dot = strchr(text, '.');
    if (dot != NULL)
        *dot++ = '\0';
    if (query_number("after", text, 1, UINT64_MAX, &walk->application, error) != 0)
        return -1;
    return dot != NULL ? query_number("after", dot, 0, UINT64_MAX, &walk->skip, error) : 0;
}

static int scan_application(struct votes_walk *walk, uint64_t id, struct aq_error *error)
{
    struct aq_application application;
    struct state_key key = state_key_number(id);
    if (!state_application(walk->txn, id, &application, &walk->request->arena) ||
        !request_may_see(walk->request, walk->applications, &application))
        return state_fail_absent(walk->txn, &aq_entity_application, &key, error);
    take_application(walk, &key, &application);
    return 0;
}

static int scan_votes(struct votes_walk *walk, const char *only, struct aq_error *error)
{
    if (walk->bounds.after != NULL && parse_after(walk, error) != 0)
        return -1;
    if (only != NULL) {
        uint64_t id;
        if (query_number("application", only, 1, UINT64_MAX, &id, error) != 0)
            return -1;
        return scan_application(walk, id, error);
    }
    bool begun = walk->application != 0 && walk->application != UINT64_MAX;
    const struct state_key before = state_key_number(begun ? walk->application + 1 : 0);
    const struct visible visible = request_visible(walk->request, walk->txn, walk->applications);
    if (request_sees_all(walk->request, walk->applications))
        state_scan_back(walk->txn, walk->applications, begun ? &before : NULL, take_application, walk);
    else
        visible_scan(&visible, begun ? &before : NULL, true, take_visible, walk);
    return 0;
}

static int fill_page(struct votes_walk *walk, struct aq_error *error)
{
    struct request *request = walk->request;
    if (list_bounds_take(&walk->bounds, &request->query, error) != 0)
        return -1;
    char name[QUERY_NAME_SIZE];
    const char *only =
        query_take_filter(&request->query, aq_record_field(&aq_vote_record, "application"), QUERY_EQUAL, name);
    if (filter_take(&walk->filter, &aq_vote_record, &request->query, request_time_ms(request), error) != 0 ||
        query_end(&request->query, error) != 0)
        return -1;
    answer_open(request, "Cluster votes list");
    aq_buffer_char(&request->out, '[');
    if (scan_votes(walk, only, error) != 0 || state_failed(walk->txn, error))
        return -1;
    aq_buffer_char(&request->out, ']');
    answer_member(request, "next");
    if (walk->more)
        aq_buffer_format(&request->out, "\"%" PRIu64 ".%" PRIu64 "\"", walk->application, walk->position);
    else
        aq_buffer_text(&request->out, "null");
    return 0;
}

enum outcome vote_list(struct request *request)
{
    struct votes_walk walk = {.request = request, .applications = &aq_entity_application};
    if (request_read(request, &walk.txn) != 0)
        return answer_error(request);
    int status = fill_page(&walk, &request->error);
    state_end(walk.txn);
    filter_free(&walk.filter);
    return status == 0 ? answer_close(request) : answer_error(request);
}
