#include "controller/serve/route.h"

#include "controller/serve/authority.h"
#include "controller/serve/parameters.h"
#include "controller/serve/steps.h"
#include "schema/codec/metadata.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"
#include "schema/model/vote.h"

#include <string.h>

static const char JSON_TYPE[] = "application/json";

static const struct route fixed[] = {
    {"livez", "livez", ACCESS_OPEN, metrics_alive, "text/plain", "the process answers"},
    {"readyz", "readyz", ACCESS_OPEN, metrics_ready, "text/plain",
     "200 when there is a leader, the start is complete and the tables are intact"},
    {"metrics", "metrics", ACCESS_LOOPBACK, metrics_answer, "text/plain", "metrics in the text format of Prometheus",
     .permission = "cluster.metrics"},
    {"meta/v1/data", "metadata", ACCESS_OPEN, metadata_answer, JSON_TYPE,
     "metadata of the calling resource, identified by its address", .parameters = &aq_metadata_query_record},
    {"meta/v1/data/...", "metadata_at", ACCESS_OPEN, metadata_answer, JSON_TYPE,
     "one value of the metadata of the calling resource", .parameters = &aq_metadata_query_record},
    {"api/v1/openapi.json", "openapi", ACCESS_OPEN, openapi_answer, JSON_TYPE, "this document"},
    {"api/v1/me", "me", ACCESS_USER, read_me, JSON_TYPE, "the calling user", .row = &aq_user_record},
    {"api/v1/me/can", "me_can", ACCESS_USER, read_my_rights, JSON_TYPE, "what the calling user may do",
     .parameters = &parameters_rights_record},
    {"api/v1/authority", "authority", ACCESS_USER, authority_answer, JSON_TYPE,
     "the authority that vouches for this server over TLS", .row = &serve_authority_record},
    {"api/v1/vote", "vote_list", ACCESS_USER, vote_list, JSON_TYPE, "why nodes were or were not chosen",
     .row = &aq_vote_record, .list = true, .permission = "application.votes"},
    {"api/v1/votes", "votes_list", ACCESS_USER, vote_list, JSON_TYPE, "the same as /api/v1/vote",
     .row = &aq_vote_record, .list = true, .permission = "application.votes"},
    {"api/v1/events", "events", ACCESS_USER, stream_open, "text/event-stream",
     "events of the entities whose events the caller may see, as they are committed, as server-sent events",
     .parameters = &parameters_stream_record},
    {"api/v1/log/verify", "log_verify", ACCESS_USER, verify_begin, JSON_TYPE,
     "scans the log, and compares its replay with the tables", .permission = "cluster.verify"},
    {NULL},
};

static const struct view_renderer renderers[aq_view_kind_count] = {
    [AQ_VIEW_WHY] = {view_why, NULL},
    [AQ_VIEW_EVENTS] = {view_events, &parameters_history_record},
    [AQ_VIEW_RIGHTS] = {view_rights, &parameters_rights_record},
    [AQ_VIEW_OUTPUT] = {view_log, &parameters_output_record},
    [AQ_VIEW_LOAD] = {view_load, &parameters_load_record},
};

/* ---- gathering ------------------------------------------------------------------------------------------ */

void routes_gather(struct routes *routes, bool get_deallocate)
{
    const struct aq_entity *entity;
    *routes = (struct routes){.get_deallocate = get_deallocate, .fixed = fixed, .renderers = renderers};
    while ((entity = aq_entity_at(routes->count)) != NULL) {
        aq_assert(routes->count < ROUTES_ENTITIES_MAX);
        struct entity_routes *row = &routes->rows[routes->count++];
        *row = (struct entity_routes){.entity = entity};
        const struct aq_command *command;
        for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
            if (command->entity != entity)
                continue;
            if (command->kind == AQ_CREATES && !aq_command_goes_by_verb(command))
                row->creates = command;
            else if (command->kind == AQ_UPDATES)
                row->updates = command;
            else if (command->kind == AQ_DELETES)
                row->deletes = command;
        }
    }
}

