#include "tests/sim/reads.h"

#include "controller/serve/waits.h"
#include "schema/model/access.h"
#include "schema/model/application.h"
#include "schema/model/key.h"
#include "schema/model/label.h"
#include "schema/model/membership.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/role.h"
#include "schema/model/user.h"
#include "tests/sim/read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char at_seq[] = "an answer is true at its seq";

struct mirror *read_mirror(const struct read *read)
{
    return &read->readers->judge->mirror;
}

_Noreturn void read_wrong(const struct read *read, const char *what, const char *text)
{
    sim_broken(read->sim, READ_INVARIANT, "%s for %s: %s gives %.200s", what, read->user, read->uri, text);
}

/* ---- what may be seen ------------------------------------------------------------------------------------- */

static struct aq_rights rights_of(const struct read *read, const char *name)
{
    const struct aq_role *role = mirror_row(read_mirror(read), &aq_entity_role, name);
    return role != NULL ? aq_rights_of(&role->may) : (struct aq_rights){.all = {0}};
}

/* The reader, with what the rows of the mirror give it. */
static struct aq_caller make_caller(const struct read *read, struct aq_arena *arena)
{
    const struct aq_user *user = mirror_row(read_mirror(read), &aq_entity_user, read->user);
    const struct aq_rights rights = rights_of(read, user->role);
    struct aq_caller caller = aq_caller_of_user(user, &rights);
    struct aq_grant *grants = aq_arena_alloc(arena, (user->memberships.count + 1) * sizeof *grants);
    for (uint32_t i = 0; i < user->memberships.count; i++) {
        const struct aq_user_membership *has = AQ_ITEM(user->memberships, struct aq_user_membership, i);
        grants[i] = (struct aq_grant){has->project, rights_of(read, has->role)};
        aq_rights_keep_project(&grants[i].rights);
    }
    aq_caller_set_grants(&caller, grants, user->memberships.count);
    return caller;
}

bool read_may_see(const struct read *read, const struct aq_entity *entity, const void *row)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_caller caller = make_caller(read, &arena);
    return aq_access_allows_row(&caller, aq_permission_of(entity, "read"), row) &&
           (read->permission == NULL || read->permission->entity != entity ||
            aq_access_allows_row(&caller, read->permission, row));
}

bool read_allows(const struct read *read, uint64_t owner, const char *project)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_caller caller = make_caller(read, &arena);
    return aq_access_allows(&caller, read->permission, owner, project);
}

/* Who may not do it to any row is refused with 403. */
static bool is_forbidden(const struct read *read)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_caller caller = make_caller(read, &arena);
    return read->permission != NULL && aq_rights_scope(&caller.somewhere, read->permission) == AQ_SCOPE_NONE;
}

/* What "mac:2", "mac:latest" and "mac" name. */
static const void *find_label(const struct read *read)
{
    const struct mirror_table *labels = mirror_table(read_mirror(read), &aq_entity_label);
    const struct aq_label *found = NULL;
    size_t length = strcspn(read->key, ":");
    uint64_t version = read->key[length] == ':' ? strtoull(read->key + length + 1, NULL, 10) : 0;
    for (size_t i = 0; i < labels->count; i++) {
        const struct aq_label *label = labels->rows[i];
        bool named = strncmp(label->name, read->key, length) == 0 && label->name[length] == '\0';
        if (named && (version == 0 || label->version == version) && (found == NULL || label->version > found->version))
            found = label;
    }
    return found;
}

/* The row that is asked for, if the caller may see it. */
static const void *find_row(const struct read *read)
{
    bool by_group = read->entity == &aq_entity_label && !aq_key_is_digits(read->key);
    const void *row = by_group ? find_label(read) : mirror_row(read_mirror(read), read->entity, read->key);
    return row != NULL && read_may_see(read, read->entity, row) ? row : NULL;
}

