/* Applications: created, placed or waiting, deallocated, placed later; and the table of statuses. */
#include "schema/model/project.h"
#include "tests/lib/decide_case.h"

/* ---- create ------------------------------------------------------------------------------------------- */

static void an_application_is_placed_at_once(void **context)
{
    (void)context;
    given_cluster();
    WHEN(application_create, .label = "mac", .metadata = "{\"a\":1}");
    THEN(application_created, .id = 1, .label_id = 1, .metadata = "{\"a\":1}");
    THEN(application_elected, .id = 1, .resource = 1, .node = "node-1", .definition = 0,
         .groups = ITEMS(struct aq_ballot_group, {.answer = AQ_ANSWER_FITS, .nodes = "1"}));
    DONE();
    assert_string_equal(spec.decide.id, "1");
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 2, .label_id = 1);
    THEN_ELECTED(.id = 2, .resource = 2, .node = "node-1");
    DONE();
}

static void without_a_node_it_waits_and_says_why(void **context)
{
    (void)context;
    given_user("alice");
    given_label(1, "mac", 1);
    spec_as("alice", AQ_ROLE_USER);
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 1, .label_id = 1);
    THEN(application_waiting, .id = 1, .reason = "no node has joined yet");
    DONE();
    assert_int_equal(the_application(1).status, AQ_NEW);
}

static void with_every_node_full_it_waits_and_says_why(void **context)
{
    (void)context;
    given_cluster();
    for (int i = 0; i < 4; i++)
        DO(application_create, .label = "mac");
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 5, .label_id = 1);
    THEN(application_waiting, .id = 5, .reason = "no node can take it: not enough slots are free",
         .groups = ITEMS(struct aq_ballot_group, {.answer = AQ_ANSWER_SLOTS, .need = 1, .nodes = "1"}));
    DONE();
}

static void a_label_is_given_by_name_or_by_id(void **context)
{
    (void)context;
    given_cluster();
    WHEN(application_create, .metadata = "{}");
    REFUSED(AQ_E_INVALID, "label is missing: give label (and version), or label_id");
    WHEN(application_create, .label = "mac", .label_id = 1);
    REFUSED(AQ_E_INVALID, "label and label_id are both given: give one of them");
    WHEN(application_create, .label_id = 1, .version = 1);
    REFUSED(AQ_E_INVALID, "version can only be given with label: label_id names one version");
}

static void a_label_must_exist(void **context)
{
    (void)context;
    given_cluster();
    WHEN(application_create, .label = "linux");
    REFUSED(AQ_E_NOT_FOUND, "there is no label linux");
    WHEN(application_create, .label = "mac", .version = 2);
    REFUSED(AQ_E_NOT_FOUND, "there is no version 2 of label mac");
    WHEN(application_create, .label_id = 9);
    REFUSED(AQ_E_NOT_FOUND, "there is no label 9");
    WHEN(application_create, .label = "ma"); /* a prefix of a name is not a name */
    REFUSED(AQ_E_NOT_FOUND, "there is no label ma");
}

static void a_label_goes_by_what_people_call_it(void **context)
{
    (void)context;
    static const struct {
        const char *label;
        uint64_t version, id;
    } names[] = {{"mac:1", 0, 1}, {"mac:2", 0, 2}, {"mac", 0, 2}, {"mac:latest", 0, 2},
                 {"1", 0, 1},     {"2", 0, 2},     {"mac", 1, 1}, {"mac:1", 1, 1}};
    given_cluster();
    given_label(2, "mac", 2);
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        WHEN(application_create, .label = names[i].label, .version = names[i].version);
        THEN(application_created, .id = i + 1, .label_id = names[i].id);
        spec_happens();
    }
    WHEN(application_create, .label = "mac:3");
    REFUSED(AQ_E_NOT_FOUND, "there is no version 3 of label mac");
    WHEN(application_create, .label = "3");
    REFUSED(AQ_E_NOT_FOUND, "there is no label 3");
    WHEN(application_create, .label = "mac:1", .version = 2);
    REFUSED(AQ_E_INVALID, "label is \"mac:1\", but version is 2: leave one of them out");
    WHEN(application_create, .label = "mac:1", .label_id = 1);
    REFUSED(AQ_E_INVALID, "label and label_id are both given: give one of them");
}

