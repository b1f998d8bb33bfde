#include "controller/state/rights.h"

#include "controller/state/store.h"
#include "schema/model/application.h"
#include "schema/model/resource.h"
#include "schema/model/role.h"
#include "schema/model/token.h"
#include "schema/model/user.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is compiled, for all tables of the process -------------------------------------------------------- */

/* What somebody may do is asked for each request and each decision, and compiling many patterns takes longer than all
 * the rest. So it is kept, with what it was made of: the bytes of a role's row, or the patterns of a token. These are
 * compared each time, so no snapshot, and no transaction that is undone, can find another's rights. The place follows
 * from the role's name or the token's number: whoever makes many does not push out all others. */
enum { PLACES = 512, BUILT_IN_MAX = 16 };

struct compiled {
    char *made_of; /* NULL: the place is free */
    size_t length;
    struct aq_rights rights;
};

static struct compiled roles[PLACES], tokens[PLACES];
static pthread_mutex_t compiled_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep(struct compiled *place, const void *made_of, size_t length, const struct aq_rights *rights)
{
    char *copy = aq_malloc(length);
    memcpy(copy, made_of, length);
    pthread_mutex_lock(&compiled_lock);
    free(place->made_of);
    *place = (struct compiled){copy, length, *rights};
    pthread_mutex_unlock(&compiled_lock);
}

/* ---- roles ----------------------------------------------------------------------------------------------- */

static struct aq_rights built_in_rights[BUILT_IN_MAX];
static pthread_once_t built_in_once = PTHREAD_ONCE_INIT;

static void compile_built_in(void)
{
    const struct aq_role *role;
    for (size_t i = 0; (role = aq_role_built_in_at(i)) != NULL; i++) {
        aq_assert(i < BUILT_IN_MAX);
        built_in_rights[i] = aq_rights_of(&role->may);
    }
}

static struct aq_rights rights_of_built_in(const struct aq_role *role)
{
    size_t i = 0;
    pthread_once(&built_in_once, compile_built_in);
    while (aq_role_built_in_at(i) != role)
        i++;
    return built_in_rights[i];
}

static bool find_kept_role(const struct compiled *place, const struct state_packed *row, struct aq_rights *rights)
{
    pthread_mutex_lock(&compiled_lock);
    const bool same =
        place->length == row->length && place->made_of != NULL && memcmp(place->made_of, row->data, row->length) == 0;
    if (same)
        *rights = place->rights;
    pthread_mutex_unlock(&compiled_lock);
    return same;
}

struct aq_rights rights_of_role(struct state_txn *txn, const char *name)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_role *built_in = aq_role_built_in(name);
    const struct state_key key = state_key_name(name);
    struct aq_rights rights = {.all = {0}};
    struct state_packed row;
    struct aq_role role;
    if (built_in != NULL && !aq_role_may_be_older(name)) /* the same as its row */
        return rights_of_built_in(built_in);
    if (!store_peek(txn, &aq_entity_role, &key, &row))
        return rights;
    struct compiled *place = &roles[state_key_hash(key.bytes, key.length, 0) % PLACES];
    if (find_kept_role(place, &row, &rights) || !state_role(txn, name, &role, &arena))
        return rights;
    rights = aq_rights_of(&role.may);
    keep(place, row.data, row.length, &rights);
    return rights;
}

/* ---- patterns of tokens ---------------------------------------------------------------------------------- */

_Static_assert(AQ_PATTERN_MAX + 1 <= UCHAR_MAX, "the size of a pattern fits into a byte");

/* Each pattern with its NUL, after a byte with the size of both. */
static void put_patterns(const struct aq_list *patterns, struct aq_buffer *out)
{
    for (uint32_t i = 0; i < patterns->count; i++) {
        const char *pattern = AQ_TEXT_ITEM(*patterns, i);
        const size_t size = strlen(pattern) + 1;
        aq_buffer_char(out, (char)(unsigned char)size);
        aq_buffer_add(out, pattern, size);
    }
}

static bool is_made_of(const struct compiled *place, const struct aq_list *patterns)
{
    const char *at = place->made_of, *end = at + place->length;
    for (uint32_t i = 0; i < patterns->count; i++) {
        if (at == end || strcmp(at + 1, AQ_TEXT_ITEM(*patterns, i)) != 0)
            return false;
        at += 1 + (unsigned char)*at;
    }
    return at == end;
}

/* `token` 0: it is not made yet. */
static struct aq_rights rights_of_patterns(uint64_t token, const struct aq_list *patterns)
{
    AQ_CLEANUP_BUFFER struct aq_buffer all = {0};
    struct compiled *place = &tokens[token % PLACES];
    struct aq_rights rights;
    if (token == 0)
        return aq_rights_of(patterns);
    pthread_mutex_lock(&compiled_lock);
    const bool same = place->made_of != NULL && is_made_of(place, patterns);
    if (same)
        rights = place->rights;
    pthread_mutex_unlock(&compiled_lock);
    if (same)
        return rights;
    rights = aq_rights_of(patterns);
    put_patterns(patterns, &all);
    keep(place, all.data, all.length, &rights);
    return rights;
}

struct aq_rights rights_in_project(struct state_txn *txn, const char *role)
{
    struct aq_rights rights = rights_of_role(txn, role);
    aq_rights_keep_project(&rights);
    return rights;
}

