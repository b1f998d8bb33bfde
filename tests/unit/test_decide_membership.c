/* Roles in projects: who gives them, what they give, and what ends with them. */
#include "controller/state/rights.h"
#include "schema/model/membership.h"
#include "schema/model/project.h"
#include "schema/model/token.h"
#include "tests/lib/decide_case.h"

#include <stdio.h>

/* The next commands are the user's, with the rights that the tables give it, by its token if that is not 0. */
static void as_user(const char *name, uint64_t token)
{
    struct aq_user user;
    struct aq_token row;
    assert_true(state_user(spec.txn, name, &user, &spec.arena));
    spec.caller = rights_caller(spec.txn, &user, &spec.arena);
    if (token == 0)
        return;
    assert_true(state_token(spec.txn, token, &row, &spec.arena));
    spec.caller = rights_caller_with(spec.txn, &user, &row, &spec.arena);
}

static void given_member(uint64_t id, const char *project, const char *user, const char *role)
{
    GIVEN(membership_created, .id = id, .project = project, .user = user, .role = role);
}

/* Projects web and db; a label for all, one of each project. Of ann, bob, carl and dora, ann works in web, bob sees
 * web, carl leads web, and dora has nothing. */
static void given_projects(void)
{
    static const char *const users[] = {"ann", "bob", "carl", "dora"};
    struct aq_definition one = {.driver = "test", .options = "{}", .resources = {.cpu = 1000}};
    as_system();
    for (size_t i = 0; i < AQ_LENGTH(users); i++)
        GIVEN(user_created, .name = users[i], .role = AQ_ROLE_MEMBER, .hash = users[i]);
    GIVEN(project_created, .name = "web");
    GIVEN(project_created, .name = "db");
    given_label(1, "mac", 1);
    GIVEN(label_created, .id = 2, .name = "page", .version = 1, .definitions = {&one, 1}, .project = "web");
    GIVEN(label_created, .id = 3, .name = "store", .version = 1, .definitions = {&one, 1}, .project = "db");
    given_member(1, "web", "ann", AQ_ROLE_USER);
    given_member(2, "web", "bob", AQ_ROLE_VIEWER);
    given_member(3, "web", "carl", AQ_ROLE_ADMIN);
}

static struct aq_user the_user(const char *name)
{
    struct aq_user user;
    assert_true(state_user(spec.txn, name, &user, &spec.arena));
    return user;
}

/* "db:viewer web:user" */
static const char *roles_of(const char *name)
{
    static char text[256];
    const struct aq_user user = the_user(name);
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < user.memberships.count; i++) {
        const struct aq_user_membership *row = AQ_ITEM(user.memberships, struct aq_user_membership, i);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s:%s", i > 0 ? " " : "", row->project, row->role);
    }
    return text;
}

/* ---- giving roles --------------------------------------------------------------------------------------- */

static void an_admin_gives_roles_in_projects(void **context)
{
    (void)context;
    given_projects();
    as_system();
    WHEN(membership_create, .project = "web", .user = "dora", .role = AQ_ROLE_VIEWER);
    THEN(membership_created, .id = 4, .project = "web", .user = "dora", .role = AQ_ROLE_VIEWER);
    DONE();
    assert_string_equal(spec.decide.id, "4");
    DO(membership_create, .project = "db", .user = "dora", .role = AQ_ROLE_USER);
    assert_string_equal(roles_of("dora"), "db:user web:viewer");
    WHEN(membership_create, .project = "web", .user = "dora", .role = AQ_ROLE_USER);
    REFUSED(AQ_E_EXISTS, "user dora has the role viewer in project web already: update membership web:dora");
    WHEN(membership_update, .id = 4, .role = AQ_ROLE_USER);
    THEN(membership_updated, .id = 4, .project = "web", .user = "dora", .role = AQ_ROLE_USER);
    DONE();
    assert_string_equal(roles_of("dora"), "db:user web:user");
    WHEN(membership_update, .id = 4, .role = AQ_ROLE_USER);
    DONE();
    WHEN(membership_delete, .id = 5);
    THEN(membership_deleted, .id = 5, .project = "db", .user = "dora");
    DONE();
    assert_string_equal(roles_of("dora"), "web:user");
}