/* Digits could be a label's name once. */
static void digits_never_mean_two_things(void **context)
{
    (void)context;
    given_cluster();
    given_label(2, "1", 1);
    given_label(3, "3", 1);
    given_label(4, "9", 1);
    WHEN(application_create, .label = "1");
    REFUSED(AQ_E_INVALID, "label 1 is the number of mac:1 and the name of 1:1: write one of these");
    WHEN(application_create, .label = "9");
    REFUSED(AQ_E_NOT_FOUND, "there is no label number 9; for the one with that name, write 9:1");
    WHEN(application_create, .label = "1:1");
    THEN(application_created, .id = 1, .label_id = 2);
    spec_happens();
    WHEN(application_create, .label = "1", .version = 1);
    THEN(application_created, .id = 2, .label_id = 2);
    spec_happens();
    WHEN(application_create, .label_id = 1);
    THEN(application_created, .id = 3, .label_id = 1);
    spec_happens();
    WHEN(application_create, .label = "3"); /* both are the same row */
    THEN(application_created, .id = 4, .label_id = 3);
    spec_happens();
}

static void a_label_locks_keys_of_its_metadata(void **context)
{
    (void)context;
    static const char *keys[] = {"build", "run_as", "path", "1a"}, *all[] = {"*"};
    given_user("admin");
    GIVEN(label_created, .id = 1, .name = "mac", .version = 1,
          .definitions = ITEMS(struct aq_definition, {"test", "{}"}), .metadata = "{\"build\":{\"id\":1}}",
          .locked = {keys, 4});
    GIVEN(label_created, .id = 2, .name = "fixed", .version = 1,
          .definitions = ITEMS(struct aq_definition, {"test", "{}"}), .metadata = "{}", .locked = {all, 1});
    static const char *const refused[] = {
        "{\"build\":2}",
        "{\"build\":{\"id\":2}}",
        "{\"build\":{}}",
        "{\"Build\":null}",
        "{\"BUILD_ID\":\"x\"}",
        "{\"a\":1,\"build-x\":\"\"}",
        "{\"build\":{\"a\":{\"b\":1}}}",
        "{\"AQ_META_BUILD\":2}", /* a key that begins with the variables' prefix does not get it twice */
        "{\"aq_meta_build\":{\"id\":2}}",
    };
    for (size_t i = 0; i < AQ_LENGTH(refused); i++) {
        WHEN(application_create, .label = "mac", .metadata = refused[i]);
        REFUSED(AQ_E_INVALID, "metadata: label mac locks build: leave it out");
    }
    WHEN(application_create, .label = "mac", .metadata = "{\"run\":{\"as\":\"root\"}}");
    REFUSED(AQ_E_INVALID, "metadata: label mac locks run_as: leave it out");
    /* Without a prefix, PATH becomes AQ_META_PATH, and 1A becomes _1A. */
    WHEN(application_create, .label = "mac", .metadata = "{\"aq\":{\"meta\":{\"path\":1}}}");
    REFUSED(AQ_E_INVALID, "metadata: label mac locks path: leave it out");
    WHEN(application_create, .label = "mac", .metadata = "{\"_1a\":1}");
    REFUSED(AQ_E_INVALID, "metadata: label mac locks 1a: leave it out");
    WHEN(application_create, .label = "fixed", .metadata = "{\"a\":1}");
    REFUSED(AQ_E_INVALID, "label fixed takes no metadata of applications: leave it out");
    DO(application_create, .label = "mac", .metadata = "{\"builder\":1,\"run\":{\"on\":1}}");
    DO(application_create, .label = "fixed", .metadata = "{}");
    DO(application_create, .label = "mac");
}

static void a_label_says_whether_it_takes_arguments(void **context)
{
    (void)context;
    static const char *words[] = {"make", "all tests", ""};
    given_cluster();
    GIVEN(label_created, .id = 2, .name = "ci", .version = 1,
          .definitions = ITEMS(struct aq_definition, {"test", "{}"}), .metadata = "{}", .arguments = true);
    WHEN(application_create, .label = "mac", .arguments = {words, 3});
    REFUSED(AQ_E_INVALID, "arguments: label mac, version 1, does not let applications say which command it runs: leave "
                          "them out, or use a label with arguments: true");
    DO(application_create, .label = "mac");
    WHEN(application_create, .label = "ci", .arguments = {words, 3});
    THEN(application_created, .id = 2, .label_id = 2, .arguments = {words, 3});
    spec_happens();
    DO(application_create, .label = "ci");
}

