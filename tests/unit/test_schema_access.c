/* Who may do what: roles, and the owners of rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schema/model/access.h"
#include "schema/model/application.h"
#include "schema/model/label.h"

static void an_admin_may_what_a_user_may(void **state)
{
    (void)state;
    struct aq_error error = {0};
    assert_int_equal(aq_access_check_role(AQ_ROLE_USER, "look", "bob", AQ_ROLE_USER, &error), 0);
    assert_int_equal(aq_access_check_role(AQ_ROLE_USER, "look", "root", AQ_ROLE_ADMIN, &error), 0);
    assert_int_equal(aq_access_check_role(AQ_ROLE_ADMIN, "look", "root", AQ_ROLE_ADMIN, &error), 0);
    assert_int_equal(error.code, AQ_OK);
    assert_int_equal(aq_access_check_role(AQ_ROLE_ADMIN, "read events", "bob", AQ_ROLE_USER, &error), -1);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
    assert_string_equal(error.message, "only admins may read events; bob is a user");
}

static void a_name_without_a_user_is_refused(void **state)
{
    (void)state;
    struct aq_error error = {0};
    assert_int_equal(aq_access_refuse_unknown("eve", &error), -1);
    assert_int_equal(error.code, AQ_E_FORBIDDEN);
    assert_string_equal(error.message, "eve is not a user of this cluster");
}

static void a_row_is_for_its_owner_and_admins(void **state)
{
    (void)state;
    const struct aq_entity *applications = &aq_entity_application;
    const struct aq_application row = {.user = "bob"};
    assert_string_equal(aq_access_owner_field(applications)->name, "user");
    assert_true(aq_access_may_read(applications, &row, "bob", AQ_ROLE_USER));
    assert_false(aq_access_may_read(applications, &row, "ann", AQ_ROLE_USER));
    assert_false(aq_access_may_read(applications, &row, "bo", AQ_ROLE_USER));
    assert_true(aq_access_may_read(applications, &row, "ann", AQ_ROLE_ADMIN));
    assert_true(aq_access_is_allowed("bob", "bob", AQ_ROLE_USER));
    assert_false(aq_access_is_allowed("bob", "ann", AQ_ROLE_USER));
    assert_true(aq_access_is_allowed("bob", "ann", AQ_ROLE_ADMIN));
}

static void rows_without_an_owner_are_for_all(void **state)
{
    (void)state;
    const struct aq_label row = {.created_by = "root"};
    assert_null(aq_access_owner_field(&aq_entity_label));
    assert_true(aq_access_may_read(&aq_entity_label, &row, "bob", AQ_ROLE_USER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_admin_may_what_a_user_may),
        cmocka_unit_test(a_name_without_a_user_is_refused),
        cmocka_unit_test(a_row_is_for_its_owner_and_admins),
        cmocka_unit_test(rows_without_an_owner_are_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