static void check_fields(const struct read *read, const struct aq_entity *entity, const char *const *name,
                         const void *row, const json_t *shown)
{
    for (; *name != NULL; name++)
        if (!mirror_has_field(entity, row, *name, json_object_get(shown, *name))) {
            char *text = json_dumps(json_object_get(shown, *name), JSON_ENCODE_ANY);
            sim_broken(read->sim, READ_INVARIANT, "%s for %s: in a row of %s, %s is %.200s", read->uri, read->user,
                       entity->name, *name, text != NULL ? text : "absent");
        }
}

void read_check_row(const struct read *read, const struct aq_entity *entity, const void *row, const json_t *shown)
{
    check_fields(read, entity, mirror_fields(entity), row, shown);
    check_fields(read, entity, mirror_more_fields(entity), row, shown);
}

/* ---- drawing ---------------------------------------------------------------------------------------------- */

static const struct aq_entity *drawn_entity(struct sim *sim)
{
    static const struct aq_entity *const entities[] = {
        &aq_entity_application, &aq_entity_application, &aq_entity_application, &aq_entity_resource,
        &aq_entity_resource,    &aq_entity_label,       &aq_entity_node,        &aq_entity_user,
        &aq_entity_role,        &aq_entity_project,     &aq_entity_membership,  &aq_entity_task,
    };
    return entities[sim_draw(sim, AQ_LENGTH(entities))];
}

static void draw_named(struct read *read, const char *what, uint64_t below)
{
    snprintf(read->key, sizeof read->key, "%s-%" PRIu64, what, sim_draw(read->sim, below));
}

/* The key of a row that is there, or nearly. */
void read_draw_key(struct read *read)
{
    struct sim *sim = read->sim;
    const struct mirror_table *table = mirror_table(read_mirror(read), read->entity);
    if (read->entity == &aq_entity_node) {
        draw_named(read, "node", 6);
    } else if (read->entity == &aq_entity_user) {
        draw_named(read, "user", 5);
    } else if (read->entity == &aq_entity_project) {
        draw_named(read, "project", 3);
    } else if (read->entity == &aq_entity_role) {
        draw_named(read, "role", 3);
    } else if (read->entity == &aq_entity_label && sim_happens(sim, 60)) {
        draw_named(read, "label", 5);
        static const char *const members[] = {"", ":latest", ":1", ":2", ":3"};
        strcat(read->key, members[sim_draw(sim, AQ_LENGTH(members))]);
    } else {
        const void *last = table->count > 0 ? table->rows[table->count - 1] : NULL;
        uint64_t most = last != NULL ? aq_field_number(aq_entity_key(read->entity), last) : 1;
        snprintf(read->key, sizeof read->key, "%" PRIu64, 1 + sim_draw(sim, most + 1));
    }
}

/* ---- a row ------------------------------------------------------------------------------------------------ */

void read_draw_row(struct read *read)
{
    read->entity = drawn_entity(read->sim);
    read_draw_key(read);
}

static void add_row_path(const struct read *read, struct aq_buffer *uri)
{
    aq_buffer_format(uri, "%s/%s", read->entity->name, read->key);
}

static void check_one(struct read *read, unsigned status, const json_t *answer, const char *body)
{
    const void *row = find_row(read);
    if (status != (row != NULL ? 200 : 404))
        read_wrong(read, row != NULL ? "refusal" : "a row that is not there", body);
    if (row != NULL)
        read_check_row(read, read->entity, row, json_object_get(answer, "data"));
}

static void draw_me(struct read *read)
{
    read->entity = &aq_entity_user;
    snprintf(read->key, sizeof read->key, "%s", read->user);
}

static void add_me_path(const struct read *read, struct aq_buffer *uri)
{
    (void)read;
    aq_buffer_text(uri, "me");
}

/* ---- a field ---------------------------------------------------------------------------------------------- */

static void draw_field(struct read *read)
{
    uint64_t count = 0;
    read_draw_row(read);
    const char *const *names = mirror_fields(read->entity);
    while (names[count] != NULL)
        count++;
    read->field = aq_record_field(read->entity->record, names[sim_draw(read->sim, count)]);
}