static void metadata_may_not_be_one_variable_twice(void **context)
{
    (void)context;
    given_cluster();
    GIVEN(label_created, .id = 2, .name = "old", .version = 1,
          .definitions = ITEMS(struct aq_definition, {"test", "{}"}), .metadata = "{\"a-b\":1,\"a_b\":1}");
    GIVEN(label_created, .id = 3, .name = "new", .version = 1,
          .definitions = ITEMS(struct aq_definition, {"test", "{}"}), .metadata = "{\"ssh\":{\"port\":22}}");
    WHEN(application_create, .label = "mac", .metadata = "{\"a-b\":1,\"a.b\":1}");
    REFUSED(AQ_E_INVALID, "metadata: \"a-b\" and \"a.b\" would both be the variable AQ_META_A_B");
    WHEN(application_create, .label = "new", .metadata = "{\"SSH_PORT\":1}");
    REFUSED(AQ_E_INVALID, "metadata: \"SSH_PORT\" and \"ssh.port\" would both be the variable AQ_META_SSH_PORT");
    WHEN(application_create, .label = "mac", .metadata = "{\"1a\":1,\"_1a\":2}"); /* with ?format=env */
    REFUSED(AQ_E_INVALID, "metadata: \"1a\" and \"_1a\" would both be the variable _1A");
    WHEN(application_create, .label = "mac", .metadata = "{\"path\":1,\"aq\":{\"meta\":{\"path\":2}}}");
    REFUSED(AQ_E_INVALID, "metadata: \"aq.meta.path\" and \"path\" would both be the variable AQ_META_PATH");
    DO(application_create, .label = "new", .metadata = "{\"ssh\":{\"port\":1}}"); /* overrides it */
    DO(application_create, .label = "old", .metadata = "{\"c\":1}");
}

static void the_latest_version_is_the_default(void **context)
{
    (void)context;
    given_cluster();
    given_label(2, "mac", 2);
    given_label(3, "macos", 7);
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 1, .label_id = 2);
    THEN_ELECTED(.id = 1, .resource = 1, .node = "node-1");
    DONE();
    WHEN(application_create, .label = "mac", .version = 1);
    THEN(application_created, .id = 2, .label_id = 1);
    THEN_ELECTED(.id = 2, .resource = 2, .node = "node-1");
    DONE();
    WHEN(application_create, .label_id = 1);
    THEN(application_created, .id = 3, .label_id = 1);
    THEN_ELECTED(.id = 3, .resource = 3, .node = "node-1");
    DONE();
    GIVEN(label_deleted, .id = 2); /* then it is an older one */
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 4, .label_id = 1);
    THEN_ELECTED(.id = 4, .resource = 4, .node = "node-1");
    DONE();
}

static void only_users_create_applications(void **context)
{
    (void)context;
    given_cluster();
    spec_as("ghost", AQ_ROLE_ADMIN);
    WHEN(application_create, .label = "mac");
    REFUSED(AQ_E_FORBIDDEN, "ghost is not a user of this cluster");
    spec_as("node:node-1", AQ_ROLE_ADMIN);
    WHEN(application_create, .label = "mac");
    REFUSED(AQ_E_FORBIDDEN, "node:node-1 is not a user of this cluster");
    spec_as("", AQ_ROLE_ADMIN);
    WHEN(application_create, .label = "mac");
    REFUSED(AQ_E_FORBIDDEN, " is not a user of this cluster");
}

static void a_user_has_a_limit(void **context)
{
    (void)context;
    given_cluster();
    GIVEN(user_updated, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 1);
    DO(application_create, .label = "mac");
    WHEN(application_create, .label = "mac");
    REFUSED(AQ_E_LIMIT, "user alice has 1 open application; the limit is 1");
    GIVEN(user_updated, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 2);
    DO(application_create, .label = "mac");
    WHEN(application_create, .label = "mac");
    REFUSED(AQ_E_LIMIT, "user alice has 2 open applications; the limit is 2");
    DO(application_deallocate, .id = 1); /* RECALLED: no longer open */
    DO(application_create, .label = "mac");
    GIVEN(user_updated, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 1);
    WHEN(application_create, .label = "mac");
    REFUSED(AQ_E_LIMIT, "user alice has 2 open applications; the limit is 1");
    GIVEN(user_updated, .name = "alice", .role = AQ_ROLE_USER, .max_applications = 0);
    DO(application_create, .label = "mac");
}