/* ---- fixed routes --------------------------------------------------------------------------------------- */

static bool route_matches(const struct route *route, const struct request *request)
{
    const char *pattern = route->path;
    for (unsigned i = 0; i < request->segment_count; i++) {
        size_t length = strcspn(pattern, "/");
        if (strcmp(pattern, "...") == 0)
            return true;
        if (strlen(request->segments[i]) != length || memcmp(request->segments[i], pattern, length) != 0)
            return false;
        pattern += length + (pattern[length] == '/');
    }
    return *pattern == '\0' || strcmp(pattern, "...") == 0;
}

static void refuse_method(struct request *request, const char *allow)
{
    request->allow = allow;
    aq_fail(&request->error, AQ_E_METHOD, "%.200s only allows %s", request->path, allow);
}

static bool find_fixed(const struct routes *routes, struct request *request)
{
    for (const struct route *route = routes->fixed; route->path != NULL; route++) {
        if (!route_matches(route, request))
            continue;
        request->access = route->access;
        request->handler = route->step;
        request->permission = route->permission != NULL ? aq_permission_named(route->permission) : NULL;
        request->query.form = route_form(route);
        if (!request_reads(request))
            refuse_method(request, "GET, HEAD");
        return true;
    }
    return false;
}

/* ---- entities ------------------------------------------------------------------------------------------- */

/* What a path does for each method. HEAD reads where GET does, and never runs a command. */
struct choice {
    request_step *get;
    struct query_form form;                 /* of `get` */
    const struct aq_permission *permission; /* that `get` takes */
    const struct aq_command *get_command, *post, *delete;
};

static void refuse_other_method(struct request *request, const struct choice *choice)
{
    const char *names[] = {choice->get           ? "GET, HEAD"
                           : choice->get_command ? "GET"
                                                 : NULL,
                           choice->post ? "POST" : NULL, choice->delete ? "DELETE" : NULL};
    AQ_CLEANUP_BUFFER struct aq_buffer allow = {0};
    for (size_t i = 0; i < AQ_LENGTH(names); i++)
        if (names[i] != NULL)
            aq_buffer_format(&allow, "%s%s", allow.length > 0 ? ", " : "", names[i]);
    refuse_method(request, aq_arena_text(&request->arena, aq_buffer_string(&allow), allow.length));
}

static void choose(struct request *request, const struct choice *choice)
{
    const struct aq_command *command = request->method == METHOD_GET      ? choice->get_command
                                       : request->method == METHOD_POST   ? choice->post
                                       : request->method == METHOD_DELETE ? choice->delete
                                                                          : NULL;
    if (request_reads(request) && choice->get != NULL) {
        request->handler = choice->get;
        request->query.form = choice->form;
        request->permission = choice->permission;
    } else if (command != NULL) {
        request->query.form = route_form_of_write();
        request->command = command;
        request->handler = write_begin;
    } else {
        refuse_other_method(request, choice);
    }
}

/* /api/v1/<entity>/:key/<name>: a view, a field, a command, or both a field and a command. */
static void find_part(const struct routes *routes, struct request *request, const char *name)
{
    struct choice choice = {0};
    const struct aq_entity *entity = request->entity;
    const struct aq_view *view = aq_view_of(entity, name);
    const struct aq_field *field = aq_record_field(entity->record, name);
    if (view != NULL) {
        choice.get = routes->renderers[view->kind].step;
        choice.form = route_form_of_read(routes->renderers[view->kind].parameters);
        choice.permission = aq_permission_of_view(view);
    }
    if (choice.get == NULL && field != NULL && !(field->rules & AQ_SECRET)) {
        request->field = field;
        choice.get = read_field;
        choice.form = route_form_of_read(NULL);
        choice.permission = aq_permission_of(entity, "read");
    }
    choice.post = aq_command_of(entity, name);
    if (choice.post != NULL && choice.post->kind != AQ_ACTS)
        choice.post = NULL;
    if (choice.post != NULL && choice.post->may_get && routes->get_deallocate)
        choice.get_command = choice.post;
    if (choice.get == NULL && choice.post == NULL)
        aq_fail(&request->error, AQ_E_NOT_FOUND, "%s has no field, view or command \"%.100s\"", entity->name, name);
    else
        choose(request, &choice);
}