static void add_field_path(const struct read *read, struct aq_buffer *uri)
{
    aq_buffer_format(uri, "%s/%s/%s", read->entity->name, read->key, read->field->name);
}

/* The row that the field refers to. NULL: none, or it may not be seen. */
static const void *find_referred(const struct read *read, const void *row)
{
    const struct aq_entity *other = read->field->refers;
    char key[AQ_NAME_MAX + 1];
    if (aq_field_is_text(read->field))
        snprintf(key, sizeof key, "%s", aq_field_text(read->field, row));
    else
        snprintf(key, sizeof key, "%" PRIu64, aq_field_number(read->field, row));
    const void *found = mirror_row(read_mirror(read), other, key);
    return found != NULL && read_may_see(read, other, found) ? found : NULL;
}

static void check_field(struct read *read, unsigned status, const json_t *answer, const char *body)
{
    const struct aq_entity *other = read->field->refers;
    const json_t *data = json_object_get(answer, "data");
    const void *row = find_row(read), *referred = row != NULL && other != NULL ? find_referred(read, row) : NULL;
    bool there = other != NULL ? referred != NULL : row != NULL;
    if (status != (there ? 200 : 404))
        read_wrong(read, there ? "refusal" : "a field that is not there", body);
    if (there && other != NULL)
        read_check_row(read, other, referred, data);
    if (there && other == NULL && !mirror_has_field(read->entity, row, read->field->name, data))
        read_wrong(read, read->field->name, body);
}

/* ---- why -------------------------------------------------------------------------------------------------- */

static void draw_application(struct read *read)
{
    read->entity = &aq_entity_application;
    read_draw_key(read);
}

static void add_why_path(const struct read *read, struct aq_buffer *uri)
{
    aq_buffer_format(uri, "application/%s/why", read->key);
}

static void check_why(struct read *read, unsigned status, const json_t *answer, const char *body)
{
    char begins[200];
    const struct aq_application *row = find_row(read);
    if (status != (row != NULL ? 200 : 404))
        read_wrong(read, "why", body);
    if (row == NULL)
        return;
    snprintf(begins, sizeof begins, "application %" PRIu64 " asked for label %s, version %" PRIu64 "; it is %s",
             row->id, row->label, row->version, aq_application_status_words.words[row->status]);
    const char *text = json_string_value(json_object_get(answer, "data"));
    if (text == NULL || strncmp(text, begins, strlen(begins)) != 0)
        read_wrong(read, "why", body);
}

/* ---- votes ------------------------------------------------------------------------------------------------ */

static void add_votes_path(const struct read *read, struct aq_buffer *uri)
{
    aq_buffer_format(uri, "votes?application=%s", read->key);
}

static uint64_t number_of(const json_t *row, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(row, name));
}

/* All are about the application that is asked for, in the order of rounds. */
static void check_votes(struct read *read, unsigned status, const json_t *answer, const char *body)
{
    const json_t *votes = json_object_get(answer, "data"), *vote;
    const struct aq_application *row = find_row(read);
    uint64_t round = 0;
    size_t i;
    if (status != (row != NULL ? 200 : 404))
        read_wrong(read, "votes", body);
    json_array_foreach (votes, i, vote) {
        if (number_of(vote, "application") != row->id || number_of(vote, "round") < round)
            read_wrong(read, "votes", body);
        round = number_of(vote, "round");
    }
}

/* ---- history ---------------------------------------------------------------------------------------------- */

static void draw_history(struct read *read)
{
    struct sim *sim = read->sim;
    draw_application(read);
    if (sim_happens(sim, 50))
        read->limit = sim_between(sim, 1, 4);
    if (sim_happens(sim, 50))
        snprintf(read->after, sizeof read->after, "%" PRIu64, sim_draw(sim, read_mirror(read)->n_events + 2));
}

