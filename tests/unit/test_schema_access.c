/* Who may do what: permissions, roles, and the owners of rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/model/access.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/role.h"
#include "schema/model/user.h"
#include "tests/lib/cluster.h"

static enum aq_scope scope_in(const struct aq_rights *rights, const char *name)
{
    const struct aq_permission *permission = aq_permission_named(name);
    assert_non_null(permission);
    return aq_rights_scope(rights, permission);
}

static struct aq_rights rights_of(const char *pattern, const char *other)
{
    struct aq_rights rights = {.all = {0}};
    aq_rights_add(&rights, pattern);
    if (other != NULL)
        aq_rights_add(&rights, other);
    return rights;
}

/* ---- the table ------------------------------------------------------------------------------------------ */

static void every_command_and_view_has_a_permission(void **state)
{
    (void)state;
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        char name[AQ_PERMISSION_SIZE];
        if (command->kind == AQ_INTERNAL_COMMAND)
            continue;
        snprintf(name, sizeof name, "%s.%s", command->entity->name, command->verb);
        assert_string_equal(aq_permission_of_command(command)->name, name);
        assert_ptr_equal(aq_permission_named(name), aq_permission_of_command(command));
    }
    const struct aq_view *view;
    for (size_t i = 0; (view = aq_view_at(i)) != NULL; i++)
        assert_ptr_equal(aq_permission_of_view(view)->entity, view->entity);
    assert_string_equal(aq_permission_of_view(aq_view_of(&aq_entity_application, "why"))->name, "application.why");
    assert_string_equal(aq_permission_of_view(aq_view_of(&aq_entity_label, "definition.yml"))->name, "label.read");
    assert_null(aq_permission_named("resource.start")); /* agents alone */
    assert_null(aq_permission_named("label"));
}

static void each_permission_has_its_number_and_help(void **state)
{
    (void)state;
    const struct aq_permission *permission;
    size_t i = 0;
    for (; (permission = aq_permission_at(i)) != NULL; i++) {
        assert_int_equal(permission->number, i);
        assert_ptr_equal(aq_permission_named(permission->name), permission);
        assert_true(permission->help[0] != '\0');
    }
    assert_true(i > 40 && i < AQ_PERMISSIONS_MAX);
}

/* ---- patterns ------------------------------------------------------------------------------------------- */

static void patterns_permit_what_they_match(void **state)
{
    (void)state;
    struct aq_rights rights = rights_of("label.*", "application.deallocate:own");
    assert_int_equal(scope_in(&rights, "label.create"), AQ_SCOPE_ALL);
    assert_int_equal(scope_in(&rights, "label.list"), AQ_SCOPE_ALL);
    assert_int_equal(scope_in(&rights, "application.deallocate"), AQ_SCOPE_OWN);
    assert_int_equal(scope_in(&rights, "application.create"), AQ_SCOPE_NONE);
    assert_int_equal(scope_in(&rights, "cluster.read"), AQ_SCOPE_NONE);
    rights = rights_of("*.read", NULL);
    assert_int_equal(scope_in(&rights, "cluster.read"), AQ_SCOPE_ALL);
    assert_int_equal(scope_in(&rights, "user.read"), AQ_SCOPE_ALL);
    assert_int_equal(scope_in(&rights, "user.list"), AQ_SCOPE_NONE);
    rights = rights_of("*", NULL);
    const struct aq_permission *permission;
    for (size_t i = 0; (permission = aq_permission_at(i)) != NULL; i++)
        assert_int_equal(aq_rights_scope(&rights, permission), AQ_SCOPE_ALL);
}