static void what_a_membership_names_must_be_there(void **context)
{
    (void)context;
    given_projects();
    as_system();
    WHEN(membership_create, .project = "nil", .user = "dora", .role = AQ_ROLE_USER);
    REFUSED(AQ_E_INVALID, "project is \"nil\", but there is no such project");
    WHEN(membership_create, .project = "web", .user = "eve", .role = AQ_ROLE_USER);
    REFUSED(AQ_E_NOT_FOUND, "there is no user eve");
    WHEN(membership_create, .project = "web", .user = "dora", .role = "boss");
    REFUSED(AQ_E_INVALID, "role is \"boss\", but there is no such role");
    WHEN(membership_update, .id = 1, .role = "boss");
    REFUSED(AQ_E_INVALID, "role is \"boss\", but there is no such role");
    WHEN(membership_update, .id = 9, .role = AQ_ROLE_USER);
    REFUSED(AQ_E_NOT_FOUND, "there is no membership 9");
    WHEN(membership_delete, .id = 9);
    REFUSED(AQ_E_NOT_FOUND, "there is no membership 9");
}

static void a_role_about_other_things_gives_nothing(void **context)
{
    (void)context;
    given_projects();
    as_system();
    GIVEN(role_created, .name = "nodes", .may = ITEMS(const char *, "node.*", "project.update"));
    WHEN(membership_create, .project = "web", .user = "dora", .role = "nodes");
    assert_string_equal(spec.decide.warnings,
                        "the role nodes gives nothing in project web: none of its patterns is about what belongs to "
                        "one\n");
    THEN(membership_created, .id = 4, .project = "web", .user = "dora", .role = "nodes");
    DONE();
}

/* carl has the role admin in web, and nothing else. */
static void who_leads_a_project_manages_its_members(void **context)
{
    (void)context;
    given_projects();
    as_user("carl", 0);
    WHEN(membership_create, .project = "web", .user = "dora", .role = AQ_ROLE_ADMIN);
    THEN(membership_created, .id = 4, .project = "web", .user = "dora", .role = AQ_ROLE_ADMIN);
    DONE();
    DO(membership_update, .id = 2, .role = AQ_ROLE_USER);
    DO(membership_delete, .id = 1);
    assert_string_equal(roles_of("ann"), "");
    WHEN(membership_create, .project = "db", .user = "ann", .role = AQ_ROLE_USER);
    REFUSED(AQ_E_INVALID, "project is \"db\", but there is no such project");
    as_system();
    given_member(5, "db", "ann", AQ_ROLE_USER);
    as_user("carl", 0);
    WHEN(membership_update, .id = 5, .role = AQ_ROLE_VIEWER);
    REFUSED(AQ_E_NOT_FOUND, "there is no membership 5");
    WHEN(membership_delete, .id = 5);
    REFUSED(AQ_E_NOT_FOUND, "there is no membership 5");
    WHEN(user_create, .name = "eve", .hash = "e");
    REFUSED(AQ_E_FORBIDDEN,
            "carl may not create users: that takes the permission user.create, which the role member does not give");
    WHEN(project_update, .name = "web", .cpu = 1);
    REFUSED(AQ_E_FORBIDDEN, "carl may not update projects: that takes the permission project.update, which the role "
                            "member does not give");
}