static void add_history_path(const struct read *read, struct aq_buffer *uri)
{
    aq_buffer_format(uri, "application/%s/events?", read->key);
    if (read->limit != 0)
        aq_buffer_format(uri, "limit=%" PRIu64 "&", read->limit);
    if (read->after[0] != '\0')
        aq_buffer_format(uri, "after=%s&", read->after);
}

/* The events of the page, as they must be in the body. */
static void add_history(const struct read *read, struct aq_buffer *out)
{
    const struct mirror *mirror = read_mirror(read);
    uint64_t application = strtoull(read->key, NULL, 10), last = 0, taken = 0;
    uint64_t limit = read->limit != 0 ? read->limit : READ_LIMIT;
    bool more = false;
    aq_buffer_text(out, "\"data\":[");
    for (uint64_t seq = strtoull(read->after, NULL, 10) + 1; seq <= mirror->n_events && !more; seq++) {
        if (mirror->events[seq - 1].application != application)
            continue;
        more = taken == limit;
        if (more)
            break;
        aq_buffer_format(out, "%s%s", taken++ > 0 ? "," : "", mirror->events[seq - 1].text);
        last = seq;
    }
    aq_buffer_text(out, "],\"next\":");
    if (more)
        aq_buffer_u64(out, last);
    else
        aq_buffer_text(out, "null");
}

static void check_history(struct read *read, unsigned status, const json_t *answer, const char *body)
{
    AQ_CLEANUP_BUFFER struct aq_buffer wanted = {0};
    const void *row = find_row(read);
    (void)answer;
    if (status != (row != NULL ? 200 : 404))
        read_wrong(read, "the history", body);
    if (row == NULL)
        return;
    add_history(read, &wanted);
    if (strstr(body, aq_buffer_string(&wanted)) == NULL)
        read_wrong(read, "the history", body);
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

static uint64_t tables_seq(const struct read *read)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    if (state_read(read->readers->controller->state, &txn, &error) != 0)
        sim_broken(read->sim, "tables can be read", "%s", error.message);
    uint64_t seq = state_seq(txn);
    state_end(txn);
    return seq;
}

/* Its wait for a seq was in vain. */
static void check_behind(const struct read *read, uint64_t seq, const struct aq_clocks *now)
{
    if (read->min_seq <= seq || now->steady_ms < read->begun_ms + WAIT_SEQ_MS)
        sim_broken(read->sim, "a read waits for the seq that was asked for",
                   "%" PRIu64 " was asked for %" PRIu64 " ms ago, and this is %" PRIu64, read->min_seq,
                   now->steady_ms - read->begun_ms, seq);
}

static void check_answer(struct read *read, const struct front_request *answered)
{
    const struct request *request = &answered->request;
    read->now = request->now;
    read->permission = request->permission;
    const char *body = aq_buffer_string(&request->out);
    json_t *answer = json_loads(body, 0, NULL);
    uint64_t seq = (uint64_t)json_integer_value(json_object_get(answer, "seq")), tables = tables_seq(read);
    sim_say(read->sim, "read: %s %u at seq %" PRIu64, read->uri, request->status, seq);
    read->sim->result->totals.reads++;
    if (answer == NULL)
        sim_broken(read->sim, READ_INVARIANT, "%s is answered with %.200s", read->uri, body);
    if (request->error.code == AQ_E_CORRUPT && controller_restored_log(read->readers->controller, &request->error)) {
        json_decref(answer);
        return;
    }
    if (request->status == 503 && request->error.code == AQ_E_BEHIND) {
        check_behind(read, seq, &request->now);
    } else if (read->kind->fetched) {
        if (request->status != 401 && request->status != 403 && tables == read->readers->judge->seq)
            read->kind->check(read, request->status, answer, body);
    } else if (request->status == 403 && seq < tables) {
        /* It was refused with what the login found, before anything was read: that is true at the login's seq. */
    } else if (seq != tables) {
        sim_broken(read->sim, at_seq, "%s is answered with %u at %" PRIu64 ", but the tables show %" PRIu64, read->uri,
                   request->status, seq, tables);
    } else if (request->status == 200 && seq < read->min_seq) {
        sim_broken(read->sim, at_seq, "%s is answered at %" PRIu64, read->uri, seq);
    } else if (seq == read->readers->judge->seq) { /* otherwise more is durable than the tables show yet */
        const struct aq_user *user = mirror_row(read_mirror(read), &aq_entity_user, read->user);
        bool known = user != NULL && user->number == read->number && user->first_token == read->token;
        if (known == (request->status == 401))
            sim_broken(read->sim, at_seq, "%s of %s is answered with %u at %" PRIu64, read->uri, read->user,
                       request->status, seq);
        if (known && is_forbidden(read) != (request->status == 403))
            read_wrong(read, "a permission", body);
        if (known && request->status != 403)
            read->kind->check(read, request->status, answer, body);
        read->sim->result->totals.compared++;
    }
    json_decref(answer);
}