/* An own right never adds to a whole one, in whatever order they come; and what is nobody's is not one's own. */
static void own_rows_are_less_than_all(void **state)
{
    (void)state;
    struct aq_rights rights = rights_of("application.read:own", "application.read");
    assert_int_equal(scope_in(&rights, "application.read"), AQ_SCOPE_ALL);
    rights = rights_of("application.read", "application.read:own");
    assert_int_equal(scope_in(&rights, "application.read"), AQ_SCOPE_ALL);
    rights = rights_of("*:own", NULL);
    assert_int_equal(scope_in(&rights, "application.read"), AQ_SCOPE_OWN);
    assert_int_equal(scope_in(&rights, "label.read"), AQ_SCOPE_NONE);
    assert_int_equal(scope_in(&rights, "cluster.verify"), AQ_SCOPE_NONE);
    assert_int_equal(scope_in(&rights, "user.token"), AQ_SCOPE_OWN);
    assert_int_equal(scope_in(&rights, "user.create"), AQ_SCOPE_NONE); /* a new user is not its creator's own */
}

static void a_bad_pattern_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *message;
    } bad[] = {
        {"", "\"\" is no pattern of permissions: write ENTITY.VERB"},
        {"label", "\"label\" is no pattern of permissions"},
        {"label.lend", "\"label.lend\" permits nothing; the verbs of label are read, list, events, "},
        {"lable.*", "\"lable.*\" permits nothing; there is application, "},
        {"labels.create", "\"labels.create\" permits nothing; there is application, "},
        {"label.cre*", "\"label.cre*\" permits nothing"},
        {"label.read:own", "\"label.read:own\" permits nothing: label.read is not about rows that users own"},
        {"label.read:mine", "\"label.read:mine\" permits nothing"},
        {":own", "\":own\" is no pattern"},
        {"resource.start", "\"resource.start\" permits nothing"},
    };
    struct aq_error error = {0};
    for (size_t i = 0; i < AQ_LENGTH(bad); i++) {
        assert_int_equal(aq_pattern_check(bad[i].pattern, &error), -1);
        assert_int_equal(error.code, AQ_E_INVALID);
        assert_memory_equal(error.message, bad[i].message, strlen(bad[i].message));
    }
    static const char *const good[] = {
        "*", "*.*", "label.*", "*.list", "*:own", "application.*:own", "cluster.metrics"};
    for (size_t i = 0; i < AQ_LENGTH(good); i++)
        assert_int_equal(aq_pattern_check(good[i], &error), 0);
}

/* ---- more and less -------------------------------------------------------------------------------------- */

static void rights_cover_and_meet(void **state)
{
    (void)state;
    const struct aq_permission *lacking;
    enum aq_scope scope;
    const struct aq_rights own = rights_of("application.*:own", NULL), all = rights_of("application.*", NULL);
    const struct aq_rights whole = aq_rights_whole();
    assert_true(aq_rights_cover(&whole, &all, &lacking, &scope));
    assert_true(aq_rights_cover(&all, &own, &lacking, &scope));
    assert_true(aq_rights_cover(&own, &own, &lacking, &scope));
    assert_false(aq_rights_cover(&own, &all, &lacking, &scope));
    assert_string_equal(lacking->name, "application.read");
    assert_int_equal(scope, AQ_SCOPE_ALL);
    struct aq_rights both = aq_rights_both(&all, &own);
    assert_int_equal(scope_in(&both, "application.read"), AQ_SCOPE_OWN);
    const struct aq_rights labels = rights_of("label.*", NULL);
    both = aq_rights_both(&all, &labels);
    assert_int_equal(scope_in(&both, "application.read"), AQ_SCOPE_NONE);
    assert_int_equal(scope_in(&both, "label.read"), AQ_SCOPE_NONE);
    both = own;
    aq_rights_join(&both, &labels);
    assert_int_equal(scope_in(&both, "label.read"), AQ_SCOPE_ALL);
    aq_rights_join(&both, &all);
    assert_int_equal(scope_in(&both, "application.read"), AQ_SCOPE_ALL);
}

/* ---- built-in roles ------------------------------------------------------------------------------------- */