/* ---- several definitions ------------------------------------------------------------------------------ */

static void given_two_definitions(void)
{
    struct aq_definition both[] = {
        {.driver = "container", .options = "{}", .resources = {.cpu = 1000}},
        {.driver = "test", .resources = {.cpu = 3000}},
    };
    given_user("alice");
    GIVEN(label_created, .id = 1, .name = "mac", .version = 1, .definitions = {both, 2});
    spec_as("alice", AQ_ROLE_USER);
}

static void the_preferred_definition_wins_even_on_a_later_node(void **context)
{
    (void)context;
    given_two_definitions();
    given_node(1, "node-1", 8);
    GIVEN(node_joined, .name = "node-2", .number = 2, .drivers = ITEMS(const char *, "container"),
          .capacity = {.cpu = 1000});
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 1, .label_id = 1);
    THEN(application_elected, .id = 1, .resource = 1, .node = "node-2", .definition = 0,
         .groups = ITEMS(struct aq_ballot_group, {.answer = AQ_ANSWER_DRIVER, .nodes = "1"},
                         {.answer = AQ_ANSWER_FITS, .nodes = "2"}));
    DONE();
}

static void the_next_definition_is_chosen_when_the_first_does_not_fit(void **context)
{
    (void)context;
    given_two_definitions();
    given_node(1, "node-1", 8);
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 1, .label_id = 1);
    THEN(application_elected, .id = 1, .resource = 1, .node = "node-1", .definition = 1,
         .groups = ITEMS(struct aq_ballot_group, {.answer = AQ_ANSWER_DRIVER, .nodes = "1"},
                         {.definition = 1, .answer = AQ_ANSWER_FITS, .nodes = "1"}));
    DONE();
    assert_string_equal(the_resource(1).driver, "test");
    assert_int_equal(the_resource(1).amounts.cpu, 3000);
}

static void every_definitions_reason_is_named(void **context)
{
    (void)context;
    given_two_definitions();
    given_node(1, "node-1", 2);
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 1, .label_id = 1);
    THEN_WAITING(.id = 1,
                 .reason = "no node that has joined could ever take it: definition 0: no node has the driver "
                           "container; definition 1: it needs 3 cpu; the largest node, node-1, has 2",
                 .impossible = true);
    DONE();
    assert_true(the_application(1).impossible);
    assert_int_equal(the_application(1).status, AQ_NEW);
    given_node(2, "node-2", 3);
    DO(application_create, .label = "mac");
    WHEN(application_create, .label = "mac"); /* one of the definitions could be run by a node that is full now */
    THEN(application_created, .id = 3, .label_id = 1);
    THEN_WAITING(.id = 3, .reason = "no node can take it: it does not have the driver; not enough cpu is free");
    DONE();
    assert_false(the_application(3).impossible);
}

/* ---- deallocate --------------------------------------------------------------------------------------- */

static void a_waiting_application_is_recalled(void **context)
{
    (void)context;
    given_user("alice");
    given_label(1, "mac", 1);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac");
    WHEN(application_deallocate, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_RECALLED, .description = "deallocated by alice");
    DONE();
    assert_string_equal(spec.decide.id, "1");
}

static void an_application_being_started_is_recalled_and_its_resource_stopped(void **context)
{
    (void)context;
    given_cluster();
    DO(application_create, .label = "mac");
    WHEN(application_deallocate, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_RECALLED, .description = "deallocated by alice");
    THEN(resource_stopped, .id = 1, .reason = "deallocated by alice");
    DONE();
}

static void a_running_application_is_deallocated(void **context)
{
    (void)context;
    given_cluster();
    DO(application_create, .label = "mac");
    as_system();
    DO(resource_start, .id = 1, .node = "node-1");
    spec_as("admin", AQ_ROLE_ADMIN); /* an admin may do it too */
    WHEN(application_deallocate, .id = 1);
    THEN(application_moved, .id = 1, .status = AQ_DEALLOCATE, .description = "deallocated by admin");
    THEN(resource_stopped, .id = 1, .reason = "deallocated by admin");
    DONE();
}

