/* The rows that a caller may see: those of its projects and its own, each once, in the order of their keys. */
#include "controller/state/visible.h"

#include "controller/state/indexes.h"
#include "controller/state/rights.h"
#include "schema/model/project.h"
#include "tests/lib/decide_case.h"

#include <inttypes.h>
#include <string.h>

enum { APPLICATIONS = 400 };

/* Users ann (number 1) and bob (2). Application i belongs to one of both, and to one of four projects. */
static uint64_t owner_of(uint64_t id)
{
    return 1 + id % 2;
}

static const char *project_of(uint64_t id)
{
    static const char *const names[] = {"default", "a-b", "a", "web"};
    return names[id / 3 % AQ_LENGTH(names)];
}

static void given_applications(void)
{
    as_system();
    GIVEN(user_created, .name = "ann", .role = AQ_ROLE_MEMBER, .hash = "a");
    GIVEN(user_created, .name = "bob", .role = AQ_ROLE_MEMBER, .hash = "b");
    for (uint64_t id = 1; id <= APPLICATIONS; id++) {
        const struct aq_application row = {.id = id,
                                           .user = owner_of(id) == 1 ? "ann" : "bob",
                                           .user_number = owner_of(id),
                                           .project = project_of(id),
                                           .label = "mac",
                                           .version = 1};
        const struct state_key key = state_key_number(id), in_project = index_project_key(row.project, id);
        struct state_key owned = state_key_number(row.user_number);
        state_key_add_number(&owned, id);
        state_store(spec.txn, &aq_entity_application, &key, &row);
        index_put(spec.txn, INDEX_OWNED, &owned, "", 0);
        index_put(spec.txn, INDEX_APPLICATION_PROJECT, &in_project, "", 0);
    }
}

/* ann's rights: those of `cluster` everywhere, and of each role in its project. */
static struct aq_caller ann(const char *cluster, const struct aq_user_membership *memberships, uint32_t count)
{
    const struct aq_user user = {
        .name = "ann", .number = 1, .role = cluster, .memberships = {(void *)(uintptr_t)memberships, count}};
    return rights_caller(spec.txn, &user, &spec.arena);
}

struct seen {
    uint64_t ids[APPLICATIONS];
    unsigned sources[APPLICATIONS];
    size_t count, most;
};

static bool note(void *context, const struct state_key *key, unsigned sources)
{
    struct seen *seen = context;
    assert_true(seen->count < APPLICATIONS);
    seen->sources[seen->count] = sources;
    seen->ids[seen->count++] = state_key_number_at(key, 0);
    return seen->count < seen->most;
}

static struct visible listed(const struct aq_caller *caller, const struct aq_entity *entity)
{
    return (struct visible){.txn = spec.txn,
                            .caller = caller,
                            .entity = entity,
                            .permission = aq_permission_of(entity, "list"),
                            .other = aq_permission_of(entity, "read")};
}

/* From every place, in both directions, the scan gives what a look at each row gives. */
static void check_all(const struct aq_caller *caller)
{
    const struct visible visible = listed(caller, &aq_entity_application);
    for (uint64_t from = 0; from <= APPLICATIONS + 1; from += 37)
        for (int back = 0; back < 2; back++) {
            struct seen seen = {.most = APPLICATIONS};
            const struct state_key key = state_key_number(from);
            size_t at = 0;
            visible_scan(&visible, from != 0 ? &key : NULL, back, note, &seen);
            for (uint64_t i = 1; i <= APPLICATIONS; i++) {
                const uint64_t id = back ? APPLICATIONS + 1 - i : i;
                const struct aq_application row = {.id = id, .user_number = owner_of(id), .project = project_of(id)};
                if (!visible_row(&visible, &row) || (from != 0 && (back ? id >= from : id <= from)))
                    continue;
                while (at < seen.count && seen.ids[at] != id) { /* its own, where it may not see them any more */
                    assert_int_equal(owner_of(seen.ids[at]), 1);
                    at++;
                }
                assert_true(at < seen.count);
                at++;
            }
            for (size_t i = 1; i < seen.count; i++)
                assert_true(back ? seen.ids[i] < seen.ids[i - 1] : seen.ids[i] > seen.ids[i - 1]);
        }
}