static void built_in_roles_have_good_patterns(void **state)
{
    (void)state;
    struct aq_error error = {0};
    const struct aq_role *role;
    for (size_t i = 0; (role = aq_role_built_in_at(i)) != NULL; i++) {
        assert_true(role->built_in);
        assert_ptr_equal(aq_role_built_in(role->name), role);
        for (uint32_t k = 0; k < role->may.count; k++)
            if (aq_pattern_check(AQ_TEXT_ITEM(role->may, k), &error) != 0)
                fail_msg("%s: %s", role->name, error.message);
    }
    assert_null(aq_role_built_in("root"));
}

/* ---- callers -------------------------------------------------------------------------------------------- */

static void a_permission_that_is_lacking_is_named(void **state)
{
    (void)state;
    struct aq_error error = {0};
    const struct aq_caller bob = test_caller("bob", AQ_ROLE_USER), root = test_caller("root", AQ_ROLE_ADMIN);
    const struct aq_permission *verify = aq_permission_named("cluster.verify");
    assert_int_equal(aq_access_check(&root, verify, "verify the log", &error), 0);
    assert_int_equal(aq_access_check(&bob, aq_permission_named("application.read"), "look", &error), 0);
    assert_int_equal(error.code, AQ_OK);
    assert_int_equal(aq_access_check(&bob, verify, "verify the log", &error), -1);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
    assert_string_equal(error.message,
                        "bob may not verify the log: that takes the permission cluster.verify, which the "
                        "role user does not give");
    char action[AQ_ACTION_SIZE];
    aq_permission_action(aq_permission_named("resource.exec"), action);
    assert_string_equal(action, "run exec on resources");
    aq_permission_action(aq_permission_named("resource.log"), action);
    assert_string_equal(action, "read log of resources");
}

static void a_name_without_a_user_is_refused(void **state)
{
    (void)state;
    struct aq_error error = {0};
    assert_int_equal(aq_access_refuse_unknown("eve", &error), -1);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
    assert_string_equal(error.message, "eve is not a user of this cluster");
}

static void a_row_is_for_its_owner_and_for_who_may_see_all(void **state)
{
    (void)state;
    const struct aq_permission *read = aq_permission_of(&aq_entity_application, "read");
    const struct aq_application row = {.user = "bob", .user_number = 7}, left = {.user = "bob"};
    struct aq_caller bob = test_caller("bob", AQ_ROLE_USER), ann = test_caller("ann", AQ_ROLE_USER), next_bob = bob,
                     nobody = bob, root = test_caller("ann", AQ_ROLE_ADMIN);
    bob.number = 7;
    ann.number = root.number = 8;
    next_bob.number = 9;
    assert_string_equal(aq_access_owner_field(&aq_entity_application)->name, "user_number");
    assert_true(aq_access_allows_row(&bob, read, &row));
    assert_false(aq_access_allows_row(&ann, read, &row));
    assert_false(aq_access_allows_row(&next_bob, read, &row)); /* the name alone is nothing */
    assert_true(aq_access_allows_row(&root, read, &row));
    assert_false(aq_access_allows_row(&nobody, read, &left));
    assert_true(aq_access_allows(&bob, read, 7, "default"));
    assert_false(aq_access_allows(&ann, read, 7, "default"));
    assert_true(aq_access_owns(&bob, &aq_entity_application, &row));
    assert_false(aq_access_owns(&root, &aq_entity_application, &row));
}

static void a_user_owns_one_row_of_the_users(void **state)
{
    (void)state;
    assert_true(aq_access_owns_one_row(&aq_entity_user));
    assert_false(aq_access_owns_one_row(&aq_entity_application));
    assert_false(aq_access_owns_one_row(&aq_entity_label));
}

static void rows_that_nobody_owns_are_for_who_may_see_all(void **state)
{
    (void)state;
    const struct aq_label row = {.created_by = "bob"};
    const struct aq_caller bob = test_caller("bob", AQ_ROLE_USER);
    struct aq_caller nobody = test_caller("bob", AQ_ROLE_USER);
    nobody.rights = rights_of("*:own", NULL);
    const struct aq_permission *read = aq_permission_of(&aq_entity_label, "read");
    assert_null(aq_access_owner_field(&aq_entity_label));
    assert_true(aq_access_allows_row(&bob, read, &row));
    assert_false(aq_access_allows_row(&nobody, read, &row));
}