static void nobody_gives_more_than_they_have_in_the_project(void **context)
{
    (void)context;
    given_projects();
    as_system();
    GIVEN(role_created, .name = "lead", .may = ITEMS(const char *, "membership.*", "project.read", "application.*"));
    given_member(4, "web", "dora", "lead");
    as_user("dora", 0);
    WHEN(membership_update, .id = 1, .role = AQ_ROLE_VIEWER);
    REFUSED(AQ_E_FORBIDDEN, "user ann with the role user gives resource.read in project web, which dora does not have "
                            "there: nobody gives more than they have");
    WHEN(membership_delete, .id = 3);
    REFUSED(AQ_E_FORBIDDEN, "user carl with the role admin gives resource.read for all rows in project web, which dora "
                            "does not have there: nobody gives more than they have");
    WHEN(membership_update, .id = 4, .role = AQ_ROLE_ADMIN);
    REFUSED(AQ_E_FORBIDDEN, "the role admin gives resource.read for all rows in project web, which dora does not have "
                            "there: nobody gives more than they have");
    as_system();
    GIVEN(role_created, .name = "runner", .may = ITEMS(const char *, "application.*:own"));
    GIVEN(user_created, .name = "fred", .role = AQ_ROLE_MEMBER, .hash = "f");
    as_user("dora", 0);
    DO(membership_create, .project = "web", .user = "fred", .role = "runner");
    as_user("bob", 0);
    WHEN(membership_delete, .id = 5);
    REFUSED(AQ_E_FORBIDDEN, "bob may not delete memberships: that takes the permission membership.delete, which the "
                            "role member does not give");
}

static void a_user_has_roles_in_so_many_projects(void **context)
{
    static char names[AQ_MEMBERSHIPS_OF_USER_MAX + 1][16];
    (void)context;
    given_projects();
    as_system();
    for (unsigned i = 0; i <= AQ_MEMBERSHIPS_OF_USER_MAX; i++) {
        snprintf(names[i], sizeof names[i], "p%u", i);
        GIVEN(project_created, .name = names[i]);
    }
    for (unsigned i = 0; i < AQ_MEMBERSHIPS_OF_USER_MAX; i++)
        DO(membership_create, .project = names[i], .user = "dora", .role = AQ_ROLE_USER);
    WHEN(membership_create, .project = names[AQ_MEMBERSHIPS_OF_USER_MAX], .user = "dora", .role = AQ_ROLE_USER);
    REFUSED(AQ_E_LIMIT, "user dora has roles in 64 projects already, which is the limit");
    as_user("dora", 0);
    for (unsigned i = 0; i < AQ_MEMBERSHIPS_OF_USER_MAX; i++)
        assert_non_null(aq_caller_grant(&spec.caller, names[i]));
    assert_null(aq_caller_grant(&spec.caller, names[AQ_MEMBERSHIPS_OF_USER_MAX]));
    assert_null(aq_caller_grant(&spec.caller, ""));
    assert_null(aq_caller_grant(&spec.caller, "zzz"));
}

/* ---- what they give ------------------------------------------------------------------------------------- */

static void a_member_creates_applications_in_its_project_only(void **context)
{
    (void)context;
    given_projects();
    as_user("ann", 0);
    DO(application_create, .label = "mac", .project = "web");
    DO(application_create, .label = "page", .project = "web");
    assert_string_equal(the_application(1).project, "web");
    WHEN(application_create, .label = "mac", .project = "db");
    REFUSED(AQ_E_INVALID, "project is \"db\", but there is no such project");
    WHEN(application_create, .label = "mac", .project = "nil");
    REFUSED(AQ_E_INVALID, "project is \"nil\", but there is no such project");
    DO(application_deallocate, .id = 1);
    as_user("bob", 0); /* sees it, and no more */
    WHEN(application_create, .label = "mac", .project = "web");
    REFUSED(AQ_E_FORBIDDEN, "bob may not create applications: that takes the permission application.create, which the "
                            "role member does not give");
    as_user("dora", 0);
    WHEN(application_create, .label = "mac", .project = "web");
    REFUSED(AQ_E_FORBIDDEN, "dora may not create applications: that takes the permission application.create, which the "
                            "role member does not give");
}