static void rows_come_in_order_from_all_projects(void **context)
{
    static const struct aq_user_membership all[] = {
        {"a", AQ_ROLE_USER, 1}, {"a-b", AQ_ROLE_VIEWER, 2}, {"default", AQ_ROLE_USER, 3}, {"web", AQ_ROLE_VIEWER, 4}};
    (void)context;
    given_applications();
    for (uint32_t first = 0; first < AQ_LENGTH(all); first++)
        for (uint32_t count = 0; first + count <= AQ_LENGTH(all); count++) {
            const struct aq_caller member = ann(AQ_ROLE_MEMBER, all + first, count),
                                   user = ann(AQ_ROLE_USER, all + first, count);
            check_all(&member);
            check_all(&user);
        }
}

/* What is one's own and in a project where one sees all comes once, and counts for both. */
static void a_row_comes_once(void **context)
{
    static const struct aq_user_membership web[] = {{"web", AQ_ROLE_VIEWER, 1}};
    struct seen seen = {.most = APPLICATIONS};
    size_t own = 0, in_web = 0, both = 0;
    (void)context;
    given_applications();
    const struct aq_caller caller = ann(AQ_ROLE_USER, web, 1);
    const struct visible visible = listed(&caller, &aq_entity_application);
    visible_scan(&visible, NULL, false, note, &seen);
    for (uint64_t id = 1; id <= APPLICATIONS; id++) {
        own += owner_of(id) == 1;
        in_web += strcmp(project_of(id), "web") == 0;
        both += owner_of(id) == 1 && strcmp(project_of(id), "web") == 0;
    }
    assert_int_equal(seen.count, own + in_web - both);
    for (size_t i = 0; i < seen.count; i++)
        assert_int_equal(seen.sources[i], (owner_of(seen.ids[i]) == 1) + (strcmp(project_of(seen.ids[i]), "web") == 0));
}

static void who_sees_nothing_gets_nothing(void **context)
{
    struct seen seen = {.most = APPLICATIONS};
    (void)context;
    given_applications();
    const struct aq_caller caller = ann(AQ_ROLE_MEMBER, NULL, 0);
    const struct visible visible = listed(&caller, &aq_entity_application);
    assert_int_equal(visible_somewhere(&visible), AQ_SCOPE_NONE);
    visible_scan(&visible, NULL, false, note, &seen);
    assert_int_equal(seen.count, 0);
}

static bool note_name(void *context, const struct state_key *key, unsigned sources)
{
    char name[STATE_KEY_MAX + 1];
    (void)sources;
    state_key_show(&aq_entity_project, key, name, sizeof name);
    aq_buffer_format(context, "%s ", name);
    return true;
}

static void check_projects(const struct aq_caller *caller, const char *after, bool back, const char *expected)
{
    AQ_CLEANUP_BUFFER struct aq_buffer names = {0};
    const struct visible visible = listed(caller, &aq_entity_project);
    const struct state_key key = state_key_name(after);
    visible_scan(&visible, after[0] != '\0' ? &key : NULL, back, note_name, &names);
    assert_string_equal(aq_buffer_string(&names), expected);
}

static void projects_are_those_of_the_memberships(void **context)
{
    static const struct aq_user_membership all[] = {
        {"a", AQ_ROLE_USER, 1}, {"a-b", AQ_ROLE_VIEWER, 2}, {"db", AQ_ROLE_MEMBER, 3}, {"web", AQ_ROLE_VIEWER, 4}};
    (void)context;
    const struct aq_caller caller = ann(AQ_ROLE_MEMBER, all, AQ_LENGTH(all));
    check_projects(&caller, "", false, "a a-b web ");
    check_projects(&caller, "", true, "web a-b a ");
    check_projects(&caller, "a", false, "a-b web ");
    check_projects(&caller, "a-b", true, "a ");
    check_projects(&caller, "c", false, "web ");
    check_projects(&caller, "web", false, "");
}

static void every_entity_of_projects_has_an_index(void **context)
{
    const struct aq_entity *entity;
    unsigned count = 0;
    (void)context;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        if (entity->project != NULL && !aq_access_rows_are_projects(entity))
            count += index_table(index_of_project(entity)) != NULL;
    assert_int_equal(count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(rows_come_in_order_from_all_projects),  SPEC_TEST(a_row_comes_once),
        SPEC_TEST(who_sees_nothing_gets_nothing),         SPEC_TEST(every_entity_of_projects_has_an_index),
        SPEC_TEST(projects_are_those_of_the_memberships),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