/* ---- projects ------------------------------------------------------------------------------------------- */

static const struct aq_permission *of(const char *name)
{
    const struct aq_permission *permission = aq_permission_named(name);
    assert_non_null(permission);
    return permission;
}

static void only_what_belongs_to_projects_is_given_in_one(void **state)
{
    (void)state;
    static const char *const given[] = {
        "application.create", "application.read",  "application.why",   "resource.log",   "label.create",
        "label.apply",        "project.read",      "project.list",      "project.events", "membership.create",
        "membership.delete",  "membership.update", "membership.events",
    };
    static const char *const not_given[] = {"project.create", "project.update", "project.delete",  "node.read",
                                            "user.read",      "token.create",   "role.create",     "join_token.create",
                                            "cluster.exceed", "label.exceed",   "cluster.metrics", "user.create"};
    for (size_t i = 0; i < AQ_LENGTH(given); i++)
        assert_true(of(given[i])->in_project);
    for (size_t i = 0; i < AQ_LENGTH(not_given); i++)
        assert_false(of(not_given[i])->in_project);
    struct aq_rights rights = aq_rights_whole();
    aq_rights_keep_project(&rights);
    const struct aq_permission *permission;
    for (size_t i = 0; (permission = aq_permission_at(i)) != NULL; i++)
        assert_int_equal(aq_rights_scope(&rights, permission), permission->in_project ? AQ_SCOPE_ALL : AQ_SCOPE_NONE);
    assert_false(of("membership.create")->has_own); /* nobody makes itself a member by a right to its own rows */
    assert_false(of("membership.update")->has_own);
    assert_true(of("membership.read")->has_own);
}

/* What a role in the cluster and one in the project of the row give, together. */
static void rights_in_the_cluster_and_in_the_project_add_up(void **state)
{
    (void)state;
    const struct aq_permission *read = of("application.read"), *deallocate = of("application.deallocate"),
                               *node = of("node.read");
    const struct aq_grant grants[] = {{"db", rights_of("application.*:own", NULL)}, {"web", rights_of("*.read", NULL)}};
    const struct aq_user user = {.name = "bob", .number = 7, .role = "member"};
    const struct aq_rights none = {.all = {0}}, own = rights_of("application.deallocate:own", NULL);
    struct aq_caller bob = aq_caller_of_user(&user, &none);
    aq_caller_set_grants(&bob, grants, AQ_LENGTH(grants));
    struct aq_application row = {.user_number = 8, .project = "web"};
    assert_true(aq_access_allows_row(&bob, read, &row));
    assert_false(aq_access_allows_row(&bob, deallocate, &row));
    row.project = "db";
    assert_false(aq_access_allows_row(&bob, read, &row));
    row.user_number = 7;
    assert_true(aq_access_allows_row(&bob, read, &row));
    assert_true(aq_access_allows_row(&bob, deallocate, &row));
    row.project = "default";
    assert_false(aq_access_allows_row(&bob, read, &row));
    bob.rights = own;
    aq_caller_set_grants(&bob, grants, AQ_LENGTH(grants));
    assert_true(aq_access_allows_row(&bob, deallocate, &row));
    row.project = "web";
    assert_true(aq_access_allows_row(&bob, deallocate, &row));
    row.user_number = 8;
    assert_false(aq_access_allows_row(&bob, deallocate, &row));
    assert_int_equal(aq_access_scope(&bob, deallocate, "web"), AQ_SCOPE_OWN);
    assert_int_equal(aq_access_scope(&bob, read, "web"), AQ_SCOPE_ALL);
    assert_int_equal(aq_access_scope(&bob, read, "we"), AQ_SCOPE_NONE);
    assert_int_equal(aq_access_scope(&bob, read, "webb"), AQ_SCOPE_NONE);
    assert_int_equal(aq_rights_scope(&bob.somewhere, node), AQ_SCOPE_ALL); /* as it was given here: rights.c masks it */
    assert_int_equal(aq_access_scope(&bob, node, NULL), AQ_SCOPE_NONE);
}

