/* The view `can` of users and roles: what they permit. */
#include "controller/state/rights.h"
#include "controller/serve/answer.h"
#include "controller/serve/rows.h"
#include "controller/serve/steps.h"
#include "schema/codec/json.h"
#include "schema/codec/pack.h"
#include "schema/model/key.h"
#include "schema/model/project.h"
#include "schema/model/role.h"
#include "schema/model/user.h"

#include <string.h>

struct listing {
    struct request *request;
    bool more;
};

static void add_right(void *context, const char *text)
{
    struct listing *listing = context;
    if (listing->more)
        aq_buffer_char(&listing->request->out, ',');
    listing->more = true;
    aq_json_string(text, strlen(text), &listing->request->out);
}

/* In one project: what it may do there, which is what holds everywhere and what its role there gives. */
static void narrow(const struct request *request, const char *project, struct aq_caller *caller)
{
    if (request->entity == &aq_entity_role)
        aq_rights_keep_project(&caller->rights);
    else
        caller->rights = aq_caller_rights_in(caller, project);
    aq_caller_set_grants(caller, NULL, 0);
}

static void list_rights(struct request *request, const char *project, const struct aq_caller *caller)
{
    struct listing listing = {.request = request};
    struct aq_caller shown = *caller;
    if (project != NULL)
        narrow(request, project, &shown);
    if (project != NULL)
        answer_open(request, "What %s %s may do in project %s", request->entity->name, request->key, project);
    else
        answer_open(request, "What %s %s may do", request->entity->name, request->key);
    aq_buffer_char(&request->out, '[');
    aq_caller_list(&shown, add_right, &listing);
    aq_buffer_char(&request->out, ']');
}

static int take_project(struct request *request, const char **project)
{
    struct aq_key key;
    *project = query_take(&request->query, "project");
    return *project == NULL || aq_key_from_text(&aq_entity_project, *project, &key, &request->error) == 0 ? 0 : -1;
}

/* What may be done in a project that is not there is no question. */
static int check_project(struct request *request, struct state_txn *txn, const char *project)
{
    if (project == NULL)
        return 0;
    const struct state_key key = state_key_name(project);
    if (state_exists(txn, &aq_entity_project, &key) && aq_access_knows_project(&request->caller, project))
        return 0;
    return state_fail_absent(txn, &aq_entity_project, &key, &request->error);
}

enum outcome view_rights(struct request *request)
{
    struct state_txn *txn;
    struct state_packed row;
    const char *project;
    if (take_project(request, &project) != 0 || query_end(&request->query, &request->error) != 0 ||
        request_read(request, &txn) != 0)
        return answer_error(request);
    int status = row_find(request, txn, request->entity, request->key, &row, &request->error);
    if (status == 0)
        status = check_project(request, txn, project);
    const void *fields = status == 0 ? row_fields(request, txn, request->entity, &row, AQ_ALL_FIELDS) : NULL;
    if (fields != NULL) {
        const struct aq_caller caller =
            request->is_self ? request->caller : rights_of_row(txn, request->entity, fields, &request->arena);
        list_rights(request, project, &caller);
    }
    if (state_failed(txn, &request->error))
        status = -1;
    state_end(txn);
    return status == 0 ? answer_close(request) : answer_error(request);
}

/* Everybody sees this, whatever the role. */
enum outcome read_my_rights(struct request *request)
{
    request->entity = &aq_entity_user;
    request->key = request->caller.name;
    request->is_self = true;
    return view_rights(request);
}