static void answered_late(struct front_request *answered)
{
    check_answer(answered->context, answered);
    free(answered->context);
    answered->context = NULL;
    front_end(answered);
}

/* ---- asking ----------------------------------------------------------------------------------------------- */

static const struct read_kind kinds[] = {
    {30, false, read_draw_row, add_row_path, check_one},
    {15, false, draw_field, add_field_path, check_field},
    {40, false, read_draw_list, read_add_list_path, read_check_list},
    {10, false, draw_application, add_why_path, check_why},
    {15, false, draw_history, add_history_path, check_history},
    {5, false, draw_application, add_votes_path, check_votes},
    {5, false, draw_me, add_me_path, check_one},
    {10, true, read_draw_log, read_add_log_path, read_check_log},
};

static const struct front_caller *caller_of(const struct read *read)
{
    const struct readers_login *login = read->readers->logins;
    while (strcmp(login->name, read->user) != 0)
        login++;
    return &login->caller;
}

void read_ask(const struct read *read)
{
    AQ_CLEANUP_BUFFER struct aq_buffer uri = {0};
    struct read *kept = aq_calloc(1, sizeof *kept);
    *kept = *read;
    kept->number = caller_of(read)->as.number;
    kept->token = caller_of(read)->as.token;
    aq_buffer_text(&uri, "/api/v1/");
    read->kind->add_path(read, &uri);
    if (read->min_seq != 0)
        aq_buffer_format(&uri, "%cmin_seq=%" PRIu64, strchr(aq_buffer_string(&uri), '?') != NULL ? '&' : '?',
                         read->min_seq);
    snprintf(kept->uri, sizeof kept->uri, "%s", aq_buffer_string(&uri));
    struct front_request *request = front_get(&read->readers->front, caller_of(read), kept->uri, NULL, &read->now);
    request->context = kept;
    request->answered = answered_late;
    if (request->is_answered)
        answered_late(request);
    else
        sim_say(read->sim, "read: %s waits", kept->uri);
}

void reads_act(struct readers *readers, const struct readers_login *login, const struct aq_clocks *now)
{
    struct sim *sim = readers->sim;
    struct read read = {.readers = readers, .sim = sim, .now = *now, .begun_ms = now->steady_ms};
    uint64_t sum = 0, chosen;
    size_t i = 0;
    snprintf(read.user, sizeof read.user, "%s", login->name);
    for (size_t k = 0; k < AQ_LENGTH(kinds); k++)
        sum += kinds[k].weight;
    for (chosen = sim_draw(sim, sum); chosen >= kinds[i].weight; i++)
        chosen -= kinds[i].weight;
    read.kind = &kinds[i];
    read.kind->draw(&read);
    if (sim_happens(sim, 15) && !read.kind->fetched) /* what waits for an agent may not begin at the end of a life */
        read.min_seq = readers->judge->seq + sim_draw(sim, 4);
    read_ask(&read);
}