static void rows_of_all_projects_are_read_by_who_may_in_one(void **state)
{
    (void)state;
    const struct aq_grant grants[] = {{"web", rights_of("label.*", NULL)}};
    const struct aq_user user = {.name = "bob", .number = 7, .role = "member"};
    const struct aq_rights none = {.all = {0}};
    struct aq_caller bob = aq_caller_of_user(&user, &none);
    const struct aq_label all = {.project = ""}, web = {.project = "web"}, db = {.project = "db"};
    assert_false(aq_access_allows_row(&bob, of("label.read"), &all));
    aq_caller_set_grants(&bob, grants, AQ_LENGTH(grants));
    assert_true(aq_access_allows_row(&bob, of("label.read"), &all));
    assert_true(aq_access_allows_row(&bob, of("label.read"), &web));
    assert_false(aq_access_allows_row(&bob, of("label.read"), &db));
    assert_false(aq_access_allows_row(&bob, of("label.delete"), &all));
    assert_true(aq_access_allows_row(&bob, of("label.delete"), &web));
    bob.rights = rights_of("label.delete", NULL);
    aq_caller_set_grants(&bob, grants, AQ_LENGTH(grants));
    assert_true(aq_access_allows_row(&bob, of("label.delete"), &all));
}

static void note(void *context, const char *text)
{
    aq_buffer_format(context, "%s;", text);
}

static void what_a_caller_may_do_is_listed_with_the_projects(void **state)
{
    (void)state;
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    const struct aq_grant grants[] = {{"db", rights_of("application.read:own", NULL)},
                                      {"web", rights_of("application.read", "label.read")}};
    const struct aq_user user = {.name = "bob", .number = 7, .role = "member"};
    const struct aq_rights rights = rights_of("application.read:own", "node.read");
    struct aq_caller bob = aq_caller_of_user(&user, &rights), other;
    aq_caller_set_grants(&bob, grants, AQ_LENGTH(grants));
    aq_caller_list(&bob, note, &out);
    assert_string_equal(aq_buffer_string(&out),
                        "application.read:own;node.read;application.read in web;label.read in web;");
    other = bob;
    assert_true(aq_caller_same_rights(&bob, &other));
    aq_caller_set_grants(&other, grants, 1);
    assert_false(aq_caller_same_rights(&bob, &other));
    aq_caller_set_grants(&other, grants + 1, 1);
    aq_caller_set_grants(&bob, grants, 1);
    assert_false(aq_caller_same_rights(&bob, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_and_view_has_a_permission),
        cmocka_unit_test(each_permission_has_its_number_and_help),
        cmocka_unit_test(patterns_permit_what_they_match),
        cmocka_unit_test(own_rows_are_less_than_all),
        cmocka_unit_test(a_bad_pattern_is_refused),
        cmocka_unit_test(rights_cover_and_meet),
        cmocka_unit_test(built_in_roles_have_good_patterns),
        cmocka_unit_test(only_what_belongs_to_projects_is_given_in_one),
        cmocka_unit_test(rights_in_the_cluster_and_in_the_project_add_up),
        cmocka_unit_test(rows_of_all_projects_are_read_by_who_may_in_one),
        cmocka_unit_test(what_a_caller_may_do_is_listed_with_the_projects),
        cmocka_unit_test(a_permission_that_is_lacking_is_named),
        cmocka_unit_test(a_name_without_a_user_is_refused),
        cmocka_unit_test(a_row_is_for_its_owner_and_for_who_may_see_all),
        cmocka_unit_test(a_user_owns_one_row_of_the_users),
        cmocka_unit_test(rows_that_nobody_owns_are_for_who_may_see_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