static void who_may_create_in_one_project_only_need_not_name_it(void **context)
{
    static struct aq_definition one = {.driver = "test", .options = "{}"};
    (void)context;
    given_projects();
    as_user("ann", 0);
    DO(application_create, .label = "mac");
    assert_string_equal(the_application(1).project, "web");
    DO(application_create, .label = "page");
    assert_string_equal(the_application(2).project, "web");
    as_user("carl", 0);
    DO(label_create, .name = "other", .definitions = {&one, 1});
    DO(label_apply, .name = "other", .definitions = {&one, 1}, .description = "again");
    as_system();
    given_member(4, "db", "ann", AQ_ROLE_VIEWER);
    as_user("ann", 0);
    DO(application_create, .label = "mac");
    assert_string_equal(the_application(3).project, "web");
    as_system();
    GIVEN(membership_updated, .id = 4, .project = "db", .user = "ann", .role = AQ_ROLE_USER);
    as_user("ann", 0);
    WHEN(application_create, .label = "mac");
    REFUSED(AQ_E_FORBIDDEN, "ann may not create applications in project default, to which those belong that name no "
                            "project: name one, such as project=db");
    as_system();
    given_member(5, "default", "ann", AQ_ROLE_USER);
    as_user("ann", 0);
    DO(application_create, .label = "mac");
    assert_string_equal(the_application(4).project, "default");
    as_system();
    GIVEN(membership_deleted, .id = 4, .project = "db", .user = "ann");
    GIVEN(membership_deleted, .id = 5, .project = "default", .user = "ann");
    GIVEN(user_updated, .name = "ann", .role = AQ_ROLE_USER); /* may in the whole cluster */
    as_user("ann", 0);
    DO(application_create, .label = "mac");
    assert_string_equal(the_application(5).project, "default");
}

static void a_viewer_of_one_project_and_user_of_another_is_told_which(void **context)
{
    (void)context;
    given_projects();
    as_system();
    given_member(4, "db", "ann", AQ_ROLE_VIEWER);
    as_user("ann", 0);
    WHEN(application_create, .label = "mac", .project = "db");
    REFUSED(AQ_E_FORBIDDEN, "ann may not do that in project db: it takes the permission application.create there");
}