/* So that a script may give back what it has, in whatever state that is. */
static void what_is_given_back_or_over_may_be_deallocated_again(void **context)
{
    (void)context;
    given_cluster();
    given_user("bob");
    for (int i = 0; i < 4; i++)
        DO(application_create, .label = "mac");
    as_system();
    for (uint64_t id = 1; id <= 3; id++)
        DO(resource_start, .id = id, .node = "node-1");
    DO(application_deallocate, .id = 1);
    DO(resource_end, .id = 2, .node = "node-1");
    DO(resource_end, .id = 3, .node = "node-1", .exit_status = 1, .reason = "exit status 1");
    DO(application_deallocate, .id = 4);
    static const enum aq_application_status statuses[] = {AQ_DEALLOCATE, AQ_DEALLOCATED, AQ_ERRORED, AQ_RECALLED};
    for (uint64_t id = 1; id <= 4; id++) {
        char number[8], refusal[64];
        snprintf(number, sizeof number, "%u", (unsigned)id);
        snprintf(refusal, sizeof refusal, "there is no application %u", (unsigned)id);
        spec_as("alice", AQ_ROLE_USER);
        assert_int_equal(the_application(id).status, statuses[id - 1]);
        WHEN(application_deallocate, .id = id);
        DONE();
        assert_string_equal(spec.decide.id, number);
        spec_as("bob", AQ_ROLE_USER); /* still only its owner */
        WHEN(application_deallocate, .id = id);
        REFUSED(AQ_E_NOT_FOUND, refusal);
    }
}

static void users_deallocate_only_their_own(void **context)
{
    (void)context;
    given_cluster();
    given_user("bob");
    DO(application_create, .label = "mac");
    spec_as("bob", AQ_ROLE_USER);
    WHEN(application_deallocate, .id = 1);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 1"); /* as if it read it */
    WHEN(application_deallocate, .id = 2);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 2");
}

/* ---- place -------------------------------------------------------------------------------------------- */

static void a_waiting_application_is_placed_later(void **context)
{
    (void)context;
    given_user("alice");
    given_label(1, "mac", 1);
    spec_as("alice", AQ_ROLE_USER);
    DO(application_create, .label = "mac");
    as_system();
    WHEN(application_place, .id = 1);
    DONE(); /* the same reason is not logged again */
    given_node(1, "node-1", 0);
    WHEN(application_place, .id = 1);
    THEN_WAITING(.id = 1,
                 .reason = "no node that has joined could ever take it: it needs 1 cpu; the largest node, node-1, has "
                           "0; it needs 1 slot; the largest node, node-1, has 0",
                 .impossible = true);
    DONE();
    assert_true(the_application(1).impossible);
    WHEN(application_place, .id = 1);
    DONE();
    given_node(2, "node-2", 1);
    WHEN(application_place, .id = 1);
    THEN(application_elected, .id = 1, .resource = 1, .node = "node-2",
         .groups = ITEMS(struct aq_ballot_group, {.answer = AQ_ANSWER_SLOTS, .need = 1, .nodes = "1"},
                         {.answer = AQ_ANSWER_FITS, .nodes = "2"}));
    DONE();
    assert_string_equal(spec.decide.id, "1");
    assert_false(the_application(1).impossible);
    WHEN(application_place, .id = 1);
    DONE(); /* it was placed meanwhile */
    WHEN(application_place, .id = 2);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 2");
}

/* ---- remove --------------------------------------------------------------------------------------------- */

/* The cluster has: 1 DEALLOCATED, 2 RECALLED, 3 RECALLED and still holding its resource, 4 ALLOCATED. */
static void given_finished(void)
{
    given_cluster();
    GIVEN(project_created, .name = "web");
    DO(application_create, .label = "mac", .project = "web");
    for (int i = 0; i < 3; i++)
        DO(application_create, .label = "mac");
    as_system();
    DO(resource_start, .id = 1, .node = "node-1");
    DO(resource_start, .id = 4, .node = "node-1");
    DO(resource_end, .id = 1, .node = "node-1", .reason = "exit status 0");
    spec_as("alice", AQ_ROLE_USER);
    DO(application_deallocate, .id = 2);
    DO(application_deallocate, .id = 3);
    as_system();
    DO(resource_end, .id = 2, .node = "node-1", .unknown = true);
}