/* /api/v1/resource/:key/exec and /api/v1/resource/:key/exec/:session. False: it is another path. */
static bool find_exec(struct request *request)
{
    static const char name[] = "exec";
    const struct aq_view *view = aq_view_of(request->entity, name);
    const bool session = request->segment_count == 6;
    if (view == NULL || view->kind != AQ_VIEW_EXEC || strcmp(request->segments[4], name) != 0)
        return false;
    request->permission = aq_permission_of_view(view);
    if (session && request_reads(request)) {
        request->handler = exec_receive;
        request->query.form = route_form_of_read(&parameters_exec_record);
        return true;
    }
    request->command = &aq_command_resource_exec; /* what comes from a browser is checked as for all writes */
    if (request->method == METHOD_POST)
        request->handler = session ? exec_send : exec_begin;
    else if (session && request->method == METHOD_DELETE)
        request->handler = exec_end;
    else
        refuse_method(request, session ? "GET, HEAD, POST, DELETE" : "POST");
    return true;
}

/* POST /api/v1/<entity>/<verb> of a command that creates; NULL: it is none. */
static const struct aq_command *creating_verb(const struct aq_entity *entity, const char *name)
{
    const struct aq_command *command = aq_command_of(entity, name);
    return command != NULL && command->kind == AQ_CREATES && aq_command_goes_by_verb(command) ? command : NULL;
}

static bool find_entity(const struct routes *routes, struct request *request)
{
    const char *const *segments = request->segments;
    const struct aq_entity *entity = aq_entity_find(segments[2]);
    const struct entity_routes *row = NULL;
    for (size_t i = 0; i < routes->count && row == NULL; i++)
        if (routes->rows[i].entity == entity)
            row = &routes->rows[i];
    if (row == NULL)
        return false;
    request->access = ACCESS_USER;
    request->entity = row->entity;
    request->key = request->segment_count > 3 ? segments[3] : NULL;
    const struct aq_command *creates = request->key != NULL ? creating_verb(entity, request->key) : NULL;
    switch (request->segment_count) {
    case 3:
        choose(request, &(struct choice){.get = list_rows,
                                         .form = route_form_of_list(entity->record),
                                         .permission = aq_permission_of(entity, "list"),
                                         .post = row->creates});
        return true;
    case 4:
        choose(request, &(struct choice){.get = read_row,
                                         .form = route_form_of_read(NULL),
                                         .permission = aq_permission_of(entity, "read"),
                                         .post = creates != NULL ? creates : row->updates,
                                         .delete = row->deletes});
        return true;
    case 5:
        if (!find_exec(request))
            find_part(routes, request, segments[4]);
        return true;
    default:
        return request->segment_count == 6 && find_exec(request);
    }
}

void route_find(const struct routes *routes, struct request *request)
{
    const char *const *segments = request->segments;
    if (request->metadata_only && (request->segment_count == 0 || strcmp(segments[0], "meta") != 0)) {
        request->access = ACCESS_OPEN;
        aq_fail(&request->error, AQ_E_NOT_FOUND, "only metadata is served here: /meta/v1/data");
        return;
    }
    bool api = request->segment_count >= 2 && strcmp(segments[0], "api") == 0;
    request->access = api ? ACCESS_USER : ACCESS_OPEN;
    if (api && request->segment_count >= 3 && strcmp(segments[1], "v1") == 0 && find_entity(routes, request))
        return;
    if (!find_fixed(routes, request))
        aq_fail(&request->error, AQ_E_NOT_FOUND, "there is nothing at %.200s; see /api/v1/openapi.json for all routes",
                request->path);
}