static void applications_of_others_are_ended_by_who_leads(void **context)
{
    (void)context;
    given_projects();
    as_system();
    given_member(4, "db", "dora", AQ_ROLE_USER);
    as_user("ann", 0);
    DO(application_create, .label = "page", .project = "web");
    as_user("dora", 0);
    DO(application_create, .label = "mac", .project = "db");
    WHEN(application_deallocate, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 1");
    as_user("bob", 0);
    WHEN(application_deallocate, .id = 1);
    REFUSED(AQ_E_FORBIDDEN, "bob may not run deallocate on applications: that takes the permission "
                            "application.deallocate, which the role member does not give");
    as_user("carl", 0);
    WHEN(application_deallocate, .id = 2);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 2");
    WHEN(application_extend, .id = 2, .lifetime = 60);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 2");
    DO(application_extend, .id = 1, .lifetime = 60);
    DO(application_deallocate, .id = 1);
    assert_int_equal(the_application(1).status, AQ_RECALLED);
}

static void labels_are_used_in_their_project(void **context)
{
    (void)context;
    given_projects();
    as_user("ann", 0);
    WHEN(application_create, .label = "store", .project = "web");
    REFUSED(AQ_E_NOT_FOUND, "there is no label store");
    WHEN(application_create, .label = "store:1", .project = "web");
    REFUSED(AQ_E_NOT_FOUND, "there is no version 1 of label store");
    WHEN(application_create, .label_id = 3, .project = "web");
    REFUSED(AQ_E_NOT_FOUND, "there is no label 3");
    WHEN(application_create, .label_id = 4711, .project = "web");
    REFUSED(AQ_E_NOT_FOUND, "there is no label 4711");
    as_system();
    GIVEN(user_created, .name = "root", .role = AQ_ROLE_ADMIN, .hash = "r");
    as_user("root", 0);
    WHEN(application_create, .label = "store", .project = "web");
    REFUSED(AQ_E_INVALID, "label store belongs to project db: it cannot be used in project web");
    WHEN(application_create, .label = "store");
    REFUSED(AQ_E_INVALID, "label store belongs to project db: it cannot be used in project default");
    DO(application_create, .label = "store", .project = "db");
}

static void labels_are_made_for_the_project(void **context)
{
    static struct aq_definition one = {.driver = "test", .options = "{}", .resources = {.cpu = 1000}};
    (void)context;
    given_projects();
    as_user("carl", 0);
    WHEN(label_create, .name = "shop", .definitions = {&one, 1}, .project = "web");
    THEN(label_created, .id = 4, .name = "shop", .version = 1, .definitions = {&one, 1}, .project = "web");
    DONE();
    WHEN(label_apply, .name = "page", .definitions = {&one, 1}, .description = "new");
    THEN(label_created, .id = 5, .name = "page", .version = 2, .definitions = {&one, 1}, .description = "new",
         .project = "web");
    DONE();
    as_system();
    given_member(4, "db", "carl", AQ_ROLE_ADMIN);
    as_user("carl", 0);
    WHEN(label_create, .name = "other", .definitions = {&one, 1});
    REFUSED(AQ_E_FORBIDDEN, "carl may not create labels for all projects: that takes the permission label.create in "
                            "all of them; name a project");
    as_system();
    GIVEN(membership_deleted, .id = 4, .project = "db", .user = "carl");
    as_user("carl", 0);
    WHEN(label_create, .name = "other", .definitions = {&one, 1}, .project = "db");
    REFUSED(AQ_E_INVALID, "project is \"db\", but there is no such project");
    WHEN(label_create, .name = "store", .definitions = {&one, 1}, .project = "web");
    REFUSED(AQ_E_EXISTS, "the name store is taken already: choose another");
    WHEN(label_apply, .name = "store", .definitions = {&one, 1}); /* the same as it has */
    REFUSED(AQ_E_EXISTS, "the name store is taken already: choose another");
    WHEN(label_create, .name = "mac", .definitions = {&one, 1}, .project = "web");
    REFUSED(AQ_E_FORBIDDEN, "label mac belongs to all projects: a new version takes the permission label.create there");
    WHEN(label_delete, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no label 1");
    WHEN(label_delete, .id = 3);
    REFUSED(AQ_E_NOT_FOUND, "there is no label 3");
    DO(label_delete, .id = 4);
    as_system();
    WHEN(label_create, .name = "page", .definitions = {&one, 1}, .project = "db");
    REFUSED(AQ_E_INVALID, "project is \"db\", but label page belongs to project web, and so do all its versions");
    WHEN(label_create, .name = "mac", .definitions = {&one, 1}, .project = "db");
    REFUSED(AQ_E_INVALID, "project is \"db\", but label mac belongs to all projects, and so do all its versions");
    DO(label_create, .name = "page", .definitions = {&one, 1}, .description = "by admin");
}

/* ---- users and tokens ----------------------------------------------------------------------------------- */

static void a_user_is_created_for_one_project(void **context)
{
    (void)context;
    given_projects();
    as_system();
    WHEN(user_create, .name = "ci-bot", .role = AQ_ROLE_USER, .project = "web", .max_applications = 20, .hash = "c");
    THEN(user_created, .name = "ci-bot", .role = AQ_ROLE_MEMBER, .max_applications = 20, .hash = "c");
    THEN(membership_created, .id = 4, .project = "web", .user = "ci-bot", .role = AQ_ROLE_USER);
    DONE();
    assert_string_equal(spec.decide.id, "ci-bot");
    assert_string_equal(roles_of("ci-bot"), "web:user");
    WHEN(user_create, .name = "bot-2", .project = "nil", .hash = "c");
    REFUSED(AQ_E_INVALID, "project is \"nil\", but there is no such project");
    GIVEN(role_created, .name = "helper", .may = ITEMS(const char *, "user.create", "project.read", "role.*"));
    GIVEN(user_created, .name = "help", .role = "helper", .hash = "h");
    as_user("help", 0);
    WHEN(user_create, .name = "bot-2", .project = "web", .hash = "c");
    assert_int_equal(spec.status, -1);
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
}

static void a_token_acts_in_one_project(void **context)
{
    (void)context;
    given_projects();
    as_system();
    GIVEN(user_updated, .name = "ann", .role = AQ_ROLE_USER); /* everywhere, from now on */
    as_user("ann", 0);
    WHEN(token_create, .name = "ci", .project = "web", .hash = "t",
         .only = ITEMS(const char *, "application.create", "application.deallocate"));
    THEN(token_created, .id = 5, .user = "ann", .name = "ci", .project = "web", .hash = "t",
         .only = ITEMS(const char *, "application.create", "application.deallocate"));
    DONE();
    DO(application_create, .label = "mac");
    as_user("ann", 5);
    DO(application_create, .label = "mac");
    assert_string_equal(the_application(1).project, "default");
    assert_string_equal(the_application(2).project, "web");
    WHEN(application_create, .label = "mac", .project = "default");
    REFUSED(AQ_E_INVALID, "project is \"default\", but there is no such project");
    WHEN(application_deallocate, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 1");
    DO(application_deallocate, .id = 2);
    WHEN(token_create, .name = "more", .hash = "u");
    REFUSED(AQ_E_FORBIDDEN,
            "ann may not create tokens: that takes the permission token.create, which the token does not give");
    as_user("ann", 0);
    DO(token_create, .name = "wide", .project = "web", .hash = "u");
    as_user("ann", 6);
    WHEN(token_create, .name = "more", .hash = "v");
    REFUSED(AQ_E_FORBIDDEN, "ann may not create tokens: that takes the permission token.create, and the token acts in "
                            "project web only");
}

static void a_token_is_made_for_a_project_that_is_seen(void **context)
{
    (void)context;
    given_projects();
    as_user("ann", 0);
    WHEN(token_create, .name = "ci", .project = "db", .hash = "t");
    REFUSED(AQ_E_INVALID, "project is \"db\", but there is no such project");
    DO(token_create, .name = "ci", .project = "web", .hash = "t");
}

static void what_roles_in_projects_give_counts_for_tokens(void **context)
{
    (void)context;
    given_projects();
    as_system();
    GIVEN(role_created, .name = "desk",
          .may = ITEMS(const char *, "token.*", "user.*", "role.*", "membership.read", "membership.list",
                       "cluster.read", "cluster.metrics"));
    GIVEN(user_created, .name = "desk", .role = "desk", .hash = "d");
    as_user("desk", 0);
    DO(token_create, .user = "dora", .name = "x", .hash = "t"); /* a user with nothing but what everybody has */
    WHEN(token_create, .user = "carl", .name = "x", .hash = "u");
    REFUSED(AQ_E_FORBIDDEN, "token x gives application.read for all rows in project web, which desk does not have "
                            "there: nobody gives more than they have");
    WHEN(user_token, .name = "carl", .hash = "u");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    WHEN(user_delete, .name = "carl");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
    DO(user_delete, .name = "dora");
}

/* ---- what ends with what -------------------------------------------------------------------------------- */

static void a_deleted_user_takes_its_memberships_along(void **context)
{
    (void)context;
    given_projects();
    as_system();
    DO(membership_create, .project = "db", .user = "ann", .role = AQ_ROLE_VIEWER);
    assert_int_equal(spec_rows(INDEX_MEMBERSHIP_USER), 4);
    DO(user_delete, .name = "ann");
    assert_int_equal(spec_rows(INDEX_MEMBERSHIP_USER), 2);
    assert_int_equal(spec_rows(INDEX_MEMBERSHIP_PROJECT), 2);
    assert_int_equal(state_count(spec.txn, &aq_entity_membership), 2);
    GIVEN(user_created, .name = "ann", .role = AQ_ROLE_MEMBER, .hash = "again");
    assert_string_equal(roles_of("ann"), "");
    as_user("ann", 0);
    assert_int_equal(spec.caller.grant_count, 0);
}

static void a_deleted_project_takes_memberships_and_tokens_along(void **context)
{
    (void)context;
    given_projects();
    as_system();
    GIVEN(token_created, .id = 5, .user = "ann", .name = "ci", .project = "web", .hash = "t");
    GIVEN(token_created, .id = 6, .user = "ann", .name = "all", .hash = "u");
    WHEN(project_delete, .name = "web");
    REFUSED(AQ_E_STATE, "project web has labels, such as label page: delete them first");
    DO(label_delete, .id = 2);
    DO(project_delete, .name = "web");
    assert_string_equal(roles_of("ann"), "");
    assert_string_equal(roles_of("carl"), "");
    assert_int_equal(state_count(spec.txn, &aq_entity_membership), 0);
    assert_int_equal(spec_rows(INDEX_MEMBERSHIP_PROJECT), 0);
    assert_int_equal(spec_rows(INDEX_TOKEN_PROJECT), 0);
    struct aq_token token;
    assert_false(state_token(spec.txn, 5, &token, &spec.arena));
    assert_true(state_token(spec.txn, 6, &token, &spec.arena));
    GIVEN(project_created, .name = "web");
    as_user("ann", 0);
    WHEN(application_create, .label = "mac", .project = "web");
    assert_int_equal(spec.error.code, AQ_E_FORBIDDEN);
    spec.open = false;
}

static void a_role_that_members_have_stays(void **context)
{
    (void)context;
    given_projects();
    as_system();
    GIVEN(role_created, .name = "lead", .may = ITEMS(const char *, "application.*"));
    given_member(4, "db", "dora", "lead");
    WHEN(role_delete, .name = "lead");
    REFUSED(AQ_E_STATE, "user dora has the role lead in project db: give the members that have it another one first");
    DO(membership_delete, .id = 4);
    DO(role_delete, .name = "lead");
}

/* A role called member that users made in an earlier build stays as they made it. */
static void an_older_role_keeps_its_name(void **context)
{
    const struct aq_permission *create = aq_permission_of_command(&aq_command_label_create);
    (void)context;
    as_system();
    GIVEN(role_created, .name = AQ_ROLE_MEMBER, .may = ITEMS(const char *, "label.create"));
    GIVEN(user_created, .name = "ann", .role = AQ_ROLE_MEMBER, .hash = "a");
    as_user("ann", 0);
    assert_int_equal(aq_rights_scope(&spec.caller.rights, create), AQ_SCOPE_ALL);
    as_system();
    DO(role_update, .name = AQ_ROLE_MEMBER, .may = ITEMS(const char *, "label.*"));
    DO(user_delete, .name = "ann");
    DO(role_delete, .name = AQ_ROLE_MEMBER);
    GIVEN(user_created, .name = "ann", .role = AQ_ROLE_MEMBER, .hash = "a"); /* the built-in one is back */
    as_user("ann", 0);
    assert_int_equal(aq_rights_scope(&spec.caller.rights, create), AQ_SCOPE_NONE);
    assert_int_equal(aq_rights_scope(&spec.caller.rights, aq_permission_named("role.read")), AQ_SCOPE_ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(an_admin_gives_roles_in_projects),
        SPEC_TEST(what_a_membership_names_must_be_there),
        SPEC_TEST(a_role_about_other_things_gives_nothing),
        SPEC_TEST(who_leads_a_project_manages_its_members),
        SPEC_TEST(nobody_gives_more_than_they_have_in_the_project),
        SPEC_TEST(a_user_has_roles_in_so_many_projects),
        SPEC_TEST(a_member_creates_applications_in_its_project_only),
        SPEC_TEST(who_may_create_in_one_project_only_need_not_name_it),
        SPEC_TEST(a_viewer_of_one_project_and_user_of_another_is_told_which),
        SPEC_TEST(applications_of_others_are_ended_by_who_leads),
        SPEC_TEST(labels_are_used_in_their_project),
        SPEC_TEST(labels_are_made_for_the_project),
        SPEC_TEST(a_user_is_created_for_one_project),
        SPEC_TEST(a_token_acts_in_one_project),
        SPEC_TEST(a_token_is_made_for_a_project_that_is_seen),
        SPEC_TEST(what_roles_in_projects_give_counts_for_tokens),
        SPEC_TEST(a_deleted_user_takes_its_memberships_along),
        SPEC_TEST(a_deleted_project_takes_memberships_and_tokens_along),
        SPEC_TEST(a_role_that_members_have_stays),
        SPEC_TEST(an_older_role_keeps_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