static void finished_applications_are_removed(void **context)
{
    (void)context;
    struct aq_application application;
    given_finished();
    WHEN(application_remove, .id = 1, .applications = "1-4,9");
    THEN(application_removed, .applications = "1-2",
         .owners = ITEMS(struct aq_removed, {1, "web", "1"}, {1, "default", "2"}));
    DONE();
    assert_false(state_application(spec.txn, 1, &application, &spec.arena));
    assert_int_equal(the_application(3).resource, 3);
    assert_int_equal(the_application(4).status, AQ_ALLOCATED);
    WHEN(application_remove, .id = 1, .applications = "1-2"); /* again */
    DONE();
    spec_as("alice", AQ_ROLE_USER);
    WHEN(application_deallocate, .id = 1); /* over, which is all that its caller wants */
    DONE();
    WHEN(application_extend, .id = 1, .by = 60);
    REFUSED(AQ_E_NOT_FOUND, "application 1 has ended and left the tables; admins find its events with `aq log show "
                            "application 1`");
    WHEN(application_deallocate, .id = 5);
    REFUSED(AQ_E_NOT_FOUND, "there is no application 5");
    WHEN(application_create, .label = "mac");
    THEN(application_created, .id = 5, .label_id = 1); /* numbers are never used again */
    THEN_ELECTED(.id = 5, .resource = 5, .node = "node-1");
    DONE();
    spec_as("alice", AQ_ROLE_USER);
    WHEN(application_remove, .id = 3, .applications = "3");
    REFUSED(AQ_E_FORBIDDEN, "only agents and controllers may run remove on applications");
}

/* ---- statuses ----------------------------------------------------------------------------------------- */

static void the_table_of_moves_is_as_documented(void **context)
{
    (void)context;
    static const char *const allowed[] = {
        "NEW>ELECTED",     "NEW>RECALLED",           "NEW>ERROR",
        "ELECTED>NEW",     "ELECTED>ALLOCATED",      "ELECTED>RECALLED",
        "ELECTED>ERROR",   "ALLOCATED>DEALLOCATE",   "ALLOCATED>DEALLOCATED",
        "ALLOCATED>ERROR", "DEALLOCATE>DEALLOCATED", "ALLOCATED>NEW",
    };
    unsigned seen = 0;
    for (uint32_t from = 0; from < aq_application_status_count; from++) {
        bool over = true;
        for (uint32_t to = 0; to < aq_application_status_count; to++) {
            char move[40];
            bool listed = false;
            snprintf(move, sizeof move, "%s>%s", aq_application_status_words.words[from],
                     aq_application_status_words.words[to]);
            for (size_t i = 0; i < AQ_LENGTH(allowed); i++)
                listed |= strcmp(allowed[i], move) == 0;
            if (aq_application_may_move(from, to) != listed)
                fail_msg("%s is %s", move, listed ? "not allowed" : "allowed");
            seen += listed;
            over &= !listed;
        }
        assert_int_equal(aq_application_is_over(from), over);
    }
    assert_int_equal(seen, AQ_LENGTH(allowed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPEC_TEST(an_application_is_placed_at_once),
        SPEC_TEST(without_a_node_it_waits_and_says_why),
        SPEC_TEST(with_every_node_full_it_waits_and_says_why),
        SPEC_TEST(a_label_is_given_by_name_or_by_id),
        SPEC_TEST(a_label_must_exist),
        SPEC_TEST(a_label_goes_by_what_people_call_it),
        SPEC_TEST(digits_never_mean_two_things),
        SPEC_TEST(a_label_locks_keys_of_its_metadata),
        SPEC_TEST(a_label_says_whether_it_takes_arguments),
        SPEC_TEST(metadata_may_not_be_one_variable_twice),
        SPEC_TEST(the_latest_version_is_the_default),
        SPEC_TEST(only_users_create_applications),
        SPEC_TEST(a_user_has_a_limit),
        SPEC_TEST(the_preferred_definition_wins_even_on_a_later_node),
        SPEC_TEST(the_next_definition_is_chosen_when_the_first_does_not_fit),
        SPEC_TEST(every_definitions_reason_is_named),
        SPEC_TEST(a_waiting_application_is_recalled),
        SPEC_TEST(an_application_being_started_is_recalled_and_its_resource_stopped),
        SPEC_TEST(a_running_application_is_deallocated),
        SPEC_TEST(what_is_given_back_or_over_may_be_deallocated_again),
        SPEC_TEST(users_deallocate_only_their_own),
        SPEC_TEST(a_waiting_application_is_placed_later),
        SPEC_TEST(finished_applications_are_removed),
        SPEC_TEST(the_table_of_moves_is_as_documented),
    };
    return cmocka_run_group_tests_name("decide application", tests, NULL, NULL);
}