static struct aq_rights rights_limit(struct state_txn *txn, const struct aq_token *token)
{
    struct aq_rights limit = aq_rights_whole();
    if (token->role[0] != '\0')
        limit = rights_of_role(txn, token->role);
    if (token->only.count == 0)
        return limit;
    const struct aq_rights patterns = rights_of_patterns(token->id, &token->only);
    return aq_rights_both(&limit, &patterns);
}

/* ---- callers --------------------------------------------------------------------------------------------- */

/* Most members have the same few roles in their projects: each is looked up once. */
static struct aq_rights rights_there(struct state_txn *txn, const struct aq_list *memberships,
                                     const struct aq_grant *before, uint32_t at)
{
    const char *role = AQ_ITEM(*memberships, struct aq_user_membership, at)->role;
    for (uint32_t i = 0; i < at; i++)
        if (strcmp(AQ_ITEM(*memberships, struct aq_user_membership, i)->role, role) == 0)
            return before[i].rights;
    return rights_in_project(txn, role);
}

static void fill_grants(struct state_txn *txn, struct aq_caller *caller, const struct aq_list *memberships,
                        struct aq_arena *arena)
{
    if (memberships->count == 0)
        return;
    struct aq_grant *grants = aq_arena_alloc(arena, memberships->count * sizeof *grants);
    for (uint32_t i = 0; i < memberships->count; i++) {
        const struct aq_user_membership *row = AQ_ITEM(*memberships, struct aq_user_membership, i);
        grants[i] = (struct aq_grant){row->project, rights_there(txn, memberships, grants, i)};
    }
    aq_caller_set_grants(caller, grants, memberships->count);
}

struct aq_caller rights_caller(struct state_txn *txn, const struct aq_user *user, struct aq_arena *arena)
{
    const struct aq_rights rights = rights_of_role(txn, user->role);
    struct aq_caller caller = aq_caller_of_user(user, &rights);
    fill_grants(txn, &caller, &user->memberships, arena);
    return caller;
}

/* What its token leaves of it. */
static void limit_caller(struct aq_caller *caller, const struct aq_rights *limit, struct aq_arena *arena)
{
    struct aq_grant *grants = NULL;
    if (caller->grant_count > 0)
        grants = aq_arena_alloc(arena, caller->grant_count * sizeof *grants);
    for (uint32_t i = 0; i < caller->grant_count; i++)
        grants[i] = (struct aq_grant){caller->grants[i].project, aq_rights_both(&caller->grants[i].rights, limit)};
    caller->limit = *limit;
    caller->rights = aq_rights_both(&caller->rights, limit);
    aq_caller_set_grants(caller, grants, caller->grant_count);
}

void rights_narrow(struct aq_caller *caller, const char *project, struct aq_arena *arena)
{
    struct aq_grant *grant = aq_arena_alloc(arena, sizeof *grant);
    *grant = (struct aq_grant){aq_arena_text(arena, project, strlen(project)), aq_caller_rights_in(caller, project)};
    aq_rights_keep_project(&grant->rights);
    caller->project = grant->project;
    caller->rights = (struct aq_rights){.all = {0}};
    aq_caller_set_grants(caller, grant, 1);
}

struct aq_caller rights_caller_with(struct state_txn *txn, const struct aq_user *user, const struct aq_token *token,
                                    struct aq_arena *arena)
{
    struct aq_caller caller = rights_caller(txn, user, arena);
    const struct aq_rights limit = rights_limit(txn, token);
    caller.token = token->id;
    limit_caller(&caller, &limit, arena);
    if (token->project[0] != '\0')
        rights_narrow(&caller, token->project, arena);
    return caller;
}

int rights_refresh(struct state_txn *txn, struct aq_caller *caller, uint64_t time_ms, struct aq_arena *arena,
                   struct aq_error *error)
{
    struct aq_user user;
    struct aq_token token = {.role = "", .project = ""};
    if (caller->internal || caller->number == 0)
        return 0;
    bool there = state_user(txn, caller->name, &user, arena) && user.number == caller->number;
    if (there && caller->token != 0)
        there = state_token(txn, caller->token, &token, arena) && token.user_number == user.number &&
                (token.expires_at == 0 || token.expires_at > time_ms);
    if (!there)
        return state_failed(txn, error) ? -1 : aq_fail(error, AQ_E_UNAUTHENTICATED, "user name or token is wrong");
    const struct aq_caller now =
        caller->token != 0 ? rights_caller_with(txn, &user, &token, arena) : rights_caller(txn, &user, arena);
    caller->rights = now.rights;
    caller->limit = now.limit;
    caller->project = now.project;
    aq_caller_set_grants(caller, now.grants, now.grant_count);
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

struct aq_caller rights_of_row(struct state_txn *txn, const struct aq_entity *entity, const void *row,
                               struct aq_arena *arena)
{
    static const struct aq_user nobody = {.name = "", .role = ""};
    if (entity == &aq_entity_role) {
        const struct aq_rights rights = aq_rights_of(&((const struct aq_role *)row)->may);
        return aq_caller_of_user(&nobody, &rights);
    }
    aq_assert(entity == &aq_entity_user);
    return rights_caller(txn, row, arena);
}

bool rights_allow_ended(struct state_txn *txn, const struct aq_caller *caller, const struct aq_permission *permission,
                        const struct aq_ended *ended)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    struct aq_application application;
    const bool there = state_application(txn, ended->application, &application, &arena);
    return aq_access_allows(caller, permission, ended->user_number, there ? application.project : NULL);
}
